/* text/jinja_sequence.c - filters on sequences. Source: jinja2/filters.py; as there, map, select,
 * items, batch, slice and unique are generators: read once, and only as far as they are asked. */
#include "text/jinja_int.h"
#include "text/jinja_node.h"
#include "text/jinja_tables.h"

#include <stdio.h>
#include <string.h>

static bool given(qn_jval v)
{
    return v.kind != J_MISSING;
}

static bool wanted(qn_jval v) /* given, and not None */
{
    return v.kind != J_MISSING && v.kind != J_NONE;
}

/* Looking up "a.b.0" in items */

typedef struct getter {
    qn_jlist *parts; /* keys, one after the other */
    qn_jval absent;  /* J_MISSING: undefined stays undefined */
    bool lowers;
} getter;

static qn_jval part_of(qn_jstate *r, qn_jval word)
{
    qn_str s = qn_jbytes(r, word.s);
    qn_jval i;
    bool digits = s.n_bytes > 0;
    for (size_t at = 0; at < s.n_bytes; at++)
        digits &= s.bytes[at] >= '0' && s.bytes[at] <= '9';
    return digits && qn_jparse_int(r, word.s, 10, &i) ? i : word;
}

static getter getter_of(qn_jstate *r, qn_jval attribute, bool lowers)
{
    getter g = {.parts = qn_jlist_new(r, 0), .lowers = lowers};
    if (attribute.kind != J_STR && wanted(attribute))
        qn_jlist_push(r, g.parts, attribute);
    if (attribute.kind != J_STR)
        return g;
    qn_jlist *words = qn_jsplit(r, attribute.s, qn_jtext(r, ".").s, -1, false);
    for (size_t i = 0; i < words->n && !qn_jfailed(r); i++)
        qn_jlist_push(r, g.parts, part_of(r, words->v[i]));
    return g;
}

static qn_jval lowered(qn_jstate *r, qn_jval v)
{
    return v.kind == J_STR ? qn_jstr_value(qn_jcase_text(r, v.s, J_LOWER)) : v;
}

static qn_jval get(qn_jstate *r, const getter *g, qn_jval item)
{
    for (size_t i = 0; i < g->parts->n && !qn_jfailed(r); i++) {
        item = qn_jitem(r, item, g->parts->v[i]);
        if (item.kind == J_UNDEFINED && given(g->absent))
            item = g->absent;
    }
    return g->lowers ? lowered(r, item) : item;
}

/* Generators */

typedef struct generator {
    getter g;
    qn_jval name; /* of the filter or test for each item; J_MISSING: truth */
    bool of_filter;
    qn_jcall call;
    bool rejects, has_getter;
    qn_jdict *seen;
    qn_jval n; /* items of a batch, or slices */
    qn_jval fill, waiting;
    qn_jlist *items; /* of slices */
} generator;

typedef bool next_function(qn_jstate *r, qn_jiter *it, qn_jval *item);

static qn_jval generate(qn_jstate *r, qn_jval source, next_function *next, const generator *made)
{
    qn_jiter *it = qn_jtake_memory(r, 1, sizeof *it);
    generator *g = qn_jtake_memory(r, 1, sizeof *g);
    if (!it || !g)
        return qn_jnone();
    *g = *made;
    *it = (qn_jiter){.next = next, .source = source, .more = g, .type = "generator"};
    return J_VALUE(J_ITERATOR, iter, it);
}

/* The source is opened at the first item, where Python would complain about it. */
static bool next_of_source(qn_jstate *r, qn_jiter *it, qn_jval *item)
{
    if (!it->inner)
        it->inner = qn_jiterate(r, it->source);
    return qn_jnext(r, it->inner, item);
}

