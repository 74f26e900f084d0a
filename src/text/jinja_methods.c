/* text/jinja_methods.c - methods of strings, lists, dicts and numbers, as Python has them. */
#include "base/utf8.h"
#include "text/jinja_int.h"
#include "text/jinja_node.h"
#include "text/jinja_tables.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool given(qn_jval v)
{
    return v.kind != J_MISSING;
}

/* A str argument; else the complaint, which has room for the type's name. */
static qn_jstr *text(qn_jstate *r, qn_jval v, const char *complaint)
{
    if (v.kind == J_STR)
        return v.s;
    qn_jfail(r, QN_EARGUMENT, "%s%s", complaint,
             v.kind == J_NONE && strstr(complaint, "argument") ? "None" : qn_jtype_name(v));
    return qn_jtext(r, "").s;
}

/* An argument that a C int holds. */
static int64_t c_int(qn_jstate *r, qn_jval v, int64_t absent)
{
    bool large = v.kind == J_BIG;
    int64_t i = large ? 0 : qn_jinteger(r, v, absent);
    if (large || i > INT32_MAX || i < INT32_MIN)
        qn_jfail(r, QN_EARGUMENT, "Python int too large to convert to C int");
    return i;
}

/* Case */

static qn_jval cased(qn_jstate *r, qn_jval self, qn_jcase_of how)
{
    return qn_jstr_value(qn_jcase_text(r, self.s, how));
}

// clang-format off
#define CASED(function, how) \
    qn_jval function(qn_jstate *r, qn_jval self, qn_jcall *c) \
    { \
        (void)c; \
        return cased(r, self, how); \
    }
// clang-format on

CASED(qn_jm_upper, J_UPPER)
CASED(qn_jm_lower, J_LOWER)
CASED(qn_jm_title, J_TITLE)
CASED(qn_jm_capitalize, J_CAPITALIZE)
CASED(qn_jm_swapcase, J_SWAPCASE)
CASED(qn_jm_casefold, J_CASEFOLD)

/* Questions about all characters */

typedef bool question(uint32_t code);

static bool is_alnum(uint32_t code)
{
    return qn_jis_alpha(code) || qn_jis_numeric(code);
}

static bool is_ascii(uint32_t code)
{
    return code < 128;
}

static bool all_are(qn_jstate *r, qn_jval self, question *asks, bool of_none)
{
    qn_str s = qn_jbytes(r, self.s);
    bool all = s.n_bytes > 0 || of_none;
    size_t n;
    for (size_t at = 0; at < s.n_bytes && all; at += n)
        all = asks(qn_jcode_at(s, at, &n));
    qn_jspend(r, s.n_bytes / 16);
    return all;
}

// clang-format off
#define ASKS(function, asks, of_none) \
    qn_jval function(qn_jstate *r, qn_jval self, qn_jcall *c) \
    { \
        (void)c; \
        return qn_jbool(all_are(r, self, asks, of_none)); \
    }
// clang-format on

ASKS(qn_jm_isalnum, is_alnum, false)
ASKS(qn_jm_isalpha, qn_jis_alpha, false)
ASKS(qn_jm_isascii, is_ascii, true)
ASKS(qn_jm_isdecimal, qn_jis_decimal, false)
ASKS(qn_jm_isdigit, qn_jis_digit, false)
ASKS(qn_jm_isnumeric, qn_jis_numeric, false)
ASKS(qn_jm_isprintable, qn_jis_printable, true)
ASKS(qn_jm_isspace, qn_jis_space, false)

static bool in_identifier(uint32_t code)
{
    return code == '_' || is_alnum(code);
}

qn_jval qn_jm_isidentifier(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    qn_str s = qn_jbytes(r, self.s);
    size_t n;
    (void)c;
    bool begins = s.n_bytes && !qn_jis_numeric(qn_jcode_at(s, 0, &n));
    return qn_jbool(begins && all_are(r, self, in_identifier, false));
}

