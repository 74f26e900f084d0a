/* kernel/logits.c - the reference: these lines define the bits of a log-probability. */
#include "kernel/logits.h"

#include "kernel/fold.h"
#include "kernel/math.h"

#include <math.h>

uint32_t qn_argmax(size_t n, const float *x)
{
    float max = -INFINITY;
    uint32_t id = 0;
    for (size_t i = 0; i < n; i++) {
        if (x[i] > max) {
            max = x[i];
            id = (uint32_t)i;
        }
    }
    return id;
}

void qn_sum_logits(size_t n, const float *x, qn_logit_stats *stats)
{
    double sum[16] = {0};
    stats->argmax = qn_argmax(n, x);
    stats->max = x[stats->argmax];
    for (size_t i = 0; i < n; i++)
        sum[i % 16] += (double)qn_exp(x[i] - stats->max);
    stats->sum = qn_fold_f64(sum);
}

float qn_logprob(const qn_logit_stats *stats, float x)
{
    return (float)((double)x - (double)stats->max - qn_log(stats->sum));
}
