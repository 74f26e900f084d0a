/* text/regex.c - Oniguruma's syntax for PCRE2, and bounded matching.
 *
 * Source: Oniguruma's doc/RE (Ruby syntax); pcre2pattern(3), pcre2api(3). */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/regex.h"

#include <pcre2.h>

#include "base/alloc.h"
#include "base/buf.h"

const qn_regex_limits qn_regex_max = {
    .n_pattern = 1u << 14, .n_match = 20000000, .n_depth = 100000, .n_heap_kib = 65536};

struct qn_regex {
    pcre2_code *code;
    size_t n_bytes;
};

struct qn_regex_scratch {
    pcre2_match_data *data;
    pcre2_match_context *context;
};

static void *take(PCRE2_SIZE n, void *nothing)
{
    (void)nothing;
    return qn_alloc(n);
}

static void give(void *p, void *nothing)
{
    (void)nothing;
    qn_free(p);
}

/* Bytes of the escape at p: two, or up to the brace that ends \p{...} and \x{...}. */
static size_t escape_length(const char *p, const char *end)
{
    if (end - p < 3 || p[2] != '{' || !strchr("pPxo", p[1]))
        return (size_t)QN_MIN(end - p, 2);
    const char *brace = memchr(p, '}', (size_t)(end - p));
    return (size_t)((brace ? brace + 1 : end) - p);
}

/* What Oniguruma means by \s, \w and \h, inside a class; NULL: the same as PCRE2. */
static const char *meaning(char name)
{
    switch (name) {
    case 's':
    case 'S': return "\\p{Z}\\t-\\r\\x{85}";
    case 'w':
    case 'W':
        return "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\xB2\\xB3\\xB9\\xBC-\\xBE\\x{24B6}-\\x{24E9}\\x{1F130}-\\x{1F149}"
               "\\x{1F150}-\\x{1F169}\\x{1F170}-\\x{1F189}";
    case 'h':
    case 'H': return "0-9a-fA-F";
    default: return NULL;
    }
}

/* Whether \p{...} names a script: longer than a category, and none of the other properties. */
static bool is_script(const char *p, size_t n)
{
    static const char *const others[] = {"Any",       "Alphabetic", "Emoji",      "Extended_",
                                         "Lowercase", "Uppercase",  "White_Space"};
    if (n < 7 || (p[1] != 'p' && p[1] != 'P') || p[2] != '{' || p[3] == '^')
        return false;
    for (size_t i = 0; i < QN_COUNT(others); i++)
        if (n > 3 + strlen(others[i]) && memcmp(p + 3, others[i], strlen(others[i])) == 0)
            return false;
    return true;
}

/* Appends an escape of Oniguruma as PCRE2 has it; false where it cannot be said. */
static bool put_escape(qn_buf *out, const char *p, size_t n, bool inside)
{
    const char *set = n > 1 ? meaning(p[1]) : NULL;
    bool negative = set && p[1] < 'a';
    if (!set && is_script(p, n)) /* not its extensions */
        qn_buf_format(out, "\\%c{sc:%.*s", p[1], (int)(n - 3), p + 3);
    else if (!set || (inside && p[1] == 'S')) /* PCRE2's \S leaves out U+180E too */
        qn_buf_append(out, n, p);
    else if (inside)
        qn_buf_text(out, negative ? "" : set);
    else
        qn_buf_format(out, "[%s%s]", negative ? "^" : "", set);
    return !inside || !negative || p[1] == 'S';
}

/* The end of the class that begins at p, behind its bracket; classes may lie in it. */
static const char *class_end(const char *p, const char *end)
{
    size_t depth = 0;
    while (p < end) {
        if (*p == '\\') {
            p += escape_length(p, end);
            continue;
        }
        depth += *p == '[';
        depth -= *p == ']';
        p++;
        if (!depth)
            break;
    }
    return p;
}

/* Where "&&" stands at the top of the class's inside, or end. */
static const char *intersection(const char *p, const char *end)
{
    while (p < end) {
        if (*p == '\\')
            p += escape_length(p, end);
        else if (*p == '[')
            p = class_end(p, end);
        else if (end - p > 1 && p[0] == '&' && p[1] == '&')
            return p;
        else
            p++;
    }
    return end;
}

