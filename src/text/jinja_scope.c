/* text/jinja_scope.c - where each variable of a template lives. Source: jinja2/idtracking.py and
 * the frames of jinja2/compiler.py, whose rules decide when a name is undefined.
 *
 * Invariant: a scope is analyzed whole before any name in it gets its place. What an if defines in
 * one branch is undone before the next branch is looked at, and put together at the end, so the
 * work is linear in the definitions, not in branches times names. */
#include "text/jinja_node.h"

#include <string.h>

enum { MAX_SLOTS = 1 << 16 };
static const uint64_t max_steps = 50000000;

typedef struct walker {
    qn_jparser *p;
    qn_jscope *scope;
    bool soft, in_loop; /* soft: an unknown filter matters only once it is called */
    unsigned n_fors;
} walker;

/* Scopes */

static void fail_limit(walker *w, unsigned line)
{
    qn_jparser_fail(w->p, line, QN_ELIMIT, "too many variables");
}

static qn_jscope *new_scope(walker *w, qn_jfunction *function)
{
    qn_jscope *s = qn_region_take(w->p->region, 1, sizeof *s);
    if (!s) {
        qn_jparser_no_memory(w->p, 0);
        return w->scope;
    }
    s->parent = w->scope;
    s->function = function ? function : w->scope->function;
    s->last = &s->first;
    return s;
}

static qn_jfunction *new_function(walker *w)
{
    qn_jfunction *f = qn_region_take(w->p->region, 1, sizeof *f);
    if (!f) {
        qn_jparser_no_memory(w->p, 0);
        return w->scope->function;
    }
    f->level = w->scope->function->level + 1;
    return f;
}

static size_t bucket_of(qn_str name)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < name.n_bytes; i++)
        h = (h ^ (uint8_t)name.bytes[i]) * 16777619u;
    return (h ^ h >> 16) % J_BUCKETS;
}

static qn_jsymbol *find_in(walker *w, qn_jscope *s, qn_str name, size_t bucket)
{
    qn_jsymbol *y = s->bucket[bucket];
    for (w->p->n_steps++; y && !qn_str_equal(y->name, name); y = y->next_in_bucket)
        w->p->n_steps++;
    if (w->p->n_steps > max_steps)
        fail_limit(w, 0);
    return y;
}

/* The symbol that the name means in s or outside of it, if one is defined. */
static qn_jsymbol *find(walker *w, qn_jscope *s, qn_str name)
{
    size_t bucket = bucket_of(name);
    for (; s && w->p->status == QN_OK; s = s->parent) {
        qn_jsymbol *y = find_in(w, s, name, bucket);
        if (y && y->defined)
            return y;
    }
    return NULL;
}

/* The scope's own symbol of that name, made if need be; NULL after a failure. */
static qn_jsymbol *own(walker *w, qn_str name)
{
    qn_jscope *s = w->scope;
    size_t bucket = bucket_of(name);
    qn_jsymbol *y = find_in(w, s, name, bucket);
    if (y || w->p->status != QN_OK)
        return y;
    y = qn_region_take(w->p->region, 1, sizeof *y);
    if (!y) {
        qn_jparser_no_memory(w->p, 0);
        return NULL;
    }
    *y = (qn_jsymbol){.name = name,
                      .scope = s,
                      .slot = s->function->n_slots++,
                      .next_in_bucket = s->bucket[bucket]};
    if (s->function->n_slots > MAX_SLOTS)
        fail_limit(w, 0);
    s->bucket[bucket] = y;
    *s->last = y;
    s->last = &y->next;
    return y;
}

/* What a branch of an if has changed, newest first. */
typedef struct change {
    struct change *before;
    qn_jsymbol *symbol;
    bool defines, stores; /* else it says what was so before */
    qn_jload load;
    qn_jsymbol *outer;
} change;

typedef struct analysis {
    walker *w;
    change *changes;
} analysis;

static void note(analysis *a, qn_jsymbol *y, bool defines, bool stores)
{
    change *c = qn_region_take(a->w->p->region, 1, sizeof *c);
    if (!c) {
        qn_jparser_no_memory(a->w->p, 0);
        return;
    }
    *c = (change){a->changes, y, defines, stores, (qn_jload)y->load, y->outer};
    a->changes = c;
}

static void define(analysis *a, qn_jsymbol *y, qn_jload load, qn_jsymbol *outer)
{
    y->load = (uint8_t)load;
    y->outer = outer;
    if (!y->defined) {
        y->defined = true;
        note(a, y, true, false);
    }
}

static void set_stored(analysis *a, qn_jsymbol *y)
{
    if (!y->stored) {
        y->stored = true;
        note(a, y, false, true);
    }
}

