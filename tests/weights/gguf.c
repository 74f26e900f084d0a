/* tests/weights/gguf.c - GGUF files are read in place, looked up by name, and written alike. */
#include "tests/support/test.h"

#include "base/alloc.h"
#include "base/fault.h"
#include "tests/support/support.h"
#include "weights/gguf.h"
#include "weights/gguf_write.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Written by gguf-py (tests/oracles/gguf_types.py). */
static const char all_types[] = "tests/fixtures/gguf/all_types.gguf";

static qn_gguf opened(const char *path)
{
    qn_gguf g;
    qn_error err = {0};
    if (qn_gguf_open(&g, path, &err) != QN_OK)
        fail_msg("%s", err.text);
    return g;
}

static void scalars_of_every_type_are_read(void **state)
{
    (void)state;
    qn_gguf g = opened(all_types);
    static const char *const unsigned_keys[] = {"a.u8", "a.u16", "a.u32", "a.u64"};
    static const char *const signed_keys[] = {"a.i8", "a.i16", "a.i32", "a.i64"};
    for (unsigned i = 0; i < 4; i++) {
        uint64_t u = 0;
        int64_t s = 0;
        assert_int_equal(qn_gguf_get_u64(&g, unsigned_keys[i], &u, NULL), QN_OK);
        assert_true(u == UINT64_MAX >> (64 - (8u << i)));
        assert_int_equal(qn_gguf_get_i64(&g, signed_keys[i], &s, NULL), QN_OK);
        assert_true(s == INT64_MIN >> (64 - (8u << i)));
    }
    double f = 0;
    bool t = false, u = true;
    qn_str text, empty = {.n_bytes = 1};
    assert_int_equal(qn_gguf_get_f64(&g, "a.f32", &f, NULL), QN_OK);
    assert_true(f == (double)0.1f);
    assert_int_equal(qn_gguf_get_f64(&g, "a.f64", &f, NULL), QN_OK);
    assert_true(f == 0.1);
    assert_int_equal(qn_gguf_get_bool(&g, "a.true", &t, NULL), QN_OK);
    assert_int_equal(qn_gguf_get_bool(&g, "a.false", &u, NULL), QN_OK);
    assert_true(t && !u);
    assert_int_equal(qn_gguf_get_string(&g, "a.string", &text, NULL), QN_OK);
    assert_true(qn_str_is(text, "gr\xC3\xBC\xC3\x9F"
                                "e \xF0\x9F\x98\x80\n"));
    assert_int_equal(qn_gguf_get_string(&g, "a.empty", &empty, NULL), QN_OK);
    assert_true(empty.n_bytes == 0 && g.version == 3 && g.alignment == 64);
    qn_gguf_release(&g);
}

static void arrays_of_every_type_are_read(void **state)
{
    (void)state;
    qn_gguf g = opened(all_types);
    static const struct {
        const char *key;
        size_t n;
        double last;
    } numbers[] = {{"array.u8", 2, 255},
                   {"array.i8", 2, 127},
                   {"array.u16", 2, 65535},
                   {"array.i16", 2, 5},
                   {"array.u32", 3, 9},
                   {"array.i32", 2, 2},
                   {"array.f32", 3, (double)3e38f},
                   {"array.bool", 3, 1},
                   {"array.u64", 1, 0x1p63},
                   {"array.i64", 2, 0x1p62},
                   {"array.f64", 1, 1e-300}};
    qn_gguf_array a = {0};
    for (size_t i = 0; i < QN_COUNT(numbers); i++) {
        assert_int_equal(qn_gguf_get_numbers(&g, numbers[i].key, &a, NULL), QN_OK);
        assert_int_equal(a.n, numbers[i].n);
        assert_true(qn_gguf_array_f64(&a, a.n - 1) == numbers[i].last);
    }
    assert_int_equal(qn_gguf_maybe_numbers(&g, "array.i64", &a, NULL), QN_OK);
    assert_true(qn_gguf_array_i64(&a, 0) == -5 && qn_gguf_array_i64(&a, 1) == INT64_C(1) << 62);
    assert_int_equal(qn_gguf_maybe_numbers(&g, "array.f64", &a, NULL), QN_OK);
    assert_int_equal(qn_gguf_array_i64(&a, 0), 0);
    assert_int_equal(qn_gguf_get_strings(&g, "array.string", &a, NULL), QN_OK);
    static const char *const strings[] = {"", "one", "\xC4\xA0two", "three"};
    assert_int_equal(a.n, 4);
    for (size_t i = 0; i < 4; i++)
        assert_true(qn_str_is(qn_gguf_array_string(&a, i), strings[i]));
    const qn_gguf_value *nested = qn_gguf_find(&g, "array.array");
    assert_true(nested && nested->array.type == QN_GGUF_ARRAY && nested->array.n == 2);
    qn_gguf_release(&g);
}

