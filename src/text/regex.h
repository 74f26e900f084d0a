/* text/regex.h - patterns from files that no hand scanner knows, run by PCRE2 under limits.
 *
 * A pattern is written for Oniguruma, whose Ruby syntax is brought into PCRE2's: ^ and $ stand at
 * lines, \h is a hexadecimal digit, [a&&b] an intersection, \s Unicode's White_Space. */
#pragma once

#include "base/status.h"
#include "base/str.h"

typedef struct qn_regex qn_regex;
typedef struct qn_regex_scratch qn_regex_scratch;

typedef struct qn_regex_limits {
    size_t n_pattern; /* bytes */
    uint32_t n_match, n_depth, n_heap_kib;
    uint64_t n_again, n_again_each; /* bytes of a text that may be looked at more than once: so
                                     * many, and so many for each byte */
} qn_regex_limits;
extern const qn_regex_limits qn_regex_max;

/* On QN_OK *x is released by qn_regex_release (which takes NULL); on failure it is NULL. */
qn_status qn_regex_compile(qn_regex **x, qn_str pattern, qn_error *err);
void qn_regex_release(qn_regex *x);
size_t qn_regex_n_bytes(const qn_regex *x);

/* Working memory of one thread for any patterns; release takes NULL. */
qn_status qn_regex_scratch_open(qn_regex_scratch **s, qn_error *err);
void qn_regex_scratch_close(qn_regex_scratch *s);

/* Before the first match in another text of n bytes, which may be searched piece by piece. */
void qn_regex_begin(qn_regex_scratch *s, size_t n);

#define QN_NO_MATCH SIZE_MAX

/* The first match at or behind `at`, as Oniguruma goes from one to the next: it may be empty, but
 * not at `at` where that is behind a match. *begin = QN_NO_MATCH when there is none. The text is
 * well-formed UTF-8. A pattern that runs beyond its limits is a failure. */
qn_status qn_regex_find(const qn_regex *x, qn_regex_scratch *s, size_t n, const uint8_t *text,
                        size_t at, bool behind, size_t *begin, size_t *end, qn_error *err);
