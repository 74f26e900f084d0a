/* text/jinja_lex.c - a template's source becomes tokens. Source: jinja2/lexer.py, with trim_blocks
 * and lstrip_blocks, without keep_trailing_newline.
 *
 * Invariant: one pass; every byte is looked at a bounded number of times, except that a long run of
 * text without a tag is searched once for its end. */
#include "base/checked.h"
#include "base/decimal.h"
#include "base/utf8.h"
#include "text/jinja_int.h"
#include "text/jinja_node.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_BRACES = 256 };

typedef struct lexer {
    qn_jparser *p;
    const char *s; /* newlines are \n */
    size_t n, at;
    unsigned line;
    bool line_starting; /* the tag before ended a line, or there was none */
    char brace[MAX_BRACES];
    size_t n_braces;
} lexer;

static const char *const operators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                        "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                        ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};

static qn_jtoken *push(lexer *l, qn_jtype type, size_t n_bytes, const char *bytes)
{
    qn_jparser *p = l->p;
    if (p->n_tokens == p->n_capacity) {
        size_t n = QN_MAX((size_t)64, p->n_capacity * 2);
        qn_jtoken *more = qn_region_take(p->region, n, sizeof *more);
        if (!more) {
            qn_jparser_no_memory(p, l->line);
            return p->spare_token;
        }
        if (p->n_tokens)
            memcpy(more, p->tokens, p->n_tokens * sizeof *more);
        p->tokens = more;
        p->n_capacity = n;
    }
    qn_jtoken *t = &p->tokens[p->n_tokens++];
    *t = (qn_jtoken){.type = type, .line = l->line, .text = {bytes, n_bytes}};
    return t;
}

static bool starts(const lexer *l, size_t at, const char *text)
{
    size_t n = strlen(text);
    return at <= l->n && n <= l->n - at && memcmp(l->s + at, text, n) == 0;
}

/* The length of the white space character there, or 0. */
static size_t space_at(const lexer *l, size_t at)
{
    uint32_t code;
    size_t n = at < l->n ? qn_utf8_decode(l->n - at, l->s + at, &code) : 0;
    return n && qn_jis_space(code) ? n : 0;
}

static size_t skip_space(const lexer *l, size_t at)
{
    for (size_t n; (n = space_at(l, at));)
        at += n;
    return at;
}

static void advance(lexer *l, size_t to)
{
    for (; l->at < to; l->at++)
        l->line += l->s[l->at] == '\n';
}

/* The end of text[begin, end) without the white space at its end. */
static size_t strip_end(const lexer *l, size_t begin, size_t end)
{
    for (size_t at = end; at > begin; end = at) {
        do
            at--;
        while (at > begin && ((unsigned char)l->s[at] & 0xC0) == 0x80);
        if (!space_at(l, at))
            break;
    }
    return end;
}

/* The text before a tag, with what the tag's sign or lstrip_blocks take off its end. */
static void push_data(lexer *l, size_t end, char sign, bool strips_line)
{
    size_t begin = l->at, keep = end;
    if (sign == '-') {
        keep = strip_end(l, begin, end);
    } else if (sign != '+' && strips_line) {
        size_t line = end;
        while (line > begin && l->s[line - 1] != '\n')
            line--;
        if ((line > begin || l->line_starting) && skip_space(l, line) >= end)
            keep = line;
    }
    if (keep > begin)
        push(l, J_DATA, keep - begin, l->s + begin);
    advance(l, end);
}

/* The end of a tag that closes at `at` with "-%}", "+%}" or "%}" (or another closer), with the
 * white space that this takes away; 0 when none closes there. */
static size_t closes(const lexer *l, size_t at, const char *closer, bool plus, bool trims)
{
    if (starts(l, at, "-") && starts(l, at + 1, closer))
        return skip_space(l, at + 3);
    if (plus && starts(l, at, "+") && starts(l, at + 1, closer))
        return at + 3;
    if (!starts(l, at, closer))
        return 0;
    return at + 2 + (trims && starts(l, at + 2, "\n"));
}

static char sign_at(const lexer *l, size_t at)
{
    bool sign = at < l->n && (l->s[at] == '-' || l->s[at] == '+');
    return (char)(sign ? l->s[at] : 0);
}

