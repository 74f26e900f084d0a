/* weights/gguf_parse.c - the header of a GGUF file: every field is held against the bytes left and
 * against its limit before it is used. Sentences call fields as the specification does. */
#include "weights/gguf_parse.h"

#include "base/checked.h"
#include "base/reader.h"
#include "base/utf8.h"

#include <stdio.h>

const qn_gguf_limits qn_gguf_max = {
    .n_header_bytes = UINT64_C(1) << 30,
    .n_memory_bytes = UINT64_C(1) << 28,
    .n_values = 1 << 16,
    .n_tensors = 1 << 17,
    .n_parts = 500,
    .n_key_bytes = 65535,
    .n_name_bytes = 64,
    .n_string_bytes = 1 << 26,
    .n_elements = 1 << 26,
    .n_array_strings = 1 << 24,
    .n_dims = 4,
    .depth = 4,
    .alignment = 1 << 20,
};

enum { MIN_VALUE = 8 + 1 + 4 + 1, MIN_TENSOR = 8 + 1 + 4 + 8 + 4 + 8 };

typedef struct parser {
    qn_reader r;
    qn_gguf *g;
    qn_gguf_value *values;
    qn_tensor *tensors;
    uint64_t *offset; /* of each tensor, in the data */
    uint64_t n_array_strings;
    char key[QN_SHOWN]; /* the key that is being read, for sentences */
    qn_error *err;
} parser;

// clang-format off
static const struct {
    const char *name;
    uint8_t n_bytes;
} types[QN_GGUF_N_TYPES] = {
    [QN_GGUF_U8] = {"u8", 1},        [QN_GGUF_I8] = {"i8", 1},     [QN_GGUF_U16] = {"u16", 2},
    [QN_GGUF_I16] = {"i16", 2},      [QN_GGUF_U32] = {"u32", 4},   [QN_GGUF_I32] = {"i32", 4},
    [QN_GGUF_F32] = {"f32", 4},      [QN_GGUF_BOOL] = {"bool", 1}, [QN_GGUF_STRING] = {"string", 8},
    [QN_GGUF_ARRAY] = {"array", 12}, [QN_GGUF_U64] = {"u64", 8},   [QN_GGUF_I64] = {"i64", 8},
    [QN_GGUF_F64] = {"f64", 8},
};
// clang-format on

const char *qn_gguf_type_name(qn_gguf_type type)
{
    return types[type].name;
}

size_t qn_gguf_type_bytes(qn_gguf_type type)
{
    return types[type].n_bytes;
}

static const char incomplete[] = "the download is incomplete, or the file is damaged";

/* Header. */

static qn_status check_version(uint32_t version, qn_error *err)
{
    QN_FAIL_IF(version == 1, err, QN_EUNSUPPORTED,
               "version is 1, which is obsolete; convert the model again");
    QN_FAIL_IF(version && (version & 0xFFFF) == 0, err, QN_EUNSUPPORTED,
               "version is %u, a big-endian file; convert it to little-endian", version);
    QN_FAIL_IF(version != 2 && version != 3, err, QN_EUNSUPPORTED,
               "version is %u; versions 2 and 3 are supported", version);
    return QN_OK;
}

/* A count is believed when that many smallest entries fit in the bytes left. */
static qn_status check_count(const parser *p, const char *what, uint64_t n, uint64_t most,
                             size_t n_smallest)
{
    QN_FAIL_IF(n > qn_reader_left(&p->r) / n_smallest, p->err, QN_EFORMAT,
               "%s is %" PRIu64 ", more than the %zu bytes left can hold; %s", what, n,
               qn_reader_left(&p->r), incomplete);
    QN_FAIL_IF(n > most, p->err, QN_ELIMIT, "%s is %" PRIu64 ", the limit is %" PRIu64, what, n,
               most);
    return QN_OK;
}

