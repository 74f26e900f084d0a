/* kernel/kernels.c - picks the variants: rows of variants.def in order, each where it may run. */
#include "kernel/kernels.h"

#include <pthread.h>

static qn_kernels tables[QN_CPU_N_LEVELS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill(qn_kernels *k, qn_cpu_level level, const bool present[QN_CPU_N_LEVELS])
{
    k->level = level;
// clang-format off
#define X(cpu_level, bound, member, function) \
    if ((cpu_level) <= level && present[cpu_level]) k->member = function;
#include "kernel/variants.def"
#undef X
    // clang-format on
}

static void fill_all(void)
{
    bool present[QN_CPU_N_LEVELS];
    for (qn_cpu_level level = 0; level < QN_CPU_N_LEVELS; level++)
        present[level] = qn_cpu_has(level);
    for (qn_cpu_level level = 0; level < QN_CPU_N_LEVELS; level++)
        fill(&tables[level], level, present);
}

const qn_kernels *qn_kernels_at(qn_cpu_level level)
{
    pthread_once(&once, fill_all);
    return &tables[level];
}
