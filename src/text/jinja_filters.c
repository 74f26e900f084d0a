/* text/jinja_filters.c - filters on one value: text, numbers, JSON. Source: jinja2/filters.py, and
 * transformers' chat_template_utils for tojson. */
#include "text/jinja_node.h"
#include "text/jinja_tables.h"

#include "base/decimal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool given(qn_jval v)
{
    return v.kind != J_MISSING;
}

static bool flag(qn_jstate *r, qn_jval v)
{
    return qn_jtruth(r, v);
}

/* An integer argument, or the one it stands for when it is not given. */
static int64_t integer(qn_jstate *r, qn_jval v, int64_t absent)
{
    if (!given(v))
        return absent;
    if (!qn_jis_true_int(v))
        qn_jfail(r, QN_EARGUMENT, "an integer is wanted, not a %s", qn_jtype_name(v));
    return qn_jis_true_int(v) ? qn_jas_int(v) : absent;
}

/* Text */

static qn_jval cased(qn_jstate *r, qn_jval v, qn_jcase_of how)
{
    return qn_jstr_value(qn_jcase_text(r, qn_jsoft(r, v), how));
}

qn_jval qn_jf_upper(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    (void)c;
    return cased(r, v, J_UPPER);
}

qn_jval qn_jf_lower(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    (void)c;
    return cased(r, v, J_LOWER);
}

qn_jval qn_jf_capitalize(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    (void)c;
    return cased(r, v, J_CAPITALIZE);
}

static bool begins_word(uint32_t code)
{
    return qn_jis_space(code) || (code < 128 && code && strchr("-({[<", (int)code));
}

/* Words begin after white space and -({[<, unlike in str.title. */
qn_jval qn_jf_title(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    qn_jstr *s = qn_jsoft(r, v);
    qn_str all = qn_jbytes(r, s);
    qn_jstr *title = qn_jtext(r, "").s;
    size_t begin = 0, n;
    (void)c;
    for (size_t at = 0; at < all.n_bytes && !qn_jfailed(r); at += n) {
        uint32_t code = qn_jcode_at(all, at, &n);
        if (!begins_word(code) && at + n < all.n_bytes)
            continue;
        qn_jstr *word = qn_jslice_bytes(r, s, begin, at + n);
        qn_jstr *head = qn_jslice_bytes(r, word, 0, qn_jchar_at(r, word, 1));
        qn_jstr *tail = qn_jslice_bytes(r, word, head->n_bytes, word->n_bytes);
        title = qn_jconcat(r, title, qn_jcase_text(r, head, J_UPPER));
        title = qn_jconcat(r, title, qn_jcase_text(r, tail, J_LOWER));
        begin = at + n;
    }
    return qn_jstr_value(title);
}

qn_jval qn_jf_trim(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    qn_jval chars = c->v[0];
    if (given(chars) && chars.kind != J_NONE && chars.kind != J_STR)
        qn_jfail(r, QN_EARGUMENT, "trim wants a str, not a %s", qn_jtype_name(chars));
    qn_jstr *set = chars.kind == J_STR ? chars.s : NULL;
    return qn_jstr_value(qn_jstrip(r, qn_jsoft(r, v), set, J_LEFT | J_RIGHT));
}

qn_jval qn_jf_string(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    (void)c;
    return qn_jstr_value(qn_jsoft(r, v));
}

qn_jval qn_jf_center(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    qn_jcall centered = {.v = {given(c->v[0]) ? c->v[0] : qn_jint(80)}};
    return qn_jm_center(r, qn_jstr_value(qn_jsoft(r, v)), &centered);
}

qn_jval qn_jf_replace(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    int64_t n_most = c->v[2].kind == J_NONE ? -1 : integer(r, c->v[2], -1);
    qn_jstr *s = qn_jstr_of(r, v), *old = qn_jstr_of(r, c->v[0]), *new = qn_jstr_of(r, c->v[1]);
    return qn_jstr_value(qn_jreplace(r, s, old, new, n_most));
}

