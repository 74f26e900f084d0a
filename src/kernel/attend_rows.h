/* kernel/attend_rows.h - what all variants of attention agree on: who sees what, where parts lie.
 *
 * Tile row t of a kv head is head t % n_group, of those that share it, of row t / n_group. A part
 * is [m, l, 14 unused, acc...], its acc padded to whole lanes. */
#pragma once

#include "kernel/act.h"
#include "kernel/attend.h"

enum { QN_ATTEND_BLOCK = 96, QN_ATTEND_TILE = 6 }; /* tile rows that share a page; registers */
#define QN_ATTEND_UNITS 32767.0f                   /* the largest weight as an integer */

static inline size_t qn_attend_pad(size_t dim)
{
    return (dim + 15) & ~(size_t)15;
}

static inline size_t qn_attend_part_floats(size_t v_dim)
{
    return 16 + qn_attend_pad(v_dim);
}

/* The query as activations: its dims, with the last group filled, and its bytes. */
static inline size_t qn_attend_act_dims(size_t k_dim)
{
    return qn_kv_groups(k_dim) * QN_KV_GROUP;
}

static inline size_t qn_attend_act_bytes(size_t k_dim)
{
    return qn_act_bytes(qn_attend_act_dims(k_dim));
}

/* The lowest position that a row at `position` sees. */
static inline uint32_t qn_attend_low(const qn_attend_job *job, uint32_t position)
{
    return job->window && position >= job->window ? position - job->window + 1 : 0;
}

static inline uint32_t qn_attend_position(const qn_attend_job *job, size_t t)
{
    return job->position + (uint32_t)(t / job->n_group);
}

static inline const float *qn_attend_q(const qn_attend_job *job, size_t head, size_t t)
{
    return job->q + t / job->n_group * job->q_row_stride +
           (head * job->n_group + t % job->n_group) * job->q_head_stride;
}

static inline float *qn_attend_out(const qn_attend_job *job, size_t head, size_t t)
{
    return job->out + t / job->n_group * job->out_row_stride +
           (head * job->n_group + t % job->n_group) * job->out_head_stride;
}

static inline const uint8_t *qn_attend_keys(const qn_attend_job *job, size_t head, uint32_t page)
{
    return (const uint8_t *)job->k_pages[page] + head * job->head_bytes;
}

static inline const uint8_t *qn_attend_values(const qn_attend_job *job, size_t head, uint32_t page)
{
    return (const uint8_t *)job->v_pages[page] + head * job->head_bytes;
}

/* Slots first..last of page, those that a row at `position` sees; false when it sees none. */
static inline bool qn_attend_slots(const qn_attend_job *job, uint32_t position, uint32_t page,
                                   size_t *first, size_t *last)
{
    uint32_t low = qn_attend_low(job, position), from = page * QN_PAGE_TOKENS;
    if (page < low / QN_PAGE_TOKENS || page > position / QN_PAGE_TOKENS)
        return false;
    *first = low > from ? low - from : 0;
    *last = QN_MIN(position - from, QN_PAGE_TOKENS - 1u);
    return true;
}

/* Whether a row at `position` sees a position of the span. */
static inline bool qn_attend_sees(const qn_attend_job *job, uint32_t position, uint32_t span)
{
    return span >= qn_attend_low(job, position) / QN_SPAN_TOKENS &&
           span <= position / QN_SPAN_TOKENS;
}
