/* kernel/few.c - activations side by side for 16 spans of weights, four bytes at a time. */
#include "kernel/few.h"

#include <string.h>

/* Of n values, the sums of values 4 t and 4 t + 1 and of the two after them. */
static void sum_pairs(const int8_t *q, size_t n, int sums[2])
{
    const uint64_t low = 0x00ff00ff00ff00ff, sign = 0x8080808080808080;
    uint64_t words = 0; /* four sums of values as 128 more */
    for (size_t i = 0; i < n; i += 8) {
        uint64_t v;
        memcpy(&v, q + i, sizeof v);
        v ^= sign;
        words += (v & low) + (v >> 8 & low);
    }
    words += words >> 32;
    for (size_t i = 0; i < 2; i++)
        sums[i] = (int)(words >> 16 * i & 0xffff) - 64 * (int)n;
}

/* The biases of group g of a block of activations, as those of group j of a place of n. */
static void put_bias(const qn_shape *shape, const qn_act *block, size_t g, qn_few_at at, size_t j,
                     size_t n, int32_t *x)
{
    const int16_t *half = block->sum16 + 2 * g;
    size_t n_halves = 32 / shape->n_group;
    for (size_t h = 0; h < n_halves; h++) {
        size_t row = n_halves * j + h;
        x[(at.bias + row) * n] = -shape->offset * (n_halves == 1 ? half[0] + half[1] : half[h]);
        if (!qn_few_has_pairs(shape))
            continue;
        int sums[2];
        sum_pairs(block->q + 32 * g + 16 * h, shape->n_group, sums);
        int16_t pairs[2] = {(int16_t)(-shape->offset * sums[0]),
                            (int16_t)(-shape->offset * sums[1])};
        memcpy(x + (at.bias_pairs + row) * n, pairs, sizeof pairs);
    }
}

/* Group g of a row of activations, as group j of a place of n. */
static void put_group(const qn_shape *shape, const qn_act *row, size_t g, qn_few_at at, size_t j,
                      size_t n, int32_t *x)
{
    const qn_act *block = &row[g / 8];
    for (size_t t = 0; t < 8; t++)
        memcpy(x + (8 * j + t) * n, block->q + 32 * (g % 8) + 4 * t, 4);
    memcpy(x + (at.d + j) * n, &block->d[g % 8], 4);
    memcpy(x + (at.sum + j) * n, &block->sum[g % 8], 4);
    put_bias(shape, block, g % 8, at, j, n, x);
}

void qn_few_arrange(qn_encoding e, size_t n_in, qn_few_layout l, const qn_act *act, void *x)
{
    size_t span = qn_act_span(n_in), n_spans = n_in / 32 / span, n = l.n_places;
    qn_few_at at = qn_few_at_of(span);
    int32_t *block = x;
    for (size_t b = 0; b < l.n_blocks; b++, block += at.end * n)
        for (size_t i = 0, s = b * l.n_step; i < n; i++, s = s + 1 == n_spans ? 0 : s + 1)
            for (size_t j = 0; j < span; j++)
                put_group(qn_encoding_shape(e), act, span * s + j, at, j, n, block + i);
}
