/* kernel/encoding.h - how weights are stored: the table of encodings and the sizes that follow. */
#pragma once

#include "base/types.h"

// clang-format off
typedef enum qn_encoding {
    QN_NO_ENCODING,
#define X(encoding, ...) encoding,
#include "kernel/encodings.def"
#undef X
    QN_N_ENCODINGS
} qn_encoding;
// clang-format on

/* What the integers of an encoding mean: value = scale * (q - offset) + minimum. */
typedef struct qn_shape {
    uint8_t n_group; /* values that share a scale: 32 or 16; 0 where values are floats */
    uint8_t offset;  /* 0 <= q < 2^n_bits is stored unsigned */
    uint8_t n_bits;
    bool has_min; /* only with n_group 32 */
} qn_shape;

const qn_shape *qn_encoding_shape(qn_encoding e);

/* Whether products with it take 8-bit activations. */
bool qn_encoding_is_quantized(qn_encoding e);

/* QN_NO_ENCODING for a type that is not in the table. */
qn_encoding qn_encoding_from_gguf(uint32_t gguf_type);
uint32_t qn_encoding_to_gguf(qn_encoding e);

/* The encoding of this name ("Q4_K"), any case, or QN_NO_ENCODING. */
qn_encoding qn_encoding_from_name(const char *name);
const char *qn_encoding_name(qn_encoding e);

size_t qn_encoding_block(qn_encoding e);       /* values */
size_t qn_encoding_block_bytes(qn_encoding e); /* bytes */

/* Bytes of n_values; false when they are not whole blocks or the size overflows. */
bool qn_encoding_size(qn_encoding e, uint64_t n_values, uint64_t *n_bytes);
