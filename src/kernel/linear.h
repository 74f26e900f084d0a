/* kernel/linear.h - a matrix of weights in any encoding times rows of activations.
 *
 * The result of an output and a row depends on nothing else: not on the other rows, the range of
 * outputs, the level or the thread. The numbers are defined by docs/adr/001-numbers.md. */
#pragma once

#include "kernel/act.h"
#include "kernel/kernels.h"

enum { QN_LINEAR_GRANULE = 32 };

typedef struct qn_matrix { /* row o holds the n_in weights of output o, whole blocks */
    qn_encoding encoding;
    const uint8_t *bytes; /* of any alignment; read to the end of the last row, not beyond */
    size_t n_in, n_out, n_row_bytes;
    bool is_packed; /* packed.h: but for those behind the last whole sixteen */
} qn_matrix;

/* Decodes n_k weights from input `at` on of outputs o to o + 15, or of those up to n_out, into *p,
 * whose other rows are zeros. o is a multiple of 16, `at` one of QN_PANEL_K, n_k what is left of
 * n_in, at most QN_PANEL_K, or of rows whole blocks. next as for expand. */
void qn_matrix_expand(const qn_kernels *k, const qn_matrix *w, size_t o, size_t at, size_t n_k,
                      qn_panel *p, const uint8_t *next);

/* The weights of output o as floats. */
void qn_matrix_decode(const qn_kernels *k, const qn_matrix *w, size_t o, float *out);

/* Bytes of scratch, aligned to 64, that one thread needs for a call with any number of rows;
 * is_act: of qn_linear_i8, else of qn_linear_f32. A multiple of 64. */
size_t qn_linear_scratch_bytes(qn_encoding e, bool is_act, size_t n_in);

/* y[r * y_stride + o - o_begin] = row r of act times output o, for o in [o_begin, o_end).
 *   w        quantized; n_in a multiple of 32
 *   o_begin  a multiple of QN_LINEAR_GRANULE; o_end too, or n_out
 *   act      row r at r * qn_act_bytes(n_in), as k->quantize wrote it; aligned to 64
 * Cannot fail, allocates nothing; safe from many threads with a scratch each and disjoint ranges.*/
void qn_linear_i8(const qn_kernels *k, const qn_matrix *w, size_t o_begin, size_t o_end,
                  size_t n_rows, const void *act, float *y, size_t y_stride, void *scratch);

/* The same from float activations, row r at x + r * x_stride: weights of any encoding, quantized
 * ones as the floats they decode to. */
void qn_linear_f32(const qn_kernels *k, const qn_matrix *w, size_t o_begin, size_t o_end,
                   size_t n_rows, const float *x, size_t x_stride, float *y, size_t y_stride,
                   void *scratch);

/* n values (whole blocks) as floats. */
void qn_decode(const qn_kernels *k, qn_encoding e, size_t n, const uint8_t *bytes, float *out);
