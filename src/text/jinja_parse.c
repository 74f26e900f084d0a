/* text/jinja_parse.c - statements: tokens become a tree. Source: jinja2/parser.py.
 *
 * Invariant: after the first failure the parser stands at J_EOF, so every loop ends. */
#include "text/jinja_node.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void qn_jparser_fail(qn_jparser *p, unsigned line, qn_status status, const char *format, ...)
{
    char text[sizeof p->err->text + 64]; /* more than is kept, so that a cut shows */
    va_list args;
    if (p->status != QN_OK)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    p->status = qn_fail(p->err, status, "template line %u: %s", line, text);
    p->line = line;
    p->at = p->n_tokens ? p->n_tokens - 1 : 0;
}

void qn_jparser_no_memory(qn_jparser *p, unsigned line)
{
    const qn_region *r = p->region;
    if (r->n_limit - r->n_taken < r->n_limit / 4)
        qn_jparser_fail(p, line, QN_ELIMIT, "the template parses to more than %zu bytes",
                        r->n_limit);
    else
        qn_jparser_fail(p, line, QN_ENOMEM, "no memory for what the template parses to");
}

qn_jtoken *qn_jpeek(const qn_jparser *p, size_t n_ahead)
{
    return &p->tokens[QN_MIN(p->at + n_ahead, p->n_tokens - 1)];
}

/* What the lexer refuses matters once it is come to, as Jinja2 reads no further ahead. */
static void check(qn_jparser *p, const qn_jtoken *t)
{
    if (t->type != J_BAD || p->status != QN_OK)
        return;
    p->status = qn_fail(p->err, (qn_status)t->i, "%s", t->text.bytes);
    p->line = t->line;
    p->at = p->n_tokens - 1;
}

qn_jtoken *qn_jlook(qn_jparser *p)
{
    qn_jtoken *t = qn_jpeek(p, 1);
    check(p, t);
    return t;
}

qn_jtoken *qn_jtake(qn_jparser *p)
{
    qn_jtoken *t = qn_jpeek(p, 0);
    p->at += p->at + 1 < p->n_tokens;
    check(p, qn_jpeek(p, 0));
    return t;
}

static bool is(const qn_jtoken *t, qn_jtype type, const char *text)
{
    return t->type == type && qn_str_is(t->text, text);
}

bool qn_jis_op(const qn_jparser *p, const char *op)
{
    return is(qn_jpeek(p, 0), J_OP, op);
}

bool qn_jis_name(const qn_jparser *p, const char *name)
{
    return is(qn_jpeek(p, 0), J_NAME, name);
}

bool qn_jskip_op(qn_jparser *p, const char *op)
{
    return qn_jis_op(p, op) && qn_jtake(p);
}

bool qn_jskip_name(qn_jparser *p, const char *name)
{
    return qn_jis_name(p, name) && qn_jtake(p);
}

const char *qn_jdescribe(char shown[QN_SHOWN], const qn_jtoken *t)
{
    static const char *const names[] = {[J_EOF] = "end of template",
                                        [J_DATA] = "template data / text",
                                        [J_PRINT_BEGIN] = "begin of print statement",
                                        [J_PRINT_END] = "end of print statement",
                                        [J_BLOCK_BEGIN] = "begin of statement block",
                                        [J_BLOCK_END] = "end of statement block",
                                        [J_STRING] = "string",
                                        [J_INTEGER] = "integer",
                                        [J_FLOAT] = "float"};
    if (t->type < QN_COUNT(names) && names[t->type])
        return names[t->type];
    return qn_str_show(shown, t->text);
}

static void unexpected(qn_jparser *p, const char *wanted)
{
    char shown[QN_SHOWN];
    const qn_jtoken *t = qn_jpeek(p, 0);
    if (t->type == J_EOF)
        qn_jparser_fail(p, t->line, QN_EFORMAT, "unexpected end of template, expected '%s'.",
                        wanted);
    else
        qn_jparser_fail(p, t->line, QN_EFORMAT, "expected token '%s', got '%s'", wanted,
                        qn_jdescribe(shown, t));
}

void qn_jexpect_op(qn_jparser *p, const char *op)
{
    if (!qn_jskip_op(p, op))
        unexpected(p, op);
}

