/* base/json.c - the pull reader. Depth is a bit stack, so nothing recurses and nothing allocates
 * but the decoded form of strings with escapes. */
#include "base/json.h"

#include "base/decimal.h"
#include "base/utf8.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum {
    VALUE, /* a value begins at `at`, perhaps after space */
    FIRST, /* just behind [ or { */
    AFTER, /* behind a value */
};

// clang-format off
static const char *const type_names[] = {
    [QN_JSON_NONE] = "nothing",     [QN_JSON_NULL] = "null",
    [QN_JSON_BOOL] = "a boolean",   [QN_JSON_INT] = "an integer",
    [QN_JSON_NUMBER] = "a number",  [QN_JSON_STRING] = "a string",
    [QN_JSON_ARRAY] = "an array",   [QN_JSON_OBJECT] = "an object",
    [QN_JSON_ANY] = "a value",
};
// clang-format on

void qn_json_init(qn_json *j, size_t n_bytes, const char *bytes, qn_region *strings)
{
    *j = (qn_json){.bytes = bytes, .n_bytes = n_bytes, .strings = strings, .state = VALUE};
}

void qn_json_init_raw(qn_json *sub, const qn_json *j, qn_str raw)
{
    size_t at = raw.n_bytes ? (size_t)(raw.bytes - j->bytes) : 0;
    *sub = (qn_json){.bytes = j->bytes,
                     .n_bytes = at + raw.n_bytes,
                     .at = at,
                     .strings = j->strings,
                     .state = VALUE};
}

/* The first failure is the one that is kept. */
__attribute__((format(printf, 4, 5))) static bool fail(qn_json *j, qn_status status, size_t at,
                                                       const char *format, ...)
{
    if (j->status == QN_OK) {
        va_list args;
        va_start(args, format);
        vsnprintf(j->reason, sizeof j->reason, format, args);
        va_end(args);
        j->status = status;
        j->failed_at = at;
    }
    return false;
}

static int byte_at(const qn_json *j, size_t at)
{
    return at < j->n_bytes ? (unsigned char)j->bytes[at] : -1;
}

static bool unexpected(qn_json *j, const char *wanted)
{
    int c = byte_at(j, j->at);
    if (c < 0)
        return fail(j, QN_EFORMAT, j->at, "the text ends where %s is expected", wanted);
    if (j->at == 0 && j->n_bytes >= 3 && memcmp(j->bytes, "\xEF\xBB\xBF", 3) == 0)
        return fail(j, QN_EFORMAT, 0, "begins with a byte order mark; remove it");
    if (c > 0x20 && c < 0x7F)
        return fail(j, QN_EFORMAT, j->at, "expected %s, found '%c'", wanted, c);
    return fail(j, QN_EFORMAT, j->at, "expected %s, found the byte 0x%02X", wanted, (unsigned)c);
}

static void skip_space(qn_json *j)
{
    int c;
    while (c = byte_at(j, j->at), c == ' ' || c == '\n' || c == '\t' || c == '\r')
        j->at++;
}

static bool in_object(const qn_json *j)
{
    size_t top = j->n_open - 1;
    return j->n_open > 0 && (j->is_object[top / 64] >> top % 64 & 1);
}

/* Strings. */

static bool scan_hex4(qn_str s, size_t at, uint32_t *code)
{
    uint32_t v = 0;
    for (size_t i = at; i < at + 4; i++) {
        int c = i < s.n_bytes ? (unsigned char)s.bytes[i] : 0, lower = c | 0x20;
        bool digit = c >= '0' && c <= '9', letter = lower >= 'a' && lower <= 'f';
        if (!digit && !letter)
            return false;
        v = v << 4 | (uint32_t)(digit ? c - '0' : lower - 'a' + 10);
    }
    *code = v;
    return true;
}

/* The escape that s has at `at` (a backslash): its code point and its length, 0 when it is wrong;
 * *code then is half of a surrogate pair, or 0. */
