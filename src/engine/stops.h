/* engine/stops.h - finds stop strings in text that arrives in pieces.
 *
 * What might be the beginning of a stop string is held back until it is known not to be; nothing
 * else is. */
#pragma once

#include "base/buf.h"

enum { QN_MOST_STOPS = 16, QN_LONGEST_STOP = 256 };

typedef struct qn_stops {
    size_t n;
    const char *const *stops; /* the caller's; none is empty */
} qn_stops;

/* QN_EARGUMENT when there are too many, or one is empty or too long. */
qn_status qn_stops_check(const qn_stops *s, qn_error *err);

/* How many bytes of text may be shown now. *found: a stop string begins right behind them. */
size_t qn_stops_scan(const qn_stops *s, size_t n_bytes, const char *text, bool *found);