/* The row that the name means; fails where there is none. */
static const qn_jnative *named_row(qn_jstate *r, const generator *g)
{
    const char *what = g->of_filter ? "filter" : "test", *name;
    char why[QN_SHOWN + 100] = "";
    const qn_jnative *row = NULL;
    qn_jhash(r, g->name);
    if (!qn_jfailed(r) && g->name.kind == J_STR) {
        qn_str s = qn_jbytes(r, g->name.s);
        row = g->of_filter ? qn_jfind_filter(s) : qn_jfind_test(s);
    }
    if (row || qn_jfailed(r))
        return row;
    name = qn_jrepr_of(r, g->name);
    if (g->name.kind == J_UNDEFINED)
        qn_jwhy_undefined(g->name, sizeof why, why);
    if (*why)
        qn_jfail(r, QN_EARGUMENT,
                 "No %s named %s. (%s; did you forget to quote the callable name?)", what, name,
                 why);
    else
        qn_jfail(r, QN_EARGUMENT, "No %s named %s.", what, name);
    return NULL;
}

static qn_jval apply(qn_jstate *r, const generator *g, qn_jval v)
{
    const qn_jnative *row = named_row(r, g);
    qn_jcall c = g->call; /* the row's parameters are bound afresh each time */
    qn_jkeyword *keyword = c.keyword;
    if (c.n_keyword && row) {
        keyword = qn_jtake_memory(r, c.n_keyword, sizeof *keyword);
        if (!keyword)
            return v;
        memcpy(keyword, c.keyword, c.n_keyword * sizeof *keyword);
    }
    c.keyword = keyword;
    return row ? qn_jcall_native(r, row, v, &c) : v;
}

static bool next_mapped(qn_jstate *r, qn_jiter *it, qn_jval *item)
{
    const generator *g = it->more;
    if (!next_of_source(r, it, item))
        return false;
    *item = given(g->name) ? apply(r, g, *item) : get(r, &g->g, *item);
    return true;
}

static bool next_selected(qn_jstate *r, qn_jiter *it, qn_jval *item)
{
    const generator *g = it->more;
    while (next_of_source(r, it, item)) {
        qn_jval v = g->has_getter ? get(r, &g->g, *item) : *item;
        bool passes = qn_jtruth(r, given(g->name) ? apply(r, g, v) : v);
        if (passes != g->rejects)
            return true;
    }
    return false;
}

static void drop_first(qn_jcall *c, size_t n)
{
    c->positional += n;
    c->n_positional -= n;
}

/* What goes wrong with the arguments is said when the first item is asked for, as by Python. */
static bool next_refused(qn_jstate *r, qn_jiter *it, qn_jval *item)
{
    (void)item;
    if (qn_jtruth(r, it->source))
        qn_jfail(r, QN_EARGUMENT, "%s", it->why);
    return false;
}

static qn_jval refuse_later(qn_jstate *r, qn_jval source, const char *why)
{
    qn_jiter *it = qn_jtake_memory(r, 1, sizeof *it);
    if (!it)
        return qn_jnone();
    *it = (qn_jiter){.next = next_refused, .source = source, .why = why, .type = "generator"};
    return J_VALUE(J_ITERATOR, iter, it);
}

/* A source that is false yields nothing, whatever it is. */
static qn_jval source_of(qn_jstate *r, qn_jval v)
{
    return qn_jtruth(r, v) ? v : qn_jundefined(r, "");
}

static const char *unexpected(qn_jstate *r, qn_str name)
{
    char shown[QN_SHOWN], *text = qn_jtake_memory(r, QN_SHOWN + 40, 1);
    if (text)
        snprintf(text, QN_SHOWN + 40, "Unexpected keyword argument '%s'", qn_str_show(shown, name));
    return text ? text : "";
}

qn_jval qn_jf_map(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    generator g = {.of_filter = true, .call = *c};
    qn_jval attribute = {0};
    qn_str extra = {0};
    if (c->n_positional) {
        g.name = c->positional[0];
        drop_first(&g.call, 1);
        return generate(r, source_of(r, v), next_mapped, &g);
    }
    for (size_t i = 0; i < c->n_keyword; i++) {
        if (qn_str_is(c->keyword[i].name, "attribute"))
            attribute = c->keyword[i].value;
        else if (qn_str_is(c->keyword[i].name, "default"))
            g.g.absent = c->keyword[i].value;
        else if (!extra.n_bytes)
            extra = c->keyword[i].name;
    }
    if (!given(attribute))
        return refuse_later(r, v, "map requires a filter argument");
    if (extra.n_bytes)
        return refuse_later(r, v, unexpected(r, extra));
    qn_jval absent = wanted(g.g.absent) ? g.g.absent : (qn_jval){0};
    g.g = getter_of(r, attribute, false);
    g.g.absent = absent;
    return generate(r, source_of(r, v), next_mapped, &g);
}

