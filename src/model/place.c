/* model/place.c - own copies, first fit, and barriers where accesses collide (ADR 004). */
#include "model/place.h"

typedef struct layout {
    qn_program *p;
    size_t n_values;
    qn_value *values;
} layout;

/* Places are notes of values until the end: 1 + number. */
static qn_value *value_of(const layout *l, const qn_place *noted)
{
    return noted->n > 0 ? &l->values[noted->n - 1] : NULL;
}

/* --- few rows: who has a copy of its own --- */

static bool is_own(const layout *l, const qn_place *noted)
{
    return noted->n > 0 && value_of(l, noted)->own;
}

/* An op that every member repeats writes its own copy; what it changes there it fetches first. */
static void write_own(const layout *l, qn_op *op, size_t i)
{
    qn_value *dst = value_of(l, &op->dst);
    if (!dst)
        return;
    op->fetches = dst->first < i && !dst->own && op->a.n != op->dst.n;
    op->dst.own = dst->own = true;
}

static void mark_own(const layout *l)
{
    for (size_t i = 0; i < l->p->n_body; i++) {
        qn_op *op = &l->p->ops[i];
        qn_split split = qn_op_split(op->kind);
        op->a.own = is_own(l, &op->a);
        op->b.own = is_own(l, &op->b);
        if (split == QN_BY_ROW ||
            (split == QN_BY_ROW_OR_COLUMN && (op->a.own || is_own(l, &op->dst))))
            write_own(l, op, i);
    }
}

/* --- barriers --- */

typedef struct access { /* of an op to a place */
    const qn_place *place;
    bool writes;
    bool by_row;    /* with many rows: a member's rows only */
    bool own;       /* with few: its own copy */
    bool by_column; /* with few: the columns that a linear op of this width gives it */
} access;

enum { MOST_ACCESSES = 4 };

static size_t accesses_of(const layout *l, const qn_op *op, access out[MOST_ACCESSES])
{
    const qn_place *noted[] = {&op->dst, &op->a, &op->b};
    qn_split split = qn_op_split(op->kind);
    size_t n = 0;
    for (size_t i = 0; i < QN_COUNT(noted); i++)
        if (noted[i]->n > 0)
            out[n++] = (access){.place = &value_of(l, noted[i])->place,
                                .writes = i == 0,
                                .by_row = split != QN_SPREAD,
                                .own = noted[i]->own,
                                .by_column = split == QN_BY_ROW_OR_COLUMN ||
                                             (op->kind == QN_OP_LINEAR && i == 0)};
    if (op->fetches)
        out[n++] = (access){.place = &value_of(l, &op->dst)->place, .by_row = true};
    return n;
}

static bool meet(const qn_place *a, const qn_place *b)
{
    return a->space == b->space && a->offset < b->offset + b->n_bytes &&
           b->offset < a->offset + a->n_bytes;
}

/* Whether rows of both lie at the same addresses, so that one member's share stays its own. */
static bool same_rows(const qn_place *a, const qn_place *b)
{
    return a->offset == b->offset && a->n_bytes == b->n_bytes;
}

/* Whether one member's access touches what another member's writes. */
static bool collide(const access *a, const access *b, bool few)
{
    bool apart = few ? a->by_column && b->by_column : a->by_row && b->by_row;
    if ((!a->writes && !b->writes) || !meet(a->place, b->place) || (few && (a->own || b->own)))
        return false;
    return !(apart && same_rows(a->place, b->place));
}

static bool depends(const layout *l, const qn_op *first, const qn_op *then, bool few)
{
    access a[MOST_ACCESSES], b[MOST_ACCESSES];
    size_t n_a = accesses_of(l, first, a), n_b = accesses_of(l, then, b);
    for (size_t i = 0; i < n_a; i++)
        for (size_t j = 0; j < n_b; j++)
            if (collide(&a[i], &b[j], few))
                return true;
    return false;
}

