/* kernel/dot.c - activations side by side for 16 spans of weights. */
#include "kernel/dot.h"

#include <string.h>

size_t qn_dot_x_bytes(size_t n_in)
{
    size_t n_of_group = sizeof(float) + sizeof(float) + 2 * sizeof(int32_t);
    return qn_dot_n_places(n_in) * (QN_DOT_PLACE + qn_act_span(n_in) * n_of_group);
}

/* Where half h of group j of a place lies. */
static size_t half_at(qn_dot_order order, size_t place, size_t j, size_t h)
{
    switch (order) {
    case QN_DOT_32: return place * QN_DOT_PLACE + 64 * h + 16 * j;
    case QN_DOT_K:
        return place / 2 * 2 * QN_DOT_PLACE + 128 * (j % 2) + 64 * h + 32 * (place % 2) +
               j / 2 * 16;
    case QN_DOT_HALVES: break;
    }
    return place * QN_DOT_PLACE + 32 * j + 16 * h;
}

static void put_values(qn_dot_order order, size_t n_groups, const qn_act *act, size_t place,
                       size_t g, int8_t *q)
{
    for (size_t j = 0; j < 4; j++) {
        const int8_t *from = act[g / 8].q + 32 * (g % 8);
        memcpy(q + half_at(order, place, j, 0), from, 16);
        memcpy(q + half_at(order, place, j, 1), from + 16, 16);
        g = g + 1 == n_groups ? 0 : g + 1;
    }
}

typedef struct sums {
    size_t n_places;
    float *d, *sum;
    int32_t *bias;
} sums;

static void put_sums(qn_shape shape, const qn_act *act, size_t g, size_t j, size_t place,
                     const sums *to)
{
    const qn_act *block = &act[g / 8];
    const int16_t *half = block->sum16 + 2 * (g % 8);
    to->d[j * to->n_places + place] = block->d[g % 8];
    to->sum[j * to->n_places + place] = block->sum[g % 8];
    if (shape.n_group == 32) {
        to->bias[j * to->n_places + place] = -shape.offset * (half[0] + half[1]);
    } else {
        to->bias[2 * j * to->n_places + place] = -shape.offset * half[0];
        to->bias[(2 * j + 1) * to->n_places + place] = -shape.offset * half[1];
    }
}

qn_dot_x qn_dot_arrange(qn_encoding e, size_t n_in, const qn_act *act, void *memory)
{
    qn_shape shape = *qn_encoding_shape(e);
    qn_dot_order order = qn_dot_order_of(shape, qn_encoding_block(e));
    size_t span = qn_act_span(n_in), n_groups = n_in / 32, n = qn_dot_n_places(n_in);
    int8_t *q = memory;
    sums to = {.n_places = n, .d = (void *)(q + n * QN_DOT_PLACE)};
    to.sum = to.d + n * span;
    to.bias = (void *)(to.sum + n * span);
    for (size_t i = 0, g = 0; i < n; i++, g = g + span == n_groups ? 0 : g + span) {
        put_values(order, n_groups, act, i, g, q);
        for (size_t j = 0; j < span; j++)
            put_sums(shape, act, g + j, j, i, &to);
    }
    return (qn_dot_x){n, q, to.d, to.sum, to.bias};
}