static void end_tag(lexer *l, size_t end)
{
    advance(l, end);
    l->line_starting = end > 0 && l->s[end - 1] == '\n';
}

static void lex_comment(lexer *l, size_t begin)
{
    unsigned line = l->line;
    for (size_t at = begin; at < l->n; at++) {
        const char *hash = memchr(l->s + at, '#', l->n - at);
        at = hash ? (size_t)(hash - l->s) : l->n;
        size_t signs = at > begin && sign_at(l, at - 1) ? 1 : 0;
        size_t end = hash ? closes(l, at - signs, "#}", true, true) : 0;
        if (end) {
            end_tag(l, end);
            return;
        }
    }
    qn_jparser_fail(l->p, line, QN_EFORMAT, "Missing end of comment tag");
}

/* Where "{% raw %}" or "{% endraw %}" that begins at `at` ends; 0: it is another tag. */
static size_t raw_tag(const lexer *l, size_t at, const char *word, bool is_end)
{
    size_t word_at = skip_space(l, at + 2 + (sign_at(l, at + 2) != 0));
    if (!starts(l, word_at, word))
        return 0;
    return closes(l, skip_space(l, word_at + strlen(word)), "%}", is_end, is_end);
}

static void lex_raw(lexer *l)
{
    unsigned line = l->line;
    size_t begin = l->at;
    for (size_t at = l->at; at < l->n; at++) {
        const char *brace = memchr(l->s + at, '{', l->n - at);
        at = brace ? (size_t)(brace - l->s) : l->n;
        size_t end = brace && starts(l, at, "{%") ? raw_tag(l, at, "endraw", true) : 0;
        if (end) {
            push_data(l, at, sign_at(l, at + 2), true);
            end_tag(l, end);
            return;
        }
    }
    if (begin < l->n)
        qn_jparser_fail(l->p, line, QN_EFORMAT, "Missing end of raw directive");
}

/* One digit run: (\d+_)*\d+; returns its end, or `at` when there is none. */
static size_t digits(const lexer *l, size_t at, const char *allowed)
{
    size_t end = at;
    while (at < l->n && l->s[at] && strchr(allowed, l->s[at])) {
        end = ++at;
        if (at + 1 < l->n && l->s[at] == '_' && l->s[at + 1] && strchr(allowed, l->s[at + 1]))
            at++;
    }
    return end;
}

/* The text without underscores; what is longer than n_text is no number that we read. */
static size_t plain_number(const lexer *l, size_t begin, size_t end, size_t n_text, char *text)
{
    size_t n = 0;
    for (size_t i = begin; i < end && n + 1 < n_text; i++)
        if (l->s[i] != '_')
            text[n++] = l->s[i];
    text[n] = 0;
    return n;
}

static bool lex_float(lexer *l, size_t whole)
{
    char text[512];
    size_t end = whole;
    if (l->at > 0 && l->s[l->at - 1] == '.')
        return false;
    if (starts(l, end, ".") && digits(l, end + 1, "0123456789") > end + 1)
        end = digits(l, end + 1, "0123456789");
    if (starts(l, end, "e") || starts(l, end, "E")) {
        size_t sign = sign_at(l, end + 1) != 0, from = end + 1 + sign;
        size_t to = digits(l, from, "0123456789");
        end = to > from ? to : end;
    }
    if (end == whole)
        return false;
    qn_jtoken *t = push(l, J_FLOAT, end - l->at, l->s + l->at);
    size_t n = plain_number(l, l->at, end, sizeof text, text);
    if (end - l->at >= sizeof text)
        qn_jparser_fail(l->p, l->line, QN_ELIMIT, "a number of more than %zu digits", sizeof text);
    else if (!qn_decimal_to_f64(n, text, &t->f))
        t->f = __builtin_inf();
    advance(l, end);
    return true;
}

/* The value of digits in base; false above int64_t. */
static bool to_integer(qn_str digits, unsigned base, int64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < digits.n_bytes; i++)
        if (__builtin_mul_overflow(*value, (int64_t)base, value) ||
            __builtin_add_overflow(*value, qn_jdigit_value(digits.bytes[i]), value))
            return false;
    return true;
}

