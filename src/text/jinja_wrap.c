/* text/jinja_wrap.c - the filters wordwrap and indent. Source: jinja2/filters.py, Python's
 * textwrap.
 *
 * A text is cut into chunks, white space and words, which lines are filled with; both are one pass.
 * What is put in at a break counts as written by whoever wrote the text there, as it chose the
 * place. */
#include "text/jinja_node.h"
#include "text/jinja_tables.h"

#include <string.h>

typedef struct wrapper {
    qn_jbuild *b;
    qn_jstr *s; /* all of the text */
    qn_str all;
    qn_jval width;
    bool breaks_words, at_hyphens, at_hyphens_only; /* only: exactly True was given */
    qn_jstr *between;
    bool any;         /* a line was written */
    size_t chunk_end; /* of the chunk at hand, or what is left of it */
    int64_t n_chunk;  /* characters */
    size_t mark;      /* as of qn_jorigin */
} wrapper;

static bool is_digit(uint32_t code)
{
    return qn_jis_decimal(code);
}

static bool in_word(uint32_t code)
{
    return code == '_' || qn_jis_alpha(code) || qn_jis_numeric(code);
}

static bool is_letter(uint32_t code)
{
    return in_word(code) && !is_digit(code);
}

static bool ends_word(uint32_t code) /* textwrap's word_punct */
{
    return in_word(code) || (code && code < 128 && strchr("!\"'&.,?", (int)code));
}

static bool is_blank(char c) /* textwrap knows the ASCII ones alone */
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The characters around a place; 0 beyond [0, end). */
static uint32_t code_at(qn_str s, size_t at, size_t end)
{
    size_t n;
    return at < end ? qn_jcode_at(s, at, &n) : 0;
}

static size_t before(qn_str s, size_t at)
{
    while (at > 0 && ((unsigned char)s.bytes[--at] & 0xC0) == 0x80)
        ;
    return at;
}

static uint32_t code_before(qn_str s, size_t begin, size_t at)
{
    return at > begin ? code_at(s, before(s, at), s.n_bytes) : 0;
}

static size_t after(qn_str s, size_t at)
{
    size_t n;
    qn_jcode_at(s, at, &n);
    return at + n;
}

/* Two dashes or more with a word behind: their end; else `at`. */
static size_t long_dash(qn_str s, size_t at, size_t end)
{
    size_t to = at;
    while (to < end && s.bytes[to] == '-')
        to++;
    return to - at >= 2 && in_word(code_at(s, to, end)) ? to : at;
}

/* A hyphen at `at` inside of a compound word: letters on both sides. */
static bool is_hyphen(qn_str s, size_t begin, size_t at, size_t end)
{
    if (s.bytes[at] != '-' || !is_letter(code_before(s, begin, at)))
        return false;
    size_t one = before(s, at), next = at + 1;
    uint32_t second = code_before(s, begin, one);
    if (second == '-' ? !is_letter(code_before(s, begin, before(s, one))) : !is_letter(second))
        return false;
    if (next >= end || !is_letter(code_at(s, next, end)))
        return false;
    next = after(s, next);
    next += next < end && s.bytes[next] == '-';
    return is_letter(code_at(s, next, end));
}

/* The end of the chunk that begins at `at` in the line [begin, end). */
static size_t chunk_end(const wrapper *w, size_t begin, size_t at, size_t end)
{
    qn_str s = w->all;
    size_t to = at;
    if (is_blank(s.bytes[at])) {
        while (to < end && is_blank(s.bytes[to]))
            to++;
        return to;
    }
    if (w->at_hyphens_only && ends_word(code_before(s, begin, at)) && long_dash(s, at, end) > at)
        return long_dash(s, at, end);
    for (to = after(s, at); to < end && !is_blank(s.bytes[to]); to = after(s, to)) {
        if (!w->at_hyphens_only || s.bytes[to] != '-')
            continue;
        if (is_hyphen(s, begin, to, end))
            return to + 1;
        if (ends_word(code_before(s, begin, to)) && long_dash(s, to, end) > to)
            return to;
    }
    return to;
}

static int64_t count(const wrapper *w, size_t begin, size_t end)
{
    return (int64_t)qn_jcount_chars(end - begin, w->all.bytes + begin);
}

