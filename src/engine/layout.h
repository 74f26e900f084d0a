/* engine/layout.h - what an engine is made of, and the one layout of its memory.
 *
 * qn_engine_lay_out runs on a counting arena for the plan and on the real one for the engine. */
#pragma once

#include "engine/engine.h"
#include "model/forward.h"

enum { QN_MOST_SEQUENCES = 1024, QN_MOST_CHUNK = 4096, QN_HEAD_ROWS = 16 };
enum { QN_SLOT_TEXT = 4096 }; /* bytes of text a sequence holds back without allocating */

typedef struct qn_slot { /* one sequence, and the request that has it */
    bool active, cancelled;
    uint64_t id;
    qn_request request;
    uint32_t *ids; /* [n_ctx + 1] prompt and generated */
    uint32_t n_ids;
    qn_chain chain;
    qn_page_name parent; /* of the next full page */
    qn_decoder decoder;
    qn_buf text; /* not shown yet */
    qn_usage usage;
    uint64_t submitted_ns, started_ns, first_ns;
} qn_slot;

typedef struct qn_batch_rows { /* the batch of a step, being made */
    uint32_t n_rows, n_segments, n_wanted;
    uint32_t *tokens, *wanted; /* [n_chunk] */
    qn_segment *segments;      /* [n_sequences] */
    uint32_t *slot_of_segment; /* [n_sequences] */
} qn_batch_rows;

struct qn_engine {
    const qn_model *model;
    qn_engine_options options;
    const qn_kernels *kernels;
    qn_pool *pool;
    qn_arena arena;
    size_t n_kv_bytes; /* of the arena's, for the plan */
    qn_kv kv;
    qn_forward forward;
    qn_sampler sampler;
    qn_batch_rows rows;
    qn_slot *slots; /* [n_sequences] */
    qn_page_name root;
    uint64_t last_id;
};

/* Takes all of an engine's memory; needs model and settled options. False on overflow. */
bool qn_engine_lay_out(qn_engine *e, qn_arena *a);

/* Makes laid out memory an idle engine's. */
void qn_engine_reset(qn_engine *e);
