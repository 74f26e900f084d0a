/* cli/machine_limits.h - what the threads of a benchmark read and multiply at most, all together.
 *
 * What memory gives moves with the machine's other guests, so a meter measures again and again:
 * each timing beside a limit of the same moment. */
#pragma once

#include "base/pool.h"
#include "kernel/cpu.h"

typedef struct qn_machine_limits {
    size_t n_bytes;          /* of the buffer that was read */
    double read_4k, read_2m; /* bytes a second, on pages of 4 KiB and, where had, of 2 MiB */
    double int8, f32, bf16;  /* operations a second; bf16 is 0 where the CPU has none */
} qn_machine_limits;

typedef struct qn_meter qn_meter;

/* A meter with a team of n_threads that reads buffers of n_bytes, but of at least 1 MiB and at most
 * 1 GiB, many times what caches hold. Takes twice that memory. */
qn_status qn_meter_open(qn_meter **m, size_t n_threads, uint64_t n_bytes, qn_cpu_level level,
                        qn_error *err);
void qn_meter_close(qn_meter *m); /* takes NULL */

/* The best of a few passes. The first call looks for the number of streams that reads fastest and
 * takes a second or two, later ones a tenth of that. */
qn_machine_limits qn_meter_measure(qn_meter *m);
