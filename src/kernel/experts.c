/* kernel/experts.c - groups rows by expert and deals experts and outputs out to a team.
 *
 * What is dealt out depends on the rows' choices, what is computed does not: a slot's products are
 * those of its row alone, and one member adds all that is added to an output. */
#include "kernel/experts.h"
#include "kernel/panel.h"

#include <string.h>

enum {
    FEW_ROWS = 16,        /* qn_linear_i8 is as fast */
    TILE_ROWS = 6,        /* multiplied between two requests to memory: what registers hold */
    TILE_ROWS_OF_16 = 4,  /* of encodings with groups of 16 */
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
    qn_panel *panel; /* 2 */
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
                            MOST_RESULTS * sizeof *s->up,
                            2 * sizeof *s->panel};
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
                   .panel = (void *)part[6],
                   .linear = memory ? memory + n : NULL};
    return n;
}

size_t qn_experts_scratch_bytes(size_t n_experts, size_t n_used, size_t n_rows, size_t n_in,
                                size_t n_linear)
{
    scratch s;
    return lay_out(&s, NULL, n_experts, n_rows * n_used,
                   QN_MAX(qn_act_bytes(n_in), n_in * sizeof(float) + 64)) +
           n_linear;
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

/* --- products of one expert's rows --- */

typedef struct bytes { /* weights that are wanted soon */
    const uint8_t *at, *end;
} bytes;

static bytes granule_at(const qn_matrix *m, size_t o)
{
    size_t n = QN_MIN(m->n_out - o, (size_t)QN_LINEAR_GRANULE);
    return (bytes){m->bytes + o * m->n_row_bytes, m->bytes + (o + n) * m->n_row_bytes};
}

static void ask(bytes *b, size_t n_bytes)
{
    const uint8_t *end = (size_t)(b->end - b->at) < n_bytes ? b->end : b->at + n_bytes;
    for (; b->at < end; b->at += 64)
        __builtin_prefetch(b->at, 0, 3);
}

/* Where one decoding of weights serves many rows, memory has nothing to do while they are
 * multiplied, and decoding asks it for more than it can take at once. So the requests are spread
 * over the tiles of rows. */
static void multiply_granule(const qn_experts *e, const qn_matrix *m, size_t o, size_t n_rows,
                             const uint8_t *x, bytes next, qn_panel *panel, float *y)
{
    const qn_kernels *k = e->kernels;
    size_t x_bytes = qn_act_bytes(m->n_in);
    size_t tile = qn_encoding_shape(m->encoding)->n_group == 16 ? TILE_ROWS_OF_16 : TILE_ROWS;
    size_t n_tiles = (n_rows + tile - 1) / tile * ((m->n_in + QN_PANEL_K - 1) / QN_PANEL_K);
    size_t n_asked = (size_t)(next.end - next.at) / n_tiles + 64;
    qn_panel_sums sums = {qn_panel_zeros, 0, y, QN_LINEAR_GRANULE};
    for (size_t at = 0, n_k; at < m->n_in; at += n_k) {
        n_k = QN_MIN(m->n_in - at, (size_t)QN_PANEL_K);
        for (size_t i = 0; i < 2; i++)
            qn_matrix_expand(k, m, o + 16 * i, at, n_k, &panel[i], NULL);
        for (size_t r = 0; r < n_rows; r += tile) {
            ask(&next, n_asked);
            k->panel_mul(*qn_encoding_shape(m->encoding), qn_act_span(m->n_in), n_k, 2, panel,
                         QN_MIN(n_rows - r, tile),
                         (const void *)(x + r * x_bytes + at / QN_PANEL_K * sizeof(qn_act)),
                         x_bytes, 0, qn_panel_sums_behind(sums, r));
        }
        sums.from = y, sums.from_stride = QN_LINEAR_GRANULE;
    }
}

static bool by_granules(const qn_experts *e, size_t n_rows)
{
    bool has_tiles = e->kernels->panel_tiles_begin && n_rows >= QN_PANEL_TILES_LEAST;
    return e->is_act && n_rows > FEW_ROWS && !has_tiles;
}

/* How many outputs from o on are computed at once. */
static size_t outputs_at_once(const qn_experts *e, size_t o, size_t o_end, size_t n_rows)
{
    size_t most = MOST_RESULTS / n_rows / QN_LINEAR_GRANULE * QN_LINEAR_GRANULE;
    return QN_MIN(o_end - o, by_granules(e, n_rows) ? (size_t)QN_LINEAR_GRANULE : most);
}

/* y[r * n + i] = row r of x times output o + i of m. */
static void multiply(const qn_experts *e, const scratch *s, const qn_matrix *m, size_t o, size_t n,
                     size_t n_rows, const uint8_t *x, bytes next, float *y)
{
    if (by_granules(e, n_rows) && n == QN_LINEAR_GRANULE)
        multiply_granule(e, m, o, n_rows, x, next, s->panel, y);
    else if (e->is_act)
        qn_linear_i8(e->kernels, m, o, o + n, n_rows, x, y, n, s->linear);
    else
        qn_linear_f32(e->kernels, m, o, o + n, n_rows, (const void *)x, e->x_stride / sizeof(float),
                      y, n, s->linear);
}

/* The next expert that has rows, or the last one. */
static size_t next_expert(const qn_experts *e, const scratch *s, size_t expert)
{
    size_t i = expert + 1;
    while (i < e->n_experts && s->first[i] == s->first[i + 1])
        i++;
    return i < e->n_experts ? i : expert;
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
    qn_matrix after = matrix_of(&e->matrix, next_expert(e, s, expert));
    for (size_t o = o_begin, n; o < o_end; o += n) {
        n = outputs_at_once(e, o, o_end, n_rows);
        multiply(e, s, &gate, o, n, n_rows, x, granule_at(&up, o), s->y);
        bytes next = o + n < o_end ? granule_at(&gate, o + n) : granule_at(&after, 0);
        multiply(e, s, &up, o, n, n_rows, x, next, s->up);
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

/* The rows lie apart, so memory is asked for them before their sums are there. */
static void ask_for_sums(const qn_experts *e, const scratch *s, size_t o, size_t slot,
                         size_t n_rows)
{
    for (size_t r = 0; r < n_rows; r++)
        for (size_t i = 0; i < QN_LINEAR_GRANULE; i += 16)
            __builtin_prefetch(e->y + s->row[slot + r] * e->y_stride + o + i, 1, 3);
}

static void sum_rows(const qn_experts *e, const scratch *s, size_t expert, size_t o_begin,
                     size_t o_end, size_t slot, size_t n_rows)
{
    qn_matrix m = matrix_of(&e->matrix, expert);
    qn_matrix after = matrix_of(&e->matrix, next_expert(e, s, expert));
    const uint8_t *x = e->x + slot * e->x_stride;
    for (size_t o = o_begin, n; o < o_end; o += n) {
        n = outputs_at_once(e, o, o_end, n_rows);
        bytes next = o + n < o_end ? granule_at(&m, o + n) : granule_at(&after, o_begin);
        if (n == QN_LINEAR_GRANULE)
            ask_for_sums(e, s, o, slot, n_rows);
        multiply(e, s, &m, o, n, n_rows, x, next, s->y);
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
