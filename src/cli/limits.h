/* cli/limits.h - the limits of every parser, gathered from the tables beside them. */
#pragma once

#include "base/buf.h"

/* Appends them as lines, or as one JSON object of objects: parser, limit, number. */
void qn_limits_write(qn_buf *out, bool json);