static qn_jval select(qn_jstate *r, qn_jval v, qn_jcall *c, bool rejects, bool has_getter)
{
    generator g = {.rejects = rejects, .has_getter = has_getter, .call = *c};
    if (has_getter && c->n_positional == 0)
        return refuse_later(r, v, "Missing parameter for attribute name");
    if (has_getter) {
        g.g = getter_of(r, c->positional[0], false);
        drop_first(&g.call, 1);
    }
    if (g.call.n_positional) {
        g.name = g.call.positional[0];
        drop_first(&g.call, 1);
    }
    return generate(r, source_of(r, v), next_selected, &g);
}

qn_jval qn_jf_select(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    return select(r, v, c, false, false);
}

qn_jval qn_jf_reject(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    return select(r, v, c, true, false);
}

qn_jval qn_jf_selectattr(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    return select(r, v, c, false, true);
}

qn_jval qn_jf_rejectattr(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    return select(r, v, c, true, true);
}

static bool next_unique(qn_jstate *r, qn_jiter *it, qn_jval *item)
{
    const generator *g = it->more;
    while (next_of_source(r, it, item)) {
        qn_jval key = get(r, &g->g, *item);
        if (qn_jdict_find(r, g->seen, key))
            continue;
        qn_jdict_set(r, g->seen, key, qn_jnone());
        return !qn_jfailed(r);
    }
    return false;
}

qn_jval qn_jf_unique(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    generator g = {.g = getter_of(r, c->v[1], !qn_jtruth(r, c->v[0])), .seen = qn_jdict_new(r)};
    return generate(r, v, next_unique, &g);
}

static bool next_item_pair(qn_jstate *r, qn_jiter *it, qn_jval *item)
{
    if (it->source.kind == J_UNDEFINED)
        return false;
    if (it->source.kind != J_DICT) {
        qn_jfail(r, QN_EARGUMENT, "Can only get item pairs from a mapping.");
        return false;
    }
    const qn_jdict *d = it->source.dict;
    if (it->at >= d->n)
        return false;
    *item = qn_jtuple2(r, d->pair[it->at].key, d->pair[it->at].value);
    it->at++;
    return true;
}

qn_jval qn_jf_items(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    generator g = {0};
    (void)c;
    return generate(r, v, next_item_pair, &g);
}

/* list += [fill] * n, where a fill is wanted */
static void fill_up(qn_jstate *r, qn_jlist *list, qn_jval n, qn_jval fill)
{
    if (!wanted(fill) || qn_jfailed(r))
        return;
    qn_jlist *one = qn_jlist_new(r, 1);
    qn_jlist_push(r, one, fill);
    qn_jval more = qn_jbinary(r, J_MUL, qn_jlist_value(one), n);
    for (size_t i = 0; !qn_jfailed(r) && i < more.list->n; i++)
        qn_jlist_push(r, list, more.list->v[i]);
}

static bool next_batch(qn_jstate *r, qn_jiter *it, qn_jval *item)
{
    generator *g = it->more;
    qn_jlist *batch = qn_jlist_new(r, 0);
    qn_jval v, n;
    bool full = false;
    if (given(g->waiting))
        qn_jlist_push(r, batch, g->waiting);
    g->waiting = (qn_jval){0};
    while (!full && next_of_source(r, it, &v)) {
        full = qn_jequal(r, qn_jint((int64_t)batch->n), g->n);
        if (full)
            g->waiting = v;
        else
            qn_jlist_push(r, batch, v);
    }
    *item = qn_jlist_value(batch);
    n = qn_jint((int64_t)batch->n);
    if (full || batch->n == 0)
        return full;
    if (wanted(g->fill) && qn_jcompare_op(r, J_LT, n, g->n))
        fill_up(r, batch, qn_jbinary(r, J_SUB, g->n, n), g->fill);
    return true;
}

