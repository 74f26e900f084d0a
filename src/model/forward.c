/* model/forward.c - one function per op, run by all members of the team over their share. */
#include "model/forward.h"

#include "base/checked.h"
#include "kernel/attend.h"
#include "kernel/experts.h"
#include "kernel/route.h"

#include <string.h>

typedef struct qn_member_scratch { /* of one thread */
    uint8_t *own;                  /* its copy of the rows of a step, when they are few */
    uint8_t *linear, *attend, *experts;
    const void **k_pages, **v_pages; /* [n_pages] */
} qn_member_scratch;

typedef struct member { /* who runs an op, and on what */
    qn_forward *f;
    size_t index, n;
    uint32_t n_rows; /* of the op's space */
    bool few;        /* ops by row are repeated by every member */
    const qn_member_scratch *scratch;
} member;

typedef struct range {
    size_t first, end;
} range;

/* Member's share of n things. */
static range share(const member *m, size_t n)
{
    return (range){n * m->index / m->n, n * (m->index + 1) / m->n};
}

/* Row r of a place. In the head, wanted rows count from the block's first. */
static void *row_of(const member *m, const qn_place *p, size_t r)
{
    const qn_forward *f = m->f;
    if (m->few && p->own)
        return m->scratch->own + p->offset * QN_FEW_ROWS + r * p->n_bytes;
    size_t first = p->space == QN_SPACE_WANTED ? f->head_first : 0;
    return f->space[p->space] + p->offset * f->n_space_rows[p->space] + (first + r) * p->n_bytes;
}

/* Member's share of the rows of an op that goes by row. */
static range rows_of(const member *m)
{
    return m->few ? (range){0, m->n_rows} : share(m, m->n_rows);
}

/* Member's share of n columns: the same ones in every op of that width. */
static range columns_of(const member *m, size_t n)
{
    range granules = share(m, (n + QN_LINEAR_GRANULE - 1) / QN_LINEAR_GRANULE);
    return (range){QN_MIN(granules.first * QN_LINEAR_GRANULE, n),
                   QN_MIN(granules.end * QN_LINEAR_GRANULE, n)};
}

static size_t stride_of(const qn_place *p)
{
    return p->n_bytes / sizeof(float);
}

static uint32_t position_of(const qn_forward *f, size_t row)
{
    const qn_segment *s = &f->batch->segments[f->segment_of_row[row]];
    return s->position + ((uint32_t)row - s->first_row);
}

/* --- ops by row --- */

static void run_embed(const qn_op *op, const member *m)
{
    range rows = rows_of(m);
    for (size_t r = rows.first; r < rows.end; r++) {
        float *x = row_of(m, &op->dst, r);
        qn_matrix_decode(m->f->kernels, &op->matrix, m->f->batch->tokens[r], x);
        if (op->x != 1)
            m->f->kernels->vec_scale(op->dst.n, x, x, op->x);
    }
}

static void run_angles(const qn_op *op, const member *m)
{
    range rows = rows_of(m);
    for (size_t r = rows.first; r < rows.end; r++) {
        float *cos_sin = row_of(m, &op->dst, r);
        m->f->kernels->rope_angles(op->n_rot / 2, cos_sin, cos_sin + op->n_rot / 2, op->weights,
                                   position_of(m->f, r), 1);
    }
}

static void run_norm(const qn_op *op, const member *m)
{
    range rows = rows_of(m);
    for (size_t r = rows.first; r < rows.end; r++) {
        const float *x = row_of(m, &op->a, r);
        float *y = row_of(m, &op->dst, r);
        for (size_t i = 0; i < op->dst.n; i += op->n_vector)
            m->f->kernels->rms_norm(op->n_vector, y + i, x + i, op->weights, op->x);
    }
}

static void run_quantize(const qn_op *op, const member *m)
{
    range rows = rows_of(m);
    size_t n = op->dst.n / op->n_vector, x_bytes = op->a.n_bytes / n,
           act_bytes = op->dst.n_bytes / n;
    for (size_t r = rows.first; r < rows.end; r++) {
        const uint8_t *x = row_of(m, &op->a, r);
        uint8_t *act = row_of(m, &op->dst, r);
        for (size_t i = 0; i < n; i++)
            m->f->kernels->quantize(op->n_vector, (const void *)(x + i * x_bytes),
                                    act + i * act_bytes);
    }
}

static void run_rope(const qn_op *op, const member *m)
{
    range rows = rows_of(m);
    for (size_t r = rows.first; r < rows.end; r++) {
        const float *cos_sin = row_of(m, &op->a, r);
        m->f->kernels->rope(op->dst.n / op->n_vector, op->n_vector, row_of(m, &op->dst, r),
                            op->n_rot, cos_sin, cos_sin + op->n_rot / 2, op->pairs);
    }
}

