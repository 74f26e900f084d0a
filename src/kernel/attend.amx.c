/* kernel/attend.amx.c - attention of class T: float pages in tiles of bf16 (ADR 010). */
#define ATTEND_TILES
#include "kernel/attend.avx2.h"
#include "kernel/kernels.h"

void qn_attend_amx(const qn_attend_job *job, void *scratch)
{
    if (!suits_tiles(job)) {
        qn_attend_avx512vnni(job, scratch);
        return;
    }
    use_full_tiles();
    attend(job, scratch);
    _tile_release();
}

void qn_attend_span_amx(const qn_attend_job *job, uint32_t span_at, float *part, void *scratch)
{
    if (!suits_tiles(job)) {
        qn_attend_span_avx512vnni(job, span_at, part, scratch);
        return;
    }
    use_full_tiles();
    attend_span(job, span_at, part, scratch);
    _tile_release();
}
