/* text/jinja_expr.c - expressions: tokens become a tree. Source: jinja2/parser.py; its precedence,
 * loosest first: if else, or, and, not, comparisons, + -, ~, * / // %, **, unary, postfix, filters
 * and tests.
 *
 * Invariant: each way back into an expression passes qn_jenter, so nesting is bounded. */
#include "text/jinja_node.h"

#include <string.h>

static qn_jnode *parse_or(qn_jparser *p);
static qn_jnode *parse_unary(qn_jparser *p, bool filters);
static qn_jnode *parse_postfix(qn_jparser *p, qn_jnode *n);

static unsigned line_of(const qn_jparser *p)
{
    return qn_jpeek(p, 0)->line;
}

static qn_jnode *new_leaf(qn_jparser *p, qn_jkind kind, unsigned line)
{
    return qn_jnode_new(p, kind, line, NULL, NULL, NULL);
}

static qn_jnode *new_const(qn_jparser *p, unsigned line, qn_jval v)
{
    qn_jnode *n = new_leaf(p, J_CONST, line);
    n->value = v;
    return n;
}

bool qn_jis_constant(qn_str name)
{
    static const char *const names[] = {"true", "false", "none", "True", "False", "None"};
    bool any = false;
    for (size_t i = 0; i < QN_COUNT(names); i++)
        any |= qn_str_is(name, names[i]);
    return any;
}

static qn_jnode *parse_integer(qn_jparser *p)
{
    const qn_jtoken *t = qn_jtake(p);
    if (!t->is_long)
        return new_const(p, t->line, qn_jint(t->i));
    qn_jnode *n = new_leaf(p, J_LONG, t->line);
    n->name = t->digits;
    n->op = (uint8_t)t->base;
    return n;
}

qn_jnode *qn_jparse_expression(qn_jparser *p)
{
    unsigned line = line_of(p);
    if (!qn_jenter(p))
        return p->depth--, p->spare;
    qn_jnode *n = parse_or(p);
    while (qn_jskip_name(p, "if")) {
        qn_jnode *test = parse_or(p);
        qn_jnode *other = qn_jskip_name(p, "else") ? qn_jparse_expression(p) : NULL;
        n = qn_jnode_new(p, J_IF_ELSE, line, test, n, other);
        line = line_of(p);
    }
    p->depth--;
    return n;
}

static qn_jnode *parse_pow(qn_jparser *p)
{
    unsigned line = line_of(p);
    qn_jnode *left = parse_unary(p, true);
    while (qn_jskip_op(p, "**")) {
        left = qn_jnode_new(p, J_BINARY, line, left, parse_unary(p, true), NULL);
        left->op = J_POW;
        line = line_of(p);
    }
    return left;
}

typedef struct binary {
    const char *op;
    qn_jop code;
} binary;

/* Operators of one level, from the left. */
static qn_jnode *parse_level(qn_jparser *p, size_t n, const binary *ops,
                             qn_jnode *(*operand)(qn_jparser *p))
{
    unsigned line = line_of(p);
    qn_jnode *left = operand(p);
    for (size_t i = 0; i < n;) {
        if (!qn_jskip_op(p, ops[i].op)) {
            i++;
            continue;
        }
        left = qn_jnode_new(p, J_BINARY, line, left, operand(p), NULL);
        left->op = (uint8_t)ops[i].code;
        line = line_of(p);
        i = 0;
    }
    return left;
}

static qn_jnode *parse_product(qn_jparser *p)
{
    static const binary ops[] = {{"*", J_MUL}, {"/", J_DIV}, {"//", J_FLOORDIV}, {"%", J_MOD}};
    return parse_level(p, QN_COUNT(ops), ops, parse_pow);
}

static qn_jnode *parse_concat(qn_jparser *p)
{
    unsigned line = line_of(p);
    qn_jnode *first = parse_product(p);
    if (!qn_jis_op(p, "~"))
        return first;
    qn_jnode *n = new_leaf(p, J_CONCAT, line), **tail = &n->args;
    qn_jnode_append(p, n, &tail, first);
    while (qn_jskip_op(p, "~"))
        qn_jnode_append(p, n, &tail, parse_product(p));
    return n;
}

static qn_jnode *parse_sum(qn_jparser *p)
{
    static const binary ops[] = {{"+", J_ADD}, {"-", J_SUB}};
    return parse_level(p, QN_COUNT(ops), ops, parse_concat);
}

