/* engine/layout.c - an engine's memory: pages, sequences, working memory. */
#include "engine/layout.h"

#include "engine/prefix.h"

static bool lay_out_kv(qn_engine *e, qn_arena *a)
{
    const qn_kv_shape *shape = &e->model->program.kv;
    uint32_t n_pages[QN_MOST_KV_GROUPS];
    size_t before = a->n_used;
    for (uint32_t g = 0; g < shape->n_groups; g++) {
        uint64_t n = (uint64_t)e->options.n_sequences *
                     qn_kv_pages_for(shape, g, e->options.n_ctx, e->options.n_chunk);
        if (n >= QN_NO_PAGE)
            return false;
        n_pages[g] = (uint32_t)n;
    }
    bool ok = qn_kv_lay_out(&e->kv, a, shape, n_pages);
    e->n_kv_bytes = a->n_used - before;
    return ok;
}

static bool lay_out_slots(qn_engine *e, qn_arena *a)
{
    QN_TAKE(a, e->slots, e->options.n_sequences);
    for (uint32_t i = 0; i < e->options.n_sequences; i++) {
        qn_slot counted, *s = e->slots ? &e->slots[i] : &counted;
        QN_TAKE(a, s->ids, (size_t)e->options.n_ctx + 1);
        if (!qn_chain_lay_out(&s->chain, a, &e->model->program.kv, e->options.n_ctx))
            return false;
    }
    return true;
}

static bool lay_out_rows(qn_batch_rows *b, qn_arena *a, const qn_engine_options *o)
{
    QN_TAKE(a, b->tokens, o->n_chunk);
    QN_TAKE(a, b->wanted, o->n_chunk);
    QN_TAKE(a, b->segments, o->n_sequences);
    QN_TAKE(a, b->slot_of_segment, o->n_sequences);
    return !a->failed;
}

bool qn_engine_lay_out(qn_engine *e, qn_arena *a)
{
    const qn_engine_options *o = &e->options;
    qn_forward_shape shape = {.n_rows = o->n_chunk,
                              .n_wanted = o->n_chunk,
                              .n_head_rows = QN_MIN((uint32_t)QN_HEAD_ROWS, o->n_chunk),
                              .n_pages = (o->n_ctx + QN_PAGE_TOKENS - 1) / QN_PAGE_TOKENS,
                              .n_threads = o->n_threads};
    return lay_out_kv(e, a) && lay_out_slots(e, a) && lay_out_rows(&e->rows, a, o) &&
           qn_forward_lay_out(&e->forward, a, &e->model->program, &shape) &&
           qn_sampler_lay_out(&e->sampler, a, e->model->program.n_vocab);
}

void qn_engine_reset(qn_engine *e)
{
    e->forward.kernels = e->kernels;
    e->forward.kv = &e->kv;
    qn_kv_reset(&e->kv);
    e->root = qn_prefix_root(e->model, e->kernels->numerics);
    for (uint32_t i = 0; i < e->options.n_sequences; i++)
        qn_chain_reset(&e->slots[i].chain, &e->model->program.kv);
}
