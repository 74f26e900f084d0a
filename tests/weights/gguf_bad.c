/* tests/weights/gguf_bad.c - a GGUF file that is wrong in any field is refused in one sentence that
 * names the field and the file; cut or damaged anywhere it is refused or read in full, never worse.
 */
#include "tests/support/test.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "tests/support/support.h"
#include "weights/gguf.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* A file built by hand, which knows where its fields are. */
typedef enum field {
    MAGIC,
    VERSION,
    TENSOR_COUNT,
    KV_COUNT,
    KEY_LENGTH,
    KEY,
    VALUE_TYPE,
    STRING_LENGTH,
    ALIGN_KEY,
    ALIGN_TYPE,
    ALIGNMENT,
    BOOL,
    ARRAY_TYPE,
    ARRAY_LENGTH,
    BOOLS,
    STRINGS_TYPE,
    STRINGS_LENGTH,
    ELEMENT_LENGTH,
    NEST_TYPE,
    NEST_LENGTH,
    NAME_LENGTH,
    NAME,
    N_DIMS,
    DIM0,
    DIM1,
    TYPE,
    OFFSET,
    NAME2,
    DIM0_2,
    TYPE_2,
    OFFSET_2,
    N_FIELDS
} field;

typedef struct image {
    qn_buf b;
    size_t at[N_FIELDS];
} image;

static void put(qn_buf *b, size_t n_bytes, uint64_t value)
{
    for (size_t i = 0; i < n_bytes; i++)
        qn_buf_byte(b, (char)(i < 8 ? value >> (8 * i) : 0));
}

static void put_at(image *m, field f, size_t n_bytes, uint64_t value)
{
    m->at[f] = m->b.n_bytes;
    put(&m->b, n_bytes, value);
}

static void put_text(image *m, field length, field text, const char *s)
{
    put_at(m, length, 8, strlen(s));
    m->at[text] = m->b.n_bytes;
    qn_buf_text(&m->b, s);
}

static void put_key(image *m, const char *key, uint32_t type)
{
    put(&m->b, 8, strlen(key));
    qn_buf_text(&m->b, key);
    put(&m->b, 4, type);
}

static void put_values(image *m)
{
    put_text(m, KEY_LENGTH, KEY, "general.architecture");
    put_at(m, VALUE_TYPE, 4, QN_GGUF_STRING);
    put_at(m, STRING_LENGTH, 8, 5);
    qn_buf_text(&m->b, "llama");
    m->at[ALIGN_KEY] = m->b.n_bytes + 8;
    put_key(m, "general.alignment", QN_GGUF_U32);
    m->at[ALIGN_TYPE] = m->b.n_bytes - 4;
    put_at(m, ALIGNMENT, 4, 32);
    put_key(m, "a.bool", QN_GGUF_BOOL);
    put_at(m, BOOL, 1, 1);
    put_key(m, "a.bools", QN_GGUF_ARRAY);
    put_at(m, ARRAY_TYPE, 4, QN_GGUF_BOOL);
    put_at(m, ARRAY_LENGTH, 8, 3);
    put_at(m, BOOLS, 3, 0x010001);
    put_key(m, "a.strings", QN_GGUF_ARRAY);
    put_at(m, STRINGS_TYPE, 4, QN_GGUF_STRING);
    put_at(m, STRINGS_LENGTH, 8, 1);
    put_at(m, ELEMENT_LENGTH, 8, 3);
    qn_buf_text(&m->b, "one");
    put_key(m, "a.nest", QN_GGUF_ARRAY);
    put_at(m, NEST_TYPE, 4, QN_GGUF_ARRAY);
    put(&m->b, 8, 1);
    put(&m->b, 4, QN_GGUF_U8);
    put_at(m, NEST_LENGTH, 8, 2);
    put(&m->b, 2, 0);
}

static void put_tensors(image *m)
{
    put_text(m, NAME_LENGTH, NAME, "blk.0.attn_q.weight");
    put_at(m, N_DIMS, 4, 2);
    put_at(m, DIM0, 8, 4);
    put_at(m, DIM1, 8, 3);
    put_at(m, TYPE, 4, 0);
    put_at(m, OFFSET, 8, 0);
    m->at[NAME2] = m->b.n_bytes + 8;
    put(&m->b, 8, 19);
    qn_buf_text(&m->b, "blk.0.attn_k.weight");
    put(&m->b, 4, 1);
    put_at(m, DIM0_2, 8, 64);
    put_at(m, TYPE_2, 4, 8);
    put_at(m, OFFSET_2, 8, 64);
}