qn_str qn_jexpect_name(qn_jparser *p)
{
    if (qn_jpeek(p, 0)->type == J_NAME)
        return qn_jtake(p)->text;
    unexpected(p, "name");
    return (qn_str){"", 0};
}

static void expect_type(qn_jparser *p, qn_jtype type, const char *wanted)
{
    if (qn_jpeek(p, 0)->type == type)
        qn_jtake(p);
    else
        unexpected(p, wanted);
}

/* Notes in `node` how deep the tree below it is, and refuses one that is too deep. */
static void deepen(qn_jparser *p, qn_jnode *node, const qn_jnode *child)
{
    if (child && child->depth >= node->depth)
        node->depth = (uint16_t)(child->depth + 1);
    if (node->depth > qn_template_max.n_parse_depth)
        qn_jparser_fail(p, node->line, QN_ELIMIT, "nested deeper than %u levels",
                        qn_template_max.n_parse_depth);
}

qn_jnode *qn_jnode_new(qn_jparser *p, qn_jkind kind, unsigned line, qn_jnode *a, qn_jnode *b,
                       qn_jnode *c)
{
    qn_jnode *n = p->status == QN_OK ? qn_region_take(p->region, 1, sizeof *n) : NULL;
    if (!n) {
        qn_jparser_no_memory(p, line);
        *p->spare = (qn_jnode){0};
        n = p->spare;
        a = b = c = NULL;
    }
    *n = (qn_jnode){.kind = (uint8_t)kind, .line = line, .a = a, .b = b, .c = c};
    deepen(p, n, a);
    deepen(p, n, b);
    deepen(p, n, c);
    return n;
}

void qn_jnode_append(qn_jparser *p, qn_jnode *parent, qn_jnode ***tail, qn_jnode *child)
{
    if (p->status != QN_OK || !child)
        return;
    **tail = child;
    *tail = &child->next;
    deepen(p, parent, child);
}

bool qn_jenter(qn_jparser *p)
{
    if (p->depth >= qn_template_max.n_parse_depth)
        qn_jparser_fail(p, qn_jpeek(p, 0)->line, QN_ELIMIT, "nested deeper than %u levels",
                        qn_template_max.n_parse_depth);
    p->depth++;
    return p->status == QN_OK;
}

/* Statements */

static qn_jnode *parse_statement(qn_jparser *p);

typedef struct ends {
    const char *name[4];
} ends;

struct qn_jopen { /* a statement that is being parsed */
    const char *tag;
    const ends *ends; /* of the body it is in; NULL: in none */
    struct qn_jopen *outer;
};

/* "Unexpected end" or "unknown tag", then what could have stood there. */
static void misplaced(qn_jparser *p, unsigned line, const char *what, qn_str tag)
{
    char looking[160] = "", said[400] = "";
    const struct qn_jopen *open = p->open;
    bool nested = false;
    for (const struct qn_jopen *o = open; o; o = o->outer)
        for (size_t i = 0; o->ends && i < QN_COUNT(o->ends->name) && o->ends->name[i]; i++)
            nested |= qn_str_is(tag, o->ends->name[i]);
    while (open && !open->ends)
        open = open->outer;
    for (size_t i = 0, n = 0; open && i < QN_COUNT(open->ends->name) && open->ends->name[i]; i++)
        n += (size_t)snprintf(looking + n, sizeof looking - n, "%s'%s'", i ? " or " : "",
                              open->ends->name[i]);
    if (open)
        snprintf(said, sizeof said, "%s %s. The innermost block that needs to be closed is '%s'.",
                 nested ? " You probably made a nesting mistake. Jinja is expecting this tag, but "
                          "currently looking for"
                        : " Jinja was looking for the following tags:",
                 looking, p->open->tag);
    qn_jparser_fail(p, line, QN_EFORMAT, "%s%s", what, said);
}

static bool at_end(const qn_jparser *p, const ends *e)
{
    for (size_t i = 0; e && i < QN_COUNT(e->name) && e->name[i]; i++)
        if (qn_jis_name(p, e->name[i]))
            return true;
    return false;
}