static void tensors_lie_in_place(void **state)
{
    (void)state;
    qn_gguf g = opened(all_types);
    const qn_tensor *t = qn_gguf_tensor(&g, "token_embd.weight");
    assert_true(t && t->encoding == QN_F32 && t->n_dims == 2 && t->dim[0] == 4 && t->dim[1] == 3 &&
                t->dim[2] == 1 && t->n_bytes == 48);
    for (size_t i = 0; i < 12; i++) {
        float v;
        memcpy(&v, t->bytes + 4 * i, 4);
        assert_true(v == (float)i);
    }
    t = qn_gguf_tensor(&g, "blk.0.attn_q.weight");
    assert_true(t && t->encoding == QN_Q8_0 && t->dim[0] == 64 && t->dim[1] == 2 &&
                t->n_bytes == 136);
    for (size_t i = 0; i < t->n_bytes; i++)
        assert_int_equal(t->bytes[i], qn_test_random(1, i) & 255);
    t = qn_gguf_tensor(&g, "blk.0.experts");
    assert_true(t && t->encoding == QN_Q4_0 && t->n_dims == 3 && t->dim[0] == 32 && t->dim[2] == 2);
    for (size_t i = 0; i < g.n_tensors; i++) {
        assert_ptr_equal(qn_gguf_tensor(&g, g.tensors[i].name.bytes), &g.tensors[i]);
        assert_int_equal((size_t)(g.tensors[i].bytes - g.map.bytes) % 64, 0);
    }
    assert_null(qn_gguf_tensor(&g, "blk.0.attn_k.weight"));
    qn_gguf_release(&g);
    assert_int_equal(qn_alloc_live(), 0);
}

