/* model/cost.h - what a program reads and multiplies for a token: what benchmarks hold against the
 * machine's limits. */
#pragma once

#include "model/program.h"

typedef struct qn_work { /* sequences that each go n_tokens on from position `depth` */
    uint32_t depth, n_tokens;
    uint32_t n_rows;          /* of a step, all sequences together */
    uint32_t n_sequence_rows; /* of a step and one sequence */
    uint32_t n_with_logits;   /* of a sequence's n_tokens, those that go through the head */
} qn_work;

/* Of one token, the mean over the work. An operation is a product or a sum. */
typedef struct qn_cost {
    double weight_bytes; /* of matrices, read once a step for all its rows */
    double kv_bytes;     /* that a row sees, read once for a sequence's rows of a step */
    double int8_ops;     /* of linear ops with 8-bit activations */
    double float_ops;    /* of linear ops with float activations */
    double attention_ops;
} qn_cost;

/* All numbers of the work but the depth are at least 1. */
qn_cost qn_program_cost(const qn_program *p, const qn_work *w);