qn_jval qn_jf_batch(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    generator g = {.n = c->v[0], .fill = c->v[1]};
    return generate(r, v, next_batch, &g);
}

static bool next_slice(qn_jstate *r, qn_jiter *it, qn_jval *item)
{
    generator *g = it->more;
    int64_t count = 0, at = (int64_t)it->at;
    if (it->at == 0)
        g->items = qn_jlist_of(r, it->source);
    int64_t n = (int64_t)g->items->n;
    qn_jval each = qn_jfailed(r) ? g->n : qn_jbinary(r, J_FLOORDIV, qn_jint(n), g->n);
    qn_jval extra = qn_jfailed(r) ? g->n : qn_jbinary(r, J_MOD, qn_jint(n), g->n);
    if (g->n.kind == J_BIG) /* no longer than the steps last */
        count = qn_jint_negative(g->n) ? 0 : INT64_MAX;
    else if (qn_jfailed(r) || !qn_jindex(r, g->n, &count))
        return false;
    if (at >= count || qn_jfailed(r))
        return false;
    int64_t n_extra = extra.i, n_each = each.i;
    int64_t begin = at * n_each + QN_MIN(at, n_extra), end = begin + n_each + (at < n_extra);
    qn_jlist *slice = qn_jlist_range(r, g->items, (size_t)begin, (size_t)end);
    if (at >= n_extra && wanted(g->fill))
        qn_jlist_push(r, slice, g->fill);
    *item = qn_jlist_value(slice);
    it->at++;
    return true;
}

qn_jval qn_jf_slice(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    generator g = {.n = c->v[0], .fill = c->v[1]};
    return generate(r, v, next_slice, &g);
}

/* Lists */

qn_jval qn_jf_list(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    (void)c;
    return qn_jlist_value(qn_jlist_of(r, v));
}

qn_jval qn_jf_first(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    qn_jval item;
    (void)c;
    return qn_jnext(r, qn_jiterate(r, v), &item)
               ? item
               : qn_jundefined(r, "No first item, sequence was empty.");
}

/* reversed(v) can read it: its iterator; NULL when it cannot. */
static qn_jiter *reversed(qn_jstate *r, qn_jval v)
{
    bool can = v.kind == J_UNDEFINED || v.kind == J_LIST || v.kind == J_TUPLE || v.kind == J_DICT ||
               v.kind == J_VIEW || v.kind == J_RANGE;
    if (!can)
        return NULL;
    qn_jiter *it = qn_jiterate(r, v);
    if (it != &r->no_more) {
        it->reversed = true;
        it->type = v.kind == J_LIST    ? "list_reverseiterator"
                   : v.kind == J_TUPLE ? "reversed"
                   : v.kind == J_DICT  ? "dict_reversekeyiterator"
                   : v.kind == J_RANGE ? "range_iterator"
                                       : "dict_reverseitemiterator";
    }
    return it;
}

qn_jval qn_jf_last(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    qn_jval item;
    (void)c;
    if (v.kind == J_STR)
        return v.s->n_chars ? qn_jitem(r, v, qn_jint(-1))
                            : qn_jundefined(r, "No last item, sequence was empty.");
    qn_jiter *it = reversed(r, v);
    if (!it)
        qn_jfail(r, QN_EARGUMENT, "'%s' object is not reversible", qn_jtype_name(v));
    return it && qn_jnext(r, it, &item) ? item
                                        : qn_jundefined(r, "No last item, sequence was empty.");
}

