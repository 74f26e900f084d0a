/* text/jinja_json.c - tojson: json.dumps as transformers calls it. Source: Python's
 * json/encoder.py.
 *
 * A string's characters keep their origin, also through escapes; brackets, quotes, numbers and
 * separators of ours are not trusted, as a dump is data. */
#include "text/jinja_text.h"

#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct dumper {
    qn_jbuild *b;
    const qn_jdumps *how;
    unsigned level;
} dumper;

static void dump(dumper *d, qn_jval v);

static void add(dumper *d, const char *text)
{
    qn_jbuild_add(d->b, strlen(text), text, 0);
}

/* The escape of a character, or 0 when it stands for itself. */
static size_t escape(uint32_t code, bool ensure_ascii, char out[16])
{
    static const char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
    const char *simple = code && code < 128 ? strchr(from, (int)code) : NULL;
    if (simple)
        return (size_t)snprintf(out, 16, "\\%c", to[simple - from]);
    if (code >= 0x20 && (code < 0x80 || !ensure_ascii))
        return 0;
    if (code == 0x7F)
        return 0;
    if (code < 0x10000)
        return (size_t)snprintf(out, 16, "\\u%04x", code);
    code -= 0x10000;
    return (size_t)snprintf(out, 16, "\\u%04x\\u%04x", 0xD800 + (code >> 10),
                            0xDC00 + (code & 1023));
}

static void dump_string(dumper *d, qn_jstr *s)
{
    qn_str all = qn_jbytes(d->b->r, s);
    size_t plain = 0, cursor = 0, n;
    add(d, "\"");
    for (size_t at = 0; at < all.n_bytes && !qn_jfailed(d->b->r); at += n) {
        uint32_t code;
        char text[16];
        n = QN_MAX(qn_utf8_decode(all.n_bytes - at, all.bytes + at, &code), (size_t)1);
        size_t n_text = escape(code, d->how->ensure_ascii, text);
        if (n_text == 0)
            continue;
        qn_jbuild_piece(d->b, s, plain, at);
        qn_jbuild_add(d->b, n_text, text, qn_jorigin(s, at, &cursor));
        plain = at + n;
    }
    qn_jbuild_piece(d->b, s, plain, all.n_bytes);
    add(d, "\"");
}

static void dump_number(dumper *d, qn_jval v)
{
    char text[48] = "";
    if (v.kind == J_BIG)
        qn_jprint_big(d->b, v, 0);
    else if (v.kind == J_DOUBLE && (isnan(v.f) || isinf(v.f)))
        snprintf(text, sizeof text, "%s", isnan(v.f) ? "NaN" : v.f > 0 ? "Infinity" : "-Infinity");
    else if (v.kind == J_DOUBLE)
        qn_jprint_double(v.f, text);
    else
        snprintf(text, sizeof text, "%" PRId64, v.i);
    add(d, text);
}

static void new_line(dumper *d)
{
    if (!d->how->indent)
        return;
    add(d, "\n");
    for (unsigned i = 0; i < d->level && qn_jspend(d->b->r, 1); i++)
        qn_jbuild_str(d->b, d->how->indent);
}

/* Before item i of a container. */
static void separate(dumper *d, size_t i)
{
    if (i)
        qn_jbuild_str(d->b, d->how->item_separator);
    new_line(d);
}

static void dump_list(dumper *d, const qn_jlist *list)
{
    add(d, "[");
    d->level++;
    for (size_t i = 0; i < list->n && !qn_jfailed(d->b->r); i++) {
        separate(d, i);
        dump(d, list->v[i]);
    }
    d->level--;
    if (list->n)
        new_line(d);
    add(d, "]");
}

static void dump_key(dumper *d, qn_jval key)
{
    if (key.kind == J_STR) {
        dump_string(d, key.s);
        return;
    }
    if (!qn_jis_number(key) && key.kind != J_NONE) {
        qn_jfail(d->b->r, QN_EARGUMENT, "keys must be str, int, float, bool or None, not %s",
                 qn_jtype_name(key));
        return;
    }
    add(d, "\"");
    dump(d, key);
    add(d, "\"");
}

static void dump_dict(dumper *d, const qn_jdict *dict)
{
    qn_jstate *r = d->b->r;
    qn_jlist *keys = qn_jlist_new(r, dict->n), *values = qn_jlist_new(r, dict->n);
    for (size_t i = 0; i < dict->n; i++) {
        qn_jlist_push(r, keys, dict->pair[i].key);
        qn_jlist_push(r, values, dict->pair[i].value);
    }
    if (d->how->sort_keys && !qn_jfailed(r))
        qn_jsort(r, dict->n, values->v, keys->v, false);
    add(d, "{");
    d->level++;
    for (size_t i = 0; i < keys->n && !qn_jfailed(r); i++) {
        separate(d, i);
        dump_key(d, keys->v[i]);
        qn_jbuild_str(d->b, d->how->key_separator);
        dump(d, values->v[i]);
    }
    d->level--;
    if (dict->n)
        new_line(d);
    add(d, "}");
}

static void dump_inside(dumper *d, qn_jval v)
{
    switch (v.kind) {
    case J_NONE: add(d, "null"); break;
    case J_BOOL: add(d, v.b ? "true" : "false"); break;
    case J_INT:
    case J_BIG:
    case J_DOUBLE: dump_number(d, v); break;
    case J_STR: dump_string(d, v.s); break;
    case J_LIST:
    case J_TUPLE: dump_list(d, v.list); break;
    case J_DICT: dump_dict(d, v.dict); break;
    default:
        qn_jfail(d->b->r, QN_EARGUMENT, "Object of type %s is not JSON serializable",
                 qn_jtype_name(v));
    }
}

static void dump(dumper *d, qn_jval v)
{
    if (qn_jdown(d->b->r))
        dump_inside(d, v);
    d->b->r->depth--;
}

void qn_jdump(qn_jbuild *b, qn_jval v, const qn_jdumps *how)
{
    dumper d = {.b = b, .how = how};
    dump(&d, v);
}