static void store(analysis *a, qn_str name)
{
    qn_jsymbol *y = own(a->w, name);
    if (!y)
        return;
    set_stored(a, y);
    if (y->defined)
        return;
    qn_jsymbol *outer = find(a->w, a->w->scope->parent, name);
    define(a, y, outer ? J_LOAD_ALIAS : J_LOAD_UNDEFINED, outer);
}

static void load(analysis *a, qn_str name)
{
    if (find(a->w, a->w->scope, name))
        return;
    qn_jsymbol *y = own(a->w, name);
    if (y)
        define(a, y, J_LOAD_RESOLVE, NULL);
}

static qn_jsymbol *parameter(analysis *a, qn_str name)
{
    qn_jsymbol *y = own(a->w, name);
    if (!y)
        return NULL;
    set_stored(a, y);
    define(a, y, J_LOAD_PARAMETER, NULL);
    return y;
}

/* Analysis */

static void analyze_all(analysis *a, qn_jnode *first);
static void analyze(analysis *a, qn_jnode *n);

static change *analyze_branch(analysis *a, qn_jnode *first)
{
    change *outside = a->changes, *inside, *c;
    a->changes = NULL;
    analyze_all(a, first);
    inside = a->changes;
    a->changes = outside;
    for (c = inside; c; c = c->before) {
        if (c->defines)
            c->load = (qn_jload)c->symbol->load, c->outer = c->symbol->outer;
        c->symbol->defined &= !c->defines;
        c->symbol->stored &= !c->stores;
    }
    return inside;
}

/* The branches become part of what surrounds them; what not all three store may come from outside.
 */
static void join_branches(analysis *a, change *branch[3])
{
    for (size_t i = 0; i < 3; i++) {
        for (change *c = branch[i]; c; c = c->before)
            if (c->defines)
                define(a, c->symbol, c->load, c->outer);
    }
    for (size_t i = 0; i < 3; i++)
        for (change *c = branch[i]; c; c = c->before)
            if (c->stores)
                set_stored(a, c->symbol);
}

static bool stored_in(const change *c, const qn_jsymbol *y, walker *w)
{
    for (; c && w->p->n_steps++ < max_steps; c = c->before)
        if (c->stores && c->symbol == y)
            return true;
    return false;
}

static void analyze_if(analysis *a, qn_jnode *n)
{
    analyze(a, n->a);
    change *branch[3] = {analyze_branch(a, n->body)};
    branch[1] = analyze_branch(a, n->args);
    branch[2] = analyze_branch(a, n->other);
    join_branches(a, branch);
    for (size_t i = 0; i < 3; i++) {
        for (change *c = branch[i]; c; c = c->before) {
            if (!c->stores ||
                (stored_in(branch[0], c->symbol, a->w) && stored_in(branch[1], c->symbol, a->w) &&
                 stored_in(branch[2], c->symbol, a->w)))
                continue;
            qn_jsymbol *outer = find(a->w, a->w->scope->parent, c->symbol->name);
            define(a, c->symbol, outer ? J_LOAD_ALIAS : J_LOAD_RESOLVE, outer);
        }
    }
}

static void analyze(analysis *a, qn_jnode *n)
{
    if (!n || a->w->p->status != QN_OK)
        return;
    switch (n->kind) {
    case J_NAMED:
        if (n->stores)
            store(a, n->name);
        else
            load(a, n->name);
        break;
    case J_NAMESPACE_REF: load(a, n->name); break;
    case J_IF: analyze_if(a, n); break;
    case J_MACRO_DEF: store(a, n->name); break;
    case J_SET:
        analyze(a, n->b);
        analyze(a, n->a);
        break;
    case J_FOR: analyze(a, n->b); break;
    case J_SET_BLOCK:
    case J_CALL_BLOCK:
    case J_FILTER_BLOCK: analyze(a, n->a); break;
    case J_WITH: analyze_all(a, n->other); break;
    case J_GENERATION:
    case J_TEXT: break;
    case J_SCOPE: /* {% print %} has no scope of its own */
        if (n->flag)
            analyze_all(a, n->body);
        break;
    default:
        analyze(a, n->a);
        analyze(a, n->b);
        analyze_all(a, n->args);
        analyze(a, n->c);
    }
}

static void analyze_all(analysis *a, qn_jnode *first)
{
    for (qn_jnode *n = first; n; n = n->next)
        analyze(a, n);
}

static void declare_all(analysis *a, qn_jnode *n)
{
    if (n->kind == J_TUPLES)
        for (qn_jnode *item = n->args; item; item = item->next)
            declare_all(a, item);
    else
        parameter(a, n->name);
}

/* 1 when the first use of the name below n and its followers is a load, -1 when a store, 0: none.
 */