qn_jval qn_jf_format(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    qn_jlist *list = qn_jlist_new(r, c->n_positional);
    qn_jdict *d = qn_jdict_new(r);
    if (c->n_positional && c->n_keyword)
        qn_jfail(r, QN_EARGUMENT, "can't handle positional and keyword arguments at the same time");
    for (size_t i = 0; i < c->n_positional && !qn_jfailed(r); i++)
        qn_jlist_push(r, list, c->positional[i]);
    for (size_t i = 0; i < c->n_keyword && !qn_jfailed(r); i++) {
        qn_str name = c->keyword[i].name;
        qn_jstr *key = qn_jstr_new(r, name.n_bytes, name.bytes, J_TRUSTED);
        qn_jdict_set(r, d, qn_jstr_value(key), c->keyword[i].value);
    }
    qn_jval args = c->n_keyword ? J_VALUE(J_DICT, dict, d) : J_VALUE(J_TUPLE, list, list);
    return qn_jfailed(r) ? v : qn_jpercent(r, qn_jsoft(r, v), args);
}

static qn_jstr *indention(qn_jstate *r, qn_jval width)
{
    if (width.kind == J_STR)
        return width.s;
    qn_jbuild b = qn_jbuild_begin(r);
    qn_jbuild_repeat(&b, integer(r, width, 4), ' ');
    return qn_jbuild_end(&b);
}

qn_jval qn_jf_indent(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    bool first = flag(r, c->v[1]), blank = flag(r, c->v[2]);
    qn_jstr *indent = indention(r, c->v[0]);
    if (v.kind != J_STR)
        return qn_jadd(r, v, qn_jtext(r, "\n")); /* fails as Python does */
    bool markup = v.s->markup;
    qn_jlist *lines = qn_jsplit_lines(r, qn_jconcat(r, v.s, qn_jtext(r, "\n").s), false);
    qn_jbuild b = qn_jbuild_begin(r);
    for (size_t i = 0; i < lines->n && !qn_jfailed(r); i++) {
        qn_jstr *line = lines->v[i].s;
        if (i)
            qn_jbuild_text(&b, "\n");
        if (i == 0 ? first : blank || line->n_bytes)
            qn_jbuild_str(&b, indent);
        qn_jbuild_str(&b, line);
    }
    qn_jstr *s = qn_jbuild_end(&b);
    s->markup = markup;
    return qn_jstr_value(s);
}

static qn_jval length_of(qn_jstate *r, qn_jval v)
{
    int64_t n = 0;
    if (!qn_jlength(r, v, &n))
        qn_jfail(r, QN_EARGUMENT, "object of type '%s' has no len()", qn_jtype_name(v));
    return qn_jint(n);
}

qn_jval qn_jf_length(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    (void)c;
    return length_of(r, v);
}

qn_jval qn_jf_truncate(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    int64_t most = integer(r, c->v[0], 255);
    int64_t leeway = c->v[3].kind == J_NONE ? 5 : integer(r, c->v[3], 5);
    qn_jstr *end = c->v[2].kind == J_STR ? c->v[2].s : qn_jtext(r, "...").s;
    int64_t n = length_of(r, v).i, n_end = (int64_t)end->n_chars;
    if (most < n_end || leeway < 0)
        qn_jfail(r, QN_EARGUMENT,
                 "truncate: the length is below that of its end, or leeway is negative");
    if (qn_jfailed(r) || n <= most || n - most <= leeway)
        return v;
    qn_jval cut = qn_jsliced(r, v, qn_jnone(), qn_jint(most - n_end), qn_jnone());
    if (cut.kind == J_STR && !flag(r, c->v[1])) {
        qn_jlist *words = qn_jsplit(r, cut.s, qn_jtext(r, " ").s, 1, true);
        cut = words->n ? words->v[0] : cut;
    }
    return qn_jadd(r, cut, qn_jstr_value(end));
}

static bool in_word(uint32_t code)
{
    return code == '_' || qn_jis_alpha(code) || qn_jis_numeric(code);
}