static void build(image *m)
{
    *m = (image){0};
    m->at[MAGIC] = 0;
    qn_buf_text(&m->b, "GGUF");
    put_at(m, VERSION, 4, 3);
    put_at(m, TENSOR_COUNT, 8, 2);
    put_at(m, KV_COUNT, 8, 6);
    put_values(m);
    put_tensors(m);
    put(&m->b, (32 - m->b.n_bytes % 32) % 32, 0);
    for (size_t i = 0; i < 64 + 2 * 34; i++)
        put(&m->b, 1, i);
}

static volatile unsigned sink; /* what is read must not be optimised away */

/* Parses a copy that ends at an unmapped page; on success everything is read. */
static qn_status parse(size_t n_bytes, const void *bytes, qn_error *err)
{
    uint8_t *p = qn_test_guarded(n_bytes);
    qn_gguf g;
    memcpy(p, bytes, n_bytes);
    qn_status status = qn_gguf_parse_bytes(&g, n_bytes, p, err);
    for (size_t i = 0; i < g.n_tensors; i++)
        for (size_t k = 0; k < g.tensors[i].n_bytes; k++)
            sink = g.tensors[i].bytes[k];
    for (size_t i = 0; i < g.n_values; i++)
        for (size_t k = 0; k < g.values[i].raw.n_bytes; k++)
            sink = (unsigned char)g.values[i].raw.bytes[k];
    qn_gguf_release(&g);
    qn_test_guarded_free(p, n_bytes);
    assert_true(status == QN_OK || (err->status == status && err->text[0]));
    return status;
}

static bool exits_with_6(qn_status status)
{
    return status == QN_EFORMAT || status == QN_ELIMIT || status == QN_EUNSUPPORTED;
}

static void poke(image *m, field f, size_t n_bytes, uint64_t value)
{
    for (size_t i = 0; i < n_bytes; i++)
        m->b.bytes[m->at[f] + i] = (char)(value >> (8 * i));
}

/* A field, what is put there, and the words that the sentence must have. */
typedef struct bad {
    field f;
    uint8_t n_bytes;
    uint64_t value;
    const char *wanted;
} bad;

#define MAX64 UINT64_MAX
#define HUGE63 (UINT64_C(1) << 63)

