/* text/jinja_eval.c - expressions. Source: what Python does with the code that jinja2/compiler.py
 * makes of them.
 *
 * Invariant: every expression costs a step and a level of depth. */
#include "text/jinja_eval.h"

#include "text/jinja_int.h"

#include <stdio.h>
#include <string.h>

/* Variables */

static qn_jactivation *outwards(const qn_jstate *r, uint32_t hops)
{
    qn_jactivation *a = r->active;
    for (; hops > 0; hops--)
        a = a->outer;
    return a;
}

qn_jval *qn_jslot(const qn_jstate *r, qn_jplace place)
{
    return &outwards(r, place.hops)->slot[place.slot];
}

qn_jval qn_jlook_up(qn_jstate *r, qn_str name)
{
    qn_jval *v = qn_jdict_find_str(r, r->variables, name);
    if (v)
        return *v;
    const qn_jnative *global = qn_jfind_global(name);
    return global ? J_VALUE(J_FUNCTION, native, global) : (qn_jval){0};
}

static qn_jval eval_name(qn_jstate *r, const qn_jnode *n)
{
    qn_jval v = *qn_jslot(r, n->place);
    return v.kind == J_MISSING ? qn_jundefined_name(r, n->name) : v;
}

/* Literals */

static qn_jlist *eval_items(qn_jstate *r, const qn_jnode *first)
{
    qn_jlist *list = qn_jlist_new(r, 0);
    for (const qn_jnode *n = first; n && !qn_jfailed(r); n = n->next)
        qn_jlist_push(r, list, qn_jeval(r, n));
    return list;
}

static qn_jval eval_dict(qn_jstate *r, const qn_jnode *n)
{
    qn_jdict *d = qn_jdict_new(r);
    for (const qn_jnode *pair = n->args; pair && !qn_jfailed(r); pair = pair->next) {
        qn_jval key = qn_jeval(r, pair->a);
        qn_jdict_set(r, d, key, qn_jeval(r, pair->b));
    }
    return J_VALUE(J_DICT, dict, d);
}

/* Operators */

static qn_jval eval_sign(qn_jstate *r, const qn_jnode *n)
{
    qn_jval v = qn_jeval(r, n->a);
    if (v.kind == J_UNDEFINED)
        return qn_jrefuse_undefined(r, v);
    if (!qn_jis_number(v)) {
        qn_jfail(r, QN_EARGUMENT, "bad operand type for unary %c: '%s'",
                 n->kind == J_NEG ? '-' : '+', qn_jtype_name(v));
        return v;
    }
    if (v.kind == J_DOUBLE)
        return qn_jdouble(n->kind == J_NEG ? -v.f : v.f);
    return n->kind == J_NEG ? qn_jint_negate(r, v) : v.kind == J_BOOL ? qn_jint(v.b) : v;
}

/* Comparisons */

bool qn_jcompare_op(qn_jstate *r, int op, qn_jval a, qn_jval b)
{
    switch (op) {
    case J_EQ: return qn_jequal(r, a, b);
    case J_NE: return !qn_jequal(r, a, b);
    case J_IN: return qn_jcontains(r, b, a);
    case J_NOT_IN: return !qn_jcontains(r, b, a);
    case J_LT: return qn_jcompare(r, a, b, "<") == -1;
    case J_LE: return qn_jcompare(r, a, b, "<=") <= 0;
    case J_GT: return qn_jcompare(r, a, b, ">") == 1;
    default: {
        int c = qn_jcompare(r, a, b, ">=");
        return c == 0 || c == 1;
    }
    }
}

static qn_jval eval_compare(qn_jstate *r, const qn_jnode *n)
{
    qn_jval left = qn_jeval(r, n->a);
    bool holds = true;
    for (const qn_jnode *op = n->args; op && holds && !qn_jfailed(r); op = op->next) {
        qn_jval right = qn_jeval(r, op->a);
        holds = !qn_jfailed(r) && qn_jcompare_op(r, op->op, left, right);
        left = right;
    }
    return qn_jbool(holds);
}

static qn_jval eval_concat(qn_jstate *r, const qn_jnode *n)
{
    qn_jbuild b = qn_jbuild_begin(r);
    for (const qn_jnode *item = n->args; item && !qn_jfailed(r); item = item->next)
        qn_jprint(&b, qn_jeval(r, item));
    return qn_jstr_value(qn_jbuild_end(&b));
}

/* Calls */

static void spread(qn_jstate *r, qn_jlist *positional, qn_jval v)
{
    if (!qn_jiterable(v))
        qn_jfail(r, QN_EARGUMENT, "Value after * must be an iterable, not %s", qn_jtype_name(v));
    qn_jiter *it = qn_jiterate(r, v);
    for (qn_jval item; qn_jnext(r, it, &item);)
        qn_jlist_push(r, positional, item);
}

