/* kernel/kernels.c - picks the variants: rows of variants.def in order, each where it may run. */
#include "kernel/kernels.h"

#include <pthread.h>
#include <stdio.h>

static qn_kernels exact[QN_CPU_N_LEVELS], fastest[QN_CPU_N_LEVELS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

typedef bool levels[QN_CPU_N_LEVELS];

/* From the variants of class E at some levels, and of class T at others. */
static void fill(qn_kernels *k, qn_cpu_level level, const levels class_e, const levels class_t)
{
    qn_cpu_level highest = QN_CPU_REF; /* of class T */
    k->level = level;
// clang-format off
#define X(cpu_level, bound, member, function) \
    if ((cpu_level) <= level && ((bound) == 0 ? class_e : class_t)[cpu_level]) { \
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
    levels present, faster, none = {false};
    for (qn_cpu_level level = 0; level < QN_CPU_N_LEVELS; level++)
        faster[level] = present[level] = qn_cpu_has(level);
    faster[QN_CPU_AVX512BF16] = qn_cpu_gains_by_bf16();
    for (qn_cpu_level level = 0; level < QN_CPU_N_LEVELS; level++) {
        fill(&exact[level], level, present, none);
        fill(&fastest[level], level, present, faster);
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
