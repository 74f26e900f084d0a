/* engine/engine.c - admit, choose rows, run, sample, tell: one function for each. */
#include "engine/engine.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/machine.h"
#include "engine/layout.h"
#include "engine/prefix.h"
#include "model/kv_noise.h"

#include <string.h>

static const char *const finish_names[] = {"stop", "length", "cancelled", "error"};

const char *qn_finish_name(qn_finish f)
{
    return finish_names[f];
}

/* --- opening --- */

static qn_status settle_context(qn_engine_options *o, const qn_model *m, qn_error *err)
{
    uint32_t trained = (uint32_t)m->config.value[QN_CONTEXT];
    if (o->n_ctx == 0)
        o->n_ctx = QN_MIN(trained, 4096u);
    QN_FAIL_IF(o->n_ctx > trained, err, QN_EARGUMENT,
               "a context of %u tokens: this model was made for at most %u", o->n_ctx, trained);
    return QN_OK;
}

qn_status qn_engine_settle(qn_engine_options *o, const qn_model *m, qn_error *err)
{
    QN_TRY(settle_context(o, m, err));
    o->n_sequences = o->n_sequences ? o->n_sequences : 1;
    o->n_chunk = o->n_chunk ? o->n_chunk : 512;
    o->n_threads = o->n_threads ? o->n_threads : (uint32_t)qn_machine_cores();
    QN_FAIL_IF(o->n_sequences > QN_MOST_SEQUENCES, err, QN_EARGUMENT,
               "%u sequences: the limit is %d", o->n_sequences, QN_MOST_SEQUENCES);
    QN_FAIL_IF(o->n_chunk > QN_MOST_CHUNK, err, QN_EARGUMENT, "a chunk of %u rows: the limit is %d",
               o->n_chunk, QN_MOST_CHUNK);
    QN_FAIL_IF(o->n_threads > QN_POOL_MOST, err, QN_EARGUMENT, "%u threads: the limit is %d",
               o->n_threads, QN_POOL_MOST);
    o->n_chunk = QN_MAX(o->n_chunk, o->n_sequences); /* each may decode in the same step */
    return QN_OK;
}

static qn_status start(qn_engine *e, qn_error *err)
{
    qn_arena sum = {.counts_only = true};
    QN_FAIL_IF(!qn_engine_lay_out(e, &sum), err, QN_EFIT,
               "a context of %u tokens for %u sequences exceeds the address space; lower -c",
               e->options.n_ctx, e->options.n_sequences);
    uint64_t available = qn_machine_memory();
    QN_FAIL_IF(sum.n_used > available, err, QN_EFIT,
               "this needs %zu MiB and %llu MiB are available; `quern plan` tells what fits",
               sum.n_used >> 20, (unsigned long long)(available >> 20));
    QN_TRY(qn_arena_init(&e->arena, sum.n_used, err));
    (void)qn_engine_lay_out(e, &e->arena); /* the same takes, from a block of exactly that size */
    qn_engine_reset(e);
    QN_TRY(qn_pool_open(&e->pool, e->options.n_threads, err));
    e->forward.pool = e->pool;
    for (uint32_t i = 0; i < e->options.n_sequences; i++) {
        qn_buf *text = &e->slots[i].text; /* room for a piece and what stop strings hold back */
        qn_buf_reserve(text, QN_SLOT_TEXT);
        QN_FAIL_IF(text->failed, err, QN_ENOMEM, "no memory for %u sequences",
                   e->options.n_sequences);
    }
    return QN_OK;
}

/* Products of class T are those with BF16 weights and with keys and values in F16; float
 * activations are wanted as they are. */
static bool may_round(const qn_model *m, const qn_engine_options *o)
{
    const qn_kv_shape *kv = &m->program.kv;
    bool any = kv->k_type == QN_KV_F16 || kv->v_type == QN_KV_F16;
    for (size_t i = 0; i < m->program.n_ops; i++) {
        const qn_op *op = &m->program.ops[i];
        any |= op->kind != QN_OP_EMBED &&
               (op->matrix.encoding == QN_BF16 || op->up.encoding == QN_BF16);
    }
    return any && !o->deterministic && !m->f32_activations;
}

qn_status qn_engine_open(qn_engine **out, const qn_model *m, const qn_engine_options *o,
                         qn_error *err)
{
    *out = NULL;
    qn_engine *e = qn_alloc_zeroed(1, sizeof *e);
    QN_FAIL_IF(!e, err, QN_ENOMEM, "no memory for an engine");
    e->model = m;
    e->options = *o;
    e->kernels = may_round(m, o) ? qn_kernels_fastest(o->level) : qn_kernels_at(o->level);
    qn_status status = qn_engine_settle(&e->options, m, err);
    if (status == QN_OK)
        status = start(e, err);
    if (status != QN_OK)
        qn_engine_close(e);
    else
        *out = e;
    return status;
}