/* Makes the chunk that begins at `at` the one at hand, unless that is what is left of it. */
static void look(wrapper *w, size_t begin, size_t at, size_t end)
{
    if (at < w->chunk_end)
        return;
    w->chunk_end = chunk_end(w, begin, at, end);
    w->n_chunk = count(w, at, w->chunk_end);
}

static bool is_space(const wrapper *w, size_t begin, size_t end)
{
    for (; begin < end; begin = after(w->all, begin))
        if (!qn_jis_space(code_at(w->all, begin, end)))
            return false;
    return true;
}

static bool fits(const wrapper *w, int64_t n)
{
    return qn_jcompare_op(w->b->r, J_LE, qn_jint(n), w->width);
}

/* Where a word that no line holds is broken: at the last hyphen that fits, else where it must;
 * takes that much of the chunk at hand. */
static size_t break_word(wrapper *w, size_t begin, int64_t n_left)
{
    size_t to = begin, hyphen = begin;
    int64_t i = 0, n_hyphen = 0;
    bool other = false;
    for (; i < n_left && to < w->chunk_end; i++, to = after(w->all, to)) {
        if (w->all.bytes[to] == '-' && other)
            hyphen = to + 1, n_hyphen = i + 1;
        other |= w->all.bytes[to] != '-';
    }
    bool at_hyphen = w->at_hyphens && to < w->chunk_end && hyphen > begin;
    w->n_chunk -= at_hyphen ? n_hyphen : i;
    return at_hyphen ? hyphen : to;
}

static void put_between(wrapper *w, size_t at)
{
    size_t cursor = 0;
    unsigned origin =
        w->s->n_bytes ? qn_jorigin(w->s, QN_MIN(at, w->s->n_bytes - 1), &cursor) : J_TRUSTED;
    qn_str text = qn_jbytes(w->b->r, w->between);
    qn_jspend(w->b->r, 1 + cursor / 64);
    if (origin & J_TRUSTED)
        qn_jbuild_str(w->b, w->between);
    else
        qn_jbuild_add(w->b, text.n_bytes, text.bytes, 0);
}

static void put_line(wrapper *w, size_t begin, size_t end)
{
    qn_jstr *line = qn_jslice_bytes(w->b->r, w->s, begin, end);
    if (w->any)
        put_between(w, begin);
    w->any = true;
    qn_jbuild_str(w->b, w->between->markup ? qn_jescape(w->b->r, line) : line);
}

/* Fills one line from *at on; false when there is nothing more. */
static bool wrap_line(wrapper *w, size_t begin, size_t end, size_t *at, size_t n_lines)
{
    qn_jstate *r = w->b->r;
    size_t from = *at, to, last;
    int64_t n = 0;
    if (from < end && n_lines) {
        look(w, begin, from, end);
        from = is_space(w, from, w->chunk_end) ? w->chunk_end : from;
    }
    for (to = last = from; to < end && qn_jspend(r, 1); to = w->chunk_end) {
        look(w, begin, to, end);
        if (fits(w, n + w->n_chunk)) {
            n += w->n_chunk;
            last = to;
            continue;
        }
        if (fits(w, w->n_chunk) || (!w->breaks_words && n > 0))
            break;
        if (w->breaks_words && !qn_jis_small(w->width)) {
            qn_jfail(r, QN_EARGUMENT,
                     "slice indices must be integers or None or have an __index__ method");
            return false;
        }
        last = to;
        to = w->breaks_words ? break_word(w, to, qn_jas_int(w->width) - n) : w->chunk_end;
        break;
    }
    *at = to;
    if (to > from && is_space(w, last, to))
        to = last;
    if (to > from)
        put_line(w, from, to);
    return *at < end && !qn_jfailed(r);
}

/* One of the text's own lines. */
static void wrap(wrapper *w, size_t begin, size_t end)
{
    size_t at = begin, n_lines = 0;
    qn_jstate *r = w->b->r;
    if (!qn_jfailed(r) && qn_jcompare_op(r, J_LE, w->width, qn_jint(0)) && !qn_jfailed(r))
        qn_jfail(r, QN_EARGUMENT, "invalid width %s (must be > 0)", qn_jrepr_of(r, w->width));
    bool outer = w->any;
    w->any = false;
    if (outer)
        put_between(w, begin);
    while (!qn_jfailed(r)) {
        bool more = wrap_line(w, begin, end, &at, n_lines);
        n_lines += w->any;
        if (!more)
            break;
    }
    w->any = true;
}

