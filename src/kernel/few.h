/* kernel/few.h - products of three or four rows of activations.
 *
 * Weights are read in the order of memory, as for one and two (dot.h). But what puts a span into a
 * lane is not folded for each row: weights are transposed before they meet the rows, four bytes at
 * a time, and activations lie as they then need them.
 *
 * Invariant: dword t of group j of span i meets dword i of row 8 j + t of the activations. */
#pragma once

#include "kernel/dot.h"

enum {
    QN_FEW_MOST_ROWS = 4,
    QN_FEW_MOST_VALUES = 32768, /* more would leave the nearest cache */
};

/* Where things lie in a row of activations, which is laid out as rows of 4 bytes for each place;
 * place i is where span i begins. Values 4 t to 4 t + 3 of group j are row 8 j + t. */
typedef struct qn_few_at {
    size_t d, sum; /* of group 0 */
    size_t bias;   /* -offset times the sums, of groups of 16 of each half */
    size_t end;
} qn_few_at;

static inline qn_few_at qn_few_at_of(size_t n_groups)
{
    return (qn_few_at){8 * n_groups, 9 * n_groups, 10 * n_groups, 12 * n_groups};
}

/* What a product needs beside its operands. */
typedef struct qn_few_scratch {
    const void *x; /* [n_rows] of qn_few_x_bytes */
    float *sums;   /* 2 * n_rows * qn_dot_n_sums: of 16 outputs and of the 16 before */
} qn_few_scratch;

/* Whether these rows are no slower so than with panels (docs/speed/022-few-rows-transposed.md). */
static inline bool qn_few_suits(size_t n_rows, size_t n_in)
{
    return qn_act_span(n_in) > 1 && n_rows > QN_DOT_MOST_ROWS && n_rows <= QN_FEW_MOST_ROWS &&
           n_rows * n_in <= QN_FEW_MOST_VALUES;
}

/* Bytes of a row of activations, laid out: a multiple of 64. */
static inline size_t qn_few_x_bytes(size_t n_in)
{
    return 4 * qn_dot_n_places(n_in) * qn_few_at_of(qn_act_span(n_in)).end;
}

/* Lays out a row of activations (quantize's) for encoding e in x. */
void qn_few_arrange(qn_encoding e, size_t n_in, const qn_act *act, void *x);
