/* kernel/route.c - the definition of routing; a row costs less than a microsecond. */
#include "kernel/route.h"

#include "kernel/math.h"

#include <math.h>

static float rank(float logit)
{
    return isnan(logit) ? -INFINITY : logit;
}

/* Puts id behind the ids whose logits are as large or larger; what falls off the end is not chosen.
 */
static void insert(const float *logits, uint32_t id, size_t n, size_t n_used, uint32_t *ids)
{
    size_t at = n;
    for (; at > 0 && rank(logits[ids[at - 1]]) < rank(logits[id]); at--)
        if (at < n_used)
            ids[at] = ids[at - 1];
    if (at < n_used)
        ids[at] = id;
}

static void sort_ids(size_t n, uint32_t *ids)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0 && ids[j - 1] > ids[j]; j--) {
            uint32_t id = ids[j];
            ids[j] = ids[j - 1];
            ids[j - 1] = id;
        }
}

void qn_route(const qn_kernels *k, size_t n_experts, const float logits[n_experts], size_t n_used,
              bool renormalise, uint32_t ids[n_used], float weights[n_used])
{
    for (size_t i = 0; i < n_experts; i++)
        insert(logits, (uint32_t)i, QN_MIN(i, n_used), n_used, ids);
    float max = logits[ids[0]];
    double sum = 0;
    sort_ids(n_used, ids);
    for (size_t i = 0; i < n_used; i++) {
        weights[i] = qn_exp(logits[ids[i]] - max);
        sum += (double)weights[i];
    }
    if (!renormalise) {
        qn_logit_stats all;
        k->sum_logits(n_experts, logits, &all);
        sum = all.sum;
    }
    for (size_t i = 0; i < n_used; i++)
        weights[i] = (float)((double)weights[i] / sum);
}
