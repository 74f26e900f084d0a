/* cli/out.h - results go to standard output, everything else to standard error.
 *
 * The first failure of standard output sticks: later calls write nothing, work that only prints
 * should end (qn_out_lost), and qn_out_end tells it once. A reader that went away is no failure. */
#pragma once

#include "base/buf.h"

void qn_out(size_t n_bytes, const void *bytes);
void qn_out_text(const char *text);
void qn_out_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes the text of b and empties it; a b that failed is a failure of the output. */
void qn_out_buf(qn_buf *b);

/* Hands everything to the reader now. */
void qn_out_flush(void);

/* Nobody gets what is written: the reader closed the pipe, or a write failed. */
bool qn_out_lost(void);

/* Flushes; QN_OK also when the reader closed the pipe, and when the failure was told before. */
qn_status qn_out_end(qn_error *err);

/* One message on standard error: "quern: ", the text, a new line. */
void qn_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
