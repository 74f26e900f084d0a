/* kernel/kv.c - the table of KV types; appending, plainly: these lines define the bits of pages. */
#include "kernel/kv.h"

#include "kernel/act.h"
#include "kernel/f16.h"

#include <assert.h>
#include <math.h>
#include <strings.h>

// clang-format off
static const struct {
    const char *name;
    size_t n_bits;
    int32_t offset;
} table[QN_N_KV_TYPES] = {
#define X(type, name, n_bits, offset) [type] = {name, n_bits, offset},
#include "kernel/kv_types.def"
#undef X
};
// clang-format on

const char *qn_kv_type_name(qn_kv_type type)
{
    return table[type].name;
}

qn_kv_type qn_kv_type_from_name(const char *name)
{
    qn_kv_type type = 0;
    while (type < QN_N_KV_TYPES && strcasecmp(table[type].name, name) != 0)
        type++;
    return type;
}

int32_t qn_kv_offset(qn_kv_type type)
{
    return table[type].offset;
}

size_t qn_kv_dim_step(qn_kv_type type)
{
    return type == QN_KV_Q8_0 ? 16 : type == QN_KV_Q4_0 ? 32 : 1;
}

size_t qn_kv_page_bytes(qn_kv_type type, size_t dim)
{
    size_t n_scales = qn_kv_is_quantized(type) ? qn_kv_groups(dim) : 0;
    return (dim * table[type].n_bits / 8 + n_scales * sizeof(uint16_t)) * QN_PAGE_TOKENS;
}

/* --- floats --- */

static float get(qn_kv_type type, const void *page, size_t i)
{
    return type == QN_KV_F32 ? ((const float *)page)[i] : qn_f16(((const uint16_t *)page)[i]);
}

static void put(qn_kv_type type, void *page, size_t i, float x)
{
    if (type == QN_KV_F32)
        ((float *)page)[i] = x;
    else
        ((uint16_t *)page)[i] = qn_to_f16(x);
}

/* --- groups --- */

float qn_kv_scale(const void *page, size_t group, size_t slot)
{
    return qn_bf16(((const uint16_t *)page)[group * QN_PAGE_TOKENS + slot]);
}

static size_t key_at(qn_kv_type type, size_t slot, size_t d)
{
    size_t n = type == QN_KV_Q8_0 ? 4 : 8; /* dims of a slot that lie together */
    return (d / n * QN_PAGE_TOKENS + slot) * 4 + d % 4;
}

static size_t value_at(qn_kv_type type, size_t dim, size_t slot, size_t d)
{
    size_t i =
        type == QN_KV_Q8_0 ? slot / 2 * dim + d : slot / 2 * (dim / 2) + d / 32 * 16 + d % 16;
    return 2 * i + slot % 2;
}

static int32_t code_of(uint8_t byte, bool high)
{
    return 2 * (high ? byte >> 4 : byte & 15) - 15;
}

int32_t qn_kv_key_code(qn_kv_type type, const void *page, size_t dim, size_t slot, size_t d)
{
    uint8_t byte = ((const uint8_t *)page)[qn_kv_codes_at(dim) + key_at(type, slot, d)];
    return type == QN_KV_Q8_0 ? byte - 128 : code_of(byte, d / 4 % 2);
}

int32_t qn_kv_value_code(qn_kv_type type, const void *page, size_t dim, size_t slot, size_t d)
{
    uint8_t byte = ((const uint8_t *)page)[qn_kv_codes_at(dim) + value_at(type, dim, slot, d)];
    return type == QN_KV_Q8_0 ? (int8_t)byte : code_of(byte, d / 16 % 2);
}

float qn_kv_key(qn_kv_type type, const void *page, size_t dim, size_t slot, size_t d)
{
    if (!qn_kv_is_quantized(type))
        return get(type, page, d * QN_PAGE_TOKENS + slot);
    return qn_kv_scale(page, d / QN_KV_GROUP, slot) *
           (float)qn_kv_key_code(type, page, dim, slot, d);
}

