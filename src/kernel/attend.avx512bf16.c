/* kernel/attend.avx512bf16.c - attention of class T: float pages as pairs of bf16 (ADR 010). */
#include "kernel/attend.avx2.h"
#include "kernel/kernels.h"

void qn_attend_avx512bf16(const qn_attend_job *job, void *scratch)
{
    attend(job, scratch);
}

void qn_attend_span_avx512bf16(const qn_attend_job *job, uint32_t span_at, float *part,
                               void *scratch)
{
    attend_span(job, span_at, part, scratch);
}
