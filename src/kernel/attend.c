/* kernel/attend.c - the reference: these lines define the bits of attention. */
#include "kernel/attend.h"

#include "kernel/attend_rows.h"
#include "kernel/f16.h"
#include "kernel/fold.h"
#include "kernel/kernels.h"
#include "kernel/math.h"

#include <math.h>
#include <string.h>

typedef struct query { /* of one tile row */
    const qn_attend_job *job;
    size_t head, t;
    const float *x;
    const qn_act *act; /* where keys are quantized */
} query;

/* act is big enough for the blocks and behind them for the padded query. */
static query query_of(const qn_attend_job *job, size_t head, size_t t, qn_act *act)
{
    query q = {job, head, t, qn_attend_q(job, head, t), act};
    if (!qn_kv_is_quantized(job->k_type))
        return q;
    float *x = (float *)(void *)((uint8_t *)act + qn_attend_act_bytes(job->k_dim));
    size_t n = qn_attend_act_dims(job->k_dim);
    memset(x, 0, n * sizeof *x);
    memcpy(x, q.x, job->k_dim * sizeof *x);
    qn_quantize(n, x, act);
    return q;
}

static float int_score(const query *q, const void *page, size_t slot)
{
    const qn_attend_job *job = q->job;
    float s = 0;
    for (size_t g = 0; g < qn_kv_groups(job->k_dim); g++) {
        const qn_act *a = &q->act[g / 8];
        int32_t sum = 0;
        for (size_t d = QN_KV_GROUP * g; d < QN_MIN(QN_KV_GROUP * (g + 1), job->k_dim); d++)
            sum += qn_kv_key_code(job->k_type, page, job->k_dim, slot, d) * a->q[d % 256];
        s = fmaf((float)sum, qn_kv_scale(page, g, slot) * a->d[g % 8], s);
    }
    return s;
}

static float float_score(const query *q, const void *page, size_t slot)
{
    float s = 0;
    for (size_t d = 0; d < q->job->k_dim; d++)
        s = fmaf(q->x[d], qn_kv_key(q->job->k_type, page, q->job->k_dim, slot, d), s);
    return s;
}

