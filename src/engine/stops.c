/* engine/stops.c - the earliest match wins; text holds less than one stop string and a piece. */
#include "engine/stops.h"

#include <string.h>

qn_status qn_stops_check(const qn_stops *s, qn_error *err)
{
    QN_FAIL_IF(s->n > QN_MOST_STOPS, err, QN_EARGUMENT, "%zu stop strings: the limit is %d", s->n,
               QN_MOST_STOPS);
    for (size_t i = 0; i < s->n; i++) {
        size_t n = strlen(s->stops[i]);
        QN_FAIL_IF(n == 0 || n > QN_LONGEST_STOP, err, QN_EARGUMENT,
                   "stop string %zu has %zu bytes; it must have 1 to %d", i + 1, n,
                   QN_LONGEST_STOP);
    }
    return QN_OK;
}

/* Where stop begins in text, whole or cut off by the end of text; n_bytes when nowhere. */
static size_t begins_at(const char *stop, size_t n_bytes, const char *text)
{
    size_t n_stop = strlen(stop);
    for (size_t at = 0; at < n_bytes; at++)
        if (memcmp(text + at, stop, QN_MIN(n_stop, n_bytes - at)) == 0)
            return at;
    return n_bytes;
}

size_t qn_stops_scan(const qn_stops *s, size_t n_bytes, const char *text, bool *found)
{
    size_t first = n_bytes;
    *found = false;
    for (size_t i = 0; i < s->n; i++) {
        size_t at = begins_at(s->stops[i], n_bytes, text);
        bool whole = n_bytes - at >= strlen(s->stops[i]);
        if (at < first || (at == first && at < n_bytes && whole))
            *found = whole;
        first = QN_MIN(first, at);
    }
    return first;
}
