/* tests/engine/score.c - log-probabilities, sums and divergences against plain double arithmetic.
 */
#include "engine/score.h"

#include "base/alloc.h"
#include "base/fault.h"
#include "tests/support/support.h"
#include "tests/support/test.h"
#include "tests/support/tiny_chat.h"

#include <math.h>
#include <stdlib.h>

enum { IDS = 70, VOCAB = 261 };

typedef struct rig {
    qn_model model;
    qn_engine *engine;
} rig;

static qn_status rig_open(rig *r, const char *path, bool f32, qn_error *err)
{
    const qn_model_options mo = {.f32_activations = f32, .k_type = QN_KV_F16, .v_type = QN_KV_F16};
    const qn_engine_options eo = {.n_ctx = 128, .n_chunk = 16, .n_threads = 1, .level = QN_CPU_REF};
    *r = (rig){0};
    QN_TRY(qn_model_open(&r->model, path, &mo, err));
    return qn_engine_open(&r->engine, &r->model, &eo, err);
}

static void rig_close(rig *r)
{
    qn_engine_close(r->engine);
    qn_model_close(&r->model);
}

static void choose_ids(uint32_t ids[IDS])
{
    for (size_t i = 0; i < IDS; i++)
        ids[i] = (uint32_t)(qn_test_random(3, i) % VOCAB);
}

/* Rows of logits, as the engine gives them. */
static void keep_row(void *context, const qn_event *event)
{
    float *rows = context;
    if (event->kind == QN_EVENT_LOGITS)
        memcpy(rows + (size_t)event->position * VOCAB, event->logits, VOCAB * sizeof *rows);
}

static float *logits_of(rig *r, const uint32_t ids[IDS])
{
    float *rows = calloc((size_t)IDS * VOCAB, sizeof *rows);
    uint64_t id;
    qn_error err;
    const qn_request q = {.ids = ids,
                          .n_ids = IDS,
                          .sampling = {.top_p = 1},
                          .wants_logits = true,
                          .on_event = keep_row,
                          .context = rows};
    assert_non_null(rows);
    assert_int_equal(qn_engine_submit(r->engine, &q, &id, &err), QN_OK);
    assert_int_equal(qn_engine_drain(r->engine, &err), QN_OK);
    return rows;
}

static double log_total(const float *row)
{
    double sum = 0, most = -INFINITY;
    for (size_t i = 0; i < VOCAB; i++)
        most = fmax(most, (double)row[i]);
    for (size_t i = 0; i < VOCAB; i++)
        sum += exp((double)row[i] - most);
    return most + log(sum);
}

typedef struct seen {
    size_t n;
    const float *rows;
    const uint32_t *ids;
    double nll;
} seen;

static void check_token(void *context, const qn_scored *s)
{
    seen *k = context;
    assert_int_equal(s->id, k->ids[k->n]);
    assert_int_equal(s->has_logprob, k->n > 0);
    if (k->n++ == 0)
        return;
    const float *row = k->rows + (k->n - 2) * VOCAB;
    double total = log_total(row), expected = (double)row[s->id] - total;
    assert_true(fabs((double)s->logprob - expected) < 1e-5);
    k->nll -= expected;
    assert_int_equal(s->n_top, 3);
    for (size_t t = 0; t < 3; t++) { /* as many better as its place says; ties by id */
        size_t n_better = 0;
        float x = row[s->top[t].id];
        for (uint32_t i = 0; i < VOCAB; i++)
            n_better += row[i] > x || (row[i] == x && i < s->top[t].id);
        assert_int_equal(n_better, t);
        assert_true(fabs((double)s->top[t].logit - ((double)x - total)) < 1e-5);
    }
}

static void scores_are_what_the_logits_say(void **state)
{
    (void)state;
    uint32_t ids[IDS];
    rig r;
    qn_error err = {0};
    qn_score score;
    choose_ids(ids);
    const char *path = qn_test_tiny_chat("score.gguf", &(qn_tiny_chat){0});
    assert_int_equal(rig_open(&r, path, false, &err), QN_OK);
    float *rows = logits_of(&r, ids);
    seen k = {.rows = rows, .ids = ids};
    const qn_score_options o = {.n_top = 3, .on_token = check_token, .context = &k};
    assert_int_equal(qn_score_ids(r.engine, IDS, ids, &o, &score, &err), QN_OK);
    assert_int_equal(k.n, IDS);
    assert_int_equal(score.n_tokens, IDS - 1);
    assert_true(fabs(score.nll - k.nll) < 1e-3);
    free(rows);
    rig_close(&r);
}

typedef struct kept_divergences {
    size_t n;
    double kl[IDS];
} kept_divergences;

static void keep_divergence(void *context, const qn_scored *s)
{
    kept_divergences *d = context;
    assert_true(d->n < IDS);
    d->kl[d->n++] = s->kl;
}

