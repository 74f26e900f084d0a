/* model/cost.c - sums over the ops of a program. */
#include "model/cost.h"

/* Positions that a row sees in a layer with this window, the mean over the work. */
static double mean_visible(uint32_t window, const qn_work *w)
{
    double sum = 0;
    for (uint32_t i = 0; i < w->n_tokens; i++) {
        double seen = (double)w->depth + i + 1;
        sum += window ? QN_MIN(seen, (double)window) : seen;
    }
    return sum / w->n_tokens;
}

static void add_attention(qn_cost *c, const qn_program *p, const qn_work *w)
{
    const qn_kv_shape *kv = &p->kv;
    double visible = 0, n_layers = 0;
    for (uint32_t g = 0; g < kv->n_groups; g++) {
        visible += kv->group[g].n_layers * mean_visible(kv->group[g].window, w);
        n_layers += kv->group[g].n_layers;
    }
    c->kv_bytes =
        visible * (double)qn_kv_token_bytes(kv) / QN_MAX(n_layers, 1.0) / w->n_sequence_rows;
    c->attention_ops = 2 * p->n_heads * (double)(kv->k_dim + kv->v_dim) * visible;
}

/* An op that this share of all rows goes through. */
static void add_linear(qn_cost *c, const qn_op *op, double share, const qn_work *w)
{
    const qn_matrix *m = &op->matrix;
    double ops = 2 * (double)m->n_in * (double)m->n_out * share;
    double n_together = QN_MAX(w->n_rows * share, 1.0);
    c->weight_bytes += (double)m->n_row_bytes * (double)m->n_out * share / n_together;
    if (op->a.is_act)
        c->int8_ops += ops;
    else
        c->float_ops += ops;
}

qn_cost qn_program_cost(const qn_program *p, const qn_work *w)
{
    qn_cost c = {0};
    double in_head = (double)w->n_with_logits / w->n_tokens;
    for (size_t i = 0; i < p->n_ops; i++)
        if (p->ops[i].kind == QN_OP_EMBED)
            c.weight_bytes += (double)p->ops[i].matrix.n_row_bytes;
        else if (p->ops[i].kind == QN_OP_LINEAR)
            add_linear(&c, &p->ops[i], i < p->n_body ? 1 : in_head, w);
    add_attention(&c, p, w);
    return c;
}
