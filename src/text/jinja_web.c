/* text/jinja_web.c - the filters that Jinja2 has for web pages and that a prompt hardly wants.
 * Source: jinja2/filters.py, markupsafe, urllib.parse.quote. */
#include "text/jinja_int.h"
#include "text/jinja_node.h"
#include "text/jinja_tables.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

qn_jval qn_jf_safe(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    qn_jstr *s = qn_jsoft(r, v);
    (void)c;
    return qn_jstr_value(qn_jmark_markup(r, s));
}

qn_jval qn_jf_forceescape(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    (void)c;
    return qn_jstr_value(qn_jmark_markup(r, qn_jescape(r, qn_jstr_of(r, v))));
}

qn_jval qn_jf_escape(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    return v.kind == J_STR && v.s->markup ? v : qn_jf_forceescape(r, v, c);
}

/* float(v), with its complaints. */
static double float_of(qn_jstate *r, qn_jval v)
{
    double f = 0;
    if (v.kind == J_UNDEFINED)
        qn_jrefuse_undefined(r, v);
    else if (v.kind == J_STR && !qn_jparse_double(r, v.s, &f))
        qn_jfail(r, QN_EARGUMENT, "could not convert string to float: %s", qn_jrepr_of(r, v));
    else if (v.kind != J_STR && !qn_jis_number(v))
        qn_jfail(r, QN_EARGUMENT, "float() argument must be a string or a real number, not '%s'",
                 qn_jtype_name(v));
    return v.kind == J_STR ? f : qn_jis_number(v) ? qn_jas_double(r, v) : 0;
}

qn_jval qn_jf_filesizeformat(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
    bool binary = qn_jtruth(r, c->v[0]);
    double base = binary ? 1024 : 1000, f = float_of(r, v), unit = 1;
    char text[400];
    size_t at = 0;
    if (qn_jfailed(r))
        return v;
    if (isnan(f))
        f = HUGE_VAL; /* below nothing, as far as the loop there sees */
    if (f < base && f != 1) {
        if (isinf(f))
            qn_jfail(r, QN_EARGUMENT, "cannot convert float infinity to integer");
        qn_jval bytes = isinf(f) ? v : qn_jint_of_double(r, trunc(f));
        return qn_jadd(r, qn_jstr_value(qn_jstr_of(r, bytes)), qn_jtext(r, " Bytes"));
    }
    for (; at + 1 < QN_COUNT(units) && f >= pow(base, (double)at + 2); at++)
        ;
    unit = pow(base, (double)at + 2);
    if (f == 1)
        snprintf(text, sizeof text, "1 Byte");
    else
        snprintf(text, sizeof text, "%.1f %c%sB", base * f / unit,
                 binary && at == 0 ? 'K' : units[at][0], binary ? "i" : "");
    return qn_jstr_value(qn_jstr_copy(r, strlen(text), text, J_TRUSTED));
}

static void quote(qn_jbuild *b, qn_jval v, bool in_query)
{
    qn_jstr *text = qn_jsoft(b->r, v);
    qn_str s = qn_jbytes(b->r, text);
    for (size_t i = 0; i < s.n_bytes && qn_jspend(b->r, 1); i++) {
        unsigned char c = (unsigned char)s.bytes[i];
        char escaped[4];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c && strchr("_.-~", c)) || (c == '/' && !in_query);
        if (plain) {
            qn_jbuild_piece(b, text, i, i + 1);
        } else if (c == ' ' && in_query) {
            qn_jbuild_add(b, 1, "+", 0);
        } else {
            snprintf(escaped, sizeof escaped, "%%%02X", c);
            qn_jbuild_add(b, 3, escaped, 0);
        }
    }
}

qn_jval qn_jf_urlencode(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    qn_jbuild b = qn_jbuild_begin(r);
    (void)c;
    if (v.kind == J_STR || !qn_jiterable(v)) {
        quote(&b, v, false);
        return qn_jstr_value(qn_jbuild_end(&b));
    }
    qn_jview items = {v.kind == J_DICT ? v.dict : NULL, 'i'};
    qn_jiter *it = qn_jiterate(r, v.kind == J_DICT ? J_VALUE(J_VIEW, view, &items) : v);
    qn_jval item;
    for (bool first = true; qn_jnext(r, it, &item); first = false) {
        qn_jlist *pair = qn_junpack(r, item, 2);
        if (!pair)
            break;
        qn_jbuild_text(&b, first ? "" : "&");
        quote(&b, pair->v[0], true);
        qn_jbuild_text(&b, "=");
        quote(&b, pair->v[1], true);
    }
    return qn_jstr_value(qn_jbuild_end(&b));
}

static void check_attribute(qn_jstate *r, qn_jval key)
{
    if (key.kind != J_STR) {
        qn_jfail(r, QN_EARGUMENT, "expected string or bytes-like object, got '%s'",
                 qn_jtype_name(key));
        return;
    }
    qn_str s = qn_jbytes(r, key.s);
    for (size_t at = 0; at < s.n_bytes && !qn_jfailed(r); at++)
        if (s.bytes[at] && strchr(" \t\n\r\f\v/>=", s.bytes[at]))
            qn_jfail(r, QN_EARGUMENT, "Invalid character in attribute name: %s",
                     qn_jrepr_of(r, key));
}

static qn_jstr *escaped(qn_jstate *r, qn_jval v)
{
    return v.kind == J_STR && v.s->markup ? v.s : qn_jescape(r, qn_jstr_of(r, v));
}

qn_jval qn_jf_xmlattr(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    bool space = c->v[0].kind == J_MISSING || qn_jtruth(r, c->v[0]);
    qn_jbuild b = qn_jbuild_begin(r);
    if (v.kind == J_UNDEFINED)
        return qn_jrefuse_undefined(r, v);
    if (v.kind != J_DICT)
        qn_jfail(r, QN_EARGUMENT, "'%s' object has no attribute 'items'", qn_jtype_name(v));
    for (size_t i = 0; v.kind == J_DICT && i < v.dict->n && !qn_jfailed(r); i++) {
        const qn_jpair *p = &v.dict->pair[i];
        if (p->value.kind == J_NONE || p->value.kind == J_UNDEFINED)
            continue;
        check_attribute(r, p->key);
        qn_jbuild_text(&b, b.n_bytes || space ? " " : "");
        qn_jbuild_str(&b, escaped(r, p->key));
        qn_jbuild_text(&b, "=\"");
        qn_jbuild_str(&b, escaped(r, p->value));
        qn_jbuild_text(&b, "\"");
    }
    return qn_jstr_value(qn_jbuild_end(&b));
}