// clang-format off
static const bad cases[] = {
    {MAGIC, 4, 0, "magic is \"\\x00\\x00\\x00\\x00\""},
    {MAGIC, 4, 1, "magic is"},
    {MAGIC, 4, 0x46554748, "magic is \"HGUF\" instead of \"GGUF\""},
    {MAGIC, 4, 0x47475546, "magic is \"FUGG\""},
    {MAGIC, 4, UINT32_MAX, "magic is"},
    {VERSION, 4, 0, "version is 0"},
    {VERSION, 4, 1, "version is 1, which is obsolete"},
    {VERSION, 4, 4, "version is 4; versions 2 and 3"},
    {VERSION, 4, UINT32_MAX, "version is 4294967295"},
    {VERSION, 4, 0x03000000, "version is 50331648, a big-endian file"},
    {VERSION, 4, 0x02000000, "a big-endian file"},
    {TENSOR_COUNT, 8, 1000, "tensor_count is 1000, more than the"},
    {TENSOR_COUNT, 8, (1 << 17) + 1, "tensor_count is 131073"},
    {TENSOR_COUNT, 8, HUGE63, "tensor_count is 9223372036854775808"},
    {TENSOR_COUNT, 8, MAX64, "tensor_count is 18446744073709551615"},
    {KV_COUNT, 8, 1000, "metadata_kv_count is 1000, more than the"},
    {KV_COUNT, 8, (1 << 16) + 1, "metadata_kv_count is 65537"},
    {KV_COUNT, 8, HUGE63, "metadata_kv_count is 9223372036854775808"},
    {KV_COUNT, 8, MAX64, "metadata_kv_count is 18446744073709551615"},
    {KEY_LENGTH, 8, 0, "metadata key 1: length is 0"},
    {KEY_LENGTH, 8, 65536, "metadata key 1: length is 65536"},
    {KEY_LENGTH, 8, HUGE63, "metadata key 1: length is 9223372036854775808, beyond the"},
    {KEY_LENGTH, 8, MAX64, "metadata key 1: length is 18446744073709551615, beyond the"},
    {KEY, 1, 0, "metadata key 1: the name \"\\x00eneral.architecture\" is not printable"},
    {KEY, 1, 0x0A, "metadata key 1: the name"},
    {KEY, 1, 0xFF, "metadata key 1: the name"},
    {VALUE_TYPE, 4, 13, "key general.architecture: value_type is 13, which is no type"},
    {VALUE_TYPE, 4, UINT32_MAX, "key general.architecture: value_type is 4294967295"},
    {STRING_LENGTH, 8, 5000, "value of key general.architecture: length is 5000, beyond the"},
    {STRING_LENGTH, 8, HUGE63, "value of key general.architecture: length is 9223372036854775808"},
    {STRING_LENGTH, 8, MAX64, "value of key general.architecture: length is"},
    {ALIGN_TYPE, 4, QN_GGUF_I32, "key general.alignment: value_type is i32, it must be u32"},
    {ALIGN_TYPE, 4, QN_GGUF_F32, "key general.alignment: value_type is f32, it must be u32"},
    {ALIGN_TYPE, 4, 99, "key general.alignment: value_type is 99"},
    {ALIGNMENT, 4, 0, "key general.alignment: value is 0, it must be a multiple of 8"},
    {ALIGNMENT, 4, 1, "key general.alignment: value is 1"},
    {ALIGNMENT, 4, 31, "key general.alignment: value is 31"},
    {ALIGNMENT, 4, (1 << 20) + 8, "key general.alignment: value is 1048584, the limit is 1048576"},
    {ALIGNMENT, 4, 0xFFFFFFF8, "key general.alignment: value is 4294967288"},
    {ALIGNMENT, 4, UINT32_MAX, "key general.alignment: value is 4294967295"},
    {BOOL, 1, 2, "key a.bool: value is a bool of 2"},
    {BOOL, 1, 255, "key a.bool: value is a bool of 255"},
    {BOOLS, 1, 2, "key a.bools: value is a bool of 2"},
    {BOOLS, 1, 255, "key a.bools: value is a bool of 255"},
    {ARRAY_TYPE, 4, 13, "key a.bools: array type is 13, which is no type"},
    {ARRAY_TYPE, 4, UINT32_MAX, "key a.bools: array type is 4294967295"},
    {ARRAY_LENGTH, 8, 10000, "key a.bools: array length is 10000, more than the"},
    {ARRAY_LENGTH, 8, HUGE63, "key a.bools: array length is 9223372036854775808"},
    {ARRAY_LENGTH, 8, MAX64, "key a.bools: array length is 18446744073709551615"},
    {STRINGS_TYPE, 4, 13, "key a.strings: array type is 13"},
    {STRINGS_LENGTH, 8, 500, "key a.strings: array length is 500, more than the"},
    {STRINGS_LENGTH, 8, HUGE63, "key a.strings: array length is 9223372036854775808"},
    {STRINGS_LENGTH, 8, MAX64, "key a.strings: array length is 18446744073709551615"},
    {ELEMENT_LENGTH, 8, 5000, "a string of key a.strings: length is 5000, beyond the"},
    {ELEMENT_LENGTH, 8, MAX64, "a string of key a.strings: length is 18446744073709551615"},
    {NEST_TYPE, 4, 13, "key a.nest: array type is 13"},
    {NEST_LENGTH, 8, 5000, "key a.nest: array length is 5000, more than the"},
    {NEST_LENGTH, 8, MAX64, "key a.nest: array length is 18446744073709551615"},
    {NAME_LENGTH, 8, 0, "tensor 1: length is 0"},
    {NAME_LENGTH, 8, 65, "tensor 1: length is 65, the limit is 64"},
    {NAME_LENGTH, 8, 5000, "tensor 1: length is 5000, beyond the"},
    {NAME_LENGTH, 8, HUGE63, "tensor 1: length is 9223372036854775808"},
    {NAME_LENGTH, 8, MAX64, "tensor 1: length is 18446744073709551615"},
    {NAME, 1, 0, "tensor 1: the name \"\\x00lk.0.attn_q.weight\" is not printable UTF-8"},
    {NAME, 1, 0xC0, "tensor 1: the name"},
    {N_DIMS, 4, 0, "tensor blk.0.attn_q.weight: n_dims is 0"},
    {N_DIMS, 4, 5, "tensor blk.0.attn_q.weight: n_dims is 5, the limit is 4"},
    {N_DIMS, 4, UINT32_MAX, "tensor blk.0.attn_q.weight: n_dims is 4294967295"},
    {DIM0, 8, 0, "tensor blk.0.attn_q.weight: dims[0] is 0"},
    {DIM1, 8, 0, "tensor blk.0.attn_q.weight: dims[1] is 0"},
    {DIM0, 8, MAX64, "tensor blk.0.attn_q.weight: dims multiply to more than 64 bits"},
    {DIM1, 8, HUGE63, "tensor blk.0.attn_q.weight: dims multiply to more than 64 bits at dims[1]"},
    {DIM1, 8, UINT64_C(1) << 61, "tensor blk.0.attn_q.weight: dims multiply to more than 64 bits"},
    {DIM0, 8, UINT64_C(1) << 61, "attn_q.weight: dims multiply to more than 64 bits of bytes"},
    {DIM1, 8, 4000, "tensor blk.0.attn_q.weight: offset 0 and size 64000 end beyond the file"},
    {DIM1, 8, 5, "tensor blk.0.attn_k.weight: offset 64 overlaps tensor blk.0.attn_q.weight"},
    {DIM0_2, 8, 1, "tensor blk.0.attn_k.weight: dims[0] is 1, not a multiple of the 32 values"},
    {DIM0_2, 8, 65, "tensor blk.0.attn_k.weight: dims[0] is 65, not a multiple"},
    {DIM0_2, 8, 0, "tensor blk.0.attn_k.weight: dims[0] is 0"},
    {DIM0_2, 8, 96, "tensor blk.0.attn_k.weight: offset 64 and size 102 end beyond the file"},
    {TYPE, 4, 4, "tensor blk.0.attn_q.weight: type is 4 (Q4_2), which is retired"},
    {TYPE, 4, 5, "(Q4_3), which is retired"},
    {TYPE, 4, 31, "(Q4_0_4_4), which is retired"},
    {TYPE, 4, 33, "(Q4_0_8_8), which is retired"},
    {TYPE, 4, 38, "(IQ4_NL_8_8), which is retired"},
    {TYPE, 4, 9, "tensor blk.0.attn_q.weight: type is 9 (Q8_1), which is not supported"},
    {TYPE, 4, 43, "tensor blk.0.attn_q.weight: type is 43, which is unknown"},
    {TYPE, 4, 137, "tensor blk.0.attn_q.weight: type is 137, which is unknown"},
    {TYPE, 4, UINT32_MAX, "tensor blk.0.attn_q.weight: type is 4294967295, which is unknown"},
    {TYPE, 4, 8, "attn_q.weight: dims[0] is 4, not a multiple of the 32 values of a"},
    {TYPE_2, 4, 0, "tensor blk.0.attn_k.weight: offset 64 and size 256 end beyond the file"},
    {OFFSET, 8, 1, "tensor blk.0.attn_q.weight: offset is 1, not a multiple of the alignment 32"},
    {OFFSET, 8, 64, "overlaps tensor blk.0.attn_"},
    {OFFSET, 8, 4096, "tensor blk.0.attn_q.weight: offset 4096 and size 48 end beyond the file"},
    {OFFSET, 8, MAX64, "attn_q.weight: offset is 18446744073709551615, not a multiple"},
    {OFFSET, 8, MAX64 - 31, "attn_q.weight: offset 18446744073709551584 and size 48 end"},
    {OFFSET, 8, HUGE63, "tensor blk.0.attn_q.weight: offset 9223372036854775808"},
    {OFFSET_2, 8, 0, "offset 0 overlaps tensor blk.0.attn_"},
    {OFFSET_2, 8, 32, "tensor blk.0.attn_k.weight: offset 32 overlaps tensor blk.0.attn_q.weight"},
    {OFFSET_2, 8, 96, "tensor blk.0.attn_k.weight: offset 96 and size 68 end beyond the file"},
};
// clang-format on

