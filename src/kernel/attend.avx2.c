/* kernel/attend.avx2.c - attention, tiles of 6 rows by 16 keys in 12 ymm. */
#include "kernel/attend.avx2.h"
#include "kernel/kernels.h"

void qn_attend_avx2(const qn_attend_job *job, void *scratch)
{
    attend(job, scratch);
}

void qn_attend_span_avx2(const qn_attend_job *job, uint32_t span_at, float *part, void *scratch)
{
    attend_span(job, span_at, part, scratch);
}

void qn_attend_join_avx2(const qn_attend_job *job, float *parts, size_t span_bytes)
{
    attend_join(job, parts, span_bytes);
}
