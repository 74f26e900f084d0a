/* kernel/cpu.c - what the CPU says it has (CPUID) and the operating system saves (XGETBV).
 *
 * Source: Intel SDM volume 1, 13.3 and 14.3; Linux Documentation/arch/x86/xstate.rst for AMX. */
#include "kernel/cpu.h"

#include <string.h>

static const char *const names[QN_CPU_N_LEVELS] = {
    [QN_CPU_REF] = "ref",
    [QN_CPU_AVX2] = "avx2",
    [QN_CPU_AVXVNNI] = "avxvnni",
    [QN_CPU_AVX512] = "avx512",
    [QN_CPU_AVX512VNNI] = "avx512vnni",
    [QN_CPU_AVX512BF16] = "avx512bf16",
    [QN_CPU_AMX] = "amx",
};

#ifdef __x86_64__
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { /* bits of XCR0 */
       XCR0_AVX = 0x6,
       XCR0_AVX512 = 0xe6,
       XCR0_AMX = 0x600e6,
};
enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };

typedef struct features {
    uint32_t leaf1_ecx, leaf7_ebx, leaf7_ecx, leaf7_edx, leaf7_1_eax;
    uint64_t xcr0;
} features;

static features read_features(void)
{
    features f = {0};
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d))
        return f;
    f.leaf1_ecx = c;
    if (c & bit_OSXSAVE) {
        uint32_t low, high;
        __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
        f.xcr0 = (uint64_t)high << 32 | low;
    }
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        f.leaf7_ebx = b;
        f.leaf7_ecx = c;
        f.leaf7_edx = d;
        if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d))
            f.leaf7_1_eax = a;
    }
    return f;
}

static bool all(uint64_t word, uint64_t bits)
{
    return (word & bits) == bits;
}

static const char *lacks_tiles(const features *f)
{
    if (!all(f->leaf7_edx, 1u << 22 | 1u << 24 | 1u << 25))
        return "AMX-BF16, AMX-TILE and AMX-INT8";
    if (!all(f->xcr0, XCR0_AMX))
        return "an operating system that saves tiles, such as Linux 5.16";
    if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) != 0)
        return "the operating system's permission to use tiles (ARCH_REQ_XCOMP_PERM)";
    return NULL;
}

/* Bits by number, as the manual's tables give them. Each level is asked for what the one it builds
 * on lacks, first. */
static const char *lacks(const features *f, qn_cpu_level level)
{
    const uint32_t fma = 1u << 12, avx = 1u << 28, f16c = 1u << 29;
    const uint32_t avx2 = 1u << 5, avx512f = 1u << 16, dq = 1u << 17, bw = 1u << 30, vl = 1u << 31;
    static const qn_cpu_level below[QN_CPU_N_LEVELS] = {
        [QN_CPU_AVXVNNI] = QN_CPU_AVX2,      [QN_CPU_AVX512] = QN_CPU_AVX2,
        [QN_CPU_AVX512VNNI] = QN_CPU_AVX512, [QN_CPU_AVX512BF16] = QN_CPU_AVX512VNNI,
        [QN_CPU_AMX] = QN_CPU_AVX512BF16,
    };
    const char *what = level == QN_CPU_REF ? NULL : lacks(f, below[level]);
    if (what)
        return what;
    switch (level) {
    case QN_CPU_AVX2:
        return all(f->xcr0, XCR0_AVX) && all(f->leaf1_ecx, fma | avx | f16c) &&
                       all(f->leaf7_ebx, avx2)
                   ? NULL
                   : "AVX2, FMA and F16C";
    case QN_CPU_AVXVNNI: return all(f->leaf7_1_eax, 1u << 4) ? NULL : "AVX-VNNI";
    case QN_CPU_AVX512:
        return all(f->xcr0, XCR0_AVX512) && all(f->leaf7_ebx, avx512f | dq | bw | vl)
                   ? NULL
                   : "AVX512-F, DQ, BW and VL";
    case QN_CPU_AVX512VNNI: return all(f->leaf7_ecx, 1u << 11) ? NULL : "AVX512-VNNI";
    case QN_CPU_AVX512BF16: return all(f->leaf7_1_eax, 1u << 5) ? NULL : "AVX512-BF16";
    case QN_CPU_AMX: return lacks_tiles(f);
    default: return NULL;
    }
}

const char *qn_cpu_lacks(qn_cpu_level level)
{
    features f = read_features();
    return lacks(&f, level);
}

bool qn_cpu_gains_by_bf16(void)
{
    unsigned a, b, c, d;
    bool is_intel = __get_cpuid(0, &a, &b, &c, &d) && b == signature_INTEL_ebx;
    return qn_cpu_has(QN_CPU_AVX512BF16) && !is_intel;
}
#else
const char *qn_cpu_lacks(qn_cpu_level level)
{
    return level == QN_CPU_REF ? NULL : "an x86 CPU";
}

bool qn_cpu_gains_by_bf16(void)
{
    return false;
}
#endif

bool qn_cpu_has(qn_cpu_level level)
{
    return !qn_cpu_lacks(level);
}

qn_cpu_level qn_cpu_best(void)
{
    qn_cpu_level level = QN_CPU_N_LEVELS - 1;
    while (!qn_cpu_has(level))
        level--;
    return level;
}

const char *qn_cpu_level_name(qn_cpu_level level)
{
    return names[level];
}

bool qn_cpu_level_from_name(const char *name, qn_cpu_level *level)
{
    for (*level = 0; *level < QN_CPU_N_LEVELS; (*level)++)
        if (strcmp(names[*level], name) == 0)
            return true;
    return false;
}
