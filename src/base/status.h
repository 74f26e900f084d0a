/* base/status.h - the one way to fail.
 *
 * Invariant: what returns other than QN_OK has written to *err one sentence that names the thing
 * (file, tensor, option) and says what to do. */
#pragma once

#include "base/types.h"

// clang-format off
typedef enum qn_status {
#define X(status, exit_code) status,
#include "base/status.def"
#undef X
} qn_status;

#define QN_FAIL_IF(condition, err, status, ...) \
    do { if (condition) return qn_fail((err), (status), __VA_ARGS__); } while (0)
#define QN_TRY(call) \
    do { qn_status try_ = (call); if (try_ != QN_OK) return try_; } while (0)
// clang-format on

typedef struct qn_error {
    qn_status status;
    char text[512]; /* UTF-8; a longer text ends in "[...]", so that the cut shows */
} qn_error;

/* Writes the formatted sentence and the status to *err (which may be NULL); returns the status. */
qn_status qn_fail(qn_error *err, qn_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "where: " before the text that *err holds; returns err->status. */
qn_status qn_fail_in(qn_error *err, const char *where);

/* The program's exit code for a status, status.def's second column. */
int qn_status_exit_code(qn_status status);
