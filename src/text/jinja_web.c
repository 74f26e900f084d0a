/* text/jinja_web.c - the filters that Jinja2 has for web pages and that a prompt hardly wants.
 * Source: jinja2/filters.py, markupsafe, urllib.parse.quote. */
#include "text/jinja_node.h"
#include "text/jinja_tables.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

qn_jval qn_jf_refused(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    (void)c;
    qn_jfail(r, QN_EUNSUPPORTED,
             "the filters random, urlize and wordwrap have no place in a prompt");
    return v;
}

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

qn_jval qn_jf_filesizeformat(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
    bool binary = qn_jtruth(r, c->v[0]);
    double base = binary ? 1024 : 1000, unit = base, f = 0;
    char text[400];
    if (!qn_jis_number(v) && (v.kind != J_STR || !qn_jparse_double(r, v.s, &f)))
        qn_jfail(r, QN_EARGUMENT, "a %s is no size", qn_jtype_name(v));
    if (qn_jfailed(r))
        return v;
    f = v.kind == J_STR ? f : qn_jas_double(v);
    size_t at = 0;
    for (; at + 1 < QN_COUNT(units) && f >= unit * base; at++)
        unit *= base;
    if (f == 1)
        snprintf(text, sizeof text, "1 Byte");
    else if (f < base)
        snprintf(text, sizeof text, "%.0f Bytes", trunc(f));
    else
        snprintf(text, sizeof text, "%.1f %c%sB", f / unit, binary && at == 0 ? 'K' : units[at][0],
                 binary ? "i" : "");
    return qn_jstr_value(qn_jstr_copy(r, strlen(text), text, J_TRUSTED));
}

/* What fits on a line looks as by repr; the breaking of longer lines is not done. */
qn_jval qn_jf_pprint(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    qn_jbuild b = qn_jbuild_begin(r);
    (void)c;
    qn_jrepr(&b, v);
    qn_jstr *s = qn_jbuild_end(&b);
    if (s->n_chars > 80)
        qn_jfail(r, QN_EUNSUPPORTED, "pprint of more than a line");
    return qn_jstr_value(s);
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
        qn_jlist *pair = qn_jlist_of(r, item);
        if (pair->n != 2) {
            qn_jfail(r, QN_EARGUMENT, "urlencode wants pairs");
            break;
        }
        qn_jbuild_text(&b, first ? "" : "&");
        quote(&b, pair->v[0], true);
        qn_jbuild_text(&b, "=");
        quote(&b, pair->v[1], true);
    }
    return qn_jstr_value(qn_jbuild_end(&b));
}

qn_jval qn_jf_xmlattr(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    bool space = c->v[0].kind == J_MISSING || qn_jtruth(r, c->v[0]);
    qn_jbuild b = qn_jbuild_begin(r);
    if (v.kind != J_DICT)
        qn_jfail(r, QN_EARGUMENT, "xmlattr wants a dict, not a %s", qn_jtype_name(v));
    for (size_t i = 0; v.kind == J_DICT && i < v.dict->n && !qn_jfailed(r); i++) {
        const qn_jpair *p = &v.dict->pair[i];
        if (p->value.kind == J_NONE || p->value.kind == J_UNDEFINED)
            continue;
        qn_str key = p->key.kind == J_STR ? qn_jbytes(r, p->key.s) : (qn_str){" ", 1};
        for (size_t at = 0; at < key.n_bytes; at++)
            if (!key.bytes[at] || strchr(" \t\n\r\f\v/>=", key.bytes[at]))
                qn_jfail(r, QN_EARGUMENT, "xmlattr: that is no name of an attribute");
        qn_jbuild_text(&b, b.n_bytes || space ? " " : "");
        qn_jbuild_str(&b, qn_jescape(r, qn_jstr_of(r, p->key)));
        qn_jbuild_text(&b, "=\"");
        qn_jbuild_str(&b, qn_jescape(r, qn_jstr_of(r, p->value)));
        qn_jbuild_text(&b, "\"");
    }
    return qn_jstr_value(qn_jbuild_end(&b));
}

/* Without the first "open ... close" from `at` on; *at moves behind what was kept. */
static bool cut(qn_jbuild *b, qn_jstr *s, size_t *at, const char *open, const char *close)
{
    qn_str all = qn_jbytes(b->r, s);
    const char *begin = memmem(all.bytes + *at, all.n_bytes - *at, open, strlen(open));
    size_t from = begin ? (size_t)(begin - all.bytes) + strlen(open) : 0;
    const char *end =
        begin ? memmem(all.bytes + from, all.n_bytes - from, close, strlen(close)) : NULL;
    size_t to = end ? (size_t)(begin - all.bytes) : all.n_bytes;
    qn_jbuild_piece(b, s, *at, to);
    *at = end ? (size_t)(end - all.bytes) + strlen(close) : all.n_bytes;
    return end != NULL;
}

static qn_jstr *cut_all(qn_jstate *r, qn_jstr *s, const char *open, const char *close)
{
    qn_jbuild b = qn_jbuild_begin(r);
    for (size_t at = 0; !qn_jfailed(r) && cut(&b, s, &at, open, close) && qn_jspend(r, 1);)
        ;
    return qn_jbuild_end(&b);
}

/* The entities that escaping makes, and no other. */
static qn_jstr *unescape(qn_jstate *r, qn_jstr *s)
{
    static const char *const pairs[][2] = {{"&lt;", "<"},    {"&gt;", ">"},  {"&#34;", "\""},
                                           {"&quot;", "\""}, {"&#39;", "'"}, {"&amp;", "&"}};
    for (size_t i = 0; i < QN_COUNT(pairs) && !qn_jfailed(r); i++)
        s = qn_jreplace(r, s, qn_jtext(r, pairs[i][0]).s, qn_jtext(r, pairs[i][1]).s, -1);
    return s;
}

qn_jval qn_jf_striptags(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    qn_jstr *s = cut_all(r, cut_all(r, qn_jstr_of(r, v), "<!--", "-->"), "<", ">");
    qn_jlist *words = qn_jsplit(r, s, NULL, -1, false);
    qn_jbuild b = qn_jbuild_begin(r);
    (void)c;
    for (size_t i = 0; i < words->n && !qn_jfailed(r); i++) {
        qn_jbuild_text(&b, i ? " " : "");
        qn_jbuild_str(&b, words->v[i].s);
    }
    return qn_jstr_value(unescape(r, qn_jbuild_end(&b)));
}