void qn_engine_close(qn_engine *e)
{
    if (!e)
        return;
    qn_pool_close(e->pool);
    for (uint32_t i = 0; e->slots && i < e->options.n_sequences; i++)
        qn_buf_release(&e->slots[i].text);
    qn_arena_release(&e->arena);
    qn_free(e);
}

const qn_engine_options *qn_engine_settings(const qn_engine *e)
{
    return &e->options;
}

const qn_model *qn_engine_model(const qn_engine *e)
{
    return e->model;
}

const qn_kernels *qn_engine_kernels(const qn_engine *e)
{
    return e->kernels;
}

size_t qn_engine_n_active(const qn_engine *e)
{
    size_t n = 0;
    for (uint32_t i = 0; i < e->options.n_sequences; i++)
        n += e->slots[i].active;
    return n;
}

/* --- requests --- */

static qn_status check_request(const qn_engine *e, const qn_request *r, qn_error *err)
{
    QN_FAIL_IF(r->n_ids == 0, err, QN_EARGUMENT, "the prompt has no tokens");
    QN_FAIL_IF(r->n_ids > e->options.n_ctx, err, QN_EFIT,
               "the prompt has %zu tokens, %zu more than the context of %u; raise -c", r->n_ids,
               r->n_ids - e->options.n_ctx, e->options.n_ctx);
    QN_FAIL_IF(r->n_noise >= r->n_ids, err, QN_EARGUMENT,
               "noise for %u of %zu tokens: at least one must be run", r->n_noise, r->n_ids);
    for (size_t i = 0; i < r->n_ids; i++)
        QN_FAIL_IF(r->ids[i] >= e->model->program.n_vocab, err, QN_EARGUMENT,
                   "token id %u is not below the vocabulary's %u", r->ids[i],
                   e->model->program.n_vocab);
    QN_TRY(qn_sampling_check(&r->sampling, err));
    return qn_stops_check(&r->stops, err);
}

static qn_slot *idle_slot(qn_engine *e)
{
    for (uint32_t i = 0; i < e->options.n_sequences; i++)
        if (!e->slots[i].active)
            return &e->slots[i];
    return NULL;
}

/* What the sequence need not run: noise if asked for, else what the cache holds. */
static qn_status attach_past(qn_engine *e, qn_slot *s, qn_error *err)
{
    const qn_request *r = &s->request;
    s->parent = e->root;
    if (r->n_noise > 0)
        return qn_chain_add_noise(&s->chain, &e->kv, e->kernels, r->n_noise, r->sequence, err);
    if (!e->options.no_prefix_cache && !r->wants_logits)
        s->usage.n_cached = qn_prefix_attach(&e->kv, &s->chain, &s->parent, s->n_ids, s->ids);
    return QN_OK;
}

qn_status qn_engine_submit(qn_engine *e, const qn_request *r, uint64_t *id, qn_error *err)
{
    QN_TRY(check_request(e, r, err));
    qn_slot *s = idle_slot(e);
    QN_FAIL_IF(!s, err, QN_EFIT, "all %u sequences are taken; raise --sequences",
               e->options.n_sequences);
    s->cancelled = false;
    s->id = *id = ++e->last_id;
    s->request = *r;
    s->request.ids = NULL;
    memcpy(s->ids, r->ids, r->n_ids * sizeof *s->ids);
    s->n_ids = (uint32_t)r->n_ids;
    s->usage = (qn_usage){.n_prompt = s->n_ids};
    s->submitted_ns = qn_clock_ns();
    s->started_ns = s->first_ns = 0;
    qn_buf_clear(&s->text);
    qn_decoder_init(&s->decoder, e->model->tokenizer,
                    QN_DETOKENIZE_CONTINUES | QN_DETOKENIZE_REPLACE |
                        (r->skip_special ? QN_DETOKENIZE_SKIP_SPECIAL : 0));
    qn_status status = attach_past(e, s, err);
    s->active = status == QN_OK;
    if (!s->active)
        qn_chain_clear(&s->chain, &e->kv);
    return status;
}

void qn_engine_cancel(qn_engine *e, uint64_t id)
{
    for (uint32_t i = 0; i < e->options.n_sequences; i++)
        if (e->slots[i].active && e->slots[i].id == id)
            e->slots[i].cancelled = true;
}