static size_t scan_escape(qn_str s, size_t at, uint32_t *code)
{
    static const char names[] = "\"\\/bfnrt", codes[] = "\"\\/\b\f\n\r\t";
    const char *name = at + 1 < s.n_bytes ? memchr(names, s.bytes[at + 1], sizeof names - 1) : NULL;
    uint32_t low;
    *code = 0;
    if (name) {
        *code = (unsigned char)codes[name - names];
        return 2;
    }
    if (at + 1 >= s.n_bytes || s.bytes[at + 1] != 'u' || !scan_hex4(s, at + 2, code))
        return 0;
    if (*code < 0xD800 || *code > 0xDFFF)
        return 6;
    if (*code > 0xDBFF || at + 8 > s.n_bytes || memcmp(s.bytes + at + 6, "\\u", 2) != 0 ||
        !scan_hex4(s, at + 8, &low) || low < 0xDC00 || low > 0xDFFF)
        return 0;
    *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
    return 12;
}

/* The length of the character or escape at `at`, not a quote; 0 after failing. */
static size_t scan_character(qn_json *j, size_t at)
{
    qn_str all = {.bytes = j->bytes, .n_bytes = j->n_bytes};
    int c = byte_at(j, at);
    uint32_t code;
    if (c < 0)
        return (size_t)fail(j, QN_EFORMAT, j->at, "a string does not end");
    if (c < 0x20)
        return (size_t)fail(j, QN_EFORMAT, at, "a string holds the control byte 0x%02X",
                            (unsigned)c);
    if (c != '\\' && c < 0x80)
        return 1;
    size_t n = c == '\\' ? scan_escape(all, at, &code)
                         : qn_utf8_decode(j->n_bytes - at, j->bytes + at, &code);
    if (n == 0 && c != '\\')
        fail(j, QN_EFORMAT, at, "a string is not well-formed UTF-8 (byte 0x%02X)", (unsigned)c);
    else if (n == 0 && code)
        fail(j, QN_EFORMAT, at, "a string holds half of a surrogate pair, \\u%04X", code);
    else if (n == 0)
        fail(j, QN_EFORMAT, at, "a string holds an unknown escape");
    return n;
}

/* Passes the string whose first quote is under `at`: what lies between the quotes. */
static bool scan_string(qn_json *j, qn_str *inside, bool *has_escapes)
{
    size_t start = j->at + 1, at = start, n;
    *has_escapes = false;
    for (int c; c = byte_at(j, at), c != '"'; at += n) {
        *has_escapes |= c == '\\';
        n = scan_character(j, at);
        if (n == 0)
            return false;
    }
    *inside = (qn_str){.bytes = j->bytes + start, .n_bytes = at - start};
    j->at = at + 1;
    return true;
}

/* A checked string with its escapes resolved, which is never longer than its text. */
static size_t resolve(qn_str inside, char *out)
{
    size_t n = 0;
    for (size_t at = 0; at < inside.n_bytes;) {
        uint32_t code;
        if (inside.bytes[at] != '\\') {
            out[n++] = inside.bytes[at++];
            continue;
        }
        at += scan_escape(inside, at, &code);
        n += qn_utf8_encode(code, out + n);
    }
    return n;
}

static qn_str string_here(qn_json *j)
{
    qn_str inside;
    bool has_escapes;
    size_t start = j->at;
    if (!scan_string(j, &inside, &has_escapes))
        return (qn_str){0};
    if (!has_escapes)
        return inside;
    char *out = j->strings ? qn_region_take(j->strings, inside.n_bytes, 1) : NULL;
    if (!out) {
        bool limit = j->strings && j->strings->n_limit - j->strings->n_taken < inside.n_bytes;
        fail(j, limit ? QN_ELIMIT : QN_ENOMEM, start, "no memory for a string of %zu bytes",
             inside.n_bytes);
        return (qn_str){0};
    }
    return (qn_str){.bytes = out, .n_bytes = resolve(inside, out)};
}

