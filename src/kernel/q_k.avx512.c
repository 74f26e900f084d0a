/* kernel/q_k.avx512.c - decodes blocks of 256 values, one zmm for 16 outputs. */
#include "kernel/q_k.avx2.h"

void qn_q4_k_expand_avx512(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride,
                           const uint8_t *next)
{
    (void)n_k; /* 256 */
    expand_q4_k(p, rows_of(w, stride, next));
}

void qn_q5_k_expand_avx512(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride,
                           const uint8_t *next)
{
    (void)n_k; /* 256 */
    expand_q5_k(p, rows_of(w, stride, next));
}

void qn_q6_k_expand_avx512(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride,
                           const uint8_t *next)
{
    (void)n_k; /* 256 */
    expand_q6_k(p, rows_of(w, stride, next));
}
