/* text/jinja_text.c - Python's string algorithms on strings that know their origin.
 *
 * Invariant: one pass each, except a search for a text, which memmem does in linear time. */
#include "text/jinja_text.h"

#include "base/decimal.h"
#include "base/utf8.h"
#include "text/jinja_int.h"

#include <string.h>

qn_jstr *qn_jsoft(qn_jstate *r, qn_jval v)
{
    return v.kind == J_STR ? v.s : qn_jstr_of(r, v);
}

/* The last character before `at`, which is not 0. */
static size_t char_before(qn_str s, size_t at)
{
    do
        at--;
    while (at > 0 && ((unsigned char)s.bytes[at] & 0xC0) == 0x80);
    return at;
}

uint32_t qn_jcode_at(qn_str s, size_t at, size_t *n)
{
    uint32_t code;
    *n = qn_utf8_decode(s.n_bytes - at, s.bytes + at, &code);
    *n += *n == 0;
    return code;
}

/* Case */

static void add_codes(qn_jbuild *b, size_t n, const uint32_t *codes, unsigned origin)
{
    char bytes[4];
    for (size_t i = 0; i < n; i++)
        qn_jbuild_add(b, qn_utf8_encode(codes[i], bytes), bytes, origin);
}

/* What happens to a character, by the ones before it. */
static qn_jcase_of case_here(qn_jcase_of how, uint32_t code, bool first, bool after_letter)
{
    if (how == J_TITLE)
        return after_letter ? J_LOWER : J_TITLE;
    if (how == J_CAPITALIZE)
        return first ? J_TITLE : J_LOWER;
    if (how == J_SWAPCASE)
        return qn_jis_upper(code) ? J_LOWER : qn_jis_lower(code) ? J_UPPER : J_TITLE;
    return how;
}

qn_jstr *qn_jcase_text(qn_jstate *r, qn_jstr *s, qn_jcase_of how)
{
    qn_str all = qn_jbytes(r, s);
    qn_jbuild b = qn_jbuild_begin(r);
    size_t cursor = 0, n;
    bool after_letter = false;
    for (size_t at = 0; at < all.n_bytes && !qn_jfailed(r); at += n) {
        uint32_t out[3], code = qn_jcode_at(all, at, &n);
        qn_jcase_of here = case_here(how, code, at == 0, after_letter);
        size_t n_out = qn_jcase(code, here, out);
        if (code == 0x3A3 && here == J_LOWER && qn_jfinal_sigma(all, at))
            out[0] = 0x3C2;
        add_codes(&b, n_out, out, qn_jorigin(s, at, &cursor));
        after_letter = qn_jis_cased(code);
    }
    qn_jstr *done = qn_jbuild_end(&b);
    done->markup = s->markup;
    return done;
}

/* Stripping */

static bool strips(qn_jstate *r, qn_jstr *chars, qn_str s, size_t at)
{
    size_t n;
    uint32_t code = qn_jcode_at(s, at, &n);
    if (!chars)
        return qn_jis_space(code);
    qn_str set = qn_jbytes(r, chars);
    qn_jspend(r, 1 + set.n_bytes / 64);
    return set.n_bytes && memmem(set.bytes, set.n_bytes, s.bytes + at, n);
}

qn_jstr *qn_jstrip(qn_jstate *r, qn_jstr *s, qn_jstr *chars, unsigned sides)
{
    qn_str all = qn_jbytes(r, s);
    size_t begin = 0, end = all.n_bytes, n;
    while ((sides & J_LEFT) && begin < end && strips(r, chars, all, begin) && !qn_jfailed(r)) {
        qn_jcode_at(all, begin, &n);
        begin += n;
    }
    while ((sides & J_RIGHT) && end > begin && strips(r, chars, all, char_before(all, end)) &&
           !qn_jfailed(r))
        end = char_before(all, end);
    return qn_jslice_bytes(r, s, begin, end);
}

/* Searching */

static bool stands_at(qn_jstate *r, qn_str s, size_t at, qn_str part)
{
    if (part.n_bytes && s.bytes[at] != part.bytes[0])
        return false;
    qn_jspend(r, 1 + part.n_bytes / 64);
    return memcmp(s.bytes + at, part.bytes, part.n_bytes) == 0;
}

