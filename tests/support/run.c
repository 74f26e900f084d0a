/* tests/support/run.c - requests whose events are collected. */
#include "tests/support/run.h"

#include "engine/huge.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

static void must(qn_status status, const qn_error *err)
{
    if (status != QN_OK)
        fail_msg("%s", err->text);
}

void qn_test_run_open(qn_test_run *r, const char *path, const qn_test_setting *s)
{
    qn_error err = {0};
    qn_model_options m = {.f32_activations = s->f32_activations,
                          .k_type = s->has_kv            ? s->k_type
                                    : s->f32_activations ? QN_KV_F32
                                                         : QN_KV_F16,
                          .v_type = s->has_kv            ? s->v_type
                                    : s->f32_activations ? QN_KV_F32
                                                         : QN_KV_F16,
                          .weights = s->weights,
                          .family = s->family};
    qn_engine_options o = {.n_ctx = s->n_ctx,
                           .n_sequences = s->n_sequences,
                           .n_chunk = s->n_chunk,
                           .n_threads = s->n_threads ? s->n_threads : 1,
                           .level = s->at_level ? s->level : qn_cpu_best(),
                           .no_prefix_cache = s->no_prefix_cache,
                           .deterministic = s->deterministic};
    must(qn_model_open(&r->model, path, &m, &err), &err);
    if (s->weights != QN_WEIGHTS_MAPPED)
        must(qn_huge_load(&r->model, o.n_threads, &err), &err);
    must(qn_engine_open(&r->engine, &r->model, &o, &err), &err);
}

void qn_test_run_close(qn_test_run *r)
{
    qn_engine_close(r->engine);
    qn_model_close(&r->model);
}

typedef struct collected {
    size_t n_vocab, n_ids;
    float *logits;
    uint32_t *ids;
} collected;

static void collect(void *context, const qn_event *event)
{
    collected *c = context;
    if (event->kind == QN_EVENT_LOGITS)
        memcpy(c->logits + event->position * c->n_vocab, event->logits, c->n_vocab * sizeof(float));
    if (event->kind == QN_EVENT_TOKEN)
        c->ids[c->n_ids++] = event->id;
    if (event->kind == QN_EVENT_END && event->err)
        fail_msg("%s", event->err->text);
}

static void run(qn_test_run *r, qn_request *request, collected *c)
{
    qn_error err = {0};
    uint64_t id;
    request->on_event = collect;
    request->context = c;
    request->sampling.top_p = 1;
    must(qn_engine_submit(r->engine, request, &id, &err), &err);
    must(qn_engine_drain(r->engine, &err), &err);
}

float *qn_test_logits(qn_test_run *r, size_t n_ids, const uint32_t *ids)
{
    collected c = {.n_vocab = r->model.program.n_vocab};
    c.logits = calloc(n_ids * c.n_vocab, sizeof *c.logits);
    assert_non_null(c.logits);
    run(r, &(qn_request){.ids = ids, .n_ids = n_ids, .wants_logits = true}, &c);
    return c.logits;
}

void qn_test_greedy(qn_test_run *r, size_t n_ids, const uint32_t *ids, size_t n_predict,
                    uint32_t *out)
{
    collected c = {.ids = out};
    run(r,
        &(qn_request){
            .ids = ids, .n_ids = n_ids, .n_predict = (uint32_t)n_predict, .ignore_end = true},
        &c);
    assert_int_equal(c.n_ids, n_predict);
}