static void a_getter_takes_any_type_that_fits_and_names_the_key_otherwise(void **state)
{
    (void)state;
    qn_gguf g = opened(all_types);
    qn_error err = {0};
    uint32_t u = 0;
    int64_t i = 0;
    double f = 0;
    bool b = false;
    qn_str s;
    qn_gguf_array a;
    assert_int_equal(qn_gguf_get_u32(&g, "a.u8", &u, NULL), QN_OK);
    assert_int_equal(u, 255);
    assert_int_equal(qn_gguf_get_f64(&g, "a.i16", &f, NULL), QN_OK);
    assert_true(f == -32768);
    assert_int_equal(qn_gguf_get_u32(&g, "a.i8", &u, &err), QN_EFORMAT);
    assert_string_equal(err.text,
                        "key a.i8: expected an integer of 32 bits, not negative, found i8 "
                        "of -128");
    assert_int_equal(qn_gguf_get_u32(&g, "a.u64", &u, &err), QN_EFORMAT);
    assert_int_equal(qn_gguf_get_i64(&g, "a.u64", &i, &err), QN_EFORMAT);
    assert_int_equal(qn_gguf_get_i64(&g, "a.f64", &i, &err), QN_EFORMAT);
    assert_string_equal(err.text, "key a.f64: expected an integer, found f64 of 0.1");
    assert_int_equal(qn_gguf_get_bool(&g, "a.u8", &b, &err), QN_EFORMAT);
    assert_int_equal(qn_gguf_get_string(&g, "a.u8", &s, &err), QN_EFORMAT);
    assert_int_equal(qn_gguf_get_f64(&g, "a.string", &f, &err), QN_EFORMAT);
    assert_string_equal(err.text, "key a.string: expected a number, found string");
    assert_int_equal(qn_gguf_get_strings(&g, "array.u8", &a, &err), QN_EFORMAT);
    assert_string_equal(err.text, "key array.u8: expected an array of strings, found array of u8");
    assert_int_equal(qn_gguf_get_numbers(&g, "array.string", &a, &err), QN_EFORMAT);
    assert_int_equal(qn_gguf_get_u64(&g, "a.nothing", &(uint64_t){0}, &err), QN_EFORMAT);
    assert_string_equal(err.text, "key a.nothing is missing");
    u = 17;
    assert_int_equal(qn_gguf_maybe_u32(&g, "a.nothing", &u, &err), QN_OK);
    assert_int_equal(qn_gguf_maybe_string(&g, "a.nothing", &s, &err), QN_OK);
    assert_int_equal(qn_gguf_maybe_strings(&g, "a.nothing", &a, &err), QN_OK);
    assert_int_equal(qn_gguf_maybe_bool(&g, "a.true", &b, &err), QN_OK);
    assert_int_equal(qn_gguf_maybe_u64(&g, "a.i8", &(uint64_t){0}, &err), QN_EFORMAT);
    assert_int_equal(qn_gguf_maybe_f64(&g, "a.f32", &f, &err), QN_OK);
    assert_true(u == 17 && b && f == (double)0.1f);
    qn_gguf_release(&g);
}

static void a_number_for_all_layers_or_one_for_each(void **state)
{
    (void)state;
    qn_gguf g = opened(all_types);
    qn_error err = {0};
    uint32_t u = 0;
    bool b = true;
    assert_int_equal(qn_gguf_maybe_layer_u32(&g, "a.u8", 99, &u, NULL), QN_OK);
    assert_int_equal(u, 255);
    assert_int_equal(qn_gguf_maybe_layer_u32(&g, "array.u32", 2, &u, NULL), QN_OK);
    assert_int_equal(u, 9);
    assert_int_equal(qn_gguf_maybe_layer_bool(&g, "array.bool", 1, &b, NULL), QN_OK);
    assert_false(b);
    assert_int_equal(qn_gguf_maybe_layer_u32(&g, "array.u32", 3, &u, &err), QN_EFORMAT);
    assert_string_equal(err.text, "key array.u32: array length is 3, layer 3 has no element");
    assert_int_equal(qn_gguf_maybe_layer_u32(&g, "array.i32", 0, &u, &err), QN_EFORMAT);
    assert_int_equal(qn_gguf_maybe_layer_u32(&g, "array.string", 0, &u, &err), QN_EFORMAT);
    assert_int_equal(qn_gguf_maybe_layer_u32(&g, "a.nothing", 0, &u, &err), QN_OK);
    qn_gguf_release(&g);
}

