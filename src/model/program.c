/* model/program.c - what ops are called, and a program as text. */
#include "model/program.h"

#include <stdio.h>

// clang-format off
static const struct {
    const char *name;
    qn_split split;
} ops[QN_N_OPS] = {
#define X(op, name, split) [op] = {name, split},
#include "model/ops.def"
#undef X
};
// clang-format on

const char *qn_op_name(qn_op_kind kind)
{
    return ops[kind].name;
}

qn_split qn_op_split(qn_op_kind kind)
{
    return ops[kind].split;
}

static void print_places(const qn_op *op, qn_buf *out)
{
    if (op->dst.n > 0)
        qn_buf_format(out, " %s[%u]@%zu", op->dst.name, op->dst.n, op->dst.offset);
    if (op->a.n > 0)
        qn_buf_format(out, " <- %s@%zu", op->a.name, op->a.offset);
    if (op->b.n > 0)
        qn_buf_format(out, ", %s", op->b.name);
}

static void print_details(const qn_op *op, qn_buf *out)
{
    if (op->tensor)
        qn_buf_format(out, "  %s", op->tensor);
    if (op->matrix.n_in > 0)
        qn_buf_format(out, " %zux%zu %s", op->matrix.n_in, op->matrix.n_out,
                      qn_encoding_name(op->matrix.encoding));
    if (op->up.n_in > 0)
        qn_buf_format(out, " and up %s", qn_encoding_name(op->up.encoding));
    if (op->kind != QN_OP_ROUTE && op->n_experts > 0)
        qn_buf_format(out, " of %u experts", op->n_experts);
    if (op->kind == QN_OP_ROUTE)
        qn_buf_format(out, "  %u of %u%s", op->n_used, op->n_experts,
                      op->renormalise ? ", renormalised" : "");
    if (op->kind == QN_OP_NORM)
        qn_buf_format(out, "  vectors of %u, eps %g", op->n_vector, (double)op->x);
    if (op->kind == QN_OP_HADAMARD)
        qn_buf_format(out, "  blocks of %u", op->n_vector);
    if (op->kind == QN_OP_ROPE)
        qn_buf_format(out, "  %u of %u, %s pairs", op->n_rot, op->n_vector,
                      op->pairs == QN_ROPE_ADJACENT ? "adjacent" : "half");
    if (op->kind == QN_OP_ATTEND)
        qn_buf_format(out, "  group %u layer %u, window %u, scale %g", op->group, op->group_layer,
                      op->window, (double)op->x);
}

void qn_program_print(const qn_program *p, qn_buf *out)
{
    for (size_t i = 0; i < p->n_ops; i++) {
        const qn_op *op = &p->ops[i];
        if (i == p->n_body)
            qn_buf_text(out, "head:\n");
        qn_buf_format(out, "%5zu %c%c %-9s", i, op->barrier ? '|' : ' ',
                      op->barrier_few && i < p->n_body ? ':' : ' ', qn_op_name(op->kind));
        print_places(op, out);
        print_details(op, out);
        qn_buf_byte(out, '\n');
    }
    qn_buf_format(out, "keys %s, values %s: %zu bytes a token\n", qn_kv_type_name(p->kv.k_type),
                  qn_kv_type_name(p->kv.v_type), qn_kv_token_bytes(&p->kv));
    qn_buf_format(out,
                  "row bytes: %zu body, %zu wanted, %zu head; weights read per token: %" PRIu64
                  " bytes; multiplications per token: %" PRIu64 "\n",
                  p->row_bytes[QN_SPACE_ROWS], p->row_bytes[QN_SPACE_WANTED],
                  p->row_bytes[QN_SPACE_HEAD], p->n_weight_bytes, p->n_row_products);
}
