/* kernel/attend.amx.c - attention of class T: F16 pages in tiles of bf16 (ADR 010). */
#define ATTEND_TILES
#include "kernel/attend.avx2.h"
#include "kernel/kernels.h"

/* A job of fewer rows than tiles have is one block. */
static void begin(const qn_attend_job *job)
{
    use_tiles(QN_MIN(job->n_rows * job->n_group, (size_t)TILE_ROWS));
}

void qn_attend_amx(const qn_attend_job *job, void *scratch)
{
    if (!suits_tiles(job)) {
        qn_attend_avx512vnni(job, scratch);
        return;
    }
    begin(job);
    attend(job, scratch);
    _tile_release();
}

void qn_attend_span_amx(const qn_attend_job *job, uint32_t span_at, float *part, void *scratch)
{
    if (!suits_tiles(job)) {
        qn_attend_span_avx512vnni(job, span_at, part, scratch);
        return;
    }
    begin(job);
    attend_span(job, span_at, part, scratch);
    _tile_release();
}