static void published_vocabularies_open(void **state)
{
    (void)state;
    const char *data = qn_test_data();
    char folder[4096], path[8192];
    unsigned n = 0;
    if (!data)
        QN_SKIP("no conformance data");
    snprintf(folder, sizeof folder, "%s/tokenizers/gguf", data);
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        qn_gguf_array tokens = {0}, types = {0};
        if (!strstr(e->d_name, ".gguf"))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        qn_gguf g = opened(path);
        assert_int_equal(qn_gguf_get_strings(&g, "tokenizer.ggml.tokens", &tokens, NULL), QN_OK);
        assert_int_equal(qn_gguf_get_numbers(&g, "tokenizer.ggml.token_type", &types, NULL), QN_OK);
        assert_true(tokens.n == types.n && tokens.n > 10000);
        size_t n_bytes = 0;
        for (size_t i = 0; i < tokens.n; i++) {
            n_bytes += qn_gguf_array_string(&tokens, i).n_bytes;
            assert_in_range(qn_gguf_array_i64(&types, i), 1, 6);
        }
        assert_true(n_bytes > tokens.n);
        qn_gguf_release(&g);
        n++;
    }
    if (d)
        closedir(d);
    print_message("# %u files\n", n);
    assert_int_equal(qn_alloc_live(), 0);
}

/* Writing. */

static void assert_same_file(const qn_buf *b, const char *path)
{
    qn_buf wanted = {0};
    assert_int_equal(qn_buf_read_file(&wanted, path, 1 << 20, NULL), QN_OK);
    assert_int_equal(b->n_bytes, wanted.n_bytes);
    assert_memory_equal(b->bytes, wanted.bytes, wanted.n_bytes);
    qn_buf_release(&wanted);
}

static void put_all_values(qn_gguf_writer *w)
{
    qn_gguf_put_string(w, "general.architecture", qn_str_of("test"));
    qn_gguf_put_int(w, "general.alignment", QN_GGUF_U32, 64);
    qn_gguf_put_int(w, "a.u8", QN_GGUF_U8, 255);
    qn_gguf_put_int(w, "a.i8", QN_GGUF_I8, -128);
    qn_gguf_put_int(w, "a.u16", QN_GGUF_U16, 65535);
    qn_gguf_put_int(w, "a.i16", QN_GGUF_I16, -32768);
    qn_gguf_put_int(w, "a.u32", QN_GGUF_U32, UINT32_MAX);
    qn_gguf_put_int(w, "a.i32", QN_GGUF_I32, INT32_MIN);
    qn_gguf_put_float(w, "a.f32", QN_GGUF_F32, 0.1);
    qn_gguf_put_int(w, "a.true", QN_GGUF_BOOL, true);
    qn_gguf_put_int(w, "a.false", QN_GGUF_BOOL, false);
    qn_gguf_put_string(w, "a.string",
                       qn_str_of("gr\xC3\xBC\xC3\x9F"
                                 "e \xF0\x9F\x98\x80\n"));
    qn_gguf_put_string(w, "a.empty", (qn_str){0});
    qn_gguf_put_int(w, "a.u64", QN_GGUF_U64, -1);
    qn_gguf_put_int(w, "a.i64", QN_GGUF_I64, INT64_MIN);
    qn_gguf_put_float(w, "a.f64", QN_GGUF_F64, 0.1);
}

#define PUT_ARRAY(w, key, type, ctype, ...)                                                        \
    qn_gguf_put_array((w), (key), (type), sizeof((ctype[]){__VA_ARGS__}) / sizeof(ctype),          \
                      (ctype[]){__VA_ARGS__})

static void put_all_arrays(qn_gguf_writer *w, const qn_gguf *from)
{
    PUT_ARRAY(w, "array.u8", QN_GGUF_U8, uint8_t, 0, 255);
    PUT_ARRAY(w, "array.i8", QN_GGUF_I8, int8_t, -128, 127);
    PUT_ARRAY(w, "array.u16", QN_GGUF_U16, uint16_t, 1, 65535);
    PUT_ARRAY(w, "array.i16", QN_GGUF_I16, int16_t, -32768, 5);
    PUT_ARRAY(w, "array.u32", QN_GGUF_U32, uint32_t, 7, 8, 9);
    PUT_ARRAY(w, "array.i32", QN_GGUF_I32, int32_t, -1, 2);
    PUT_ARRAY(w, "array.f32", QN_GGUF_F32, float, 0.5f, -1.25f, 3e38f);
    PUT_ARRAY(w, "array.bool", QN_GGUF_BOOL, uint8_t, 1, 0, 1);
    PUT_ARRAY(w, "array.u64", QN_GGUF_U64, uint64_t, UINT64_C(1) << 63);
    PUT_ARRAY(w, "array.i64", QN_GGUF_I64, int64_t, -5, INT64_C(1) << 62);
    PUT_ARRAY(w, "array.f64", QN_GGUF_F64, double, 1e-300);
    qn_str strings[] = {{"", 0}, qn_str_of("one"), qn_str_of("\xC4\xA0two"), qn_str_of("three")};
    qn_gguf_put_strings(w, "array.string", QN_COUNT(strings), strings);
    qn_gguf_put_value(w, qn_gguf_find(from, "array.array")); /* the writer makes none itself */
}

