/* kernel/kernels.h - every operation that has variants, as one flat table of functions per level.
 *
 * A member's comment is the contract of all its variants; its reference (the rows of variants.def
 * at QN_CPU_REF) defines the bits. To add an operation: a member here and a row there. To add a
 * variant: a file <name>.<level>.c, which includes this header, and a row. */
#pragma once

#include "kernel/attend.h"
#include "kernel/bf16.h"
#include "kernel/cpu.h"
#include "kernel/dot.h"
#include "kernel/few.h"
#include "kernel/gate.h"
#include "kernel/hadamard.h"
#include "kernel/logits.h"
#include "kernel/norm.h"
#include "kernel/packed.h"
#include "kernel/panel.h"
#include "kernel/rope.h"

#define QN_NUMERICS_ID "3" /* what ADR 001 and those that add to it define */

enum { QN_FLOAT_SUMS_BYTES = 64 * 96 * 64 }; /* of a block of outputs and rows, 16 lanes each */

typedef struct qn_kernels {
    qn_cpu_level level;
    char numerics[24]; /* QN_NUMERICS_ID; of tables with class T also its highest level: "3+amx" */

    /* act.h: x[n_in] -> one row of activations of qn_act_bytes(n_in); n_in a multiple of 32. */
    void (*quantize)(size_t n_in, const float *x, void *act);

    /* Decodes n_k weights (at most 256, whole blocks) of each of 16 rows, row o at w + o * stride
     * bytes, into *p. Meanwhile it may ask memory for what is wanted next: as many bytes, from
     * next on in one piece; never read, so it may point anywhere; NULL asks for nothing. No
     * function for float encodings. */
    void (*expand[QN_N_ENCODINGS])(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride,
                                   const uint8_t *next);

    /* sums.to = sums.from plus each span (act.h) of n_k weights of an output times values x_begin
     * to x_begin + n_k, all of one block, of activation row r, whose block is at x + r * x_stride
     * bytes. Whole spans; one or two panels. Where the level has the two functions below, calls
     * with QN_PANEL_TILES_LEAST rows or more stand between them, on the same thread and with the
     * same shape and n_rows. */
    void (*panel_mul)(qn_shape shape, size_t span, size_t n_k, size_t n_panels, const qn_panel *p,
                      size_t n_rows, const qn_act *x, size_t x_stride, size_t x_begin,
                      qn_panel_sums sums);

    /* Give the thread's tile registers their shapes; free them, so that switching threads need not
     * save them. NULL where the level has no tiles. */
    void (*panel_tiles_begin)(qn_shape shape, size_t n_rows);
    void (*panel_tiles_end)(void);

    /* y[r * y_stride + o] = n_in quantized weights of output o times row r of activations (s.x[r]),
     * for n_out outputs, a multiple of 16, without a gap from w on, of rows that qn_dot_suits. May
     * ask memory for what comes after the weights. NULL: panels do it. */
    void (*dot)(qn_encoding e, size_t n_in, size_t n_out, const uint8_t *w, size_t n_rows,
                qn_dot_scratch s, float *y, size_t y_stride);

    /* The same of rows that qn_few_suits, at act; memory is qn_few_bytes(n_rows, n_in). */
    void (*few)(qn_encoding e, size_t n_in, size_t n_out, const uint8_t *w, size_t n_rows,
                const void *act, void *memory, float *y, size_t y_stride);

    /* packed.h: expand of the 16 outputs of a unit of n_k values, and the product of n_out outputs,
     * a multiple of 16, with up to QN_PACKED_MOST_ROWS rows at act; memory is
     * qn_packed_bytes(n_in), aligned to 4. packed_mul may be NULL: panels do it. */
    void (*packed_expand)(qn_encoding e, qn_panel *p, size_t n_k, const uint8_t *unit,
                          const uint8_t *next);
    void (*packed_mul)(qn_encoding e, size_t n_in, size_t n_out, const uint8_t *w, size_t n_rows,
                       const void *act, void *memory, float *y, size_t y_stride);

    /* The n_k weights of outputs o to o + n - 1 of a panel as floats: the first to out, the next
     * stride on. */
    void (*panel_decode)(qn_shape shape, size_t n_k, const qn_panel *p, size_t o, size_t n,
                         float *out, size_t stride);

    /* Float encodings: y[r * y_stride + o] = row r of x times the n_in weights at w + o * w_stride
     * bytes. sums: QN_FLOAT_SUMS_BYTES of scratch, aligned to 64. NULL for quantized encodings. */
    void (*float_mul[QN_N_ENCODINGS])(size_t n_in, size_t n_outputs, const uint8_t *w,
                                      size_t w_stride, size_t n_rows, const float *x,
                                      size_t x_stride, float *y, size_t y_stride, void *sums);
    void (*float_decode[QN_N_ENCODINGS])(size_t n, const uint8_t *bytes, float *out);

    /* bf16.h, class T, NULL where the level has none: rows of floats rounded to bf16, in
     * qn_bf16_rows_bytes(n_in, n_rows) aligned to 64 in the level's own order; and what
     * float_mul[QN_BF16] computes, from such rows, at most QN_BF16_MOST_ROWS; what lies behind them
     * is overwritten. */
    void (*bf16_take)(size_t n_in, size_t n_rows, const float *x, size_t x_stride, void *rows);
    void (*bf16_mul)(size_t n_in, size_t n_outputs, const uint8_t *w, size_t w_stride,
                     size_t n_rows, void *rows, float *y, size_t y_stride, void *sums);

    /* norm.h, rope.h, hadamard.h, gate.h, logits.h, kv.h, attend.h: the contract of qn_<member>. */
    void (*rms_norm)(size_t n, float *y, const float *x, const float *weight, float eps);
    void (*rope_angles)(size_t n_pairs, float *cos_a, float *sin_a, const float *inv_freq,
                        uint32_t position, float magnitude);
    void (*rope)(size_t n_heads, size_t stride, float *x, size_t n_rot, const float *cos_a,
                 const float *sin_a, qn_rope_pairs pairs);
    void (*hadamard)(size_t n, size_t n_block, float *x);
    void (*gate)(qn_gate_kind kind, size_t n, float *y, const float *g, const float *u);
    void (*vec_add)(size_t n, float *y, const float *a, const float *b);
    void (*vec_scale)(size_t n, float *y, const float *x, float factor);
    void (*vec_add_scaled)(size_t n, float *y, const float *x, float factor);
    void (*vec_softcap)(size_t n, float *y, const float *x, float cap);
    uint32_t (*argmax)(size_t n, const float *x);
    void (*sum_logits)(size_t n, const float *x, qn_logit_stats *stats);
    void (*kv_append_k)(qn_kv_type type, void *page, size_t slot, size_t n_rows, size_t dim,
                        const float *x, size_t stride);
    void (*kv_append_v)(qn_kv_type type, void *page, size_t slot, size_t n_rows, size_t dim,
                        const float *x, size_t stride);
    void (*attend)(const qn_attend_job *job, void *scratch);
    void (*attend_span)(const qn_attend_job *job, uint32_t span, float *part, void *scratch);
    void (*attend_join)(const qn_attend_job *job, float *parts, size_t span_bytes);
} qn_kernels;

/* The kernels of the highest variants that are at most level and that this CPU has: constant,
 * shared, safe from any thread. Only class E: the same bits at every level. */
const qn_kernels *qn_kernels_at(qn_cpu_level level);

/* The same with class T, which is faster; its bits are the level's own. */
const qn_kernels *qn_kernels_fastest(qn_cpu_level level);

/* The prototype of each function in the table. */
// clang-format off
#define X(cpu_level, bound, member, function) \
    extern __typeof__(*((qn_kernels *)0)->member) function;
#include "kernel/variants.def"
#undef X
// clang-format on