/* No character of the other case, and one of this. */
static qn_jval one_case(qn_jstate *r, qn_jval self, question *is, question *is_not)
{
    qn_str s = qn_jbytes(r, self.s);
    bool any = false, other = false;
    size_t n;
    for (size_t at = 0; at < s.n_bytes && !other; at += n) {
        uint32_t code = qn_jcode_at(s, at, &n);
        any |= is(code);
        other |= is_not(code) || (qn_jis_cased(code) && !is(code));
    }
    qn_jspend(r, s.n_bytes / 16);
    return qn_jbool(any && !other);
}

qn_jval qn_jm_isupper(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    (void)c;
    return one_case(r, self, qn_jis_upper, qn_jis_lower);
}

qn_jval qn_jm_islower(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    (void)c;
    return one_case(r, self, qn_jis_lower, qn_jis_upper);
}

qn_jval qn_jm_istitle(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    qn_str s = qn_jbytes(r, self.s);
    bool any = false, right = true, inside = false;
    size_t n;
    (void)c;
    for (size_t at = 0; at < s.n_bytes && right; at += n) {
        uint32_t code = qn_jcode_at(s, at, &n);
        bool lower = qn_jis_lower(code), cased_here = qn_jis_cased(code);
        right = !cased_here || lower == inside;
        inside = cased_here;
        any |= cased_here;
    }
    qn_jspend(r, s.n_bytes / 16);
    return qn_jbool(any && right);
}

/* Stripping and padding */

static qn_jval strip(qn_jstate *r, qn_jval self, qn_jcall *c, unsigned sides)
{
    bool all = !given(c->v[0]) || c->v[0].kind == J_NONE;
    if (!all && c->v[0].kind != J_STR) {
        qn_jfail(r, QN_EARGUMENT, "%sstrip arg must be None or str",
                 sides == J_LEFT    ? "l"
                 : sides == J_RIGHT ? "r"
                                    : "");
        return self;
    }
    return qn_jstr_value(qn_jstrip(r, self.s, all ? NULL : c->v[0].s, sides));
}

qn_jval qn_jm_strip(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    return strip(r, self, c, J_LEFT | J_RIGHT);
}

qn_jval qn_jm_lstrip(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    return strip(r, self, c, J_LEFT);
}

qn_jval qn_jm_rstrip(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    return strip(r, self, c, J_RIGHT);
}

/* How much is missing to the width that the first argument tells. */
static int64_t missing(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    int64_t n = (int64_t)self.s->n_chars;
    return QN_MAX(qn_jinteger(r, c->v[0], 0), n) - n;
}

static qn_jval pad(qn_jstate *r, qn_jval self, qn_jcall *c, int64_t left, int64_t right)
{
    qn_jstr *fill = qn_jtext(r, " ").s;
    if (given(c->v[1]))
        fill = text(r, c->v[1], "The fill character must be a unicode character, not ");
    return qn_jstr_value(qn_jpad(r, self.s, left, right, fill));
}

qn_jval qn_jm_ljust(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    return pad(r, self, c, 0, missing(r, self, c));
}

qn_jval qn_jm_rjust(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    return pad(r, self, c, missing(r, self, c), 0);
}

qn_jval qn_jm_center(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    int64_t n = missing(r, self, c), width = qn_jinteger(r, c->v[0], 0);
    int64_t left = n / 2 + (n & width & 1);
    return pad(r, self, c, left, n - left);
}

qn_jval qn_jm_zfill(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    qn_str s = qn_jbytes(r, self.s);
    bool sign = s.n_bytes && (s.bytes[0] == '-' || s.bytes[0] == '+');
    qn_jstr *head = qn_jslice_bytes(r, self.s, 0, sign);
    qn_jstr *tail = qn_jslice_bytes(r, self.s, sign, s.n_bytes);
    tail = qn_jpad(r, tail, missing(r, self, c), 0, qn_jtext(r, "0").s);
    return qn_jstr_value(sign ? qn_jconcat(r, head, tail) : tail);
}

