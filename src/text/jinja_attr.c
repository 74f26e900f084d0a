/* text/jinja_attr.c - attributes, items, slices, calls. Source: jinja2/sandbox.py: v.name looks for
 * an attribute first and an item then, v[key] the other way round; what Python's sandbox calls
 * unsafe is undefined, and fails when it is called. */
#include "text/jinja_int.h"
#include "text/jinja_node.h"
#include "text/jinja_tables.h"

#include <stdio.h>
#include <string.h>

/* The attributes of loop, macro and the like that are no methods. */
typedef enum found { ABSENT, FOUND, UNSAFE } found;

static qn_jval loop_near(qn_jstate *r, qn_jloop *loop, bool next)
{
    if (!next)
        return loop->index0 == 0 ? qn_jundefined(r, "there is no previous item") : loop->before;
    qn_jval item;
    if (loop->after.kind == J_MISSING && qn_jnext(r, loop->iter, &item))
        loop->after = item;
    return loop->after.kind == J_MISSING ? qn_jundefined(r, "there is no next item") : loop->after;
}

static bool loop_attribute(qn_jstate *r, qn_jloop *loop, qn_str name, qn_jval *v)
{
    int64_t index0 = loop->index0;
    if (qn_str_is(name, "index"))
        *v = qn_jint(index0 + 1);
    else if (qn_str_is(name, "index0"))
        *v = qn_jint(index0);
    else if (qn_str_is(name, "first"))
        *v = qn_jbool(index0 == 0);
    else if (qn_str_is(name, "last"))
        *v =
            qn_jbool(loop_near(r, loop, true).kind == J_UNDEFINED && loop->after.kind == J_MISSING);
    else if (qn_str_is(name, "length"))
        *v = qn_jint(qn_jloop_length(r, loop));
    else if (qn_str_is(name, "revindex"))
        *v = qn_jint(qn_jloop_length(r, loop) - index0);
    else if (qn_str_is(name, "revindex0"))
        *v = qn_jint(qn_jloop_length(r, loop) - index0 - 1);
    else if (qn_str_is(name, "depth"))
        *v = qn_jint(loop->depth0 + 1);
    else if (qn_str_is(name, "depth0"))
        *v = qn_jint(loop->depth0);
    else if (qn_str_is(name, "previtem") || qn_str_is(name, "nextitem"))
        *v = loop_near(r, loop, qn_str_is(name, "nextitem"));
    else
        return false;
    return true;
}

static bool macro_attribute(qn_jstate *r, const qn_jmacro *m, qn_str name, qn_jval *v)
{
    const qn_jnode *n = m->node;
    if (qn_str_is(name, "name") && n->kind == J_CALL_BLOCK) {
        *v = qn_jnone();
    } else if (qn_str_is(name, "name")) {
        *v = qn_jstr_value(qn_jstr_new(r, m->name.n_bytes, m->name.bytes, J_TRUSTED));
    } else if (qn_str_is(name, "arguments")) {
        qn_jlist *list = qn_jlist_new(r, 0);
        for (const qn_jnode *p = n->args; p && !qn_jfailed(r); p = p->next)
            qn_jlist_push(r, list,
                          qn_jstr_value(qn_jstr_new(r, p->name.n_bytes, p->name.bytes, J_TRUSTED)));
        *v = J_VALUE(J_TUPLE, list, list);
    } else if (qn_str_is(name, "caller")) {
        *v = qn_jbool(n->uses_caller);
    } else if (qn_str_is(name, "catch_kwargs")) {
        *v = qn_jbool(n->uses_kwargs);
    } else if (qn_str_is(name, "catch_varargs")) {
        *v = qn_jbool(n->uses_varargs);
    } else {
        return false;
    }
    return true;
}

static bool number_attribute(qn_jval of, qn_str name, qn_jval *v)
{
    bool is_double = of.kind == J_DOUBLE;
    if (qn_str_is(name, "imag"))
        *v = is_double ? qn_jdouble(0) : qn_jint(0);
    else if (qn_str_is(name, "real") || (!is_double && qn_str_is(name, "numerator")))
        *v = of.kind == J_BOOL ? qn_jint(of.b) : of;
    else if (!is_double && qn_str_is(name, "denominator"))
        *v = qn_jint(1);
    else
        return false;
    return true;
}