qn_jval qn_jf_reverse(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    (void)c;
    if (v.kind == J_STR)
        return qn_jsliced(r, v, qn_jnone(), qn_jnone(), qn_jint(-1));
    qn_jiter *it = reversed(r, v);
    if (it)
        return J_VALUE(J_ITERATOR, iter, it);
    if (!qn_jiterable(v)) {
        qn_jfail(r, QN_EARGUMENT, "argument must be iterable");
        return v;
    }
    qn_jlist *list = qn_jlist_of(r, v);
    return qn_jsliced(r, qn_jlist_value(list), qn_jnone(), qn_jnone(), qn_jint(-1));
}

qn_jval qn_jf_join(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    qn_jstr *separator = given(c->v[0]) ? qn_jstr_of(r, c->v[0]) : qn_jtext(r, "").s;
    getter g = getter_of(r, c->v[1], false);
    qn_jbuild b = qn_jbuild_begin(r);
    qn_jiter *it = qn_jiterate(r, v);
    qn_jval item;
    for (bool first = true; qn_jnext(r, it, &item); first = false) {
        if (!first)
            qn_jbuild_str(&b, separator);
        qn_jprint(&b, get(r, &g, item));
    }
    return qn_jstr_value(qn_jbuild_end(&b));
}

qn_jval qn_jf_sum(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    getter g = getter_of(r, c->v[0], false);
    qn_jval sum = given(c->v[1]) ? c->v[1] : qn_jint(0), item;
    qn_jiter *it = qn_jiterate(r, v);
    if (sum.kind == J_STR)
        qn_jfail(r, QN_EARGUMENT, "sum() can't sum strings [use ''.join(seq) instead]");
    while (qn_jnext(r, it, &item))
        sum = qn_jadd(r, sum, get(r, &g, item));
    return sum;
}

static qn_jval extreme(qn_jstate *r, qn_jval v, qn_jcall *c, bool largest)
{
    getter g = getter_of(r, c->v[1], !qn_jtruth(r, c->v[0]));
    qn_jiter *it = qn_jiterate(r, v);
    qn_jval best, item;
    if (!qn_jnext(r, it, &best))
        return qn_jundefined(r, "No aggregated item, sequence was empty.");
    qn_jval best_key = get(r, &g, best);
    while (qn_jnext(r, it, &item)) {
        qn_jval key = get(r, &g, item);
        if (qn_jcompare(r, key, best_key, largest ? ">" : "<") == (largest ? 1 : -1))
            best = item, best_key = key;
    }
    return best;
}

qn_jval qn_jf_min(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    return extreme(r, v, c, false);
}

qn_jval qn_jf_max(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    return extreme(r, v, c, true);
}

/* One by chance. A rendering has to be reproducible, so the moment that it is told is the seed, and
 * each use within it goes on from the one before. */
qn_jval qn_jf_random(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    int64_t n = 0;
    (void)c;
    if (!qn_jlength(r, v, &n))
        qn_jfail(r, QN_EARGUMENT, "object of type '%s' has no len()", qn_jtype_name(v));
    if (qn_jfailed(r) || n == 0)
        return qn_jundefined(r, "No random item, sequence was empty.");
    uint64_t z =
        (uint64_t)r->in->now_epoch * 0xD1B54A32D192ED03 + ++r->n_chances * 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9; /* splitmix64 */
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    qn_jval at = qn_jint((int64_t)((z ^ z >> 31) % (uint64_t)n));
    if (v.kind != J_DICT && v.kind != J_VIEW)
        return qn_jitem(r, v, at);
    qn_jval *found = v.kind == J_DICT ? qn_jdict_find(r, v.dict, at) : NULL;
    if (!found)
        qn_jfail(r, QN_EARGUMENT, "%" PRId64, at.i);
    return found ? *found : v;
}

/* Sorting */

/* sorted(..., reverse=v): an int is wanted. */
static bool is_reverse(qn_jstate *r, qn_jval v)
{
    int64_t i;
    if (v.kind == J_BIG)
        qn_jfail(r, QN_EARGUMENT, "Python int too large to convert to C int");
    return given(v) && !qn_jfailed(r) && qn_jindex(r, v, &i) && i != 0;
}

