/* weights/gguf.h - GGUF files (version 2 and 3), read in place.
 *
 * Invariant: after an open that succeeded every view lies inside a mapped file, names are unique,
 * tensors do not overlap. Of what is read later only the pages may be missing: see qn_gguf_torn.
 * Source: the GGUF specification of ggml. Safe for reading from many threads. */
#pragma once

#include "base/index.h"
#include "base/map.h"
#include "weights/tensor.h"

typedef enum qn_gguf_type { /* as numbered in the file */
                            QN_GGUF_U8,
                            QN_GGUF_I8,
                            QN_GGUF_U16,
                            QN_GGUF_I16,
                            QN_GGUF_U32,
                            QN_GGUF_I32,
                            QN_GGUF_F32,
                            QN_GGUF_BOOL,
                            QN_GGUF_STRING,
                            QN_GGUF_ARRAY,
                            QN_GGUF_U64,
                            QN_GGUF_I64,
                            QN_GGUF_F64,
                            QN_GGUF_N_TYPES
} qn_gguf_type;

typedef struct qn_gguf_array {
    qn_gguf_type type; /* of the elements */
    size_t n;
    const uint8_t *bytes;   /* the first element, at any address */
    const uint32_t *starts; /* of strings: where each begins in bytes, and the end; NULL else */
} qn_gguf_array;

typedef struct qn_gguf_value {
    qn_str key; /* ends in a zero byte */
    qn_gguf_type type;
    union {
        uint64_t u64; /* of U8 to U64 and BOOL */
        int64_t i64;  /* of I8 to I64 */
        double f64;   /* of F32 and F64 */
    };
    qn_str text; /* of STRING; any bytes */
    qn_gguf_array array;
    qn_str raw; /* the value as it stands in the file, behind its type */
} qn_gguf_value;

typedef struct qn_gguf {
    uint32_t version;
    uint64_t alignment;
    size_t n_values, n_tensors;
    const qn_gguf_value *values; /* in the order of the file */
    const qn_tensor *tensors;    /* of all parts of a split model, part by part */
    qn_index by_key, by_name;
    qn_region memory;
    qn_map map;
    size_t n_more; /* parts of a split model behind the first */
    struct qn_gguf *more;
} qn_gguf;

typedef struct qn_gguf_limits {
    uint64_t n_header_bytes; /* all before the tensor data */
    uint64_t n_memory_bytes; /* what an open allocates, for each part */
    uint64_t n_values, n_tensors, n_parts;
    uint64_t n_key_bytes, n_name_bytes, n_string_bytes;
    uint64_t n_elements;      /* of one array */
    uint64_t n_array_strings; /* of all string arrays */
    uint32_t n_dims, depth;   /* depth: of arrays of arrays */
    uint64_t alignment;
} qn_gguf_limits;

extern const qn_gguf_limits qn_gguf_max;

/* Opens a file, and with it the other parts of a split model (any part may be named). On QN_OK *g
 * owns the mappings until qn_gguf_release; on failure *g is zeroed and owns nothing. */
qn_status qn_gguf_open(qn_gguf *g, const char *path, qn_error *err);

/* One file's bytes, which must outlive *g. */
qn_status qn_gguf_parse_bytes(qn_gguf *g, size_t n_bytes, const uint8_t *bytes, qn_error *err);

/* Takes a zeroed one as well, and leaves it zeroed. */
void qn_gguf_release(qn_gguf *g);

/* Whether a file shrank or was written to while it was mapped: what was read since then means
 * nothing. A system call for each part. */
bool qn_gguf_torn(const qn_gguf *g);

/* NULL when absent. */
const qn_gguf_value *qn_gguf_find(const qn_gguf *g, const char *key);
const qn_tensor *qn_gguf_tensor(const qn_gguf *g, const char *name);

/* "u32", "string" ... */
const char *qn_gguf_type_name(qn_gguf_type type);

/* Scalars, whatever their type in the file as long as the value fits: integers of any width; f64
 * also takes integers; bool also takes 0 and 1. The sentence names the key. `get` requires the key,
 * `maybe` leaves *value as it is when the key is absent. */
qn_status qn_gguf_get_u32(const qn_gguf *g, const char *key, uint32_t *value, qn_error *err);
qn_status qn_gguf_get_u64(const qn_gguf *g, const char *key, uint64_t *value, qn_error *err);
qn_status qn_gguf_get_i64(const qn_gguf *g, const char *key, int64_t *value, qn_error *err);
qn_status qn_gguf_get_f64(const qn_gguf *g, const char *key, double *value, qn_error *err);
qn_status qn_gguf_get_bool(const qn_gguf *g, const char *key, bool *value, qn_error *err);
qn_status qn_gguf_get_string(const qn_gguf *g, const char *key, qn_str *value, qn_error *err);
qn_status qn_gguf_maybe_u32(const qn_gguf *g, const char *key, uint32_t *value, qn_error *err);
qn_status qn_gguf_maybe_u64(const qn_gguf *g, const char *key, uint64_t *value, qn_error *err);
qn_status qn_gguf_maybe_i64(const qn_gguf *g, const char *key, int64_t *value, qn_error *err);
qn_status qn_gguf_maybe_f64(const qn_gguf *g, const char *key, double *value, qn_error *err);
qn_status qn_gguf_maybe_bool(const qn_gguf *g, const char *key, bool *value, qn_error *err);
qn_status qn_gguf_maybe_string(const qn_gguf *g, const char *key, qn_str *value, qn_error *err);

/* A key that is one number for all layers, or an array with one for each: the number of layer i. */
qn_status qn_gguf_maybe_layer_u32(const qn_gguf *g, const char *key, size_t i, uint32_t *value,
                                  qn_error *err);
qn_status qn_gguf_maybe_layer_bool(const qn_gguf *g, const char *key, size_t i, bool *value,
                                   qn_error *err);

/* Arrays: of strings, or of numbers and booleans of any type. `maybe` leaves *a as it is. */
qn_status qn_gguf_get_strings(const qn_gguf *g, const char *key, qn_gguf_array *a, qn_error *err);
qn_status qn_gguf_get_numbers(const qn_gguf *g, const char *key, qn_gguf_array *a, qn_error *err);
qn_status qn_gguf_maybe_strings(const qn_gguf *g, const char *key, qn_gguf_array *a, qn_error *err);
qn_status qn_gguf_maybe_numbers(const qn_gguf *g, const char *key, qn_gguf_array *a, qn_error *err);

/* Element i < a->n. i64 of a number that is none is 0; f64 takes every number. */
qn_str qn_gguf_array_string(const qn_gguf_array *a, size_t i);
int64_t qn_gguf_array_i64(const qn_gguf_array *a, size_t i);
double qn_gguf_array_f64(const qn_gguf_array *a, size_t i);