qn_jval qn_jf_wordcount(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    qn_str all = qn_jbytes(r, qn_jsoft(r, v));
    int64_t count = 0;
    bool inside = false;
    size_t n;
    (void)c;
    for (size_t at = 0; at < all.n_bytes; at += n) {
        bool word = in_word(qn_jcode_at(all, at, &n));
        count += word && !inside;
        inside = word;
    }
    qn_jspend(r, all.n_bytes / 16);
    return qn_jint(count);
}

/* Numbers */

qn_jval qn_jf_abs(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    (void)c;
    if (v.kind == J_DOUBLE)
        return qn_jdouble(fabs(v.f));
    if (!qn_jis_true_int(v)) {
        qn_jfail(r, QN_EARGUMENT, "bad operand type for abs(): '%s'", qn_jtype_name(v));
        return v;
    }
    int64_t i = qn_jas_int(v);
    return i < 0 ? qn_jbinary(r, J_SUB, qn_jint(0), qn_jint(i)) : qn_jint(i);
}

/* float(v): false where Python raises an error that the filters catch. */
static bool to_double(qn_jstate *r, qn_jval v, double *f)
{
    if (v.kind == J_UNDEFINED)
        qn_jrefuse_undefined(r, v);
    if (v.kind == J_STR)
        return qn_jparse_double(r, v.s, f);
    *f = qn_jis_number(v) ? qn_jas_double(v) : 0;
    return qn_jis_number(v);
}

qn_jval qn_jf_float(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    double f;
    if (to_double(r, v, &f))
        return qn_jdouble(f);
    return given(c->v[0]) ? c->v[0] : qn_jdouble(0);
}

static qn_jval int_of_double(qn_jstate *r, double f, qn_jval absent)
{
    if (isnan(f))
        return absent;
    if (isinf(f) || fabs(f) >= 9223372036854775808.0)
        qn_jfail(r, QN_ELIMIT, "a number that no 64-bit integer holds");
    return qn_jint(qn_jfailed(r) ? 0 : (int64_t)f);
}

qn_jval qn_jf_int(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    qn_jval absent = given(c->v[0]) ? c->v[0] : qn_jint(0);
    int64_t i;
    double f;
    if (qn_jis_true_int(v))
        return qn_jint(qn_jas_int(v));
    if (v.kind == J_STR && qn_jparse_int(r, v.s, integer(r, c->v[1], 10), &i))
        return qn_jint(i);
    return !qn_jfailed(r) && to_double(r, v, &f) ? int_of_double(r, f, absent) : absent;
}

/* The exact decimal digits of f, which is finite, cut at 10 to the `at` and rounded there: ties to
 * even. */
static double round_tens(double f, size_t at)
{
    char text[1600], *point;
    snprintf(text, sizeof text, "%.*f", 1100, fabs(f)); /* exact: no double has more places */
    size_t n = strspn(text, "0123456789"), n_keep = n > at ? n - at : 0;
    if (n < at)
        return copysign(0, f);
    point = text + n;
    *point = '0'; /* in place of the point: digits throughout */
    int first = text[n_keep] - '0';
    bool more = strspn(text + n_keep + 1, "0") != strlen(text + n_keep + 1);
    bool odd = n_keep && ((text[n_keep - 1] - '0') & 1);
    bool up = first > 5 || (first == 5 && (more || odd));
    for (size_t i = n_keep; up && i > 0; i--) {
        up = text[i - 1] == '9';
        text[i - 1] = (char)(up ? '0' : text[i - 1] + 1);
    }
    char number[1700];
    double rounded = 0;
    int n_number = snprintf(number, sizeof number, "%s%.*s%se%zu", up ? "1" : "", (int)n_keep, text,
                            n_keep || up ? "" : "0", at);
    qn_decimal_to_f64((size_t)n_number, number, &rounded);
    return copysign(rounded, f);
}