/* The inside of a class; a class in it is a union, so its brackets go. */
static bool put_inside(qn_buf *out, const char *p, const char *end)
{
    bool said = true;
    while (p < end) {
        size_t n = *p == '\\' ? escape_length(p, end) : 1;
        bool nested = *p == '[' && end - p > 1 && p[1] != ':';
        if (*p == '\\') {
            said &= put_escape(out, p, n, true);
        } else if (nested) {
            const char *close = class_end(p, end);
            said &= p[1] != '^' && close[-1] == ']';
            qn_buf_append(out, (size_t)(close - p) - 2, p + 1);
            n = (size_t)(close - p);
        } else {
            if (*p == '[') /* [:name:] */
                n = (size_t)(class_end(p, end) - p);
            if (n == 9 && memcmp(p, "[:punct:]", 9) == 0)
                qn_buf_text(out, "\\p{P}\\p{S}");
            else
                qn_buf_append(out, n, p);
        }
        p += n;
    }
    return said;
}

/* One operand of an intersection as a class of its own. */
static bool put_operand(qn_buf *out, const char *p, const char *end)
{
    if (end - p > 1 && *p == '[' && p[1] != ':' && class_end(p, end) == end)
        p++, end--;
    qn_buf_byte(out, '[');
    bool negative = p < end && *p == '^';
    if (negative)
        qn_buf_byte(out, '^');
    bool said = put_inside(out, p + negative, end);
    qn_buf_byte(out, ']');
    return said;
}

/* [a&&b&&[^c]] becomes (?:(?=[b])(?=[^c])[a]). */
static bool put_class(qn_buf *out, const char *p, const char *end)
{
    const char *inside = p + 1, *last = end[-1] == ']' ? end - 1 : end;
    const char *cut = intersection(inside, last);
    bool said = true;
    if (cut == last)
        return put_operand(out, inside, last);
    qn_buf_text(out, "(?:");
    for (const char *next = cut; next < last;) {
        const char *from = next + 2;
        next = intersection(from, last);
        qn_buf_text(out, "(?=");
        said &= put_operand(out, from, next);
        qn_buf_byte(out, ')');
    }
    said &= *inside != '^' && put_operand(out, inside, cut);
    qn_buf_byte(out, ')');
    return said;
}

static bool translate(qn_buf *out, qn_str pattern)
{
    const char *p = pattern.bytes, *end = p + pattern.n_bytes;
    bool said = true;
    while (p < end) {
        const char *next = p + 1;
        if (*p == '\\') {
            next = p + escape_length(p, end);
            said &= put_escape(out, p, (size_t)(next - p), false);
        } else if (*p == '[') {
            next = class_end(p, end);
            said &= put_class(out, p, next);
        } else {
            said &= end - p < 3 || memcmp(p, "(?m", 3) != 0; /* Ruby's m is dotall */
            qn_buf_append(out, 1, p);
        }
        p = next;
    }
    return said;
}

static qn_status compile(qn_regex *x, const qn_buf *pattern, qn_error *err)
{
    const uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
    int code;
    PCRE2_SIZE at;
    pcre2_general_context *general = pcre2_general_context_create(take, give, NULL);
    pcre2_compile_context *context = general ? pcre2_compile_context_create(general) : NULL;
    bool ready = context && pcre2_set_newline(context, PCRE2_NEWLINE_LF) == 0;
    if (ready)
        x->code = pcre2_compile((PCRE2_SPTR)pattern->bytes, pattern->n_bytes, options, &code, &at,
                                context);
    if (context)
        pcre2_compile_context_free(context);
    if (general)
        pcre2_general_context_free(general);
    if (!ready || (!x->code && code == PCRE2_ERROR_NOMEMORY))
        return qn_fail(err, QN_ENOMEM, "no memory for a pattern");
    if (x->code)
        return QN_OK;
    PCRE2_UCHAR text[128] = "";
    pcre2_get_error_message(code, text, sizeof text);
    return qn_fail(err, QN_EFORMAT, "the pattern %.*s: %s at byte %zu",
                   (int)QN_MIN(pattern->n_bytes, (size_t)80), pattern->bytes, (const char *)text,
                   (size_t)at);
}