static float score(const query *q, const void *page, size_t slot)
{
    const qn_attend_job *job = q->job;
    float s =
        qn_kv_is_quantized(job->k_type) ? int_score(q, page, slot) : float_score(q, page, slot);
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

typedef struct seen { /* what a row sees of a page */
    size_t first, last;
    const float *p; /* [64] */
    float c, b;     /* what the sums before and those of the page are multiplied by */
} seen;

static void add_float_values(const qn_attend_job *job, const void *page, const seen *w, float *acc)
{
    for (size_t d = 0; d < job->v_dim; d++) {
        acc[d] *= w->c;
        for (size_t j = w->first; j <= w->last; j++)
            acc[d] = fmaf(w->p[j], qn_kv_value(job->v_type, page, job->v_dim, j, d), acc[d]);
    }
}

/* The weights of the slots for one group of dims, as integers; returns their unit. */
static float weigh(const void *page, size_t g, const seen *w, int32_t u[QN_PAGE_TOKENS])
{
    uint32_t most = 0; /* as bits, which order as the scales do, with NaN above infinity */
    for (size_t j = w->first; j <= w->last; j++)
        most = QN_MAX(most, qn_bits_of_float(qn_kv_scale(page, g, j)));
    float s = qn_float_of_bits(most), factor = s > 0 ? QN_ATTEND_UNITS / s : 0;
    for (size_t j = w->first; j <= w->last; j++) {
        float x = w->p[j] * (qn_kv_scale(page, g, j) * factor);
        u[j] = x < INFINITY ? (int32_t)rintf(x) : 0; /* NaN shows in the sum of p or in s */
    }
    return w->b * (s / QN_ATTEND_UNITS);
}

static void add_int_values(const qn_attend_job *job, const void *page, const seen *w, float *acc)
{
    int32_t u[QN_PAGE_TOKENS];
    float unit = 0;
    for (size_t d = 0; d < job->v_dim; d++) {
        int32_t sum = 0;
        if (d % QN_KV_GROUP == 0)
            unit = weigh(page, d / QN_KV_GROUP, w, u);
        for (size_t j = w->first; j <= w->last; j++)
            sum += u[j] * qn_kv_value_code(job->v_type, page, job->v_dim, j, d);
        acc[d] = fmaf((float)sum, unit, acc[d] * w->c);
    }
}

static void add_page(const query *q, uint32_t page, float *part)
{
    const qn_attend_job *job = q->job;
    bool is_int = qn_kv_is_quantized(job->v_type);
    float s[QN_PAGE_TOKENS], sum[16] = {0};
    seen w = {.p = s};
    if (!qn_attend_slots(job, qn_attend_position(job, q->t), page, &w.first, &w.last))
        return;
    const void *keys = qn_attend_keys(job, q->head, page);
    const void *values = qn_attend_values(job, q->head, page);
    for (size_t j = 0; j < QN_PAGE_TOKENS; j++)
        s[j] = j < w.first || j > w.last ? -INFINITY : score(q, keys, j);
    float own = page_max(s), m = qn_max_f32(part[0], own);
    w.c = qn_exp(part[0] - m);
    w.b = qn_exp(own - m);
    for (size_t j = w.first; j <= w.last; j++) {
        s[j] = qn_exp(s[j] - (is_int ? own : m));
        sum[j % 16] += s[j];
    }
    part[0] = m;
    if (is_int) {
        part[1] = fmaf(qn_fold_f32(sum), w.b, part[1] * w.c);
        add_int_values(job, values, &w, part + 16);
    } else {
        part[1] = fmaf(part[1], w.c, qn_fold_f32(sum));
        add_float_values(job, values, &w, part + 16);
    }
}

static void reduce_span(const query *q, uint32_t span, float *part)
{
    part[0] = -INFINITY;
    part[1] = 0;
    for (size_t d = 0; d < q->job->v_dim; d++)
        part[16 + d] = 0;
    for (uint32_t page = span * QN_SPAN_PAGES; page < (span + 1) * QN_SPAN_PAGES; page++)
        add_page(q, page, part);
}

static void join(size_t v_dim, float *part, const float *next)
{
    float m = qn_max_f32(part[0], next[0]), a = qn_exp(part[0] - m), b = qn_exp(next[0] - m);
    part[0] = m;
    part[1] = fmaf(next[1], b, part[1] * a);
    for (size_t d = 16; d < 16 + v_dim; d++)
        part[d] = fmaf(next[d], b, part[d] * a);
}

static void finish(const qn_attend_job *job, size_t head, size_t t, const float *part)
{
    float *out = qn_attend_out(job, head, t), inverse = 1.0f / part[1];
    for (size_t d = 0; d < job->v_dim; d++)
        out[d] = part[16 + d] * inverse;
}

size_t qn_attend_scratch_bytes(size_t k_dim, size_t v_dim)
{
    size_t n_rows = QN_ATTEND_BLOCK, n_slots = QN_PAGE_TOKENS;
    size_t parts = 2 * n_rows * qn_attend_part_floats(v_dim), q = n_rows * k_dim;
    size_t page = n_slots * QN_MAX(k_dim, qn_attend_pad(v_dim)), scores = n_rows * (n_slots + 16);
    size_t scales = (n_slots + 1) * QN_MAX(qn_kv_groups(k_dim), qn_kv_groups(v_dim));
    size_t units = QN_ATTEND_TILE * qn_kv_groups(v_dim) * (n_slots / 2 + 1);
    size_t acts = n_rows * qn_attend_act_bytes(k_dim) / sizeof(float);
    acts += n_rows * qn_kv_groups(k_dim) + qn_attend_act_dims(k_dim);
    return sizeof(float) * (parts + qn_attend_pad(q) + page + scores + scales +
                            qn_attend_pad(units) + qn_attend_pad(acts));
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
    size_t n_rows = job->n_rows * job->n_group;
    for (size_t i = 0; i < job->n_heads * n_rows; i++) {
        query q = query_of(job, i / n_rows, i % n_rows, scratch);
        if (qn_attend_sees(job, qn_attend_position(job, q.t), span))
            reduce_span(&q, span, part + i * qn_attend_part_floats(job->v_dim));
    }
}

/* parts: of one tile row of a head, in each span. */
static void join_row(const qn_attend_job *job, size_t head, size_t t, float *parts,
                     size_t n_span_floats)
{
    uint32_t first = qn_attend_span_first(job), last = qn_attend_span_last(job);
    float *sum = NULL;
    for (uint32_t span = first; span <= last; span++) {
        float *part = parts + (span - first) * n_span_floats;
        if (!qn_attend_sees(job, qn_attend_position(job, t), span))
            continue;
        if (sum)
            join(job->v_dim, sum, part);
        else
            sum = part;
    }
    finish(job, head, t, sum);
}

void qn_attend_join(const qn_attend_job *job, float *parts, size_t span_bytes)
{
    size_t n_part = qn_attend_part_floats(job->v_dim), n_rows = job->n_rows * job->n_group;
    for (size_t i = 0; i < job->n_heads * n_rows; i++)
        join_row(job, i / n_rows, i % n_rows, parts + i * n_part, span_bytes / sizeof(float));
}

void qn_attend(const qn_attend_job *job, void *scratch)
{
    float *sum = scratch, *next = sum + qn_attend_part_floats(job->v_dim);
    qn_act *act = (qn_act *)(void *)(next + qn_attend_part_floats(job->v_dim));
    size_t n_rows = job->n_rows * job->n_group;
    for (size_t i = 0; i < job->n_heads * n_rows; i++) {
        query q = query_of(job, i / n_rows, i % n_rows, act);
        uint32_t position = qn_attend_position(job, q.t);
        uint32_t first = qn_attend_low(job, position) / QN_SPAN_TOKENS;
        reduce_span(&q, first, sum);
        for (uint32_t span = first + 1; span <= position / QN_SPAN_TOKENS; span++) {
            reduce_span(&q, span, next);
            join(job->v_dim, sum, next);
        }
        finish(job, q.head, q.t, sum);
    }
}