/* Python's round(f, digits): to the nearest decimal, ties of the exact value to even. */
static double round_double(double f, int64_t digits)
{
    char text[800];
    double rounded = f;
    if (isnan(f) || isinf(f) || digits > 323)
        return f;
    if (digits < 0)
        return digits < -308 ? copysign(0, f) : round_tens(f, (size_t)-digits);
    int n = snprintf(text, sizeof text, "%.*f", (int)digits, f);
    for (int i = 0; i < n; i++)
        if ((text[i] < '0' || text[i] > '9') && text[i] != '-')
            text[i] = '.'; /* whatever the locale's point is */
    qn_decimal_to_f64((size_t)n, text, &rounded);
    return rounded;
}

static qn_jval round_int(qn_jstate *r, int64_t i, int64_t digits)
{
    int64_t unit = 1;
    if (digits >= 0)
        return qn_jint(i);
    if (digits < -18)
        return qn_jint(0);
    for (; digits < 0; digits++)
        unit *= 10;
    int64_t rest = i % unit, whole = i - rest, half = rest < 0 ? -rest : rest;
    bool odd = (whole / unit) & 1;
    if (half > unit / 2 || (half == unit / 2 && odd))
        return qn_jbinary(r, J_ADD, qn_jint(whole), qn_jint(rest < 0 ? -unit : unit));
    return qn_jint(whole);
}

qn_jval qn_jf_round(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    int64_t digits = integer(r, c->v[0], 0);
    bool ceils = qn_jstr_is(r, c->v[1], "ceil"), floors = qn_jstr_is(r, c->v[1], "floor");
    if (given(c->v[1]) && !ceils && !floors && !qn_jstr_is(r, c->v[1], "common"))
        qn_jfail(r, QN_EARGUMENT, "method must be common, ceil or floor");
    if (!qn_jis_number(v))
        qn_jfail(r, QN_EARGUMENT, "type %s doesn't define __round__ method", qn_jtype_name(v));
    if (qn_jfailed(r))
        return v;
    if (!ceils && !floors)
        return v.kind == J_DOUBLE ? qn_jdouble(round_double(v.f, digits))
                                  : round_int(r, qn_jas_int(v), digits);
    double unit = pow(10, (double)digits), f = qn_jas_double(v) * unit;
    if (isnan(f) || isinf(f))
        qn_jfail(r, QN_EARGUMENT, "round: that has no whole part");
    return qn_jdouble(((ceils ? ceil(f) : floor(f)) + 0.0) / unit); /* Python's int has no -0 */
}

/* Anything */

qn_jval qn_jf_default(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    bool absent = v.kind == J_UNDEFINED || (flag(r, c->v[1]) && !qn_jtruth(r, v));
    if (!absent)
        return v;
    return given(c->v[0]) ? c->v[0] : qn_jtext(r, "");
}

qn_jval qn_jf_attr(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    return qn_jonly_attribute(r, v, qn_jbytes(r, qn_jstr_of(r, c->v[0])));
}

/* JSON */

static bool read_separators(qn_jstate *r, qn_jval v, qn_jdumps *how)
{
    if (!given(v) || v.kind == J_NONE)
        return true;
    bool pair = (v.kind == J_TUPLE || v.kind == J_LIST) && v.list->n == 2 &&
                v.list->v[0].kind == J_STR && v.list->v[1].kind == J_STR;
    if (!pair) {
        qn_jfail(r, QN_EARGUMENT, "tojson: separators must be two strings");
        return false;
    }
    how->item_separator = v.list->v[0].s;
    how->key_separator = v.list->v[1].s;
    return true;
}

qn_jval qn_jf_tojson(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    bool indents = given(c->v[1]) && c->v[1].kind != J_NONE;
    qn_jdumps how = {.ensure_ascii = flag(r, c->v[0]),
                     .sort_keys = flag(r, c->v[3]),
                     .indent = indents ? indention(r, c->v[1]) : NULL,
                     .item_separator = qn_jtext(r, indents ? "," : ", ").s,
                     .key_separator = qn_jtext(r, ": ").s};
    qn_jbuild b = qn_jbuild_begin(r);
    if (read_separators(r, c->v[2], &how) && !qn_jfailed(r))
        qn_jdump(&b, v, &how);
    return qn_jstr_value(qn_jbuild_end(&b));
}