/* Numbers. */

static bool scan_digits(qn_json *j)
{
    size_t start = j->at;
    for (int c; c = byte_at(j, j->at), c >= '0' && c <= '9';)
        j->at++;
    return j->at > start || unexpected(j, "a digit");
}

static bool scan_number(qn_json *j)
{
    j->at += byte_at(j, j->at) == '-';
    if (byte_at(j, j->at) == '0') {
        j->at++;
        int c = byte_at(j, j->at);
        if (c >= '0' && c <= '9')
            return fail(j, QN_EFORMAT, j->at, "a number has a leading zero");
    } else if (!scan_digits(j)) {
        return false;
    }
    if (byte_at(j, j->at) == '.') {
        j->at++;
        if (!scan_digits(j))
            return false;
    }
    if ((byte_at(j, j->at) | 0x20) == 'e') {
        j->at++;
        j->at += byte_at(j, j->at) == '+' || byte_at(j, j->at) == '-';
        return scan_digits(j);
    }
    return true;
}

/* The text as an int64_t, digits only. */
static bool plain_integer(qn_str text, int64_t *value)
{
    bool negative = text.n_bytes > 0 && text.bytes[0] == '-';
    int64_t v = 0;
    for (size_t i = negative; i < text.n_bytes; i++) {
        int c = text.bytes[i] - '0';
        if (c < 0 || c > 9 || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, negative ? -c : c, &v))
            return false;
    }
    *value = v;
    return true;
}

/* 3.0 and 3e2: exact where the double is, below 2^53 in size. */
static bool whole(qn_str text, double f64, int64_t *value)
{
    if (plain_integer(text, value))
        return true;
    if (!memchr(text.bytes, '.', text.n_bytes) && !memchr(text.bytes, 'e', text.n_bytes) &&
        !memchr(text.bytes, 'E', text.n_bytes))
        return false;
    if (!(fabs(f64) < 0x1p53) || f64 != trunc(f64))
        return false;
    *value = (int64_t)f64;
    return true;
}

/* Values. */

/* What begins under `at`; the reader must stand before a value. */
qn_json_type qn_json_peek(qn_json *j)
{
    assert(j->state == VALUE || j->status != QN_OK);
    if (j->status != QN_OK)
        return QN_JSON_NONE;
    skip_space(j);
    int c = byte_at(j, j->at);
    switch (c) {
    case '{': return QN_JSON_OBJECT;
    case '[': return QN_JSON_ARRAY;
    case '"': return QN_JSON_STRING;
    case 't':
    case 'f': return QN_JSON_BOOL;
    case 'n': return QN_JSON_NULL;
    default:
        if (c == '-' || (c >= '0' && c <= '9'))
            return QN_JSON_NUMBER;
        unexpected(j, "a value");
        return QN_JSON_NONE;
    }
}

static bool expect(qn_json *j, qn_json_type type)
{
    qn_json_type found = qn_json_peek(j);
    if (found == QN_JSON_NONE)
        return false;
    return found == type ||
           fail(j, QN_EFORMAT, j->at, "expected %s, found %s", type_names[type], type_names[found]);
}

static bool scan_word(qn_json *j, const char *word)
{
    size_t n = strlen(word);
    if (j->n_bytes - j->at < n || memcmp(j->bytes + j->at, word, n) != 0)
        return fail(j, QN_EFORMAT, j->at, "expected %s", word);
    j->at += n;
    j->state = AFTER;
    return true;
}

bool qn_json_null(qn_json *j)
{
    return qn_json_peek(j) == QN_JSON_NULL && scan_word(j, "null");
}

bool qn_json_bool(qn_json *j)
{
    if (!expect(j, QN_JSON_BOOL))
        return false;
    bool value = j->bytes[j->at] == 't';
    return scan_word(j, value ? "true" : "false") && value;
}

