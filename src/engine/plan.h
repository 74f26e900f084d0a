/* engine/plan.h - exact bytes before anything is loaded; the engine's layout, only counted. */
#pragma once

#include "engine/engine.h"

typedef struct qn_plan {
    qn_engine_options options; /* settled */
    uint64_t weights;          /* in the page cache, or copied to anonymous memory */
    uint64_t kv, activations;  /* pages; working memory of steps, sampling and batches */
    uint64_t adapters;
    uint64_t tokenizer, process; /* vocabulary and template; code, stacks, tables */
    uint64_t total;              /* all of the above */
    uint64_t anonymous;          /* total without weights in the file: the most resident */
    qn_weights where;            /* the weights are */
    uint64_t available;          /* what this process may still take */
    bool fits;
    uint32_t largest_context;    /* tokens of one sequence that would fit, 0: none */
    uint64_t kv_bytes_per_token; /* while no window is full */
    qn_kv_type k_type, v_type;   /* how keys and values are stored */
} qn_plan;

/* Plans an engine. Fails only on options out of range; what does not fit is said in .fits. */
qn_status qn_plan_engine(qn_plan *p, const qn_model *m, const qn_engine_options *o, qn_error *err);