qn_jval qn_jm_expandtabs(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    int64_t width = c_int(r, c->v[0], 8), column = 0;
    qn_str s = qn_jbytes(r, self.s);
    qn_jbuild b = qn_jbuild_begin(r);
    size_t plain = 0, n;
    for (size_t at = 0; at < s.n_bytes && !qn_jfailed(r); at += n) {
        uint32_t code = qn_jcode_at(s, at, &n);
        bool newline = code == '\n' || code == '\r';
        column = newline ? 0 : column + (code != '\t');
        if (code != '\t')
            continue;
        int64_t spaces = width > 0 ? width - column % width : 0;
        qn_jbuild_piece(&b, self.s, plain, at);
        qn_jbuild_repeat(&b, spaces, ' ');
        column += spaces;
        plain = at + 1;
    }
    qn_jbuild_piece(&b, self.s, plain, s.n_bytes);
    return qn_jstr_value(qn_jbuild_end(&b));
}

/* Searching */

/* A place as slices have it: any int will do. */
static bool place(qn_jstate *r, qn_jval v, const char *complaint, int64_t *at)
{
    if (v.kind == J_BIG)
        *at = qn_jint_negative(v) ? INT64_MIN / 2 : INT64_MAX / 2;
    else if (qn_jis_small(v))
        *at = qn_jas_int(v);
    else
        qn_jfail(r, QN_EARGUMENT, "%s", complaint);
    return !qn_jfailed(r);
}

/* The bytes that the arguments start and end (1 and 2) leave; false: nothing can be found there. */
static bool window(qn_jstate *r, qn_jval self, qn_jcall *c, size_t *begin, size_t *end)
{
    int64_t n = (int64_t)self.s->n_chars, at[2] = {0, n};
    for (size_t i = 0; i < 2; i++) {
        qn_jval v = c->v[1 + i];
        if (given(v) && v.kind != J_NONE)
            place(r, v, "slice indices must be integers or None or have an __index__ method",
                  &at[i]);
        at[i] += at[i] < 0 ? n : 0;
        at[i] = QN_MAX(at[i], (int64_t)0);
    }
    at[1] = QN_MIN(at[1], n);
    *begin = qn_jchar_at(r, self.s, (size_t)QN_MIN(at[0], n));
    *end = qn_jchar_at(r, self.s, (size_t)at[1]);
    return at[0] <= at[1] && !qn_jfailed(r);
}

static int64_t find(qn_jstate *r, qn_jval self, qn_jcall *c, bool last)
{
    size_t begin, end;
    if (!window(r, self, c, &begin, &end) && qn_jfailed(r))
        return -1;
    qn_jstr *part = text(r, c->v[0], "must be str, not ");
    if (begin > end || !window(r, self, c, &begin, &end))
        return -1;
    int64_t at = qn_jfind(r, self.s, part, begin, end, last);
    return at < 0 ? -1 : (int64_t)qn_jcount_chars((size_t)at, qn_jbytes(r, self.s).bytes);
}

static qn_jval found(qn_jstate *r, qn_jval self, int64_t at, bool must)
{
    if (at < 0 && must)
        qn_jfail(r, QN_EARGUMENT, "%s",
                 self.kind == J_STR ? "substring not found" : "tuple.index(x): x not in tuple");
    return qn_jint(at);
}

qn_jval qn_jm_find(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    return found(r, self, find(r, self, c, false), false);
}

qn_jval qn_jm_rfind(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    return found(r, self, find(r, self, c, true), false);
}

qn_jval qn_jm_index(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    return found(r, self, find(r, self, c, false), true);
}

qn_jval qn_jm_rindex(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    return found(r, self, find(r, self, c, true), true);
}