static bool range_attribute(const qn_jrange *range, qn_str name, qn_jval *v)
{
    if (qn_str_is(name, "start"))
        *v = qn_jint(range->start);
    else if (qn_str_is(name, "step"))
        *v = qn_jint(range->step);
    else if (qn_str_is(name, "stop"))
        *v = qn_jint(range->stop);
    else
        return false;
    return true;
}

static bool cycler_attribute(const qn_jcycler *cycler, qn_str name, qn_jval *v)
{
    if (qn_str_is(name, "current"))
        *v = cycler->items->v[cycler->at];
    else if (qn_str_is(name, "items"))
        *v = J_VALUE(J_TUPLE, list, cycler->items);
    else if (qn_str_is(name, "pos"))
        *v = qn_jint((int64_t)cycler->at);
    else
        return false;
    return true;
}

static bool joiner_attribute(const qn_jcycler *joiner, qn_str name, qn_jval *v)
{
    if (qn_str_is(name, "used"))
        *v = qn_jbool(joiner->used);
    else if (qn_str_is(name, "sep"))
        *v = joiner->separator;
    else
        return false;
    return true;
}

static bool named_item(const qn_jlist *list, qn_str name, qn_jval *v)
{
    for (size_t i = 0; i < 2 && i < list->n; i++)
        if (list->names[i] && qn_str_is(name, list->names[i]))
            return *v = list->v[i], true;
    return false;
}

static bool data_attribute(qn_jstate *r, qn_jval of, qn_str name, qn_jval *v)
{
    switch (of.kind) {
    case J_LOOP: return loop_attribute(r, of.loop, name, v);
    case J_MACRO: return macro_attribute(r, of.macro, name, v);
    case J_RANGE: return range_attribute(of.range, name, v);
    case J_TUPLE: return named_item(of.list, name, v);
    case J_CYCLER: return cycler_attribute(of.cycler, name, v);
    case J_JOINER: return joiner_attribute(of.cycler, name, v);
    default: return qn_jis_number(of) && number_attribute(of, name, v);
    }
}

static found find_attribute(qn_jstate *r, qn_jval of, qn_str name, qn_jval *v)
{
    if (of.kind == J_SPACE) {
        qn_jval *item = qn_jdict_find_str(r, of.dict, name);
        if (item)
            *v = *item;
        return item ? FOUND : ABSENT;
    }
    if (name.n_bytes > 4 && memcmp(name.bytes, "__", 2) == 0)
        return UNSAFE; /* each object has some of these */
    if (data_attribute(r, of, name, v))
        return FOUND;
    bool is_dict = of.kind == J_FUNCTION && strcmp(of.native->name, "dict") == 0;
    const qn_jnative *native = qn_jfind_method(is_dict ? J_DICT : of.kind, name);
    bool of_markup = qn_str_is(name, "striptags") || qn_str_is(name, "unescape");
    if ((is_dict && native && !qn_str_is(name, "fromkeys")) ||
        (of.kind == J_STR && of_markup && !of.s->markup))
        native = NULL;
    if (!native || !native->call)
        return native ? UNSAFE : ABSENT;
    qn_jmethod *method = qn_jtake_memory(r, 1, sizeof *method);
    if (!method)
        return ABSENT;
    *method = (qn_jmethod){of, native};
    *v = J_VALUE(J_METHOD, method, method);
    return FOUND;
}

/* "__class__" and the like, which each object has, unlike those of types and functions. */
static bool is_of_each(qn_str name)
{
    static const char *const others[] = {
        "__mro__",  "__bases__",   "__base__", "__name__",     "__qualname__", "__subclasses__",
        "__dict__", "__globals__", "__code__", "__builtins__", "__self__",     "__func__"};
    bool own = name.n_bytes > 4 && memcmp(name.bytes, "__", 2) == 0;
    for (size_t i = 0; i < QN_COUNT(others); i++)
        own &= !qn_str_is(name, others[i]);
    return own;
}

qn_jval qn_jattribute(qn_jstate *r, qn_jval of, qn_str name)
{
    qn_jval v = qn_jnone();
    if (of.kind == J_UNDEFINED && is_of_each(name))
        return qn_jundefined_attribute(r, of, name, true);
    if (of.kind == J_UNDEFINED)
        return qn_jrefuse_undefined(r, of);
    found f = find_attribute(r, of, name, &v);
    if (f == FOUND)
        return v;
    qn_jval *item = f == ABSENT && of.kind == J_DICT ? qn_jdict_find_str(r, of.dict, name) : NULL;
    return item ? *item : qn_jundefined_attribute(r, of, name, f == UNSAFE);
}

