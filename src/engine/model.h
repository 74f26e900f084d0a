/* engine/model.h - an opened model: mapped weights, config, tokenizer, chat templates, program. */
#pragma once

#include "base/arena.h"
#include "engine/templates.h"
#include "model/compile.h"
#include "text/tokenizer.h"

typedef enum qn_weights {
    QN_WEIGHTS_MAPPED, /* used in the mapped file */
    QN_WEIGHTS_HUGE,   /* copied to large pages: engine/huge.h */
    QN_WEIGHTS_PACKED, /* and packed there: kernel/packed.h */
} qn_weights;

typedef struct qn_model_options {
    bool f32_activations;
    qn_kv_type k_type, v_type;
    qn_weights weights;      /* where they will be */
    const qn_family *family; /* NULL: by the file's architecture */
} qn_model_options;

typedef struct qn_model {
    char path[4096];
    qn_gguf gguf;
    qn_config config;
    qn_region memory; /* of the program */
    qn_program program;
    qn_tokenizer *tokenizer;
    qn_templates templates;
    uint8_t fingerprint[32]; /* of header, directory, identity and sampled blocks of the file */
    bool f32_activations;
    qn_weights weights;
    qn_arena huge; /* the copy of the weights, once it is made */
} qn_model;

/* On QN_OK *m owns all until qn_model_close; on failure it is zeroed and owns nothing. */
qn_status qn_model_open(qn_model *m, const char *path, const qn_model_options *options,
                        qn_error *err);
void qn_model_close(qn_model *m);

/* Bytes of the weights' tensors; they stay in the mapped file. */
uint64_t qn_model_weight_bytes(const qn_model *m);

/* Whether weights in use were changed: see qn_gguf_torn. */
bool qn_model_torn(const qn_model *m);

/* Values in all tensors. */
uint64_t qn_model_parameters(const qn_model *m);
