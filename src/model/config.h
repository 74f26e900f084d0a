/* model/config.h - the numbers of one model, read by the table keys.def and completed.
 *
 * Invariant of a config that was read: every whole number is within its bounds, n_heads is a
 * multiple of n_kv_heads, rope_dims is even and at most head_dim. */
#pragma once

#include "model/spec.h"
#include "weights/gguf.h"

typedef struct qn_config {
    const qn_family *family;
    char arch[64];
    double value[QN_N_KEYS]; /* whole numbers are exact */
    bool present[QN_N_KEYS]; /* in the file, or has a default */
    char kind[1025];         /* letter of each layer's kind, zero terminated */
} qn_config;

/* Reads the config of a GGUF model with this family's rules. */
qn_status qn_config_read(qn_config *c, const qn_family *family, const qn_gguf *g, qn_error *err);

/* A whole number of the config. */
static inline uint32_t qn_config_n(const qn_config *c, qn_key key)
{
    return (uint32_t)c->value[key];
}

/* The number behind a word of a tensor's shape. */
uint64_t qn_config_dim(const qn_config *c, qn_dim dim);

/* Factor of attention scores: attention.scale, else 1 / sqrt(query scalar or head_dim). */
float qn_config_attention_scale(const qn_config *c);
