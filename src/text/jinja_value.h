/* text/jinja_value.h - the values of a rendering, as Python has them, and the state that owns them.
 * Internal to jinja*.c.
 *
 * Invariants: values live in the state's region until the rendering ends; strings, tuples and
 * dictionaries never change once made. The first failure sticks in the state: from then on every
 * function yields something harmless and every loop ends. */
#pragma once

#include "base/region.h"
#include "text/jinja.h"

typedef enum qn_jvalue_kind {
    J_MISSING, /* zero: no value at all, as an argument that was not given */
    J_UNDEFINED,
    J_NONE,
    J_BOOL,
    J_INT,
    J_BIG, /* an int that 64 bits do not hold */
    J_DOUBLE,
    J_STR,
    J_LIST,
    J_TUPLE,
    J_DICT,
    J_VIEW, /* dict.keys(), .values(), .items() */
    J_RANGE,
    J_ITERATOR, /* a generator or the like: read once */
    J_SPACE,    /* namespace() */
    J_FUNCTION, /* a global */
    J_METHOD,   /* a method with its object */
    J_MACRO,
    J_LOOP,
    J_CYCLER,
    J_JOINER,
} qn_jvalue_kind;

typedef struct qn_jstate qn_jstate;
typedef struct qn_jcall qn_jcall;

/* Where bytes came from; a joined text keeps it piece by piece. */
enum { J_TRUSTED = 1, J_GENERATED = 2 };

typedef struct qn_jmark { /* from the mark before up to byte `end` */
    size_t end;
    unsigned origin;
} qn_jmark;

typedef struct qn_jstr {
    size_t n_bytes, n_chars;
    const char *bytes; /* NULL: left and then right, joined when someone reads it */
    struct qn_jstr *left, *right;
    const qn_jmark *marks; /* n_marks = 0: all of one origin */
    size_t n_marks;
    unsigned n_depth; /* of ropes */
    uint8_t origin;
    bool markup; /* escaped for HTML by |safe or |escape */
} qn_jstr;

typedef struct qn_jval {
    qn_jvalue_kind kind;
    union {
        bool b;
        int64_t i;
        const struct qn_jbig *big;
        double f;
        qn_jstr *s;
        struct qn_jlist *list; /* and tuple */
        struct qn_jdict *dict; /* and namespace */
        struct qn_jview *view;
        struct qn_jrange *range;
        struct qn_jiter *iter;
        struct qn_jmethod *method;
        struct qn_jmacro *macro;
        struct qn_jloop *loop;
        struct qn_jcycler *cycler; /* and joiner */
        const struct qn_jnative *native;
        const struct qn_jabsent *absent; /* why it is undefined; may be NULL */
    };
} qn_jval;

typedef struct qn_jbig { /* limbs of 32 bits, the lowest first, the highest not 0 */
    bool negative;
    size_t n;
    uint32_t limb[];
} qn_jbig;

typedef struct qn_jlist {
    size_t n, n_capacity;
    qn_jval *v;
    const char *names[2]; /* of a named tuple's items */
} qn_jlist;

typedef struct qn_jpair {
    qn_jval key, value;
    uint64_t hash;
} qn_jpair;

typedef struct qn_jdict {
    size_t n, n_capacity;
    qn_jpair *pair;  /* in the order of insertion */
    uint32_t *index; /* from n_capacity > 8 on: 2 * n_capacity places, pair + 1 or 0 */
} qn_jdict;

typedef struct qn_jview {
    qn_jdict *dict;
    char what; /* 'k', 'v', 'i' */
} qn_jview;

typedef struct qn_jrange {
    int64_t start, step, n, stop;
} qn_jrange;

/* One pass over something; next yields false at its end. */
typedef struct qn_jiter {
    bool (*next)(qn_jstate *r, struct qn_jiter *it, qn_jval *item);
    qn_jval source;
    size_t at;
    bool ended, reversed;
    const char *type; /* what Python calls it */
    void *more;       /* what its next needs */
    const char *why;  /* it fails */
    struct qn_jiter *inner;
} qn_jiter;

/* A row of filters, tests, methods and globals. */
typedef qn_jval qn_jfunction_of(qn_jstate *r, qn_jval self, qn_jcall *c);
typedef enum qn_jstyle {                /* how Python complains about a call's arguments */
                         J_OPEN,        /* not at all: the function reads them itself */
                         J_PYTHON,      /* f() takes 1 positional argument but 2 were given */
                         J_BUILTIN_ONE, /* f() takes exactly one argument (2 given) */
                         J_OPERATOR,    /* f expected 2 arguments, got 1 */
                         J_METHOD_NONE, /* str.f() takes no arguments (1 given) */
                         J_METHOD_ONE,  /* str.f() takes exactly one argument (2 given) */
                         J_TAKES,       /* f() takes at most 3 arguments (4 given) */
                         J_EXPECTED,    /* f expected at most 2 arguments, got 3 */
                         J_KEYWORDS,    /* the same as J_TAKES, but arguments may be named */
} qn_jstyle;

