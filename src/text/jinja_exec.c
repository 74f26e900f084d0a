/* text/jinja_exec.c - statements: scopes, loops, macros, blocks. Source: jinja2/compiler.py and
 * runtime.py.
 *
 * Invariant: each statement costs a step and a level; what captures output puts r->out back. */
#include "text/jinja_eval.h"

#include <string.h>

typedef enum flow { NEXT, BREAK, CONTINUE } flow;

static flow exec_all(qn_jstate *r, const qn_jnode *first);

/* Scopes and activations */

static void enter_scope(qn_jstate *r, const qn_jscope *s)
{
    for (const qn_jsymbol *y = s->first; y && qn_jspend(r, 1); y = y->next) {
        qn_jval *slot = &r->active->slot[y->slot];
        if (!y->defined || y->load == J_LOAD_PARAMETER)
            continue;
        if (y->load == J_LOAD_RESOLVE)
            *slot = qn_jlook_up(r, y->name);
        else
            *slot = y->load == J_LOAD_ALIAS ? *qn_jslot(r, y->from) : (qn_jval){0};
    }
}

/* A new activation, made the current one; NULL after a failure. */
static qn_jactivation *activate(qn_jstate *r, const qn_jfunction *f, qn_jactivation *outer)
{
    size_t n_bytes = sizeof(qn_jactivation) + f->n_slots * sizeof(qn_jval);
    qn_jactivation *a = qn_jtake_memory(r, n_bytes, 1);
    if (!a)
        return NULL;
    a->outer = outer;
    a->n_slots = f->n_slots;
    return r->active = a;
}

static size_t count(const qn_jnode *first)
{
    size_t n = 0;
    for (; first; first = first->next)
        n++;
    return n;
}

static void assign(qn_jstate *r, const qn_jnode *target, qn_jval v)
{
    if (target->kind == J_NAMED) {
        *qn_jslot(r, target->place) = v;
        return;
    }
    size_t n = 0;
    if (!qn_jiterable(v))
        qn_jfail(r, QN_EARGUMENT, "cannot unpack non-iterable %s object", qn_jtype_name(v));
    qn_jiter *it = qn_jiterate(r, v);
    qn_jval item;
    for (const qn_jnode *t = target->args; t && !qn_jfailed(r); t = t->next, n++) {
        if (!qn_jnext(r, it, &item))
            qn_jfail(r, QN_EARGUMENT, "not enough values to unpack (expected %zu, got %zu)",
                     count(target->args), n);
        else
            assign(r, t, item);
    }
    if (!qn_jfailed(r) && qn_jnext(r, it, &item))
        qn_jfail(r, QN_EARGUMENT, "too many values to unpack (expected %zu)", n);
}

/* Capturing */

typedef struct capture {
    qn_jbuild text, *outside;
} capture;

static void begin_capture(qn_jstate *r, capture *c)
{
    c->text = qn_jbuild_begin(r);
    c->outside = r->out;
    r->out = &c->text;
}

static qn_jval end_capture(qn_jstate *r, capture *c)
{
    r->out = c->outside;
    return qn_jstr_value(qn_jbuild_end(&c->text));
}

/* Loops */

typedef struct tested { /* a for's items that pass its test */
    const qn_jnode *node;
    qn_jactivation *active;
} tested;

static void save_targets(qn_jstate *r, const qn_jnode *target, qn_jlist *saved)
{
    if (target->kind == J_NAMED)
        qn_jlist_push(r, saved, *qn_jslot(r, target->place));
    for (const qn_jnode *t = target->args; target->kind == J_TUPLES && t; t = t->next)
        save_targets(r, t, saved);
}

static void restore_targets(qn_jstate *r, const qn_jnode *target, const qn_jlist *saved, size_t *at)
{
    if (target->kind == J_NAMED && *at < saved->n)
        *qn_jslot(r, target->place) = saved->v[(*at)++];
    for (const qn_jnode *t = target->args; target->kind == J_TUPLES && t; t = t->next)
        restore_targets(r, t, saved, at);
}

