/* weights/gguf_write.h - writes GGUF files, version 3: first all keys and the directory, then the
 * tensors' bytes in the order they were declared, as they come.
 *
 *     qn_gguf_writer w = {0};
 *     qn_gguf_put_string(&w, "general.architecture", qn_str_of("llama"));
 *     qn_gguf_put_tensor(&w, "output.weight", 2, (uint64_t[]){64, 1000}, QN_Q8_0);
 *     status = qn_gguf_begin(&w, path, err);
 *     status = qn_gguf_write(&w, n_bytes, bytes, err);     as often as it takes
 *     status = qn_gguf_end(&w, err);
 *     qn_gguf_writer_release(&w);                          in every case
 *
 * The file appears under its name only when it is whole. A put that fails sticks; begin says so.
 * Keys and names are the caller's duty: not twice, within qn_gguf_max. */
#pragma once

#include "base/buf.h"
#include "weights/gguf.h"

typedef struct qn_gguf_writer { /* zeroed: an empty file */
    uint64_t alignment;         /* 0: 32 */
    uint64_t n_values, n_tensors;
    uint64_t n_data;             /* bytes of the tensors declared so far, with padding */
    qn_buf values, infos, sizes; /* sizes: a uint64_t for each tensor */
    qn_buf *memory;              /* where it goes, when not to a file */
    qn_buf path, partial;
    int fd;          /* plus 1 */
    uint64_t at;     /* the tensor that is being written */
    uint64_t n_left; /* of its bytes */
} qn_gguf_writer;

/* Scalars: type is any integer type or BOOL; F32 or F64. The key general.alignment comes before the
 * first tensor, which then follows it. */
void qn_gguf_put_int(qn_gguf_writer *w, const char *key, qn_gguf_type type, int64_t value);
void qn_gguf_put_float(qn_gguf_writer *w, const char *key, qn_gguf_type type, double value);
void qn_gguf_put_string(qn_gguf_writer *w, const char *key, qn_str value);

/* Arrays: n elements of a scalar type, packed as in C on this machine; strings. */
void qn_gguf_put_array(qn_gguf_writer *w, const char *key, qn_gguf_type type, size_t n,
                       const void *elements);
void qn_gguf_put_strings(qn_gguf_writer *w, const char *key, size_t n, const qn_str *strings);

/* Any value of another file as it is, under its key. */
void qn_gguf_put_value(qn_gguf_writer *w, const qn_gguf_value *v);

/* Declares the next tensor; its values must be whole blocks. */
void qn_gguf_put_tensor(qn_gguf_writer *w, const char *name, uint32_t n_dims, const uint64_t *dim,
                        qn_encoding encoding);

/* All is declared: writes the header. In memory: appends to *to, which must outlive the writing. */
qn_status qn_gguf_begin(qn_gguf_writer *w, const char *path, qn_error *err);
qn_status qn_gguf_begin_memory(qn_gguf_writer *w, qn_buf *to, qn_error *err);

/* The next bytes of the tensor that is being written; the next tensor follows when it is full. */
qn_status qn_gguf_write(qn_gguf_writer *w, size_t n_bytes, const void *bytes, qn_error *err);

/* Fails when bytes are missing. */
qn_status qn_gguf_end(qn_gguf_writer *w, qn_error *err);

/* Removes a file that was not ended. */
void qn_gguf_writer_release(qn_gguf_writer *w);
