/* text/jinja_text.h - Python's string algorithms, which filters and methods share; each keeps the
 * origin of the bytes it copies, and markup stays markup. Internal to jinja*.c. */
#pragma once

#include "text/jinja_value.h"

typedef enum qn_jcase_of {
    J_UPPER,
    J_LOWER,
    J_TITLE,
    J_CAPITALIZE,
    J_SWAPCASE,
    J_CASEFOLD
} qn_jcase_of;
enum { J_LEFT = 1, J_RIGHT = 2 };

qn_jstr *qn_jcase_text(qn_jstate *r, qn_jstr *s, qn_jcase_of how);
/* chars NULL: white space */
qn_jstr *qn_jstrip(qn_jstate *r, qn_jstr *s, qn_jstr *chars, unsigned sides);
qn_jstr *qn_jreplace(qn_jstate *r, qn_jstr *s, qn_jstr *old, qn_jstr *new, int64_t n_most);
/* separator NULL: runs of white space; n_most < 0: any number of cuts */
qn_jlist *qn_jsplit(qn_jstate *r, qn_jstr *s, qn_jstr *separator, int64_t n_most, bool from_right);
qn_jlist *qn_jsplit_lines(qn_jstate *r, qn_jstr *s, bool keep_ends);
/* The bytes of one of these lines before its end. */
size_t qn_jwithout_end(qn_jstate *r, qn_jstr *line);
qn_jstr *qn_jindention(qn_jstate *r, qn_jval width); /* a text, or " " * width */
/* Where `part` begins in bytes [begin, end), the first or the last; -1: nowhere. */
int64_t qn_jfind(qn_jstate *r, qn_jstr *s, qn_jstr *part, size_t begin, size_t end, bool last);
qn_jstr *qn_jpad(qn_jstate *r, qn_jstr *s, int64_t n_left, int64_t n_right, qn_jstr *fill);

/* Whether the template wrote all of bytes [begin, end), or, where that is empty, what stands there;
 * *mark as of qn_jorigin. */
bool qn_jis_trusted(const qn_jstr *s, size_t begin, size_t end, size_t *mark);

/* v when it is a string, else str(v). */
qn_jstr *qn_jsoft(qn_jstate *r, qn_jval v);

/* int() and float() of a text; false where Python raises ValueError. */
bool qn_jparse_int(qn_jstate *r, qn_jstr *s, int64_t base, qn_jval *value);
bool qn_jparse_double(qn_jstate *r, qn_jstr *s, double *value);

/* One character in another case: up to three; returns how many. */
size_t qn_jcase(uint32_t code, qn_jcase_of how, uint32_t out[3]);
bool qn_jis_cased(uint32_t code);
bool qn_jfinal_sigma(qn_str s, size_t at); /* whether the capital sigma there ends a word */
bool qn_jis_upper(uint32_t code);
bool qn_jis_lower(uint32_t code); /* both: as str.isupper and islower see a character */
bool qn_jis_alpha(uint32_t code);
bool qn_jis_decimal(uint32_t code);
int qn_jdecimal_value(uint32_t code); /* of one of these */
bool qn_jis_digit(uint32_t code);
bool qn_jis_numeric(uint32_t code);

/* json.dumps as transformers calls it. */
typedef struct qn_jdumps {
    bool ensure_ascii, sort_keys;
    qn_jstr *indent; /* NULL: all on one line */
    qn_jstr *item_separator, *key_separator;
} qn_jdumps;
void qn_jdump(qn_jbuild *b, qn_jval v, const qn_jdumps *how);

/* A stable sort of items by keys of the same places. */
void qn_jsort(qn_jstate *r, size_t n, qn_jval *items, qn_jval *keys, bool reverse);
