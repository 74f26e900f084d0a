/* text/jinja_eval.c - expressions. Source: what Python does with the code that jinja2/compiler.py
 * makes of them.
 *
 * Invariant: every expression costs a step and a level of depth. */
#include "text/jinja_eval.h"

#include <math.h>
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

/* Arithmetic */

static bool repeatable(qn_jval v)
{
    return v.kind == J_STR || v.kind == J_LIST || v.kind == J_TUPLE;
}

static qn_jval refuse_operands(qn_jstate *r, const char *op, qn_jval a, qn_jval b)
{
    if (a.kind == J_UNDEFINED || b.kind == J_UNDEFINED)
        return qn_jrefuse_undefined(r, a.kind == J_UNDEFINED ? a : b);
    const char *left = qn_jtype_name(a), *right = qn_jtype_name(b);
    if (*op == '+' && repeatable(a))
        qn_jfail(r, QN_EARGUMENT, "can only concatenate %s (not \"%s\") to %s", left, right, left);
    else if (*op == '*' && !op[1] && (repeatable(a) || repeatable(b)))
        qn_jfail(r, QN_EARGUMENT, "can't multiply sequence by non-int of type '%s'",
                 repeatable(a) ? right : left);
    else
        qn_jfail(r, QN_EARGUMENT, "unsupported operand type(s) for %s: '%s' and '%s'",
                 op[1] == '*' ? "** or pow()" : op, left, right);
    return qn_jnone();
}

static qn_jval too_large(qn_jstate *r)
{
    qn_jfail(r, QN_ELIMIT, "an integer of more than 64 bits");
    return qn_jint(0);
}

static qn_jval join_lists(qn_jstate *r, qn_jval a, qn_jval b)
{
    qn_jlist *list = qn_jlist_new(r, a.list->n + b.list->n);
    for (size_t i = 0; i < a.list->n + b.list->n && !qn_jfailed(r); i++)
        qn_jlist_push(r, list, i < a.list->n ? a.list->v[i] : b.list->v[i - a.list->n]);
    return (qn_jval){.kind = a.kind, .list = list};
}

qn_jval qn_jadd(qn_jstate *r, qn_jval a, qn_jval b)
{
    int64_t sum;
    if (a.kind == J_STR && b.kind == J_STR) {
        if (a.s->markup || b.s->markup)
            return qn_jstr_value(qn_jmarkup_concat(r, a.s, b.s));
        return qn_jstr_value(qn_jconcat(r, a.s, b.s));
    }
    if (qn_jis_true_int(a) && qn_jis_true_int(b))
        return __builtin_add_overflow(qn_jas_int(a), qn_jas_int(b), &sum) ? too_large(r)
                                                                          : qn_jint(sum);
    if (qn_jis_number(a) && qn_jis_number(b))
        return qn_jdouble(qn_jas_double(a) + qn_jas_double(b));
    if ((a.kind == J_LIST || a.kind == J_TUPLE) && a.kind == b.kind)
        return join_lists(r, a, b);
    return refuse_operands(r, "+", a, b);
}

/* A string or list, times times. */
static qn_jval repeat(qn_jstate *r, qn_jval v, int64_t times)
{
    size_t n = v.kind == J_STR ? v.s->n_bytes : v.list->n;
    times = QN_MAX(times, (int64_t)0);
    if (n && (uint64_t)times > qn_template_max.n_repeat / n) {
        qn_jfail(r, QN_ELIMIT, "a repetition of more than %zu", qn_template_max.n_repeat);
        return v;
    }
    if (v.kind == J_STR) {
        qn_jbuild b = qn_jbuild_begin(r);
        for (int64_t i = 0; i < times && n && !qn_jfailed(r); i++)
            qn_jbuild_str(&b, v.s);
        qn_jstr *s = qn_jbuild_end(&b);
        s->markup = v.s->markup;
        return qn_jstr_value(s);
    }
    qn_jlist *list = qn_jlist_new(r, n * (size_t)times);
    for (size_t i = 0; i < n * (size_t)times && !qn_jfailed(r); i++)
        qn_jlist_push(r, list, v.list->v[i % n]);
    return (qn_jval){.kind = v.kind, .list = list};
}