static qn_jnode *parse_data(qn_jparser *p)
{
    qn_jtoken *t = qn_jtake(p);
    qn_jnode *n = qn_jnode_new(p, J_TEXT, t->line, NULL, NULL, NULL);
    n->name = t->text;
    return n;
}

static qn_jnode *parse_print(qn_jparser *p)
{
    unsigned line = qn_jtake(p)->line;
    qn_jnode *value = qn_jparse_tuple(p, true, false);
    expect_type(p, J_PRINT_END, "end of print statement");
    return qn_jnode_new(p, J_PRINT, line, value, NULL, NULL);
}

/* Text, prints and statements up to a tag of e, whose name is the next token, or to the end. */
static void parse_body(qn_jparser *p, qn_jnode *parent, qn_jnode **first, const ends *e)
{
    qn_jnode **tail = first;
    while (p->status == QN_OK && qn_jpeek(p, 0)->type != J_EOF) {
        if (qn_jpeek(p, 0)->type == J_DATA) {
            qn_jnode_append(p, parent, &tail, parse_data(p));
        } else if (qn_jpeek(p, 0)->type == J_PRINT_BEGIN) {
            qn_jnode_append(p, parent, &tail, parse_print(p));
        } else {
            expect_type(p, J_BLOCK_BEGIN, "begin of statement block");
            if (at_end(p, e))
                return;
            qn_jnode_append(p, parent, &tail, parse_statement(p));
            expect_type(p, J_BLOCK_END, "end of statement block");
        }
    }
    if (e && p->status == QN_OK)
        misplaced(p, qn_jpeek(p, 0)->line, "Unexpected end of template.", (qn_str){"", 0});
}

/* The body of a statement, from the end of its tag on. */
static void parse_block(qn_jparser *p, qn_jnode *parent, qn_jnode **first, ends e)
{
    qn_jskip_op(p, ":");
    expect_type(p, J_BLOCK_END, "end of statement block");
    const ends *before = p->open ? p->open->ends : NULL;
    if (p->open)
        p->open->ends = &e;
    parse_body(p, parent, first, &e);
    if (p->open)
        p->open->ends = before;
}

static void parse_last_block(qn_jparser *p, qn_jnode *parent, qn_jnode **first, const char *end)
{
    parse_block(p, parent, first, (ends){{end}});
    qn_jtake(p);
}

static qn_jnode *parse_set(qn_jparser *p, unsigned line)
{
    qn_jnode *target;
    if (qn_jpeek(p, 0)->type == J_NAME && is(qn_jlook(p), J_OP, ".")) {
        target = qn_jnode_new(p, J_NAMESPACE_REF, qn_jpeek(p, 0)->line, NULL, NULL, NULL);
        target->name = qn_jexpect_name(p);
        qn_jtake(p);
        target->attribute = qn_jexpect_name(p);
    } else {
        target = qn_jparse_targets(p);
    }
    if (qn_jskip_op(p, "="))
        return qn_jnode_new(p, J_SET, line, target, qn_jparse_tuple(p, true, false), NULL);
    qn_jnode *filter = qn_jparse_filters(p, NULL, false);
    qn_jnode *n = qn_jnode_new(p, J_SET_BLOCK, line, target, NULL, filter);
    parse_last_block(p, n, &n->body, "endset");
    return n;
}

static qn_jnode *parse_for(qn_jparser *p, unsigned line)
{
    qn_jnode *target = qn_jparse_targets(p), *test = NULL;
    if (!qn_jskip_name(p, "in"))
        unexpected(p, "in");
    qn_jnode *iter = qn_jparse_tuple(p, false, false);
    if (qn_jskip_name(p, "if"))
        test = qn_jparse_expression(p);
    qn_jnode *n = qn_jnode_new(p, J_FOR, line, target, iter, test);
    n->flag = qn_jskip_name(p, "recursive");
    parse_block(p, n, &n->body, (ends){{"endfor", "else"}});
    if (qn_str_is(qn_jtake(p)->text, "else"))
        parse_last_block(p, n, &n->other, "endfor");
    return n;
}