static void tell(const qn_slot *s, qn_event event)
{
    event.request = s->id;
    if (s->request.on_event)
        s->request.on_event(s->request.context, &event);
}

static void tell_text(qn_slot *s, size_t n_bytes)
{
    if (n_bytes > 0)
        tell(s, (qn_event){.kind = QN_EVENT_TEXT, .bytes = s->text.bytes, .n_bytes = n_bytes});
}

/* The one way a request ends. */
static void finish(qn_engine *e, qn_slot *s, qn_finish why, const qn_error *err)
{
    uint64_t now = qn_clock_ns();
    s->usage.wait_ns = (s->started_ns ? s->started_ns : now) - s->submitted_ns;
    s->usage.prefill_ns = s->first_ns ? s->first_ns - s->started_ns : 0;
    s->usage.decode_ns = s->first_ns ? now - s->first_ns : 0;
    s->active = false;
    qn_chain_clear(&s->chain, &e->kv);
    tell(s, (qn_event){.kind = QN_EVENT_END, .finish = why, .usage = &s->usage, .err = err});
}

/* What the decoder and the stop strings still hold is shown, except behind a stop string. */
static void finish_text(qn_engine *e, qn_slot *s, qn_finish why)
{
    bool found;
    qn_error err;
    if (qn_decoder_flush(&s->decoder, &s->text, &err) == QN_OK && s->text.n_bytes > 0) {
        size_t n = qn_stops_scan(&s->request.stops, s->text.n_bytes, s->text.bytes, &found);
        tell_text(s, found ? n : s->text.n_bytes);
    }
    finish(e, s, why, NULL);
}

/* --- one step --- */

static void end_cancelled(qn_engine *e)
{
    for (uint32_t i = 0; i < e->options.n_sequences; i++)
        if (e->slots[i].active && e->slots[i].cancelled)
            finish_text(e, &e->slots[i], QN_FINISH_CANCELLED);
}

/* Adds up to n_most rows of a sequence to the batch. */
static void add_rows(qn_engine *e, qn_slot *s, uint32_t n_most)
{
    qn_batch_rows *b = &e->rows;
    qn_error err;
    uint32_t n = QN_MIN(s->n_ids - s->chain.n_tokens, n_most);
    if (qn_chain_reserve(&s->chain, &e->kv, n, &err) != QN_OK) {
        finish(e, s, QN_FINISH_ERROR, &err);
        return;
    }
    b->segments[b->n_segments] = (qn_segment){
        .chain = &s->chain, .first_row = b->n_rows, .n_rows = n, .position = s->chain.n_tokens};
    b->slot_of_segment[b->n_segments++] = (uint32_t)(s - e->slots);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = s->chain.n_tokens + i;
        b->tokens[b->n_rows + i] = s->ids[at];
        bool predicts = at + 1 == s->n_ids && s->request.n_predict > 0;
        if (predicts || s->request.wants_logits)
            b->wanted[b->n_wanted++] = b->n_rows + i;
    }
    b->n_rows += n;
    if (s->started_ns == 0)
        s->started_ns = qn_clock_ns();
}

/* Sequences with one row to go (decoding) first, then prompts while there is room. */
static void choose_rows(qn_engine *e)
{
    qn_batch_rows *b = &e->rows;
    b->n_rows = b->n_segments = b->n_wanted = 0;
    for (int prompts = 0; prompts <= 1; prompts++)
        for (uint32_t i = 0; i < e->options.n_sequences && b->n_rows < e->options.n_chunk; i++) {
            qn_slot *s = &e->slots[i];
            if (s->active && (s->n_ids - s->chain.n_tokens > 1) == (prompts == 1))
                add_rows(e, s, e->options.n_chunk - b->n_rows);
        }
}

/* A row with the sampled id, what is to be shown of it, and whether that ends the request. */
static void take_token(qn_engine *e, qn_slot *s, uint32_t id)
{
    bool ends = qn_token_ends(e->model->tokenizer, id) && !s->request.ignore_end, found = false;
    qn_error err;
    uint32_t position = s->n_ids;
    s->usage.n_generated++;
    tell(s, (qn_event){.kind = QN_EVENT_TOKEN, .id = id, .position = position});
    if (ends) {
        finish_text(e, s, QN_FINISH_STOP);
        return;
    }
    if (qn_decoder_push(&s->decoder, id, &s->text, &err) != QN_OK) {
        finish(e, s, QN_FINISH_ERROR, &err);
        return;
    }
    size_t n = qn_stops_scan(&s->request.stops, s->text.n_bytes, s->text.bytes, &found);
    tell_text(s, n);
    qn_buf_drop(&s->text, n);
    if (found)
        finish(e, s, QN_FINISH_STOP, NULL);
    else if (s->usage.n_generated == s->request.n_predict || position == e->options.n_ctx)
        finish_text(e, s, QN_FINISH_LENGTH);
    else
        s->ids[s->n_ids++] = id;
}