static void run_hadamard(const qn_op *op, const member *m)
{
    range rows = rows_of(m);
    for (size_t r = rows.first; r < rows.end; r++)
        m->f->kernels->hadamard(op->dst.n, op->n_vector, row_of(m, &op->dst, r));
}

/* Rows [first, end) of one segment that lie in one page, some heads of them. */
static void append_to_page(const qn_op *op, const member *m, const qn_segment *s, size_t first,
                           size_t end, range heads)
{
    const qn_forward *f = m->f;
    const qn_kv_shape *shape = &f->kv->shape;
    uint32_t position = s->position + ((uint32_t)first - s->first_row);
    uint32_t page = s->chain->page[op->group][position / QN_PAGE_TOKENS];
    const float *k = row_of(m, &op->a, first), *v = row_of(m, &op->b, first);
    for (uint32_t h = (uint32_t)heads.first; h < heads.end; h++) {
        f->kernels->kv_append_k(shape->k_type, qn_kv_k(f->kv, op->group, page, op->group_layer, h),
                                position % QN_PAGE_TOKENS, end - first, shape->k_dim,
                                k + (size_t)h * shape->k_dim, stride_of(&op->a));
        f->kernels->kv_append_v(shape->v_type, qn_kv_v(f->kv, op->group, page, op->group_layer, h),
                                position % QN_PAGE_TOKENS, end - first, shape->v_dim,
                                v + (size_t)h * shape->v_dim, stride_of(&op->b));
    }
}

static void append_rows(const qn_op *op, const member *m, range rows, range heads)
{
    for (size_t r = rows.first, end; r < rows.end; r = end) {
        const qn_segment *s = &m->f->batch->segments[m->f->segment_of_row[r]];
        size_t room = QN_PAGE_TOKENS - position_of(m->f, r) % QN_PAGE_TOKENS;
        end = QN_MIN(r + room, QN_MIN((size_t)s->first_row + s->n_rows, rows.end));
        append_to_page(op, m, s, r, end, heads);
    }
}

/* The heads that a member attends over in a segment: neighbours, since their pages are. Who gets
 * the larger share goes round. */
static range heads_of(const member *m, size_t segment)
{
    size_t n_heads = m->f->kv->shape.n_heads, index = (m->index + segment) % m->n;
    return (range){n_heads * index / m->n, n_heads * (index + 1) / m->n};
}

/* With few rows a member appends the heads that it will attend over. */
static void run_kv_append(const qn_op *op, const member *m)
{
    const qn_batch *b = m->f->batch;
    if (!m->few) {
        append_rows(op, m, rows_of(m), (range){0, m->f->kv->shape.n_heads});
        return;
    }
    for (uint32_t s = 0; s < b->n_segments; s++) {
        size_t r = b->segments[s].first_row;
        append_rows(op, m, (range){r, r + b->segments[s].n_rows}, heads_of(m, s));
    }
}

static void run_bias(const qn_op *op, const member *m)
{
    range rows = rows_of(m);
    for (size_t r = rows.first; r < rows.end; r++) {
        float *x = row_of(m, &op->dst, r);
        m->f->kernels->vec_add(op->dst.n, x, x, op->weights);
    }
}

static void run_add(const qn_op *op, const member *m)
{
    range rows = rows_of(m);
    for (size_t r = rows.first; r < rows.end; r++) {
        float *x = row_of(m, &op->dst, r);
        m->f->kernels->vec_add(op->dst.n, x, x, row_of(m, &op->a, r));
    }
}

static void run_gate(const qn_op *op, const member *m)
{
    bool by_column = m->few && !op->dst.own;
    range rows = rows_of(m), all = {0, op->dst.n};
    range columns = by_column ? columns_of(m, op->dst.n) : all;
    for (size_t r = rows.first; r < rows.end && columns.first < columns.end; r++) {
        float *g = (float *)row_of(m, &op->dst, r) + columns.first;
        const float *u = (const float *)row_of(m, &op->a, r) + columns.first;
        m->f->kernels->gate(op->gate, columns.end - columns.first, g, g, u);
    }
}

static void run_route(const qn_op *op, const member *m)
{
    range rows = rows_of(m);
    for (size_t r = rows.first; r < rows.end; r++) {
        uint32_t *ids = row_of(m, &op->dst, r);
        qn_route(m->f->kernels, op->n_experts, row_of(m, &op->a, r), op->n_used, op->renormalise,
                 ids, (float *)(void *)(ids + op->n_used));
    }
}