typedef struct qn_jnative {
    const char *name;
    qn_jfunction_of *call;
    unsigned n_required;
    qn_jstyle style;
    const char *signature; /* see jinja_filters.def; of a method, the parameters alone */
    qn_jvalue_kind of;     /* of a method: the kind of its object */
} qn_jnative;

typedef struct qn_jmethod {
    qn_jval self;
    const qn_jnative *native;
} qn_jmethod;

typedef struct qn_jabsent {
    qn_str name;    /* of a variable, or attribute, an item's key, or a whole sentence */
    const char *of; /* the type whose attribute it is, or NULL */
    enum {
        J_ABSENT_NAME,
        J_ABSENT_PARAMETER,
        J_ABSENT_ATTRIBUTE,
        J_ABSENT_ITEM,
        J_ABSENT_UNSAFE,
        J_ABSENT_SENTENCE
    } why;
} qn_jabsent;

typedef struct qn_jactivation {
    struct qn_jactivation *outer;
    uint32_t n_slots;
    qn_jval slot[];
} qn_jactivation;

typedef struct qn_jmacro {
    const struct qn_jnode *node;
    qn_jactivation *outer; /* where it was defined */
    qn_str name;
    size_t n_parameters;
} qn_jmacro;

typedef struct qn_jloop {
    qn_jiter *iter;
    qn_jval source;
    int64_t index0, length; /* length < 0: not known yet */
    int64_t depth0;
    qn_jval before, current, after;   /* after: looked at ahead of time */
    qn_jval changed;                  /* the arguments of loop.changed() last time */
    const struct qn_jnode *recursive; /* the loop to call again */
    qn_jactivation *outer;
} qn_jloop;

typedef struct qn_jcycler {
    qn_jlist *items;
    size_t at;
    qn_jval separator;
    bool used;
} qn_jcycler;

typedef struct qn_jkeyword {
    qn_str name;
    qn_jval value;
} qn_jkeyword;

enum { J_MAX_BOUND = 8 };

/* A call's arguments; v are those of the row's parameters, J_MISSING where none was given. */
struct qn_jcall {
    size_t n_positional, n_keyword;
    qn_jval *positional;
    qn_jkeyword *keyword;
    qn_jval v[J_MAX_BOUND];
};

/* A text under construction. */
typedef struct qn_jbuild {
    qn_jstate *r;
    char *bytes;
    size_t n_bytes, n_capacity, n_limit;
    qn_jmark *marks;
    size_t n_marks, n_marks_capacity;
} qn_jbuild;

struct qn_jstate {
    qn_region memory;
    const qn_template *t;
    const qn_template_input *in;
    qn_error *err;
    qn_status status;
    unsigned line, failed_line;
    uint64_t n_steps, n_most_steps, n_chances;
    unsigned depth;
    qn_jbuild *out;
    qn_jactivation *active;
    qn_jdict *variables;
    qn_jval filtered; /* what a filter or set block wrote, for its filters */
    qn_jstr nothing;  /* this and the next three are handed out after a failure */
    qn_jlist no_items;
    qn_jdict no_pairs;
    qn_jiter no_more; /* ended */
};

