/* engine/engine.h - runs requests of many sequences, a batch a step, and tells what happens.
 *
 * One thread calls an engine; it uses a team of threads inside. Every sequence's results are the
 * same bits alone or beside others, in any chunks, on any number of threads, cached or not.
 * Prompts share full pages by name. After qn_engine_open, steps allocate nothing. */
#pragma once

#include "base/pool.h"
#include "engine/model.h"
#include "engine/sampler.h"
#include "engine/stops.h"

typedef struct qn_engine_options {
    uint32_t n_ctx;       /* tokens of one sequence; 0: the model's, at most 4096 */
    uint32_t n_sequences; /* at the same time; 0: 1 */
    uint32_t n_chunk;     /* most rows of a step; 0: 512 */
    uint32_t n_threads;   /* 0: one a core */
    qn_cpu_level level;   /* of the kernels */
    bool no_prefix_cache;
    bool deterministic; /* no class T: the same bits at every level */
} qn_engine_options;

/* What qn_engine_open takes as 0, made explicit; QN_EARGUMENT names what is out of range. */
qn_status qn_engine_settle(qn_engine_options *o, const qn_model *m, qn_error *err);

typedef enum qn_finish {
    QN_FINISH_STOP,   /* an end-of-generation token or a stop string */
    QN_FINISH_LENGTH, /* n_predict, or the context is full */
    QN_FINISH_CANCELLED,
    QN_FINISH_ERROR,
} qn_finish;
const char *qn_finish_name(qn_finish f); /* "stop", "length", "cancelled", "error" */

typedef struct qn_usage {
    uint32_t n_prompt, n_cached, n_generated;
    uint64_t wait_ns, prefill_ns, decode_ns; /* to the first step; to the first token; from there */
} qn_usage;

typedef enum qn_event_kind {
    QN_EVENT_TOKEN,  /* id was sampled at position */
    QN_EVENT_TEXT,   /* n_bytes of whole UTF-8 characters to show */
    QN_EVENT_LOGITS, /* of the row at position: they predict position + 1; only if asked for */
    QN_EVENT_END,    /* the last event of a request; err only with QN_FINISH_ERROR */
} qn_event_kind;

typedef struct qn_event {
    qn_event_kind kind;
    uint64_t request;
    uint32_t id, position;
    const char *bytes;
    size_t n_bytes;
    const float *logits; /* [n_vocab], valid during the call */
    qn_finish finish;
    const qn_usage *usage;
    const qn_error *err;
} qn_event;

typedef struct qn_request {
    const uint32_t *ids; /* copied */
    size_t n_ids;        /* at least 1, at most n_ctx */
    uint32_t n_predict;  /* most tokens to generate; 0: only the prompt is run */
    uint32_t n_noise;    /* first ids that are not run: noise stands for their keys and values, and
                            no page of the request is shared. For benchmarks; less than n_ids */
    qn_sampling sampling;
    uint64_t sequence; /* number of the sequence within its seed */
    qn_stops stops;    /* kept by the caller until the end */
    bool ignore_end;   /* go on at end-of-generation tokens */
    bool skip_special; /* leave control tokens out of the text */
    bool wants_logits; /* QN_EVENT_LOGITS for every row of the prompt; looks up no cached page */
    void (*on_event)(void *context, const qn_event *event);
    void *context;
} qn_request;

typedef struct qn_engine qn_engine;

/* The model must outlive the engine. QN_EFIT when the plan is larger than the machine allows. */
qn_status qn_engine_open(qn_engine **e, const qn_model *m, const qn_engine_options *o,
                         qn_error *err);
void qn_engine_close(qn_engine *e); /* takes NULL; ends requests without events */

/* Takes a request; *id names it in events. QN_EFIT when all sequences are taken. */
qn_status qn_engine_submit(qn_engine *e, const qn_request *r, uint64_t *id, qn_error *err);

/* Ends a request at the next step; unknown ids do nothing. */
void qn_engine_cancel(qn_engine *e, uint64_t id);

/* Requests not yet ended. */
size_t qn_engine_n_active(const qn_engine *e);

/* Runs one batch. What goes wrong with one request ends that request with QN_FINISH_ERROR; a
 * failure of the engine itself is returned. */
qn_status qn_engine_step(qn_engine *e, qn_error *err);

/* Steps until no request is active. */
qn_status qn_engine_drain(qn_engine *e, qn_error *err);

const qn_engine_options *qn_engine_settings(const qn_engine *e);
const qn_model *qn_engine_model(const qn_engine *e);
const qn_kernels *qn_engine_kernels(const qn_engine *e);
