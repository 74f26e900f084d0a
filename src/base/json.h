/* base/json.h - reads JSON (RFC 8259) value by value, without a tree, and writes it.
 *
 * Everything is checked, also what is skipped: grammar, UTF-8, escapes, lone surrogates, depth. The
 * first failure sticks; from then on values are zeros and loops end, so a document is checked once:
 *
 *     qn_json_enter(&j, QN_JSON_OBJECT);
 *     while (qn_json_next_key(&j, &key)) {
 *         if (qn_str_is(key, "scores"))
 *             for (qn_json_enter(&j, QN_JSON_ARRAY); qn_json_next(&j);)
 *                 add(qn_json_f64(&j));
 *     }                                       a value that was not read is skipped
 *     return qn_json_end(&j, err);
 *
 * The reader owns nothing. A string without escapes lies in the document, one with escapes in the
 * region that init was given; neither ends in a zero byte, both may contain one. */
#pragma once

#include "base/buf.h"
#include "base/region.h"
#include "base/str.h"

enum { QN_JSON_MAX_DEPTH = 512 };

typedef enum qn_json_type {
    QN_JSON_NONE, /* the end, or a failure */
    QN_JSON_NULL,
    QN_JSON_BOOL,
    QN_JSON_INT, /* only in fields: a number that is an exact int64_t, such as 3, 3.0 or 3e2 */
    QN_JSON_NUMBER,
    QN_JSON_STRING,
    QN_JSON_ARRAY,
    QN_JSON_OBJECT,
    QN_JSON_ANY, /* only in fields */
} qn_json_type;

typedef struct qn_json {
    const char *bytes;
    size_t n_bytes, at;
    qn_region *strings;
    int state; /* what may come next, see json.c */
    size_t n_open;
    uint64_t is_object[QN_JSON_MAX_DEPTH / 64]; /* bit per open container, outermost first */
    qn_status status;
    size_t failed_at;
    char reason[160];
} qn_json;

typedef struct qn_json_number {
    double f64;
    int64_t i64; /* when is_int */
    bool is_int;
} qn_json_number;

/* Only reads bytes, which stay as they are until the last use of j and of the strings it gave;
 * `strings` may be NULL where no string or key can matter: one with escapes is then a failure. */
void qn_json_init(qn_json *j, size_t n_bytes, const char *bytes, qn_region *strings);

/* A reader of one value that j gave as raw; its errors name the place in the whole document. */
void qn_json_init_raw(qn_json *sub, const qn_json *j, qn_str raw);

/* The type of the next value, which stays unread; every number is QN_JSON_NUMBER. */
qn_json_type qn_json_peek(qn_json *j);

/* Goes into an array or object. */
bool qn_json_enter(qn_json *j, qn_json_type array_or_object);

/* Goes to the next element of the innermost array; false, and out of it, when there is none. */
bool qn_json_next(qn_json *j);

/* Goes to the next member of the innermost object: reads its key. Keys may repeat. */
bool qn_json_next_key(qn_json *j, qn_str *key);

/* Skips what is left of the innermost container, and goes out of it. */
void qn_json_leave(qn_json *j);

/* Reads a value of that type; another type is a failure. */
bool qn_json_bool(qn_json *j);
int64_t qn_json_i64(qn_json *j);
double qn_json_f64(qn_json *j); /* the nearest; a failure above the largest double */
qn_json_number qn_json_read_number(qn_json *j);
qn_str qn_json_string(qn_json *j);

/* Reads a string to the end of *text. */
void qn_json_append(qn_json *j, qn_buf *text);

/* Reads null if that comes next. */
bool qn_json_null(qn_json *j);

/* Checks and passes a value of any type; its text, without the space around it. */
qn_str qn_json_raw(qn_json *j);
void qn_json_skip(qn_json *j);

/* The failure, if there was one, as "line 3, byte 41: reason". */
qn_status qn_json_check(const qn_json *j, qn_error *err);

/* The same, and nothing but space may follow. */
qn_status qn_json_end(qn_json *j, qn_error *err);

/* Fails for a reason of the caller's, at the value read last. */
qn_status qn_json_fail(qn_json *j, qn_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The members an object may have; the table ends in {0}. */
typedef struct qn_json_field {
    const char *name;
    qn_json_type type;
    double least, most; /* of a number; of a string's bytes; both 0: any. Arrays, objects: unused */
    size_t where;       /* offset of bool, int64_t (INT), double (NUMBER), qn_str (STRING), or of a
                         * qn_str that gets the text of an ARRAY, OBJECT or ANY */
    unsigned flags;
} qn_json_field;

enum {
    QN_JSON_REQUIRED = 1,
    QN_JSON_NULLABLE = 2, /* null counts as absent */
};

/* Reads an object into the struct at `object`; absent fields stay as they are there. The sentence
 * names a field that is wrong, double, missing or unknown. At most 128 fields. */
qn_status qn_json_read_fields(qn_json *j, const qn_json_field *fields, void *object, qn_error *err);

/* The same, but unknown fields are skipped and their names appended to *ignored (may be NULL),
 * separated by ", ". */
qn_status qn_json_read_known_fields(qn_json *j, const qn_json_field *fields, void *object,
                                    qn_buf *ignored, qn_error *err);

/* Writing: each appends one value to *b, whose failure sticks. */

/* Quoted; malformed UTF-8 becomes U+FFFD, one for each byte that begins no character. */
void qn_json_write_string(qn_buf *b, size_t n_bytes, const char *bytes);
void qn_json_write_text(qn_buf *b, const char *text);
void qn_json_write_i64(qn_buf *b, int64_t value);
void qn_json_write_u64(qn_buf *b, uint64_t value);

/* The shortest text that reads back to the same double; null for infinities and NaN. */
void qn_json_write_f64(qn_buf *b, double value);