qn_json_number qn_json_read_number(qn_json *j)
{
    qn_json_number n = {0};
    size_t start;
    if (!expect(j, QN_JSON_NUMBER) || (start = j->at, !scan_number(j)))
        return n;
    qn_str text = {.bytes = j->bytes + start, .n_bytes = j->at - start};
    j->state = AFTER;
    if (!qn_decimal_to_f64(text.n_bytes, text.bytes, &n.f64)) {
        fail(j, QN_ELIMIT, start, "a number is larger than the largest double");
        return (qn_json_number){0};
    }
    n.is_int = whole(text, n.f64, &n.i64);
    return n;
}

double qn_json_f64(qn_json *j)
{
    return qn_json_read_number(j).f64;
}

int64_t qn_json_i64(qn_json *j)
{
    bool ok = expect(j, QN_JSON_NUMBER);
    size_t start = j->at;
    qn_json_number n = ok ? qn_json_read_number(j) : (qn_json_number){.is_int = true};
    if (!n.is_int)
        fail(j, QN_EFORMAT, start, "expected an integer of 64 bits");
    return n.is_int ? n.i64 : 0;
}

qn_str qn_json_string(qn_json *j)
{
    if (!expect(j, QN_JSON_STRING))
        return (qn_str){0};
    qn_str s = string_here(j);
    j->state = AFTER;
    return s;
}

void qn_json_append(qn_json *j, qn_buf *text)
{
    qn_str inside;
    bool has_escapes;
    if (!expect(j, QN_JSON_STRING) || !scan_string(j, &inside, &has_escapes))
        return;
    j->state = AFTER;
    size_t n = text->n_bytes;
    qn_buf_append(text, inside.n_bytes, inside.bytes);
    if (text->failed) {
        fail(j, QN_ENOMEM, j->at, "no memory for a string of %zu bytes", inside.n_bytes);
    } else if (has_escapes) {
        text->n_bytes = n + resolve(inside, text->bytes + n);
        text->bytes[text->n_bytes] = 0;
    }
}

/* Containers. */

bool qn_json_enter(qn_json *j, qn_json_type type)
{
    assert(type == QN_JSON_ARRAY || type == QN_JSON_OBJECT);
    if (!expect(j, type))
        return false;
    if (j->n_open == QN_JSON_MAX_DEPTH)
        return fail(j, QN_ELIMIT, j->at, "nested deeper than %d", QN_JSON_MAX_DEPTH);
    uint64_t bit = UINT64_C(1) << j->n_open % 64, *bits = &j->is_object[j->n_open / 64];
    *bits = type == QN_JSON_OBJECT ? *bits | bit : *bits & ~bit;
    j->n_open++;
    j->at++;
    j->state = FIRST;
    return true;
}

static bool go_out(qn_json *j)
{
    j->at++;
    j->n_open--;
    j->state = AFTER;
    return false;
}

/* To the next element or member, behind its comma; false at the end, and out of the container. */
static bool advance(qn_json *j)
{
    char end = in_object(j) ? '}' : ']';
    if (j->status == QN_OK && j->state == VALUE)
        qn_json_skip(j);
    if (j->status != QN_OK)
        return false;
    skip_space(j);
    int c = byte_at(j, j->at);
    if (c == end)
        return go_out(j);
    if (j->state == AFTER) {
        if (c != ',')
            return unexpected(j, end == '}' ? "',' or '}'" : "',' or ']'");
        j->at++;
        skip_space(j);
    }
    j->state = VALUE;
    return true;
}

bool qn_json_next(qn_json *j)
{
    assert(j->status != QN_OK || (j->n_open > 0 && !in_object(j)));
    return advance(j);
}