static void run_softcap(const qn_op *op, const member *m)
{
    range rows = rows_of(m);
    for (size_t r = rows.first; r < rows.end; r++) {
        float *x = row_of(m, &op->dst, r);
        m->f->kernels->vec_softcap(op->dst.n, x, x, op->x);
    }
}

/* --- ops spread over members --- */

static void run_take(const qn_op *op, const member *m)
{
    range rows = share(m, m->f->batch->n_wanted);
    for (size_t r = rows.first; r < rows.end; r++)
        memcpy(row_of(m, &op->dst, r), row_of(m, &op->a, m->f->batch->wanted[r]),
               op->dst.n * sizeof(float));
}

static void run_linear(const qn_op *op, const member *m)
{
    range columns = columns_of(m, op->matrix.n_out);
    size_t first = columns.first, end = columns.end;
    const void *x = row_of(m, &op->a, 0);
    float *y = (float *)row_of(m, &op->dst, 0) + first;
    if (first >= end)
        return;
    if (op->a.is_act)
        qn_linear_i8(m->f->kernels, &op->matrix, first, end, m->n_rows, x, y, stride_of(&op->dst),
                     m->scratch->linear);
    else
        qn_linear_f32(m->f->kernels, &op->matrix, first, end, m->n_rows, x, stride_of(&op->a), y,
                      stride_of(&op->dst), m->scratch->linear);
}

/* Of a value with slots, what lies between two of them. */
static size_t slot_bytes(const qn_place *p, const qn_op *op)
{
    return p->n_bytes / op->n_used;
}

static qn_experts experts_of(const qn_op *op, const member *m)
{
    return (qn_experts){
        .kernels = m->f->kernels,
        .matrix = op->matrix,
        .n_experts = op->n_experts,
        .n_used = op->n_used,
        .n_rows = m->n_rows,
        .choices = row_of(m, &op->b, 0),
        .choices_stride = op->b.n_bytes,
        .is_act = op->a.is_act,
        .x = row_of(m, &op->a, 0),
        .x_stride = op->a.n_bytes,
        .y = row_of(m, &op->dst, 0),
        .y_stride = stride_of(&op->dst),
    };
}

static void run_expert_gate(const qn_op *op, const member *m)
{
    qn_experts e = experts_of(op, m);
    e.y_stride = slot_bytes(&op->dst, op) / sizeof(float);
    qn_experts_gate(&e, &op->up, op->gate, m->index, m->n, m->scratch->experts);
}

static void run_expert_sum(const qn_op *op, const member *m)
{
    qn_experts e = experts_of(op, m);
    e.x_stride = slot_bytes(&op->a, op);
    qn_experts_sum(&e, m->index, m->n, m->scratch->experts);
}

enum { ATTEND_ROWS = 64 }; /* rows of one unit: enough to reuse a page, few enough to share out */
_Static_assert((int)QN_FEW_ROWS <= (int)ATTEND_ROWS,
               "run_kv_append counts segments where this counts units");

typedef struct unit { /* attention of some rows of a segment over some kv heads */
    const qn_segment *segment;
    range heads;
    uint32_t first, n_rows; /* in the segment */
} unit;

static qn_attend_job job_of(const qn_op *op, const member *m, const unit *u)
{
    const qn_forward *f = m->f;
    const qn_kv_shape *s = &f->kv->shape;
    const qn_chain *chain = u->segment->chain;
    size_t head = u->heads.first;
    uint32_t position = u->segment->position + u->first, n_group = f->program->n_heads / s->n_heads;
    uint32_t lo = op->window && position + 1 > op->window ? position + 1 - op->window : 0;
    for (uint32_t p = lo / QN_PAGE_TOKENS; p <= (position + u->n_rows - 1) / QN_PAGE_TOKENS; p++) {
        uint32_t page = chain->page[op->group][p];
        m->scratch->k_pages[p] = qn_kv_k(f->kv, op->group, page, op->group_layer, (uint32_t)head);
        m->scratch->v_pages[p] = qn_kv_v(f->kv, op->group, page, op->group_layer, (uint32_t)head);
    }
    size_t row = u->segment->first_row + u->first;
    return (qn_attend_job){
        .k_pages = m->scratch->k_pages,
        .v_pages = m->scratch->v_pages,
        .n_heads = u->heads.end - u->heads.first,
        .head_bytes = qn_kv_head_bytes(f->kv, op->group),
        .k_type = s->k_type,
        .v_type = s->v_type,
        .n_rows = u->n_rows,
        .n_group = n_group,
        .position = position,
        .window = op->window,
        .k_dim = s->k_dim,
        .v_dim = s->v_dim,
        .scale = op->x,
        .softcap = op->softcap,
        .q = (const float *)row_of(m, &op->a, row) + head * n_group * s->k_dim,
        .q_row_stride = stride_of(&op->a),
        .q_head_stride = s->k_dim,
        .out = (float *)row_of(m, &op->dst, row) + head * n_group * s->v_dim,
        .out_row_stride = stride_of(&op->dst),
        .out_head_stride = s->v_dim,
    };
}

