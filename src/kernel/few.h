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
    QN_FEW_LEAST_ROWS = QN_DOT_MOST_ROWS + 1,
    QN_FEW_MOST_ROWS = 4,
    QN_FEW_MOST_VALUES = 32768, /* more would leave the nearest cache */
};

/* Where things lie in a row of activations, which is laid out as rows of 4 bytes for each place;
 * place i is where span i begins. Values 4 t to 4 t + 3 of group j are row 8 j + t. */
typedef struct qn_few_at {
    size_t d, sum;     /* of group 0 */
    size_t bias;       /* -offset times the sums, of groups of 16 of each half */
    size_t bias_pairs; /* the same of values 4 t and 4 t + 1, and of the two after them: 16 bits */
    size_t end;
} qn_few_at;

/* Whether a bias of pairs lets sums of 16 bits hold all of a group that they would not hold. */
static inline bool qn_few_has_pairs(const qn_shape *shape)
{
    return shape->offset > 0 && (shape->n_bits == 5 || shape->n_bits == 6);
}

static inline qn_few_at qn_few_at_of(size_t n_groups)
{
    return (qn_few_at){8 * n_groups, 9 * n_groups, 10 * n_groups, 12 * n_groups, 14 * n_groups};
}

/* Whether these rows are no slower so than with panels (docs/speed/022-few-rows-transposed.md). */
static inline bool qn_few_suits(size_t n_rows, size_t n_in)
{
    return qn_act_span(n_in) > 1 && n_rows >= QN_FEW_LEAST_ROWS && n_rows <= QN_FEW_MOST_ROWS &&
           n_rows * n_in <= QN_FEW_MOST_VALUES;
}

/* How such rows lie: in blocks, each the rows of places that follow each other. For registers of 16
 * lanes one block has all places, and the first ones again, so that 16 follow from wherever a
 * register begins. Registers of 8 lanes would read its lines by halves, twice each, so for them a
 * block of 8 places begins wherever a register may. Where that is at every place, blocks would take
 * 8 times as much, and all stays in one. */
typedef struct qn_few_layout {
    size_t n_blocks;
    size_t n_step;      /* places from the first of a block to that of the next */
    size_t n_places;    /* of a block */
    size_t place_bytes; /* what a place that begins a register adds to an address */
} qn_few_layout;

static inline qn_few_layout qn_few_layout_of(size_t n_in, size_t n_lanes)
{
    size_t n_groups = qn_act_span(n_in), n_spans = n_in / 32 / n_groups, n = qn_dot_n_places(n_in);
    size_t n_step = n_spans % 8 == 0 ? 8 : n_spans % 4 == 0 ? 4 : n_spans % 2 == 0 ? 2 : 1;
    if (n_lanes == 16 || n_step == 1)
        return (qn_few_layout){1, n, n, 4};
    return (qn_few_layout){n_spans / n_step, n_step, 8,
                           4 * 8 / n_step * qn_few_at_of(n_groups).end};
}

/* Bytes of a row of activations: a multiple of 64. */
static inline size_t qn_few_x_bytes(size_t n_in, size_t n_lanes)
{
    qn_few_layout l = qn_few_layout_of(n_in, n_lanes);
    return 4 * l.n_blocks * l.n_places * qn_few_at_of(qn_act_span(n_in)).end;
}

/* Bytes of what a product needs beside its operands, on any CPU: activations, and the spans' sums
 * of 16 outputs and of the 16 before. */
static inline size_t qn_few_bytes(size_t n_rows, size_t n_in)
{
    size_t n_x = QN_MAX(qn_few_x_bytes(n_in, 8), qn_few_x_bytes(n_in, 16));
    return n_rows * (n_x + 2 * qn_dot_n_sums(n_in) * sizeof(float));
}

/* Lays out a row of activations (quantize's) for encoding e in x. */
void qn_few_arrange(qn_encoding e, size_t n_in, qn_few_layout l, const qn_act *act, void *x);