qn_jval qn_jm_count(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    size_t begin, end;
    int64_t n = 0;
    bool any = window(r, self, c, &begin, &end);
    if (qn_jfailed(r))
        return qn_jint(0);
    qn_jstr *part = text(r, c->v[0], "must be str, not ");
    if (!any)
        return qn_jint(0);
    qn_str s = qn_jbytes(r, self.s);
    if (part->n_bytes == 0)
        return qn_jint((int64_t)qn_jcount_chars(end - begin, s.bytes + begin) + 1);
    for (int64_t at; (at = qn_jfind(r, self.s, part, begin, end, false)) >= 0; n++)
        begin = (size_t)at + part->n_bytes;
    return qn_jint(n);
}

static bool touches(qn_jstate *r, qn_jval self, qn_jstr *part, size_t begin, size_t end,
                    bool at_end)
{
    qn_str s = qn_jbytes(r, self.s), p = qn_jbytes(r, part);
    if (p.n_bytes > end - begin)
        return false;
    qn_jspend(r, p.n_bytes / 64);
    return memcmp(s.bytes + (at_end ? end - p.n_bytes : begin), p.bytes, p.n_bytes) == 0;
}

static qn_jval starts_or_ends(qn_jstate *r, qn_jval self, qn_jcall *c, bool at_end)
{
    size_t begin, end;
    bool any = false, inside = window(r, self, c, &begin, &end);
    const char *name = at_end ? "ends" : "starts";
    if (qn_jfailed(r))
        return qn_jbool(false);
    if (c->v[0].kind == J_STR)
        return qn_jbool(inside && touches(r, self, c->v[0].s, begin, end, at_end));
    if (c->v[0].kind != J_TUPLE) {
        qn_jfail(r, QN_EARGUMENT, "%swith first arg must be str or a tuple of str, not %s", name,
                 qn_jtype_name(c->v[0]));
        return qn_jbool(false);
    }
    const qn_jlist *list = c->v[0].list;
    for (size_t i = 0; i < list->n && !any && !qn_jfailed(r); i++) {
        if (list->v[i].kind == J_STR)
            any = inside && touches(r, self, list->v[i].s, begin, end, at_end);
        else
            qn_jfail(r, QN_EARGUMENT, "tuple for %swith must only contain str, not %s", name,
                     qn_jtype_name(list->v[i]));
    }
    return qn_jbool(any);
}

qn_jval qn_jm_startswith(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    return starts_or_ends(r, self, c, false);
}

qn_jval qn_jm_endswith(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    return starts_or_ends(r, self, c, true);
}

static qn_jval remove_part(qn_jstate *r, qn_jval self, qn_jval part, bool at_end)
{
    qn_jstr *s = text(r, part,
                      at_end ? "removesuffix() argument must be str, not "
                             : "removeprefix() argument must be str, not ");
    size_t n = self.s->n_bytes, n_part = s->n_bytes;
    if (qn_jfailed(r) || !touches(r, self, s, 0, n, at_end))
        return self;
    return qn_jstr_value(qn_jslice_bytes(r, self.s, at_end ? 0 : n_part, at_end ? n - n_part : n));
}

qn_jval qn_jm_removeprefix(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    return remove_part(r, self, c->v[0], false);
}

qn_jval qn_jm_removesuffix(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    return remove_part(r, self, c->v[0], true);
}

/* Cutting and joining */

static qn_jval split(qn_jstate *r, qn_jval self, qn_jcall *c, bool from_right)
{
    bool space = !given(c->v[0]) || c->v[0].kind == J_NONE;
    int64_t n_most = qn_jinteger(r, c->v[1], -1);
    qn_jstr *separator = space ? NULL : text(r, c->v[0], "must be str or None, not ");
    return qn_jlist_value(qn_jsplit(r, self.s, separator, n_most, from_right));
}

qn_jval qn_jm_split(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    return split(r, self, c, false);
}

qn_jval qn_jm_rsplit(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    return split(r, self, c, true);
}

