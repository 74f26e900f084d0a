/* kernel/limits.h - what one core reads and multiplies at most: the denominators of benchmarks.
 *
 * Each function does a known amount of work with the widest instructions that the level allows and
 * this CPU has, and returns a number that only keeps the compiler from leaving the work out. The
 * caller takes the time. Safe from many threads. */
#pragma once

#include "kernel/cpu.h"

enum { QN_READ_WAYS = 12 };

typedef struct qn_limit_work {
    /* Reads n_bytes once, as 1 to 32 streams side by side, without requests to memory or with
     * them: way 0 to QN_READ_WAYS - 1, none of which is the fastest everywhere. Less than a
     * thousandth, or 512 bytes for each stream, is left out. */
    int64_t (*read)(size_t n_bytes, const uint8_t *bytes, size_t way);
    int64_t (*int8)(
        size_t n_loops); /* n_int8 products of 8-bit integers a loop, summed in 32 bits */
    int64_t (*f32)(size_t n_loops);  /* n_f32 fused multiply-adds a loop */
    int64_t (*bf16)(size_t n_loops); /* n_bf16 products of bf16; NULL where the CPU has none */
    size_t n_int8, n_f32, n_bf16;
} qn_limit_work;

const qn_limit_work *qn_limit_work_at(qn_cpu_level level);