qn_jval qn_jf_sort(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    bool lowers = !qn_jtruth(r, c->v[1]);
    qn_jlist *items = qn_jlist_of(r, v), *keys = qn_jlist_new(r, items->n);
    bool reverse = is_reverse(r, c->v[0]);
    qn_jlist *words =
        c->v[2].kind == J_STR ? qn_jsplit(r, c->v[2].s, qn_jtext(r, ",").s, -1, false) : NULL;
    size_t n = words ? words->n : 1;
    getter *g = qn_jtake_memory(r, n, sizeof *g);
    for (size_t i = 0; g && i < n; i++)
        g[i] = getter_of(r, words ? words->v[i] : c->v[2], lowers);
    for (size_t i = 0; i < items->n && !qn_jfailed(r); i++) {
        qn_jlist *key = qn_jlist_new(r, n);
        for (size_t k = 0; k < n && !qn_jfailed(r); k++)
            qn_jlist_push(r, key, get(r, &g[k], items->v[i]));
        qn_jlist_push(r, keys, qn_jlist_value(key));
    }
    if (!qn_jfailed(r))
        qn_jsort(r, items->n, items->v, keys->v, reverse);
    return qn_jlist_value(items);
}

qn_jval qn_jf_dictsort(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    bool by_value = qn_jstr_is(r, c->v[1], "value"), lowers = !qn_jtruth(r, c->v[0]);
    qn_jlist *items = qn_jlist_new(r, 0), *keys = qn_jlist_new(r, 0);
    if (given(c->v[1]) && !by_value && !qn_jstr_is(r, c->v[1], "key"))
        qn_jfail(r, QN_EARGUMENT, "You can only sort by either \"key\" or \"value\"");
    else if (v.kind == J_UNDEFINED)
        return qn_jrefuse_undefined(r, v);
    else if (v.kind != J_DICT)
        qn_jfail(r, QN_EARGUMENT, "'%s' object has no attribute 'items'", qn_jtype_name(v));
    bool reverse = is_reverse(r, c->v[2]);
    for (size_t i = 0; v.kind == J_DICT && i < v.dict->n && !qn_jfailed(r); i++) {
        const qn_jpair *p = &v.dict->pair[i];
        qn_jval key = by_value ? p->value : p->key;
        qn_jlist_push(r, items, qn_jtuple2(r, p->key, p->value));
        qn_jlist_push(r, keys, lowers ? lowered(r, key) : key);
    }
    if (!qn_jfailed(r))
        qn_jsort(r, items->n, items->v, keys->v, reverse);
    return qn_jlist_value(items);
}

static qn_jval group(qn_jstate *r, qn_jval name, qn_jlist *members)
{
    qn_jval tuple = qn_jtuple2(r, name, qn_jlist_value(members));
    if (!qn_jfailed(r)) {
        tuple.list->names[0] = "grouper";
        tuple.list->names[1] = "list";
    }
    return tuple;
}

qn_jval qn_jf_groupby(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    bool lowers = !qn_jtruth(r, c->v[2]);
    getter g = getter_of(r, c->v[0], lowers), name = getter_of(r, c->v[0], false);
    g.absent = name.absent = wanted(c->v[1]) ? c->v[1] : (qn_jval){0};
    qn_jlist *items = qn_jlist_of(r, v), *keys = qn_jlist_new(r, items->n);
    qn_jlist *groups = qn_jlist_new(r, 0);
    for (size_t i = 0; i < items->n && !qn_jfailed(r); i++)
        qn_jlist_push(r, keys, get(r, &g, items->v[i]));
    if (!qn_jfailed(r))
        qn_jsort(r, items->n, items->v, keys->v, false);
    for (size_t begin = 0, end; begin < items->n && !qn_jfailed(r); begin = end) {
        for (end = begin + 1; end < items->n && qn_jequal(r, keys->v[begin], keys->v[end]);)
            end++;
        qn_jval shown = lowers ? get(r, &name, items->v[begin]) : keys->v[begin];
        qn_jlist_push(r, groups, group(r, shown, qn_jlist_range(r, items, begin, end)));
    }
    return qn_jlist_value(groups);
}
