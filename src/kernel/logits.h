/* kernel/logits.h - what sampling and scoring need of a row of logits.
 *
 * Definition: max is exact, argmax the lowest id that has it; sum = sum of exp(x[i] - max) (f32,
 * then widened) in 16 f64 lanes (lane i % 16, ascending), folded 8+8, 4+4, 2+2, 1+1. NaN never is a
 * maximum; all NaN or -infinity gives id 0. */
#pragma once

#include "base/types.h"

typedef struct qn_logit_stats {
    double sum; /* of exp(x - max) */
    float max;
    uint32_t argmax;
} qn_logit_stats;

/* n logits, 1 <= n < 2^31. */
void qn_sum_logits(size_t n, const float *x, qn_logit_stats *stats);
uint32_t qn_argmax(size_t n, const float *x);

/* log of the probability of an id whose logit is x: (x - max) - log(sum) in f64, rounded once. */
float qn_logprob(const qn_logit_stats *stats, float x);
