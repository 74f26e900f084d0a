/* kernel/experts.c - groups rows by expert and deals experts and outputs out to a team.
 *
 * What is dealt out depends on the rows' choices, what is computed does not: a slot's products are
 * those of its row alone, and one member adds all that is added to an output. */
#include "kernel/experts.h"

#include <string.h>

enum {
    ROWS_AT_ONCE = 128,   /* of one expert: they stay in the second-level cache */
    MOST_RESULTS = 32768, /* rows times outputs at once: so do the products */
    ROWS_TO_DECODE = 8,   /* decoding weights costs about as much as multiplying so many rows */
};

typedef struct scratch {
    uint32_t *first; /* [n_experts + 1]: an expert's slots begin here */
    uint32_t *row;   /* of a slot */
    float *weight;   /* of a slot */
    uint8_t *x;      /* rows of one expert, gathered */
    float *y, *up;   /* their products */
    void *linear;
} scratch;

static size_t aligned(size_t n)
{
    return (n + 63) / 64 * 64;
}

/* Takes the parts from memory on; returns their bytes. memory may be NULL. */
static size_t lay_out(scratch *s, uint8_t *memory, size_t n_experts, size_t n_slots, size_t x_bytes)
{
    const size_t sizes[] = {aligned((n_experts + 1) * sizeof *s->first),
                            aligned(n_slots * sizeof *s->row),
                            aligned(n_slots * sizeof *s->weight),
                            aligned(ROWS_AT_ONCE * x_bytes),
                            MOST_RESULTS * sizeof *s->y,
                            MOST_RESULTS * sizeof *s->up};
    uint8_t *part[QN_COUNT(sizes)];
    size_t n = 0;
    for (size_t i = 0; i < QN_COUNT(sizes); n += sizes[i], i++)
        part[i] = memory ? memory + n : NULL;
    *s = (scratch){.first = (void *)part[0],
                   .row = (void *)part[1],
                   .weight = (void *)part[2],
                   .x = part[3],
                   .y = (void *)part[4],
                   .up = (void *)part[5],
                   .linear = memory ? memory + n : NULL};
    return n;
}

size_t qn_experts_scratch_bytes(size_t n_experts, size_t n_used, size_t n_rows, size_t n_in)
{
    scratch s;
    return lay_out(&s, NULL, n_experts, n_rows * n_used,
                   QN_MAX(qn_act_bytes(n_in), n_in * sizeof(float) + 64)) +
           qn_linear_scratch_bytes(n_in);
}

/* A counting sort of the choices by expert; rows stay in order. */
static void group_rows(const qn_experts *e, scratch *s)
{
    memset(s->first, 0, (e->n_experts + 1) * sizeof *s->first);
    for (size_t r = 0; r < e->n_rows; r++) {
        const uint32_t *ids = (const void *)(e->choices + r * e->choices_stride);
        for (size_t i = 0; i < e->n_used; i++)
            s->first[ids[i] + 1]++;
    }
    for (size_t i = 0; i < e->n_experts; i++)
        s->first[i + 1] += s->first[i];
    for (size_t r = 0; r < e->n_rows; r++) {
        const uint32_t *ids = (const void *)(e->choices + r * e->choices_stride);
        const float *weights = (const void *)(ids + e->n_used);
        for (size_t i = 0; i < e->n_used; i++) {
            uint32_t slot = s->first[ids[i]]++;
            s->row[slot] = (uint32_t)r;
            s->weight[slot] = weights[i];
        }
    }
    memmove(s->first + 1, s->first, e->n_experts * sizeof *s->first); /* each is its end by now */
    s->first[0] = 0;
}

static scratch begin(const qn_experts *e, void *memory)
{
    scratch s;
    lay_out(&s, memory, e->n_experts, e->n_rows * e->n_used, e->x_stride);
    group_rows(e, &s);
    return s;
}

static qn_matrix matrix_of(const qn_matrix *first, size_t expert)
{
    qn_matrix m = *first;
    m.bytes += expert * m.n_out * m.n_row_bytes;
    return m;
}

static void multiply(const qn_experts *e, const qn_matrix *m, size_t o_begin, size_t o_end,
                     size_t n_rows, const uint8_t *x, float *y, void *linear)
{
    if (e->is_act)
        qn_linear_i8(e->kernels, m, o_begin, o_end, n_rows, x, y, o_end - o_begin, linear);
    else
        qn_linear_f32(e->kernels, m, o_begin, o_end, n_rows, (const void *)x,
                      e->x_stride / sizeof(float), y, o_end - o_begin, linear);
}

/* Outputs from o on that are computed at once. */
static size_t outputs_at_once(size_t o, size_t o_end, size_t n_rows)
{
    size_t most = MOST_RESULTS / n_rows / QN_LINEAR_GRANULE * QN_LINEAR_GRANULE;
    return QN_MIN(o_end - o, most);
}

/* The rows of n slots side by side: where they lie when they are neighbours, else copied. */
static const uint8_t *gather(const qn_experts *e, const scratch *s, size_t slot, size_t n)
{
    if (s->row[slot + n - 1] - s->row[slot] == n - 1)
        return e->x + s->row[slot] * e->x_stride;
    for (size_t i = 0; i < n; i++)
        memcpy(s->x + i * e->x_stride, e->x + s->row[slot + i] * e->x_stride, e->x_stride);
    return s->x;
}