float qn_kv_value(qn_kv_type type, const void *page, size_t dim, size_t slot, size_t d)
{
    if (!qn_kv_is_quantized(type))
        return get(type, page, slot * dim + d);
    return qn_kv_scale(page, d / QN_KV_GROUP, slot) *
           (float)qn_kv_value_code(type, page, dim, slot, d);
}

uint16_t qn_kv_scale_of(qn_kv_type type, float m, float *factor)
{
    *factor = 0;
    if (!(m < INFINITY))
        return 0x7fc0;
    if (m < QN_ACT_LEAST)
        return 0;
    uint32_t bits = qn_bits_of_float(m / (type == QN_KV_Q8_0 ? 127.0f : 15.0f));
    uint16_t scale = (uint16_t)((bits + 0xffff) >> 16); /* up */
    *factor = (type == QN_KV_Q8_0 ? 1.0f : 0.5f) / qn_bf16(scale);
    return scale;
}

/* The unsigned codes of at most 32 values, and their scale. */
static uint16_t quantize(qn_kv_type type, size_t n, const float *x, uint8_t code[QN_KV_GROUP])
{
    uint32_t most = 0;
    float factor;
    for (size_t i = 0; i < n; i++)
        most = QN_MAX(most, qn_bits_of_float(x[i]) & 0x7fffffff);
    uint16_t scale = qn_kv_scale_of(type, qn_float_of_bits(most), &factor);
    for (size_t i = 0; i < n; i++)
        if (factor == 0)
            code[i] = type == QN_KV_Q8_0 ? 128 : 8;
        else
            code[i] = type == QN_KV_Q8_0 ? (uint8_t)(128 + (int32_t)rintf(x[i] * factor))
                                         : (uint8_t)fmaf(x[i], factor, 8.0f);
    return scale;
}

static void put_nibble(uint8_t *byte, bool high, uint8_t nibble)
{
    *byte = (uint8_t)(high ? (*byte & 15) | nibble << 4 : (*byte & 0xf0) | nibble);
}

/* Group g of a vector into its slot. */
static void put_group(qn_kv_type type, bool is_key, void *page, size_t dim, size_t slot, size_t g,
                      const float *x)
{
    uint8_t code[QN_KV_GROUP], *to = (uint8_t *)page + qn_kv_codes_at(dim);
    size_t from = g * QN_KV_GROUP, n = QN_MIN(dim - from, (size_t)QN_KV_GROUP);
    ((uint16_t *)page)[g * QN_PAGE_TOKENS + slot] = quantize(type, n, x + from, code);
    for (size_t i = 0; i < n; i++) {
        size_t d = from + i;
        uint8_t *byte = to + (is_key ? key_at(type, slot, d) : value_at(type, dim, slot, d));
        if (type == QN_KV_Q4_0)
            put_nibble(byte, is_key ? d / 4 % 2 : d / 16 % 2, code[i]);
        else
            *byte = is_key ? code[i] : code[i] ^ 128;
    }
}

void qn_kv_append_k(qn_kv_type type, void *page, size_t slot, size_t n_rows, size_t dim,
                    const float *x, size_t stride)
{
    assert(slot + n_rows <= QN_PAGE_TOKENS && dim % qn_kv_dim_step(type) == 0);
    for (size_t r = 0; r < n_rows; r++) {
        if (qn_kv_is_quantized(type))
            for (size_t g = 0; g < qn_kv_groups(dim); g++)
                put_group(type, true, page, dim, slot + r, g, x + r * stride);
        else
            for (size_t d = 0; d < dim; d++)
                put(type, page, d * QN_PAGE_TOKENS + slot + r, x[r * stride + d]);
    }
}

void qn_kv_append_v(qn_kv_type type, void *page, size_t slot, size_t n_rows, size_t dim,
                    const float *x, size_t stride)
{
    assert(slot + n_rows <= QN_PAGE_TOKENS && dim % qn_kv_dim_step(type) == 0);
    for (size_t r = 0; r < n_rows; r++) {
        if (qn_kv_is_quantized(type))
            for (size_t g = 0; g < qn_kv_groups(dim); g++)
                put_group(type, false, page, dim, slot + r, g, x + r * stride);
        else
            for (size_t d = 0; d < dim; d++)
                put(type, page, (slot + r) * dim + d, x[r * stride + d]);
    }
}