static void the_unharmed_file_opens(void **state)
{
    (void)state;
    image m;
    qn_error err = {0};
    build(&m);
    if (parse(m.b.n_bytes, m.b.bytes, &err) != QN_OK)
        fail_msg("%s", err.text);
    qn_buf_release(&m.b);
}

static void a_bad_field_and_its_file_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        const bad *c = &cases[i];
        image m;
        qn_gguf g;
        qn_error err = {0};
        build(&m);
        poke(&m, c->f, c->n_bytes, c->value);
        qn_status status = qn_gguf_open(&g, qn_test_file("bad.gguf", m.b.n_bytes, m.b.bytes), &err);
        if (!exits_with_6(status) || !strstr(err.text, "bad.gguf: ") ||
            !strstr(err.text, c->wanted))
            fail_msg("case %zu, wanted \"%s\": status %d, %s", i, c->wanted, status, err.text);
        assert_null(strchr(err.text, '\n'));
        assert_int_equal(parse(m.b.n_bytes, m.b.bytes, &err), status);
        qn_buf_release(&m.b);
        assert_int_equal(qn_alloc_live(), 0);
    }
    print_message("# %zu bad fields\n", QN_COUNT(cases));
}

static void names_that_stand_twice_are_named(void **state)
{
    (void)state;
    image m;
    qn_error err = {0};
    build(&m);
    memcpy(m.b.bytes + m.at[NAME2], "blk.0.attn_q.weight", 19);
    assert_int_equal(parse(m.b.n_bytes, m.b.bytes, &err), QN_EFORMAT);
    assert_string_equal(err.text, "tensor blk.0.attn_q.weight: this name stands twice");
    qn_buf_release(&m.b);
    build(&m);
    char *key = memmem(m.b.bytes, m.b.n_bytes, "a.nest", 6);
    memcpy(key, "a.bool", 6);
    assert_int_equal(parse(m.b.n_bytes, m.b.bytes, &err), QN_EFORMAT);
    assert_string_equal(err.text, "key a.bool stands twice");
    qn_buf_release(&m.b);
}

