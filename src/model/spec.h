/* model/spec.h - a model family, said as data.
 *
 * A family is tables and one const qn_family. compile.c turns it, with a file's config and tensors,
 * into a program; nothing else knows a family. A step that reads a register nobody wrote, a key
 * without a stated default and a tensor that no step consumes are errors that name it. */
#pragma once

#include "kernel/gate.h"
#include "kernel/rope.h"

// clang-format off
typedef enum qn_key {
#define X(key, ...) key,
#include "model/keys.def"
#undef X
    QN_N_KEYS
} qn_key;

typedef enum qn_role {
    QN_NO_ROLE,
#define X(role, ...) role,
#include "model/roles.def"
#undef X
    QN_N_ROLES
} qn_role;

typedef enum qn_op_kind {
    QN_OP_END,
#define X(op, ...) op,
#include "model/ops.def"
#undef X
    QN_N_OPS
} qn_op_kind;
// clang-format on

typedef enum qn_dim { /* what a tensor's shape is made of */
                      QN_DIM_ONE,
                      QN_DIM_VOCAB,
                      QN_DIM_EMBD,
                      QN_DIM_FF,
                      QN_DIM_EXPERTS,
                      QN_DIM_FF_EXPERT,
                      QN_DIM_HEAD,      /* head_dim */
                      QN_DIM_Q,         /* n_heads * head_dim */
                      QN_DIM_K,         /* n_kv_heads * head_dim */
                      QN_DIM_V,         /* n_kv_heads * v_dim */
                      QN_DIM_ATTENDED,  /* n_heads * v_dim */
                      QN_DIM_ROPE_HALF, /* rope_dims / 2 */
} qn_dim;

typedef enum qn_where { QN_MODEL, QN_LAYER, QN_EXPERTS } qn_where;

/* X: the residual stream; H: work; G, U: gate and up of the feed-forward; R: router, choices. */
typedef enum qn_register {
    QN_REG_NONE,
    QN_REG_X,
    QN_REG_H,
    QN_REG_Q,
    QN_REG_K,
    QN_REG_V,
    QN_REG_G,
    QN_REG_U,
    QN_REG_R,
    QN_N_REGISTERS
} qn_register;

typedef enum qn_mask { QN_CAUSAL, QN_WINDOWED } qn_mask;
typedef enum qn_rope_kind { QN_ROPE_GLOBAL, QN_ROPE_LOCAL, QN_N_ROPE_KINDS } qn_rope_kind;
typedef enum qn_embed_scale { QN_SCALE_ONE, QN_SQRT_N_EMBD } qn_embed_scale;

typedef struct qn_step {
    qn_op_kind op; /* QN_OP_END ends a layer */
    qn_register dst, a, b, c;
    qn_role role;
    int param;       /* qn_mask, qn_rope_kind or qn_gate_kind */
    qn_role up_role; /* expert_gate */
} qn_step;

enum { QN_MOST_LAYER_KINDS = 4 };

typedef struct qn_family {
    const char *name;
    const char *gguf_arch;
    const char *hf_class[3];
    struct {
        char letter;
        const qn_step *steps;
    } layers[QN_MOST_LAYER_KINDS];
    /* Letters of the layers' kinds, repeated to the model's depth. Where the file carries
     * QN_LAYER_TYPES it rules: a period p makes every p-th layer the last kind, an array of
     * booleans (true: windowed) the first kind where true. */
    const char *pattern;
    struct {
        qn_role role;
        const char *gguf, *hf; /* NULL: the usual name */
    } names[6];
    struct {
        qn_key key;
        double value;
    } defaults[4]; /* of keys that this family's files may leave out */
    struct {
        uint32_t n_layers; /* which size of the family */
        qn_key key;
        double value;
    } exceptions[2];
    qn_embed_scale embed_scale;
    struct {
        bool gguf, safetensors;
    } norm_adds_one; /* the file stores w where the norm multiplies by 1 + w */
    struct {
        qn_rope_pairs gguf, safetensors;
    } rope_pairs;
} qn_family;

/* The family of a GGUF architecture, or NULL. */
const qn_family *qn_family_of_gguf(const char *arch);

/* The families in the order of families.def; NULL past the last. */
const qn_family *qn_family_at(size_t i);
