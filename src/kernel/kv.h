/* kernel/kv.h - pages of keys and values, and how vectors get into them.
 *
 * A page holds QN_PAGE_TOKENS positions of one kv head. Keys lie dimension-major, so that keys fill
 * the lanes of a score; values token-major. Floats: keys [dim][64], values [64][dim].
 *
 * Quantized (docs/adr/008): each vector in groups of 32 dims, the last of which may have 16; a
 * value is scale * code: the scale a bf16, rounded up, so that codes never have to be clamped; the
 * codes -127..127 (Q8_0) or the odd numbers -15..15 (Q4_0). First lie the scales, [n_groups][64],
 * then the codes:
 *   Q8_0 keys    [dim / 4][64][4] bytes, code + 128
 *   Q8_0 values  [32 pairs of positions][dim][2] bytes, signed
 *   Q4_0 keys    [dim / 8][64][4] bytes: dims 8 i..8 i + 3 in the low nibbles, 4 more in the high
 *   Q4_0 values  [32 pairs][dim / 32][16][2] bytes: dims 32 i..32 i + 15 low, 16 more high
 * A nibble is (code + 15) / 2. The bytes of a position are its own: threads may append side by
 * side. */
#pragma once

#include "base/types.h"

enum { QN_PAGE_TOKENS = 64, QN_KV_GROUP = 32 };

// clang-format off
typedef enum qn_kv_type {
#define X(type, ...) type,
#include "kernel/kv_types.def"
#undef X
    QN_N_KV_TYPES
} qn_kv_type;
// clang-format on

const char *qn_kv_type_name(qn_kv_type type);
qn_kv_type qn_kv_type_from_name(const char *name); /* QN_N_KV_TYPES when there is none */

/* What is added to a code to make it unsigned: 0 for floats, which have no codes. */
int32_t qn_kv_offset(qn_kv_type type);

static inline bool qn_kv_is_quantized(qn_kv_type type)
{
    return type == QN_KV_Q8_0 || type == QN_KV_Q4_0;
}

static inline size_t qn_kv_groups(size_t dim)
{
    return (dim + QN_KV_GROUP - 1) / QN_KV_GROUP;
}

/* The number of values of a head must be a multiple of this. */
size_t qn_kv_dim_step(qn_kv_type type);

/* Bytes of one page of keys, or of values, of a head of dim values. */
size_t qn_kv_page_bytes(qn_kv_type type, size_t dim);

/* Value d of the key, or value, in a slot of a page. */
float qn_kv_key(qn_kv_type type, const void *page, size_t dim, size_t slot, size_t d);
float qn_kv_value(qn_kv_type type, const void *page, size_t dim, size_t slot, size_t d);

/* Stores n_rows vectors of dim f32 into slots slot .. slot + n_rows - 1 <= 63 of a page; row r
 * starts at x[r * stride]. Touches no other slot. Floats are rounded to nearest even. A group that
 * holds NaN or an infinity is NaN. */
void qn_kv_append_k(qn_kv_type type, void *page, size_t slot, size_t n_rows, size_t dim,
                    const float *x, size_t stride);
void qn_kv_append_v(qn_kv_type type, void *page, size_t slot, size_t n_rows, size_t dim,
                    const float *x, size_t stride);

/* Where the codes of a quantized page begin, and the code of one dim in a slot. */
static inline size_t qn_kv_codes_at(size_t dim)
{
    return qn_kv_groups(dim) * QN_PAGE_TOKENS * sizeof(uint16_t);
}

/* Bytes of the codes of a pair of values. */
static inline size_t qn_kv_pair_bytes(qn_kv_type type, size_t dim)
{
    return type == QN_KV_Q8_0 ? 2 * dim : dim;
}

int32_t qn_kv_key_code(qn_kv_type type, const void *page, size_t dim, size_t slot, size_t d);
int32_t qn_kv_value_code(qn_kv_type type, const void *page, size_t dim, size_t slot, size_t d);
float qn_kv_scale(const void *page, size_t group, size_t slot);

/* The scale of a group whose largest magnitude is m (NaN for NaN and infinity), as bf16, and what
 * values are multiplied by to make codes (Q4_0: nibbles less 8); NaN and 0, or 0 and 0, where all
 * are alike. */
uint16_t qn_kv_scale_of(qn_kv_type type, float m, float *factor);