qn_jval qn_jm_splitlines(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    return qn_jlist_value(qn_jsplit_lines(r, self.s, c_int(r, c->v[0], 0) != 0));
}

static qn_jval partition(qn_jstate *r, qn_jval self, qn_jcall *c, bool last)
{
    qn_jstr *s = self.s, *separator = text(r, c->v[0], "must be str, not ");
    qn_jlist *parts = qn_jlist_new(r, 3);
    if (separator->n_bytes == 0)
        qn_jfail(r, QN_EARGUMENT, "empty separator");
    int64_t at = qn_jfind(r, s, separator, 0, s->n_bytes, last);
    size_t begin = at >= 0 ? (size_t)at : last ? 0 : s->n_bytes;
    size_t end = at >= 0 ? begin + separator->n_bytes : begin;
    qn_jbytes(r, s);
    if (!qn_jfailed(r)) {
        qn_jlist_push(r, parts, qn_jstr_value(qn_jslice_bytes(r, s, 0, begin)));
        qn_jlist_push(r, parts, qn_jstr_value(qn_jslice_bytes(r, s, begin, end)));
        qn_jlist_push(r, parts, qn_jstr_value(qn_jslice_bytes(r, s, end, s->n_bytes)));
    }
    return J_VALUE(J_TUPLE, list, parts);
}

qn_jval qn_jm_partition(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    return partition(r, self, c, false);
}

qn_jval qn_jm_rpartition(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    return partition(r, self, c, true);
}

qn_jval qn_jm_replace(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    qn_jstr *old = text(r, c->v[0], "replace() argument 1 must be str, not ");
    qn_jval with = c->v[1];
    if (self.s->markup && !(with.kind == J_STR && with.s->markup))
        with = qn_jstr_value(qn_jescape(r, qn_jstr_of(r, with)));
    qn_jstr *new = text(r, with, "replace() argument 2 must be str, not ");
    return qn_jstr_value(qn_jreplace(r, self.s, old, new, qn_jinteger(r, c->v[2], -1)));
}

/* An item as join takes it: markup escapes what is no markup. */
static qn_jstr *joined(qn_jstate *r, qn_jval self, qn_jval item, size_t i)
{
    if (self.s->markup && item.kind == J_STR && item.s->markup)
        return item.s;
    if (self.s->markup)
        return qn_jescape(r, qn_jstr_of(r, item));
    if (item.kind == J_STR)
        return item.s;
    qn_jfail(r, QN_EARGUMENT, "sequence item %zu: expected str instance, %s found", i,
             qn_jtype_name(item));
    return self.s;
}

qn_jval qn_jm_join(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    qn_jbuild b = qn_jbuild_begin(r);
    if (!qn_jiterable(c->v[0])) {
        if (self.s->markup)
            qn_jfail(r, QN_EARGUMENT, "'%s' object is not iterable", qn_jtype_name(c->v[0]));
        qn_jfail(r, QN_EARGUMENT, "can only join an iterable");
        return self;
    }
    qn_jiter *it = qn_jiterate(r, c->v[0]);
    qn_jval item;
    for (size_t i = 0; qn_jnext(r, it, &item); i++) {
        qn_jstr *s = joined(r, self, item, i);
        if (i)
            qn_jbuild_str(&b, self.s);
        qn_jbuild_str(&b, s);
    }
    qn_jstr *all = qn_jbuild_end(&b);
    all->markup = self.s->markup;
    return qn_jstr_value(all);
}

