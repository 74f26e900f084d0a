/* tests/support/emulated.c - the rows of variants.def at QN_CPU_AMX, from the second compilation of
 * their files, and those at QN_CPU_AVX512BF16. */
#ifdef __x86_64__
#include "tests/support/tiles.h"
#endif
#include "tests/support/emulated.h"

#ifdef __x86_64__
/* The table of the highest level that needs no tiles, with the rows of a level. */
static const qn_kernels *rows_of(qn_cpu_level level, qn_kernels *k)
{
    if (!qn_cpu_has(QN_CPU_AVX512BF16))
        return NULL;
    *k = *qn_kernels_at(QN_CPU_AVX512BF16);
// clang-format off
#define X(cpu_level, bound, member, function) \
    if ((cpu_level) == level) k->member = function;
#include "kernel/variants.def"
#undef X
    // clang-format on
    k->level = level;
    return k;
}

const qn_kernels *qn_test_emulated_amx(void)
{
    static qn_kernels k;
    return rows_of(QN_CPU_AMX, &k);
}

const qn_kernels *qn_test_vdpbf16ps(void)
{
    static qn_kernels k;
    return rows_of(QN_CPU_AVX512BF16, &k);
}
#else
const qn_kernels *qn_test_emulated_amx(void)
{
    return NULL;
}

const qn_kernels *qn_test_vdpbf16ps(void)
{
    return NULL;
}
#endif
