/* text/jinja_filters.c - filters on one value: text, numbers, JSON. Source: jinja2/filters.py, and
 * transformers' chat_template_utils for tojson. */
#include "text/jinja_int.h"
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
    return qn_jm_strip(r, qn_jstr_value(qn_jsoft(r, v)), c);
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
    int64_t n_most = c->v[2].kind == J_NONE ? -1 : qn_jinteger(r, c->v[2], -1);
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

/* assert a >= b, with its sentence. */
static void expect_at_least(qn_jstate *r, const char *what, qn_jval a, qn_jval b)
{
    if (qn_jfailed(r) || qn_jcompare_op(r, J_GE, a, b) || qn_jfailed(r))
        return;
    qn_jfail(r, QN_EARGUMENT, "expected %s >= %s, got %s", what, qn_jterminated(r, b),
             qn_jterminated(r, a));
}

qn_jval qn_jf_truncate(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    qn_jval most = given(c->v[0]) ? c->v[0] : qn_jint(255);
    qn_jval end = given(c->v[2]) ? c->v[2] : qn_jtext(r, "...");
    qn_jval leeway = given(c->v[3]) && c->v[3].kind != J_NONE ? c->v[3] : qn_jint(5);
    qn_jval n_end = length_of(r, end);
    expect_at_least(r, "length", most, n_end);
    expect_at_least(r, "leeway", leeway, qn_jint(0));
    qn_jval n = qn_jfailed(r) ? n_end : length_of(r, v);
    if (qn_jfailed(r) || qn_jcompare_op(r, J_LE, n, qn_jadd(r, most, leeway)))
        return v;
    qn_jval cut = qn_jsliced(r, v, qn_jnone(), qn_jbinary(r, J_SUB, most, n_end), qn_jnone());
    if (qn_jfailed(r))
        return v;
    if (!flag(r, c->v[1]) && cut.kind != J_STR) {
        qn_jfail(r, QN_EARGUMENT, "'%s' object has no attribute 'rsplit'", qn_jtype_name(cut));
    } else if (!flag(r, c->v[1])) {
        qn_jlist *words = qn_jsplit(r, cut.s, qn_jtext(r, " ").s, 1, true);
        cut = words->n ? words->v[0] : cut;
    }
    return qn_jfailed(r) ? v : qn_jadd(r, cut, end);
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
    if (v.kind == J_UNDEFINED || !qn_jis_int(v)) {
        qn_jfail(r, QN_EARGUMENT, "bad operand type for abs(): '%s'", qn_jtype_name(v));
        return v;
    }
    return qn_jint_negative(v) ? qn_jint_negate(r, v) : v.kind == J_BOOL ? qn_jint(v.b) : v;
}

/* float(v): false where Python raises an error that the filters catch. */
static bool to_double(qn_jstate *r, qn_jval v, double *f)
{
    if (v.kind == J_UNDEFINED)
        qn_jrefuse_undefined(r, v);
    if (v.kind == J_STR)
        return qn_jparse_double(r, v.s, f);
    *f = qn_jis_number(v) ? qn_jas_double(r, v) : 0;
    return qn_jis_number(v);
}

qn_jval qn_jf_float(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    double f;
    if (to_double(r, v, &f))
        return qn_jdouble(f);
    return given(c->v[0]) ? c->v[0] : qn_jdouble(0);
}

