/* cli/run.h - inside `quern run`: what its one-shot half and its chat share. */
#pragma once

#include "cli/answer.h"
#include "cli/open.h"
#include "engine/words.h"

enum { QN_RUN_CONTEXT = 4096, QN_RUN_ANSWER = 1024 };

typedef struct qn_run_args {
    qn_model_args model;
    qn_compute_args compute;
    const char *prompt, *file, *system;
    uint32_t n_ctx, n_predict; /* 0: not given */
    qn_sampling sampling;      /* where given */
    bool has_temperature, has_top_k, has_top_p, has_min_p, has_seed;
    size_t n_stops;
    const char *stops[QN_MOST_STOPS];
    bool raw, stats, json, ignore_end;
} qn_run_args;

typedef struct qn_run {
    const qn_run_args *a;
    qn_model model;
    qn_tokenizer_scratch *scratch;
    qn_sampling sampling; /* settled */
    qn_engine *engine;    /* NULL until the first prompt is known */
    uint64_t load_ns;     /* opening the model and the engine */
    qn_answer answer;
} qn_run;

/* Ids of a conversation (see qn_chat_add), with the template's question for the next answer; after
 * a past, which may be empty. *text is written in both outcomes and the caller's to release. */
qn_status qn_run_chat_ids(qn_run *r, const qn_buf *messages, const qn_past *past, qn_rendered *text,
                          qn_ids *ids, qn_error *err);

/* Opens the engine for a prompt of n_ids, unless it is open. */
qn_status qn_run_open_engine(qn_run *r, size_t n_ids, qn_error *err);

/* Generates into r->answer. */
qn_status qn_run_answer(qn_run *r, const qn_ids *ids, qn_error *err);

/* A conversation on the terminal, until its end. */
qn_status qn_run_chat(qn_run *r, qn_error *err);