/* str.maketrans: a dict of code points. */
qn_jval qn_jm_maketrans(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    qn_jdict *d = qn_jdict_new(r);
    (void)self;
    if (!given(c->v[1])) {
        if (c->v[0].kind != J_DICT)
            qn_jfail(r, QN_EARGUMENT,
                     "if you give only one argument to maketrans it must be a dict");
        for (size_t i = 0; !qn_jfailed(r) && i < c->v[0].dict->n; i++) {
            qn_jval key = c->v[0].dict->pair[i].key;
            size_t n = 0;
            if (key.kind == J_STR && key.s->n_chars != 1)
                qn_jfail(r, QN_EARGUMENT, "string keys in translate table must be of length 1");
            else if (key.kind == J_STR)
                key = qn_jint(qn_jcode_at(qn_jbytes(r, key.s), 0, &n));
            else if (!qn_jis_int(key))
                qn_jfail(r, QN_EARGUMENT, "keys in translate table must be strings or integers");
            qn_jdict_set(r, d, key, c->v[0].dict->pair[i].value);
        }
        return J_VALUE(J_DICT, dict, d);
    }
    if (c->v[0].kind != J_STR)
        qn_jfail(r, QN_EARGUMENT,
                 "first maketrans argument must be a string if there is a second argument");
    qn_jstr *to = text(r, c->v[1], "maketrans() argument 2 must be str, not ");
    qn_jstr *gone = given(c->v[2]) ? text(r, c->v[2], "maketrans() argument 3 must be str, not ")
                                   : qn_jtext(r, "").s;
    if (!qn_jfailed(r) && c->v[0].s->n_chars != to->n_chars)
        qn_jfail(r, QN_EARGUMENT, "the first two maketrans arguments must have equal length");
    if (qn_jfailed(r))
        return self;
    qn_str a = qn_jbytes(r, c->v[0].s), b = qn_jbytes(r, to), g = qn_jbytes(r, gone);
    size_t n_a, n_b;
    for (size_t i = 0, k = 0; i < a.n_bytes && !qn_jfailed(r); i += n_a, k += n_b) {
        qn_jval from = qn_jint(qn_jcode_at(a, i, &n_a));
        qn_jdict_set(r, d, from, qn_jint(qn_jcode_at(b, k, &n_b)));
    }
    for (size_t i = 0; i < g.n_bytes && !qn_jfailed(r); i += n_a)
        qn_jdict_set(r, d, qn_jint(qn_jcode_at(g, i, &n_a)), qn_jnone());
    return J_VALUE(J_DICT, dict, d);
}

/* What the table has for a character: its code point, a text, or None; else it stays. */
static void translate(qn_jbuild *b, qn_jval v, qn_jstr *s, size_t at, size_t n)
{
    char text[4];
    size_t cursor = 0;
    unsigned origin = qn_jorigin(s, at, &cursor);
    if (v.kind == J_MISSING) {
        qn_jbuild_piece(b, s, at, at + n);
    } else if (v.kind == J_STR) {
        qn_str t = qn_jbytes(b->r, v.s);
        if (origin & J_TRUSTED)
            qn_jbuild_str(b, v.s);
        else
            qn_jbuild_add(b, t.n_bytes, t.bytes, 0);
    } else if (qn_jis_small(v) && qn_jas_int(v) >= 0 && qn_jas_int(v) <= 0x10FFFF) {
        qn_jbuild_add(b, qn_utf8_encode((uint32_t)qn_jas_int(v), text), text, origin);
    } else if (qn_jis_int(v)) {
        qn_jfail(b->r, QN_EARGUMENT, "character mapping must be in range(0x110000)");
    } else if (v.kind != J_NONE) {
        qn_jfail(b->r, QN_EARGUMENT, "character mapping must return integer, None or str");
    }
}

