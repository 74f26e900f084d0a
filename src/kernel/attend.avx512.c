/* kernel/attend.avx512.c - attention, tiles of 6 rows by 64 keys in 24 zmm. */
#include "kernel/attend.avx2.h"
#include "kernel/kernels.h"

void qn_attend_avx512(const qn_attend_job *job, void *scratch)
{
    attend(job, scratch);
}

void qn_attend_span_avx512(const qn_attend_job *job, uint32_t span_at, float *part, void *scratch)
{
    attend_span(job, span_at, part, scratch);
}

void qn_attend_join_avx512(const qn_attend_job *job, float *parts, size_t span_bytes)
{
    attend_join(job, parts, span_bytes);
}