static qn_jval multiply(qn_jstate *r, qn_jval a, qn_jval b)
{
    int64_t product;
    if (qn_jis_true_int(a) && qn_jis_true_int(b))
        return __builtin_mul_overflow(qn_jas_int(a), qn_jas_int(b), &product) ? too_large(r)
                                                                              : qn_jint(product);
    if (qn_jis_number(a) && qn_jis_number(b))
        return qn_jdouble(qn_jas_double(a) * qn_jas_double(b));
    if (repeatable(a) && qn_jis_true_int(b))
        return repeat(r, a, qn_jas_int(b));
    if (repeatable(b) && qn_jis_true_int(a))
        return repeat(r, b, qn_jas_int(a));
    return refuse_operands(r, "*", a, b);
}

/* Quotient rounded down, and the remainder with the divisor's sign. */
static qn_jval divide_ints(qn_jstate *r, int op, int64_t x, int64_t y)
{
    if (y == -1)
        return op == J_MOD ? qn_jint(0) : x == INT64_MIN ? too_large(r) : qn_jint(-x);
    int64_t quotient = x / y, rest = x % y;
    bool down = rest != 0 && (rest < 0) != (y < 0);
    return qn_jint(op == J_MOD ? rest + (down ? y : 0) : quotient - down);
}

static qn_jval divide(qn_jstate *r, int op, qn_jval a, qn_jval b)
{
    static const char *const names[] = {[J_DIV] = "/", [J_FLOORDIV] = "//", [J_MOD] = "%"};
    static const char *const zero[][2] = {
        [J_DIV] = {"division by zero", "float division by zero"},
        [J_FLOORDIV] = {"integer division or modulo by zero", "float floor division by zero"},
        [J_MOD] = {"integer modulo by zero", "float modulo"}};
    bool ints = qn_jis_true_int(a) && qn_jis_true_int(b);
    if (op == J_MOD && a.kind == J_STR)
        return qn_jpercent(r, a.s, b);
    if (!qn_jis_number(a) || !qn_jis_number(b))
        return refuse_operands(r, names[op], a, b);
    double x = qn_jas_double(a), y = qn_jas_double(b);
    if (y == 0) {
        qn_jfail(r, QN_EARGUMENT, "%s", zero[op][!ints]);
        return qn_jint(0);
    }
    if (op == J_DIV)
        return qn_jdouble(ints ? (double)((long double)qn_jas_int(a) / (long double)qn_jas_int(b))
                               : x / y);
    if (ints)
        return divide_ints(r, op, qn_jas_int(a), qn_jas_int(b));
    double rest = fmod(x, y);
    double quotient = (x - rest) / y;
    if (rest != 0 && (rest < 0) != (y < 0))
        rest += y, quotient -= 1;
    if (op == J_MOD)
        return qn_jdouble(rest == 0 ? copysign(0, y) : rest);
    if (quotient == 0)
        return qn_jdouble(copysign(0, x / y));
    return qn_jdouble(floor(quotient) + (quotient - floor(quotient) > 0.5 ? 1 : 0));
}

static qn_jval power(qn_jstate *r, qn_jval a, qn_jval b)
{
    if (!qn_jis_number(a) || !qn_jis_number(b))
        return refuse_operands(r, "**", a, b);
    if (a.kind == J_DOUBLE || b.kind == J_DOUBLE || qn_jas_int(b) < 0) {
        double x = qn_jas_double(a), y = qn_jas_double(b), f = pow(x, y);
        if ((x == 0 && y < 0) || isnan(f) || (isinf(f) && !isinf(x) && !isinf(y)))
            qn_jfail(r, QN_EARGUMENT,
                     x == 0 ? "0.0 cannot be raised to a negative power"
                            : "a power that no float holds");
        return qn_jdouble(f);
    }
    int64_t base = qn_jas_int(a), n = qn_jas_int(b), result = 1;
    if (n > 64 && base != 0 && base != 1 && base != -1)
        return too_large(r);
    for (n = n > 64 ? n & 1 ? 65 : 64 : n; n > 0; n--)
        if (__builtin_mul_overflow(result, base, &result))
            return too_large(r);
    return qn_jint(result);
}