static void use_logits(qn_engine *e, qn_slot *s, uint32_t position, const float *logits)
{
    if (s->request.wants_logits && position < s->usage.n_prompt)
        tell(s, (qn_event){.kind = QN_EVENT_LOGITS, .position = position, .logits = logits});
    if (s->active && position + 1 == s->n_ids && s->request.n_predict > 0)
        take_token(e, s,
                   qn_sample(&e->sampler, e->kernels, &s->request.sampling, s->request.sequence,
                             position + 1, logits));
}

static uint32_t segment_of(const qn_batch_rows *b, uint32_t row, uint32_t from)
{
    while (row >= b->segments[from].first_row + b->segments[from].n_rows)
        from++;
    return from;
}

/* Logits of all wanted rows, a block at a time. */
static void run_head(qn_engine *e)
{
    qn_batch_rows *b = &e->rows;
    size_t stride = qn_forward_logits_stride(&e->forward);
    uint32_t segment = 0, n_block = e->forward.shape.n_head_rows;
    for (uint32_t first = 0; first < b->n_wanted; first += n_block) {
        uint32_t n = QN_MIN(n_block, b->n_wanted - first);
        const float *logits = qn_forward_logits(&e->forward, first, n);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t row = b->wanted[first + i];
            segment = segment_of(b, row, segment);
            const qn_segment *g = &b->segments[segment];
            qn_slot *s = &e->slots[b->slot_of_segment[segment]];
            if (s->active && s->first_ns == 0 && row + 1 == g->first_row + g->n_rows)
                s->first_ns = qn_clock_ns();
            use_logits(e, s, g->position + (row - g->first_row), logits + i * stride);
        }
    }
}

/* The step's rows are part of their sequences now. */
static void advance(qn_engine *e)
{
    for (uint32_t i = 0; i < e->rows.n_segments; i++) {
        qn_slot *s = &e->slots[e->rows.slot_of_segment[i]];
        uint32_t before = s->chain.n_tokens;
        s->chain.n_tokens += e->rows.segments[i].n_rows;
        if (!e->options.no_prefix_cache && s->request.n_noise == 0)
            qn_prefix_publish(&e->kv, &s->chain, &s->parent, before, s->ids);
    }
}

/* Prompts that were only to be run are done once all their rows are. */
static void end_run_prompts(qn_engine *e)
{
    for (uint32_t i = 0; i < e->options.n_sequences; i++) {
        qn_slot *s = &e->slots[i];
        if (s->active && s->request.n_predict == 0 && s->chain.n_tokens == s->n_ids) {
            s->first_ns = s->first_ns ? s->first_ns : qn_clock_ns();
            finish(e, s, QN_FINISH_LENGTH, NULL);
        }
    }
}

/* The model's file lost bytes while it was mapped: nothing of this step can be believed. */
static qn_status end_torn(qn_engine *e, qn_error *err)
{
    qn_fail(err, QN_EIO, "%s: the file shrank while it was in use; restore it and open it again",
            e->model->path);
    for (uint32_t i = 0; i < e->options.n_sequences; i++)
        if (e->slots[i].active)
            finish(e, &e->slots[i], QN_FINISH_ERROR, err);
    return QN_EIO;
}

qn_status qn_engine_step(qn_engine *e, qn_error *err)
{
    end_cancelled(e);
    choose_rows(e);
    const qn_batch_rows *b = &e->rows;
    if (b->n_rows == 0)
        return QN_OK;
    qn_batch batch = {.n_rows = b->n_rows,
                      .tokens = b->tokens,
                      .n_segments = b->n_segments,
                      .segments = b->segments,
                      .n_wanted = b->n_wanted,
                      .wanted = b->wanted};
    qn_forward_body(&e->forward, &batch);
    if (qn_model_torn(e->model))
        return end_torn(e, err);
    advance(e);
    run_head(e);
    if (qn_model_torn(e->model))
        return end_torn(e, err);
    end_run_prompts(e);
    return QN_OK;
}

qn_status qn_engine_drain(qn_engine *e, qn_error *err)
{
    while (qn_engine_n_active(e) > 0)
        QN_TRY(qn_engine_step(e, err));
    return QN_OK;
}
