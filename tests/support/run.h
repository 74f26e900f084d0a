/* tests/support/run.h - opens a model and runs prompts over it, for tests. */
#pragma once

#include "engine/engine.h"

typedef struct qn_test_setting { /* zero: the plain case */
    bool f32_activations;
    uint32_t n_chunk, n_threads, n_sequences, n_ctx;
    bool at_level; /* else the best this CPU has */
    qn_cpu_level level;
    const qn_family *family;
    bool no_prefix_cache, deterministic;
    bool has_kv; /* else F16, or F32 with f32_activations */
    qn_kv_type k_type, v_type;
    qn_weights weights;
} qn_test_setting;

typedef struct qn_test_run {
    qn_model model;
    qn_engine *engine;
} qn_test_run;

/* Ends the test with the error's text when the model does not open. */
void qn_test_run_open(qn_test_run *r, const char *path, const qn_test_setting *s);
void qn_test_run_close(qn_test_run *r);

/* The logits of every position of a prompt, [n_ids][n_vocab]; the caller frees them. */
float *qn_test_logits(qn_test_run *r, size_t n_ids, const uint32_t *ids);

/* Generates n_predict ids greedily, going on at end tokens. */
void qn_test_greedy(qn_test_run *r, size_t n_ids, const uint32_t *ids, size_t n_predict,
                    uint32_t *out);