static void add_keyword(qn_jstate *r, qn_jcall *c, const qn_jnative *native, size_t *n_capacity,
                        qn_str name, qn_jval v)
{
    for (size_t i = 0; i < c->n_keyword && qn_jspend(r, 1); i++)
        if (qn_str_equal(c->keyword[i].name, name))
            qn_jrefuse_twice(r, native, name);
    if (c->n_keyword == *n_capacity) {
        size_t n = QN_MAX((size_t)4, *n_capacity * 2);
        qn_jkeyword *more = qn_jtake_memory(r, n, sizeof *more);
        if (!more)
            return;
        if (c->n_keyword)
            memcpy(more, c->keyword, c->n_keyword * sizeof *more);
        c->keyword = more;
        *n_capacity = n;
    }
    c->keyword[c->n_keyword++] = (qn_jkeyword){name, v};
}

static void spread_keywords(qn_jstate *r, qn_jcall *c, const qn_jnative *native, size_t *n_capacity,
                            qn_jval v)
{
    if (v.kind != J_DICT)
        qn_jrefuse_mapping(r, native, v);
    for (size_t i = 0; v.kind == J_DICT && i < v.dict->n && !qn_jfailed(r); i++) {
        qn_jpair *p = &v.dict->pair[i];
        if (p->key.kind == J_STR)
            add_keyword(r, c, native, n_capacity, qn_jbytes(r, p->key.s), p->value);
        else
            qn_jfail(r, QN_EARGUMENT, "keywords must be strings");
    }
}

void qn_jeval_arguments(qn_jstate *r, const qn_jnode *first, const qn_jnative *native, qn_jcall *c)
{
    qn_jlist *positional = first ? qn_jlist_new(r, 0) : NULL;
    size_t n_capacity = 0;
    *c = (qn_jcall){0};
    for (const qn_jnode *n = first; n && !qn_jfailed(r); n = n->next) {
        bool plain = n->kind != J_STAR && n->kind != J_STAR_STAR && n->kind != J_KEYWORD;
        qn_jval v = qn_jeval(r, plain ? n : n->a);
        if (n->kind == J_STAR)
            spread(r, positional, v);
        else if (n->kind == J_STAR_STAR)
            spread_keywords(r, c, native, &n_capacity, v);
        else if (n->kind == J_KEYWORD)
            add_keyword(r, c, native, &n_capacity, n->name, v);
        else
            qn_jlist_push(r, positional, v);
    }
    if (positional) {
        c->n_positional = positional->n;
        c->positional = positional->v;
    }
}

static qn_jval eval_call(qn_jstate *r, const qn_jnode *n)
{
    qn_jcall c;
    qn_jval callee = qn_jeval(r, n->a);
    qn_jeval_arguments(r, n->args, NULL, &c);
    r->line = n->line;
    return qn_jfailed(r) ? qn_jnone() : qn_jcall_value(r, callee, &c);
}

qn_jval qn_jeval_filter(qn_jstate *r, const qn_jnode *n, qn_jval self)
{
    char shown[QN_SHOWN];
    qn_jcall c;
    qn_jeval_arguments(r, n->args, n->entry, &c);
    r->line = n->line;
    if (!n->entry)
        qn_jfail(r, QN_EARGUMENT, "No %s named '%s' found.",
                 n->kind == J_FILTER ? "filter" : "test", qn_str_show(shown, n->name));
    return qn_jfailed(r) ? qn_jnone() : qn_jcall_native(r, n->entry, self, &c);
}

/* Whether Jinja2 computes it while it compiles the template. */
static bool is_folded(const qn_jnode *n)
{
    bool folded = true;
    switch (n->kind) {
    case J_CONST:
    case J_LONG: return true;
    case J_NEG:
    case J_POS: return is_folded(n->a);
    case J_BINARY:
    case J_PAIR: return is_folded(n->a) && is_folded(n->b);
    case J_DICTS:
    case J_LISTS:
    case J_TUPLES:
        for (const qn_jnode *item = n->args; item && folded; item = item->next)
            folded = is_folded(item);
        return folded;
    default: return false;
    }
}

/* A TypeError makes it undefined where all of it is computed while compiling. */
static bool is_forgiven(const qn_jnode *n, qn_jval v, const qn_jval part[3])
{
    bool ok = v.kind == J_STR || v.kind == J_LIST || v.kind == J_TUPLE, folded = is_folded(n->a);
    const qn_jnode *parts[] = {n->b->a, n->b->b, n->b->c};
    for (size_t i = 0; i < 3; i++) {
        folded &= !parts[i] || is_folded(parts[i]);
        ok &= part[i].kind == J_NONE || qn_jis_int(part[i]);
    }
    return folded && !ok;
}