/* The test has variables of its own, which here share the slots of the loop's. */
static bool passes(qn_jstate *r, const qn_jnode *n, qn_jval item)
{
    size_t at = 0;
    qn_jlist *saved = qn_jlist_new(r, 4);
    save_targets(r, n->a, saved);
    assign(r, n->a, item);
    bool pass = !qn_jfailed(r) && qn_jtruth(r, qn_jeval(r, n->c));
    restore_targets(r, n->a, saved, &at);
    return pass;
}

static bool next_tested(qn_jstate *r, qn_jiter *it, qn_jval *item)
{
    const tested *t = it->more;
    qn_jactivation *active = r->active;
    bool found = false;
    r->active = t->active;
    while (!found && qn_jnext(r, it->inner, item))
        found = passes(r, t->node, *item);
    r->active = active;
    return found;
}

static qn_jiter *open_loop(qn_jstate *r, const qn_jnode *n, qn_jval source)
{
    qn_jiter *all = qn_jiterate(r, source);
    if (!n->c)
        return all;
    tested *t = qn_jtake_memory(r, 1, sizeof *t);
    qn_jiter *it = qn_jtake_memory(r, 1, sizeof *it);
    if (!t || !it)
        return all;
    *t = (tested){n, r->active};
    *it = (qn_jiter){.next = next_tested, .inner = all, .more = t, .type = "generator"};
    enter_scope(r, n->scope_test);
    return it;
}

bool qn_jloop_next(qn_jstate *r, qn_jloop *loop, qn_jval *item)
{
    if (loop->after.kind != J_MISSING)
        *item = loop->after;
    else if (!qn_jnext(r, loop->iter, item))
        return false;
    loop->after = (qn_jval){0};
    loop->index0++;
    loop->before = loop->current;
    loop->current = *item;
    return true;
}

int64_t qn_jloop_length(qn_jstate *r, qn_jloop *loop)
{
    if (loop->length >= 0)
        return loop->length;
    if (loop->source.kind != J_MISSING && qn_jlength(r, loop->source, &loop->length))
        return loop->length;
    qn_jlist *rest = qn_jlist_new(r, 0);
    for (qn_jval item; qn_jnext(r, loop->iter, &item);)
        qn_jlist_push(r, rest, item);
    loop->iter = qn_jiterate(r, qn_jlist_value(rest));
    loop->length = (int64_t)rest->n + loop->index0 + 1 + (loop->after.kind != J_MISSING);
    return loop->length;
}

static qn_jloop *new_loop(qn_jstate *r, const qn_jnode *n, qn_jiter *it, qn_jval source,
                          int64_t depth0)
{
    qn_jloop *loop = qn_jtake_memory(r, 1, sizeof *loop);
    if (!loop)
        return NULL;
    *loop = (qn_jloop){.iter = it,
                       .source = n->c ? (qn_jval){0} : source,
                       .index0 = -1,
                       .length = -1,
                       .depth0 = depth0,
                       .recursive = n->flag ? n : NULL,
                       .outer = r->active->outer};
    return loop;
}

static flow run_loop(qn_jstate *r, const qn_jnode *n, qn_jval source, int64_t depth0)
{
    qn_jiter *it = open_loop(r, n, source);
    qn_jloop *loop = n->uses_loop ? new_loop(r, n, it, source, depth0) : NULL;
    bool finished_one =
        false; /* Jinja2 notes it at the end of the body: a continue leaves it out */
    flow f = NEXT;
    qn_jval item;
    while (f != BREAK && !qn_jfailed(r) &&
           (loop ? qn_jloop_next(r, loop, &item) : qn_jnext(r, it, &item))) {
        if (loop)
            *qn_jslot(r, n->loop) = J_VALUE(J_LOOP, loop, loop);
        r->line = n->line;
        assign(r, n->a, item);
        enter_scope(r, n->scope);
        f = exec_all(r, n->body);
        finished_one |= f == NEXT;
    }
    if (finished_one || qn_jfailed(r) || !n->other)
        return NEXT;
    enter_scope(r, n->scope_else);
    return exec_all(r, n->other);
}

