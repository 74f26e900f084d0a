/* kernel/act.c - the reference: these lines define the bits of quantized activations. */
#include "kernel/f16.h"
#include "kernel/kernels.h"

#include <math.h>
#include <string.h>

/* The largest magnitude as bits, which order as the magnitudes do, with NaN above infinity. */
static uint32_t largest_bits(const float x[32])
{
    uint32_t largest = 0;
    for (size_t i = 0; i < 32; i++)
        largest = QN_MAX(largest, qn_bits_of_float(x[i]) & 0x7fffffff);
    return largest;
}

static void quantize_group(const float x[32], qn_act *b, size_t g)
{
    float m = qn_float_of_bits(largest_bits(x)), scale = 127.0f / m;
    if (!(m < INFINITY)) /* shows in every product, where a clamp would hide it */
        b->d[g] = NAN;
    if (!(m < INFINITY) || m < QN_ACT_LEAST)
        return; /* zeros */
    int32_t sum[2] = {0, 0};
    for (size_t i = 0; i < 32; i++) {
        int32_t q = (int32_t)rintf(x[i] * scale);
        b->q[32 * g + i] = (int8_t)q;
        sum[i / 16] += q;
    }
    b->d[g] = m / 127.0f;
    b->sum[g] = (float)(sum[0] + sum[1]);
    b->sum16[2 * g] = (int16_t)sum[0];
    b->sum16[2 * g + 1] = (int16_t)sum[1];
}

void qn_quantize(size_t n_in, const float *x, void *act)
{
    qn_act *b = act;
    memset(act, 0, qn_act_bytes(n_in));
    for (size_t g = 0; g < n_in / 32; g++)
        quantize_group(x + 32 * g, &b[g / 8], g % 8);
}
