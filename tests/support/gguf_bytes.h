/* tests/support/gguf_bytes.h - writes GGUF files byte by byte, well-formed or as asked for.
 *
 * It knows nothing of src/weights, so a reader and a writer cannot share a mistake. Ends the test
 * program when it cannot write. */
#pragma once

#include "base/types.h"
#include "kernel/encoding.h"

#include <stdio.h>

typedef struct qn_gguf_bytes {
    uint64_t n_keys, n_tensors;
    uint64_t n_data;        /* bytes of tensor data announced so far */
    FILE *keys, *directory; /* in memory */
    char *key_bytes, *directory_bytes;
    size_t n_key_bytes, n_directory_bytes;
} qn_gguf_bytes;

void qn_gguf_bytes_begin(qn_gguf_bytes *g);

void qn_gguf_bytes_u32(qn_gguf_bytes *g, const char *key, uint32_t value);
void qn_gguf_bytes_f32(qn_gguf_bytes *g, const char *key, float value);
void qn_gguf_bytes_bool(qn_gguf_bytes *g, const char *key, bool value);
void qn_gguf_bytes_text(qn_gguf_bytes *g, const char *key, const char *value);

/* Keys for a byte-level tokenizer of n_vocab tokens: the 256 bytes, then numbered fillers; the last
 * is <eos>, a control token that ends a generation. */
void qn_gguf_bytes_tokenizer(qn_gguf_bytes *g, uint32_t n_vocab);

/* Announces a tensor; dims fastest first. Data follow in this order, each aligned to 32. */
void qn_gguf_bytes_tensor(qn_gguf_bytes *g, const char *name, qn_encoding e, size_t n_dims,
                          const uint64_t *dims);

/* Writes all but the data to f, which then stands where the first tensor's begins. */
void qn_gguf_bytes_head(qn_gguf_bytes *g, FILE *f);

/* The next tensor's bytes, and the zeros up to the one behind it. */
void qn_gguf_bytes_data(FILE *f, size_t n_bytes, const void *bytes);
