/* tests/support/json_copy.h - reads any JSON value through the reader and writes it again. */
#pragma once

#include "base/json.h"

/* Appends the next value of j to *out; what it reads is held against what j said before. */
void qn_test_json_copy(qn_json *j, qn_buf *out);
