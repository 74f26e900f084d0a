/* kernel/attend.avx512bf16.c - attention of class T: F16 pages as pairs of bf16 (ADR 010). */
#include "kernel/attend.avx2.h"
#include "kernel/kernels.h"

/* F32 is for those who want no rounding. */
static bool rounds(const qn_attend_job *job)
{
    return job->k_type == QN_KV_F16 || job->v_type == QN_KV_F16;
}

void qn_attend_avx512bf16(const qn_attend_job *job, void *scratch)
{
    if (!rounds(job)) {
        qn_attend_avx512vnni(job, scratch);
        return;
    }
    attend(job, scratch);
}

void qn_attend_span_avx512bf16(const qn_attend_job *job, uint32_t span_at, float *part,
                               void *scratch)
{
    if (!rounds(job)) {
        qn_attend_span_avx512vnni(job, span_at, part, scratch);
        return;
    }
    attend_span(job, span_at, part, scratch);
}