static bool comparison(qn_jparser *p, uint8_t *op)
{
    static const binary ops[] = {{"==", J_EQ}, {"!=", J_NE}, {"<", J_LT},
                                 {"<=", J_LE}, {">", J_GT},  {">=", J_GE}};
    for (size_t i = 0; i < QN_COUNT(ops); i++)
        if (qn_jskip_op(p, ops[i].op))
            return *op = (uint8_t)ops[i].code, true;
    if (qn_jskip_name(p, "in"))
        return *op = J_IN, true;
    if (!qn_jis_name(p, "not"))
        return false;
    const qn_jtoken *second = qn_jlook(p);
    if (second->type != J_NAME || !qn_str_is(second->text, "in"))
        return false;
    qn_jtake(p);
    qn_jtake(p);
    return *op = J_NOT_IN, true;
}

static qn_jnode *parse_compare(qn_jparser *p)
{
    unsigned line = line_of(p);
    uint8_t op;
    qn_jnode *first = parse_sum(p), *n = NULL, **tail = NULL;
    while (comparison(p, &op)) {
        if (!n) {
            n = qn_jnode_new(p, J_COMPARE, line, first, NULL, NULL);
            tail = &n->args;
        }
        qn_jnode *operand = qn_jnode_new(p, J_OPERAND, line_of(p), parse_sum(p), NULL, NULL);
        operand->op = op;
        qn_jnode_append(p, n, &tail, operand);
    }
    return n ? n : first;
}

static qn_jnode *parse_not(qn_jparser *p)
{
    unsigned line = line_of(p);
    if (!qn_jskip_name(p, "not"))
        return parse_compare(p);
    qn_jnode *n = qn_jenter(p) ? parse_not(p) : p->spare;
    p->depth--;
    return qn_jnode_new(p, J_NOT, line, n, NULL, NULL);
}

static qn_jnode *parse_and(qn_jparser *p)
{
    unsigned line = line_of(p);
    qn_jnode *n = parse_not(p);
    while (qn_jskip_name(p, "and")) {
        n = qn_jnode_new(p, J_AND, line, n, parse_not(p), NULL);
        line = line_of(p);
    }
    return n;
}

static qn_jnode *parse_or(qn_jparser *p)
{
    unsigned line = line_of(p);
    qn_jnode *n = parse_and(p);
    while (qn_jskip_name(p, "or")) {
        n = qn_jnode_new(p, J_OR, line, n, parse_and(p), NULL);
        line = line_of(p);
    }
    return n;
}

static qn_jnode *parse_list(qn_jparser *p)
{
    qn_jnode *n = new_leaf(p, J_LISTS, qn_jtake(p)->line), **tail = &n->args;
    while (p->status == QN_OK && !qn_jis_op(p, "]")) {
        if (n->args)
            qn_jexpect_op(p, ",");
        if (!qn_jis_op(p, "]"))
            qn_jnode_append(p, n, &tail, qn_jparse_expression(p));
    }
    qn_jexpect_op(p, "]");
    return n;
}

static qn_jnode *parse_dict(qn_jparser *p)
{
    qn_jnode *n = new_leaf(p, J_DICTS, qn_jtake(p)->line), **tail = &n->args;
    while (p->status == QN_OK && !qn_jis_op(p, "}")) {
        if (n->args)
            qn_jexpect_op(p, ",");
        if (qn_jis_op(p, "}"))
            break;
        qn_jnode *key = qn_jparse_expression(p);
        qn_jexpect_op(p, ":");
        qn_jnode *value = qn_jparse_expression(p);
        qn_jnode_append(p, n, &tail, qn_jnode_new(p, J_PAIR, key->line, key, value, NULL));
    }
    qn_jexpect_op(p, "}");
    return n;
}