int64_t qn_jfind(qn_jstate *r, qn_jstr *s, qn_jstr *part, size_t begin, size_t end, bool last)
{
    qn_str all = qn_jbytes(r, s), p = qn_jbytes(r, part);
    if (begin > end || p.n_bytes > end - begin || qn_jfailed(r))
        return -1;
    for (size_t at = end - p.n_bytes; last && !qn_jfailed(r); at--) {
        if (p.n_bytes == 0 || stands_at(r, all, at, p))
            return (int64_t)at;
        if (at == begin)
            return -1;
    }
    const char *at =
        p.n_bytes ? memmem(all.bytes + begin, end - begin, p.bytes, p.n_bytes) : all.bytes + begin;
    size_t n_seen = at ? (size_t)(at - all.bytes) - begin : end - begin;
    qn_jspend(r, 1 + n_seen / 64);
    return at ? at - all.bytes : -1;
}

bool qn_jis_trusted(const qn_jstr *s, size_t begin, size_t end, size_t *mark)
{
    bool trusted = true;
    end = QN_MAX(end, begin + 1);
    for (size_t at = QN_MIN(begin, s->n_bytes); trusted && at < end;) {
        trusted = qn_jorigin(s, at, mark) & J_TRUSTED;
        at = s->n_marks && s->marks[*mark].end > at ? s->marks[*mark].end : end;
    }
    return trusted;
}

/* What replaces text from outside counts as from outside too: who wrote that text has chosen where
 * it stands. */
qn_jstr *qn_jreplace(qn_jstate *r, qn_jstr *s, qn_jstr *old, qn_jstr *new, int64_t n_most)
{
    qn_str all = qn_jbytes(r, s), part = qn_jbytes(r, old), text = qn_jbytes(r, new);
    qn_jbuild b = qn_jbuild_begin(r);
    size_t done = 0, mark = 0;
    for (size_t at = 0; n_most != 0 && at <= all.n_bytes && qn_jspend(r, 1); n_most--) {
        int64_t found = qn_jfind(r, s, old, at, all.n_bytes, false);
        if (found < 0)
            break;
        size_t n = 0;
        qn_jbuild_piece(&b, s, done, (size_t)found);
        done = (size_t)found + part.n_bytes;
        if (qn_jis_trusted(s, (size_t)found, done, &mark))
            qn_jbuild_str(&b, new);
        else
            qn_jbuild_add(&b, text.n_bytes, text.bytes, 0);
        if (part.n_bytes == 0 && done < all.n_bytes)
            qn_jcode_at(all, done, &n);
        at = part.n_bytes == 0 ? done + QN_MAX(n, (size_t)1) : done;
    }
    if (done == 0 && b.n_bytes == 0)
        return s;
    qn_jbuild_piece(&b, s, done, all.n_bytes);
    qn_jstr *replaced = qn_jbuild_end(&b);
    replaced->markup = s->markup;
    return replaced;
}

/* Splitting */

static void push_piece(qn_jstate *r, qn_jlist *list, qn_jstr *s, size_t begin, size_t end)
{
    qn_jlist_push(r, list, qn_jstr_value(qn_jslice_bytes(r, s, begin, end)));
}

static size_t skip(qn_str s, size_t at, bool space)
{
    for (size_t n; at < s.n_bytes && qn_jis_space(qn_jcode_at(s, at, &n)) == space;)
        at += n;
    return at;
}

static size_t skip_back(qn_str s, size_t at, bool space)
{
    size_t n;
    while (at > 0 && qn_jis_space(qn_jcode_at(s, char_before(s, at), &n)) == space)
        at = char_before(s, at);
    return at;
}

static void split_space(qn_jstate *r, qn_jlist *list, qn_jstr *s, int64_t n_most)
{
    qn_str all = qn_jbytes(r, s);
    for (size_t at = skip(all, 0, true); at < all.n_bytes && !qn_jfailed(r);) {
        size_t end = n_most == 0 ? all.n_bytes : skip(all, at, false);
        push_piece(r, list, s, at, end);
        at = skip(all, end, true);
        n_most -= n_most > 0;
    }
}

