/* cli/machine_limits.h - what the threads of a benchmark read and multiply at most, all together.
 */
#pragma once

#include "base/pool.h"
#include "kernel/cpu.h"

typedef struct qn_machine_limits {
    double read_4k, read_2m; /* bytes a second, on pages of 4 KiB and, where had, of 2 MiB */
    double int8, f32, bf16;  /* multiply-adds a second; bf16 is 0 where the CPU has none */
} qn_machine_limits;

/* Measures with every member of a team of n_threads, over a buffer of n_bytes. Takes a second or
 * two. */
qn_status qn_machine_measure(qn_machine_limits *l, size_t n_threads, size_t n_bytes,
                             qn_cpu_level level, qn_error *err);
