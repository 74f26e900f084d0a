/* text/jinja_globals.c - functions that every template sees. Source: jinja2/defaults.py, utils.py,
 * sandbox.py, and transformers' chat_template_utils for raise_exception and strftime_now. */
#include "text/jinja_tables.h"

qn_jval qn_jg_raise_exception(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    char shown[300];
    qn_str s = qn_jbytes(r, qn_jstr_of(r, c->v[0]));
    size_t n = 0;
    (void)self;
    for (size_t i = 0; i < s.n_bytes && n + 1 < sizeof shown; i++)
        shown[n++] = (char)((unsigned char)s.bytes[i] < 32 ? ' ' : s.bytes[i]);
    while (n > 0 && n < s.n_bytes && ((unsigned char)s.bytes[n] & 0xC0) == 0x80)
        n--;
    shown[n] = 0;
    qn_jfail(r, QN_EARGUMENT, "%s", n ? shown : "the template refuses these messages");
    return qn_jnone();
}

qn_jval qn_jg_strftime_now(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    qn_jbuild b = qn_jbuild_begin(r);
    (void)self;
    if (c->v[0].kind != J_STR)
        qn_jfail(r, QN_EARGUMENT, "strftime() argument 1 must be str, not %s",
                 qn_jtype_name(c->v[0]));
    else
        qn_jstrftime(&b, c->v[0].s, r->in->now_epoch);
    return qn_jstr_value(qn_jbuild_end(&b));
}

qn_jval qn_jg_range(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    int64_t part[3] = {0, 0, 1}, n;
    (void)self;
    for (size_t i = 0; i < 3; i++) {
        if (c->v[i].kind != J_MISSING && !qn_jis_true_int(c->v[i]))
            qn_jfail(r, QN_EARGUMENT, "'%s' object cannot be interpreted as an integer",
                     qn_jtype_name(c->v[i]));
        else if (c->v[i].kind != J_MISSING)
            part[i] = qn_jas_int(c->v[i]);
    }
    int64_t start = c->v[1].kind == J_MISSING ? 0 : part[0];
    int64_t stop = c->v[1].kind == J_MISSING ? part[0] : part[1], step = part[2];
    if (step == 0)
        qn_jfail(r, QN_EARGUMENT, "range() arg 3 must not be zero");
    uint64_t by = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
    bool any = step > 0 ? start < stop : start > stop;
    uint64_t span = !any       ? 0
                    : step > 0 ? (uint64_t)stop - (uint64_t)start
                               : (uint64_t)start - (uint64_t)stop;
    uint64_t n_items = by ? span / by + (span % by != 0) : 0;
    if (n_items > (uint64_t)qn_template_max.n_range)
        qn_jfail(r, QN_ELIMIT,
                 "Range too big. The sandbox blocks ranges larger than MAX_RANGE (%" PRId64 ").",
                 qn_template_max.n_range);
    qn_jrange *range = qn_jtake_memory(r, 1, sizeof *range);
    if (!range)
        return qn_jnone();
    n = (int64_t)n_items;
    *range = (qn_jrange){start, step, n, stop};
    return J_VALUE(J_RANGE, range, range);
}

/* dict(mapping or pairs, name=value ...) */
static qn_jdict *new_dict(qn_jstate *r, qn_jcall *c)
{
    qn_jdict *d = qn_jdict_new(r);
    qn_jval from = c->n_positional ? c->positional[0] : (qn_jval){0};
    if (c->n_positional > 1)
        qn_jfail(r, QN_EARGUMENT, "a dict is made of at most one value");
    if (from.kind == J_DICT) {
        for (size_t i = 0; i < from.dict->n && !qn_jfailed(r); i++)
            qn_jdict_set(r, d, from.dict->pair[i].key, from.dict->pair[i].value);
    } else if (from.kind != J_MISSING) {
        qn_jiter *it = qn_jiterate(r, from);
        for (qn_jval item; qn_jnext(r, it, &item);) {
            qn_jlist *pair = qn_jlist_of(r, item);
            if (pair->n != 2)
                qn_jfail(r, QN_EARGUMENT, "a dict is made of pairs");
            else
                qn_jdict_set(r, d, pair->v[0], pair->v[1]);
        }
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

qn_jval qn_jg_namespace(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    (void)self;
    return J_VALUE(J_SPACE, dict, new_dict(r, c));
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
    if (c->n_positional == 0 || c->n_keyword)
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
    if (c->n_positional == 0 || c->n_keyword) {
        qn_jfail(r, QN_EARGUMENT, "no items for cycling given");
        return qn_jnone();
    }
    return c->positional[(size_t)self.loop->index0 % c->n_positional];
}

qn_jval qn_jm_loop_changed(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    qn_jlist *now = qn_jlist_new(r, c->n_positional);
    for (size_t i = 0; i < c->n_positional && !qn_jfailed(r); i++)
        qn_jlist_push(r, now, c->positional[i]);
    qn_jval v = J_VALUE(J_TUPLE, list, now);
    bool changed = !qn_jequal(r, self.loop->changed, v);
    self.loop->changed = v;
    return qn_jbool(changed);
}