static bool lacks(qn_jstate *r, qn_jval v, const char *attribute)
{
    if (v.kind == J_UNDEFINED)
        qn_jrefuse_undefined(r, v);
    else if (v.kind != J_STR)
        qn_jfail(r, QN_EARGUMENT, "'%s' object has no attribute '%s'", qn_jtype_name(v), attribute);
    return qn_jfailed(r);
}

qn_jval qn_jf_wordwrap(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    qn_jbuild b = qn_jbuild_begin(r);
    qn_jval between = c->v[2], hyphens = c->v[3];
    bool given = hyphens.kind != J_MISSING;
    if (between.kind == J_MISSING || between.kind == J_NONE)
        between = qn_jtext(r, "\n");
    if (lacks(r, between, "join") || lacks(r, v, "splitlines"))
        return v;
    wrapper w = {.b = &b,
                 .s = v.s,
                 .all = qn_jbytes(r, v.s),
                 .width = c->v[0].kind == J_MISSING ? qn_jint(79) : c->v[0],
                 .breaks_words = c->v[1].kind == J_MISSING || qn_jtruth(r, c->v[1]),
                 .at_hyphens = !given || qn_jtruth(r, hyphens),
                 .at_hyphens_only = !given || (hyphens.kind == J_BOOL && hyphens.b),
                 .between = between.s};
    qn_jlist *lines = qn_jsplit_lines(r, v.s, true);
    size_t begin = 0;
    for (size_t i = 0; i < lines->n && !qn_jfailed(r); i++) {
        size_t end = begin + lines->v[i].s->n_bytes;
        wrap(&w, begin, begin + qn_jwithout_end(r, lines->v[i].s));
        begin = end;
    }
    qn_jstr *wrapped = qn_jbuild_end(&b);
    wrapped->markup = between.s->markup;
    return qn_jstr_value(wrapped);
}

/* indent */

qn_jstr *qn_jindention(qn_jstate *r, qn_jval width)
{
    if (width.kind == J_STR)
        return width.s;
    bool given = width.kind != J_MISSING;
    qn_jval spaces = qn_jbinary(r, J_MUL, qn_jtext(r, " "), given ? width : qn_jint(4));
    return qn_jfailed(r) ? qn_jtext(r, "").s : spaces.s;
}

static void add_as(qn_jbuild *b, qn_jstr *s, unsigned origin)
{
    qn_str text = qn_jbytes(b->r, s);
    if (origin & J_TRUSTED)
        qn_jbuild_str(b, s);
    else
        qn_jbuild_add(b, text.n_bytes, text.bytes, 0);
}

static qn_jval indent(qn_jstate *r, qn_jstr *s, qn_jstr *by, bool first, bool blank)
{
    qn_jlist *lines = qn_jsplit_lines(r, qn_jconcat(r, s, qn_jtext(r, "\n").s), true);
    qn_jbuild b = qn_jbuild_begin(r);
    unsigned origin = J_TRUSTED; /* of the line's end before */
    for (size_t i = 0; i < lines->n && !qn_jfailed(r); i++) {
        qn_jstr *line = lines->v[i].s;
        size_t n = qn_jwithout_end(r, line), cursor = 0;
        if (i)
            add_as(&b, qn_jtext(r, "\n").s, origin);
        if (i == 0 ? first : blank || n)
            add_as(&b, by, origin);
        qn_jbuild_piece(&b, line, 0, n);
        origin = n < line->n_bytes ? qn_jorigin(line, n, &cursor) : origin;
    }
    qn_jstr *indented = qn_jbuild_end(&b);
    indented->markup = s->markup;
    return qn_jstr_value(indented);
}

qn_jval qn_jf_indent(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    bool first = qn_jtruth(r, c->v[1]), blank = qn_jtruth(r, c->v[2]);
    qn_jstr *by = qn_jindention(r, c->v[0]);
    if (v.kind == J_LIST && !qn_jfailed(r)) /* += puts the newline in, and then it goes wrong */
        qn_jfail(r, QN_EARGUMENT, "'list' object has no attribute 'splitlines'");
    if (qn_jfailed(r))
        return v;
    if (v.kind != J_STR)
        return qn_jrefuse_operands(r, v.kind == J_TUPLE ? "+" : "+=", v, qn_jtext(r, "\n"));
    return indent(r, v.s, by, first, blank);
}
