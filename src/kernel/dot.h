/* kernel/dot.h - products of few rows of activations, which take as long as memory does.
 *
 * Weights are read once, in the order in which they lie in memory, which is what a CPU prefetches
 * best: a row of weights after the other, each 512 values (a unit) of its own. The terms of ADR 001
 * go to memory; once 16 outputs have theirs, they are added up for the 16 together. So the bits are
 * those of the panel product.
 *
 * Invariant: the rows of 16 outputs follow each other without a gap, so that their groups are one
 * sequence; unit u holds groups 16 u to 16 u + 15 of it. Activations are laid out for the units of
 * those rows once a product, and repeat after qn_dot_period units. */
#pragma once

#include "kernel/act.h"
#include "kernel/encoding.h"

enum {
    QN_DOT_OUTPUTS = 16,
    QN_DOT_MOST_ROWS = 4,
    QN_DOT_MOST_VALUES = 16384, /* of several rows: the terms of more leave the nearest cache */
};

/* How the 32 halves of a unit's groups lie in 8 times 64 bytes of decoded values. */
typedef enum qn_dot_order {
    QN_DOT_BYTES,  /* blocks of 32 bytes: groups j and j + 4 of each 8 */
    QN_DOT_32,     /* blocks of 32 nibbles: a half of groups j, j + 4, j + 8 and j + 12 */
    QN_DOT_K,      /* a half of groups j, j + 2, j + 4 and j + 6 of each 8 */
    QN_DOT_HALVES, /* one after the other */
} qn_dot_order;

/* The activations of one unit, in the order in which the decoder of the encoding yields values. */
typedef struct qn_dot_x {
    _Alignas(64) int8_t q[512];
    float sum[16];    /* of each group */
    int32_t bias[32]; /* -offset times the sums of the groups; of halves: the first, the second */
} qn_dot_x;

/* What a product needs beside its operands. */
typedef struct qn_dot_scratch {
    qn_dot_x *x;  /* of qn_dot_arrange, for each row */
    float *terms; /* 2 * n_rows * qn_dot_n_terms: of 16 outputs and of the 16 before */
} qn_dot_scratch;

/* Whether so few rows are no slower so than with panels: docs/speed/014-order-of-terms.md. */
static inline bool qn_dot_suits(size_t n_rows, size_t n_in)
{
    return n_rows == 1 || (n_rows <= QN_DOT_MOST_ROWS && n_rows * n_in <= QN_DOT_MOST_VALUES);
}

static inline qn_dot_order qn_dot_order_of(qn_shape shape, size_t n_block)
{
    return shape.n_group == 16 ? QN_DOT_HALVES
           : shape.n_bits == 8 ? QN_DOT_BYTES
           : n_block == 32     ? QN_DOT_32
                               : QN_DOT_K;
}

/* Units after which the activations of a row of n_in values (a multiple of 32) repeat. */
size_t qn_dot_period(size_t n_in);

/* A term for each of 16 outputs and 32 values. Behind them a transposition may read on. */
static inline size_t qn_dot_n_terms(size_t n_in)
{
    return n_in / 2 + 16;
}

/* Bytes of a qn_dot_scratch. */
size_t qn_dot_scratch_bytes(size_t n_in, size_t n_rows);

/* Lays out a row of activations (quantize's) for encoding e: qn_dot_period units. */
void qn_dot_arrange(qn_encoding e, size_t n_in, const qn_act *act, qn_dot_x *x);
