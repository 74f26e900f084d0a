/* engine/score.c - rows of logits become log-probabilities; the reference runs one step ahead. */
#include "engine/score.h"

#include "base/alloc.h"
#include "base/checked.h"

#include <math.h>
#include <string.h>

typedef struct score_run {
    qn_engine *e;
    const qn_score_options *o;
    size_t n_ids, n_vocab;
    const uint32_t *ids;
    qn_score *result;
    qn_candidate *top; /* [n_top] */
    float *kept;       /* [chunk][n_vocab]: the reference's logits from position kept_from on */
    size_t kept_from, n_kept, n_most_kept;
    qn_status status; /* of a request that ended with an error */
    qn_error *err;
} score_run;

/* Inserts a candidate among the n best so far, of at most n_most; ids arrive ascending. */
static size_t keep_best(size_t n, size_t n_most, qn_candidate *top, qn_candidate c)
{
    if (n == n_most && !(c.logit > top[n - 1].logit))
        return n;
    size_t at = n < n_most ? n : n - 1;
    for (; at > 0 && c.logit > top[at - 1].logit; at--)
        top[at] = top[at - 1];
    top[at] = c;
    return QN_MIN(n + 1, n_most);
}

static size_t find_top(const score_run *r, const qn_logit_stats *stats, const float *logits)
{
    size_t n = 0;
    for (uint32_t id = 0; id < r->n_vocab && r->o->n_top > 0; id++)
        n = keep_best(n, r->o->n_top, r->top, (qn_candidate){logits[id], id});
    for (size_t i = 0; i < n; i++)
        r->top[i].logit = qn_logprob(stats, r->top[i].logit);
    return n;
}

/* KL(p || q) of two rows of logits. */
static double divergence(size_t n, const float *p, const qn_logit_stats *p_stats, const float *q,
                         const qn_logit_stats *q_stats)
{
    double sum = 0, p_shift = (double)p_stats->max + log(p_stats->sum);
    double q_shift = (double)q_stats->max + log(q_stats->sum);
    for (size_t i = 0; i < n; i++) {
        double p_log = (double)p[i] - p_shift, q_log = (double)q[i] - q_shift;
        if (p_log > -700) /* exp is 0 below, and -infinity would make NaN */
            sum += exp(p_log) * (p_log - q_log);
    }
    return sum > 0 ? sum : 0;
}

/* The divergence of a row of logits from the reference's. */
static double compare(score_run *r, size_t position, const float *logits,
                      const qn_logit_stats *stats)
{
    qn_logit_stats other;
    if (position < r->kept_from || position - r->kept_from >= r->n_kept)
        return 0;
    const float *reference = r->kept + (position - r->kept_from) * r->n_vocab;
    qn_engine_kernels(r->e)->sum_logits(r->n_vocab, reference, &other);
    double kl = divergence(r->n_vocab, reference, &other, logits, stats);
    r->result->kl_sum += kl;
    r->result->kl_most = QN_MAX(r->result->kl_most, kl);
    r->result->n_same += other.argmax == stats->argmax;
    return kl;
}

static void score_row(score_run *r, size_t position, const float *logits)
{
    qn_logit_stats stats;
    if (position + 1 >= r->n_ids)
        return;
    qn_engine_kernels(r->e)->sum_logits(r->n_vocab, logits, &stats);
    uint32_t id = r->ids[position + 1];
    qn_scored s = {
        .id = id, .has_logprob = true, .logprob = qn_logprob(&stats, logits[id]), .top = r->top};
    s.n_top = find_top(r, &stats, logits);
    r->result->n_tokens++;
    r->result->nll -= (double)s.logprob;
    if (r->o->reference)
        s.kl = compare(r, position, logits, &stats);
    if (r->o->on_token)
        r->o->on_token(r->o->context, &s);
}

static void note_end(score_run *r, const qn_event *event)
{
    if (event->kind != QN_EVENT_END || event->finish != QN_FINISH_ERROR || r->status != QN_OK)
        return;
    *r->err = *event->err;
    r->status = event->err->status;
}

static void on_event(void *context, const qn_event *event)
{
    score_run *r = context;
    if (event->kind == QN_EVENT_LOGITS)
        score_row(r, event->position, event->logits);
    note_end(r, event);
}