qn_jval qn_jm_translate(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    qn_str s = qn_jbytes(r, self.s);
    qn_jval table = c->v[0];
    qn_jbuild b = qn_jbuild_begin(r);
    size_t n;
    bool sequence = table.kind == J_LIST || table.kind == J_TUPLE || table.kind == J_STR;
    int64_t n_table = 0;
    if (sequence)
        qn_jlength(r, table, &n_table);
    for (size_t at = 0; at < s.n_bytes && qn_jspend(r, 1); at += n) {
        qn_jval code = qn_jint(qn_jcode_at(s, at, &n)), v = {0};
        qn_jval *found = table.kind == J_DICT ? qn_jdict_find(r, table.dict, code) : NULL;
        if (table.kind == J_UNDEFINED)
            qn_jrefuse_undefined(r, table);
        else if (!sequence && table.kind != J_DICT)
            qn_jfail(r, QN_EARGUMENT, "'%s' object is not subscriptable", qn_jtype_name(table));
        else if (found)
            v = *found;
        else if (code.i < n_table)
            v = qn_jitem(r, table, code);
        translate(&b, v, self.s, at, n);
    }
    qn_jstr *done = qn_jbuild_end(&b);
    done->markup = self.s->markup;
    return qn_jstr_value(done);
}

qn_jval qn_jm_bytes(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    (void)self, (void)c;
    qn_jfail(r, QN_EUNSUPPORTED, "bytes are not supported");
    return qn_jnone();
}

/* Lists */

qn_jval qn_jm_list_copy(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    (void)c;
    return qn_jlist_value(qn_jlist_range(r, self.list, 0, self.list->n));
}

qn_jval qn_jm_list_count(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    int64_t n = 0;
    for (size_t i = 0; i < self.list->n && !qn_jfailed(r); i++)
        n += qn_jequal(r, self.list->v[i], c->v[0]);
    return qn_jint(n);
}

qn_jval qn_jm_list_index(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    int64_t n = (int64_t)self.list->n, at[2] = {0, n};
    for (size_t i = 0; i < 2; i++) {
        if (given(c->v[1 + i]))
            place(r, c->v[1 + i], "slice indices must be integers or have an __index__ method",
                  &at[i]);
        at[i] = QN_MIN(QN_MAX(at[i] + (at[i] < 0 ? n : 0), (int64_t)0), n);
    }
    for (int64_t i = at[0]; i < at[1] && !qn_jfailed(r); i++)
        if (qn_jequal(r, self.list->v[i], c->v[0]))
            return qn_jint(i);
    if (self.kind == J_LIST)
        qn_jfail(r, QN_EARGUMENT, "%s is not in list", qn_jrepr_of(r, c->v[0]));
    return found(r, self, -1, true);
}

/* The place of v in the range; -1: not in it. */
static int64_t place_in(qn_jstate *r, qn_jval range, qn_jval v)
{
    qn_jiter *it = qn_jiterate(r, range);
    qn_jval item;
    for (int64_t i = 0; qn_jnext(r, it, &item); i++)
        if (qn_jequal(r, item, v))
            return i;
    return -1;
}

qn_jval qn_jm_range_count(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    return qn_jint(place_in(r, self, c->v[0]) >= 0);
}

qn_jval qn_jm_range_index(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    int64_t at = place_in(r, self, c->v[0]);
    if (at < 0 && qn_jis_int(c->v[0]))
        qn_jfail(r, QN_EARGUMENT, "%s is not in range", qn_jrepr_of(r, c->v[0]));
    else if (at < 0)
        qn_jfail(r, QN_EARGUMENT, "sequence.index(x): x not in sequence");
    return qn_jint(at);
}

/* Dictionaries */

qn_jval qn_jm_get(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    qn_jval *v = qn_jdict_find(r, self.dict, c->v[0]);
    return v ? *v : given(c->v[1]) ? c->v[1] : qn_jnone();
}

static qn_jval view(qn_jstate *r, qn_jval self, char what)
{
    qn_jview *v = qn_jtake_memory(r, 1, sizeof *v);
    if (!v)
        return qn_jnone();
    *v = (qn_jview){self.dict, what};
    return J_VALUE(J_VIEW, view, v);
}

qn_jval qn_jm_keys(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    (void)c;
    return view(r, self, 'k');
}

qn_jval qn_jm_values(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    (void)c;
    return view(r, self, 'v');
}