static qn_status read_counts(parser *p)
{
    char shown[QN_SHOWN];
    const uint8_t *magic = qn_read_bytes(&p->r, 4);
    QN_FAIL_IF(!magic, p->err, QN_EFORMAT, "magic is missing: the file has only %zu bytes; %s",
               p->r.n_bytes, incomplete);
    QN_FAIL_IF(memcmp(magic, "GGUF", 4) != 0, p->err, QN_EFORMAT,
               "magic is \"%s\" instead of \"GGUF\"; this is not a GGUF file",
               qn_str_show(shown, (qn_str){(const char *)magic, 4}));
    p->g->version = qn_read_u32(&p->r);
    QN_FAIL_IF(p->r.failed, p->err, QN_EFORMAT, "version is cut short; %s", incomplete);
    QN_TRY(check_version(p->g->version, p->err));
    uint64_t n_tensors = qn_read_u64(&p->r);
    QN_FAIL_IF(p->r.failed, p->err, QN_EFORMAT, "tensor_count is cut short; %s", incomplete);
    uint64_t n_values = qn_read_u64(&p->r);
    QN_FAIL_IF(p->r.failed, p->err, QN_EFORMAT, "metadata_kv_count is cut short; %s", incomplete);
    QN_TRY(check_count(p, "tensor_count", n_tensors, qn_gguf_max.n_tensors, MIN_TENSOR));
    QN_TRY(check_count(p, "metadata_kv_count", n_values, qn_gguf_max.n_values, MIN_VALUE));
    p->g->n_tensors = (size_t)n_tensors;
    p->g->n_values = (size_t)n_values;
    return QN_OK;
}

static qn_status take_tables(parser *p)
{
    qn_gguf *g = p->g;
    qn_region *m = &g->memory;
    g->values = p->values = qn_region_take(m, g->n_values, sizeof *p->values);
    g->tensors = p->tensors = qn_region_take(m, g->n_tensors, sizeof *p->tensors);
    p->offset = qn_region_take(m, g->n_tensors, sizeof *p->offset);
    (void)qn_index_init(&g->by_key, m, g->n_values, sizeof *p->values);
    (void)qn_index_init(&g->by_name, m, g->n_tensors, sizeof *p->tensors);
    return m->failed ? qn_region_fail(m, "the directory", p->err) : QN_OK;
}

/* Names and strings. */

/* A string of at most `most` bytes; what it is, for the sentence: "key 3", or its key and "value".
 */
static qn_status read_string(parser *p, const char *what, const char *key, uint64_t most, qn_str *s)
{
    uint64_t n = qn_read_u64(&p->r);
    QN_FAIL_IF(p->r.failed, p->err, QN_EFORMAT, "%s%s: length is cut short; %s", what, key,
               incomplete);
    QN_FAIL_IF(n > qn_reader_left(&p->r), p->err, QN_EFORMAT,
               "%s%s: length is %" PRIu64 ", beyond the %zu bytes left; %s", what, key, n,
               qn_reader_left(&p->r), incomplete);
    QN_FAIL_IF(n > most, p->err, QN_ELIMIT, "%s%s: length is %" PRIu64 ", the limit is %" PRIu64,
               what, key, n, most);
    *s = (qn_str){.bytes = (const char *)qn_read_bytes(&p->r, n), .n_bytes = (size_t)n};
    return QN_OK;
}

static bool has_control(qn_str s)
{
    for (size_t i = 0; i < s.n_bytes; i++)
        if ((unsigned char)s.bytes[i] < 0x20 || s.bytes[i] == 0x7F)
            return true;
    return false;
}

/* A key or the name of a tensor: printable UTF-8, copied so that it ends in a zero byte. */
static qn_status read_name(parser *p, const char *what, size_t i, uint64_t most, qn_str *name)
{
    char number[32], shown[QN_SHOWN];
    qn_str s = {0};
    snprintf(number, sizeof number, " %zu", i + 1);
    QN_TRY(read_string(p, what, number, most, &s));
    QN_FAIL_IF(s.n_bytes == 0, p->err, QN_EFORMAT, "%s%s: length is 0, it needs a name", what,
               number);
    QN_FAIL_IF(qn_utf8_valid(s.n_bytes, s.bytes) < s.n_bytes || has_control(s), p->err, QN_EFORMAT,
               "%s%s: the name \"%s\" is not printable UTF-8", what, number, qn_str_show(shown, s));
    *name =
        (qn_str){.bytes = qn_region_copy(&p->g->memory, s.n_bytes, s.bytes), .n_bytes = s.n_bytes};
    return name->bytes ? QN_OK : qn_region_fail(&p->g->memory, "the table of names", p->err);
}