bool qn_json_next_key(qn_json *j, qn_str *key)
{
    assert(j->status != QN_OK || in_object(j));
    *key = (qn_str){0};
    if (!advance(j))
        return false;
    if (byte_at(j, j->at) != '"')
        return unexpected(j, "a key in quotes");
    *key = string_here(j);
    if (j->status != QN_OK)
        return false;
    skip_space(j);
    if (byte_at(j, j->at) != ':')
        return unexpected(j, "':'");
    j->at++;
    return true;
}

/* Passes a key and its colon without decoding it. */
static void skip_key(qn_json *j)
{
    qn_str inside;
    bool has_escapes;
    if (byte_at(j, j->at) != '"') {
        unexpected(j, "a key in quotes");
    } else if (scan_string(j, &inside, &has_escapes)) {
        skip_space(j);
        if (byte_at(j, j->at) != ':')
            unexpected(j, "':'");
        j->at++;
    }
}

/* Passes one scalar, or goes into one container. */
static void skip_step(qn_json *j)
{
    qn_str inside;
    bool has_escapes;
    qn_json_type type = qn_json_peek(j);
    switch (type) {
    case QN_JSON_ARRAY:
    case QN_JSON_OBJECT: qn_json_enter(j, type); return;
    case QN_JSON_STRING: (void)scan_string(j, &inside, &has_escapes); break;
    case QN_JSON_NUMBER: (void)scan_number(j); break;
    case QN_JSON_NULL: (void)scan_word(j, "null"); break;
    case QN_JSON_BOOL: (void)qn_json_bool(j); break;
    default: break;
    }
    j->state = AFTER;
}

/* Goes on until only n_open containers are open. */
static void skip_to(qn_json *j, size_t n_open)
{
    while (j->status == QN_OK && j->n_open > n_open) {
        bool object = in_object(j);
        if (!advance(j))
            continue;
        if (object)
            skip_key(j);
        if (j->status == QN_OK)
            skip_step(j);
    }
}

void qn_json_skip(qn_json *j)
{
    size_t n_open = j->n_open;
    skip_step(j);
    skip_to(j, n_open);
}

void qn_json_leave(qn_json *j)
{
    assert(j->status != QN_OK || j->n_open > 0);
    if (j->status == QN_OK && j->state == VALUE)
        qn_json_skip(j);
    skip_to(j, j->n_open - 1);
}

qn_str qn_json_raw(qn_json *j)
{
    if (qn_json_peek(j) == QN_JSON_NONE)
        return (qn_str){0};
    size_t start = j->at;
    qn_json_skip(j);
    if (j->status != QN_OK)
        return (qn_str){0};
    return (qn_str){.bytes = j->bytes + start, .n_bytes = j->at - start};
}

/* Failure. */

static qn_status fail_at(const qn_json *j, size_t at, const char *reason, qn_status status,
                         qn_error *err)
{
    size_t n_lines = 1, line_start = 0;
    for (size_t i = 0; i < at; i++)
        if (j->bytes[i] == '\n') {
            n_lines++;
            line_start = i + 1;
        }
    return qn_fail(err, status, "line %zu, byte %zu: %s", n_lines, at - line_start + 1, reason);
}

qn_status qn_json_check(const qn_json *j, qn_error *err)
{
    return j->status == QN_OK ? QN_OK : fail_at(j, j->failed_at, j->reason, j->status, err);
}

qn_status qn_json_end(qn_json *j, qn_error *err)
{
    if (j->status == QN_OK && j->state == VALUE && j->n_open == 0)
        qn_json_skip(j); /* a document that nobody read is checked as well */
    assert(j->status != QN_OK || j->n_open == 0);
    skip_space(j);
    if (j->status == QN_OK && j->at < j->n_bytes)
        unexpected(j, "the end");
    return qn_json_check(j, err);
}

qn_status qn_json_fail(qn_json *j, qn_error *err, const char *format, ...)
{
    char reason[sizeof j->reason];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    fail(j, QN_EFORMAT, j->at, "%s", reason);
    return qn_json_check(j, err);
}
