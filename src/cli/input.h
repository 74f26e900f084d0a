/* cli/input.h - what stands on standard input: all of it, or line by line. */
#pragma once

#include "base/buf.h"
#include "base/str.h"

enum { QN_INPUT_BYTES = 1 << 30, QN_LINE_BYTES = 256 << 20 };

/* Appends all of a file that an argument named. Exit code 3 is for models: one that is not there is
 * QN_EIO. */
qn_status qn_input_file(qn_buf *text, const char *path, size_t n_limit, qn_error *err);

/* The same, or all of standard input where path is "-". */
qn_status qn_input_read(qn_buf *text, const char *path, qn_error *err);

/* Lines as they arrive: what was printed before is flushed before waiting for more. */
typedef struct qn_lines {
    qn_buf held;
    size_t at;
    bool ended;
} qn_lines;

/* The next line without its end, valid until the next call; false at the end. */
qn_status qn_lines_next(qn_lines *l, qn_str *line, bool *more, qn_error *err);
void qn_lines_release(qn_lines *l);
