/* kernel/route.h - which experts a row goes to, and with what weights (ADR 007).
 *
 * Definition: the n_used largest logits are chosen, of equal ones the lower ids; NaN ranks with
 * -infinity. ids ascend. With max the largest chosen logit, e = exp(logit - max) in f32 and sum in
 * f64 (renormalised: of the chosen ones' e, ids ascending; else of all, as qn_sum_logits adds), a
 * weight is e / sum in f64, rounded once. NaN among the chosen logits shows in the weights. */
#pragma once

#include "kernel/kernels.h"

enum { QN_MOST_USED_EXPERTS = 64 };

/* n_used is 1 to QN_MOST_USED_EXPERTS and at most n_experts. */
void qn_route(const qn_kernels *k, size_t n_experts, const float logits[n_experts], size_t n_used,
              bool renormalise, uint32_t ids[n_used], float weights[n_used]);
