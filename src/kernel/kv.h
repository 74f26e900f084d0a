/* kernel/kv.h - pages of keys and values, and how vectors get into them.
 *
 * A page holds QN_PAGE_TOKENS positions of one kv head. Keys lie dimension-major, [dim][64], so
 * that keys fill the lanes of a score; values token-major, [64][dim]. */
#pragma once

#include "base/types.h"

enum { QN_PAGE_TOKENS = 64 };

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

/* Bytes of one page of keys, or of values, of a head of dim values. */
size_t qn_kv_page_bytes(qn_kv_type type, size_t dim);

/* Value i of a page, in the order in which it lies. */
float qn_kv_value(qn_kv_type type, const void *page, size_t i);

/* Stores n_rows vectors of dim f32 into slots slot .. slot + n_rows - 1 <= 63 of a page; row r
 * starts at x[r * stride]. Rounds to nearest even; touches no other slot. */
void qn_kv_append_k(qn_kv_type type, void *page, size_t slot, size_t n_rows, size_t dim,
                    const float *x, size_t stride);
void qn_kv_append_v(qn_kv_type type, void *page, size_t slot, size_t n_rows, size_t dim,
                    const float *x, size_t stride);
