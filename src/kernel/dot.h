/* kernel/dot.h - products of one or two rows of activations, which take as long as memory does.
 *
 * Weights are read once, in the order in which they lie in memory, which is what a CPU prefetches
 * best: a row of weights after the other, each 16 spans (a piece) of its own. The spans' sums of
 * ADR 001 go to memory; once 16 outputs have theirs, they are added up for the 16 together. So the
 * bits are those of the panel product.
 *
 * Invariant: the rows of 16 outputs follow each other without a gap, so that their spans are one
 * sequence; piece p holds spans 16 p to 16 p + 15 of it, of whose activations it finds 16 side by
 * side wherever it begins, because they are laid out once a product with the first ones again
 * behind the last. */
#pragma once

#include "kernel/act.h"
#include "kernel/encoding.h"

enum {
    QN_DOT_OUTPUTS = 16,
    QN_DOT_MOST_ROWS = 2,
    QN_DOT_MOST_VALUES = 32768, /* of several rows: more would leave the nearest cache */
};

/* How the halves of four groups lie in the 128 bytes of a place. */
typedef enum qn_dot_order {
    QN_DOT_32, /* the first halves, then the second */
    QN_DOT_K,  /* of two places, in 256 bytes: first halves of groups 0 and 2, their second halves,
                * the same of groups 1 and 3 */
    QN_DOT_HALVES, /* one after the other */
} qn_dot_order;

enum { QN_DOT_PLACE = 128 };

/* A row of activations, laid out. Place i is where span i begins, with the four groups from there
 * on: a span of four, or of fewer and those behind it. The other arrays are [n_groups of a span]
 * [n_places]; bias of groups of 16 [n_groups of a span][2][n_places]. */
typedef struct qn_dot_x {
    size_t n_places; /* spans, and the first again where a piece may begin before the end */
    const int8_t *q;
    const float *d, *sum;
    const int32_t *bias; /* -offset times the sums, of groups of 16 of each half */
} qn_dot_x;

/* What a product needs beside its operands. */
typedef struct qn_dot_scratch {
    const qn_dot_x *x; /* of each row */
    float *sums;       /* 2 * n_rows * qn_dot_n_sums: of 16 outputs and of the 16 before */
} qn_dot_scratch;

/* An odd number of groups, which no published model has, is left to panels. */
static inline bool qn_dot_suits(size_t n_rows, size_t n_in)
{
    return qn_act_span(n_in) > 1 &&
           (n_rows == 1 || (n_rows <= QN_DOT_MOST_ROWS && n_rows * n_in <= QN_DOT_MOST_VALUES));
}

static inline qn_dot_order qn_dot_order_of(qn_shape shape, size_t n_block)
{
    return shape.n_group == 16 ? QN_DOT_HALVES : n_block == 32 ? QN_DOT_32 : QN_DOT_K;
}

/* A sum for each of 16 outputs and each span. Behind them a transposition may read on. */
static inline size_t qn_dot_n_sums(size_t n_in)
{
    return n_in / 2 / qn_act_span(n_in) + 16;
}

/* Spans, and the first again where rows are not whole pieces, so that one may begin at any span. A
 * multiple of 16. */
static inline size_t qn_dot_n_places(size_t n_in)
{
    size_t n_spans = n_in / 32 / qn_act_span(n_in);
    return n_spans % 16 == 0 ? n_spans : (n_spans + 15 + 15) / 16 * 16;
}

/* Bytes of what qn_dot_arrange writes for a row: a multiple of 64. */
size_t qn_dot_x_bytes(size_t n_in);

/* Lays out a row of activations (quantize's) for encoding e in memory, 64-byte aligned. */
qn_dot_x qn_dot_arrange(qn_encoding e, size_t n_in, const qn_act *act, void *memory);