/* Every integer field gets every awkward value; what is refused exits with 6 and frees all. */
static void any_value_in_any_field_is_refused_or_read_in_full(void **state)
{
    (void)state;
    static const uint64_t values[] = {
        0,      1,          2,         3,       7,          8,
        9,      12,         13,        31,      32,         33,
        63,     64,         65,        255,     256,        4096,
        65535,  65536,      1 << 17,   1 << 20, INT32_MAX,  HUGE63 - 1,
        HUGE63, MAX64 - 31, MAX64 - 1, MAX64,   UINT32_MAX, UINT64_C(1) << 32};
    unsigned n_refused = 0;
    for (field f = 0; f < N_FIELDS; f++)
        for (size_t v = 0; v < QN_COUNT(values); v++)
            for (size_t n = 1; n <= 8; n *= 2) {
                image m;
                qn_error err = {0};
                build(&m);
                poke(&m, f, n, values[v]);
                qn_status status = parse(m.b.n_bytes, m.b.bytes, &err);
                assert_true(status == QN_OK || exits_with_6(status));
                n_refused += status != QN_OK;
                qn_buf_release(&m.b);
                assert_int_equal(qn_alloc_live(), 0);
            }
    print_message("# %u refused\n", n_refused);
}

static void a_file_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    image m;
    qn_buf all = {0};
    build(&m);
    for (size_t n = 0; n < m.b.n_bytes; n++) {
        qn_error err = {0};
        assert_true(exits_with_6(parse(n, m.b.bytes, &err)));
        if (!strstr(err.text, "incomplete"))
            fail_msg("cut at %zu: %s", n, err.text);
    }
    /* gguf-py pads the last tensor's 108 bytes to 128 */
    assert_int_equal(qn_buf_read_file(&all, "tests/fixtures/gguf/all_types.gguf", 1 << 20, NULL),
                     QN_OK);
    for (size_t n = 0; n < all.n_bytes; n++) {
        qn_error err = {0};
        assert_int_equal(exits_with_6(parse(n, all.bytes, &err)), n < all.n_bytes - 20);
    }
    qn_buf_release(&all);
    qn_buf_release(&m.b);
    assert_int_equal(qn_alloc_live(), 0);
}

static void a_file_with_any_byte_changed_is_refused_or_read_in_full(void **state)
{
    (void)state;
    qn_buf b = {0};
    assert_int_equal(qn_buf_read_file(&b, "tests/fixtures/gguf/all_types.gguf", 1 << 20, NULL),
                     QN_OK);
    for (size_t i = 0; i < b.n_bytes; i++) {
        static const uint8_t changes[] = {0xFF, 0x80, 0x01, 0x0D};
        for (size_t c = 0; c < QN_COUNT(changes); c++) {
            qn_error err = {0};
            b.bytes[i] = (char)(b.bytes[i] ^ changes[c]);
            qn_status status = parse(b.n_bytes, b.bytes, &err);
            assert_true(status == QN_OK || exits_with_6(status));
            b.bytes[i] = (char)(b.bytes[i] ^ changes[c]);
        }
    }
    qn_buf_release(&b);
    assert_int_equal(qn_alloc_live(), 0);
}