/* The digits without underscores. */
static qn_str plain_digits(lexer *l, size_t begin, size_t end)
{
    char *text = qn_region_take(l->p->region, end - begin + 1, 1);
    if (!text) {
        qn_jparser_no_memory(l->p, l->line);
        return (qn_str){"", 0};
    }
    return (qn_str){text, plain_number(l, begin, end, end - begin + 1, text)};
}

static void push_integer(lexer *l, size_t begin, size_t end, unsigned base)
{
    qn_jtoken *t = push(l, J_INTEGER, end - l->at, l->s + l->at);
    t->digits = plain_digits(l, begin, end);
    t->base = base;
    t->is_long = !to_integer(t->digits, base, &t->i);
    if (base == 10 && t->digits.n_bytes > J_MAX_DIGITS)
        qn_jparser_fail(l->p, l->line, QN_EFORMAT, J_TOO_MANY_DIGITS, J_MAX_DIGITS,
                        t->digits.n_bytes);
    advance(l, end);
}

static void lex_number(lexer *l)
{
    static const struct {
        const char *begin[2], *digits;
        unsigned base;
    } bases[] = {{{"0b", "0B"}, "01", 2},
                 {{"0o", "0O"}, "01234567", 8},
                 {{"0x", "0X"}, "0123456789abcdefABCDEF", 16}};
    size_t from = l->at, end = digits(l, from, "0123456789");
    unsigned base = 10;
    if (lex_float(l, end))
        return;
    if (l->s[from] == '0')
        end = digits(l, from, "0");
    for (size_t i = 0; i < QN_COUNT(bases); i++) {
        if (!starts(l, l->at, bases[i].begin[0]) && !starts(l, l->at, bases[i].begin[1]))
            continue;
        size_t digit = l->at + 2 + starts(l, l->at + 2, "_");
        size_t to = digits(l, digit, bases[i].digits);
        if (to > digit)
            from = digit, end = to, base = bases[i].base;
    }
    push_integer(l, from, end, base);
}

static unsigned hex_value(const char *s, size_t n, uint32_t *value)
{
    *value = 0;
    for (size_t i = 0; i < n; i++) {
        const char *all = "0123456789abcdef", *c = s[i] ? strchr(all, s[i] | 32) : NULL;
        if (!c || (s[i] < '0'))
            return 0;
        *value = *value * 16 + (uint32_t)(c - all);
    }
    return 1;
}

/* One escape of a Python string literal; s is behind the backslash. Returns how much of s it took,
 * 0 where Python refuses it. */
static size_t unescape(size_t n, const char *s, char **out)
{
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    const char *simple = n && *s ? strchr(from, *s) : NULL;
    size_t n_hex = n == 0 ? 0 : *s == 'x' ? 2 : *s == 'u' ? 4 : *s == 'U' ? 8 : 0;
    uint32_t code = 0;
    if (n == 0 || *s == 'N')
        return 0;
    if (simple) {
        *(*out)++ = to[simple - from];
        return 1;
    }
    if (*s == '\n')
        return 1;
    if (*s >= '0' && *s <= '7') {
        size_t i = 0;
        for (; i < 3 && i < n && s[i] >= '0' && s[i] <= '7'; i++)
            code = code * 8 + (uint32_t)(s[i] - '0');
        *out += qn_utf8_encode(code, *out);
        return i;
    }
    if (n_hex) {
        size_t n_code = n_hex < n && hex_value(s + 1, n_hex, &code) && code <= 0x10FFFF
                            ? qn_utf8_encode(code, *out)
                            : 0;
        *out += n_code;
        return n_code ? n_hex + 1 : 0;
    }
    *(*out)++ = '\\'; /* an unknown escape stays as it is */
    return SIZE_MAX;
}

/* Jinja2 first spells what is not ASCII as an escape; after a backslash that shows. */
static void append_escaped(uint32_t code, char **out)
{
    static const char hex[] = "0123456789abcdef";
    int n = code < 0x100 ? 2 : code < 0x10000 ? 4 : 8;
    *(*out)++ = (char)(code < 0x100 ? 'x' : code < 0x10000 ? 'u' : 'U');
    while (n-- > 0)
        *(*out)++ = hex[code >> 4 * n & 15];
}

