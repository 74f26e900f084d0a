/* model/program.h - a model as a flat list of ops over planned buffers.
 *
 * Ops [0, n_body) turn the rows of a batch into the hidden rows whose logits are wanted; ops
 * [n_body, n_ops) turn a block of those into logits. A buffer lies in one of three spaces, each
 * sized by its number of rows in a step: address = space + offset * that number + row * n_bytes.
 * An op with .barrier may begin only when all threads have ended the ops before it.
 *
 * With many rows each thread takes its rows through a chain of ops. With few, every thread repeats
 * the ops by row, in an own copy of the rows: then it meets the others only around ops that are
 * spread. The copy has the same offsets; .barrier_few and .own say how it is then. */
#pragma once

#include "base/buf.h"
#include "kernel/linear.h"
#include "model/config.h"
#include "model/kv.h"

enum { QN_FEW_ROWS = 4 }; /* measured: docs/speed/012-few-rows.md */

typedef enum qn_space {
    QN_SPACE_ROWS,   /* rows of a step */
    QN_SPACE_WANTED, /* rows whose logits are wanted */
    QN_SPACE_HEAD,   /* rows of a block of logits */
    QN_N_SPACES
} qn_space;

typedef struct qn_place {
    qn_space space;
    bool is_act;    /* int8 activations, else f32 */
    bool own;       /* with few rows: in each member's copy */
    uint32_t n;     /* values of a row; 0: no place */
    size_t offset;  /* per row of the space */
    size_t n_bytes; /* of a row */
    char name[8];   /* register, for people */
} qn_place;

typedef struct qn_op {
    qn_op_kind kind;
    bool barrier, barrier_few;
    bool fetches; /* with few rows: dst is copied to the member's first */
    uint16_t layer;
    qn_place dst, a, b;
    qn_matrix matrix;           /* linear, embed; experts: that of expert 0 */
    qn_matrix up;               /* expert_gate */
    const char *tensor;         /* its name */
    const float *weights;       /* norm: [n_vector]; angles: inverse frequencies [n_rot / 2] */
    uint32_t n_vector;          /* norm, rope, quantize, hadamard: values of a vector */
    uint32_t n_rot;             /* rope, angles: values that rotate */
    qn_rope_pairs pairs;        /* rope */
    qn_gate_kind gate;          /* gate, expert_gate */
    uint32_t n_experts, n_used; /* route, expert_gate, expert_sum */
    bool renormalise;           /* route */
    float x;                    /* embed: scale; norm: eps; attend: scale; softcap: cap */
    float softcap;              /* attend: 0 is none */
    uint32_t group, group_layer, window; /* kv_append, attend: where its pages are */
} qn_op;

typedef struct qn_program {
    size_t n_ops, n_body;
    qn_op *ops;
    size_t row_bytes[QN_N_SPACES];
    size_t n_scratch_inputs;            /* longest input of a linear op */
    size_t n_linear_scratch;            /* bytes, the most that one needs */
    uint32_t n_experts, n_used_experts; /* 0: there are none */
    uint32_t n_embd, n_vocab, n_heads;
    qn_place logits;
    qn_kv_shape kv;
    uint64_t n_weight_bytes; /* read by one row through the body and the head */
    uint64_t n_row_products; /* multiplications of one row in linear ops, body and head */
} qn_program;

const char *qn_op_name(qn_op_kind kind);

typedef enum qn_split { QN_BY_ROW, QN_BY_ROW_OR_COLUMN, QN_BY_ROW_OR_HEAD, QN_SPREAD } qn_split;
qn_split qn_op_split(qn_op_kind kind);

/* Appends the list of ops as text, a line each. */
void qn_program_print(const qn_program *p, qn_buf *out);