static qn_jval recursive_loop(qn_jstate *r, const qn_jnode *n, qn_jactivation *outer,
                              qn_jval source, int64_t depth0)
{
    capture c;
    qn_jactivation *active = r->active;
    begin_capture(r, &c);
    if (activate(r, n->function, outer))
        run_loop(r, n, source, depth0);
    r->active = active;
    return end_capture(r, &c);
}

qn_jval qn_jcall_loop(qn_jstate *r, qn_jloop *loop, qn_jval source)
{
    if (!loop->recursive) {
        qn_jfail(r, QN_EARGUMENT,
                 "The loop must have the 'recursive' marker to be called recursively.");
        return qn_jnone();
    }
    return recursive_loop(r, loop->recursive, loop->outer, source, loop->depth0 + 1);
}

static flow exec_for(qn_jstate *r, const qn_jnode *n)
{
    qn_jval source = qn_jeval(r, n->b);
    r->line = n->line;
    if (qn_jfailed(r) || !n->flag)
        return qn_jfailed(r) ? NEXT : run_loop(r, n, source, 0);
    qn_jprint(r->out, recursive_loop(r, n, r->active, source, 0));
    return NEXT;
}

/* Macros */

/* Takes the keyword out of the call; J_MISSING when it is not there. */
static qn_jval take_keyword(qn_jstate *r, qn_jcall *c, qn_str name)
{
    for (size_t i = 0; i < c->n_keyword && qn_jspend(r, 1); i++) {
        if (!qn_str_equal(c->keyword[i].name, name))
            continue;
        qn_jval v = c->keyword[i].value;
        c->n_keyword--;
        memmove(&c->keyword[i], &c->keyword[i + 1], (c->n_keyword - i) * sizeof *c->keyword);
        return v;
    }
    return (qn_jval){0};
}

static bool has_keyword(const qn_jcall *c, const char *name)
{
    bool any = false;
    for (size_t i = 0; i < c->n_keyword; i++)
        any |= qn_str_is(c->keyword[i].name, name);
    return any;
}

static void bind_special(qn_jstate *r, const qn_jnode *n, qn_jcall *c, size_t n_taken)
{
    char shown[QN_SHOWN], macro[QN_SHOWN];
    if (n->uses_caller && !n->flag) {
        qn_jval caller = take_keyword(r, c, qn_str_of("caller"));
        bool none = caller.kind == J_MISSING || caller.kind == J_NONE;
        *qn_jslot(r, n->caller) = none ? qn_jundefined(r, "No caller defined") : caller;
    }
    if (n->uses_kwargs) {
        qn_jdict *d = qn_jdict_new(r);
        for (size_t i = 0; i < c->n_keyword && !qn_jfailed(r); i++) {
            qn_str name = c->keyword[i].name;
            qn_jstr *key = qn_jstr_new(r, name.n_bytes, name.bytes, 0);
            qn_jdict_set(r, d, qn_jstr_value(key), c->keyword[i].value);
        }
        *qn_jslot(r, n->kwargs) = J_VALUE(J_DICT, dict, d);
    } else if (has_keyword(c, "caller")) {
        qn_jfail(r, QN_EARGUMENT,
                 "macro '%s' was invoked with two values for the special caller argument. This is "
                 "most likely a bug.",
                 qn_str_show(macro, n->name));
    } else if (c->n_keyword) {
        qn_jfail(r, QN_EARGUMENT, "macro '%s' takes no keyword argument '%s'",
                 qn_str_show(macro, n->name), qn_str_show(shown, c->keyword[0].name));
    }
    if (n->uses_varargs) {
        qn_jlist *rest = qn_jlist_new(r, 0);
        for (size_t i = n_taken; i < c->n_positional && !qn_jfailed(r); i++)
            qn_jlist_push(r, rest, c->positional[i]);
        *qn_jslot(r, n->varargs) = J_VALUE(J_TUPLE, list, rest);
    } else if (c->n_positional > n_taken) {
        qn_jfail(r, QN_EARGUMENT, "macro '%s' takes not more than %zu argument(s)",
                 qn_str_show(macro, n->name), n_taken);
    }
}

