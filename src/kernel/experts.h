/* kernel/experts.h - feed-forward of experts: each row goes through the few that were chosen for
 * it.
 *
 * Rows are grouped by expert, so that an expert's weights are decoded once for all of its rows. A
 * slot is one choice of one row; slots are numbered by expert, and by row within an expert. Every
 * result is that of qn_linear_*, whatever the other rows chose (ADR 007). */
#pragma once

#include "kernel/linear.h"

typedef struct qn_experts {
    const qn_kernels *kernels;
    qn_matrix matrix; /* of expert 0; the next one's lies n_out * n_row_bytes further */
    size_t n_experts, n_used, n_rows;
    const uint8_t *choices; /* of a row: n_used ids, ascending, then their weights */
    size_t choices_stride;  /* bytes */
    bool is_act;            /* x is quantized, else f32 */
    const uint8_t *x;
    size_t x_stride; /* bytes */
    float *y;
    size_t y_stride; /* values */
} qn_experts;

/* Bytes of scratch, aligned to 64, that one member needs for up to n_rows rows; n_linear: of
 * linear.h's for the experts' matrices. */
size_t qn_experts_scratch_bytes(size_t n_experts, size_t n_used, size_t n_rows, size_t n_in,
                                size_t n_linear);

/* y[slot] = act(matrix times x[row]) * (up times x[row]), where up is shaped as e->matrix is.
 * All members of a team call it with the same e; each writes its own part of y. */
void qn_experts_gate(const qn_experts *e, const qn_matrix *up, qn_gate_kind gate, size_t member,
                     size_t n_members, void *scratch);

/* y[row] = the sum over the row's choices, ids ascending, of weight * (matrix times x[slot]):
 * y = fma(product, weight, y) from +0. */
void qn_experts_sum(const qn_experts *e, size_t member, size_t n_members, void *scratch);