/* Values. */

static qn_status read_type(parser *p, const char *what, qn_gguf_type *type)
{
    uint32_t t = qn_read_u32(&p->r);
    QN_FAIL_IF(p->r.failed, p->err, QN_EFORMAT, "key %s: %s is cut short; %s", p->key, what,
               incomplete);
    QN_FAIL_IF(t >= QN_GGUF_N_TYPES, p->err, QN_EFORMAT, "key %s: %s is %u, which is no type",
               p->key, what, t);
    *type = (qn_gguf_type)t;
    return QN_OK;
}

/* The low n_bits as a signed number. */
static int64_t extend(uint64_t value, unsigned n_bits)
{
    uint64_t sign = UINT64_C(1) << (n_bits - 1);
    return (int64_t)((value ^ sign) - sign);
}

qn_gguf_value qn_gguf_scalar(qn_gguf_type type, const uint8_t *bytes)
{
    qn_reader r = {.bytes = bytes, .n_bytes = types[type].n_bytes};
    qn_gguf_value v = {.type = type};
    switch (type) {
    case QN_GGUF_U8:
    case QN_GGUF_BOOL: v.u64 = qn_read_u8(&r); break;
    case QN_GGUF_U16: v.u64 = qn_read_u16(&r); break;
    case QN_GGUF_U32: v.u64 = qn_read_u32(&r); break;
    case QN_GGUF_I8: v.i64 = extend(qn_read_u8(&r), 8); break;
    case QN_GGUF_I16: v.i64 = extend(qn_read_u16(&r), 16); break;
    case QN_GGUF_I32: v.i64 = extend(qn_read_u32(&r), 32); break;
    case QN_GGUF_F32: v.f64 = (double)qn_read_f32(&r); break;
    case QN_GGUF_F64: v.f64 = qn_read_f64(&r); break;
    default: v.u64 = qn_read_u64(&r);
    }
    return v;
}

static qn_status check_bools(const parser *p, size_t n, const uint8_t *bytes)
{
    for (size_t i = 0; i < n; i++)
        QN_FAIL_IF(bytes[i] > 1, p->err, QN_EFORMAT, "key %s: value is a bool of %u, not 0 or 1",
                   p->key, bytes[i]);
    return QN_OK;
}

static qn_status check_header(const parser *p)
{
    QN_FAIL_IF(
        p->r.at > qn_gguf_max.n_header_bytes, p->err, QN_ELIMIT,
        "key %s: value ends %zu bytes into the file; all before the tensors may have %" PRIu64,
        p->key, p->r.at, qn_gguf_max.n_header_bytes);
    return QN_OK;
}

/* Indexed: where each string starts, and behind the last one where the next would, so that a length
 * is read once: another process may be writing to the file. */
static qn_status read_strings(parser *p, qn_gguf_array *a, bool indexed)
{
    uint32_t *starts = NULL;
    p->n_array_strings += a->n;
    QN_FAIL_IF(p->n_array_strings > qn_gguf_max.n_array_strings, p->err, QN_ELIMIT,
               "key %s: array length is %zu; the limit is %" PRIu64 " strings in all arrays",
               p->key, a->n, qn_gguf_max.n_array_strings);
    if (indexed) {
        a->starts = starts = qn_region_take(&p->g->memory, a->n + 1, sizeof *starts);
        if (!starts)
            return qn_region_fail(&p->g->memory, "the index of strings", p->err);
    }
    for (size_t i = 0; i < a->n; i++) {
        qn_str s;
        QN_TRY(read_string(p, "a string of key ", p->key, qn_gguf_max.n_string_bytes, &s));
        QN_TRY(check_header(p));
        if (starts) /* 32 bits suffice for the header */
            starts[i + 1] = (uint32_t)(p->r.bytes + p->r.at - a->bytes);
    }
    return QN_OK;
}

