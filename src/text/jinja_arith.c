/* text/jinja_arith.c - Python's arithmetic on numbers, strings and lists, and its complaints. */
#include "text/jinja_int.h"
#include "text/jinja_node.h"

#include <math.h>
#include <string.h>

static bool repeatable(qn_jval v)
{
    return v.kind == J_STR || v.kind == J_LIST || v.kind == J_TUPLE;
}

qn_jval qn_jrefuse_operands(qn_jstate *r, const char *op, qn_jval a, qn_jval b)
{
    if (a.kind == J_UNDEFINED || b.kind == J_UNDEFINED)
        return qn_jrefuse_undefined(r, a.kind == J_UNDEFINED ? a : b);
    const char *left = qn_jtype_name(a), *right = qn_jtype_name(b);
    if (strcmp(op, "+") == 0 && repeatable(a))
        qn_jfail(r, QN_EARGUMENT, "can only concatenate %s (not \"%s\") to %s", left, right, left);
    else if (*op == '*' && !op[1] && (repeatable(a) || repeatable(b)))
        qn_jfail(r, QN_EARGUMENT, "can't multiply sequence by non-int of type '%s'",
                 repeatable(a) ? right : left);
    else if (*op == '-' && (a.kind == J_VIEW || b.kind == J_VIEW))
        qn_jfail(r, QN_EUNSUPPORTED, "sets are not supported: '%s' - '%s'", left, right);
    else
        qn_jfail(r, QN_EARGUMENT, "unsupported operand type(s) for %s: '%s' and '%s'",
                 op[1] == '*' ? "** or pow()" : op, left, right);
    return qn_jnone();
}

double qn_jas_double(qn_jstate *r, qn_jval v)
{
    return v.kind == J_DOUBLE ? v.f
           : v.kind == J_BIG  ? qn_jint_to_double(r, v)
                              : (double)qn_jas_int(v);
}

bool qn_jindex(qn_jstate *r, qn_jval v, int64_t *i)
{
    *i = 0;
    if (v.kind == J_BIG)
        qn_jfail(r, QN_EARGUMENT, "Python int too large to convert to C ssize_t");
    else if (!qn_jis_small(v))
        qn_jfail(r, QN_EARGUMENT, "'%s' object cannot be interpreted as an integer",
                 qn_jtype_name(v));
    else
        *i = qn_jas_int(v);
    return !qn_jfailed(r);
}

int64_t qn_jinteger(qn_jstate *r, qn_jval v, int64_t absent)
{
    int64_t i;
    return v.kind == J_MISSING ? absent : qn_jindex(r, v, &i) ? i : absent;
}

static bool are_ints(qn_jval a, qn_jval b)
{
    return qn_jis_int(a) && qn_jis_int(b);
}

static bool are_numbers(qn_jval a, qn_jval b)
{
    return qn_jis_number(a) && qn_jis_number(b);
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
    if (a.kind == J_STR && b.kind == J_STR) {
        if (a.s->markup || b.s->markup)
            return qn_jstr_value(qn_jmarkup_concat(r, a.s, b.s));
        return qn_jstr_value(qn_jconcat(r, a.s, b.s));
    }
    if (are_ints(a, b))
        return qn_jint_binary(r, J_ADD, a, b);
    if (are_numbers(a, b))
        return qn_jdouble(qn_jas_double(r, a) + qn_jas_double(r, b));
    if ((a.kind == J_LIST || a.kind == J_TUPLE) && a.kind == b.kind)
        return join_lists(r, a, b);
    return qn_jrefuse_operands(r, "+", a, b);
}

