/* kernel/attend.avx512vnni.c - attention, with vpdpbusd and vpdpwssd on 512 bits. */
#include "kernel/attend.avx2.h"
#include "kernel/kernels.h"

void qn_attend_avx512vnni(const qn_attend_job *job, void *scratch)
{
    attend(job, scratch);
}

void qn_attend_span_avx512vnni(const qn_attend_job *job, uint32_t span_at, float *part,
                               void *scratch)
{
    attend_span(job, span_at, part, scratch);
}

void qn_attend_join_avx512vnni(const qn_attend_job *job, float *parts, size_t span_bytes)
{
    attend_join(job, parts, span_bytes);
}
