/* kernel/dot.c - activations in the order of the units. */
#include "kernel/dot.h"

#include <string.h>

static size_t greatest_divisor(size_t a, size_t b)
{
    return b == 0 ? a : greatest_divisor(b, a % b);
}

size_t qn_dot_period(size_t n_in)
{
    return n_in / 32 / greatest_divisor(n_in / 32, 16);
}

size_t qn_dot_scratch_bytes(size_t n_in, size_t n_rows)
{
    return n_rows *
           (qn_dot_period(n_in) * sizeof(qn_dot_x) + 2 * qn_dot_n_terms(n_in) * sizeof(float));
}

/* The half that comes at quarter i of the j-th 64 bytes. */
static size_t half_at(qn_dot_order order, size_t j, size_t i)
{
    switch (order) {
    case QN_DOT_BYTES: return 2 * (j / 4 * 8 + j % 4 + i / 2 * 4) + i % 2;
    case QN_DOT_32: return 2 * (j / 2 + 4 * i) + j % 2;
    case QN_DOT_K: return 2 * (j / 4 * 8 + j % 4 / 2 + 2 * i) + j % 2;
    case QN_DOT_HALVES: break;
    }
    return 4 * j + i;
}

static void put_values(qn_dot_order order, const qn_act *act, const size_t group[16], qn_dot_x *x)
{
    for (size_t j = 0; j < 8; j++)
        for (size_t i = 0; i < 4; i++) {
            size_t half = half_at(order, j, i), g = group[half / 2];
            memcpy(x->q + 64 * j + 16 * i, act[g / 8].q + 32 * (g % 8) + 16 * (half % 2), 16);
        }
}

static void put_sums(qn_shape shape, const qn_act *act, const size_t group[16], qn_dot_x *x)
{
    for (size_t i = 0; i < 16; i++) {
        const qn_act *block = &act[group[i] / 8];
        const int16_t *half = block->sum16 + 2 * (group[i] % 8);
        bool is_whole = shape.n_group == 32;
        x->sum[i] = block->sum[group[i] % 8];
        x->bias[i] = -shape.offset * (half[0] + (is_whole ? half[1] : 0));
        x->bias[16 + i] = is_whole ? 0 : -shape.offset * half[1];
    }
}

void qn_dot_arrange(qn_encoding e, size_t n_in, const qn_act *act, qn_dot_x *x)
{
    qn_shape shape = *qn_encoding_shape(e);
    qn_dot_order order = qn_dot_order_of(shape, qn_encoding_block(e));
    size_t n_period = qn_dot_period(n_in), group[16], next = 0;
    for (size_t u = 0; u < n_period; u++) {
        for (size_t i = 0; i < 16; i++) {
            group[i] = next;
            next = next + 1 == n_in / 32 ? 0 : next + 1;
        }
        put_values(order, act, group, &x[u]);
        put_sums(shape, act, group, &x[u]);
    }
}
