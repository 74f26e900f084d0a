/* engine/score.h - how probable a model holds a text, token by token, and how far two models
 * differ.
 *
 * A log-probability is a function of the row of logits alone (kernel/logits.h), so the bytes are
 * the same for any chunk, threads or company. */
#pragma once

#include "engine/engine.h"

typedef struct qn_scored { /* one token of the text */
    uint32_t id;
    bool has_logprob; /* not the first: nothing predicts it */
    float logprob;
    double kl; /* of KL(reference || model) there, in nats; 0 without a reference */
    size_t n_top;
    const qn_candidate
        *top; /* the most probable there, best first; .logit is the log-probability */
} qn_scored;

typedef struct qn_score_options {
    size_t n_top;
    qn_engine *reference; /* NULL, or another engine with the same vocabulary and chunk */
    void (*on_token)(void *context, const qn_scored *token); /* may be NULL */
    bool (*goes_on)(void *context); /* asked between steps; may be NULL. False: QN_ECANCELLED */
    void *context;
} qn_score_options;

typedef struct qn_score {
    size_t n_tokens;        /* with a log-probability */
    double nll;             /* minus their sum */
    double kl_sum, kl_most; /* of KL(reference || model), in nats, over n_tokens rows */
    size_t n_same;          /* rows where both hold the same token for the most probable */
} qn_score;

/* Scores ids, at most as many as the context. Both engines are idle before and after. */
qn_status qn_score_ids(qn_engine *e, size_t n_ids, const uint32_t *ids, const qn_score_options *o,
                       qn_score *result, qn_error *err);