/* Strings side by side are one. */
static qn_jnode *parse_string(qn_jparser *p)
{
    unsigned line = line_of(p);
    size_t n_bytes = 0, n_strings = 0;
    while (qn_jpeek(p, n_strings)->type == J_STRING)
        n_bytes += qn_jpeek(p, n_strings++)->text.n_bytes;
    qn_jstr *s = qn_region_take(p->region, 1, sizeof *s);
    char *bytes = s ? qn_region_take(p->region, n_bytes + 1, 1) : NULL;
    if (!bytes) {
        qn_jparser_no_memory(p, line);
        return p->spare;
    }
    *s = (qn_jstr){.bytes = bytes, .origin = J_TRUSTED};
    for (; n_strings > 0; n_strings--) {
        qn_str t = qn_jtake(p)->text;
        if (t.n_bytes)
            memcpy(bytes + s->n_bytes, t.bytes, t.n_bytes);
        s->n_bytes += t.n_bytes;
    }
    s->n_chars = qn_jcount_chars(s->n_bytes, bytes);
    return new_const(p, line, qn_jstr_value(s));
}

static qn_jnode *parse_name(qn_jparser *p)
{
    static const struct {
        const char *name;
        qn_jval value;
    } constants[] = {
        {"true", {.kind = J_BOOL, .b = true}},
        {"True", {.kind = J_BOOL, .b = true}},
        {"false", {.kind = J_BOOL, .b = false}},
        {"False", {.kind = J_BOOL, .b = false}},
        {"none", {.kind = J_NONE}},
        {"None", {.kind = J_NONE}},
    };
    qn_jtoken *t = qn_jtake(p);
    for (size_t i = 0; i < QN_COUNT(constants); i++)
        if (qn_str_is(t->text, constants[i].name))
            return new_const(p, t->line, constants[i].value);
    qn_jnode *n = new_leaf(p, J_NAMED, t->line);
    n->name = t->text;
    return n;
}

static qn_jnode *parse_primary(qn_jparser *p)
{
    char shown[QN_SHOWN];
    qn_jtoken *t = qn_jpeek(p, 0);
    switch (t->type) {
    case J_NAME: return parse_name(p);
    case J_STRING: return parse_string(p);
    case J_INTEGER: return parse_integer(p);
    case J_FLOAT: return new_const(p, qn_jtake(p)->line, qn_jdouble(t->f));
    default: break;
    }
    if (qn_jis_op(p, "["))
        return parse_list(p);
    if (qn_jis_op(p, "{"))
        return parse_dict(p);
    if (qn_jskip_op(p, "(")) {
        qn_jnode *n = qn_jparse_tuple(p, true, true);
        qn_jexpect_op(p, ")");
        return n;
    }
    qn_jparser_fail(p, t->line, QN_EFORMAT, "unexpected '%s'", qn_jdescribe(shown, t));
    return p->spare;
}

static bool tuple_ends(const qn_jparser *p)
{
    qn_jtype type = qn_jpeek(p, 0)->type;
    return type == J_PRINT_END || type == J_BLOCK_END || qn_jis_op(p, ")");
}

/* One expression, or several with commas as a tuple. */
static qn_jnode *parse_tuple(qn_jparser *p, qn_jnode *(*item)(qn_jparser *p), bool parentheses)
{
    char shown[QN_SHOWN];
    unsigned line = line_of(p);
    qn_jnode *first = tuple_ends(p) ? NULL : item(p);
    if (first && !qn_jis_op(p, ","))
        return first;
    if (!first && !parentheses)
        qn_jparser_fail(p, line, QN_EFORMAT, "Expected an expression, got '%s'",
                        qn_jdescribe(shown, qn_jpeek(p, 0)));
    qn_jnode *n = new_leaf(p, J_TUPLES, line), **tail = &n->args;
    qn_jnode_append(p, n, &tail, first);
    while (qn_jskip_op(p, ",") && !tuple_ends(p))
        qn_jnode_append(p, n, &tail, item(p));
    return n;
}

qn_jnode *qn_jparse_tuple(qn_jparser *p, bool conditional, bool parentheses)
{
    qn_jnode *n = p->spare;
    if (qn_jenter(p))
        n = parse_tuple(p, conditional ? qn_jparse_expression : parse_or, parentheses);
    p->depth--;
    return n;
}

/* Makes names, and tuples of them, what is stored to; false: something else is among them. */
static bool mark_target(qn_jnode *n)
{
    bool can = n->kind == J_NAMED || n->kind == J_TUPLES;
    n->stores = true;
    for (qn_jnode *item = n->kind == J_TUPLES ? n->args : NULL; item; item = item->next)
        can &= mark_target(item);
    return can;
}

