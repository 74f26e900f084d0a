/* text/regex.c - Oniguruma's syntax for PCRE2, and bounded matching.
 *
 * Source: Oniguruma's doc/RE (Ruby syntax); pcre2pattern(3), pcre2api(3). */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/regex.h"

#include <pcre2.h>

#include "base/alloc.h"
#include "base/buf.h"

const qn_regex_limits qn_regex_max = {.n_pattern = 1u << 14,
                                      .n_match = 20000000,
                                      .n_depth = 100000,
                                      .n_heap_kib = 65536,
                                      .n_again = 64u << 20,
                                      .n_again_each = 32};

enum { WINDOW = 256 };

struct qn_regex {
    pcre2_code *code;
    size_t n_bytes;
};

struct qn_regex_scratch {
    pcre2_match_data *data;
    pcre2_match_context *context;
    uint64_t n_left; /* of n_again */
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

/* What Oniguruma means by \w in a class, and outside, where six numbers of Latin 1 count too. */
#define WORD_INSIDE                                                                                \
    "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{24B6}-\\x{24E9}\\x{1F130}-\\x{1F149}"                    \
    "\\x{1F150}-\\x{1F169}\\x{1F170}-\\x{1F189}"
#define WORD WORD_INSIDE "\\xB2\\xB3\\xB9\\xBC-\\xBE"
#define GRAPH "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}"

/* What it means by \s, \w and \h, inside a class; NULL: the same as PCRE2. */
static const char *meaning(char name, bool inside)
{
    switch (name) {
    case 's':
    case 'S': return "\\p{Z}\\t-\\r\\x{85}";
    case 'w':
    case 'W': return inside ? WORD_INSIDE : WORD;
    case 'h':
    case 'H': return "0-9a-fA-F";
    default: return NULL;
    }
}

/* \p{name}: long names of categories and those of POSIX. */
static const struct {
    const char *name, *meaning;
} properties[] = {{"Letter", "L"},
                  {"Mark", "M"},
                  {"Number", "N"},
                  {"Punctuation", "P"},
                  {"Punct", "P"},
                  {"Symbol", "S"},
                  {"Separator", "Z"},
                  {"Other", "C"},
                  {"Uppercase_Letter", "Lu"},
                  {"Lowercase_Letter", "Ll"},
                  {"Titlecase_Letter", "Lt"},
                  {"Modifier_Letter", "Lm"},
                  {"Other_Letter", "Lo"},
                  {"Nonspacing_Mark", "Mn"},
                  {"Spacing_Mark", "Mc"},
                  {"Decimal_Number", "Nd"},
                  {"Digit", "Nd"},
                  {"Letter_Number", "Nl"},
                  {"Other_Number", "No"},
                  {"Alpha", "Alphabetic"},
                  {"Upper", "Uppercase"},
                  {"Lower", "Lowercase"},
                  {"Space", "White_Space"}};

/* Whether a property is a script: longer than a category, and none of the others. */
static bool is_script(const char *name, size_t n)
{
    static const char *const others[] = {"Any",       "Alphabetic", "Emoji",      "Extended_",
                                         "Lowercase", "Uppercase",  "White_Space"};
    for (size_t i = 0; i < QN_COUNT(others); i++)
        if (n >= strlen(others[i]) && memcmp(name, others[i], strlen(others[i])) == 0)
            return false;
    return n > 2;
}

/* \p{...}, where a script is not its extensions. */
static void put_property(qn_buf *out, const char *p, size_t n)
{
    bool negated = (p[1] == 'P') != (p[3] == '^');
    const char *name = p + 3 + (p[3] == '^');
    size_t n_name = (size_t)(p + n - name) - 1;
    for (size_t i = 0; i < QN_COUNT(properties); i++) {
        if (!qn_str_is((qn_str){name, n_name}, properties[i].name))
            continue;
        name = properties[i].meaning, n_name = strlen(name);
        break;
    }
    qn_buf_format(out, "\\%c{%s%.*s}", negated ? 'P' : 'p', is_script(name, n_name) ? "sc:" : "",
                  (int)n_name, name);
}

/* An escape that both have. */
static void put_shared(qn_buf *out, const char *p, size_t n)
{
    bool property = n > 4 && (p[1] == 'p' || p[1] == 'P') && p[2] == '{' && p[n - 1] == '}';
    if (property)
        put_property(out, p, n);
    else
        qn_buf_append(out, n, p);
}

/* Appends an escape of Oniguruma outside of classes as PCRE2 has it. */
static void put_escape(qn_buf *out, const char *p, size_t n)
{
    const char *set = n > 1 ? meaning(p[1], false) : NULL;
    if (n == 2 && p[1] == 'b')
        qn_buf_text(out, "(?:(?<=[" WORD "])(?![" WORD "])|(?<![" WORD "])(?=[" WORD "]))");
    else if (n == 2 && p[1] == 'B')
        qn_buf_text(out, "(?:(?<=[" WORD "])(?=[" WORD "])|(?<![" WORD "])(?![" WORD "]))");
    else if (set)
        qn_buf_format(out, "[%s%s]", p[1] < 'a' ? "^" : "", set);
    else
        put_shared(out, p, n);
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

/* A class that is being written: what PCRE2 can have between two brackets, and what stands beside
 * it, each behind a bar. */
typedef struct set {
    qn_buf plain, beside;
} set;

enum { MOST_NESTED = 8 };

static bool put_class(qn_buf *out, const char *p, const char *end, unsigned depth);

/* [:name:] by Unicode's properties, as Oniguruma has them. */
static void put_posix(qn_buf *out, const char *p, size_t n)
{
    static const struct {
        const char *name, *meaning;
    } known[] = {{"[:alpha:]", "\\p{Alphabetic}"},
                 {"[:alnum:]", "\\p{Alphabetic}\\p{Nd}"},
                 {"[:upper:]", "\\p{Uppercase}"},
                 {"[:lower:]", "\\p{Lowercase}"},
                 {"[:punct:]", "\\p{P}\\p{S}"},
                 {"[:word:]", WORD_INSIDE},
                 {"[:graph:]", GRAPH},
                 {"[:print:]", GRAPH "\\p{Zs}"}};
    for (size_t i = 0; i < QN_COUNT(known); i++) {
        if (n != strlen(known[i].name) || memcmp(p, known[i].name, n) != 0)
            continue;
        qn_buf_text(out, known[i].meaning);
        return;
    }
    qn_buf_append(out, n, p);
}

/* A class in a class is a union: its brackets go, or it stands beside. */
static bool put_nested(set *x, const char *p, const char *end, unsigned depth)
{
    qn_buf one = {0};
    bool said = depth < MOST_NESTED && put_class(&one, p, end, depth + 1);
    bool plain = said && one.n_bytes > 2 && one.bytes[0] == '[' && one.bytes[1] != '^';
    x->plain.failed |= one.failed;
    if (plain)
        qn_buf_append(&x->plain, one.n_bytes - 2, one.bytes + 1);
    else if (said)
        qn_buf_format(&x->beside, "|%.*s", (int)one.n_bytes, one.bytes);
    qn_buf_release(&one);
    return said;
}

static bool put_item(set *x, const char *p, size_t n, unsigned depth)
{
    const char *means = *p == '\\' && n > 1 ? meaning(p[1], true) : NULL;
    if (*p == '[' && n > 1 && p[1] != ':')
        return put_nested(x, p, p + n, depth);
    if (*p == '[')
        put_posix(&x->plain, p, n);
    else if (means && p[1] < 'a')
        qn_buf_format(&x->beside, "|[^%s]", means);
    else if (means)
        qn_buf_text(&x->plain, means);
    else if (*p == '\\')
        put_shared(&x->plain, p, n);
    else
        qn_buf_append(&x->plain, n, p);
    return true;
}

/* One operand of an intersection: a pattern of one character. */
static bool put_operand(qn_buf *out, const char *p, const char *end, unsigned depth)
{
    set x = {0};
    bool said = true;
    for (size_t n; p < end; p += n) {
        n = *p == '\\' ? escape_length(p, end) : *p == '[' ? (size_t)(class_end(p, end) - p) : 1;
        said &= put_item(&x, p, n, depth);
    }
    bool only = x.plain.n_bytes == 0 && x.beside.n_bytes > 0;
    if (!x.beside.n_bytes)
        qn_buf_format(out, "[%.*s]", (int)x.plain.n_bytes, x.plain.n_bytes ? x.plain.bytes : "");
    else if (only)
        qn_buf_format(out, "(?:%.*s)", (int)x.beside.n_bytes - 1, x.beside.bytes + 1);
    else
        qn_buf_format(out, "(?:[%.*s]%.*s)", (int)x.plain.n_bytes, x.plain.bytes,
                      (int)x.beside.n_bytes, x.beside.bytes);
    out->failed |= x.plain.failed || x.beside.failed;
    qn_buf_release(&x.plain);
    qn_buf_release(&x.beside);
    return said;
}

/* [a&&b&&[^c]] becomes (?:(?=[b])(?=[^c])[a]), a negated one what does not match that. */
static bool put_class(qn_buf *out, const char *p, const char *end, unsigned depth)
{
    const char *last = end[-1] == ']' ? end - 1 : end, *inside = p + 1;
    bool negated = inside < last && *inside == '^', said = true;
    const char *cut = intersection(inside + negated, last);
    qn_buf one = {0};
    qn_buf_text(&one, cut < last ? "(?:" : "");
    for (const char *next = cut; next < last;) {
        const char *from = next + 2;
        next = intersection(from, last);
        qn_buf_text(&one, "(?=");
        said &= put_operand(&one, from, next, depth);
        qn_buf_byte(&one, ')');
    }
    said &= put_operand(&one, inside + negated, cut, depth);
    qn_buf_text(&one, cut < last ? ")" : "");
    if (!negated)
        qn_buf_append(out, one.n_bytes, one.bytes);
    else if (one.n_bytes > 1 && one.bytes[0] == '[' && one.bytes[1] != '^')
        qn_buf_format(out, "[^%.*s", (int)one.n_bytes - 1, one.bytes + 1);
    else
        qn_buf_format(out, "(?:(?!%.*s)(?s:.))", (int)one.n_bytes, one.bytes);
    out->failed |= one.failed;
    qn_buf_release(&one);
    return said;
}

enum { MOST_GROUPS = 64 };

typedef struct translation {
    qn_buf *out;
    size_t atom;     /* where in out that begins which a quantifier is for */
    bool quantified; /* that one has one */
    size_t groups[MOST_GROUPS], n_groups;
} translation;

/* A bracket that opens or closes a group; false: too deep, or Ruby's m, which is dotall. */
static bool put_bracket(translation *t, const char *p, const char *end)
{
    if (*p == '(' && (t->n_groups == MOST_GROUPS || (end - p > 2 && memcmp(p, "(?m", 3) == 0)))
        return false;
    if (*p == '(')
        t->groups[t->n_groups++] = t->out->n_bytes;
    else if (t->n_groups)
        t->atom = t->groups[--t->n_groups];
    qn_buf_byte(t->out, *p);
    return true;
}

static const char *digits(const char *p, const char *end, unsigned *value)
{
    for (*value = 0; p < end && *p >= '0' && *p <= '9' && *value < 100000; p++)
        *value = *value * 10 + (unsigned)(*p - '0');
    return p;
}

/* {n}, {n,}, {n,m} or {,m} at p, or NULL: then the brace is itself. */
static const char *interval(const char *p, const char *end, unsigned *least, unsigned *most)
{
    const char *comma = digits(p + 1, end, least), *brace = comma;
    *most = *least;
    if (comma < end && *comma == ',') {
        brace = digits(comma + 1, end, most);
        *most = brace == comma + 1 ? UINT32_MAX : *most;
    }
    bool empty = brace - p < 2 || (brace - p == 2 && *comma == ',' && *most == UINT32_MAX);
    return brace < end && *brace == '}' && !empty ? brace + 1 : NULL;
}

/* Puts what a quantifier is for in a group. */
static void wrap(translation *t)
{
    static const char open[] = {'(', '?', ':'};
    qn_buf_append(t->out, sizeof open, open);
    qn_buf_byte(t->out, ')');
    if (t->out->failed)
        return;
    char *atom = t->out->bytes + t->atom;
    memmove(atom + sizeof open, atom, t->out->n_bytes - t->atom - sizeof open - 1);
    memcpy(atom, open, sizeof open);
}

/* X{n,m}+ is (?:X{n,m})+, X{n}? (?:X{n})? and X?{n} (?:X?){n}; PCRE2 takes none of them so. */
static bool put_interval(translation *t, const char **p, const char *end)
{
    unsigned least, most;
    const char *next = interval(*p, end, &least, &most);
    if (!next) {
        t->atom = t->out->n_bytes;
        qn_buf_byte(t->out, *(*p)++);
        return true;
    }
    if (t->quantified)
        wrap(t);
    qn_buf_format(t->out, most == UINT32_MAX ? "{%u,}" : "{%u,%u}", least, most);
    if (next < end && (*next == '+' || (*next == '?' && least == most)))
        wrap(t);
    *p = next;
    return least <= most;
}

static bool is_quantifier(char c)
{
    return c == '*' || c == '+' || c == '?';
}

static bool translate(qn_buf *out, qn_str pattern)
{
    const char *p = pattern.bytes, *end = p + pattern.n_bytes;
    translation t = {.out = out};
    bool said = true;
    while (said && p < end) {
        const char *next = *p == '\\'  ? p + escape_length(p, end)
                           : *p == '[' ? class_end(p, end)
                                       : p + 1;
        if (*p == '{') {
            size_t before = out->n_bytes;
            said = put_interval(&t, &p, end);
            t.quantified = t.atom != before;
            continue;
        }
        t.quantified = is_quantifier(*p);
        if (*p != ')' && !t.quantified)
            t.atom = out->n_bytes;
        if (*p == '\\')
            put_escape(out, p, (size_t)(next - p));
        else if (*p == '[')
            said = put_class(out, p, next, 0);
        else if (*p == '(' || *p == ')')
            said = put_bracket(&t, p, end);
        else
            qn_buf_append(out, 1, p);
        p = next;
    }
    return said;
}

static qn_status compile(qn_regex *x, const qn_buf *pattern, qn_error *err)
{
    const uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
    int code = 0;
    PCRE2_SIZE at = 0;
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
    bool no_memory = !x->code && (code == PCRE2_ERROR_NOMEMORY || code == PCRE2_ERROR_HEAP_FAILED);
    if (!ready || no_memory)
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
    if (pcre2_jit_compile(x->code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD) ==
        PCRE2_ERROR_NOMEMORY) {
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

void qn_regex_begin(qn_regex_scratch *s, size_t n)
{
    s->n_left = qn_regex_max.n_again + n * qn_regex_max.n_again_each;
}

/* The end of a window that begins at `at`, at a character. */
static size_t window_end(size_t n, const uint8_t *text, size_t at, size_t window)
{
    size_t end = n - at > window ? at + window : n;
    while (end < n && (text[end] & 0xC0) == 0x80)
        end--;
    return end;
}

/* A match looks as far as it likes, and the next one may look at the same text again, which PCRE2
 * does not count. So it is shown little of the text at first; where it would look beyond, it is
 * shown more, which is counted. */
static qn_status find(const qn_regex *x, qn_regex_scratch *s, size_t n, const uint8_t *text,
                      size_t at, int *found, qn_error *err)
{
    const uint32_t options = PCRE2_NO_UTF_CHECK;
    size_t window = WINDOW, end;
    for (;; window *= 4) {
        end = window_end(n, text, at, window);
        *found = pcre2_match(x->code, text, end, at, options | (end < n ? PCRE2_PARTIAL_HARD : 0),
                             s->data, s->context);
        if (end == n || (*found != PCRE2_ERROR_PARTIAL && *found != PCRE2_ERROR_NOMATCH))
            return QN_OK;
        if (*found == PCRE2_ERROR_NOMATCH) {
            at = end;
            continue;
        }
        QN_FAIL_IF(s->n_left < end - at, err, QN_ELIMIT,
                   "a pattern of the tokenizer looks at the same text too often");
        s->n_left -= end - at;
    }
}

static qn_status find_next(const qn_regex *x, qn_regex_scratch *s, size_t n, const uint8_t *text,
                           size_t at, size_t *begin, size_t *end, qn_error *err)
{
    int found;
    *begin = *end = QN_NO_MATCH;
    QN_TRY(find(x, s, n, text, at, &found, err));
    if (found == PCRE2_ERROR_NOMATCH)
        return QN_OK;
    QN_FAIL_IF(found == PCRE2_ERROR_NOMEMORY, err, QN_ENOMEM, "no memory to match a pattern");
    QN_FAIL_IF(found < 0, err, QN_ELIMIT,
               "a pattern of the tokenizer needs more steps than it may for %zu bytes of text",
               n - at);
    const PCRE2_SIZE *where = pcre2_get_ovector_pointer(s->data);
    *begin = QN_MAX(where[0], at), *end = QN_MAX(where[1], *begin);
    return QN_OK;
}

qn_status qn_regex_find(const qn_regex *x, qn_regex_scratch *s, size_t n, const uint8_t *text,
                        size_t at, bool behind, size_t *begin, size_t *end, qn_error *err)
{
    QN_TRY(find_next(x, s, n, text, at, begin, end, err));
    if (!behind || *begin != at || *end != at)
        return QN_OK;
    *begin = *end = QN_NO_MATCH;
    if (at == n)
        return QN_OK;
    for (at++; at < n && (text[at] & 0xC0) == 0x80;)
        at++;
    return find_next(x, s, n, text, at, begin, end, err);
}
