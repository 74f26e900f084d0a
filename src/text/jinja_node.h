/* text/jinja_node.h - tokens, the tree of a parsed template, and its scopes. Internal to jinja*.c.
 *
 * Invariant: no node is nested deeper than the limit, so what walks the tree may recurse. */
#pragma once

#include "base/region.h"
#include "text/jinja_value.h"

typedef enum qn_jtype {
    J_EOF,
    J_DATA,
    J_PRINT_BEGIN,
    J_PRINT_END,
    J_BLOCK_BEGIN,
    J_BLOCK_END,
    J_NAME,
    J_STRING,
    J_INTEGER,
    J_FLOAT,
    J_OP,  /* text holds it */
    J_BAD, /* what the lexer refuses: text is the sentence, i the status */
} qn_jtype;

typedef struct qn_jtoken {
    qn_jtype type;
    unsigned line;
    qn_str text;   /* of a string: its value */
    qn_str digits; /* of an integer, without underscores, in `base` */
    unsigned base;
    bool is_long; /* 64 bits do not hold it */
    union {
        int64_t i;
        double f;
    };
} qn_jtoken;

typedef enum qn_jkind {
    /* expressions */
    J_CONST,
    J_LONG,   /* an integer of more than 64 bits: name holds its digits, op their base */
    J_NAMED,  /* name; slot; is it a store or a parameter */
    J_TUPLES, /* args */
    J_LISTS,  /* args */
    J_DICTS,  /* args: J_PAIR a, b */
    J_PAIR,
    J_ATTR,  /* a . name */
    J_ITEM,  /* a [b] */
    J_SLICE, /* a : b : c, each may be NULL */
    J_CALL,  /* a ( args ) */
    J_KEYWORD,
    J_STAR,
    J_STAR_STAR,
    J_FILTER,  /* a | name ( args ); a is NULL in a filter block */
    J_TEST,    /* a is name ( args ) */
    J_IF_ELSE, /* b if a else c */
    J_AND,
    J_OR,
    J_NOT,
    J_NEG,
    J_POS,
    J_BINARY,  /* a op b */
    J_CONCAT,  /* args */
    J_COMPARE, /* a, then args: J_OPERAND op a */
    J_OPERAND,
    J_NAMESPACE_REF, /* name . attribute, as a target */
    /* statements */
    J_TEXT,         /* value */
    J_PRINT,        /* a */
    J_SET,          /* a = b */
    J_SET_BLOCK,    /* a, filter c, body */
    J_IF,           /* a, body, args: the elifs, other: else */
    J_FOR,          /* a in b if c, body, other: else */
    J_MACRO_DEF,    /* name, args, other: defaults, body */
    J_CALL_BLOCK,   /* a: the call; args, other, body as J_MACRO_DEF */
    J_FILTER_BLOCK, /* a: the filter, body */
    J_WITH,         /* args: targets, other: values, body */
    J_GENERATION,   /* as a call block without arguments */
    J_SCOPE,        /* body */
    J_BREAK,
    J_CONTINUE,
} qn_jkind;

typedef enum qn_jop {
    J_ADD,
    J_SUB,
    J_MUL,
    J_DIV,
    J_FLOORDIV,
    J_MOD,
    J_POW,
    J_EQ,
    J_NE,
    J_LT,
    J_LE,
    J_GT,
    J_GE,
    J_IN,
    J_NOT_IN,
} qn_jop;

/* Where a variable lives: `hops` activations outwards, then `slot` of that. */
typedef struct qn_jplace {
    uint32_t hops, slot;
} qn_jplace;

/* What entering a scope does to one of its slots: Jinja2 fixes this when it compiles a template,
 * so a name may be undefined although the caller passes a variable of that name. */
typedef enum qn_jload {
    J_LOAD_PARAMETER,
    J_LOAD_RESOLVE, /* look the name up among the caller's variables, then the globals */
    J_LOAD_ALIAS,   /* copy from an outer slot */
    J_LOAD_UNDEFINED,
} qn_jload;

typedef struct qn_jsymbol {
    struct qn_jsymbol *next_in_bucket, *next; /* next: order of definition */
    qn_str name;
    struct qn_jsymbol *outer; /* of J_LOAD_ALIAS */
    struct qn_jscope *scope;
    uint32_t slot;
    qn_jplace from; /* of J_LOAD_ALIAS */
    uint8_t load;
    bool defined, stored; /* only while analyzing */
} qn_jsymbol;

