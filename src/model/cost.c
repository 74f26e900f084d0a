/* model/cost.c - sums over the ops of a program. */
#include "model/cost.h"

#include <math.h>

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

/* A matrix that each row is multiplied by n_products times; it is read n_reads times for a row. */
static void add_products(qn_cost *c, const qn_matrix *m, bool is_act, double n_products,
                         double n_reads)
{
    double ops = 2 * (double)m->n_in * (double)m->n_out * n_products;
    c->weight_bytes += (double)m->n_row_bytes * (double)m->n_out * n_reads;
    if (is_act)
        c->int8_ops += ops;
    else
        c->float_ops += ops;
}

/* A matrix that this share of all rows goes through. */
static void add_linear(qn_cost *c, const qn_op *op, double share, const qn_work *w)
{
    add_products(c, &op->matrix, op->a.is_act, share, share / QN_MAX(w->n_rows * share, 1.0));
}

/* Rows choose their experts evenly: n rows leave an expert out with probability
 * (1 - used / all)^n. */
static void add_experts(qn_cost *c, const qn_op *op, const qn_work *w)
{
    double left_out = pow(1 - (double)op->n_used / op->n_experts, w->n_rows);
    double n_reads = op->n_experts * (1 - left_out) / w->n_rows;
    add_products(c, &op->matrix, op->a.is_act, op->n_used, n_reads);
    if (op->kind == QN_OP_EXPERT_GATE)
        add_products(c, &op->up, op->a.is_act, op->n_used, n_reads);
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
        else if (p->ops[i].kind == QN_OP_EXPERT_GATE || p->ops[i].kind == QN_OP_EXPERT_SUM)
            add_experts(&c, &p->ops[i], w);
    add_attention(&c, p, w);
    return c;
}
