/* kernel/q_32.avx512.c - decodes blocks of 32 values, one zmm for 16 outputs. */
#include "kernel/q_32.avx2.h"

void qn_q4_0_expand_avx512(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride,
                           const uint8_t *next)
{
    expand_q4_0(p, n_k, rows_of(w, stride, next));
}

void qn_q4_1_expand_avx512(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride,
                           const uint8_t *next)
{
    expand_q4_1(p, n_k, rows_of(w, stride, next));
}

void qn_q5_0_expand_avx512(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride,
                           const uint8_t *next)
{
    expand_q5_0(p, n_k, rows_of(w, stride, next));
}

void qn_q5_1_expand_avx512(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride,
                           const uint8_t *next)
{
    expand_q5_1(p, n_k, rows_of(w, stride, next));
}

void qn_q8_0_expand_avx512(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride,
                           const uint8_t *next)
{
    expand_q8_0(p, n_k, rows_of(w, stride, next));
}