/* --- gate and up --- */

typedef struct gate_call {
    const qn_experts *e;
    const qn_matrix *up;
    qn_gate_kind kind;
} gate_call;

static void gate_rows(const gate_call *c, const scratch *s, size_t expert, size_t o_begin,
                      size_t o_end, size_t slot, size_t n_rows)
{
    const qn_experts *e = c->e;
    const uint8_t *x = gather(e, s, slot, n_rows);
    qn_matrix gate = matrix_of(&e->matrix, expert), up = matrix_of(c->up, expert);
    for (size_t o = o_begin, n; o < o_end; o += n) {
        n = outputs_at_once(o, o_end, n_rows);
        multiply(e, &gate, o, o + n, n_rows, x, s->y, s->linear);
        multiply(e, &up, o, o + n, n_rows, x, s->up, s->linear);
        e->kernels->gate(c->kind, n_rows * n, s->y, s->y, s->up);
        for (size_t r = 0; r < n_rows; r++)
            memcpy(e->y + (slot + r) * e->y_stride + o, s->y + r * n, n * sizeof *s->y);
    }
}

static void gate_expert(const gate_call *c, const scratch *s, size_t expert, size_t o_begin,
                        size_t o_end)
{
    size_t end = s->first[expert + 1];
    for (size_t slot = s->first[expert], n; slot < end; slot += n) {
        n = QN_MIN(end - slot, (size_t)ROWS_AT_ONCE);
        gate_rows(c, s, expert, o_begin, o_end, slot, n);
    }
}

/* What a granule of an expert's outputs costs, in rows. */
static size_t cost_of(const scratch *s, size_t expert)
{
    size_t n_rows = s->first[expert + 1] - s->first[expert];
    return n_rows ? n_rows + ROWS_TO_DECODE : 0;
}

/* How many of n granules, each `cost` long and the first at `at`, begin before `limit`. */
static size_t begun(size_t at, size_t cost, size_t n, size_t limit)
{
    return limit <= at ? 0 : QN_MIN((limit - at + cost - 1) / cost, n);
}

/* Lays the granules of all experts out in a line and gives each member an equal length of it. */
void qn_experts_gate(const qn_experts *e, const qn_matrix *up, qn_gate_kind gate, size_t member,
                     size_t n_members, void *memory)
{
    const gate_call call = {e, up, gate};
    scratch s = begin(e, memory);
    size_t n_out = e->matrix.n_out, n = (n_out + QN_LINEAR_GRANULE - 1) / QN_LINEAR_GRANULE;
    size_t total = 0, at = 0;
    for (size_t i = 0; i < e->n_experts; i++)
        total += n * cost_of(&s, i);
    size_t lo = total * member / n_members, hi = total * (member + 1) / n_members;
    for (size_t i = 0, cost; i < e->n_experts && at < hi; at += n * cost, i++) {
        cost = cost_of(&s, i);
        if (cost == 0 || at + n * cost <= lo)
            continue;
        size_t first = begun(at, cost, n, lo), end = begun(at, cost, n, hi);
        if (first < end)
            gate_expert(&call, &s, i, first * QN_LINEAR_GRANULE,
                        QN_MIN(end * QN_LINEAR_GRANULE, n_out));
    }
}

/* --- down, and the sum --- */

static void sum_rows(const qn_experts *e, const scratch *s, size_t expert, size_t o_begin,
                     size_t o_end, size_t slot, size_t n_rows)
{
    qn_matrix m = matrix_of(&e->matrix, expert);
    const uint8_t *x = e->x + slot * e->x_stride;
    for (size_t o = o_begin, n; o < o_end; o += n) {
        n = outputs_at_once(o, o_end, n_rows);
        multiply(e, &m, o, o + n, n_rows, x, s->y, s->linear);
        for (size_t r = 0; r < n_rows; r++)
            e->kernels->vec_add_scaled(n, e->y + s->row[slot + r] * e->y_stride + o, s->y + r * n,
                                       s->weight[slot + r]);
    }
}

/* Each member takes a range of outputs through all experts, ids ascending. */
void qn_experts_sum(const qn_experts *e, size_t member, size_t n_members, void *memory)
{
    size_t n_out = e->matrix.n_out, n = (n_out + QN_LINEAR_GRANULE - 1) / QN_LINEAR_GRANULE;
    size_t o_begin = n * member / n_members * QN_LINEAR_GRANULE;
    size_t o_end = QN_MIN(n * (member + 1) / n_members * QN_LINEAR_GRANULE, n_out);
    if (o_begin >= o_end)
        return;
    scratch s = begin(e, memory);
    for (size_t r = 0; r < e->n_rows; r++)
        memset(e->y + r * e->y_stride + o_begin, 0, (o_end - o_begin) * sizeof *e->y);
    for (size_t i = 0; i < e->n_experts; i++)
        for (size_t slot = s.first[i], n_rows; slot < s.first[i + 1]; slot += n_rows) {
            n_rows = QN_MIN(s.first[i + 1] - slot, (size_t)ROWS_AT_ONCE);
            sum_rows(e, &s, i, o_begin, o_end, slot, n_rows);
        }
}