/* Failing, spending, memory. */
void qn_jfail(qn_jstate *r, qn_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static inline bool qn_jfailed(const qn_jstate *r)
{
    return r->status != QN_OK;
}
bool qn_jspend(qn_jstate *r, uint64_t n_steps); /* false when failed or spent */
void *qn_jtake_memory(qn_jstate *r, size_t n, size_t n_bytes);
bool qn_jdown(qn_jstate *r); /* one level deeper; false at the limit. r->depth-- undoes it */

/* Making values. */
#define J_VALUE(the_kind, member, ...) ((qn_jval){.kind = (the_kind), .member = (__VA_ARGS__)})
static inline qn_jval qn_jnone(void)
{
    return (qn_jval){.kind = J_NONE};
}
static inline qn_jval qn_jbool(bool b)
{
    return J_VALUE(J_BOOL, b, b);
}
static inline qn_jval qn_jint(int64_t i)
{
    return J_VALUE(J_INT, i, i);
}
static inline qn_jval qn_jdouble(double f)
{
    return J_VALUE(J_DOUBLE, f, f);
}
static inline bool qn_jis_small(qn_jval v) /* an int of 64 bits; bool is an int in Python */
{
    return v.kind == J_INT || v.kind == J_BOOL;
}
static inline bool qn_jis_int(qn_jval v)
{
    return qn_jis_small(v) || v.kind == J_BIG;
}
static inline int64_t qn_jas_int(qn_jval v)
{
    return v.kind == J_BOOL ? v.b : v.i;
}
static inline bool qn_jis_number(qn_jval v)
{
    return qn_jis_int(v) || v.kind == J_DOUBLE;
}
double qn_jas_double(qn_jstate *r, qn_jval v); /* of a number; fails above the largest */

/* An argument that is a size or place: true for an int that fits, else Python's error. */
bool qn_jindex(qn_jstate *r, qn_jval v, int64_t *i);
/* The same, and `absent` for one that was not given. */
int64_t qn_jinteger(qn_jstate *r, qn_jval v, int64_t absent);
qn_jval qn_jundefined(qn_jstate *r, const char *sentence);
qn_jval qn_jundefined_name(qn_jstate *r, qn_str name);
qn_jval qn_jundefined_parameter(qn_jstate *r, qn_str name);
qn_jval qn_jundefined_item(qn_jstate *r, qn_jval of, qn_str key); /* key as it is written */
qn_jval qn_jundefined_attribute(qn_jstate *r, qn_jval of, qn_str name, bool unsafe);
/* Fails as any use of an undefined value but printing does. */
qn_jval qn_jrefuse_undefined(qn_jstate *r, qn_jval v);
void qn_jwhy_undefined(qn_jval v, size_t n, char *text); /* that sentence */

qn_jlist *qn_jlist_new(qn_jstate *r, size_t n_capacity);
void qn_jlist_push(qn_jstate *r, qn_jlist *list, qn_jval v);
qn_jval qn_jtuple2(qn_jstate *r, qn_jval a, qn_jval b);
qn_jval qn_jlist_value(qn_jlist *list);         /* also of NULL */
qn_jlist *qn_jlist_of(qn_jstate *r, qn_jval v); /* list(v) */
qn_jlist *qn_jlist_range(qn_jstate *r, const qn_jlist *list, size_t begin, size_t end);

qn_jdict *qn_jdict_new(qn_jstate *r);
void qn_jdict_set(qn_jstate *r, qn_jdict *d, qn_jval key, qn_jval value);
qn_jval *qn_jdict_find(qn_jstate *r, const qn_jdict *d, qn_jval key); /* NULL: not there */
qn_jval *qn_jdict_find_str(qn_jstate *r, const qn_jdict *d, qn_str key);

/* Properties. */
const char *qn_jtype_name(qn_jval v);
bool qn_jtruth(qn_jstate *r, qn_jval v);
bool qn_jequal(qn_jstate *r, qn_jval a, qn_jval b);
bool qn_jsame(qn_jval a, qn_jval b);                                 /* "is" */
int qn_jcompare(qn_jstate *r, qn_jval a, qn_jval b, const char *op); /* -1 0 1; 2: unordered */
uint64_t qn_jhash(qn_jstate *r, qn_jval v);
bool qn_jcontains(qn_jstate *r, qn_jval container, qn_jval item);
bool qn_jlength(qn_jstate *r, qn_jval v, int64_t *n); /* false: has none, nothing said */
bool qn_jiterable(qn_jval v);
qn_jiter *qn_jiterate(qn_jstate *r, qn_jval v); /* fails when v is not iterable; never NULL */
bool qn_jnext(qn_jstate *r, qn_jiter *it, qn_jval *item);

/* list(v), which must have n items; NULL after a failure. */
qn_jlist *qn_junpack(qn_jstate *r, qn_jval v, size_t n);

int64_t qn_jloop_length(qn_jstate *r, qn_jloop *loop);
bool qn_jloop_next(qn_jstate *r, qn_jloop *loop, qn_jval *item);

/* Strings. */
qn_jstr *qn_jstr_new(qn_jstate *r, size_t n_bytes, const char *bytes,
                     unsigned origin); /* borrows */
qn_jstr *qn_jstr_copy(qn_jstate *r, size_t n_bytes, const char *bytes, unsigned origin);
qn_jval qn_jtext(qn_jstate *r, const char *text); /* a constant of ours, trusted */
qn_jval qn_jstr_value(qn_jstr *s);
qn_str qn_jbytes(qn_jstate *r, qn_jstr *s); /* flat */
qn_jstr *qn_jconcat(qn_jstate *r, qn_jstr *a, qn_jstr *b);
/* HTML escaping, and + where one side is markup. */
qn_jstr *qn_jescape(qn_jstate *r, qn_jstr *s);
qn_jstr *qn_jmark_markup(qn_jstate *r, qn_jstr *s); /* the same text, as markup */
qn_jstr *qn_jmarkup_concat(qn_jstate *r, qn_jstr *a, qn_jstr *b);
qn_jstr *qn_jslice_bytes(qn_jstate *r, qn_jstr *s, size_t begin, size_t end);
size_t qn_jchar_at(qn_jstate *r, qn_jstr *s, size_t n_chars); /* the byte it begins at */
bool qn_jstr_is(qn_jstate *r, qn_jval v, const char *text);
bool qn_jis_space(uint32_t code);
bool qn_jis_printable(uint32_t code);
uint32_t qn_jcode_at(qn_str s, size_t at, size_t *n_bytes);
size_t qn_jcount_chars(size_t n_bytes, const char *bytes);

qn_jbuild qn_jbuild_begin(qn_jstate *r);
void qn_jbuild_add(qn_jbuild *b, size_t n_bytes, const char *bytes, unsigned origin);
void qn_jbuild_text(qn_jbuild *b, const char *text); /* trusted */
void qn_jbuild_str(qn_jbuild *b, qn_jstr *s);
void qn_jbuild_piece(qn_jbuild *b, qn_jstr *s, size_t begin, size_t end);
void qn_jbuild_repeat(qn_jbuild *b, int64_t n, char c);
qn_jstr *qn_jbuild_end(qn_jbuild *b);

/* The origin of the byte at `at`; *mark is a cursor, 0 at first, for rising `at`. */
unsigned qn_jorigin(const qn_jstr *s, size_t at, size_t *mark);

/* Printing. */
qn_jstr *qn_jstr_of(qn_jstate *r, qn_jval v);        /* str(v) */
const char *qn_jterminated(qn_jstate *r, qn_jval v); /* the same, for a sentence */
const char *qn_jrepr_of(qn_jstate *r, qn_jval v);
void qn_jprint(qn_jbuild *b, qn_jval v);
void qn_jrepr(qn_jbuild *b, qn_jval v);
size_t qn_jprint_double(double f, char out[40]);
void qn_jprint_big(qn_jbuild *b, qn_jval v, unsigned origin); /* of J_BIG */

/* Python's operators and calls. */
qn_jval qn_jadd(qn_jstate *r, qn_jval a, qn_jval b);
qn_jval qn_jrefuse_operands(qn_jstate *r, const char *op, qn_jval a, qn_jval b);
qn_jval qn_jbinary(qn_jstate *r, int op, qn_jval a, qn_jval b);
bool qn_jcompare_op(qn_jstate *r, int op, qn_jval a, qn_jval b);
qn_jval qn_jattribute(qn_jstate *r, qn_jval v, qn_str name);      /* v.name in a template */
qn_jval qn_jonly_attribute(qn_jstate *r, qn_jval v, qn_str name); /* v|attr(name) */
qn_jval qn_jitem(qn_jstate *r, qn_jval v, qn_jval key);           /* v[key] in a template */
qn_jval qn_jsliced(qn_jstate *r, qn_jval v, qn_jval begin, qn_jval end, qn_jval step);
qn_jval qn_jcall_value(qn_jstate *r, qn_jval callee, qn_jcall *c);
/* ** of something else than a mapping, for the row of a filter or test, or NULL for other calls. */
void qn_jrefuse_mapping(qn_jstate *r, const qn_jnative *native, qn_jval v);
void qn_jrefuse_twice(qn_jstate *r, const qn_jnative *native, qn_str name);
qn_jval qn_jcall_native(qn_jstate *r, const qn_jnative *native, qn_jval self, qn_jcall *c);
qn_jval qn_jcall_macro(qn_jstate *r, qn_jmacro *macro, qn_jcall *c);
qn_jval qn_jcall_loop(qn_jstate *r, qn_jloop *loop, qn_jval source);
qn_jval qn_jpercent(qn_jstate *r, qn_jstr *format, qn_jval args); /* format % args */

/* The tables; NULL: no such row. */
const qn_jnative *qn_jfind_filter(qn_str name);
const qn_jnative *qn_jfind_test(qn_str name);
const qn_jnative *qn_jfind_global(qn_str name);
const qn_jnative *qn_jfind_method(qn_jvalue_kind kind, qn_str name);

/* Whether a namespace may have an attribute of that name; else it fails. */
bool qn_jcheck_space_name(qn_jstate *r, qn_str name);

/* The variables of a rendering. */
bool qn_jread_variables(qn_jstate *r, const qn_template_input *in);

/* datetime.strftime in UTC. */
void qn_jstrftime(qn_jbuild *b, qn_jstr *format, int64_t epoch);