static qn_jnode *parse_if(qn_jparser *p, unsigned line)
{
    qn_jnode *first = qn_jnode_new(p, J_IF, line, qn_jparse_tuple(p, false, false), NULL, NULL);
    qn_jnode *n = first, **tail = &first->args;
    for (;;) {
        parse_block(p, n, &n->body, (ends){{"elif", "else", "endif"}});
        if (n != first)
            qn_jnode_append(p, first, &tail, n);
        qn_jtoken *end = qn_jtake(p);
        if (p->status != QN_OK || qn_str_is(end->text, "endif"))
            return first;
        if (qn_str_is(end->text, "else")) {
            parse_last_block(p, first, &first->other, "endif");
            return first;
        }
        line = end->line;
        n = qn_jnode_new(p, J_IF, line, qn_jparse_tuple(p, false, false), NULL, NULL);
    }
}

static void parse_signature(qn_jparser *p, qn_jnode *macro)
{
    qn_jnode **tail = &macro->args, **defaults = &macro->other;
    qn_jexpect_op(p, "(");
    while (p->status == QN_OK && !qn_jis_op(p, ")")) {
        if (macro->args)
            qn_jexpect_op(p, ",");
        qn_jnode *arg = qn_jnode_new(p, J_NAMED, qn_jpeek(p, 0)->line, NULL, NULL, NULL);
        arg->name = qn_jexpect_name(p);
        arg->stores = true;
        if (qn_jis_constant(arg->name))
            qn_jparser_fail(p, arg->line, QN_EFORMAT, "can't assign to 'name'");
        if (qn_jskip_op(p, "="))
            qn_jnode_append(p, macro, &defaults, qn_jparse_expression(p));
        else if (macro->other)
            qn_jparser_fail(p, arg->line, QN_EFORMAT,
                            "non-default argument follows default argument");
        qn_jnode_append(p, macro, &tail, arg);
    }
    qn_jexpect_op(p, ")");
}

static qn_jnode *parse_macro(qn_jparser *p, unsigned line)
{
    qn_jnode *n = qn_jnode_new(p, J_MACRO_DEF, line, NULL, NULL, NULL);
    n->name = qn_jexpect_name(p);
    parse_signature(p, n);
    parse_last_block(p, n, &n->body, "endmacro");
    return n;
}

static qn_jnode *parse_call(qn_jparser *p, unsigned line)
{
    qn_jnode *n = qn_jnode_new(p, J_CALL_BLOCK, line, NULL, NULL, NULL);
    if (qn_jis_op(p, "("))
        parse_signature(p, n);
    qn_jnode *call = qn_jparse_expression(p);
    if (call->kind != J_CALL)
        qn_jparser_fail(p, line, QN_EFORMAT, "expected call");
    n->a = call;
    deepen(p, n, call);
    n->name = qn_str_of("caller");
    parse_last_block(p, n, &n->body, "endcall");
    return n;
}

static qn_jnode *parse_filter_block(qn_jparser *p, unsigned line)
{
    qn_jnode *filter = qn_jparse_filters(p, NULL, true);
    qn_jnode *n = qn_jnode_new(p, J_FILTER_BLOCK, line, filter, NULL, NULL);
    parse_last_block(p, n, &n->body, "endfilter");
    return n;
}

static qn_jnode *parse_generation(qn_jparser *p, unsigned line)
{
    qn_jnode *n = qn_jnode_new(p, J_GENERATION, line, NULL, NULL, NULL);
    parse_last_block(p, n, &n->body, "endgeneration");
    return n;
}

static qn_jnode *parse_with(qn_jparser *p, unsigned line)
{
    qn_jnode *n = qn_jnode_new(p, J_WITH, line, NULL, NULL, NULL);
    qn_jnode **targets = &n->args, **values = &n->other;
    while (p->status == QN_OK && qn_jpeek(p, 0)->type != J_BLOCK_END) {
        if (n->args)
            qn_jexpect_op(p, ",");
        qn_jnode_append(p, n, &targets, qn_jparse_targets(p));
        qn_jexpect_op(p, "=");
        qn_jnode_append(p, n, &values, qn_jparse_expression(p));
    }
    parse_last_block(p, n, &n->body, "endwith");
    return n;
}