qn_status qn_regex_compile(qn_regex **out, qn_str pattern, qn_error *err)
{
    qn_buf own = {0};
    *out = NULL;
    QN_FAIL_IF(pattern.n_bytes == 0 || pattern.n_bytes > qn_regex_max.n_pattern, err, QN_ELIMIT,
               "a pattern has %zu bytes, allowed are 1 to %zu", pattern.n_bytes,
               qn_regex_max.n_pattern);
    qn_regex *x = qn_alloc_zeroed(1, sizeof *x);
    QN_FAIL_IF(!x, err, QN_ENOMEM, "no memory for a pattern");
    bool said = translate(&own, pattern);
    qn_status st = own.failed ? qn_fail(err, QN_ENOMEM, "no memory for a pattern")
                   : !said    ? qn_fail(err, QN_EUNSUPPORTED, "the pattern %.*s is not supported",
                                        (int)QN_MIN(pattern.n_bytes, (size_t)80), pattern.bytes)
                              : compile(x, &own, err);
    qn_buf_release(&own);
    if (st != QN_OK) {
        qn_free(x);
        return st;
    }
    size_t n_code = 0, n_jit = 0;
    if (pcre2_jit_compile(x->code, PCRE2_JIT_COMPLETE) == PCRE2_ERROR_NOMEMORY) {
        qn_regex_release(x); /* where there is no JIT, it only runs slower */
        return qn_fail(err, QN_ENOMEM, "no memory for a pattern");
    }
    (void)pcre2_pattern_info(x->code, PCRE2_INFO_SIZE, &n_code);
    (void)pcre2_pattern_info(x->code, PCRE2_INFO_JITSIZE, &n_jit);
    x->n_bytes = sizeof *x + n_code + n_jit;
    *out = x;
    return QN_OK;
}

void qn_regex_release(qn_regex *x)
{
    if (x)
        pcre2_code_free(x->code);
    qn_free(x);
}

size_t qn_regex_n_bytes(const qn_regex *x)
{
    return x->n_bytes;
}

qn_status qn_regex_scratch_open(qn_regex_scratch **out, qn_error *err)
{
    qn_regex_scratch *s = qn_alloc_zeroed(1, sizeof *s);
    pcre2_general_context *general = s ? pcre2_general_context_create(take, give, NULL) : NULL;
    *out = NULL;
    if (general) {
        s->data = pcre2_match_data_create(1, general);
        s->context = pcre2_match_context_create(general);
        pcre2_general_context_free(general);
    }
    if (!general || !s->data || !s->context) {
        qn_regex_scratch_close(s);
        return qn_fail(err, QN_ENOMEM, "no memory to match patterns");
    }
    (void)pcre2_set_match_limit(s->context, qn_regex_max.n_match);
    (void)pcre2_set_depth_limit(s->context, qn_regex_max.n_depth);
    (void)pcre2_set_heap_limit(s->context, qn_regex_max.n_heap_kib);
    *out = s;
    return QN_OK;
}

void qn_regex_scratch_close(qn_regex_scratch *s)
{
    if (!s)
        return;
    if (s->data)
        pcre2_match_data_free(s->data);
    if (s->context)
        pcre2_match_context_free(s->context);
    qn_free(s);
}

qn_status qn_regex_find(const qn_regex *x, qn_regex_scratch *s, size_t n, const uint8_t *text,
                        size_t at, size_t *begin, size_t *end, qn_error *err)
{
    const uint32_t options = PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY;
    *begin = *end = n;
    int found = pcre2_match(x->code, text, n, at, options, s->data, s->context);
    if (found == PCRE2_ERROR_NOMATCH)
        return QN_OK;
    QN_FAIL_IF(found == PCRE2_ERROR_NOMEMORY, err, QN_ENOMEM, "no memory to match a pattern");
    QN_FAIL_IF(found < 0, err, QN_ELIMIT,
               "a pattern of the tokenizer needs more steps than it may for %zu bytes of text",
               n - at);
    const PCRE2_SIZE *where = pcre2_get_ovector_pointer(s->data);
    *begin = where[0], *end = where[1];
    return QN_OK;
}
