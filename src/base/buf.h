/* base/buf.h - bytes that grow: text being built, a file being read, a line being printed.
 *
 * A failed append sticks (failed = true) and later ones do nothing, so it is checked once. */
#pragma once

#include "base/status.h"

typedef struct qn_buf {
    char *bytes; /* always one zero byte behind n_bytes when not NULL */
    size_t n_bytes, n_capacity;
    size_t n_limit; /* 0: none but memory */
    bool failed;
} qn_buf;

void qn_buf_append(qn_buf *b, size_t n_bytes, const void *bytes);
void qn_buf_byte(qn_buf *b, char byte);
void qn_buf_text(qn_buf *b, const char *text);
void qn_buf_format(qn_buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void qn_buf_clear(qn_buf *b); /* keeps the memory */
void qn_buf_release(qn_buf *b);

/* Reads a whole descriptor or file, at most n_limit bytes; the name is for the error sentence. */
qn_status qn_buf_read_fd(qn_buf *b, int fd, const char *name, size_t n_limit, qn_error *err);
qn_status qn_buf_read_file(qn_buf *b, const char *path, size_t n_limit, qn_error *err);

/* Room for n_bytes in all without another allocation; failure sticks. */
void qn_buf_reserve(qn_buf *b, size_t n_bytes);

/* Removes the first n_bytes. */
void qn_buf_drop(qn_buf *b, size_t n_bytes);