/* Arrays of arrays are checked, but only the outermost can be read. */
static qn_status read_array(parser *p, uint32_t depth, qn_gguf_array *a)
{
    char what[QN_SHOWN + 24];
    QN_FAIL_IF(depth > qn_gguf_max.depth, p->err, QN_ELIMIT,
               "key %s: array type is array, nested deeper than %u", p->key, qn_gguf_max.depth);
    QN_TRY(check_header(p)); /* else arrays of arrays would go on to the end of any file */
    QN_TRY(read_type(p, "array type", &a->type));
    uint64_t n = qn_read_u64(&p->r);
    QN_FAIL_IF(p->r.failed, p->err, QN_EFORMAT, "key %s: array length is cut short; %s", p->key,
               incomplete);
    snprintf(what, sizeof what, "key %s: array length", p->key);
    QN_TRY(check_count(p, what, n, qn_gguf_max.n_elements, types[a->type].n_bytes));
    a->n = (size_t)n;
    a->bytes = p->r.bytes + p->r.at;
    if (a->type == QN_GGUF_STRING)
        return read_strings(p, a, depth == 1);
    if (a->type != QN_GGUF_ARRAY) {
        (void)qn_read_bytes(&p->r, n * types[a->type].n_bytes);
        return a->type == QN_GGUF_BOOL ? check_bools(p, a->n, a->bytes) : QN_OK;
    }
    for (size_t i = 0; i < a->n; i++) {
        qn_gguf_array inner;
        QN_TRY(read_array(p, depth + 1, &inner));
    }
    return QN_OK;
}

static qn_status read_scalar(parser *p, qn_gguf_value *v)
{
    const uint8_t *bytes = qn_read_bytes(&p->r, types[v->type].n_bytes);
    QN_FAIL_IF(!bytes, p->err, QN_EFORMAT, "key %s: value is cut short; %s", p->key, incomplete);
    qn_str key = v->key;
    *v = qn_gguf_scalar(v->type, bytes);
    v->key = key;
    return v->type == QN_GGUF_BOOL ? check_bools(p, 1, bytes) : QN_OK;
}

static qn_status read_value(parser *p, qn_gguf_value *v)
{
    QN_TRY(read_type(p, "value_type", &v->type));
    size_t start = p->r.at;
    if (v->type == QN_GGUF_STRING)
        QN_TRY(read_string(p, "value of key ", p->key, qn_gguf_max.n_string_bytes, &v->text));
    else if (v->type == QN_GGUF_ARRAY)
        QN_TRY(read_array(p, 1, &v->array));
    else
        QN_TRY(read_scalar(p, v));
    v->raw = (qn_str){.bytes = (const char *)p->r.bytes + start, .n_bytes = p->r.at - start};
    return check_header(p);
}

static qn_status read_values(parser *p)
{
    for (uint32_t i = 0; i < p->g->n_values; i++) {
        qn_gguf_value *v = &p->values[i];
        QN_TRY(read_name(p, "metadata key", i, qn_gguf_max.n_key_bytes, &v->key));
        (void)qn_str_show(p->key, v->key);
        QN_FAIL_IF(!qn_index_add(&p->g->by_key, p->values, i), p->err, QN_EFORMAT,
                   "key %s stands twice", p->key);
        QN_TRY(read_value(p, v));
    }
    return QN_OK;
}

static qn_status check_alignment(parser *p)
{
    static const char key[] = "general.alignment";
    const qn_gguf_value *v = qn_index_find(&p->g->by_key, p->values, qn_str_of(key));
    p->g->alignment = v ? v->u64 : 32;
    QN_FAIL_IF(v && v->type != QN_GGUF_U32, p->err, QN_EFORMAT,
               "key %s: value_type is %s, it must be u32", key, types[v->type].name);
    QN_FAIL_IF(p->g->alignment == 0 || p->g->alignment % 8 != 0, p->err, QN_EFORMAT,
               "key %s: value is %" PRIu64 ", it must be a multiple of 8", key, p->g->alignment);
    QN_FAIL_IF(p->g->alignment > qn_gguf_max.alignment, p->err, QN_ELIMIT,
               "key %s: value is %" PRIu64 ", the limit is %" PRIu64, key, p->g->alignment,
               qn_gguf_max.alignment);
    return QN_OK;
}

/* Tensors. */