static void split_space_right(qn_jstate *r, qn_jlist *list, qn_jstr *s, int64_t n_most)
{
    qn_str all = qn_jbytes(r, s);
    for (size_t at = skip_back(all, all.n_bytes, true); at > 0 && !qn_jfailed(r);) {
        size_t begin = n_most == 0 ? 0 : skip_back(all, at, false);
        push_piece(r, list, s, begin, at);
        at = skip_back(all, begin, true);
        n_most -= n_most > 0;
    }
}

static void split_at(qn_jstate *r, qn_jlist *list, qn_jstr *s, qn_jstr *separator, int64_t n_most)
{
    size_t at = 0, end = s->n_bytes;
    for (; n_most != 0 && !qn_jfailed(r); n_most--) {
        int64_t found = qn_jfind(r, s, separator, at, end, false);
        if (found < 0)
            break;
        push_piece(r, list, s, at, (size_t)found);
        at = (size_t)found + separator->n_bytes;
    }
    push_piece(r, list, s, at, end);
}

static void split_at_right(qn_jstate *r, qn_jlist *list, qn_jstr *s, qn_jstr *separator,
                           int64_t n_most)
{
    size_t end = s->n_bytes;
    for (; n_most != 0 && !qn_jfailed(r); n_most--) {
        int64_t found = qn_jfind(r, s, separator, 0, end, true);
        if (found < 0)
            break;
        push_piece(r, list, s, (size_t)found + separator->n_bytes, end);
        end = (size_t)found;
    }
    push_piece(r, list, s, 0, end);
}

qn_jlist *qn_jsplit(qn_jstate *r, qn_jstr *s, qn_jstr *separator, int64_t n_most, bool from_right)
{
    qn_jlist *list = qn_jlist_new(r, 0);
    qn_jbytes(r, s);
    if (separator && separator->n_bytes == 0)
        qn_jfail(r, QN_EARGUMENT, "empty separator");
    else if (!separator)
        (from_right ? split_space_right : split_space)(r, list, s, n_most);
    else
        (from_right ? split_at_right : split_at)(r, list, s, separator, n_most);
    for (size_t i = 0; from_right && i < list->n / 2; i++) {
        qn_jval v = list->v[i];
        list->v[i] = list->v[list->n - 1 - i];
        list->v[list->n - 1 - i] = v;
    }
    return list;
}

static bool ends_line(uint32_t code)
{
    return (code >= 10 && code <= 13) || (code >= 28 && code <= 30) || code == 0x85 ||
           code == 0x2028 || code == 0x2029;
}

qn_jlist *qn_jsplit_lines(qn_jstate *r, qn_jstr *s, bool keep_ends)
{
    qn_jlist *list = qn_jlist_new(r, 0);
    qn_str all = qn_jbytes(r, s);
    size_t begin = 0, n;
    for (size_t at = 0; at < all.n_bytes && !qn_jfailed(r); at += n) {
        uint32_t code = qn_jcode_at(all, at, &n);
        if (!ends_line(code))
            continue;
        if (code == '\r' && at + 1 < all.n_bytes && all.bytes[at + 1] == '\n')
            n = 2;
        push_piece(r, list, s, begin, keep_ends ? at + n : at);
        begin = at + n;
    }
    if (begin < all.n_bytes)
        push_piece(r, list, s, begin, all.n_bytes);
    return list;
}

size_t qn_jwithout_end(qn_jstate *r, qn_jstr *line)
{
    qn_str s = qn_jbytes(r, line);
    size_t n, at = s.n_bytes ? char_before(s, s.n_bytes) : 0;
    if (s.n_bytes == 0 || !ends_line(qn_jcode_at(s, at, &n)))
        return s.n_bytes;
    return at && s.bytes[at] == '\n' && s.bytes[at - 1] == '\r' ? at - 1 : at;
}