static float *part_of(const qn_forward *f, size_t span, size_t head)
{
    return (float *)(void *)(f->parts + (span * f->kv->shape.n_heads + head) * f->n_part_bytes);
}

/* One row of one sequence over a long past, of heads that cannot be shared out evenly: members
 * share the spans of all heads, each a run of neighbours, then join them. */
static void attend_spans(const qn_op *op, const member *m)
{
    qn_forward *f = m->f;
    size_t n_heads = f->kv->shape.n_heads;
    unit u = {.segment = &f->batch->segments[0], .heads = {0, n_heads}, .n_rows = 1};
    if (m->few)
        qn_pool_barrier(f->pool); /* others read what this member appended */
    qn_attend_job job = job_of(op, m, &u);
    uint32_t first = qn_attend_span_first(&job);
    range r = share(m, n_heads * (qn_attend_span_last(&job) - first + 1));
    for (size_t i = r.first, n; i < r.end; i += n) {
        size_t span = i / n_heads, head = i % n_heads;
        n = QN_MIN(n_heads - head, r.end - i);
        u.heads = (range){head, head + n};
        job = job_of(op, m, &u);
        f->kernels->attend_span(&job, first + (uint32_t)span, part_of(f, span, head),
                                m->scratch->attend);
    }
    qn_pool_barrier(f->pool);
    u.heads = heads_of(m, 0);
    if (u.heads.first < u.heads.end) {
        job = job_of(op, m, &u);
        f->kernels->attend_join(&job, part_of(f, 0, u.heads.first), n_heads * f->n_part_bytes);
    }
}

/* A block of rows of each segment to all members, by heads. */
static void run_attend(const qn_op *op, const member *m)
{
    const qn_batch *b = m->f->batch;
    bool even = m->f->kv->shape.n_heads % m->n == 0;
    if (!even && b->n_rows == 1 && b->segments[0].position >= QN_SPAN_TOKENS) {
        attend_spans(op, m);
        return;
    }
    size_t i = 0;
    for (uint32_t s = 0; s < b->n_segments; s++)
        for (uint32_t first = 0; first < b->segments[s].n_rows; first += ATTEND_ROWS, i++) {
            unit u = {&b->segments[s], heads_of(m, i), first,
                      QN_MIN((uint32_t)ATTEND_ROWS, b->segments[s].n_rows - first)};
            if (u.heads.first == u.heads.end)
                continue;
            qn_attend_job job = job_of(op, m, &u);
            m->f->kernels->attend(&job, m->scratch->attend);
        }
}

/* --- the program --- */

static void (*const run[QN_N_OPS])(const qn_op *, const member *) = {
    [QN_OP_BIAS] = run_bias,
    [QN_OP_EMBED] = run_embed,
    [QN_OP_ANGLES] = run_angles,
    [QN_OP_NORM] = run_norm,
    [QN_OP_QUANTIZE] = run_quantize,
    [QN_OP_ROPE] = run_rope,
    [QN_OP_HADAMARD] = run_hadamard,
    [QN_OP_ADD] = run_add,
    [QN_OP_KV_APPEND] = run_kv_append,
    [QN_OP_GATE] = run_gate,
    [QN_OP_SOFTCAP] = run_softcap,
    [QN_OP_LINEAR] = run_linear,
    [QN_OP_TAKE] = run_take,
    [QN_OP_ATTEND] = run_attend,
    [QN_OP_ROUTE] = run_route,
    [QN_OP_EXPERT_GATE] = run_expert_gate,
    [QN_OP_EXPERT_SUM] = run_expert_sum,
};

/* An op by row that changes dst in place, after ops that were spread: each member takes a copy. */
static void fetch(const qn_op *op, const member *m)
{
    qn_place shared = op->dst;
    shared.own = false;
    memcpy(row_of(m, &op->dst, 0), row_of(m, &shared, 0), m->n_rows * op->dst.n_bytes);
}

