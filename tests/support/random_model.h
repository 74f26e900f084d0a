/* tests/support/random_model.h - GGUF files of a published model's exact shape with random weights:
 * speed and size are real, the text is noise. */
#pragma once

#include "base/types.h"

typedef struct qn_model_shape {
    const char *name, *arch;
    uint32_t n_layers, n_embd, n_ff, n_heads, n_kv_heads, head_dim, n_vocab, window;
    float rope_base;
    bool tied;
    uint32_t n_experts, n_used_experts, n_ff_expert; /* 0: dense */
} qn_model_shape;

/* The shapes there are, by number; NULL past the last. */
const qn_model_shape *qn_model_shape_at(size_t i);
const qn_model_shape *qn_model_shape_named(const char *name);

/* Whether a name is an encoding's, or Q4_K_M: Q4_K with Q6_K for the embedding, the values and half
 * of the feed-forward's last matrices. */
bool qn_random_model_knows(const char *encoding);

/* Writes the model with n_layers layers (0: the shape's); false with errno set when it cannot. */
bool qn_random_model_write(const char *path, const qn_model_shape *s, const char *encoding,
                           uint32_t n_layers);