qn_jstr *qn_jpad(qn_jstate *r, qn_jstr *s, int64_t n_left, int64_t n_right, qn_jstr *fill)
{
    qn_str f = qn_jbytes(r, fill);
    qn_jbuild b = qn_jbuild_begin(r);
    if (fill->n_chars != 1)
        qn_jfail(r, QN_EARGUMENT, "The fill character must be exactly one character long");
    if (n_left + n_right > (int64_t)qn_template_max.n_repeat)
        qn_jfail(r, QN_ELIMIT, "more than %zu characters of padding", qn_template_max.n_repeat);
    for (int64_t i = 0; i < n_left && qn_jspend(r, 1); i++)
        qn_jbuild_add(&b, f.n_bytes, f.bytes, fill->origin);
    qn_jbuild_str(&b, s);
    for (int64_t i = 0; i < n_right && qn_jspend(r, 1); i++)
        qn_jbuild_add(&b, f.n_bytes, f.bytes, fill->origin);
    qn_jstr *padded = qn_jbuild_end(&b);
    padded->markup = s->markup;
    return padded;
}

/* Numbers */

/* The text without outer space and with single underscores between digits taken out; digits of
 * other scripts become 0 to 9. NULL: it holds what no number has. */
static char *number_text(qn_jstate *r, qn_jstr *s)
{
    qn_str all = qn_jbytes(r, qn_jstrip(r, s, NULL, J_LEFT | J_RIGHT));
    char *text = qn_jtake_memory(r, all.n_bytes + 1, 1);
    size_t n = 0, n_code;
    for (size_t i = 0; text && i < all.n_bytes; i += n_code) {
        uint32_t code = qn_jcode_at(all, i, &n_code);
        char c = code < 128 ? (char)code : '?', before = n ? text[n - 1] : '_';
        if (code >= 128 && qn_jis_decimal(code))
            c = (char)('0' + qn_jdecimal_value(code));
        if (c == 0 ||
            (c == '_' && (n == 0 || i + 1 == all.n_bytes || strchr("+-.", before) ||
                          (i && all.bytes[i - 1] == '_') || strchr("+-.eE", all.bytes[i + 1]))))
            return NULL;
        if (c != '_')
            text[n++] = c;
    }
    return n > 0 ? text : NULL;
}

/* The digits behind a prefix such as 0x, and the base that it tells when base is 0. */
static const char *skip_prefix(const char *p, int64_t *base)
{
    static const struct {
        char letter;
        int base;
    } prefixes[] = {{'x', 16}, {'o', 8}, {'b', 2}};
    for (size_t i = 0; i < QN_COUNT(prefixes) && p[0] == '0'; i++) {
        bool fits = *base == 0 || *base == prefixes[i].base;
        if ((p[1] | 32) != prefixes[i].letter || !fits)
            continue;
        *base = prefixes[i].base;
        return p + 2;
    }
    if (*base == 0 && p[0] == '0' && strspn(p, "0") != strlen(p))
        return "?"; /* 010 is no number where the base is free */
    *base = *base ? *base : 10;
    return p;
}

bool qn_jparse_int(qn_jstate *r, qn_jstr *s, int64_t base, qn_jval *value)
{
    if ((base != 0 && base < 2) || base > 36)
        return false;
    const char *text = number_text(r, s), *p = text ? text : "";
    p = skip_prefix(p + (*p == '-' || *p == '+'), &base);
    size_t n = 0;
    while (p[n] && qn_jdigit_value(p[n]) < base)
        n++;
    if (n == 0 || p[n] || (n > J_MAX_DIGITS && (base & (base - 1))))
        return false;
    *value = qn_jint_parse(r, n, p, (unsigned)base, text[0] == '-');
    return !qn_jfailed(r);
}

static bool is_decimal(const char *p)
{
    size_t n_whole = strspn(p, "0123456789"), n_fraction = 0;
    p += n_whole;
    if (*p == '.') {
        n_fraction = strspn(p + 1, "0123456789");
        p += 1 + n_fraction;
    }
    if (n_whole + n_fraction == 0)
        return false;
    if (*p != 'e' && *p != 'E')
        return *p == 0;
    p += 1 + (p[1] == '+' || p[1] == '-');
    return *p && p[strspn(p, "0123456789")] == 0;
}