/* Limits: refused at one above, not at the limit. The large ones lie in untouched zero pages. */

static void put_head(image *m, uint64_t n_tensors, uint64_t n_values)
{
    *m = (image){0};
    qn_buf_text(&m->b, "GGUF");
    put(&m->b, 4, 3);
    put(&m->b, 8, n_tensors);
    put(&m->b, 8, n_values);
}

/* Parses the bytes of m with n_zeros behind them. */
static qn_status parse_sparse(image *m, size_t n_zeros, qn_error *err)
{
    size_t n = m->b.n_bytes + n_zeros;
    qn_gguf g;
    uint8_t *p =
        mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(p != MAP_FAILED);
    memcpy(p, m->b.bytes, m->b.n_bytes);
    qn_status status = qn_gguf_parse_bytes(&g, n, p, err);
    qn_gguf_release(&g);
    munmap(p, n);
    qn_buf_release(&m->b);
    assert_int_equal(qn_alloc_live(), 0);
    return status;
}

static void assert_limit(qn_status status, bool above, const qn_error *err, const char *wanted)
{
    if (status != (above ? QN_ELIMIT : QN_OK) || (above && !strstr(err->text, wanted)))
        fail_msg("wanted \"%s\", %s the limit: status %d, %s", wanted, above ? "above" : "at",
                 status, err->text);
}

static void lengths_are_refused_just_above_their_limit(void **state)
{
    (void)state;
    for (int above = 0; above < 2; above++) {
        image m;
        qn_error err = {0};
        size_t n = qn_gguf_max.n_string_bytes + (size_t)above;
        put_head(&m, 0, 1);
        put_key(&m, "s", QN_GGUF_STRING);
        put(&m.b, 8, n);
        assert_limit(parse_sparse(&m, n, &err), above, &err,
                     "value of key s: length is 67108865, the limit");
        n = qn_gguf_max.n_elements + (size_t)above;
        put_head(&m, 0, 1);
        put_key(&m, "a", QN_GGUF_ARRAY);
        put(&m.b, 4, QN_GGUF_U8);
        put(&m.b, 8, n);
        assert_limit(parse_sparse(&m, n, &err), above, &err,
                     "key a: array length is 67108865, the limit");
        n = qn_gguf_max.n_array_strings + (size_t)above;
        put_head(&m, 0, 1);
        put_key(&m, "t", QN_GGUF_ARRAY);
        put(&m.b, 4, QN_GGUF_STRING);
        put(&m.b, 8, n);
        assert_limit(parse_sparse(&m, 8 * n, &err), above, &err,
                     "key t: array length is 16777217; the limit");
        n = qn_gguf_max.n_key_bytes + (size_t)above;
        put_head(&m, 0, 1);
        put(&m.b, 8, n);
        for (size_t i = 0; i < n; i++)
            qn_buf_byte(&m.b, 'k');
        put(&m.b, 5, QN_GGUF_U8);
        assert_limit(parse_sparse(&m, 0, &err), above, &err,
                     "metadata key 1: length is 65536, the limit");
    }
}

static void depth_of_arrays_is_refused_just_above_its_limit(void **state)
{
    (void)state;
    for (uint32_t depth = qn_gguf_max.depth; depth <= qn_gguf_max.depth + 1; depth++) {
        image m;
        qn_error err = {0};
        put_head(&m, 0, 1);
        put_key(&m, "n", QN_GGUF_ARRAY);
        for (uint32_t d = 1; d < depth; d++) {
            put(&m.b, 4, QN_GGUF_ARRAY);
            put(&m.b, 8, 1);
        }
        put(&m.b, 4, QN_GGUF_U8);
        put(&m.b, 9, 1);
        assert_limit(parse_sparse(&m, 0, &err), depth > qn_gguf_max.depth, &err,
                     "key n: array type is array, nested deeper than 4");
    }
}

