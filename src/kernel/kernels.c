/* kernel/kernels.c - picks the variants: rows of variants.def in order, each where it may run. */
#include "kernel/kernels.h"

#include <pthread.h>
#include <stdio.h>

static qn_kernels exact[QN_CPU_N_LEVELS], fastest[QN_CPU_N_LEVELS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill(qn_kernels *k, qn_cpu_level level, bool class_t,
                 const bool present[QN_CPU_N_LEVELS])
{
    qn_cpu_level highest = QN_CPU_REF; /* of class T */
    k->level = level;
// clang-format off
#define X(cpu_level, bound, member, function) \
    if ((cpu_level) <= level && present[cpu_level] && (class_t || (bound) == 0)) { \
        k->member = function; \
        if ((bound) > 0 && (cpu_level) > highest) highest = cpu_level; \
    }
#include "kernel/variants.def"
#undef X
    // clang-format on
    snprintf(k->numerics, sizeof k->numerics, QN_NUMERICS_ID "%s%s",
             highest == QN_CPU_REF ? "" : "+",
             highest == QN_CPU_REF ? "" : qn_cpu_level_name(highest));
}

static void fill_all(void)
{
    bool present[QN_CPU_N_LEVELS];
    for (qn_cpu_level level = 0; level < QN_CPU_N_LEVELS; level++)
        present[level] = qn_cpu_has(level);
    for (qn_cpu_level level = 0; level < QN_CPU_N_LEVELS; level++) {
        fill(&exact[level], level, false, present);
        fill(&fastest[level], level, true, present);
    }
}

const qn_kernels *qn_kernels_at(qn_cpu_level level)
{
    pthread_once(&once, fill_all);
    return &exact[level];
}

const qn_kernels *qn_kernels_fastest(qn_cpu_level level)
{
    pthread_once(&once, fill_all);
    return &fastest[level];
}