bool qn_jparse_double(qn_jstate *r, qn_jstr *s, double *value)
{
    static const struct {
        const char *text;
        double value;
    } words[] = {
        {"inf", __builtin_inf()}, {"infinity", __builtin_inf()}, {"nan", __builtin_nan("")}};
    const char *text = number_text(r, s);
    if (!text)
        return false;
    bool minus = text[0] == '-';
    const char *p = text + (minus || text[0] == '+');
    for (size_t i = 0; i < QN_COUNT(words); i++)
        if (strcasecmp(p, words[i].text) == 0)
            return *value = minus ? -words[i].value : words[i].value, true;
    if (!is_decimal(p))
        return false;
    /* qn_decimal wants digits on both sides of the point */
    size_t n = 0, n_text = strlen(p);
    char *digits = qn_jtake_memory(r, n_text + 3, 1);
    for (size_t i = 0; digits && i < n_text; i++) {
        if (p[i] == '.' && (i == 0 || qn_jdigit_value(p[i - 1]) > 9))
            digits[n++] = '0';
        digits[n++] = p[i];
        if (p[i] == '.' && qn_jdigit_value(p[i + 1]) > 9)
            digits[n++] = '0';
    }
    if (!digits)
        return false;
    if (!qn_decimal_to_f64(n, digits, value))
        *value = __builtin_inf();
    *value = minus ? -*value : *value;
    return true;
}

/* Sorting */

static void merge(qn_jstate *r, qn_jval *items, qn_jval *keys, qn_jval *spare, size_t n_left,
                  size_t n, bool reverse)
{
    size_t a = 0, b = n_left, at = 0;
    while (at < n && !qn_jfailed(r)) {
        bool right =
            a == n_left || (b < n && (reverse ? qn_jcompare(r, keys[a], keys[b], "<") == -1
                                              : qn_jcompare(r, keys[b], keys[a], "<") == -1));
        size_t from = right ? b++ : a++;
        spare[2 * at] = items[from];
        spare[2 * at + 1] = keys[from];
        at++;
    }
    for (size_t i = 0; i < at && !qn_jfailed(r); i++) {
        items[i] = spare[2 * i];
        keys[i] = spare[2 * i + 1];
    }
}

void qn_jsort(qn_jstate *r, size_t n, qn_jval *items, qn_jval *keys, bool reverse)
{
    qn_jval *spare = qn_jtake_memory(r, 2 * n, sizeof *spare);
    for (size_t run = 1; run < n && spare; run *= 2)
        for (size_t at = 0; at + run < n && qn_jspend(r, run); at += 2 * run)
            merge(r, items + at, keys + at, spare, run, QN_MIN(2 * run, n - at), reverse);
}

/* Markup: what |safe and |escape leave; + and the like escape what joins it. */

qn_jstr *qn_jescape(qn_jstate *r, qn_jstr *s)
{
    static const struct {
        char c;
        const char *text;
    } escapes[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&#34;"}, {'\'', "&#39;"}};
    qn_str all = qn_jbytes(r, s);
    qn_jbuild b = qn_jbuild_begin(r);
    size_t plain = 0, cursor = 0;
    for (size_t at = 0; at < all.n_bytes && !qn_jfailed(r); at++) {
        for (size_t i = 0; i < QN_COUNT(escapes); i++) {
            if (all.bytes[at] != escapes[i].c)
                continue;
            unsigned origin = qn_jorigin(s, at, &cursor);
            qn_jbuild_piece(&b, s, plain, at);
            qn_jbuild_add(&b, strlen(escapes[i].text), escapes[i].text, origin);
            plain = at + 1;
        }
    }
    qn_jbuild_piece(&b, s, plain, all.n_bytes);
    return qn_jbuild_end(&b);
}

qn_jstr *qn_jmark_markup(qn_jstate *r, qn_jstr *s)
{
    qn_jbytes(r, s);
    qn_jstr *copy = qn_jstr_new(r, 0, "", 0);
    if (!qn_jfailed(r)) {
        *copy = *s;
        copy->markup = true;
    }
    return copy;
}

qn_jstr *qn_jmarkup_concat(qn_jstate *r, qn_jstr *a, qn_jstr *b)
{
    a = a->markup ? a : qn_jescape(r, a);
    b = b->markup ? b : qn_jescape(r, b);
    return qn_jmark_markup(r, qn_jconcat(r, a, b));
}
