/* tests/support/blocks.h - random weights in any encoding, made without a quantizer. */
#pragma once

#include "kernel/linear.h"

/* Writes n_values (whole blocks) of about the given standard deviation: random bits in every field
 * but the blocks' scales. */
void qn_test_random_weights(qn_encoding e, size_t n_values, uint64_t seed, float deviation,
                            uint8_t *bytes);

/* Packs all of a matrix into as many bytes. */
void qn_test_pack(const qn_matrix *w, uint8_t *bytes);