static void a_divergence_is_what_both_rows_of_logits_say(void **state)
{
    (void)state;
    uint32_t ids[IDS];
    rig r, other;
    qn_error err = {0};
    qn_score score;
    double sum = 0, most = 0, expected[IDS];
    choose_ids(ids);
    const char *path = qn_test_tiny_chat("score.gguf", &(qn_tiny_chat){0});
    const char *path_2 = qn_test_tiny_chat("score-2.gguf", &(qn_tiny_chat){.seed = 9});
    assert_int_equal(rig_open(&r, path, false, &err), QN_OK);
    assert_int_equal(rig_open(&other, path_2, true, &err), QN_OK);
    float *q = logits_of(&r, ids), *p = logits_of(&other, ids);
    for (size_t i = 0; i + 1 < IDS; i++) {
        const float *pi = p + i * VOCAB, *qi = q + i * VOCAB;
        double kl = 0, p_total = log_total(pi), q_total = log_total(qi);
        for (size_t t = 0; t < VOCAB; t++)
            kl += exp((double)pi[t] - p_total) *
                  (((double)pi[t] - p_total) - ((double)qi[t] - q_total));
        sum += kl;
        most = fmax(most, kl);
        expected[i + 1] = kl;
    }
    kept_divergences d = {0};
    const qn_score_options o = {
        .reference = other.engine, .on_token = keep_divergence, .context = &d};
    assert_int_equal(qn_score_ids(r.engine, IDS, ids, &o, &score, &err), QN_OK);
    assert_true(sum > 0.01);
    assert_int_equal(d.n, IDS);
    assert_true(d.kl[0] == 0);
    for (size_t i = 1; i < IDS; i++)
        assert_true(fabs(d.kl[i] - expected[i]) < 1e-5);
    assert_true(fabs(score.kl_sum - sum) < 1e-5 * IDS);
    assert_true(fabs(score.kl_most - most) < 1e-5);
    free(p);
    free(q);
    rig_close(&r);
    rig_close(&other);
}

static bool stops_at_once(void *context)
{
    unsigned *n = context;
    return (*n)++ < 2;
}

static void a_cancelled_score_leaves_the_engine_idle(void **state)
{
    (void)state;
    uint32_t ids[IDS];
    rig r;
    qn_error err = {0};
    qn_score score;
    unsigned n = 0;
    choose_ids(ids);
    const char *path = qn_test_tiny_chat("score.gguf", &(qn_tiny_chat){0});
    assert_int_equal(rig_open(&r, path, false, &err), QN_OK);
    const qn_score_options o = {.goes_on = stops_at_once, .context = &n};
    assert_int_equal(qn_score_ids(r.engine, IDS, ids, &o, &score, &err), QN_ECANCELLED);
    assert_int_equal(qn_engine_n_active(r.engine), 0);
    assert_true(score.n_tokens > 0 && score.n_tokens < IDS - 1);
    rig_close(&r);
}

static void what_cannot_be_scored_is_refused(void **state)
{
    (void)state;
    uint32_t ids[129] = {0};
    rig r;
    qn_error err = {0};
    qn_score score;
    const qn_score_options o = {0};
    const char *path = qn_test_tiny_chat("score.gguf", &(qn_tiny_chat){0});
    assert_int_equal(rig_open(&r, path, false, &err), QN_OK);
    assert_int_equal(qn_score_ids(r.engine, 0, ids, &o, &score, &err), QN_EARGUMENT);
    assert_int_equal(qn_score_ids(r.engine, 129, ids, &o, &score, &err), QN_EFIT);
    ids[1] = VOCAB;
    assert_int_equal(qn_score_ids(r.engine, 2, ids, &o, &score, &err), QN_EARGUMENT);
    assert_int_equal(qn_engine_n_active(r.engine), 0);
    rig_close(&r);
}

static void every_failing_call_is_told(void **state)
{
    (void)state;
    uint32_t ids[IDS];
    rig r;
    qn_error err = {0};
    bool fired = true;
    choose_ids(ids);
    const char *path = qn_test_tiny_chat("score.gguf", &(qn_tiny_chat){0});
    assert_int_equal(rig_open(&r, path, false, &err), QN_OK);
    size_t live = qn_alloc_live();
    for (unsigned n = 1; fired; n++) {
        qn_score score;
        const qn_score_options o = {.n_top = 2};
        err = (qn_error){0};
        qn_fault_arm(n);
        qn_status st = qn_score_ids(r.engine, IDS, ids, &o, &score, &err);
        fired = qn_fault_disarm();
        if (fired != (st != QN_OK) || (fired && !err.text[0]))
            fail_msg("call %u: status %d, '%s'", n, (int)st, err.text);
        assert_int_equal(qn_alloc_live(), live);
        assert_int_equal(qn_engine_n_active(r.engine), 0);
    }
    rig_close(&r);
    assert_int_equal(qn_alloc_live(), 0);
}

QN_TEST_MAIN(cmocka_unit_test(scores_are_what_the_logits_say),
             cmocka_unit_test(a_divergence_is_what_both_rows_of_logits_say),
             cmocka_unit_test(a_cancelled_score_leaves_the_engine_idle),
             cmocka_unit_test(what_cannot_be_scored_is_refused),
             cmocka_unit_test(every_failing_call_is_told))