qn_jnode *qn_jparse_targets(qn_jparser *p)
{
    qn_jnode *n = parse_tuple(p, parse_primary, false);
    if (!mark_target(n))
        qn_jparser_fail(p, n->line, QN_EFORMAT, "can't assign to '%s'",
                        n->kind == J_CONST    ? "const"
                        : n->kind == J_LISTS  ? "list"
                        : n->kind == J_DICTS  ? "dict"
                        : n->kind == J_TUPLES ? "tuple"
                                              : "expression");
    return n;
}

/* Which kinds of argument a call has so far. */
typedef struct kinds {
    bool keywords, star, star_star;
} kinds;

static qn_jnode *parse_starred(qn_jparser *p, qn_jkind kind)
{
    unsigned line = qn_jtake(p)->line;
    return qn_jnode_new(p, kind, line, qn_jparse_expression(p), NULL, NULL);
}

static qn_jnode *parse_keyword(qn_jparser *p)
{
    const qn_jtoken *t = qn_jtake(p);
    qn_jtake(p);
    qn_jnode *n = qn_jnode_new(p, J_KEYWORD, t->line, qn_jparse_expression(p), NULL, NULL);
    n->name = t->text;
    return n;
}

static qn_jnode *parse_argument(qn_jparser *p, kinds *seen)
{
    const qn_jtoken *t = qn_jpeek(p, 0), *second = t->type == J_NAME ? qn_jlook(p) : t;
    bool star = qn_jis_op(p, "*"), star_star = qn_jis_op(p, "**");
    bool keyword = t->type == J_NAME && second->type == J_OP && qn_str_is(second->text, "=");
    bool plain = !star && !star_star && !keyword;
    if (seen->star_star || (seen->star && (star || plain)) || (seen->keywords && plain))
        qn_jparser_fail(p, t->line, QN_EFORMAT, "invalid syntax for function call expression");
    seen->star |= star;
    seen->star_star |= star_star;
    seen->keywords |= keyword;
    return plain     ? qn_jparse_expression(p)
           : keyword ? parse_keyword(p)
                     : parse_starred(p, star ? J_STAR : J_STAR_STAR);
}

static void parse_arguments(qn_jparser *p, qn_jnode *call)
{
    kinds seen = {0};
    qn_jnode **tail = &call->args;
    qn_jexpect_op(p, "(");
    while (p->status == QN_OK && !qn_jis_op(p, ")")) {
        if (call->args)
            qn_jexpect_op(p, ",");
        if (!qn_jis_op(p, ")"))
            qn_jnode_append(p, call, &tail, parse_argument(p, &seen));
    }
    qn_jexpect_op(p, ")");
}

static qn_jnode *parse_subscribed(qn_jparser *p)
{
    unsigned line = line_of(p);
    qn_jnode *part[3] = {0};
    if (!qn_jis_op(p, ":")) {
        part[0] = qn_jparse_expression(p);
        if (!qn_jis_op(p, ":"))
            return part[0];
    }
    for (size_t i = 1; i < 3 && qn_jskip_op(p, ":"); i++)
        if ((i == 2 || !qn_jis_op(p, ":")) && !qn_jis_op(p, "]") && !qn_jis_op(p, ","))
            part[i] = qn_jparse_expression(p);
    return qn_jnode_new(p, J_SLICE, line, part[0], part[1], part[2]);
}

static qn_jnode *parse_brackets(qn_jparser *p, qn_jnode *n)
{
    unsigned line = qn_jtake(p)->line;
    qn_jnode *tuple = new_leaf(p, J_TUPLES, line), **tail = &tuple->args;
    while (p->status == QN_OK && !qn_jis_op(p, "]")) {
        if (tuple->args)
            qn_jexpect_op(p, ",");
        qn_jnode_append(p, tuple, &tail, parse_subscribed(p));
    }
    qn_jexpect_op(p, "]");
    qn_jnode *one = tuple->args && !tuple->args->next ? tuple->args : tuple;
    return qn_jnode_new(p, J_ITEM, line, n, one, NULL);
}

static qn_jnode *parse_dot(qn_jparser *p, qn_jnode *n)
{
    unsigned line = qn_jtake(p)->line;
    if (qn_jpeek(p, 0)->type == J_INTEGER)
        return qn_jnode_new(p, J_ITEM, line, n, parse_integer(p), NULL);
    const qn_jtoken *t = qn_jtake(p);
    if (t->type != J_NAME)
        qn_jparser_fail(p, t->line, QN_EFORMAT, "expected name or number");
    n = qn_jnode_new(p, J_ATTR, line, n, NULL, NULL);
    n->name = t->text;
    return n;
}