static bool needs_barrier(const layout *l, const qn_op *since, const qn_op *op, bool few)
{
    if (op->kind == QN_OP_ATTEND && !few)
        return true; /* it reads pages that all members write; with few rows, its own */
    for (const qn_op *o = since; o < op; o++)
        if (depends(l, o, op, few))
            return true;
    return false;
}

static bool *barrier_of(qn_op *op, bool few)
{
    return few ? &op->barrier_few : &op->barrier;
}

static void place_barriers(const layout *l, bool few)
{
    qn_op *ops = l->p->ops, *since = ops;
    for (size_t i = 1; i < l->p->n_ops; i++) {
        bool needs = i != l->p->n_body && needs_barrier(l, since, &ops[i], few);
        *barrier_of(&ops[i], few) = needs;
        if (needs || i == l->p->n_body)
            since = &ops[i];
    }
}

/* --- places --- */

static void place_apart(const layout *l)
{
    size_t at = 0;
    for (qn_value *v = l->values; v < l->values + l->n_values; v++) {
        v->place.offset = at;
        at += v->place.n_bytes;
    }
}

/* The last op before threads meet again, behind op i. */
static size_t before_barrier(const layout *l, size_t i, bool few)
{
    while (i + 1 < l->p->n_ops && i + 1 != l->p->n_body && !*barrier_of(&l->p->ops[i + 1], few))
        i++;
    return i;
}

/* Needs the barriers of values that share no memory. */
static void extend(const layout *l)
{
    for (qn_value *v = l->values; v < l->values + l->n_values; v++)
        v->end = QN_MAX(v->last, before_barrier(l, v->last, false));
    for (size_t i = 0; i < l->p->n_ops; i++) {
        const qn_op *op = &l->p->ops[i];
        const qn_place *noted[] = {&op->dst, &op->a, &op->b};
        size_t end = before_barrier(l, i, true);
        for (size_t j = 0; j < QN_COUNT(noted); j++)
            if (noted[j]->n > 0 && (!noted[j]->own || (j == 0 && op->fetches)))
                value_of(l, noted[j])->end = QN_MAX(value_of(l, noted[j])->end, end);
    }
}

static bool overlaps(const qn_value *a, const qn_value *b)
{
    return a->place.space == b->place.space && a->first <= b->end && b->first <= a->end;
}

/* The lowest offset where v lies beside all placed values that live with it. */
static size_t first_fit(const layout *l, const qn_value *v)
{
    size_t at = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (const qn_value *o = l->values; o < v; o++)
            if (overlaps(o, v) && at < o->place.offset + o->place.n_bytes &&
                o->place.offset < at + v->place.n_bytes) {
                at = o->place.offset + o->place.n_bytes;
                moved = true;
            }
    }
    return at;
}

static void place_first_fit(const layout *l)
{
    for (qn_value *v = l->values; v < l->values + l->n_values; v++) {
        v->place.offset = first_fit(l, v);
        size_t *n_bytes = &l->p->row_bytes[v->place.space];
        *n_bytes = QN_MAX(*n_bytes, v->place.offset + v->place.n_bytes);
    }
}

static void resolve(const layout *l, qn_place *noted)
{
    bool own = noted->own;
    if (noted->n > 0)
        *noted = value_of(l, noted)->place;
    noted->own = own;
}

void qn_place_values(qn_program *p, size_t n_values, qn_value *values)
{
    const layout l = {p, n_values, values};
    mark_own(&l);
    place_apart(&l);
    for (int few = 0; few <= 1; few++)
        place_barriers(&l, few);
    extend(&l);
    place_first_fit(&l);
    for (int few = 0; few <= 1; few++)
        place_barriers(&l, few);
    for (qn_op *op = p->ops; op < p->ops + p->n_ops; op++) {
        resolve(&l, &op->dst);
        resolve(&l, &op->a);
        resolve(&l, &op->b);
    }
    resolve(&l, &p->logits);
}