static qn_jnode *parse_autoescape(qn_jparser *p, unsigned line)
{
    qn_jnode *option = qn_jparse_expression(p);
    if (option->kind != J_CONST || option->value.kind != J_BOOL || option->value.b)
        qn_jparser_fail(p, line, QN_EUNSUPPORTED, "autoescape can only be off");
    qn_jnode *n = qn_jnode_new(p, J_SCOPE, line, NULL, NULL, NULL);
    parse_last_block(p, n, &n->body, "endautoescape");
    return n;
}

static qn_jnode *parse_named_block(qn_jparser *p, unsigned line)
{
    qn_str name = qn_jexpect_name(p);
    qn_jskip_name(p, "scoped");
    qn_jnode *n = qn_jnode_new(p, J_SCOPE, line, NULL, NULL, NULL);
    parse_block(p, n, &n->body, (ends){{"endblock"}});
    qn_jtake(p);
    if (qn_jpeek(p, 0)->type == J_NAME && qn_str_equal(qn_jpeek(p, 0)->text, name))
        qn_jtake(p);
    return n;
}

/* {% print a, b %}: as a tuple of prints */
static qn_jnode *parse_print_tag(qn_jparser *p, unsigned line)
{
    qn_jnode *n = qn_jnode_new(p, J_SCOPE, line, NULL, NULL, NULL), **tail = &n->body;
    n->flag = true;
    while (p->status == QN_OK && qn_jpeek(p, 0)->type != J_BLOCK_END) {
        if (n->body)
            qn_jexpect_op(p, ",");
        qn_jnode *value = qn_jparse_expression(p);
        qn_jnode_append(p, n, &tail, qn_jnode_new(p, J_PRINT, line, value, NULL, NULL));
    }
    return n;
}

static qn_jnode *parse_break(qn_jparser *p, unsigned line)
{
    return qn_jnode_new(p, J_BREAK, line, NULL, NULL, NULL);
}

static qn_jnode *parse_continue(qn_jparser *p, unsigned line)
{
    return qn_jnode_new(p, J_CONTINUE, line, NULL, NULL, NULL);
}

static qn_jnode *refuse_files(qn_jparser *p, unsigned line)
{
    qn_jparser_fail(p, line, QN_EUNSUPPORTED, "no loader for this environment specified");
    return NULL;
}

static const struct statement {
    const char *name;
    qn_jnode *(*parse)(qn_jparser *p, unsigned line);
} statements[] = {
    {"set", parse_set},
    {"if", parse_if},
    {"for", parse_for},
    {"macro", parse_macro},
    {"call", parse_call},
    {"filter", parse_filter_block},
    {"generation", parse_generation},
    {"with", parse_with},
    {"autoescape", parse_autoescape},
    {"block", parse_named_block},
    {"print", parse_print_tag},
    {"break", parse_break},
    {"continue", parse_continue},
    {"include", refuse_files},
    {"import", refuse_files},
    {"from", refuse_files},
    {"extends", refuse_files},
};

static qn_jnode *parse_statement(qn_jparser *p)
{
    char shown[QN_SHOWN], unknown[QN_SHOWN + 40];
    const qn_jtoken *t = qn_jpeek(p, 0);
    qn_jnode *n = NULL;
    for (size_t i = 0; i < QN_COUNT(statements); i++) {
        if (!is(t, J_NAME, statements[i].name))
            continue;
        qn_jtake(p);
        struct qn_jopen open = {.tag = statements[i].name, .outer = p->open};
        p->open = &open;
        if (qn_jenter(p))
            n = statements[i].parse(p, t->line);
        p->depth--;
        p->open = open.outer;
        return n;
    }
    if (t->type == J_NAME)
        snprintf(unknown, sizeof unknown, "Encountered unknown tag '%s'.", qn_jdescribe(shown, t));
    else
        qn_jparser_fail(p, t->line, QN_EFORMAT, "tag name expected");
    misplaced(p, t->line, unknown, t->text);
    return NULL;
}

qn_jnode *qn_jinja_parse(qn_jparser *p)
{
    qn_jnode *root = qn_jnode_new(p, J_SCOPE, 1, NULL, NULL, NULL);
    check(p, qn_jpeek(p, 0));
    parse_body(p, root, &root->body, NULL);
    return root->body;
}
