/* text/jinja_methods.c - methods of strings, lists, dicts and numbers, as Python has them. */
#include "text/jinja_tables.h"

#include <math.h>
#include <string.h>

static bool given(qn_jval v)
{
    return v.kind != J_MISSING;
}

static int64_t integer(qn_jstate *r, qn_jval v, int64_t absent)
{
    if (!given(v))
        return absent;
    if (!qn_jis_true_int(v))
        qn_jfail(r, QN_EARGUMENT, "an integer is wanted, not a %s", qn_jtype_name(v));
    return qn_jis_true_int(v) ? qn_jas_int(v) : absent;
}

static qn_jstr *text(qn_jstate *r, qn_jval v)
{
    if (v.kind == J_STR)
        return v.s;
    qn_jfail(r, QN_EARGUMENT, "a str is wanted, not a %s", qn_jtype_name(v));
    return qn_jtext(r, "").s;
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
    return qn_jstr_value(qn_jstrip(r, self.s, all ? NULL : text(r, c->v[0]), sides));
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
    return QN_MAX(integer(r, c->v[0], 0), n) - n;
}

static qn_jval pad(qn_jstate *r, qn_jval self, qn_jcall *c, int64_t left, int64_t right)
{
    qn_jstr *fill = given(c->v[1]) ? text(r, c->v[1]) : qn_jtext(r, " ").s;
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
    int64_t n = missing(r, self, c), width = integer(r, c->v[0], 0);
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
    int64_t width = integer(r, c->v[0], 8), column = 0;
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

/* The bytes that the arguments start and end (1 and 2) leave; false: nothing can be found there. */
static bool window(qn_jstate *r, qn_jval self, qn_jcall *c, size_t *begin, size_t *end)
{
    int64_t n = (int64_t)self.s->n_chars, at[2] = {0, n};
    for (size_t i = 0; i < 2; i++) {
        qn_jval v = c->v[1 + i];
        at[i] = v.kind == J_NONE ? at[i] : integer(r, v, at[i]);
        at[i] += at[i] < 0 ? n : 0;
        at[i] = QN_MAX(at[i], (int64_t)0);
    }
    at[1] = QN_MIN(at[1], n);
    *begin = qn_jchar_at(r, self.s, (size_t)QN_MIN(at[0], n));
    *end = qn_jchar_at(r, self.s, (size_t)at[1]);
    return at[0] <= at[1];
}

static int64_t find(qn_jstate *r, qn_jval self, qn_jcall *c, bool last)
{
    size_t begin, end;
    qn_jstr *part = text(r, c->v[0]);
    if (!window(r, self, c, &begin, &end))
        return -1;
    int64_t at = qn_jfind(r, self.s, part, begin, end, last);
    return at < 0 ? -1 : (int64_t)qn_jcount_chars((size_t)at, qn_jbytes(r, self.s).bytes);
}

static qn_jval found(qn_jstate *r, qn_jval self, int64_t at, bool must)
{
    if (at < 0 && must)
        qn_jfail(r, QN_EARGUMENT, "%s",
                 self.kind == J_STR ? "substring not found" : "what index looks for is not in it");
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
    qn_jstr *part = text(r, c->v[0]);
    size_t begin, end;
    int64_t n = 0;
    if (!window(r, self, c, &begin, &end))
        return qn_jint(0);
    qn_str s = qn_jbytes(r, self.s);
    if (part->n_bytes == 0)
        return qn_jint((int64_t)qn_jcount_chars(end - begin, s.bytes + begin) + 1);
    for (int64_t at; (at = qn_jfind(r, self.s, part, begin, end, false)) >= 0; n++)
        begin = (size_t)at + part->n_bytes;
    return qn_jint(n);
}

static bool touches(qn_jstate *r, qn_jval self, qn_jval part, size_t begin, size_t end, bool at_end)
{
    qn_str s = qn_jbytes(r, self.s), p = qn_jbytes(r, text(r, part));
    if (p.n_bytes > end - begin)
        return false;
    qn_jspend(r, p.n_bytes / 64);
    return memcmp(s.bytes + (at_end ? end - p.n_bytes : begin), p.bytes, p.n_bytes) == 0;
}

static qn_jval starts_or_ends(qn_jstate *r, qn_jval self, qn_jcall *c, bool at_end)
{
    size_t begin, end;
    bool any = false;
    if (!window(r, self, c, &begin, &end))
        return qn_jbool(false);
    if (c->v[0].kind != J_TUPLE)
        return qn_jbool(touches(r, self, c->v[0], begin, end, at_end));
    const qn_jlist *list = c->v[0].list;
    for (size_t i = 0; i < list->n && !any && !qn_jfailed(r); i++)
        any = touches(r, self, list->v[i], begin, end, at_end);
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
    size_t n = self.s->n_bytes, n_part = text(r, part)->n_bytes;
    if (qn_jfailed(r) || !touches(r, self, part, 0, n, at_end))
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
    qn_jstr *separator = space ? NULL : text(r, c->v[0]);
    return qn_jlist_value(qn_jsplit(r, self.s, separator, integer(r, c->v[1], -1), from_right));
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
    return qn_jlist_value(qn_jsplit_lines(r, self.s, qn_jtruth(r, c->v[0])));
}

static qn_jval partition(qn_jstate *r, qn_jval self, qn_jcall *c, bool last)
{
    qn_jstr *s = self.s, *separator = text(r, c->v[0]);
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
    qn_jstr *old = text(r, c->v[0]), *new = text(r, c->v[1]);
    if (self.s->markup)
        old = old->markup ? old : qn_jescape(r, old), new = new->markup ? new : qn_jescape(r, new);
    return qn_jstr_value(qn_jreplace(r, self.s, old, new, integer(r, c->v[2], -1)));
}

qn_jval qn_jm_join(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    qn_jbuild b = qn_jbuild_begin(r);
    qn_jiter *it = qn_jiterate(r, c->v[0]);
    qn_jval item;
    for (bool first = true; qn_jnext(r, it, &item); first = false) {
        qn_jstr *s = text(r, item);
        if (!first)
            qn_jbuild_str(&b, self.s);
        qn_jbuild_str(&b, self.s->markup && !s->markup ? qn_jescape(r, s) : s);
    }
    qn_jstr *joined = qn_jbuild_end(&b);
    joined->markup = self.s->markup;
    return qn_jstr_value(joined);
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
    int64_t n = (int64_t)self.list->n, at[2] = {integer(r, c->v[1], 0), integer(r, c->v[2], n)};
    for (size_t i = 0; i < 2; i++)
        at[i] = QN_MIN(QN_MAX(at[i] + (at[i] < 0 ? n : 0), (int64_t)0), n);
    for (int64_t i = at[0]; i < at[1] && !qn_jfailed(r); i++)
        if (qn_jequal(r, self.list->v[i], c->v[0]))
            return qn_jint(i);
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
    return found(r, self, place_in(r, self, c->v[0]), true);
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

/* Numbers */

static uint64_t magnitude(qn_jval v)
{
    int64_t i = qn_jas_int(v);
    return i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
}

qn_jval qn_jm_bit_length(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    uint64_t m = magnitude(self);
    (void)r, (void)c;
    return qn_jint(m ? 64 - __builtin_clzll(m) : 0);
}

qn_jval qn_jm_bit_count(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    (void)r, (void)c;
    return qn_jint(__builtin_popcountll(magnitude(self)));
}

qn_jval qn_jm_conjugate(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    (void)r, (void)c;
    return self.kind == J_BOOL ? qn_jint(self.b) : self;
}

qn_jval qn_jm_integer_ratio(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    (void)c;
    return qn_jtuple2(r, qn_jint(qn_jas_int(self)), qn_jint(1));
}

qn_jval qn_jm_is_integer(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    (void)r, (void)c;
    return qn_jbool(isfinite(self.f) && floor(self.f) == self.f);
}