enum { J_BUCKETS = 16 };

typedef struct qn_jscope {
    struct qn_jscope *parent;
    struct qn_jfunction *function;
    qn_jsymbol *first, **last;
    qn_jsymbol *bucket[J_BUCKETS];
} qn_jscope;

/* What gets an activation of its own: the template, a macro, a call block, a recursive loop. */
typedef struct qn_jfunction {
    uint32_t n_slots, level;
} qn_jfunction;

typedef struct qn_jnode {
    uint8_t kind, op;
    bool stores, flag; /* flag: recursive; loop variable wanted; ... see kind */
    bool uses_caller, uses_kwargs, uses_varargs, uses_loop;
    uint16_t depth;
    unsigned line;
    struct qn_jnode *next; /* in the list it stands in */
    struct qn_jnode *a, *b, *c, *args, *other, *body;
    qn_str name, attribute;
    qn_jval value;
    const void *entry; /* the row of a filter or test; NULL: there is none of that name */
    qn_jplace place;
    qn_jscope *scope, *scope_test, *scope_else;
    qn_jfunction *function;
    qn_jplace loop, caller, kwargs, varargs; /* where the scope keeps them */
} qn_jnode;

struct qn_template {
    qn_region region;
    qn_jnode *body; /* the first of its statements */
    qn_jscope *scope;
    qn_jfunction function;
};

/* A parse under way: what lexer, parser and scope analysis share. The first failure sticks. */
typedef struct qn_jparser {
    qn_region *region;
    qn_error *err;
    qn_status status;
    unsigned line; /* of the failure */
    qn_jtoken *tokens;
    size_t n_tokens, n_capacity, at;
    unsigned depth;
    uint64_t n_steps;      /* spent by the analysis of scopes */
    struct qn_jopen *open; /* the innermost statement that is being parsed; see jinja_parse.c */
    qn_jnode *spare;       /* handed out where there is no memory */
    qn_jtoken *spare_token;
} qn_jparser;

void qn_jparser_fail(qn_jparser *p, unsigned line, qn_status status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The sentence for a region that gave nothing. */
void qn_jparser_no_memory(qn_jparser *p, unsigned line);

/* Cuts the source into tokens, the last of them J_EOF. */
void qn_jinja_lex(qn_jparser *p, qn_str source);

/* Statements up to the end; expressions stand in a file of their own. */
qn_jnode *qn_jinja_parse(qn_jparser *p);
qn_jnode *qn_jparse_tuple(qn_jparser *p, bool conditional, bool parentheses);
qn_jnode *qn_jparse_expression(qn_jparser *p);
qn_jnode *qn_jparse_targets(qn_jparser *p);
qn_jnode *qn_jparse_filters(qn_jparser *p, qn_jnode *node, bool at_name);

bool qn_jis_constant(qn_str name); /* true, none and the like */

/* What both parsers use. */
qn_jtoken *qn_jpeek(const qn_jparser *p, size_t n_ahead);
qn_jtoken *qn_jlook(qn_jparser *p); /* the token behind that */
qn_jtoken *qn_jtake(qn_jparser *p);
bool qn_jis_op(const qn_jparser *p, const char *op);
bool qn_jis_name(const qn_jparser *p, const char *name);
bool qn_jskip_op(qn_jparser *p, const char *op);
bool qn_jskip_name(qn_jparser *p, const char *name);
void qn_jexpect_op(qn_jparser *p, const char *op);
qn_str qn_jexpect_name(qn_jparser *p);
const char *qn_jdescribe(char shown[QN_SHOWN], const qn_jtoken *t);
qn_jnode *qn_jnode_new(qn_jparser *p, qn_jkind kind, unsigned line, qn_jnode *a, qn_jnode *b,
                       qn_jnode *c);
void qn_jnode_append(qn_jparser *p, qn_jnode *parent, qn_jnode ***tail, qn_jnode *child);
bool qn_jenter(qn_jparser *p);

/* Gives each name its place and each scope its loads; refuses unknown filters and tests. */
void qn_jinja_resolve(qn_jparser *p, qn_template *t);