static void put_tensors(qn_gguf_writer *w, const qn_gguf *from)
{
    for (size_t i = 0; i < from->n_tensors; i++) {
        const qn_tensor *t = &from->tensors[i];
        qn_gguf_put_tensor(w, t->name.bytes, t->n_dims, t->dim, t->encoding);
    }
}

static qn_status write_tensors(qn_gguf_writer *w, const qn_gguf *from, size_t n_at_once,
                               qn_error *err)
{
    for (size_t i = 0; i < from->n_tensors; i++)
        for (size_t at = 0, n; at < from->tensors[i].n_bytes; at += n) {
            n = QN_MIN(n_at_once, (size_t)from->tensors[i].n_bytes - at);
            QN_TRY(qn_gguf_write(w, n, from->tensors[i].bytes + at, err));
        }
    return qn_gguf_end(w, err);
}

static void the_writer_writes_what_the_reference_writes(void **state)
{
    (void)state;
    qn_gguf g = opened(all_types);
    for (size_t n_at_once = 1; n_at_once < 200; n_at_once += 66) {
        qn_buf b = {0};
        qn_gguf_writer w = {0};
        put_all_values(&w);
        put_all_arrays(&w, &g);
        put_tensors(&w, &g);
        assert_int_equal(qn_gguf_begin_memory(&w, &b, NULL), QN_OK);
        assert_int_equal(write_tensors(&w, &g, n_at_once, NULL), QN_OK);
        assert_same_file(&b, all_types);
        qn_gguf_writer_release(&w);
        qn_buf_release(&b);
    }
    qn_gguf_release(&g);
    assert_int_equal(qn_alloc_live(), 0);
}

static void a_written_file_reads_back(void **state)
{
    (void)state;
    qn_gguf g = opened(all_types), back;
    const char *path = qn_test_file("written.gguf", 1, "x");
    qn_gguf_writer w = {0};
    for (size_t i = 0; i < g.n_values; i++)
        qn_gguf_put_value(&w, &g.values[i]);
    put_tensors(&w, &g);
    assert_int_equal(qn_gguf_begin(&w, path, NULL), QN_OK);
    assert_int_equal(write_tensors(&w, &g, 1000, NULL), QN_OK);
    qn_gguf_writer_release(&w);
    back = opened(path);
    assert_int_equal(back.map.n_bytes, g.map.n_bytes);
    assert_memory_equal(back.map.bytes, g.map.bytes, g.map.n_bytes);
    qn_gguf_release(&back);
    qn_gguf_release(&g);
}