/* Types of the specification that the table of encodings may lack. */
// clang-format off
static const struct {
    const char *name;
    uint32_t type;
    bool retired;
} other_types[] = {
    {"Q4_2", 4, true},        {"Q4_3", 5, true},         {"Q8_1", 9, false},
    {"Q2_K", 10, false},      {"Q3_K", 11, false},       {"Q8_K", 15, false},
    {"IQ2_XXS", 16, false},   {"IQ2_XS", 17, false},     {"IQ3_XXS", 18, false},
    {"IQ1_S", 19, false},     {"IQ4_NL", 20, false},     {"IQ3_S", 21, false},
    {"IQ2_S", 22, false},     {"IQ4_XS", 23, false},     {"I8", 24, false},
    {"I16", 25, false},       {"I32", 26, false},        {"I64", 27, false},
    {"F64", 28, false},       {"IQ1_M", 29, false},      {"Q4_0_4_4", 31, true},
    {"Q4_0_4_8", 32, true},   {"Q4_0_8_8", 33, true},    {"TQ1_0", 34, false},
    {"TQ2_0", 35, false},     {"IQ4_NL_4_4", 36, true},  {"IQ4_NL_4_8", 37, true},
    {"IQ4_NL_8_8", 38, true}, {"MXFP4", 39, false},      {"NVFP4", 40, false},
    {"Q1_0", 41, false},
    {"Q2_0", 42, false},
};
// clang-format on

static qn_status refuse_type(const char *tensor, uint32_t type, qn_error *err)
{
    for (size_t i = 0; i < QN_COUNT(other_types); i++)
        if (other_types[i].type == type)
            return qn_fail(err, QN_EUNSUPPORTED, "tensor %s: type is %u (%s), which is %s", tensor,
                           type, other_types[i].name,
                           other_types[i].retired ? "retired; convert the model again"
                                                  : "not supported; take another quantization");
    return qn_fail(err, QN_EUNSUPPORTED, "tensor %s: type is %u, which is unknown", tensor, type);
}

static qn_status read_dims(parser *p, qn_tensor *t, uint64_t *n_values)
{
    const char *name = t->name.bytes;
    t->n_dims = qn_read_u32(&p->r);
    QN_FAIL_IF(p->r.failed, p->err, QN_EFORMAT, "tensor %s: n_dims is cut short; %s", name,
               incomplete);
    QN_FAIL_IF(t->n_dims == 0, p->err, QN_EFORMAT, "tensor %s: n_dims is 0", name);
    QN_FAIL_IF(t->n_dims > qn_gguf_max.n_dims, p->err, QN_ELIMIT,
               "tensor %s: n_dims is %u, the limit is %u", name, t->n_dims, qn_gguf_max.n_dims);
    *n_values = 1;
    for (uint32_t d = 0; d < QN_COUNT(t->dim); d++) {
        t->dim[d] = d < t->n_dims ? qn_read_u64(&p->r) : 1;
        QN_FAIL_IF(p->r.failed, p->err, QN_EFORMAT, "tensor %s: dims are cut short; %s", name,
                   incomplete);
        QN_FAIL_IF(t->dim[d] == 0, p->err, QN_EFORMAT, "tensor %s: dims[%u] is 0", name, d);
        QN_FAIL_IF(!qn_mul_u64(*n_values, t->dim[d], n_values), p->err, QN_EFORMAT,
                   "tensor %s: dims multiply to more than 64 bits at dims[%u] = %" PRIu64, name, d,
                   t->dim[d]);
    }
    return QN_OK;
}

static qn_status read_tensor(parser *p, qn_tensor *t, uint64_t *offset)
{
    const char *name = t->name.bytes;
    uint64_t n_values = 0;
    QN_TRY(read_dims(p, t, &n_values));
    uint32_t type = qn_read_u32(&p->r);
    QN_FAIL_IF(p->r.failed, p->err, QN_EFORMAT, "tensor %s: type is cut short; %s", name,
               incomplete);
    t->encoding = qn_encoding_from_gguf(type);
    if (t->encoding == QN_NO_ENCODING)
        return refuse_type(name, type, p->err);
    size_t block = qn_encoding_block(t->encoding);
    QN_FAIL_IF(t->dim[0] % block != 0, p->err, QN_EFORMAT,
               "tensor %s: dims[0] is %" PRIu64
               ", not a multiple of the %zu values of a block of %s",
               name, t->dim[0], block, qn_encoding_name(t->encoding));
    QN_FAIL_IF(!qn_encoding_size(t->encoding, n_values, &t->n_bytes), p->err, QN_EFORMAT,
               "tensor %s: dims multiply to more than 64 bits of bytes", name);
    *offset = qn_read_u64(&p->r);
    QN_FAIL_IF(p->r.failed, p->err, QN_EFORMAT, "tensor %s: offset is cut short; %s", name,
               incomplete);
    QN_FAIL_IF(*offset % p->g->alignment != 0, p->err, QN_EFORMAT,
               "tensor %s: offset is %" PRIu64 ", not a multiple of the alignment %" PRIu64, name,
               *offset, p->g->alignment);
    return QN_OK;
}