static void bad_escape(lexer *l, char c)
{
    bool hex = c == 'x' || c == 'u' || c == 'U';
    if (hex)
        qn_jparser_fail(l->p, l->line, QN_EFORMAT, "truncated \\%c%.*s escape", c,
                        c == 'x'   ? 2
                        : c == 'u' ? 4
                                   : 8,
                        "XXXXXXXX");
    else
        qn_jparser_fail(l->p, l->line, QN_EFORMAT,
                        c == 'N' ? "unknown Unicode character name" : "\\ at end of string");
}

static void string_value(lexer *l, size_t n, const char *s)
{
    size_t room;
    char *value = qn_mul(n, 3, &room) ? qn_region_take(l->p->region, room + 16, 1) : NULL;
    char *out = value;
    if (!value) {
        qn_jparser_no_memory(l->p, l->line);
        return;
    }
    for (size_t i = 0; i < n;) {
        uint32_t code;
        if (s[i] != '\\') {
            *out++ = s[i++];
            continue;
        }
        size_t taken = unescape(n - i - 1, s + i + 1, &out);
        if (taken == 0) {
            bad_escape(l, i + 1 < n ? s[i + 1] : 0);
            return;
        }
        i += 1 + (taken == SIZE_MAX ? 0 : taken);
        if (taken != SIZE_MAX)
            continue;
        size_t n_code = qn_utf8_decode(n - i, s + i, &code);
        if (n_code > 1)
            append_escaped(code, &out), i += n_code;
    }
    push(l, J_STRING, (size_t)(out - value), value);
}

/* Its place is counted in characters. */
static void unexpected_char(lexer *l)
{
    char shown[QN_SHOWN];
    uint32_t code;
    size_t n = qn_utf8_decode(l->n - l->at, l->s + l->at, &code), n_before = 0;
    for (size_t i = 0; i < l->at; i++)
        n_before += ((unsigned char)l->s[i] & 0xC0) != 0x80;
    char quote = code == '\'' ? '"' : '\'';
    const char *text = qn_str_show(shown, (qn_str){l->s + l->at, n});
    qn_jparser_fail(l->p, l->line, QN_EFORMAT, "unexpected char %c%s%s%c at %zu", quote,
                    code == '\\' ? "\\" : "", text, quote, n_before);
}

static void lex_string(lexer *l)
{
    char quote = l->s[l->at];
    size_t end = l->at + 1;
    while (end < l->n && l->s[end] != quote)
        end += l->s[end] == '\\' ? 2 : 1;
    if (end >= l->n) {
        unexpected_char(l);
        return;
    }
    string_value(l, end - l->at - 1, l->s + l->at + 1);
    advance(l, end + 1);
}