static int first_use(walker *w, const qn_jnode *n, const char *name, bool followers)
{
    for (; n && w->p->status == QN_OK; n = followers ? n->next : NULL) {
        int use = n->kind == J_NAMED && qn_str_is(n->name, name) ? (n->stores ? -1 : 1) : 0;
        const qn_jnode *single[] = {n->a, n->b, n->c}, *lists[] = {n->args, n->other, n->body};
        for (size_t i = 0; i < 2 && !use; i++)
            use = first_use(w, single[i], name, false);
        for (size_t i = 0; i < 3 && !use; i++)
            use = first_use(w, lists[i], name, true);
        use = use ? use : first_use(w, n->c, name, false);
        if (use)
            return use;
        if (w->p->n_steps++ > max_steps)
            fail_limit(w, n->line);
    }
    return 0;
}

static bool uses(walker *w, const qn_jnode *body, const char *name)
{
    return first_use(w, body, name, true) > 0;
}

/* Places */

static qn_jplace place_of(const qn_jscope *from, const qn_jsymbol *y)
{
    return (qn_jplace){from->function->level - y->scope->function->level, y->slot};
}

static void settle(qn_jscope *s)
{
    for (qn_jsymbol *y = s->first; y; y = y->next)
        if (y->defined && y->load == J_LOAD_ALIAS)
            y->from = place_of(s, y->outer);
}

static void resolve(walker *w, qn_jnode *n);

static void resolve_all(walker *w, qn_jnode *first)
{
    for (qn_jnode *n = first; n; n = n->next)
        resolve(w, n);
}

static void resolve_name(walker *w, qn_jnode *n)
{
    if (n->stores && w->n_fors && qn_str_is(n->name, "loop"))
        qn_jparser_fail(w->p, n->line, QN_EFORMAT,
                        "Can't assign to special loop variable in for-loop target");
    qn_jsymbol *y = find(w, w->scope, n->name);
    if (y)
        n->place = place_of(w->scope, y);
    else
        qn_jparser_fail(w->p, n->line, QN_EFORMAT, "%.*s cannot be used there",
                        (int)QN_MIN(n->name.n_bytes, (size_t)64), n->name.bytes);
}

/* A walker for a scope in w's: nothing is soft in it at first. */
static walker inside(const walker *w, qn_jscope *scope)
{
    return (walker){.p = w->p, .scope = scope, .in_loop = w->in_loop, .n_fors = w->n_fors};
}

static void resolve_loop_test(walker *w, qn_jnode *n, qn_jfunction *function)
{
    walker in = inside(w, new_scope(w, function));
    analysis a = {.w = &in};
    declare_all(&a, n->a);
    analyze(&a, n->c);
    for (qn_jsymbol *y = in.scope->first; y; y = y->next) {
        qn_jsymbol *same = find_in(&in, n->scope, y->name, bucket_of(y->name));
        if (y->load == J_LOAD_PARAMETER && same)
            y->slot = same->slot;
    }
    n->scope_test = in.scope;
    resolve(&in, n->c);
    settle(in.scope);
}

static void resolve_for(walker *w, qn_jnode *n)
{
    resolve(w, n->b);
    n->function = n->flag ? new_function(w) : NULL;
    n->uses_loop = n->flag || uses(w, n->body, "loop");
    walker in = inside(w, n->scope = new_scope(w, n->function));
    analysis a = {.w = &in};
    qn_jsymbol *loop = n->uses_loop ? parameter(&a, qn_str_of("loop")) : NULL;
    if (loop)
        n->loop = place_of(in.scope, loop);
    declare_all(&a, n->a);
    analyze_all(&a, n->body);
    in.n_fors++;
    resolve(&in, n->a);
    in.in_loop = true;
    resolve_all(&in, n->body);
    settle(in.scope);
    if (n->c)
        resolve_loop_test(w, n, n->function);
    walker other = inside(w, n->scope_else = new_scope(w, n->function));
    analysis b = {.w = &other};
    other.n_fors++;
    analyze_all(&b, n->other);
    resolve_all(&other, n->other);
    settle(other.scope);
}

static qn_jplace special(analysis *a, bool wanted, const char *name)
{
    qn_jsymbol *y = wanted ? parameter(a, qn_str_of(name)) : NULL;
    return y ? place_of(a->w->scope, y) : (qn_jplace){0};
}

static bool has_parameter(const qn_jnode *n, const char *name)
{
    for (const qn_jnode *arg = n->args; arg; arg = arg->next)
        if (qn_str_is(arg->name, name))
            return true;
    return false;
}

