/* kernel/kv.c - the table of KV types; appending, plainly. */
#include "kernel/kv.h"

#include "kernel/f16.h"

#include <assert.h>
#include <strings.h>

// clang-format off
static const struct {
    const char *name;
    size_t n_values, n_bytes;
} table[QN_N_KV_TYPES] = {
#define X(type, name, n_values, n_bytes) [type] = {name, n_values, n_bytes},
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

size_t qn_kv_page_bytes(qn_kv_type type, size_t dim)
{
    return dim * QN_PAGE_TOKENS / table[type].n_values * table[type].n_bytes;
}

float qn_kv_value(qn_kv_type type, const void *page, size_t i)
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

void qn_kv_append_k(qn_kv_type type, void *page, size_t slot, size_t n_rows, size_t dim,
                    const float *x, size_t stride)
{
    assert(slot + n_rows <= QN_PAGE_TOKENS);
    for (size_t d = 0; d < dim; d++)
        for (size_t r = 0; r < n_rows; r++)
            put(type, page, d * QN_PAGE_TOKENS + slot + r, x[r * stride + d]);
}

void qn_kv_append_v(qn_kv_type type, void *page, size_t slot, size_t n_rows, size_t dim,
                    const float *x, size_t stride)
{
    assert(slot + n_rows <= QN_PAGE_TOKENS);
    for (size_t r = 0; r < n_rows; r++)
        for (size_t d = 0; d < dim; d++)
            put(type, page, (slot + r) * dim + d, x[r * stride + d]);
}
