/* tests/support/tiny_chat.h - a small random model of the llama architecture that can be talked to:
 * its tokenizer knows the 256 bytes and a few control tokens, its template has the usual roles. */
#pragma once

#include "base/types.h"

enum {
    QN_TINY_BOS = 1,
    QN_TINY_EOS = 2,
    QN_TINY_BYTE = 3,   /* the id of byte 0 */
    QN_TINY_USER = 259, /* "<|user|>", control */
    QN_TINY_END = 260,  /* "<|end|>", control */
    QN_TINY_CONTEXT = 256,
};

typedef struct qn_tiny_chat { /* zeroed: the plain one */
    bool no_template, no_weights;
    const char *architecture; /* NULL: llama */
    const char *chat_template;
    double temperature, top_k; /* general.sampling keys, where not 0 */
    uint64_t seed;
} qn_tiny_chat;

/* Writes the file and returns its path (see qn_test_file). */
const char *qn_test_tiny_chat(const char *file, const qn_tiny_chat *how);