qn_jval qn_jbinary(qn_jstate *r, int op, qn_jval a, qn_jval b)
{
    if (op == J_ADD)
        return qn_jadd(r, a, b);
    if (op == J_MUL)
        return multiply(r, a, b);
    if (op == J_POW)
        return power(r, a, b);
    if (op != J_SUB)
        return divide(r, op, a, b);
    int64_t difference;
    if (qn_jis_true_int(a) && qn_jis_true_int(b))
        return __builtin_sub_overflow(qn_jas_int(a), qn_jas_int(b), &difference)
                   ? too_large(r)
                   : qn_jint(difference);
    if (qn_jis_number(a) && qn_jis_number(b))
        return qn_jdouble(qn_jas_double(a) - qn_jas_double(b));
    return refuse_operands(r, "-", a, b);
}

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
    return n->kind == J_NEG ? qn_jbinary(r, J_SUB, qn_jint(0), v) : qn_jint(qn_jas_int(v));
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
    qn_jiter *it = qn_jiterate(r, v);
    for (qn_jval item; qn_jnext(r, it, &item);)
        qn_jlist_push(r, positional, item);
}

static void add_keyword(qn_jstate *r, qn_jcall *c, size_t *n_capacity, qn_str name, qn_jval v)
{
    char shown[QN_SHOWN];
    for (size_t i = 0; i < c->n_keyword && qn_jspend(r, 1); i++)
        if (qn_str_equal(c->keyword[i].name, name))
            qn_jfail(r, QN_EARGUMENT, "argument %s is given twice", qn_str_show(shown, name));
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

static void spread_keywords(qn_jstate *r, qn_jcall *c, size_t *n_capacity, qn_jval v)
{
    if (v.kind != J_DICT)
        qn_jfail(r, QN_EARGUMENT, "** wants a dict, not a %s", qn_jtype_name(v));
    for (size_t i = 0; v.kind == J_DICT && i < v.dict->n && !qn_jfailed(r); i++) {
        qn_jpair *p = &v.dict->pair[i];
        if (p->key.kind == J_STR)
            add_keyword(r, c, n_capacity, qn_jbytes(r, p->key.s), p->value);
        else
            qn_jfail(r, QN_EARGUMENT, "a keyword must be a str, not a %s", qn_jtype_name(p->key));
    }
}

void qn_jeval_arguments(qn_jstate *r, const qn_jnode *first, qn_jcall *c)
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
            spread_keywords(r, c, &n_capacity, v);
        else if (n->kind == J_KEYWORD)
            add_keyword(r, c, &n_capacity, n->name, v);
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
    qn_jeval_arguments(r, n->args, &c);
    r->line = n->line;
    return qn_jfailed(r) ? qn_jnone() : qn_jcall_value(r, callee, &c);
}

qn_jval qn_jeval_filter(qn_jstate *r, const qn_jnode *n, qn_jval self)
{
    char shown[QN_SHOWN];
    qn_jcall c;
    qn_jeval_arguments(r, n->args, &c);
    r->line = n->line;
    if (!n->entry)
        qn_jfail(r, QN_EARGUMENT, "No %s named '%s' found.",
                 n->kind == J_FILTER ? "filter" : "test", qn_str_show(shown, n->name));
    return qn_jfailed(r) ? qn_jnone() : qn_jcall_native(r, n->entry, self, &c);
}

static qn_jval eval_slice(qn_jstate *r, const qn_jnode *n)
{
    qn_jval part[3] = {0}, v = qn_jeval(r, n->a);
    const qn_jnode *parts[] = {n->b->a, n->b->b, n->b->c};
    bool folded = n->a->kind == J_CONST && v.kind != J_STR; /* while parsing, which forgives */
    for (size_t i = 0; i < 3; i++) {
        part[i] = parts[i] ? qn_jeval(r, parts[i]) : qn_jnone();
        folded &= !parts[i] || parts[i]->kind == J_CONST;
    }
    r->line = n->line;
    if (folded)
        return qn_jundefined_item(r, v, qn_str_of("slice"));
    return qn_jfailed(r) ? v : qn_jsliced(r, v, part[0], part[1], part[2]);
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
    case J_BINARY: v = qn_jeval(r, n->a); return qn_jbinary(r, n->op, v, qn_jeval(r, n->b));
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