qn_jval qn_jm_items(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    (void)c;
    return view(r, self, 'i');
}

qn_jval qn_jm_dict_copy(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    qn_jdict *d = qn_jdict_new(r);
    (void)c;
    for (size_t i = 0; i < self.dict->n && !qn_jfailed(r); i++)
        qn_jdict_set(r, d, self.dict->pair[i].key, self.dict->pair[i].value);
    return J_VALUE(J_DICT, dict, d);
}

qn_jval qn_jm_fromkeys(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    qn_jdict *d = qn_jdict_new(r);
    qn_jval value = given(c->v[1]) ? c->v[1] : qn_jnone(), key;
    qn_jiter *it = qn_jiterate(r, c->v[0]);
    (void)self;
    while (qn_jnext(r, it, &key))
        qn_jdict_set(r, d, key, value);
    return J_VALUE(J_DICT, dict, d);
}

/* Of keys() or items(): whether no item of the other one is in it. */
qn_jval qn_jm_isdisjoint(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    qn_jiter *it = qn_jiterate(r, c->v[0]);
    qn_jval item;
    while (qn_jnext(r, it, &item))
        if (qn_jcontains(r, self, item))
            return qn_jbool(false);
    return qn_jbool(true);
}

/* Numbers */

qn_jval qn_jm_bit_length(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    (void)r, (void)c;
    return qn_jint(qn_jint_bit_length(self));
}

qn_jval qn_jm_bit_count(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    (void)r, (void)c;
    return qn_jint(qn_jint_bit_count(self));
}

qn_jval qn_jm_conjugate(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    (void)r, (void)c;
    return self.kind == J_BOOL ? qn_jint(self.b) : self;
}

qn_jval qn_jm_integer_ratio(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    (void)c;
    return qn_jtuple2(r, self.kind == J_BOOL ? qn_jint(self.b) : self, qn_jint(1));
}

/* The fraction in lowest terms: what is behind the point is a power of two. */
qn_jval qn_jm_double_ratio(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    int exponent;
    double f = frexp(self.f, &exponent);
    (void)c;
    if (!isfinite(self.f)) {
        qn_jfail(r, QN_EARGUMENT, "cannot convert %s to integer ratio",
                 isnan(self.f) ? "NaN" : "Infinity");
        return self;
    }
    for (int i = 0; i < 300 && f != floor(f); i++) {
        f *= 2;
        exponent--;
    }
    qn_jval power = qn_jbinary(r, J_POW, qn_jint(2), qn_jint(exponent < 0 ? -exponent : exponent));
    qn_jval whole = qn_jint_of_double(r, f);
    if (exponent > 0)
        return qn_jtuple2(r, qn_jbinary(r, J_MUL, whole, power), qn_jint(1));
    return qn_jtuple2(r, whole, power);
}

qn_jval qn_jm_hex(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    char text[64], digits[16] = "";
    double f = fabs(self.f);
    int exponent = 0;
    (void)c;
    if (!isfinite(f))
        return qn_jstr_value(qn_jstr_of(r, self));
    bool tiny = f < 0x1p-1022;
    double part = f == 0 ? 0 : tiny ? ldexp(f, 1022) : ldexp(frexp(f, &exponent), 1);
    exponent = f == 0 ? 0 : tiny ? -1022 : exponent - 1;
    snprintf(digits, sizeof digits, "%013" PRIx64, (uint64_t)ldexp(part - floor(part), 52));
    snprintf(text, sizeof text, "%s0x%d.%sp%+d", signbit(self.f) ? "-" : "", (int)floor(part),
             f == 0 ? "0" : digits, exponent);
    return qn_jstr_value(qn_jstr_copy(r, strlen(text), text, J_TRUSTED));
}

qn_jval qn_jm_is_integer(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    (void)r, (void)c;
    return qn_jbool(isfinite(self.f) && floor(self.f) == self.f);
}
