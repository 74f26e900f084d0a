/* weights/gguf.c - looking things up in a GGUF file. */
#include "weights/gguf.h"

#include "base/alloc.h"
#include "weights/gguf_parse.h"

#include <stdio.h>

qn_status qn_gguf_parse_bytes(qn_gguf *g, size_t n_bytes, const uint8_t *bytes, qn_error *err)
{
    *g = (qn_gguf){.memory = qn_region_of((size_t)qn_gguf_max.n_memory_bytes)};
    qn_status status = qn_gguf_parse(g, n_bytes, bytes, err);
    if (status != QN_OK)
        qn_gguf_release(g);
    return status;
}

void qn_gguf_release(qn_gguf *g)
{
    for (size_t i = 0; i < g->n_more; i++)
        qn_gguf_release(&g->more[i]);
    qn_free(g->more);
    qn_region_release(&g->memory);
    qn_map_release(&g->map);
    *g = (qn_gguf){0};
}

bool qn_gguf_torn(const qn_gguf *g)
{
    bool torn = qn_map_torn(&g->map);
    for (size_t i = 0; i < g->n_more; i++)
        torn |= qn_map_torn(&g->more[i].map);
    return torn;
}

const qn_gguf_value *qn_gguf_find(const qn_gguf *g, const char *key)
{
    return qn_index_find(&g->by_key, g->values, qn_str_of(key));
}

const qn_tensor *qn_gguf_tensor(const qn_gguf *g, const char *name)
{
    return qn_index_find(&g->by_name, g->tensors, qn_str_of(name));
}

static bool is_signed(qn_gguf_type t)
{
    return t == QN_GGUF_I8 || t == QN_GGUF_I16 || t == QN_GGUF_I32 || t == QN_GGUF_I64;
}

static bool is_unsigned(qn_gguf_type t)
{
    return t == QN_GGUF_U8 || t == QN_GGUF_U16 || t == QN_GGUF_U32 || t == QN_GGUF_U64;
}

static bool is_float(qn_gguf_type t)
{
    return t == QN_GGUF_F32 || t == QN_GGUF_F64;
}

static bool is_number(qn_gguf_type t)
{
    return t != QN_GGUF_STRING && t != QN_GGUF_ARRAY;
}

static double to_f64(const qn_gguf_value *v)
{
    return is_float(v->type) ? v->f64 : is_signed(v->type) ? (double)v->i64 : (double)v->u64;
}

/* What a getter takes: each tells whether the value is of that kind, and stores it. */

static bool take_u64(const qn_gguf_value *v, void *to)
{
    bool ok = is_unsigned(v->type) || (is_signed(v->type) && v->i64 >= 0);
    if (ok)
        *(uint64_t *)to = v->u64; /* one union: alike where i64 is not negative */
    return ok;
}

static bool take_u32(const qn_gguf_value *v, void *to)
{
    uint64_t wide = UINT64_MAX;
    bool ok = take_u64(v, &wide) && wide <= UINT32_MAX;
    if (ok)
        *(uint32_t *)to = (uint32_t)wide;
    return ok;
}

static bool take_i64(const qn_gguf_value *v, void *to)
{
    bool ok = is_signed(v->type) || (is_unsigned(v->type) && v->u64 <= INT64_MAX);
    if (ok)
        *(int64_t *)to = v->i64;
    return ok;
}

static bool take_f64(const qn_gguf_value *v, void *to)
{
    bool ok = is_float(v->type) || is_signed(v->type) || is_unsigned(v->type);
    if (ok)
        *(double *)to = to_f64(v);
    return ok;
}

static bool take_bool(const qn_gguf_value *v, void *to)
{
    bool ok = v->type == QN_GGUF_BOOL || is_unsigned(v->type) || is_signed(v->type);
    ok = ok && v->u64 <= 1;
    if (ok)
        *(bool *)to = v->u64 == 1;
    return ok;
}

static bool take_string(const qn_gguf_value *v, void *to)
{
    bool ok = v->type == QN_GGUF_STRING;
    if (ok)
        *(qn_str *)to = v->text;
    return ok;
}

static bool take_strings(const qn_gguf_value *v, void *to)
{
    bool ok = v->type == QN_GGUF_ARRAY && v->array.type == QN_GGUF_STRING;
    if (ok)
        *(qn_gguf_array *)to = v->array;
    return ok;
}

static bool take_numbers(const qn_gguf_value *v, void *to)
{
    bool ok = v->type == QN_GGUF_ARRAY && is_number(v->array.type);
    if (ok)
        *(qn_gguf_array *)to = v->array;
    return ok;
}

/* A value for a sentence: "string", "array of f32", "i32 of -1". */
static const char *describe(char text[64], const qn_gguf_value *v)
{
    const char *type = qn_gguf_type_name(v->type);
    if (v->type == QN_GGUF_ARRAY)
        snprintf(text, 64, "array of %s", qn_gguf_type_name(v->array.type));
    else if (v->type == QN_GGUF_STRING)
        snprintf(text, 64, "string");
    else if (is_float(v->type))
        snprintf(text, 64, "%s of %g", type, v->f64);
    else if (is_signed(v->type))
        snprintf(text, 64, "%s of %" PRId64, type, v->i64);
    else
        snprintf(text, 64, "%s of %" PRIu64, type, v->u64);
    return text;
}

typedef bool taker(const qn_gguf_value *v, void *to);

static qn_status maybe(const qn_gguf *g, const char *key, const char *wanted, taker *take, void *to,
                       qn_error *err)
{
    char text[64];
    const qn_gguf_value *v = qn_gguf_find(g, key);
    QN_FAIL_IF(v && !take(v, to), err, QN_EFORMAT, "key %s: expected %s, found %s", key, wanted,
               describe(text, v));
    return QN_OK;
}