static void bind_parameters(qn_jstate *r, const qn_jmacro *m, qn_jcall *c)
{
    size_t i = 0;
    for (const qn_jnode *p = m->node->args; p && !qn_jfailed(r); p = p->next, i++)
        *qn_jslot(r, p->place) =
            i < c->n_positional ? c->positional[i] : take_keyword(r, c, p->name);
    bind_special(r, m->node, c, m->n_parameters);
}

/* Parameters that were not given get their defaults, which see those before them. */
static void fill_defaults(qn_jstate *r, const qn_jmacro *m)
{
    const qn_jnode *d = m->node->other;
    size_t n_defaults = count(d), i = 0;
    for (const qn_jnode *p = m->node->args; p && !qn_jfailed(r); p = p->next, i++) {
        bool has_default = i + n_defaults >= m->n_parameters;
        qn_jval *slot = qn_jslot(r, p->place);
        if (slot->kind == J_MISSING)
            *slot = has_default && d ? qn_jeval(r, d) : qn_jundefined_parameter(r, p->name);
        d = has_default && d ? d->next : d;
    }
}

qn_jval qn_jcall_macro(qn_jstate *r, qn_jmacro *m, qn_jcall *c)
{
    capture text;
    qn_jactivation *active = r->active;
    begin_capture(r, &text);
    if (qn_jdown(r) && activate(r, m->node->function, m->outer)) {
        bind_parameters(r, m, c);
        enter_scope(r, m->node->scope);
        fill_defaults(r, m);
        exec_all(r, m->node->body);
    }
    r->depth--;
    r->active = active;
    return end_capture(r, &text);
}

static qn_jval new_macro(qn_jstate *r, const qn_jnode *n)
{
    qn_jmacro *m = qn_jtake_memory(r, 1, sizeof *m);
    if (!m)
        return qn_jnone();
    *m = (qn_jmacro){.node = n, .outer = r->active, .name = n->name};
    for (const qn_jnode *p = n->args; p; p = p->next)
        m->n_parameters++;
    return J_VALUE(J_MACRO, macro, m);
}

static void exec_call_block(qn_jstate *r, const qn_jnode *n)
{
    qn_jcall c;
    qn_jval callee = qn_jeval(r, n->a->a), caller = new_macro(r, n);
    qn_jeval_arguments(r, n->a->args, NULL, &c);
    qn_jkeyword *keywords = qn_jtake_memory(r, c.n_keyword + 1, sizeof *keywords);
    if (!keywords)
        return;
    if (c.n_keyword)
        memcpy(keywords, c.keyword, c.n_keyword * sizeof *keywords);
    keywords[c.n_keyword++] = (qn_jkeyword){qn_str_of("caller"), caller};
    c.keyword = keywords;
    r->line = n->line;
    qn_jprint(r->out, qn_jcall_value(r, callee, &c));
}

/* Blocks */

static void exec_generation(qn_jstate *r, const qn_jnode *n)
{
    qn_jval macro = new_macro(r, n);
    qn_jcall none = {0};
    if (qn_jfailed(r))
        return;
    qn_jstr *s = qn_jcall_macro(r, macro.macro, &none).s;
    qn_str all = qn_jbytes(r, s);
    for (size_t at = 0, cursor = 0; at < all.n_bytes && !qn_jfailed(r);) {
        unsigned origin = qn_jorigin(s, at, &cursor);
        size_t end = s->n_marks ? s->marks[cursor].end : all.n_bytes;
        qn_jbuild_add(r->out, end - at, all.bytes + at, origin | J_GENERATED);
        at = end;
    }
}

static flow exec_set_block(qn_jstate *r, const qn_jnode *n)
{
    capture c;
    enter_scope(r, n->scope);
    begin_capture(r, &c);
    flow f = exec_all(r, n->body);
    qn_jval v = end_capture(r, &c);
    if (f != NEXT || qn_jfailed(r))
        return f;
    r->filtered = v;
    if (n->c)
        v = qn_jeval(r, n->c);
    if (n->a->kind != J_NAMESPACE_REF)
        assign(r, n->a, v);
    else
        qn_jset_attribute(r, n->a, v);
    return NEXT;
}

