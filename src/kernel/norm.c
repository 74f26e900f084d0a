/* kernel/norm.c - the reference: these lines define the bits of a norm. */
#include "kernel/norm.h"

#include "kernel/fold.h"

#include <math.h>

void qn_rms_norm(size_t n, float *y, const float *x, const float *weight, float eps)
{
    float sum[16] = {0};
    for (size_t i = 0; i < n; i++)
        sum[i % 16] = fmaf(x[i], x[i], sum[i % 16]);
    float scale = 1.0f / sqrtf(qn_fold_f32(sum) / (float)n + eps);
    for (size_t i = 0; i < n; i++)
        y[i] = weight ? x[i] * scale * weight[i] : x[i] * scale;
}
