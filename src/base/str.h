/* base/str.h - a piece of text in someone else's memory, with its length and without a zero byte.
 */
#pragma once

#include "base/types.h"

#include <string.h>

typedef struct qn_str {
    const char *bytes;
    size_t n_bytes;
} qn_str;

static inline qn_str qn_str_of(const char *text)
{
    return (qn_str){.bytes = text, .n_bytes = strlen(text)};
}

static inline bool qn_str_equal(qn_str a, qn_str b)
{
    return a.n_bytes == b.n_bytes && (a.n_bytes == 0 || memcmp(a.bytes, b.bytes, a.n_bytes) == 0);
}

static inline bool qn_str_is(qn_str s, const char *text)
{
    return qn_str_equal(s, qn_str_of(text));
}

/* ASCII's white space, whatever the locale. */
static inline bool qn_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Writes s for a sentence: control characters and malformed bytes as \xNN, a long text cut with
 * "..."; returns shown. */
enum { QN_SHOWN = 96 };
const char *qn_str_show(char shown[QN_SHOWN], qn_str s);