static flow exec_filter_block(qn_jstate *r, const qn_jnode *n)
{
    capture c;
    enter_scope(r, n->scope);
    begin_capture(r, &c);
    flow f = exec_all(r, n->body);
    r->filtered = end_capture(r, &c);
    if (f == NEXT && !qn_jfailed(r))
        qn_jprint(r->out, qn_jeval(r, n->a));
    return f;
}

void qn_jset_attribute(qn_jstate *r, const qn_jnode *target, qn_jval v)
{
    qn_jval space = *qn_jslot(r, target->place);
    qn_jstr *key = qn_jstr_new(r, target->attribute.n_bytes, target->attribute.bytes, J_TRUSTED);
    if (space.kind != J_SPACE)
        qn_jfail(r, QN_EARGUMENT, "cannot assign attribute on non-namespace object");
    else if (qn_jcheck_space_name(r, target->attribute))
        qn_jdict_set(r, space.dict, qn_jstr_value(key), v);
}

static void exec_set(qn_jstate *r, const qn_jnode *n)
{
    if (n->a->kind == J_NAMESPACE_REF && qn_jslot(r, n->a->place)->kind != J_SPACE)
        qn_jset_attribute(r, n->a, qn_jnone()); /* fails, before the value is looked at */
    qn_jval v = qn_jeval(r, n->b);
    r->line = n->line;
    if (qn_jfailed(r))
        return;
    if (n->a->kind == J_NAMESPACE_REF)
        qn_jset_attribute(r, n->a, v);
    else
        assign(r, n->a, v);
}

static flow exec_if(qn_jstate *r, const qn_jnode *n)
{
    if (qn_jtruth(r, qn_jeval(r, n->a)))
        return exec_all(r, n->body);
    for (const qn_jnode *elif = n->args; elif && !qn_jfailed(r); elif = elif->next)
        if (qn_jtruth(r, qn_jeval(r, elif->a)))
            return exec_all(r, elif->body);
    return exec_all(r, n->other);
}

static flow exec_with(qn_jstate *r, const qn_jnode *n)
{
    const qn_jnode *value = n->other;
    enter_scope(r, n->scope);
    for (const qn_jnode *target = n->args; target && !qn_jfailed(r); target = target->next) {
        qn_jval v = qn_jeval(r, value);
        if (!qn_jfailed(r))
            assign(r, target, v);
        value = value->next;
    }
    return exec_all(r, n->body);
}

static flow exec(qn_jstate *r, const qn_jnode *n)
{
    r->line = n->line;
    switch (n->kind) {
    case J_TEXT: qn_jbuild_add(r->out, n->name.n_bytes, n->name.bytes, J_TRUSTED); return NEXT;
    case J_PRINT: {
        qn_jval v = qn_jeval(r, n->a);
        if (!qn_jfailed(r))
            qn_jprint(r->out, v);
        return NEXT;
    }
    case J_SET: return exec_set(r, n), NEXT;
    case J_SET_BLOCK: return exec_set_block(r, n);
    case J_IF: return exec_if(r, n);
    case J_FOR: return exec_for(r, n);
    case J_MACRO_DEF: *qn_jslot(r, n->place) = new_macro(r, n); return NEXT;
    case J_CALL_BLOCK: return exec_call_block(r, n), NEXT;
    case J_GENERATION: return exec_generation(r, n), NEXT;
    case J_FILTER_BLOCK: return exec_filter_block(r, n);
    case J_WITH: return exec_with(r, n);
    case J_SCOPE:
        if (!n->flag)
            enter_scope(r, n->scope);
        return exec_all(r, n->body);
    default: return n->kind == J_BREAK ? BREAK : CONTINUE;
    }
}

static flow exec_all(qn_jstate *r, const qn_jnode *first)
{
    flow f = NEXT;
    for (const qn_jnode *n = first; n && f == NEXT && !qn_jfailed(r); n = n->next) {
        if (qn_jdown(r))
            f = exec(r, n);
        r->depth--;
    }
    return f;
}

void qn_jrun(qn_jstate *r)
{
    if (!activate(r, &r->t->function, NULL))
        return;
    enter_scope(r, r->t->scope);
    exec_all(r, r->t->body);
}