static qn_jval eval_slice(qn_jstate *r, const qn_jnode *n)
{
    qn_jval part[3] = {0}, v = qn_jeval(r, n->a);
    const qn_jnode *parts[] = {n->b->a, n->b->b, n->b->c};
    for (size_t i = 0; i < 3; i++)
        part[i] = parts[i] ? qn_jeval(r, parts[i]) : qn_jnone();
    r->line = n->line;
    if (is_forgiven(n, v, part))
        return qn_jundefined_item(r, v, qn_str_of("slice"));
    return qn_jfailed(r) ? v : qn_jsliced(r, v, part[0], part[1], part[2]);
}

/* A negative number that was folded stands bare in the code that Jinja2 makes: -3 ** n is then
 * -(3 ** n) for Python. */
static qn_jval eval_binary(qn_jstate *r, const qn_jnode *n)
{
    qn_jval a = qn_jeval(r, n->a), b = qn_jeval(r, n->b);
    bool bare = n->op == J_POW && qn_jis_number(a) && is_folded(n->a) && !is_folded(n->b);
    bool negative = bare && (a.kind == J_DOUBLE ? a.f < 0 : qn_jint_negative(a));
    if (!negative || qn_jfailed(r))
        return qn_jbinary(r, n->op, a, b);
    a = a.kind == J_DOUBLE ? qn_jdouble(-a.f) : qn_jint_negate(r, a);
    qn_jval power = qn_jbinary(r, J_POW, a, b);
    return power.kind == J_DOUBLE ? qn_jdouble(-power.f)
           : qn_jis_int(power)    ? qn_jint_negate(r, power)
                                  : power;
}

static qn_jval eval_item(qn_jstate *r, const qn_jnode *n)
{
    if (n->b->kind == J_SLICE)
        return eval_slice(r, n);
    qn_jval v = qn_jeval(r, n->a), key = qn_jeval(r, n->b);
    r->line = n->line;
    return qn_jfailed(r) ? v : qn_jitem(r, v, key);
}

static qn_jval no_else(qn_jstate *r, unsigned line)
{
    enum { ROOM = 120 };
    char *text = qn_jtake_memory(r, ROOM, 1);
    if (text)
        snprintf(text, ROOM,
                 "the inline if-expression on line %u evaluated to false and no else section was "
                 "defined.",
                 line);
    return qn_jundefined(r, text ? text : "");
}

static qn_jval eval_inside(qn_jstate *r, const qn_jnode *n)
{
    qn_jval v;
    switch (n->kind) {
    case J_CONST: return n->value;
    case J_LONG: return qn_jint_parse(r, n->name.n_bytes, n->name.bytes, n->op, false);
    case J_NAMED: return eval_name(r, n);
    case J_TUPLES: return J_VALUE(J_TUPLE, list, eval_items(r, n->args));
    case J_LISTS: return qn_jlist_value(eval_items(r, n->args));
    case J_DICTS: return eval_dict(r, n);
    case J_ATTR: v = qn_jeval(r, n->a); return qn_jfailed(r) ? v : qn_jattribute(r, v, n->name);
    case J_ITEM: return eval_item(r, n);
    case J_CALL: return eval_call(r, n);
    case J_FILTER:
        v = n->a ? qn_jeval(r, n->a) : r->filtered;
        return qn_jfailed(r) ? v : qn_jeval_filter(r, n, v);
    case J_TEST: v = qn_jeval(r, n->a); return qn_jfailed(r) ? v : qn_jeval_filter(r, n, v);
    case J_IF_ELSE:
        if (qn_jtruth(r, qn_jeval(r, n->a)))
            return qn_jeval(r, n->b);
        return n->c ? qn_jeval(r, n->c) : no_else(r, n->line);
    case J_AND: v = qn_jeval(r, n->a); return qn_jtruth(r, v) ? qn_jeval(r, n->b) : v;
    case J_OR: v = qn_jeval(r, n->a); return qn_jtruth(r, v) ? v : qn_jeval(r, n->b);
    case J_NOT: return qn_jbool(!qn_jtruth(r, qn_jeval(r, n->a)));
    case J_BINARY: return eval_binary(r, n);
    case J_CONCAT: return eval_concat(r, n);
    case J_COMPARE: return eval_compare(r, n);
    case J_NEG:
    case J_POS: return eval_sign(r, n);
    default: qn_jfail(r, QN_EARGUMENT, "a slice stands where none can be"); return qn_jnone();
    }
}

qn_jval qn_jeval(qn_jstate *r, const qn_jnode *n)
{
    qn_jval v = qn_jnone();
    r->line = n->line;
    if (qn_jdown(r))
        v = eval_inside(r, n);
    r->depth--;
    return v;
}