static qn_jnode *parse_call(qn_jparser *p, qn_jnode *n)
{
    n = qn_jnode_new(p, J_CALL, line_of(p), n, NULL, NULL);
    parse_arguments(p, n);
    return n;
}

static qn_jnode *parse_postfix(qn_jparser *p, qn_jnode *n)
{
    while (p->status == QN_OK) {
        if (qn_jis_op(p, "."))
            n = parse_dot(p, n);
        else if (qn_jis_op(p, "["))
            n = parse_brackets(p, n);
        else if (qn_jis_op(p, "("))
            n = parse_call(p, n);
        else
            break;
    }
    return n;
}

/* A filter's or test's name: dots may be in it. */
static qn_str dotted_name(qn_jparser *p)
{
    qn_str name = qn_jexpect_name(p);
    while (qn_jskip_op(p, ".")) {
        qn_str more = qn_jexpect_name(p);
        char *joined = qn_region_take(p->region, name.n_bytes + more.n_bytes + 2, 1);
        if (!joined) {
            qn_jparser_no_memory(p, line_of(p));
            return name;
        }
        memcpy(joined, name.bytes, name.n_bytes);
        joined[name.n_bytes] = '.';
        memcpy(joined + name.n_bytes + 1, more.bytes, more.n_bytes);
        name = (qn_str){joined, name.n_bytes + 1 + more.n_bytes};
    }
    return name;
}

qn_jnode *qn_jparse_filters(qn_jparser *p, qn_jnode *n, bool at_name)
{
    while (at_name || qn_jskip_op(p, "|")) {
        at_name = false;
        n = qn_jnode_new(p, J_FILTER, line_of(p), n, NULL, NULL);
        n->name = dotted_name(p);
        if (qn_jis_op(p, "("))
            parse_arguments(p, n);
    }
    return n;
}

/* The one argument that a test may have without parentheses begins here. */
static bool at_test_argument(const qn_jparser *p)
{
    qn_jtype type = qn_jpeek(p, 0)->type;
    if (type == J_NAME)
        return !qn_jis_name(p, "else") && !qn_jis_name(p, "or") && !qn_jis_name(p, "and");
    return type == J_STRING || type == J_INTEGER || type == J_FLOAT || qn_jis_op(p, "[") ||
           qn_jis_op(p, "{");
}

static qn_jnode *parse_test(qn_jparser *p, qn_jnode *n)
{
    unsigned line = qn_jtake(p)->line;
    bool negated = qn_jskip_name(p, "not");
    n = qn_jnode_new(p, J_TEST, line, n, NULL, NULL);
    n->name = dotted_name(p);
    if (qn_jis_op(p, "(")) {
        parse_arguments(p, n);
    } else if (at_test_argument(p)) {
        qn_jnode **tail = &n->args;
        if (qn_jis_name(p, "is"))
            qn_jparser_fail(p, line, QN_EFORMAT, "You cannot chain multiple tests with is");
        qn_jnode_append(p, n, &tail, parse_postfix(p, parse_primary(p)));
    }
    return negated ? qn_jnode_new(p, J_NOT, line, n, NULL, NULL) : n;
}

static qn_jnode *parse_filter_expression(qn_jparser *p, qn_jnode *n)
{
    while (p->status == QN_OK) {
        if (qn_jis_op(p, "|"))
            n = qn_jparse_filters(p, n, false);
        else if (qn_jis_name(p, "is"))
            n = parse_test(p, n);
        else if (qn_jis_op(p, "("))
            n = parse_call(p, n);
        else
            break;
    }
    return n;
}

static qn_jnode *parse_unary(qn_jparser *p, bool filters)
{
    unsigned line = line_of(p);
    bool minus = qn_jis_op(p, "-");
    qn_jnode *n;
    if (minus || qn_jis_op(p, "+")) {
        qn_jtake(p);
        n = qn_jenter(p) ? parse_unary(p, false) : p->spare;
        p->depth--;
        n = qn_jnode_new(p, minus ? J_NEG : J_POS, line, n, NULL, NULL);
    } else {
        n = parse_primary(p);
    }
    n = parse_postfix(p, n);
    return filters ? parse_filter_expression(p, n) : n;
}