qn_jval qn_jonly_attribute(qn_jstate *r, qn_jval of, qn_str name)
{
    qn_jval v = qn_jnone();
    if (of.kind == J_UNDEFINED)
        return qn_jrefuse_undefined(r, of);
    found f = find_attribute(r, of, name, &v);
    return f == FOUND ? v : qn_jundefined_attribute(r, of, name, f == UNSAFE);
}

/* Items */

static bool hashable(qn_jstate *r, qn_jval v)
{
    bool ok = v.kind != J_LIST && v.kind != J_DICT && v.kind != J_VIEW;
    for (size_t i = 0; v.kind == J_TUPLE && i < v.list->n && ok && qn_jdown(r); i++) {
        ok = hashable(r, v.list->v[i]);
        r->depth--;
    }
    return ok;
}

static bool item_at(qn_jstate *r, qn_jval of, int64_t at, qn_jval *v)
{
    int64_t n = 0;
    if (!qn_jlength(r, of, &n))
        return false;
    at += at < 0 ? n : 0;
    if (at < 0 || at >= n)
        return false;
    if (of.kind == J_RANGE) {
        *v = qn_jint(of.range->start + at * of.range->step);
    } else if (of.kind == J_STR) {
        size_t begin = qn_jchar_at(r, of.s, (size_t)at), end = begin + 1;
        qn_str all = qn_jbytes(r, of.s);
        while (end < all.n_bytes && ((unsigned char)all.bytes[end] & 0xC0) == 0x80)
            end++;
        *v = qn_jstr_value(qn_jslice_bytes(r, of.s, begin, QN_MIN(end, all.n_bytes)));
    } else {
        *v = of.list->v[at];
    }
    return true;
}

static bool find_item(qn_jstate *r, qn_jval of, qn_jval key, qn_jval *v)
{
    bool sequence =
        of.kind == J_STR || of.kind == J_LIST || of.kind == J_TUPLE || of.kind == J_RANGE;
    if (sequence && qn_jis_small(key))
        return item_at(r, of, qn_jas_int(key), v);
    if (of.kind != J_DICT || !hashable(r, key))
        return false;
    qn_jval *item = qn_jdict_find(r, of.dict, key);
    if (item)
        *v = *item;
    return item != NULL;
}

qn_jval qn_jitem(qn_jstate *r, qn_jval of, qn_jval key)
{
    qn_jval v = qn_jnone();
    if (of.kind == J_UNDEFINED)
        return qn_jrefuse_undefined(r, of);
    if (find_item(r, of, key, &v))
        return v;
    if (key.kind == J_STR)
        return qn_jonly_attribute(r, of, qn_jbytes(r, key.s));
    qn_jbuild b = qn_jbuild_begin(r);
    qn_jrepr(&b, key);
    return qn_jundefined_item(r, of, qn_jbytes(r, qn_jbuild_end(&b)));
}

/* Slices */

typedef struct bounds {
    int64_t begin, step, n;
} bounds;

static bool slice_part(qn_jstate *r, qn_jval v, int64_t absent, int64_t *part)
{
    if (v.kind != J_NONE && !qn_jis_int(v)) {
        qn_jfail(r, QN_EARGUMENT,
                 "slice indices must be integers or None or have an __index__ method");
        return false;
    }
    if (v.kind == J_BIG)
        *part = qn_jint_negative(v) ? -INT64_MAX : INT64_MAX;
    else
        *part = v.kind == J_NONE ? absent : qn_jas_int(v);
    return true;
}

static int64_t clamp(int64_t at, int64_t n, int64_t least, int64_t most)
{
    at += at < 0 ? n : 0;
    return at < least ? least : at > most ? most : at;
}