static void a_file_that_is_not_whole_does_not_appear(void **state)
{
    (void)state;
    qn_gguf g = opened(all_types);
    qn_error err = {0};
    qn_gguf_writer w = {0};
    char path[300];
    struct stat st;
    snprintf(path, sizeof path, "%s.new", qn_test_file("base", 1, "x"));
    put_tensors(&w, &g);
    assert_int_equal(qn_gguf_begin(&w, path, &err), QN_OK);
    assert_int_equal(qn_gguf_write(&w, 48, g.map.bytes, &err), QN_OK);
    assert_int_equal(qn_gguf_end(&w, &err), QN_EARGUMENT);
    assert_non_null(strstr(err.text, "ends before tensor 2 of 4 is written"));
    assert_int_equal(qn_gguf_write(&w, 1000, g.map.bytes, &err), QN_EARGUMENT);
    assert_non_null(strstr(err.text, "bytes more than the tensors"));
    qn_gguf_writer_release(&w);
    assert_int_not_equal(stat(path, &st), 0);
    strcat(path, ".partial");
    assert_int_not_equal(stat(path, &st), 0);
    assert_int_equal(qn_gguf_begin(&w, "/nowhere/x.gguf", &err), QN_EIO);
    assert_non_null(strstr(err.text, "/nowhere/x.gguf: cannot be written"));
    qn_gguf_writer_release(&w);
    qn_gguf_release(&g);
}

static qn_status write_copy(const qn_gguf *g, const char *path, qn_buf *memory, qn_error *err)
{
    qn_gguf_writer w = {0};
    for (size_t i = 0; i < g->n_values; i++)
        qn_gguf_put_value(&w, &g->values[i]);
    put_tensors(&w, g);
    qn_status status = path ? qn_gguf_begin(&w, path, err) : qn_gguf_begin_memory(&w, memory, err);
    if (status == QN_OK)
        status = write_tensors(&w, g, 100, err);
    qn_gguf_writer_release(&w);
    return status;
}

static void writing_fails_cleanly_at_every_call(void **state)
{
    (void)state;
    qn_gguf g = opened(all_types);
    const char *path = qn_test_file("faulty.gguf", 1, "x");
    size_t live = qn_alloc_live();
    for (int to_file = 0; to_file < 2; to_file++) {
        bool fired = true;
        for (unsigned n = 1; fired; n++) {
            qn_buf b = {0};
            qn_error err = {0};
            qn_fault_arm(n);
            qn_status status = write_copy(&g, to_file ? path : NULL, &b, &err);
            fired = qn_fault_disarm();
            assert_int_equal(status != QN_OK, fired);
            assert_true(!fired || strstr(err.text, to_file ? "faulty.gguf" : "memory"));
            qn_buf_release(&b);
            assert_int_equal(qn_alloc_live(), live);
        }
    }
    qn_gguf back = opened(path); /* the last attempt was whole */
    qn_gguf_release(&back);
    qn_gguf_release(&g);
}

/* Split models. */

static void copy_part(const char *from, const char *as)
{
    qn_buf b = {0};
    assert_int_equal(qn_buf_read_file(&b, from, 1 << 20, NULL), QN_OK);
    qn_test_file(as, b.n_bytes, b.bytes);
    qn_buf_release(&b);
}

static void any_part_opens_the_whole_model(void **state)
{
    (void)state;
    static const char *const parts[] = {"tests/fixtures/gguf/split-00001-of-00003.gguf",
                                        "tests/fixtures/gguf/split-00003-of-00003.gguf"};
    for (size_t i = 0; i < 2; i++) {
        qn_gguf g = opened(parts[i]);
        qn_str name;
        assert_true(g.n_tensors == 5 && g.n_more == 2);
        assert_int_equal(qn_gguf_get_string(&g, "general.name", &name, NULL), QN_OK);
        assert_true(qn_str_is(name, "split in three"));
        for (unsigned k = 0; k < 5; k++) {
            char tensor[] = {'t', (char)('0' + k), 0};
            const qn_tensor *t = qn_gguf_tensor(&g, tensor);
            float last;
            assert_true(t && t->dim[0] == 4 + k);
            memcpy(&last, t->bytes + t->n_bytes - 4, 4);
            assert_true(last == (float)k);
        }
        assert_false(qn_gguf_torn(&g));
        qn_gguf_release(&g);
        assert_int_equal(qn_alloc_live(), 0);
    }
}

