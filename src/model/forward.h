/* model/forward.h - the one executor: runs a program over a batch of rows.
 *
 * The unit of work is a batch: (token, sequence, position, logits wanted) rows. Prefill, decode,
 * scoring and verification are all batches; one user is a batch of one row. After qn_forward_init
 * nothing allocates. */
#pragma once

#include "base/pool.h"
#include "model/program.h"

typedef struct qn_segment { /* consecutive rows of a batch: consecutive positions of a sequence */
    const qn_chain *chain;  /* holds pages for all of them */
    uint32_t first_row, n_rows, position;
} qn_segment;

typedef struct qn_batch {
    uint32_t n_rows;
    const uint32_t *tokens; /* [n_rows], each below n_vocab */
    uint32_t n_segments;
    const qn_segment *segments; /* in order of rows, together all rows */
    uint32_t n_wanted;
    const uint32_t *wanted; /* [n_wanted] rows, ascending */
} qn_batch;

typedef struct qn_forward_shape {
    uint32_t n_rows;      /* most rows of a batch */
    uint32_t n_wanted;    /* most of them with logits */
    uint32_t n_head_rows; /* rows of logits at a time */
    uint32_t n_pages;     /* most pages of a chain */
    uint32_t n_threads;
} qn_forward_shape;

typedef struct qn_forward {
    const qn_program *program;
    const qn_kernels *kernels;
    qn_kv *kv;
    qn_pool *pool;
    qn_forward_shape shape;
    uint8_t *space[QN_N_SPACES];
    uint32_t n_space_rows[QN_N_SPACES]; /* of this step: its values lie close together */
    uint32_t *segment_of_row;           /* [n_rows] */
    struct qn_member_scratch *scratch;  /* [n_threads] */
    uint8_t *parts; /* [n_spans][n_kv_heads][n_part_bytes]: one row's attention over each span */
    uint32_t n_spans;
    size_t n_part_bytes;
    const qn_batch *batch; /* while a step runs */
    uint32_t head_first, n_head;
} qn_forward;

/* Takes the working memory; false when a size overflows (see qn_arena). */
bool qn_forward_lay_out(qn_forward *f, qn_arena *a, const qn_program *program,
                        const qn_forward_shape *shape);

/* Runs the body: appends K and V of every row, leaves the hidden rows that are wanted. */
void qn_forward_body(qn_forward *f, const qn_batch *batch);

/* Logits of wanted rows first .. first + n - 1 (n at most n_head_rows) of the last body:
 * row i at result + i * qn_forward_logits_stride, n_vocab values, valid until the next call. */
const float *qn_forward_logits(qn_forward *f, uint32_t first, uint32_t n);
size_t qn_forward_logits_stride(const qn_forward *f);
