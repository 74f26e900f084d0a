/* kernel/few.c - activations side by side for 16 spans of weights, four bytes at a time. */
#include "kernel/few.h"

#include <string.h>

/* Group g of a row of activations, as group j of a place of n. */
static void put_group(const qn_shape *shape, const qn_act *row, size_t g, qn_few_at at, size_t j,
                      size_t n, int32_t *x)
{
    const qn_act *block = &row[g / 8];
    const int16_t *half = block->sum16 + 2 * (g % 8);
    for (size_t t = 0; t < 8; t++)
        memcpy(x + (8 * j + t) * n, block->q + 32 * (g % 8) + 4 * t, 4);
    memcpy(x + (at.d + j) * n, &block->d[g % 8], 4);
    memcpy(x + (at.sum + j) * n, &block->sum[g % 8], 4);
    if (shape->n_group == 32) {
        x[(at.bias + j) * n] = -shape->offset * (half[0] + half[1]);
    } else {
        x[(at.bias + 2 * j) * n] = -shape->offset * half[0];
        x[(at.bias + 2 * j + 1) * n] = -shape->offset * half[1];
    }
}

void qn_few_arrange(qn_encoding e, size_t n_in, const qn_act *act, void *x)
{
    size_t span = qn_act_span(n_in), n_groups = n_in / 32, n = qn_dot_n_places(n_in), g = 0;
    qn_few_at at = qn_few_at_of(span);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < span; j++)
            put_group(qn_encoding_shape(e), act, g + j, at, j, n, (int32_t *)x + i);
        g = g + span == n_groups ? 0 : g + span;
    }
}
