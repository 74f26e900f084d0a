/* kernel/panel_decode.avx2.c - the weights of a panel as floats, eight at a time. */
#include "kernel/f16.h"
#include "kernel/kernels.h"

#include <immintrin.h>

static inline __m256 eight(const qn_panel *p, size_t k, size_t o, int offset)
{
    __m128i bytes = _mm_cvtsi32_si128((int)qn_load_u32(p->q[k / 4][o]));
    bytes = _mm_insert_epi32(bytes, (int)qn_load_u32(p->q[k / 4 + 1][o]), 1);
    return _mm256_cvtepi32_ps(
        _mm256_sub_epi32(_mm256_cvtepu8_epi32(bytes), _mm256_set1_epi32(offset)));
}

void qn_panel_decode_avx2(qn_shape shape, size_t n_k, const qn_panel *p, size_t o, size_t n,
                          float *out, size_t stride)
{
    for (size_t end = o + n; o < end; o++, out += stride)
        for (size_t k = 0; k < n_k; k += 8) {
            __m256 q = eight(p, k, o, shape.offset);
            __m256 dw = _mm256_set1_ps(p->dw[k / shape.n_group][o]);
            __m256 w = shape.has_min ? _mm256_fmadd_ps(dw, q, _mm256_set1_ps(p->dm[k / 32][o]))
                                     : _mm256_mul_ps(dw, q);
            _mm256_storeu_ps(out + k, w);
        }
}
