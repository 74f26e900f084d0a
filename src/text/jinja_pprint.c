/* text/jinja_pprint.c - the filter pprint: what fits on a line of 80 as by repr with sorted keys,
 * the rest item by item. Source: Python 3.11, pprint.py. */
#include "text/jinja_node.h"
#include "text/jinja_tables.h"

#include <string.h>

enum { WIDTH = 80 };

static void add(qn_jbuild *b, const char *text)
{
    qn_jbuild_add(b, strlen(text), text, 0);
}

static void new_line(qn_jbuild *b, int64_t indent)
{
    add(b, "\n");
    for (int64_t i = 0; i < indent && qn_jspend(b->r, 1); i++)
        add(b, " ");
}

/* Keys in order; what cannot be compared, by its type's name. */
static bool comes_before(qn_jstate *r, qn_jval a, qn_jval b)
{
    bool alike = (qn_jis_number(a) && qn_jis_number(b)) || (a.kind == b.kind && a.kind == J_STR) ||
                 (a.kind == b.kind && a.kind == J_TUPLE) || a.kind == J_UNDEFINED ||
                 b.kind == J_UNDEFINED;
    if (alike)
        return qn_jcompare(r, a, b, "<") == -1;
    return strcmp(qn_jtype_name(a), qn_jtype_name(b)) < 0;
}

/* A merge sort of pairs, as qn_jsort is one of values. */
static void sort_pairs(qn_jstate *r, size_t n, qn_jpair *pair, qn_jpair *spare)
{
    for (size_t run = 1; run < n; run *= 2) {
        for (size_t at = 0; at < n && !qn_jfailed(r); at += 2 * run) {
            size_t middle = QN_MIN(at + run, n), end = QN_MIN(at + 2 * run, n);
            for (size_t a = at, b = middle, to = at; to < end && qn_jspend(r, 1); to++) {
                bool right = a == middle || (b < end && comes_before(r, pair[b].key, pair[a].key));
                spare[to] = pair[right ? b++ : a++];
            }
        }
        if (!qn_jfailed(r))
            memcpy(pair, spare, n * sizeof *pair);
    }
}

static qn_jpair *sorted(qn_jstate *r, const qn_jdict *d)
{
    qn_jpair *pair = qn_jtake_memory(r, d->n + 1, sizeof *pair);
    qn_jpair *spare = qn_jtake_memory(r, d->n + 1, sizeof *spare);
    if (!pair || !spare)
        return NULL;
    if (d->n)
        memcpy(pair, d->pair, d->n * sizeof *pair);
    sort_pairs(r, d->n, pair, spare);
    return pair;
}

static bool is_plain_tuple(qn_jval v)
{
    return v.kind == J_TUPLE && !v.list->names[0];
}

static void represent(qn_jbuild *b, qn_jval v);

static void represent_inside(qn_jbuild *b, qn_jval v)
{
    if (v.kind == J_DICT) {
        qn_jpair *pair = sorted(b->r, v.dict);
        add(b, "{");
        for (size_t i = 0; pair && i < v.dict->n && !qn_jfailed(b->r); i++) {
            add(b, i ? ", " : "");
            represent(b, pair[i].key);
            add(b, ": ");
            represent(b, pair[i].value);
        }
        add(b, "}");
    } else if (v.kind == J_LIST || is_plain_tuple(v)) {
        bool list = v.kind == J_LIST;
        add(b, list ? "[" : "(");
        for (size_t i = 0; i < v.list->n && !qn_jfailed(b->r); i++) {
            add(b, i ? ", " : "");
            represent(b, v.list->v[i]);
        }
        add(b, list ? "]" : v.list->n == 1 ? ",)" : ")");
    } else {
        qn_jrepr(b, v);
    }
}

static void represent(qn_jbuild *b, qn_jval v)
{
    if (qn_jdown(b->r))
        represent_inside(b, v);
    b->r->depth--;
}

static qn_jstr *representation(qn_jstate *r, qn_jval v)
{
    qn_jbuild b = qn_jbuild_begin(r);
    represent(&b, v);
    return qn_jbuild_end(&b);
}

/* `allowance`: what follows on the last line. */
static void format(qn_jbuild *b, qn_jval v, int64_t indent, int64_t allowance, int level);

static void format_items(qn_jbuild *b, const qn_jlist *list, int64_t indent, int64_t allowance,
                         int level)
{
    for (size_t i = 0; i < list->n && !qn_jfailed(b->r); i++) {
        if (i) {
            add(b, ",");
            new_line(b, indent + 1);
        }
        format(b, list->v[i], indent + 1, i + 1 == list->n ? allowance : 1, level);
    }
}

static void format_dict(qn_jbuild *b, const qn_jdict *d, int64_t indent, int64_t allowance,
                        int level)
{
    qn_jpair *pair = sorted(b->r, d);
    add(b, "{");
    for (size_t i = 0; pair && i < d->n && !qn_jfailed(b->r); i++) {
        qn_jstr *key = representation(b->r, pair[i].key);
        if (i) {
            add(b, ",");
            new_line(b, indent + 1);
        }
        qn_jbuild_str(b, key);
        add(b, ": ");
        format(b, pair[i].value, indent + 1 + (int64_t)key->n_chars + 2,
               i + 1 == d->n ? allowance + 1 : 1, level);
    }
    add(b, "}");
}

