/* tests/support/fixture.h - model fixtures (tests/oracles/README.md): what an independent
 * implementation computed, and the tiny model it computed it from. */
#pragma once

#include "base/types.h"
#include "kernel/encoding.h"

enum { QN_FIXTURE_KEYS = 64, QN_FIXTURE_TENSORS = 256, QN_FIXTURE_ARRAYS = 4 };

typedef struct qn_fixture_key {
    const char *name, *type, *value;
} qn_fixture_key;

typedef struct qn_fixture_tensor {
    const char *name, *transform;
    uint64_t seed;
    float base, scale;
    size_t n_dims, dim[4]; /* Hugging Face order: outputs first, before them experts */
    const char *values;    /* spelled numbers instead of random ones, or NULL */
} qn_fixture_tensor;

typedef struct qn_fixture_array {
    const char *name;
    size_t n_dims, dim[4];
    const float *values;
} qn_fixture_array;

typedef struct qn_fixture {
    char *text; /* the file, cut into words */
    const char *name;
    uint64_t seed;
    size_t n_keys, n_tensors, n_arrays, n_ids;
    qn_fixture_key keys[QN_FIXTURE_KEYS];
    qn_fixture_tensor tensors[QN_FIXTURE_TENSORS];
    qn_fixture_array arrays[QN_FIXTURE_ARRAYS];
    uint32_t *ids;
} qn_fixture;

/* Reads tests/fixtures/model/NAME.bin; ends the test program when it cannot. */
void qn_fixture_open(qn_fixture *f, const char *name);
void qn_fixture_close(qn_fixture *f);

const qn_fixture_array *qn_fixture_array_named(const qn_fixture *f, const char *name);

/* The weights of tensor t as the GGUF file stores them, [dim[0]][dim[1]]...; the caller frees them.
 */
float *qn_fixture_weights(const qn_fixture_tensor *t);

typedef struct qn_fixture_change { /* one thing other than the fixture says; name NULL ends a list
                                    */
    const char *key, *value;       /* value NULL: the key is left out */
} qn_fixture_change;

/* Writes the model as a GGUF file, with a tokenizer of the 256 bytes, and returns its path (see
 * qn_test_file). Matrices whose rows divide into blocks get `encoding`, the rest and all vectors
 * F32. changes may be NULL. */
const char *qn_fixture_write_gguf(const qn_fixture *f, const char *file, qn_encoding encoding,
                                  const qn_fixture_change *changes);
