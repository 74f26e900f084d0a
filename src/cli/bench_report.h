/* cli/bench_report.h - what `quern bench` prints of a test. */
#pragma once

#include "cli/machine_limits.h"
#include "engine/engine.h"
#include "model/cost.h"

enum { QN_BENCH_MOST_REPEATS = 100 };

typedef struct qn_bench_result { /* of one test */
    bool prompts;                /* runs prompts, else generates */
    uint32_t n_tokens, n_sequences, depth, n_threads, n_repeats;
    const qn_kernels *kernels;
    qn_cost cost;
    bool has_limits;
    double rates[QN_BENCH_MOST_REPEATS];  /* tokens a second */
    double limits[QN_BENCH_MOST_REPEATS]; /* of the moment after each repeat */
    double large_pages;                   /* share of the weights that lies in them; < 0: unknown */
} qn_bench_result;

/* Tokens a second if nothing but reading, or nothing but the multiplications of linear ops, took
 * time: 8-bit ones at the int8 peak, float ones at the f32 peak, the one after the other. */
double qn_bench_limit(const qn_machine_limits *l, const qn_cost *c, const qn_kernels *k);

void qn_bench_print(const qn_bench_result *r, bool json);
void qn_bench_print_limits(const qn_machine_limits *l, uint32_t n_threads, bool json);