static qn_status read_tensors(parser *p)
{
    for (uint32_t i = 0; i < p->g->n_tensors; i++) {
        qn_tensor *t = &p->tensors[i];
        QN_TRY(read_name(p, "tensor", i, qn_gguf_max.n_name_bytes, &t->name));
        QN_FAIL_IF(!qn_index_add(&p->g->by_name, p->tensors, i), p->err, QN_EFORMAT,
                   "tensor %s: this name stands twice", t->name.bytes);
        QN_TRY(read_tensor(p, t, &p->offset[i]));
    }
    return QN_OK;
}

/* Puts each tensor to its bytes, behind the header and its padding. */
static qn_status place_tensors(parser *p)
{
    uint64_t n_file = p->r.n_bytes, unit = p->g->alignment;
    uint64_t data =
        (p->r.at + unit - 1) / unit * unit; /* at most the header's and alignment's limit */
    for (size_t i = 0; i < p->g->n_tensors; i++) {
        qn_tensor *t = &p->tensors[i];
        uint64_t n_data = n_file > data ? n_file - data : 0;
        QN_FAIL_IF(p->offset[i] > n_data || t->n_bytes > n_data - p->offset[i], p->err, QN_EFORMAT,
                   "tensor %s: offset %" PRIu64 " and size %" PRIu64
                   " end beyond the file's %" PRIu64 " bytes of data; %s",
                   t->name.bytes, p->offset[i], t->n_bytes, n_data, incomplete);
        t->bytes = p->r.bytes + data + p->offset[i];
    }
    return QN_OK;
}

/* Heap sort: no memory, no bad case. */
static void sink(uint32_t *order, const uint64_t *key, size_t at, size_t n)
{
    for (size_t child; child = 2 * at + 1, child < n; at = child) {
        if (child + 1 < n && key[order[child]] < key[order[child + 1]])
            child++;
        if (key[order[at]] >= key[order[child]])
            return;
        uint32_t swapped = order[at];
        order[at] = order[child];
        order[child] = swapped;
    }
}

static void sort_by_key(size_t n, uint32_t *order, const uint64_t *key)
{
    for (size_t i = n / 2; i-- > 0;)
        sink(order, key, i, n);
    for (size_t i = n; i-- > 1;) {
        uint32_t largest = order[0];
        order[0] = order[i];
        order[i] = largest;
        sink(order, key, 0, i);
    }
}

static qn_status check_overlap(parser *p)
{
    size_t n = p->g->n_tensors;
    uint32_t *order = qn_region_take(&p->g->memory, n, sizeof *order);
    if (!order)
        return qn_region_fail(&p->g->memory, "the directory", p->err);
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    sort_by_key(n, order, p->offset);
    for (size_t i = 1; i < n; i++) {
        const qn_tensor *a = &p->tensors[order[i - 1]], *b = &p->tensors[order[i]];
        QN_FAIL_IF(p->offset[order[i]] - p->offset[order[i - 1]] < a->n_bytes, p->err, QN_EFORMAT,
                   "tensor %s: offset %" PRIu64 " overlaps tensor %s", b->name.bytes,
                   p->offset[order[i]], a->name.bytes);
    }
    return QN_OK;
}

qn_status qn_gguf_parse(qn_gguf *g, size_t n_bytes, const uint8_t *bytes, qn_error *err)
{
    parser p = {.r = {.bytes = bytes, .n_bytes = n_bytes}, .g = g, .err = err};
    QN_TRY(read_counts(&p));
    QN_TRY(take_tables(&p));
    QN_TRY(read_values(&p));
    QN_TRY(check_alignment(&p));
    QN_TRY(read_tensors(&p));
    QN_TRY(place_tensors(&p));
    return check_overlap(&p);
}