/* Texts: literals side by side, broken behind white space. */

/* The end of a run of other characters and of the white space behind it. */
static size_t part_end(qn_str s, size_t at)
{
    size_t n;
    for (; at < s.n_bytes && !qn_jis_space(qn_jcode_at(s, at, &n)); at += n)
        ;
    for (; at < s.n_bytes && qn_jis_space(qn_jcode_at(s, at, &n)); at += n)
        ;
    return at;
}

static void push_chunk(qn_jstate *r, qn_jlist *chunks, qn_jstr *s, size_t begin, size_t end)
{
    qn_jval piece = qn_jstr_value(qn_jslice_bytes(r, s, begin, end));
    qn_jlist_push(r, chunks, qn_jstr_value(representation(r, piece)));
}

/* The parts of a representation's length. */
typedef struct length {
    int64_t n, n_single, n_double; /* characters but quotes; the quotes */
} length;

static void measure(length *l, qn_str s, size_t at, size_t end)
{
    for (size_t n; at < end; at += n) {
        uint32_t code = qn_jcode_at(s, at, &n);
        l->n_single += code == '\'';
        l->n_double += code == '"';
        if (code == '\'' || code == '"')
            continue;
        bool two = code == '\\' || code == '\n' || code == '\r' || code == '\t';
        l->n += two ? 2 : qn_jis_printable(code) ? 1 : code < 0x100 ? 4 : code < 0x10000 ? 6 : 10;
    }
}

static int64_t total(const length *l)
{
    bool escapes = l->n_single && l->n_double;
    return 2 + l->n + l->n_double + l->n_single * (1 + escapes);
}

static void cut_line(qn_jstate *r, qn_jlist *chunks, qn_jstr *line, int64_t most, int64_t most_last)
{
    qn_str s = qn_jbytes(r, line);
    size_t begin = 0;
    length l = {0};
    for (size_t at = 0, end; at < s.n_bytes && qn_jspend(r, 1); at = end) {
        end = part_end(s, at);
        measure(&l, s, at, end);
        if (total(&l) <= (end == s.n_bytes ? most_last : most))
            continue;
        if (at > begin)
            push_chunk(r, chunks, line, begin, at);
        l = (length){0};
        measure(&l, s, at, end);
        begin = at;
    }
    if (begin < s.n_bytes)
        push_chunk(r, chunks, line, begin, s.n_bytes);
}

static void format_text(qn_jbuild *b, qn_jstr *s, int64_t indent, int64_t allowance, int level)
{
    qn_jstate *r = b->r;
    qn_jlist *lines = qn_jsplit_lines(r, s, true), *chunks = qn_jlist_new(r, 0);
    qn_jstr *whole = NULL;
    indent += level == 1;
    allowance += level == 1;
    int64_t most = WIDTH - indent;
    for (size_t i = 0; i < lines->n && !qn_jfailed(r); i++) {
        int64_t here = i + 1 == lines->n ? most - allowance : most;
        whole = representation(r, lines->v[i]);
        if ((int64_t)whole->n_chars <= here)
            qn_jlist_push(r, chunks, qn_jstr_value(whole));
        else
            cut_line(r, chunks, lines->v[i].s, most, here);
    }
    if (!whole || chunks->n == 1) {
        qn_jbuild_str(b, whole ? whole : representation(r, qn_jstr_value(s)));
        return;
    }
    add(b, level == 1 ? "(" : "");
    for (size_t i = 0; i < chunks->n && !qn_jfailed(r); i++) {
        if (i)
            new_line(b, indent);
        qn_jbuild_str(b, chunks->v[i].s);
    }
    add(b, level == 1 ? ")" : "");
}

static void format_inside(qn_jbuild *b, qn_jval v, int64_t indent, int64_t allowance, int level)
{
    qn_jstr *whole = representation(b->r, v);
    bool fits = (int64_t)whole->n_chars <= WIDTH - indent - allowance;
    bool single = is_plain_tuple(v) && v.list->n == 1;
    if (!fits && v.kind == J_DICT) {
        format_dict(b, v.dict, indent, allowance, level + 1);
    } else if (!fits && v.kind == J_LIST) {
        add(b, "[");
        format_items(b, v.list, indent, allowance + 1, level + 1);
        add(b, "]");
    } else if (!fits && is_plain_tuple(v)) {
        add(b, "(");
        format_items(b, v.list, indent, allowance + (single ? 2 : 1), level + 1);
        add(b, single ? ",)" : ")");
    } else if (!fits && v.kind == J_STR && !v.s->markup) {
        format_text(b, v.s, indent, allowance, level + 1);
    } else {
        qn_jbuild_str(b, whole);
    }
}

static void format(qn_jbuild *b, qn_jval v, int64_t indent, int64_t allowance, int level)
{
    if (qn_jdown(b->r))
        format_inside(b, v, indent, allowance, level);
    b->r->depth--;
}

qn_jval qn_jf_pprint(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    qn_jbuild b = qn_jbuild_begin(r);
    (void)c;
    format(&b, v, 0, 0, 0);
    return qn_jstr_value(qn_jbuild_end(&b));
}