static void on_reference(void *context, const qn_event *event)
{
    score_run *r = context;
    if (event->kind == QN_EVENT_LOGITS && r->n_kept < r->n_most_kept) {
        if (r->n_kept == 0)
            r->kept_from = event->position;
        memcpy(r->kept + r->n_kept++ * r->n_vocab, event->logits, r->n_vocab * sizeof *r->kept);
    }
    note_end(r, event);
}

static qn_status submit(score_run *r, qn_engine *e, void (*listener)(void *, const qn_event *),
                        uint64_t *id, qn_error *err)
{
    qn_request request = {.ids = r->ids,
                          .n_ids = r->n_ids,
                          .sampling = {.top_p = 1},
                          .wants_logits = true,
                          .on_event = listener,
                          .context = r};
    return qn_engine_submit(e, &request, id, err);
}

static qn_status step_both(score_run *r, qn_error *err)
{
    if (r->o->reference) {
        r->n_kept = 0;
        QN_TRY(qn_engine_step(r->o->reference, err));
    }
    QN_TRY(r->status);
    QN_TRY(qn_engine_step(r->e, err));
    return r->status;
}

static qn_status step_to_end(score_run *r, qn_error *err)
{
    while (qn_engine_n_active(r->e) > 0) {
        QN_FAIL_IF(r->o->goes_on && !r->o->goes_on(r->o->context), err, QN_ECANCELLED, "cancelled");
        QN_TRY(step_both(r, err));
    }
    return QN_OK;
}

static qn_status run_both(score_run *r, qn_error *err)
{
    uint64_t id = 0, reference_id = 0;
    qn_error unused;
    QN_TRY(submit(r, r->e, on_event, &id, err));
    qn_status st = QN_OK;
    if (r->o->reference)
        st = submit(r, r->o->reference, on_reference, &reference_id, err);
    if (st == QN_OK)
        st = step_to_end(r, err);
    if (st == QN_OK)
        return QN_OK;
    r->status = st; /* the first failure is told; what ends now has no more to say */
    qn_engine_cancel(r->e, id);
    (void)qn_engine_drain(r->e, &unused);
    if (r->o->reference) {
        qn_engine_cancel(r->o->reference, reference_id);
        (void)qn_engine_drain(r->o->reference, &unused);
    }
    return st;
}

static qn_status check_reference(const score_run *r, qn_error *err)
{
    const qn_engine *other = r->o->reference;
    QN_FAIL_IF(qn_engine_model(other)->program.n_vocab != r->n_vocab, err, QN_EARGUMENT,
               "the reference has a vocabulary of %u tokens, the model one of %zu; only models "
               "with the same vocabulary can be compared",
               qn_engine_model(other)->program.n_vocab, r->n_vocab);
    QN_FAIL_IF(qn_engine_settings(other)->n_chunk != qn_engine_settings(r->e)->n_chunk, err,
               QN_EARGUMENT, "the reference runs with another --chunk than the model");
    return QN_OK;
}

qn_status qn_score_ids(qn_engine *e, size_t n_ids, const uint32_t *ids, const qn_score_options *o,
                       qn_score *result, qn_error *err)
{
    score_run r = {.e = e,
                   .o = o,
                   .n_ids = n_ids,
                   .n_vocab = qn_engine_model(e)->program.n_vocab,
                   .ids = ids,
                   .result = result,
                   .n_most_kept = o->reference ? qn_engine_settings(e)->n_chunk : 0,
                   .err = err};
    size_t n_kept = 0;
    *result = (qn_score){0};
    QN_FAIL_IF(n_ids == 0, err, QN_EARGUMENT, "there is no token to score");
    if (o->reference)
        QN_TRY(check_reference(&r, err));
    bool fits = qn_mul(r.n_most_kept, r.n_vocab, &n_kept);
    r.top = qn_alloc_zeroed(o->n_top + 1, sizeof *r.top);
    r.kept = fits ? qn_alloc_zeroed(n_kept + 1, sizeof *r.kept) : NULL;
    qn_status st = r.top && r.kept ? QN_OK
                                   : qn_fail(err, QN_ENOMEM,
                                             "out of memory for the scores; lower "
                                             "--chunk");
    if (st == QN_OK && o->on_token)
        o->on_token(o->context, &(qn_scored){.id = ids[0]});
    if (st == QN_OK)
        st = run_both(&r, err);
    qn_free(r.top);
    qn_free(r.kept);
    return st;
}