static void counts_are_refused_just_above_their_limit(void **state)
{
    (void)state;
    for (uint64_t above = 0; above < 2; above++) {
        image m;
        qn_error err = {0};
        char name[24];
        uint64_t n = qn_gguf_max.n_values + above;
        put_head(&m, 0, n);
        for (uint64_t i = 0; i < n; i++) {
            snprintf(name, sizeof name, "k%" PRIu64, i);
            put_key(&m, name, QN_GGUF_BOOL);
            put(&m.b, 1, 0);
        }
        assert_limit(parse_sparse(&m, 0, &err), above, &err,
                     "metadata_kv_count is 65537, the limit");
        n = qn_gguf_max.n_tensors + above;
        put_head(&m, n, 0);
        for (uint64_t i = 0; i < n; i++) {
            snprintf(name, sizeof name, "t%" PRIu64, i);
            put_key(&m, name, 1); /* n_dims follows a name as a type follows a key */
            put(&m.b, 8, 8);
            put(&m.b, 4, 0);
            put(&m.b, 8, 32 * (n - 1 - i)); /* backwards: the overlap check must sort */
        }
        assert_limit(parse_sparse(&m, 32 * n + 31, &err), above, &err,
                     "tensor_count is 131073, the limit");
    }
}

static void a_header_is_refused_above_its_limit(void **state)
{
    (void)state;
    image m = {0};
    qn_error err = {0};
    size_t n = (size_t)qn_gguf_max.n_string_bytes, n_all = 17 * (n + 64);
    uint8_t *p = mmap(NULL, n_all, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(p != MAP_FAILED);
    size_t at = 0;
    qn_gguf g;
    put_head(&m, 0, 17);
    for (unsigned i = 0; i < 17; i++) { /* 17 strings of 64 MiB */
        char key[] = {'s', (char)('a' + i), 0};
        put_key(&m, key, QN_GGUF_STRING);
        put(&m.b, 8, n);
        memcpy(p + at, m.b.bytes, m.b.n_bytes);
        at += m.b.n_bytes + n;
        qn_buf_clear(&m.b);
    }
    assert_int_equal(qn_gguf_parse_bytes(&g, n_all, p, &err), QN_ELIMIT);
    assert_non_null(strstr(err.text, "key sp: value ends "));
    munmap(p, n_all);
    qn_buf_release(&m.b);
    assert_int_equal(qn_alloc_live(), 0);
}

static void arrays_of_arrays_are_refused_above_the_limit_of_the_header(void **state)
{
    (void)state;
    image m;
    qn_error err = {0};
    const size_t n_inner = 17, n = (size_t)qn_gguf_max.n_elements;
    put_head(&m, 0, 1);
    put_key(&m, "n", QN_GGUF_ARRAY);
    put(&m.b, 4, QN_GGUF_ARRAY);
    put(&m.b, 8, n_inner + 1); /* the last is missing, which must not come to light */
    size_t at = m.b.n_bytes, n_all = at + n_inner * (12 + n);
    uint8_t *p = mmap(NULL, n_all, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(p != MAP_FAILED);
    memcpy(p, m.b.bytes, at);
    qn_buf_clear(&m.b);
    put(&m.b, 4, QN_GGUF_U8);
    put(&m.b, 8, n);
    for (size_t i = 0; i < n_inner; i++, at += 12 + n)
        memcpy(p + at, m.b.bytes, 12);
    qn_gguf g;
    assert_int_equal(qn_gguf_parse_bytes(&g, n_all, p, &err), QN_ELIMIT);
    assert_non_null(strstr(err.text, "key n: value ends "));
    munmap(p, n_all);
    qn_buf_release(&m.b);
}

QN_TEST_MAIN(cmocka_unit_test(the_unharmed_file_opens),
             cmocka_unit_test(a_bad_field_and_its_file_are_named),
             cmocka_unit_test(names_that_stand_twice_are_named),
             cmocka_unit_test(any_value_in_any_field_is_refused_or_read_in_full),
             cmocka_unit_test(a_file_cut_at_any_byte_is_refused),
             cmocka_unit_test(a_file_with_any_byte_changed_is_refused_or_read_in_full),
             cmocka_unit_test(lengths_are_refused_just_above_their_limit),
             cmocka_unit_test(depth_of_arrays_is_refused_just_above_its_limit),
             cmocka_unit_test(counts_are_refused_just_above_their_limit),
             cmocka_unit_test(a_header_is_refused_above_its_limit),
             cmocka_unit_test(arrays_of_arrays_are_refused_above_the_limit_of_the_header))
