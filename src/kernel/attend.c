/* kernel/attend.c - the reference: these lines define the bits of attention. */
#include "kernel/attend.h"

#include "kernel/attend_rows.h"
#include "kernel/fold.h"
#include "kernel/math.h"

#include <math.h>

static float score(const qn_attend_job *job, const float *q, const void *k_page, size_t slot)
{
    float s = 0;
    for (size_t d = 0; d < job->k_dim; d++)
        s = fmaf(q[d], qn_kv_value(job->k_type, k_page, d * QN_PAGE_TOKENS + slot), s);
    s *= job->scale;
    return job->softcap > 0 ? job->softcap * qn_tanh(s / job->softcap) : s;
}

/* Slots that the row does not see hold -infinity. */
static float page_max(const float s[QN_PAGE_TOKENS])
{
    float lane[16];
    for (size_t i = 0; i < 16; i++)
        lane[i] = qn_max_f32(qn_max_f32(s[i], s[i + 16]), qn_max_f32(s[i + 32], s[i + 48]));
    return qn_fold_max(lane);
}

static void add_page(const qn_attend_job *job, size_t t, uint32_t page, float *part)
{
    float s[QN_PAGE_TOKENS], sum[16] = {0}, *acc = part + 16;
    size_t first, last;
    if (!qn_attend_slots(job, qn_attend_position(job, t), page, &first, &last))
        return;
    for (size_t j = 0; j < QN_PAGE_TOKENS; j++)
        s[j] = j < first || j > last ? -INFINITY
                                     : score(job, qn_attend_q(job, t), job->k_pages[page], j);
    float m = qn_max_f32(part[0], page_max(s)), c = qn_exp(part[0] - m);
    for (size_t j = first; j <= last; j++) {
        s[j] = qn_exp(s[j] - m);
        sum[j % 16] += s[j];
    }
    part[0] = m;
    part[1] = fmaf(part[1], c, qn_fold_f32(sum));
    for (size_t d = 0; d < job->v_dim; d++) {
        acc[d] *= c;
        for (size_t j = first; j <= last; j++)
            acc[d] = fmaf(s[j], qn_kv_value(job->v_type, job->v_pages[page], j * job->v_dim + d),
                          acc[d]);
    }
}

static void reduce_span(const qn_attend_job *job, size_t t, uint32_t span, float *part)
{
    part[0] = -INFINITY;
    part[1] = 0;
    for (size_t d = 0; d < job->v_dim; d++)
        part[16 + d] = 0;
    for (uint32_t page = span * QN_SPAN_PAGES; page < (span + 1) * QN_SPAN_PAGES; page++)
        add_page(job, t, page, part);
}

static void join(size_t v_dim, float *part, const float *next)
{
    float m = qn_max_f32(part[0], next[0]), a = qn_exp(part[0] - m), b = qn_exp(next[0] - m);
    part[0] = m;
    part[1] = fmaf(next[1], b, part[1] * a);
    for (size_t d = 16; d < 16 + v_dim; d++)
        part[d] = fmaf(next[d], b, part[d] * a);
}

static void finish(const qn_attend_job *job, size_t t, const float *part)
{
    float *out = qn_attend_out(job, t), inverse = 1.0f / part[1];
    for (size_t d = 0; d < job->v_dim; d++)
        out[d] = part[16 + d] * inverse;
}

size_t qn_attend_scratch_bytes(size_t k_dim, size_t v_dim)
{
    size_t n_rows = QN_ATTEND_BLOCK, n_slots = QN_PAGE_TOKENS;
    size_t parts = 2 * n_rows * qn_attend_part_floats(v_dim), q = n_rows * k_dim;
    size_t page = n_slots * QN_MAX(k_dim, qn_attend_pad(v_dim)), scores = n_rows * (n_slots + 16);
    return sizeof(float) * (parts + qn_attend_pad(q) + page + scores);
}

uint32_t qn_attend_span_first(const qn_attend_job *job)
{
    return qn_attend_low(job, job->position) / QN_SPAN_TOKENS;
}

uint32_t qn_attend_span_last(const qn_attend_job *job)
{
    return (job->position + (uint32_t)(job->n_rows - 1)) / QN_SPAN_TOKENS;
}

size_t qn_attend_part_bytes(size_t n_rows, size_t n_group, size_t v_dim)
{
    return sizeof(float) * n_rows * n_group * qn_attend_part_floats(v_dim);
}

void qn_attend_span(const qn_attend_job *job, uint32_t span, float *part, void *scratch)
{
    (void)scratch;
    for (size_t t = 0; t < job->n_rows * job->n_group; t++)
        if (qn_attend_sees(job, qn_attend_position(job, t), span))
            reduce_span(job, t, span, part + t * qn_attend_part_floats(job->v_dim));
}

void qn_attend_join(const qn_attend_job *job, float *parts)
{
    size_t n_part = qn_attend_part_floats(job->v_dim), n_rows = job->n_rows * job->n_group;
    uint32_t first = qn_attend_span_first(job), last = qn_attend_span_last(job);
    for (size_t t = 0; t < n_rows; t++) {
        uint32_t position = qn_attend_position(job, t);
        float *sum = NULL;
        for (uint32_t span = first; span <= last; span++) {
            float *part = parts + ((span - first) * n_rows + t) * n_part;
            if (!qn_attend_sees(job, position, span))
                continue;
            if (sum)
                join(job->v_dim, sum, part);
            else
                sum = part;
        }
        finish(job, t, sum);
    }
}

void qn_attend(const qn_attend_job *job, void *scratch)
{
    float *sum = scratch, *next = sum + qn_attend_part_floats(job->v_dim);
    for (size_t t = 0; t < job->n_rows * job->n_group; t++) {
        uint32_t position = qn_attend_position(job, t);
        uint32_t first = qn_attend_low(job, position) / QN_SPAN_TOKENS;
        reduce_span(job, t, first, sum);
        for (uint32_t span = first + 1; span <= position / QN_SPAN_TOKENS; span++) {
            reduce_span(job, t, span, next);
            join(job->v_dim, sum, next);
        }
        finish(job, t, sum);
    }
}
