/* tests/fuzz/gguf.c - any bytes as a GGUF file; with split keys and a second magic, as a model
 * of two parts. */
#include "weights/gguf.h"
#include "base/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void require(bool condition)
{
    if (!condition)
        __builtin_trap();
}

static volatile unsigned sink;

static void touch(size_t n_bytes, const void *bytes)
{
    unsigned sum = 0;
    for (size_t i = 0; i < n_bytes; i++)
        sum += ((const uint8_t *)bytes)[i];
    sink = sum;
}

/* A getter's failure speaks of its key. */
static bool ok(qn_status status, const qn_error *err)
{
    require(status == QN_OK || (err->status == status && strncmp(err->text, "key ", 4) == 0));
    return status == QN_OK;
}

static void read_arrays(const qn_gguf *g, const char *key)
{
    qn_error err = {0};
    qn_gguf_array a;
    uint32_t u32;
    bool b;
    if (ok(qn_gguf_get_strings(g, key, &a, &err), &err))
        for (size_t i = 0; i < a.n; i++) {
            qn_str s = qn_gguf_array_string(&a, i);
            touch(s.n_bytes, s.bytes);
        }
    if (ok(qn_gguf_get_numbers(g, key, &a, &err), &err))
        for (size_t i = 0; i < a.n; i++)
            touch(1, &(char){(char)(qn_gguf_array_i64(&a, i) + (qn_gguf_array_f64(&a, i) > 0))});
    for (size_t i = 0; i < 3; i++) {
        ok(qn_gguf_maybe_layer_u32(g, key, i, &u32, &err), &err);
        ok(qn_gguf_maybe_layer_bool(g, key, i, &b, &err), &err);
    }
}

static void read_scalars(const qn_gguf *g, const char *key)
{
    qn_error err = {0};
    uint32_t u32;
    uint64_t u64, wide;
    int64_t i64;
    double f64;
    bool b;
    qn_str s;
    if (ok(qn_gguf_get_u32(g, key, &u32, &err), &err)) {
        require(ok(qn_gguf_get_u64(g, key, &wide, &err), &err) && wide == u32);
        require(ok(qn_gguf_get_f64(g, key, &f64, &err), &err) && f64 == u32);
    }
    if (ok(qn_gguf_maybe_i64(g, key, &i64, &err), &err) &&
        ok(qn_gguf_get_u64(g, key, &u64, &err), &err))
        require(i64 >= 0 && (uint64_t)i64 == u64);
    ok(qn_gguf_maybe_u32(g, key, &u32, &err), &err);
    ok(qn_gguf_maybe_u64(g, key, &u64, &err), &err);
    ok(qn_gguf_get_i64(g, key, &i64, &err), &err);
    ok(qn_gguf_maybe_f64(g, key, &f64, &err), &err);
    ok(qn_gguf_get_bool(g, key, &b, &err), &err);
    ok(qn_gguf_maybe_bool(g, key, &b, &err), &err);
    ok(qn_gguf_maybe_string(g, key, &s, &err), &err);
    if (ok(qn_gguf_get_string(g, key, &s, &err), &err))
        touch(s.n_bytes, s.bytes);
}

static void read_all(const qn_gguf *g)
{
    qn_error err = {0};
    qn_gguf_array a = {0};
    require(!qn_gguf_torn(g) && !qn_gguf_find(g, "") && !qn_gguf_tensor(g, ""));
    require(qn_gguf_get_bool(g, "", &(bool){0}, &err) == QN_EFORMAT && err.text[0]);
    require(qn_gguf_maybe_strings(g, "", &a, &err) == QN_OK && a.n == 0);
    require(qn_gguf_maybe_numbers(g, "", &a, &err) == QN_OK && a.n == 0);
    for (size_t i = 0; i < g->n_values; i++) {
        const qn_gguf_value *v = &g->values[i];
        require(qn_gguf_find(g, v->key.bytes) == v);
        touch(v->raw.n_bytes, v->raw.bytes);
        read_scalars(g, v->key.bytes);
        read_arrays(g, v->key.bytes);
    }
    for (size_t i = 0; i < g->n_tensors; i++) {
        const qn_tensor *t = &g->tensors[i];
        require(qn_gguf_tensor(g, t->name.bytes) == t && t->n_bytes > 0);
        touch(t->n_bytes, t->bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    qn_gguf g;
    qn_error err = {0};
    qn_status status = qn_gguf_parse_bytes(&g, n_bytes, bytes, &err);
    require(status == QN_OK || (err.status == status && err.text[0] && !g.values));
    if (status == QN_OK)
        read_all(&g);
    qn_gguf_release(&g);
    require(qn_alloc_live() == 0);
    return 0;
}
