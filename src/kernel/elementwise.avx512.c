/* kernel/elementwise.avx512.c - the element-wise kernels, one zmm for 16 lanes. */
#include "kernel/elementwise.avx2.h"

void qn_rms_norm_avx512(size_t n, float *y, const float *x, const float *weight, float eps)
{
    rms_norm(n, y, x, weight, eps);
}

void qn_rope_angles_avx512(size_t n_pairs, float *cos_a, float *sin_a, const float *inv_freq,
                           uint32_t position, float magnitude)
{
    rope_angles(n_pairs, cos_a, sin_a, inv_freq, position, magnitude);
}

void qn_rope_avx512(size_t n_heads, size_t stride, float *x, size_t n_rot, const float *cos_a,
                    const float *sin_a, qn_rope_pairs pairs)
{
    rope(n_heads, stride, x, n_rot, cos_a, sin_a, pairs);
}

void qn_hadamard_avx512(size_t n, size_t n_block, float *x)
{
    hadamard(n, n_block, x);
}

void qn_gate_avx512(qn_gate_kind kind, size_t n, float *y, const float *g, const float *u)
{
    gate(kind, n, y, g, u);
}

void qn_vec_add_avx512(size_t n, float *y, const float *a, const float *b)
{
    vec_add(n, y, a, b);
}

void qn_vec_scale_avx512(size_t n, float *y, const float *x, float factor)
{
    vec_scale(n, y, x, factor);
}

void qn_vec_add_scaled_avx512(size_t n, float *y, const float *x, float factor)
{
    vec_add_scaled(n, y, x, factor);
}

void qn_vec_softcap_avx512(size_t n, float *y, const float *x, float cap)
{
    vec_softcap(n, y, x, cap);
}

uint32_t qn_argmax_avx512(size_t n, const float *x)
{
    return argmax(n, x);
}

void qn_sum_logits_avx512(size_t n, const float *x, qn_logit_stats *stats)
{
    sum_logits(n, x, stats);
}

void qn_kv_append_k_avx512(qn_kv_type type, void *page, size_t slot, size_t n_rows, size_t dim,
                           const float *x, size_t stride)
{
    kv_append_k(type, page, slot, n_rows, dim, x, stride);
}

void qn_kv_append_v_avx512(qn_kv_type type, void *page, size_t slot, size_t n_rows, size_t dim,
                           const float *x, size_t stride)
{
    kv_append_v(type, page, slot, n_rows, dim, x, stride);
}