static bool slice_bounds(qn_jstate *r, int64_t n, const qn_jval part[3], bounds *b)
{
    int64_t begin, end;
    if (!slice_part(r, part[2], 1, &b->step))
        return false;
    if (b->step == 0) {
        qn_jfail(r, QN_EARGUMENT, "slice step cannot be zero");
        return false;
    }
    bool up = b->step > 0;
    int64_t least = up ? 0 : -1, most = up ? n : n - 1;
    if (!slice_part(r, part[0], 0, &begin) || !slice_part(r, part[1], 0, &end))
        return false;
    begin = part[0].kind == J_NONE ? (up ? least : most) : clamp(begin, n, least, most);
    end = part[1].kind == J_NONE ? (up ? most : least) : clamp(end, n, least, most);
    uint64_t by = up ? (uint64_t)b->step : 0 - (uint64_t)b->step;
    uint64_t span = up            ? end > begin ? (uint64_t)(end - begin) : 0
                    : begin > end ? (uint64_t)(begin - end)
                                  : 0;
    b->begin = begin;
    b->n = (int64_t)(span / by + (span % by != 0));
    return true;
}

static qn_jval slice_string(qn_jstate *r, qn_jstr *s, const bounds *b)
{
    if (b->step == 1) {
        size_t begin = qn_jchar_at(r, s, (size_t)b->begin);
        size_t end = b->n == 0 ? begin : qn_jchar_at(r, s, (size_t)(b->begin + b->n));
        return qn_jstr_value(qn_jslice_bytes(r, s, begin, end));
    }
    /* the characters once, by their places: stepping back through UTF-8 would be quadratic */
    qn_str all = qn_jbytes(r, s);
    size_t *at = qn_jtake_memory(r, s->n_chars + 1, sizeof *at), n = 0;
    if (!at)
        return qn_jstr_value(s);
    for (size_t i = 0; i < all.n_bytes; i++)
        if (((unsigned char)all.bytes[i] & 0xC0) != 0x80)
            at[n++] = i;
    at[n] = all.n_bytes;
    qn_jbuild text = qn_jbuild_begin(r);
    for (int64_t i = 0; i < b->n && qn_jspend(r, 1 + s->n_marks / 8); i++) {
        size_t c = (size_t)(b->begin + i * b->step);
        qn_jbuild_piece(&text, s, at[c], at[c + 1]);
    }
    qn_jstr *sliced = qn_jbuild_end(&text);
    sliced->markup = s->markup;
    return qn_jstr_value(sliced);
}

static bool range_slice(const qn_jrange *of, const bounds *b, qn_jrange *part)
{
    int64_t begin, n;
    part->n = b->n;
    return !__builtin_mul_overflow(of->step, b->step, &part->step) &&
           !__builtin_mul_overflow(b->begin, of->step, &begin) &&
           !__builtin_add_overflow(of->start, begin, &part->start) &&
           !__builtin_mul_overflow(part->step, b->n, &n) &&
           !__builtin_add_overflow(part->start, n, &part->stop);
}

qn_jval qn_jsliced(qn_jstate *r, qn_jval v, qn_jval begin, qn_jval end, qn_jval step)
{
    const qn_jval part[3] = {begin, end, step};
    int64_t n = 0;
    bounds b;
    if (v.kind == J_UNDEFINED)
        return qn_jrefuse_undefined(r, v);
    if (v.kind != J_STR && v.kind != J_LIST && v.kind != J_TUPLE && v.kind != J_RANGE) {
        if (v.kind == J_DICT)
            qn_jfail(r, QN_EARGUMENT, "unhashable type: 'slice'");
        else
            qn_jfail(r, QN_EARGUMENT, "'%s' object is not subscriptable", qn_jtype_name(v));
        return v;
    }
    if (!qn_jlength(r, v, &n) || !slice_bounds(r, n, part, &b))
        return v;
    if (v.kind == J_STR)
        return slice_string(r, v.s, &b);
    if (v.kind == J_RANGE) {
        qn_jrange *range = qn_jtake_memory(r, 1, sizeof *range);
        if (range && !range_slice(v.range, &b, range))
            qn_jfail(r, QN_ELIMIT, "a range beyond 64 bits");
        return range ? J_VALUE(J_RANGE, range, range) : v;
    }
    qn_jlist *list = qn_jlist_new(r, (size_t)b.n);
    for (int64_t i = 0; i < b.n && !qn_jfailed(r); i++)
        qn_jlist_push(r, list, v.list->v[b.begin + i * b.step]);
    return (qn_jval){.kind = v.kind, .list = list};
}