qn_jval qn_jf_int(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    qn_jval absent = given(c->v[0]) ? c->v[0] : qn_jint(0), i;
    qn_jval base = given(c->v[1]) ? c->v[1] : qn_jint(10);
    double f;
    if (qn_jis_int(v))
        return v.kind == J_BOOL ? qn_jint(v.b) : v;
    if (v.kind == J_STR && qn_jis_small(base) && qn_jparse_int(r, v.s, qn_jas_int(base), &i))
        return i;
    if (qn_jfailed(r) || !to_double(r, v, &f) || isnan(f) || (v.kind == J_STR && isinf(f)))
        return absent;
    if (isinf(f))
        qn_jfail(r, QN_EARGUMENT, "cannot convert float infinity to integer");
    return qn_jfailed(r) ? absent : qn_jint_of_double(r, f);
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

static qn_jval ten_to(qn_jstate *r, int64_t n)
{
    return qn_jint_binary(r, J_POW, qn_jint(10), qn_jint(n));
}

/* To a multiple of 10 to the -digits, half to even. */
static qn_jval round_int(qn_jstate *r, qn_jval v, int64_t digits)
{
    if (digits >= 0)
        return v.kind == J_BOOL ? qn_jint(v.b) : v;
    if (digits < -(qn_jint_bit_length(v) / 3 + 2))
        return qn_jint(0);
    qn_jval unit = ten_to(r, -digits), rest = qn_jint_binary(r, J_MOD, v, unit);
    qn_jval whole = qn_jint_binary(r, J_SUB, v, rest), twice = qn_jint_binary(r, J_ADD, rest, rest);
    qn_jval next = qn_jint_binary(r, J_ADD, whole, unit);
    qn_jval pair = qn_jint_binary(r, J_MUL, unit, qn_jint(2));
    bool odd = qn_jtruth(r, qn_jint_binary(r, J_MOD, whole, pair));
    int c = qn_jint_compare(twice, unit);
    return c > 0 || (c == 0 && odd) ? next : whole;
}

/* math.ceil or math.floor of value * 10 ** precision, divided by that again. */
static qn_jval round_way(qn_jstate *r, qn_jval v, qn_jval precision, bool up)
{
    qn_jval unit = qn_jbinary(r, J_POW, qn_jint(10), precision);
    qn_jval scaled = qn_jfailed(r) ? v : qn_jbinary(r, J_MUL, v, unit);
    if (!qn_jfailed(r) && !qn_jis_number(scaled))
        qn_jfail(r, QN_EARGUMENT, "must be real number, not %s", qn_jtype_name(scaled));
    if (qn_jfailed(r))
        return v;
    if (scaled.kind == J_DOUBLE && (isnan(scaled.f) || isinf(scaled.f)))
        qn_jfail(r, QN_EARGUMENT, "cannot convert float %s to integer",
                 isnan(scaled.f) ? "NaN" : "infinity");
    else if (scaled.kind == J_DOUBLE)
        scaled = qn_jint_of_double(r, up ? ceil(scaled.f) : floor(scaled.f));
    return qn_jfailed(r) ? v : qn_jbinary(r, J_DIV, scaled, unit);
}

qn_jval qn_jf_round(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    qn_jval precision = given(c->v[0]) ? c->v[0] : qn_jint(0);
    bool up = qn_jstr_is(r, c->v[1], "ceil"), down = qn_jstr_is(r, c->v[1], "floor");
    if (c->v[1].kind == J_LIST || c->v[1].kind == J_DICT || c->v[1].kind == J_UNDEFINED)
        qn_jhash(r, c->v[1]); /* looked up in a set */
    if (!qn_jfailed(r) && given(c->v[1]) && !up && !down && !qn_jstr_is(r, c->v[1], "common"))
        qn_jfail(r, QN_EARGUMENT, "method must be common, ceil or floor");
    if (up || down)
        return round_way(r, v, precision, up);
    if (!qn_jfailed(r) && !qn_jis_number(v))
        qn_jfail(r, QN_EARGUMENT, "type %s doesn't define __round__ method", qn_jtype_name(v));
    if (qn_jfailed(r) || (precision.kind == J_NONE && v.kind != J_DOUBLE))
        return v.kind == J_BOOL ? qn_jint(v.b) : v;
    if (precision.kind == J_NONE && isfinite(v.f))
        return qn_jint_of_double(r, rint(v.f));
    if (precision.kind == J_NONE)
        qn_jfail(r, QN_EARGUMENT, "cannot convert float %s to integer",
                 isnan(v.f) ? "NaN" : "infinity");
    int64_t digits = precision.kind != J_BIG       ? qn_jinteger(r, precision, 0)
                     : qn_jint_negative(precision) ? INT32_MIN
                                                   : INT32_MAX;
    return v.kind == J_DOUBLE ? qn_jdouble(round_double(v.f, digits)) : round_int(r, v, digits);
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
    qn_jval name = c->v[0];
    qn_jhash(r, name);
    if (!qn_jfailed(r) && name.kind != J_STR)
        qn_jfail(r, QN_EARGUMENT, "attribute name must be string, not '%s'", qn_jtype_name(name));
    return qn_jfailed(r) ? v : qn_jonly_attribute(r, v, qn_jbytes(r, name.s));
}

/* JSON */

/* A separator of another type fails where Python's encoder looks at it: not for a text alone. */
static qn_jstr *separator(qn_jstate *r, qn_jval v, int argument, bool plain)
{
    if (v.kind == J_STR)
        return v.s;
    if (!plain)
        qn_jfail(r, QN_EARGUMENT, "make_encoder() argument %d must be str, not %s", argument,
                 qn_jtype_name(v));
    return qn_jtext(r, "").s;
}

/* item_separator, key_separator = separators */
static void read_separators(qn_jstate *r, qn_jval v, bool plain, qn_jdumps *how)
{
    if (!given(v) || v.kind == J_NONE)
        return;
    qn_jlist *pair = qn_junpack(r, v, 2);
    if (!pair)
        return;
    how->key_separator = separator(r, pair->v[1], 5, plain);
    how->item_separator = separator(r, pair->v[0], 6, plain);
}

qn_jval qn_jf_tojson(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    bool plain = v.kind == J_STR, indents = given(c->v[1]) && c->v[1].kind != J_NONE;
    qn_jdumps how = {.ensure_ascii = flag(r, c->v[0]),
                     .sort_keys = flag(r, c->v[3]),
                     .indent = indents && !plain ? qn_jindention(r, c->v[1]) : NULL,
                     .item_separator = qn_jtext(r, indents ? "," : ", ").s,
                     .key_separator = qn_jtext(r, ": ").s};
    qn_jbuild b = qn_jbuild_begin(r);
    read_separators(r, c->v[2], plain, &how);
    if (!qn_jfailed(r))
        qn_jdump(&b, v, &how);
    return qn_jstr_value(qn_jbuild_end(&b));
}
