/* kernel/kernels.h - every operation that has variants, as one flat table of functions per level.
 *
 * A member's comment is the contract of all its variants; its reference (the rows of variants.def
 * at QN_CPU_REF) defines the bits. To add an operation: a member here and a row there. To add a
 * variant: a file <name>.<level>.c, which includes this header, and a row. */
#pragma once

#include "kernel/cpu.h"
#include "kernel/panel.h"

typedef struct qn_kernels {
    qn_cpu_level level;

    /* act.h: x[n_in] -> one row of activations of qn_act_bytes(n_in); n_in a multiple of 32. */
    void (*quantize)(size_t n_in, const float *x, void *act);

    /* Decodes n_k weights (at most 256, whole blocks) of each of 16 rows, which begin offset bytes
     * into row[o], into *p. Rows may be the same. NULL for float encodings. */
    void (*expand[QN_N_ENCODINGS])(qn_panel *p, size_t n_k, const uint8_t *const row[16],
                                   size_t offset);

    /* acc[r][panel][o] += n_k weights of output o of the panel times those of activation row r,
     * which begins at x + r * x_stride bytes. One or two panels; acc is [n_rows][n_panels][16]. */
    void (*panel_mul)(qn_shape shape, size_t n_k, size_t n_panels, const qn_panel *p, size_t n_rows,
                      const qn_act *x, size_t x_stride, float *acc);

    /* Float encodings: y[r * y_stride + o] = row r of x times the n_in weights at w + o * w_stride
     * bytes. NULL for quantized encodings. */
    void (*float_mul[QN_N_ENCODINGS])(size_t n_in, size_t n_outputs, const uint8_t *w,
                                      size_t w_stride, size_t n_rows, const float *x,
                                      size_t x_stride, float *y, size_t y_stride);
    void (*float_decode[QN_N_ENCODINGS])(size_t n, const uint8_t *bytes, float *out);
} qn_kernels;

/* The kernels of the highest variants that are at most level and that this CPU has: constant,
 * shared, safe from any thread. */
const qn_kernels *qn_kernels_at(qn_cpu_level level);

/* The prototype of each function in the table. */
// clang-format off
#define X(cpu_level, bound, member, function) \
    extern __typeof__(*((qn_kernels *)0)->member) function;
#include "kernel/variants.def"
#undef X
// clang-format on
