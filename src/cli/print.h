/* cli/print.h - pieces of output that several commands share. */
#pragma once

#include "base/buf.h"

/* "[1,2,3]" */
void qn_print_ids(qn_buf *out, size_t n, const uint32_t *ids);

/* The shortest number that reads back as the same float; null for infinities and NaN. */
void qn_print_f32(qn_buf *out, float value);

/* Lower-case hexadecimal digits of bytes, quoted. */
void qn_print_hex(qn_buf *out, size_t n_bytes, const void *bytes);

/* {"error":"...","line":3}; the line only where it is not 0. */
void qn_print_error(qn_buf *out, const qn_error *err, unsigned line);

/* "97.4 MB"; powers of ten, as files are sold. */
void qn_print_bytes(qn_buf *out, uint64_t n_bytes);