static void a_part_that_is_missing_or_misnamed_is_named(void **state)
{
    (void)state;
    qn_gguf g;
    qn_error err = {0};
    copy_part("tests/fixtures/gguf/split-00001-of-00003.gguf", "m-00001-of-00003.gguf");
    copy_part("tests/fixtures/gguf/split-00003-of-00003.gguf", "m-00003-of-00003.gguf");
    char path[300];
    snprintf(path, sizeof path, "%s", qn_test_file("x", 1, "x"));
    char *slash = strrchr(path, '/') + 1;
    strcpy(slash, "m-00001-of-00003.gguf");
    assert_int_equal(qn_gguf_open(&g, path, &err), QN_ENOTFOUND);
    assert_non_null(strstr(err.text, "m-00002-of-00003.gguf: part 2 of 3 is missing"));
    copy_part("tests/fixtures/gguf/split-00001-of-00003.gguf", "m-00002-of-00003.gguf");
    assert_int_equal(qn_gguf_open(&g, path, &err), QN_EFORMAT);
    assert_non_null(strstr(err.text, "say part 1 of 3, not 2 of 3"));
    copy_part("tests/fixtures/gguf/split-00001-of-00003.gguf", "alone.gguf");
    strcpy(slash, "alone.gguf");
    assert_int_equal(qn_gguf_open(&g, path, &err), QN_EFORMAT);
    assert_non_null(strstr(err.text, "its name must end in -00001-of-00003.gguf"));
    assert_int_equal(qn_alloc_live(), 0);
}

/* A part of two with one tensor and the split keys given. */
static void write_part(const char *name, int64_t no, int64_t count, int64_t total,
                       const char *tensor)
{
    qn_buf b = {0};
    qn_gguf_writer w = {0};
    float zero = 0;
    qn_gguf_put_int(&w, "split.no", QN_GGUF_U16, no);
    qn_gguf_put_int(&w, "split.count", QN_GGUF_U16, count);
    qn_gguf_put_int(&w, "split.tensors.count", QN_GGUF_I32, total);
    qn_gguf_put_tensor(&w, tensor, 1, (uint64_t[]){1}, QN_F32);
    assert_int_equal(qn_gguf_begin_memory(&w, &b, NULL), QN_OK);
    assert_int_equal(qn_gguf_write(&w, 4, &zero, NULL), QN_OK);
    assert_int_equal(qn_gguf_end(&w, NULL), QN_OK);
    qn_test_file(name, b.n_bytes, b.bytes);
    qn_gguf_writer_release(&w);
    qn_buf_release(&b);
}

static void split_keys_that_contradict_are_named(void **state)
{
    (void)state;
    static const struct {
        int64_t no, count, total;
        const char *tensor, *wanted;
    } cases[] = {
        {1, 2, 2, "b", NULL},
        {1, 2, 3, "b", NULL}, /* the first part's total counts */
        {1, 2, 2, "a", "tensor a: this name stands in two parts"},
        {2, 2, 2, "b", "key split.no: value is 2, of only 2 parts"},
        {1, 3, 2, "b", "keys split.no and split.count say part 2 of 3, not 2 of 2"},
        {1, 65535, 2, "b", "key split.count: value is 65535, the limit is 500"},
        {-1, 2, 2, "b", "key split.no: value is 65535, of only 2 parts"},
    };
    char path[300];
    snprintf(path, sizeof path, "%s", qn_test_file("s-00001-of-00002.gguf", 1, "x"));
    write_part("s-00001-of-00002.gguf", 0, 2, 2, "a");
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        qn_gguf g;
        qn_error err = {0};
        write_part("s-00002-of-00002.gguf", cases[i].no, cases[i].count, cases[i].total,
                   cases[i].tensor);
        qn_status status = qn_gguf_open(&g, path, &err);
        assert_int_equal(status != QN_OK, cases[i].wanted != NULL);
        if (cases[i].wanted && !strstr(err.text, cases[i].wanted))
            fail_msg("%s", err.text);
        qn_gguf_release(&g);
    }
    write_part("s-00001-of-00002.gguf", 0, 2, 7, "a");
    write_part("s-00002-of-00002.gguf", 1, 2, 7, "b");
    qn_gguf g;
    qn_error err = {0};
    assert_int_equal(qn_gguf_open(&g, path, &err), QN_EFORMAT);
    assert_non_null(strstr(err.text, "key split.tensors.count: value is 7, the parts hold 2"));
    assert_int_equal(qn_alloc_live(), 0);
}

