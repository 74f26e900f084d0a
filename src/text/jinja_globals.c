/* text/jinja_globals.c - functions that every template sees. Source: jinja2/defaults.py, utils.py,
 * sandbox.py, and transformers' chat_template_utils for raise_exception and strftime_now. */
#include "text/jinja_int.h"
#include "text/jinja_node.h"
#include "text/jinja_tables.h"

/* The message as it is, line ends too; who prints it to a terminal cleans it. */
qn_jval qn_jg_raise_exception(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    const char *message = qn_jterminated(r, c->v[0]);
    (void)self;
    qn_jfail(r, QN_EARGUMENT, "%s", message);
    return qn_jnone();
}

qn_jval qn_jg_strftime_now(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    qn_jbuild b = qn_jbuild_begin(r);
    (void)self;
    if (c->v[0].kind != J_STR)
        qn_jfail(r, QN_EARGUMENT, "strftime() argument 1 must be str, not %s",
                 c->v[0].kind == J_NONE ? "None" : qn_jtype_name(c->v[0]));
    else
        qn_jstrftime(&b, c->v[0].s, r->in->now_epoch);
    return qn_jstr_value(qn_jbuild_end(&b));
}

/* max(0, (stop - start) / step rounded up), of ints of any size. */
static qn_jval range_length(qn_jstate *r, qn_jval start, qn_jval stop, qn_jval step)
{
    qn_jval span = qn_jbinary(r, J_SUB, start, stop); /* -(-n // d) rounds up */
    qn_jval n = qn_jint_negate(r, qn_jbinary(r, J_FLOORDIV, span, step));
    return qn_jint_negative(n) ? qn_jint(0) : n;
}

static void check_length(qn_jstate *r, qn_jval n, bool small)
{
    if (n.kind == J_BIG)
        qn_jfail(r, QN_EARGUMENT, "Python int too large to convert to C ssize_t");
    else if (n.i > qn_template_max.n_range)
        qn_jfail(r, QN_ELIMIT,
                 "Range too big. The sandbox blocks ranges larger than MAX_RANGE (%" PRId64 ").",
                 qn_template_max.n_range);
    else if (!small)
        qn_jfail(r, QN_EUNSUPPORTED, "a range beyond 64 bits is not supported");
}

qn_jval qn_jg_range(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    bool one = c->v[1].kind == J_MISSING;
    qn_jval part[3] = {one ? qn_jint(0) : c->v[0], one ? c->v[0] : c->v[1],
                       c->v[2].kind == J_MISSING ? qn_jint(1) : c->v[2]};
    (void)self;
    for (size_t i = 0; i < 3; i++)
        if (!qn_jis_int(part[i]))
            qn_jfail(r, QN_EARGUMENT, "'%s' object cannot be interpreted as an integer",
                     qn_jtype_name(part[i]));
    if (!qn_jfailed(r) && !qn_jtruth(r, part[2]))
        qn_jfail(r, QN_EARGUMENT, "range() arg 3 must not be zero");
    if (qn_jfailed(r))
        return qn_jnone();
    qn_jval n = range_length(r, part[0], part[1], part[2]);
    bool small = qn_jis_small(part[0]) && qn_jis_small(part[1]) && qn_jis_small(part[2]);
    check_length(r, n, small);
    qn_jrange *range = qn_jtake_memory(r, 1, sizeof *range);
    if (!range)
        return qn_jnone();
    *range = (qn_jrange){qn_jas_int(part[0]), qn_jas_int(part[2]), n.i, qn_jas_int(part[1])};
    return J_VALUE(J_RANGE, range, range);
}

/* One of the pairs that a dict is made of. */
static void set_pair(qn_jstate *r, qn_jdict *d, qn_jval item, size_t i)
{
    if (!qn_jiterable(item)) {
        qn_jfail(r, QN_EARGUMENT,
                 "cannot convert dictionary update sequence element #%zu to a sequence", i);
        return;
    }
    qn_jlist *pair = qn_jlist_of(r, item);
    if (pair->n != 2)
        qn_jfail(r, QN_EARGUMENT,
                 "dictionary update sequence element #%zu has length %zu; 2 is required", i,
                 pair->n);
    else
        qn_jdict_set(r, d, pair->v[0], pair->v[1]);
}