/* A macro's, call block's or generation block's own function. */
static void resolve_macro(walker *w, qn_jnode *n)
{
    n->function = new_function(w);
    walker in = inside(w, n->scope = new_scope(w, n->function));
    analysis a = {.w = &in};
    in.in_loop = false;
    n->uses_caller = uses(w, n->body, "caller");
    n->flag = has_parameter(n, "caller"); /* explicit */
    n->uses_kwargs = uses(w, n->body, "kwargs") && !has_parameter(n, "kwargs");
    n->uses_varargs = uses(w, n->body, "varargs") && !has_parameter(n, "varargs");
    for (qn_jnode *arg = n->args; arg; arg = arg->next)
        parameter(&a, arg->name);
    n->caller = special(&a, n->uses_caller && !n->flag, "caller");
    n->kwargs = special(&a, n->uses_kwargs, "kwargs");
    n->varargs = special(&a, n->uses_varargs, "varargs");
    analyze_all(&a, n->other);
    analyze_all(&a, n->body);
    resolve_all(&in, n->args);
    resolve_all(&in, n->other);
    resolve_all(&in, n->body);
    settle(in.scope);
}

/* A set, filter, with or other block that only has a scope. */
static void resolve_block(walker *w, qn_jnode *n)
{
    walker in = inside(w, n->scope = new_scope(w, NULL));
    analysis a = {.w = &in};
    qn_jnode *filter = n->kind == J_FILTER_BLOCK ? n->a : n->c;
    if (n->kind == J_WITH)
        for (qn_jnode *target = n->args; target; target = target->next)
            declare_all(&a, target);
    if (n->kind != J_WITH)
        analyze(&a, filter);
    analyze_all(&a, n->body);
    if (n->kind == J_SET_BLOCK)
        resolve(w, n->a);
    if (n->kind == J_WITH) {
        resolve_all(w, n->other);
        resolve_all(&in, n->args);
    }
    resolve(&in, filter);
    resolve_all(&in, n->body);
    settle(in.scope);
}

static void resolve_native(walker *w, qn_jnode *n)
{
    char shown[QN_SHOWN];
    bool is_filter = n->kind == J_FILTER;
    n->entry = is_filter ? qn_jfind_filter(n->name) : qn_jfind_test(n->name);
    if (!n->entry && !w->soft)
        qn_jparser_fail(w->p, n->line, QN_EFORMAT, "No %s named '%s'.",
                        is_filter ? "filter" : "test", qn_str_show(shown, n->name));
    resolve(w, n->a);
    resolve_all(w, n->args);
}

static void resolve_children(walker *w, qn_jnode *n)
{
    resolve(w, n->a);
    resolve(w, n->b);
    resolve_all(w, n->args);
    resolve_all(w, n->body);
    resolve_all(w, n->other);
    resolve(w, n->c);
}

static void resolve_softly(walker *w, qn_jnode *n)
{
    bool soft = w->soft;
    w->soft = true;
    resolve_children(w, n);
    w->soft = soft;
}

static void resolve(walker *w, qn_jnode *n)
{
    if (!n || w->p->status != QN_OK)
        return;
    switch (n->kind) {
    case J_NAMED:
    case J_NAMESPACE_REF: resolve_name(w, n); break;
    case J_IF:
    case J_IF_ELSE: resolve_softly(w, n); break;
    case J_FILTER:
    case J_TEST: resolve_native(w, n); break;
    case J_FOR: resolve_for(w, n); break;
    case J_CALL_BLOCK:
        resolve(w, n->a);
        resolve_macro(w, n);
        break;
    case J_MACRO_DEF:
        resolve_name(w, n);
        resolve_macro(w, n);
        break;
    case J_GENERATION: resolve_macro(w, n); break;
    case J_SET_BLOCK:
    case J_FILTER_BLOCK:
    case J_WITH: resolve_block(w, n); break;
    case J_SCOPE:
        if (n->flag)
            resolve_all(w, n->body);
        else
            resolve_block(w, n);
        break;
    case J_BREAK:
    case J_CONTINUE:
        if (!w->in_loop)
            qn_jparser_fail(w->p, n->line, QN_EFORMAT,
                            n->kind == J_BREAK ? "'break' outside loop"
                                               : "'continue' not properly in loop");
        break;
    default: resolve_children(w, n);
    }
}

void qn_jinja_resolve(qn_jparser *p, qn_template *t)
{
    qn_jscope *root = qn_region_take(p->region, 1, sizeof *root);
    if (!root) {
        qn_jparser_no_memory(p, 0);
        return;
    }
    *root = (qn_jscope){.function = &t->function, .last = &root->first};
    root->last = &root->first;
    walker w = {.p = p, .scope = root};
    analysis a = {.w = &w};
    analyze_all(&a, t->body);
    t->scope = root;
    resolve_all(&w, t->body);
    settle(root);
}