static void opening_fails_cleanly_at_every_call(void **state)
{
    (void)state;
    static const char *const paths[] = {"tests/fixtures/gguf/all_types.gguf",
                                        "tests/fixtures/gguf/split-00002-of-00003.gguf"};
    for (size_t i = 0; i < 2; i++) {
        bool fired = true;
        for (unsigned n = 1; fired; n++) {
            qn_gguf g;
            qn_error err = {0};
            qn_fault_arm(n);
            qn_status status = qn_gguf_open(&g, paths[i], &err);
            fired = qn_fault_disarm();
            assert_int_equal(status != QN_OK, fired);
            assert_true(!fired || strstr(err.text, i ? "split-0000" : "all_types.gguf"));
            qn_gguf_release(&g); /* allowed after either outcome */
            assert_int_equal(qn_alloc_live(), 0);
        }
    }
}

static void a_model_that_shrinks_while_it_is_open_is_torn(void **state)
{
    (void)state;
    qn_buf b = {0};
    qn_gguf g;
    static const uint8_t zeros[1 << 16];
    qn_gguf_writer w = {0};
    assert_int_equal(qn_map_guard_install(NULL), QN_OK);
    qn_gguf_put_tensor(&w, "t", 1, (uint64_t[]){sizeof zeros / 4}, QN_F32);
    assert_int_equal(qn_gguf_begin_memory(&w, &b, NULL), QN_OK);
    assert_int_equal(qn_gguf_write(&w, sizeof zeros, zeros, NULL), QN_OK);
    assert_int_equal(b.n_bytes,
                     64 + sizeof zeros); /* 57 of header, and no padding behind whole units */
    const char *path = qn_test_file("shrinks.gguf", b.n_bytes, b.bytes);
    g = opened(path);
    const volatile uint8_t *last = g.tensors[0].bytes + g.tensors[0].n_bytes - 1;
    assert_false(qn_gguf_torn(&g));
    assert_int_equal(truncate(path, 4096), 0);
    assert_int_equal(*last, 0);
    assert_true(qn_gguf_torn(&g));
    qn_gguf_release(&g);
    qn_gguf_writer_release(&w);
    qn_buf_release(&b);
}

QN_TEST_MAIN(cmocka_unit_test(scalars_of_every_type_are_read),
             cmocka_unit_test(arrays_of_every_type_are_read),
             cmocka_unit_test(tensors_lie_in_place),
             cmocka_unit_test(a_getter_takes_any_type_that_fits_and_names_the_key_otherwise),
             cmocka_unit_test(a_number_for_all_layers_or_one_for_each),
             cmocka_unit_test(published_vocabularies_open),
             cmocka_unit_test(the_writer_writes_what_the_reference_writes),
             cmocka_unit_test(a_written_file_reads_back),
             cmocka_unit_test(a_file_that_is_not_whole_does_not_appear),
             cmocka_unit_test(writing_fails_cleanly_at_every_call),
             cmocka_unit_test(any_part_opens_the_whole_model),
             cmocka_unit_test(a_part_that_is_missing_or_misnamed_is_named),
             cmocka_unit_test(split_keys_that_contradict_are_named),
             cmocka_unit_test(opening_fails_cleanly_at_every_call),
             cmocka_unit_test(a_model_that_shrinks_while_it_is_open_is_torn))