/* dict(mapping or pairs, name=value ...) */
static qn_jdict *new_dict(qn_jstate *r, qn_jcall *c)
{
    qn_jdict *d = qn_jdict_new(r);
    qn_jval from = c->n_positional ? c->positional[0] : (qn_jval){0};
    if (c->n_positional > 1)
        qn_jfail(r, QN_EARGUMENT, "dict expected at most 1 argument, got %zu", c->n_positional);
    if (from.kind == J_UNDEFINED)
        qn_jrefuse_undefined(r, from);
    if (from.kind == J_DICT) {
        for (size_t i = 0; i < from.dict->n && !qn_jfailed(r); i++)
            qn_jdict_set(r, d, from.dict->pair[i].key, from.dict->pair[i].value);
    } else if (from.kind != J_MISSING) {
        qn_jiter *it = qn_jiterate(r, from);
        qn_jval item;
        for (size_t i = 0; qn_jnext(r, it, &item); i++)
            set_pair(r, d, item, i);
    }
    for (size_t i = 0; i < c->n_keyword && !qn_jfailed(r); i++) {
        qn_str name = c->keyword[i].name;
        qn_jstr *key = qn_jstr_new(r, name.n_bytes, name.bytes, J_TRUSTED);
        qn_jdict_set(r, d, qn_jstr_value(key), c->keyword[i].value);
    }
    return d;
}

qn_jval qn_jg_dict(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    (void)self;
    return J_VALUE(J_DICT, dict, new_dict(r, c));
}

bool qn_jcheck_space_name(qn_jstate *r, qn_str name)
{
    char shown[QN_SHOWN];
    if (name.n_bytes && name.bytes[0] == '_')
        qn_jfail(r, QN_EARGUMENT,
                 "Chat templates cannot store underscore-prefixed attributes on a namespace, but "
                 "got '%s'. Please rename the attribute.",
                 qn_str_show(shown, name));
    return !qn_jfailed(r);
}

qn_jval qn_jg_namespace(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    qn_jdict *d = new_dict(r, c);
    (void)self;
    for (size_t i = 0; i < d->n && !qn_jfailed(r); i++)
        if (d->pair[i].key.kind == J_STR)
            qn_jcheck_space_name(r, qn_jbytes(r, d->pair[i].key.s));
    return J_VALUE(J_SPACE, dict, d);
}

static void refuse_keywords(qn_jstate *r, const char *name, const qn_jcall *c)
{
    char shown[QN_SHOWN];
    if (c->n_keyword)
        qn_jfail(r, QN_EARGUMENT, "%s() got an unexpected keyword argument '%s'", name,
                 qn_str_show(shown, c->keyword[0].name));
}

static qn_jval new_cycler(qn_jstate *r, qn_jvalue_kind kind, qn_jcycler made)
{
    qn_jcycler *cycler = qn_jtake_memory(r, 1, sizeof *cycler);
    if (!cycler)
        return qn_jnone();
    *cycler = made;
    return (qn_jval){.kind = kind, .cycler = cycler};
}

qn_jval qn_jg_cycler(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    qn_jlist *items = qn_jlist_new(r, c->n_positional);
    (void)self;
    refuse_keywords(r, "Cycler.__init__", c);
    if (c->n_positional == 0)
        qn_jfail(r, QN_EARGUMENT, "at least one item has to be provided");
    for (size_t i = 0; i < c->n_positional && !qn_jfailed(r); i++)
        qn_jlist_push(r, items, c->positional[i]);
    return new_cycler(r, J_CYCLER, (qn_jcycler){.items = items});
}

qn_jval qn_jg_joiner(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    qn_jval separator = c->v[0].kind == J_MISSING ? qn_jtext(r, ", ") : c->v[0];
    (void)self;
    return new_cycler(r, J_JOINER, (qn_jcycler){.separator = separator});
}

qn_jval qn_jg_lipsum(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    (void)self, (void)c;
    qn_jfail(r, QN_EUNSUPPORTED, "lipsum is random text, which a prompt cannot have");
    return qn_jnone();
}

/* Methods of what the globals make. */

qn_jval qn_jm_cycler_next(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    qn_jcycler *cycler = self.cycler;
    (void)r, (void)c;
    qn_jval v = cycler->items->v[cycler->at];
    cycler->at = (cycler->at + 1) % cycler->items->n;
    return v;
}

qn_jval qn_jm_cycler_reset(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    (void)r, (void)c;
    self.cycler->at = 0;
    return qn_jnone();
}

qn_jval qn_jm_loop_cycle(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    refuse_keywords(r, "LoopContext.cycle", c);
    if (c->n_positional == 0)
        qn_jfail(r, QN_EARGUMENT, "no items for cycling given");
    if (c->n_positional == 0 || qn_jfailed(r))
        return qn_jnone();
    return c->positional[(size_t)self.loop->index0 % c->n_positional];
}

qn_jval qn_jm_loop_changed(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    qn_jlist *now = qn_jlist_new(r, c->n_positional);
    refuse_keywords(r, "LoopContext.changed", c);
    for (size_t i = 0; i < c->n_positional && !qn_jfailed(r); i++)
        qn_jlist_push(r, now, c->positional[i]);
    qn_jval v = J_VALUE(J_TUPLE, list, now);
    bool changed = !qn_jequal(r, self.loop->changed, v);
    self.loop->changed = v;
    return qn_jbool(changed);
}