static qn_status get(const qn_gguf *g, const char *key, const char *wanted, taker *take, void *to,
                     qn_error *err)
{
    QN_FAIL_IF(!qn_gguf_find(g, key), err, QN_EFORMAT, "key %s is missing", key);
    return maybe(g, key, wanted, take, to, err);
}

static const char u32[] = "an integer of 32 bits, not negative", i64[] = "an integer",
                  u64[] = "an integer, not negative", f64[] = "a number", boolean[] = "a boolean",
                  string[] = "a string", strings[] = "an array of strings",
                  numbers[] = "an array of numbers";

qn_status qn_gguf_get_u32(const qn_gguf *g, const char *key, uint32_t *value, qn_error *err)
{
    return get(g, key, u32, take_u32, value, err);
}

qn_status qn_gguf_get_u64(const qn_gguf *g, const char *key, uint64_t *value, qn_error *err)
{
    return get(g, key, u64, take_u64, value, err);
}

qn_status qn_gguf_get_i64(const qn_gguf *g, const char *key, int64_t *value, qn_error *err)
{
    return get(g, key, i64, take_i64, value, err);
}

qn_status qn_gguf_get_f64(const qn_gguf *g, const char *key, double *value, qn_error *err)
{
    return get(g, key, f64, take_f64, value, err);
}

qn_status qn_gguf_get_bool(const qn_gguf *g, const char *key, bool *value, qn_error *err)
{
    return get(g, key, boolean, take_bool, value, err);
}

qn_status qn_gguf_get_string(const qn_gguf *g, const char *key, qn_str *value, qn_error *err)
{
    return get(g, key, string, take_string, value, err);
}

qn_status qn_gguf_maybe_u32(const qn_gguf *g, const char *key, uint32_t *value, qn_error *err)
{
    return maybe(g, key, u32, take_u32, value, err);
}

qn_status qn_gguf_maybe_u64(const qn_gguf *g, const char *key, uint64_t *value, qn_error *err)
{
    return maybe(g, key, u64, take_u64, value, err);
}

qn_status qn_gguf_maybe_i64(const qn_gguf *g, const char *key, int64_t *value, qn_error *err)
{
    return maybe(g, key, i64, take_i64, value, err);
}

qn_status qn_gguf_maybe_f64(const qn_gguf *g, const char *key, double *value, qn_error *err)
{
    return maybe(g, key, f64, take_f64, value, err);
}

qn_status qn_gguf_maybe_bool(const qn_gguf *g, const char *key, bool *value, qn_error *err)
{
    return maybe(g, key, boolean, take_bool, value, err);
}

qn_status qn_gguf_maybe_string(const qn_gguf *g, const char *key, qn_str *value, qn_error *err)
{
    return maybe(g, key, string, take_string, value, err);
}

qn_status qn_gguf_get_strings(const qn_gguf *g, const char *key, qn_gguf_array *a, qn_error *err)
{
    return get(g, key, strings, take_strings, a, err);
}

qn_status qn_gguf_get_numbers(const qn_gguf *g, const char *key, qn_gguf_array *a, qn_error *err)
{
    return get(g, key, numbers, take_numbers, a, err);
}

qn_status qn_gguf_maybe_strings(const qn_gguf *g, const char *key, qn_gguf_array *a, qn_error *err)
{
    return maybe(g, key, strings, take_strings, a, err);
}

qn_status qn_gguf_maybe_numbers(const qn_gguf *g, const char *key, qn_gguf_array *a, qn_error *err)
{
    return maybe(g, key, numbers, take_numbers, a, err);
}

/* Elements. */

static qn_gguf_value element(const qn_gguf_array *a, size_t i)
{
    return qn_gguf_scalar(a->type, a->bytes + i * qn_gguf_type_bytes(a->type));
}

/* An array's element i, or the one number for all. */
static qn_status maybe_layer(const qn_gguf *g, const char *key, size_t i, const char *wanted,
                             taker *take, void *to, qn_error *err)
{
    char text[64];
    const qn_gguf_value *v = qn_gguf_find(g, key);
    if (!v || v->type != QN_GGUF_ARRAY || !is_number(v->array.type))
        return maybe(g, key, wanted, take, to, err);
    QN_FAIL_IF(i >= v->array.n, err, QN_EFORMAT,
               "key %s: array length is %zu, layer %zu has no element", key, v->array.n, i);
    qn_gguf_value e = element(&v->array, i);
    QN_FAIL_IF(!take(&e, to), err, QN_EFORMAT, "key %s: expected %s for layer %zu, found %s", key,
               wanted, i, describe(text, &e));
    return QN_OK;
}

qn_status qn_gguf_maybe_layer_u32(const qn_gguf *g, const char *key, size_t i, uint32_t *value,
                                  qn_error *err)
{
    return maybe_layer(g, key, i, u32, take_u32, value, err);
}

qn_status qn_gguf_maybe_layer_bool(const qn_gguf *g, const char *key, size_t i, bool *value,
                                   qn_error *err)
{
    return maybe_layer(g, key, i, boolean, take_bool, value, err);
}

qn_str qn_gguf_array_string(const qn_gguf_array *a, size_t i)
{
    size_t start = a->starts[i] + 8, end = a->starts[i + 1]; /* 8: its length, as checked */
    return (qn_str){.bytes = (const char *)a->bytes + start, .n_bytes = end - start};
}

int64_t qn_gguf_array_i64(const qn_gguf_array *a, size_t i)
{
    qn_gguf_value v = element(a, i);
    return is_float(v.type) ? 0 : v.i64;
}

double qn_gguf_array_f64(const qn_gguf_array *a, size_t i)
{
    qn_gguf_value v = element(a, i);
    return to_f64(&v);
}
