/* kernel/cpu.h - the levels of CPU that kernels are written for, and which of them this one has.
 *
 * A level's name is the suffix of its files and functions and the value of --isa. A CPU may lack
 * a lower level than its best one (avx512 without avxvnni), so a kernel runs where its own level
 * is present and is at most the level asked for. */
#pragma once

#include "base/types.h"

typedef enum qn_cpu_level {
    QN_CPU_REF,
    QN_CPU_AVX2,       /* with FMA and F16C */
    QN_CPU_AVXVNNI,    /* avx2, and vpdpbusd on 256 bits */
    QN_CPU_AVX512,     /* avx2, and F, BW, VL, DQ */
    QN_CPU_AVX512VNNI, /* avx512, and vpdpbusd on 512 bits */
    QN_CPU_AVX512BF16, /* avx512vnni, and vdpbf16ps on 512 bits */
    QN_CPU_AMX,        /* avx512bf16, and tiles of int8 and bf16 that the kernel lets us use */
    QN_CPU_N_LEVELS
} qn_cpu_level;

/* Whether this CPU and its operating system can run the level's kernels. For the tiles of amx it
 * asks the kernel, which then lets the whole process use them. Safe from any thread. */
bool qn_cpu_has(qn_cpu_level level);

/* Whether vdpbf16ps multiplies faster than fma: with Intel's, attention took 1.5 to 1.9 times as
 * long (docs/speed/024-bf16-attention.md), so class T has tiles there or nothing. */
bool qn_cpu_gains_by_bf16(void);

/* What the machine lacks of the level ("AVX512-VNNI"), NULL where qn_cpu_has it. */
const char *qn_cpu_lacks(qn_cpu_level level);

/* The highest level that qn_cpu_has. */
qn_cpu_level qn_cpu_best(void);

const char *qn_cpu_level_name(qn_cpu_level level);

/* False when no level has this name. */
bool qn_cpu_level_from_name(const char *name, qn_cpu_level *level);