static void run_ops(member m, range ops)
{
    for (size_t i = ops.first; i < ops.end; i++) {
        const qn_op *op = &m.f->program->ops[i];
        if (m.few ? op->barrier_few : op->barrier)
            qn_pool_barrier(m.f->pool);
        if (m.few && op->fetches)
            fetch(op, &m);
        run[op->kind](op, &m);
    }
}

static void run_body(void *context, size_t index, size_t n_members)
{
    qn_forward *f = context;
    member m = {.f = f,
                .index = index,
                .n = n_members,
                .n_rows = f->batch->n_rows,
                .few = n_members > 1 && f->batch->n_rows <= QN_FEW_ROWS,
                .scratch = &f->scratch[index]};
    run_ops(m, (range){0, f->program->n_body});
}

static void run_head(void *context, size_t index, size_t n_members)
{
    qn_forward *f = context;
    member m = {
        .f = f, .index = index, .n = n_members, .n_rows = f->n_head, .scratch = &f->scratch[index]};
    run_ops(m, (range){f->program->n_body, f->program->n_ops});
}

void qn_forward_body(qn_forward *f, const qn_batch *batch)
{
    f->batch = batch;
    f->head_first = 0;
    f->n_space_rows[QN_SPACE_ROWS] = batch->n_rows;
    f->n_space_rows[QN_SPACE_WANTED] = batch->n_wanted;
    for (uint32_t s = 0; s < batch->n_segments; s++)
        for (uint32_t i = 0; i < batch->segments[s].n_rows; i++)
            f->segment_of_row[batch->segments[s].first_row + i] = s;
    qn_pool_run(f->pool, run_body, f);
}

const float *qn_forward_logits(qn_forward *f, uint32_t first, uint32_t n)
{
    f->head_first = first;
    f->n_head = n;
    f->n_space_rows[QN_SPACE_HEAD] = n;
    qn_pool_run(f->pool, run_head, f);
    return row_of(&(member){.f = f}, &f->program->logits, 0);
}

size_t qn_forward_logits_stride(const qn_forward *f)
{
    return stride_of(&f->program->logits);
}

/* --- memory --- */

static bool lay_out_spaces(qn_forward *f, qn_arena *a)
{
    const uint32_t n_rows[QN_N_SPACES] = {f->shape.n_rows, f->shape.n_wanted, f->shape.n_head_rows};
    for (int s = 0; s < QN_N_SPACES; s++) {
        size_t n_bytes;
        if (!qn_mul(f->program->row_bytes[s], n_rows[s], &n_bytes))
            return false;
        QN_TAKE(a, f->space[s], n_bytes);
    }
    QN_TAKE(a, f->segment_of_row, f->shape.n_rows);
    return true;
}

static void lay_out_member(const qn_forward *f, qn_member_scratch *m, qn_arena *a)
{
    qn_member_scratch counted;
    m = m ? m : &counted; /* while counting there is no table to fill */
    const qn_kv_shape *kv = &f->program->kv;
    QN_TAKE(a, m->own, QN_FEW_ROWS * f->program->row_bytes[QN_SPACE_ROWS]);
    QN_TAKE(a, m->linear, f->program->n_linear_scratch);
    QN_TAKE(a, m->attend, qn_attend_scratch_bytes(kv->k_dim, kv->v_dim));
    if (f->program->n_experts > 0)
        QN_TAKE(a, m->experts,
                qn_experts_scratch_bytes(f->program->n_experts, f->program->n_used_experts,
                                         f->shape.n_rows, f->program->n_scratch_inputs,
                                         f->program->n_linear_scratch));
    QN_TAKE(a, m->k_pages, f->shape.n_pages);
    QN_TAKE(a, m->v_pages, f->shape.n_pages);
}

bool qn_forward_lay_out(qn_forward *f, qn_arena *a, const qn_program *program,
                        const qn_forward_shape *shape)
{
    *f = (qn_forward){.program = program, .shape = *shape};
    if (!lay_out_spaces(f, a))
        return false;
    size_t n_parts;
    f->n_spans = (shape->n_pages + QN_SPAN_PAGES - 1) / QN_SPAN_PAGES;
    f->n_part_bytes =
        qn_attend_part_bytes(1, program->n_heads / program->kv.n_heads, program->kv.v_dim);
    if (!qn_mul((size_t)f->n_spans * program->kv.n_heads, f->n_part_bytes, &n_parts))
        return false;
    QN_TAKE(a, f->parts, n_parts);
    QN_TAKE(a, f->scratch, shape->n_threads);
    for (uint32_t t = 0; t < shape->n_threads; t++)
        lay_out_member(f, f->scratch ? &f->scratch[t] : NULL, a);
    return !a->failed;
}
