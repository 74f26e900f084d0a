/* engine/huge.h - weights copied to anonymous memory in large pages, instead of used in the file,
 * and packed (kernel/packed.h) where the model's .weights say so.
 *
 * The copy holds the same values, so no result changes; the file may change once it is made. */
#pragma once

#include "engine/model.h"

/* Bytes of the copy. */
uint64_t qn_huge_bytes(const qn_model *m);

/* Copies the weights of a model that no engine uses yet, by n_threads threads, each its share of
 * every tensor. QN_EFIT when the machine has no room; on failure the model stays as it was. */
qn_status qn_huge_load(qn_model *m, size_t n_threads, qn_error *err);
