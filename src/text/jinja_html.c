/* text/jinja_html.c - tags out of a text, and characters for their names: the filter striptags and
 * two methods of markup. Source: markupsafe, Python's html.unescape.
 *
 * A character counts as the template's only where it wrote all of the name. */
#include "text/jinja_tables.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

typedef struct entity {
    const char *name;
    uint32_t first, second;
} entity;

// clang-format off
static const entity entities[] = { /* in the order of strcmp */
#include "text/jinja_entities.def"
};
// clang-format on

enum { MAX_NAME = 33 };

static const entity *find(const char *s, size_t n)
{
    size_t low = 0, high = QN_COUNT(entities);
    while (low < high) {
        size_t middle = (low + high) / 2;
        const char *name = entities[middle].name;
        int c = strncmp(name, s, n);
        c = c ? c : name[n] != 0;
        if (c == 0)
            return &entities[middle];
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* What a number stands for: browsers read those of Windows, and nothing for others. */
static uint32_t numbered(uint32_t code, bool *none)
{
    static const uint16_t windows[32] = {
        0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021, 0x2C6,  0x2030, 0x160,
        0x2039, 0x152,  0x8D,   0x17D,  0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
        0x2013, 0x2014, 0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178};
    if (code == 0 || (code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF)
        return 0xFFFD;
    if (code >= 0x80 && code < 0xA0)
        return windows[code - 0x80];
    bool control = (code < 32 && !strchr("\t\n\f\r", (int)code)) || code == 127;
    *none = control || (code >= 0xFDD0 && code <= 0xFDEF) || (code & 0xFFFE) == 0xFFFE;
    return code;
}

/* A character by number behind "&#": how many bytes it takes; 0: it is none. */
static size_t read_number(qn_str s, size_t at, uint32_t *code)
{
    size_t begin = at + 2, hex = begin < s.n_bytes && (s.bytes[begin] | 32) == 'x';
    size_t end = begin + hex;
    *code = 0;
    for (; end < s.n_bytes; end++) {
        char c = s.bytes[end];
        int digit = c >= '0' && c <= '9'                        ? c - '0'
                    : hex && (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                                : -1;
        if (digit < 0)
            break;
        *code = QN_MIN(*code * (hex ? 16 : 10) + (uint32_t)digit, 0x110000u);
    }
    if (end == begin + hex)
        return 0;
    end += end < s.n_bytes && s.bytes[end] == ';';
    return end - at;
}

/* A name behind "&", or the longest beginning of it that is one. */
static size_t read_name(qn_str s, size_t at, const entity **e)
{
    size_t end = at + 1, n_chars = 0, n;
    for (; end < s.n_bytes && n_chars < MAX_NAME - 1; end += n, n_chars++) {
        if (strchr("\t\n\f <&#;", s.bytes[end]) && s.bytes[end])
            break;
        qn_jcode_at(s, end, &n);
    }
    end += end > at + 1 && end < s.n_bytes && s.bytes[end] == ';';
    for (n = end - at - 1; n > 1; n--)
        if ((*e = find(s.bytes + at + 1, n)))
            return n + 1;
    return 0;
}

static void add_code(qn_jbuild *b, uint32_t code, unsigned origin)
{
    char text[4];
    qn_jbuild_add(b, qn_utf8_encode(code, text), text, origin);
}

static qn_jstr *unescape(qn_jstate *r, qn_jstr *s)
{
    qn_str all = qn_jbytes(r, s);
    qn_jbuild b = qn_jbuild_begin(r);
    size_t plain = 0, mark = 0;
    for (size_t at = 0; at < all.n_bytes && qn_jspend(r, 1); at++) {
        const char *sign = memchr(all.bytes + at, '&', all.n_bytes - at);
        if (!sign)
            break;
        at = (size_t)(sign - all.bytes);
        bool number = at + 1 < all.n_bytes && all.bytes[at + 1] == '#', none = false;
        const entity *e = NULL;
        uint32_t code = 0;
        size_t n = number ? read_number(all, at, &code) : read_name(all, at, &e);
        if (n == 0)
            continue;
        unsigned origin = qn_jis_trusted(s, at, at + n, &mark) ? J_TRUSTED : 0;
        qn_jbuild_piece(&b, s, plain, at);
        code = e ? e->first : numbered(code, &none);
        if (!none)
            add_code(&b, code, origin);
        if (e && e->second)
            add_code(&b, e->second, origin);
        plain = at + n;
        at = plain - 1;
    }
    qn_jbuild_piece(&b, s, plain, all.n_bytes);
    return qn_jbuild_end(&b);
}

/* Without "<...>" and "<!-- ... -->"; what is not closed stays. */
static qn_jstr *without_tags(qn_jstate *r, qn_jstr *s)
{
    qn_str all = qn_jbytes(r, s);
    qn_jbuild b = qn_jbuild_begin(r);
    size_t at = 0;
    while (at < all.n_bytes && qn_jspend(r, 1)) {
        const char *open = memchr(all.bytes + at, '<', all.n_bytes - at);
        size_t begin = open ? (size_t)(open - all.bytes) : all.n_bytes, left = all.n_bytes - begin;
        bool comment = left >= 4 && memcmp(open, "<!--", 4) == 0;
        const char *close = !open     ? NULL
                            : comment ? memmem(open + 4, left - 4, "-->", 3)
                                      : memchr(open, '>', left);
        if (!close)
            break;
        qn_jbuild_piece(&b, s, at, begin);
        at = (size_t)(close - all.bytes) + (comment ? 3 : 1);
    }
    qn_jbuild_piece(&b, s, at, all.n_bytes);
    return qn_jbuild_end(&b);
}

qn_jval qn_jf_striptags(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    qn_jlist *words = qn_jsplit(r, without_tags(r, qn_jstr_of(r, v)), NULL, -1, false);
    qn_jbuild b = qn_jbuild_begin(r);
    (void)c;
    for (size_t i = 0; i < words->n && !qn_jfailed(r); i++) {
        qn_jbuild_text(&b, i ? " " : "");
        qn_jbuild_str(&b, words->v[i].s);
    }
    return qn_jstr_value(unescape(r, qn_jbuild_end(&b)));
}

qn_jval qn_jm_unescape(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    (void)c;
    return qn_jstr_value(unescape(r, qn_jstr_of(r, self)));
}