/* A string or list, times times. */
static qn_jval repeat(qn_jstate *r, qn_jval v, qn_jval count)
{
    size_t n = v.kind == J_STR ? v.s->n_bytes : v.list->n;
    if (count.kind == J_BIG) {
        qn_jfail(r, QN_EARGUMENT, "cannot fit 'int' into an index-sized integer");
        return v;
    }
    int64_t times = QN_MAX(qn_jas_int(count), (int64_t)0);
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
    if (are_ints(a, b))
        return qn_jint_binary(r, J_MUL, a, b);
    if (are_numbers(a, b))
        return qn_jdouble(qn_jas_double(r, a) * qn_jas_double(r, b));
    if (repeatable(a) && qn_jis_int(b))
        return repeat(r, a, b);
    if (repeatable(b) && qn_jis_int(a))
        return repeat(r, b, a);
    return qn_jrefuse_operands(r, "*", a, b);
}

/* Quotient rounded down, or the remainder with the divisor's sign. */
static qn_jval divide_doubles(int op, double x, double y)
{
    double rest = fmod(x, y), quotient = (x - rest) / y;
    if (rest != 0 && (rest < 0) != (y < 0))
        rest += y, quotient -= 1;
    if (op == J_MOD)
        return qn_jdouble(rest == 0 ? copysign(0, y) : rest);
    if (quotient == 0)
        return qn_jdouble(copysign(0, x / y));
    return qn_jdouble(floor(quotient) + (quotient - floor(quotient) > 0.5 ? 1 : 0));
}

static qn_jval divide(qn_jstate *r, int op, qn_jval a, qn_jval b)
{
    static const char *const names[] = {[J_DIV] = "/", [J_FLOORDIV] = "//", [J_MOD] = "%"};
    static const char *const zero[][2] = {
        [J_DIV] = {"division by zero", "float division by zero"},
        [J_FLOORDIV] = {"integer division or modulo by zero", "float floor division by zero"},
        [J_MOD] = {"integer modulo by zero", "float modulo"}};
    bool ints = are_ints(a, b);
    if (op == J_MOD && a.kind == J_STR)
        return qn_jpercent(r, a.s, b);
    if (!are_numbers(a, b))
        return qn_jrefuse_operands(r, names[op], a, b);
    double x = ints ? 0 : qn_jas_double(r, a), y = ints ? 0 : qn_jas_double(r, b);
    if (ints ? !qn_jtruth(r, b) : y == 0)
        qn_jfail(r, QN_EARGUMENT, "%s", zero[op][!ints]);
    if (qn_jfailed(r))
        return qn_jint(0);
    if (op == J_DIV)
        return ints ? qn_jint_divide(r, a, b) : qn_jdouble(x / y);
    return ints ? qn_jint_binary(r, op, a, b) : divide_doubles(op, x, y);
}

static qn_jval power(qn_jstate *r, qn_jval a, qn_jval b)
{
    if (!are_numbers(a, b))
        return qn_jrefuse_operands(r, "**", a, b);
    if (are_ints(a, b) && !qn_jint_negative(b))
        return qn_jint_binary(r, J_POW, a, b);
    double x = qn_jas_double(r, a), y = qn_jas_double(r, b), f = pow(x, y);
    bool finite = !isinf(x) && !isinf(y) && !isnan(x) && !isnan(y);
    if (x == 0 && y < 0)
        qn_jfail(r, QN_EARGUMENT, "0.0 cannot be raised to a negative power");
    else if (finite && isnan(f))
        qn_jfail(r, QN_EUNSUPPORTED, "complex numbers are not supported");
    else if (finite && isinf(f))
        qn_jfail(r, QN_EARGUMENT, "(34, 'Numerical result out of range')");
    return qn_jdouble(f);
}

qn_jval qn_jbinary(qn_jstate *r, int op, qn_jval a, qn_jval b)
{
    switch (op) {
    case J_ADD: return qn_jadd(r, a, b);
    case J_MUL: return multiply(r, a, b);
    case J_POW: return power(r, a, b);
    case J_SUB: break;
    default: return divide(r, op, a, b);
    }
    if (are_ints(a, b))
        return qn_jint_binary(r, J_SUB, a, b);
    if (are_numbers(a, b))
        return qn_jdouble(qn_jas_double(r, a) - qn_jas_double(r, b));
    return qn_jrefuse_operands(r, "-", a, b);
}