static bool in_name(char c)
{
    unsigned char u = (unsigned char)c;
    return (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || (u >= '0' && u <= '9') || u == '_' ||
           u >= 0x80;
}

static bool balance(lexer *l, char c)
{
    const char *close = strchr(")}]", c), *open = strchr("({[", c);
    if (open && l->n_braces == MAX_BRACES) {
        qn_jparser_fail(l->p, l->line, QN_ELIMIT, "more than %d open brackets", MAX_BRACES);
        return false;
    }
    if (open)
        l->brace[l->n_braces++] = ")}]"[open - "({["];
    if (!close)
        return true;
    if (l->n_braces == 0 || l->brace[l->n_braces - 1] != c) {
        char wanted = l->n_braces ? l->brace[l->n_braces - 1] : 0;
        qn_jparser_fail(l->p, l->line, QN_EFORMAT,
                        wanted ? "unexpected '%c', expected '%c'" : "unexpected '%c'", c, wanted);
        return false;
    }
    l->n_braces--;
    return true;
}

static void lex_operator(lexer *l)
{
    for (size_t i = 0; i < QN_COUNT(operators); i++) {
        const char *op = operators[i];
        if (!starts(l, l->at, op))
            continue;
        if (!op[1] && strchr("(){}[]", op[0]) && !balance(l, op[0]))
            return;
        push(l, J_OP, strlen(op), op);
        advance(l, l->at + strlen(op));
        return;
    }
    unexpected_char(l);
}

/* The inside of {{ }} or {% %}, up to and with its end. */
static void lex_inside(lexer *l, bool is_block)
{
    const char *closer = is_block ? "%}" : "}}";
    l->n_braces = 0;
    while (l->p->status == QN_OK && l->at < l->n) {
        size_t end = l->n_braces ? 0 : closes(l, l->at, closer, is_block, is_block);
        char c = l->s[l->at];
        if (end) {
            push(l, is_block ? J_BLOCK_END : J_PRINT_END, 2, closer);
            end_tag(l, end);
            return;
        }
        if (space_at(l, l->at)) {
            advance(l, skip_space(l, l->at));
        } else if (c >= '0' && c <= '9') {
            lex_number(l);
        } else if (in_name(c)) {
            size_t to = l->at;
            while (to < l->n && in_name(l->s[to]) && !space_at(l, to))
                to++;
            push(l, J_NAME, to - l->at, l->s + l->at);
            advance(l, to);
        } else if (c == '"' || c == '\'') {
            lex_string(l);
        } else {
            lex_operator(l);
        }
    }
}

/* The next "{{", "{%" or "{#" from `at`, or the end. */
static size_t next_tag(const lexer *l, size_t at)
{
    while (at < l->n) {
        const char *brace = memchr(l->s + at, '{', l->n - at);
        if (!brace)
            return l->n;
        at = (size_t)(brace - l->s);
        if (at + 1 < l->n && strchr("{%#", l->s[at + 1]) && l->s[at + 1])
            return at;
        at++;
    }
    return l->n;
}

static void lex_tag(lexer *l, size_t tag)
{
    char kind = l->s[tag + 1], sign = sign_at(l, tag + 2);
    size_t raw = kind == '%' ? raw_tag(l, tag, "raw", false) : 0;
    push_data(l, tag, sign, kind != '{');
    if (raw) {
        end_tag(l, raw);
        lex_raw(l);
        return;
    }
    size_t inside = tag + 2 + (sign != 0);
    if (kind == '#') {
        lex_comment(l, inside);
        return;
    }
    push(l, kind == '%' ? J_BLOCK_BEGIN : J_PRINT_BEGIN, 2, l->s + tag);
    advance(l, inside);
    l->line_starting = false;
    lex_inside(l, kind == '%');
}

/* A copy with \r\n and \r as \n, without a newline at the very end. */
static qn_str normal_newlines(qn_jparser *p, qn_str source)
{
    char *s = qn_region_take(p->region, source.n_bytes + 1, 1);
    size_t n = 0;
    if (!s) {
        qn_jparser_no_memory(p, 1);
        return (qn_str){"", 0};
    }
    for (size_t i = 0; i < source.n_bytes; i++) {
        bool pair =
            source.bytes[i] == '\r' && i + 1 < source.n_bytes && source.bytes[i + 1] == '\n';
        if (!pair)
            s[n++] = (char)(source.bytes[i] == '\r' ? '\n' : source.bytes[i]);
    }
    n -= n > 0 && s[n - 1] == '\n';
    return (qn_str){s, n};
}

/* The failure becomes a token, for the parser to find when it comes to it. */
static void put_off(lexer *l, const qn_error *err)
{
    qn_jparser *p = l->p;
    size_t n = strlen(err->text);
    char *text = qn_region_take(p->region, n + 1, 1);
    qn_status status = p->status;
    if (!text || status == QN_ENOMEM) {
        qn_fail(p->err, status, "%s", err->text);
        return;
    }
    memcpy(text, err->text, n + 1);
    p->status = QN_OK;
    p->at = 0;
    qn_jtoken *t = push(l, J_BAD, n, text);
    t->line = p->line;
    t->i = status;
}

void qn_jinja_lex(qn_jparser *p, qn_str source)
{
    qn_error err = {0}, *outside = p->err;
    p->err = &err;
    qn_str s = normal_newlines(p, source);
    lexer l = {.p = p, .s = s.bytes, .n = s.n_bytes, .line = 1, .line_starting = true};
    while (p->status == QN_OK && l.at < l.n) {
        size_t tag = next_tag(&l, l.at);
        if (tag < l.n) {
            lex_tag(&l, tag);
        } else {
            push(&l, J_DATA, l.n - l.at, l.s + l.at);
            advance(&l, l.n);
        }
    }
    p->err = outside;
    if (p->status != QN_OK)
        put_off(&l, &err);
    push(&l, J_EOF, 0, "");
}
