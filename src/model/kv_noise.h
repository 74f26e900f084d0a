/* model/kv_noise.h - keys and values of a text that nobody ran.
 *
 * Benchmarks of a long context need its pages, not its meaning: noise of the usual size stands for
 * them at the cost of writing it. Such pages must never get a name. */
#pragma once

#include "kernel/kernels.h"
#include "model/kv.h"

/* Makes an empty chain hold n_tokens positions of noise, the same for the same seed. QN_EFIT when
 * the pool has no page left; the pages taken until then stay the chain's. */
qn_status qn_chain_add_noise(qn_chain *c, qn_kv *kv, const qn_kernels *kernels, uint32_t n_tokens,
                             uint64_t seed, qn_error *err);
