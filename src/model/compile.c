/* model/compile.c - lowers the steps of a spec to ops over values. */
#include "model/compile.h"

#include "base/checked.h"
#include "kernel/act.h"
#include "model/place.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { OPS_OF_STEP = 6, OPS_AROUND = 16 };

typedef struct compiler {
    qn_program *p;
    qn_region *memory;
    const qn_config *c;
    const qn_gguf *g;
    const qn_compile_options *options;
    qn_error *err;
    uint32_t layer;
    qn_value *values;
    size_t n_values, n_most; /* of ops and of values */
    int reg[QN_N_REGISTERS]; /* value in each register, or -1 */
    int angles[QN_N_ROPE_KINDS];
    bool *consumed; /* [g->n_tensors] */
} compiler;

// clang-format off
static const struct role_row {
    const char *gguf;
    qn_dim out, in;
    qn_where where;
    bool needed;
} roles[QN_N_ROLES] = {
#define X(role, gguf, hf, out, in, where, needed) [role] = {gguf, out, in, where, needed},
#include "model/roles.def"
#undef X
};
// clang-format on

static const char *const register_names[QN_N_REGISTERS] = {"",  "X", "H", "Q", "K",
                                                           "V", "G", "U", "R"};

/* --- tensors --- */

static const char *role_name(const compiler *k, qn_role role)
{
    const qn_family *f = k->c->family;
    for (size_t i = 0; i < QN_COUNT(f->names) && f->names[i].role; i++)
        if (f->names[i].role == role && f->names[i].gguf)
            return f->names[i].gguf;
    return roles[role].gguf;
}

static qn_status check_shape(const compiler *k, qn_role role, const qn_tensor *t)
{
    uint64_t in = qn_config_dim(k->c, roles[role].in), out = qn_config_dim(k->c, roles[role].out);
    bool stacked = roles[role].where == QN_EXPERTS;
    uint64_t n_stacked = stacked ? qn_config_n(k->c, QN_N_EXPERTS) : 1;
    const uint64_t *d = t->dim;
    QN_FAIL_IF(d[0] == in && d[1] == out && d[2] != n_stacked && d[3] == 1 && stacked, k->err,
               QN_EFORMAT, "tensor %s has %" PRIu64 " experts; the config asks for %" PRIu64,
               t->name.bytes, d[2], n_stacked);
    QN_FAIL_IF(d[0] != in || d[1] != out || d[2] != n_stacked || d[3] != 1, k->err, QN_EFORMAT,
               "tensor %s is %" PRIu64 " x %" PRIu64 "; the config asks for %" PRIu64 " x %" PRIu64,
               t->name.bytes, d[0], d[1], in, out);
    return QN_OK;
}

/* The tensor of a role in the current layer; *t is NULL when it is absent and may be. */
static qn_status find_tensor(compiler *k, qn_role role, const qn_tensor **t)
{
    char name[256];
    if (roles[role].where != QN_MODEL)
        snprintf(name, sizeof name, "blk.%u.%s", k->layer, role_name(k, role));
    else
        snprintf(name, sizeof name, "%s", role_name(k, role));
    *t = qn_gguf_tensor(k->g, name);
    QN_FAIL_IF(!*t && roles[role].needed, k->err, QN_EFORMAT, "tensor %s is missing", name);
    if (!*t)
        return QN_OK;
    k->consumed[*t - k->g->tensors] = true;
    return check_shape(k, role, *t);
}

static qn_matrix matrix_of(const qn_tensor *t)
{
    return (qn_matrix){.encoding = t->encoding,
                       .bytes = t->bytes,
                       .n_in = t->dim[0],
                       .n_out = t->dim[1],
                       .n_row_bytes = t->n_bytes / (t->dim[1] * t->dim[2])};
}

/* A vector of f32: in place where the file holds just that, else a copy. */
static qn_status find_vector(compiler *k, qn_role role, bool add_one, const float **v,
                             const char **name)
{
    const qn_tensor *t;
    *v = NULL;
    QN_TRY(find_tensor(k, role, &t));
    if (!t)
        return QN_OK;
    *name = t->name.bytes;
    if (t->encoding == QN_F32 && !add_one) {
        *v = (const float *)(const void *)t->bytes;
        return QN_OK;
    }
    float *copy = qn_region_take(k->memory, t->dim[0], sizeof *copy);
    if (!copy)
        return qn_region_fail(k->memory, "the program", k->err);
    qn_decode(qn_kernels_at(QN_CPU_REF), t->encoding, t->dim[0], t->bytes, copy);
    for (uint64_t i = 0; add_one && i < t->dim[0]; i++)
        copy[i] += 1;
    *v = copy;
    return QN_OK;
}

/* --- values and ops --- */

/* n_vectors of n values in each row; each begins at a multiple of 64 bytes. */
static int new_vectors(compiler *k, qn_space space, const char *name, uint32_t n_vectors,
                       uint32_t n, bool is_act)
{
    assert(k->n_values < k->n_most);
    qn_value *v = &k->values[k->n_values];
    *v = (qn_value){.first = k->p->n_ops, .last = k->p->n_ops, .n_vectors = n_vectors, .act = -1};
    size_t n_bytes = is_act ? qn_act_bytes(n) : n * sizeof(float);
    v->place = (qn_place){.space = space,
                          .is_act = is_act,
                          .n = n_vectors * n,
                          .n_bytes = n_vectors * ((n_bytes + 63) & ~(size_t)63)};
    snprintf(v->place.name, sizeof v->place.name, "%s", name);
    return (int)k->n_values++;
}

static int new_value(compiler *k, qn_space space, const char *name, uint32_t n, bool is_act)
{
    return new_vectors(k, space, name, 1, n, is_act);
}

static qn_op *add_op(compiler *k, qn_op_kind kind)
{
    assert(k->p->n_ops < k->n_most);
    qn_op *op = &k->p->ops[k->p->n_ops];
    *op = (qn_op){.kind = kind, .layer = (uint16_t)k->layer};
    return op;
}

/* The op being added reads or writes v; places are filled in once they are known. */
static qn_place touch(compiler *k, int v)
{
    k->values[v].last = k->p->n_ops;
    return (qn_place){.n = (uint32_t)v + 1};
}

static void end_op(compiler *k)
{
    k->p->n_ops++;
}

static uint32_t width(const compiler *k, int v)
{
    return k->values[v].place.n;
}

static qn_space space_of(const compiler *k, int v)
{
    return k->values[v].place.space;
}

static int read_register(const compiler *k, qn_register r)
{
    assert(k->reg[r] >= 0); /* the spec reads a register nobody wrote */
    return k->reg[r];
}

/* A value changed in place is no longer what its activations were made from. */
static void changed(compiler *k, int v)
{
    k->values[v].act = -1;
}

static int activations(compiler *k, int v)
{
    if (k->values[v].act >= 0)
        return k->values[v].act;
    qn_op *op = add_op(k, QN_OP_QUANTIZE);
    char name[8];
    snprintf(name, sizeof name, "%.5s.q", k->values[v].place.name);
    uint32_t n_vectors = k->values[v].n_vectors;
    op->n_vector = width(k, v) / n_vectors;
    int act = new_vectors(k, space_of(k, v), name, n_vectors, op->n_vector, true);
    op->a = touch(k, v);
    op->dst = touch(k, act);
    end_op(k);
    return k->values[v].act = act;
}

static bool wants_act(const compiler *k, const qn_tensor *t)
{
    return !k->options->f32_activations && qn_encoding_is_quantized(t->encoding);
}

/* A row reads and multiplies n_used of the n_matrices matrices of t. */
static void count_work(compiler *k, const qn_tensor *t, uint64_t n_used, uint64_t n_matrices)
{
    size_t n_scratch = qn_linear_scratch_bytes(t->encoding, wants_act(k, t), t->dim[0]);
    k->p->n_scratch_inputs = QN_MAX(k->p->n_scratch_inputs, t->dim[0]);
    k->p->n_linear_scratch = QN_MAX(k->p->n_linear_scratch, n_scratch);
    k->p->n_weight_bytes += t->n_bytes / n_matrices * n_used;
    k->p->n_row_products += t->dim[0] * t->dim[1] * n_used;
}

static int add_linear(compiler *k, const qn_tensor *t, const char *name, int from, qn_space space)
{
    qn_matrix m = matrix_of(t);
    int input = wants_act(k, t) ? activations(k, from) : from;
    qn_op *op = add_op(k, QN_OP_LINEAR);
    int to = new_value(k, space, name, (uint32_t)m.n_out, false);
    op->matrix = m;
    op->tensor = t->name.bytes;
    op->a = touch(k, input);
    op->dst = touch(k, to);
    end_op(k);
    count_work(k, t, 1, 1);
    return to;
}

static int add_norm(compiler *k, int from, int to, qn_role role)
{
    qn_op *op = add_op(k, QN_OP_NORM);
    op->n_vector = (uint32_t)qn_config_dim(k->c, roles[role].in);
    op->x = (float)k->c->value[QN_RMS_EPS];
    op->a = touch(k, from);
    op->dst = touch(k, to);
    return (int)(op - k->p->ops);
}

/* --- steps --- */

static qn_status lower_norm(compiler *k, const qn_step *s)
{
    const float *weights;
    const char *name = NULL;
    QN_TRY(find_vector(k, s->role, k->c->family->norm_adds_one.gguf, &weights, &name));
    int from = read_register(k, s->a);
    int to = s->dst == s->a
                 ? from
                 : new_value(k, QN_SPACE_ROWS, register_names[s->dst], width(k, from), false);
    int op = add_norm(k, from, to, s->role);
    k->p->ops[op].weights = weights;
    k->p->ops[op].tensor = name;
    end_op(k);
    changed(k, to);
    k->reg[s->dst] = to;
    return QN_OK;
}

static qn_status lower_linear(compiler *k, const qn_step *s)
{
    const qn_tensor *t;
    QN_TRY(find_tensor(k, s->role, &t));
    k->reg[s->dst] =
        add_linear(k, t, register_names[s->dst], read_register(k, s->a), QN_SPACE_ROWS);
    return QN_OK;
}

static qn_status lower_bias(compiler *k, const qn_step *s)
{
    const float *weights;
    const char *name = NULL;
    QN_TRY(find_vector(k, s->role, false, &weights, &name));
    int v = read_register(k, s->dst);
    qn_op *op = add_op(k, QN_OP_BIAS);
    op->weights = weights;
    op->tensor = name;
    op->dst = touch(k, v);
    end_op(k);
    changed(k, v);
    return QN_OK;
}

static qn_status lower_rope(compiler *k, const qn_step *s)
{
    const qn_config *c = k->c;
    int v = read_register(k, s->dst);
    qn_op *op = add_op(k, QN_OP_ROPE);
    op->n_vector = qn_config_n(c, QN_HEAD_DIM);
    op->n_rot = qn_config_n(c, QN_ROPE_DIMS);
    op->pairs = c->family->rope_pairs.gguf;
    op->a = touch(k, k->angles[s->param]);
    op->dst = touch(k, v);
    end_op(k);
    changed(k, v);
    return QN_OK;
}

/* The KV group of layers with this window, made when it is the first. */
static uint32_t kv_group(qn_kv_shape *s, uint32_t window)
{
    uint32_t g = 0;
    while (g < s->n_groups && s->group[g].window != window)
        g++;
    assert(g < QN_MOST_KV_GROUPS);
    if (g == s->n_groups)
        s->group[s->n_groups++].window = window;
    return g;
}

/* Few bits hold more of a vector whose outliers are spread over a block. Queries and keys go
 * through it together, which leaves products as they are; values, and back what attention gives. */
static void add_hadamard(compiler *k, qn_register reg, size_t dim)
{
    int v = read_register(k, reg);
    qn_op *op = add_op(k, QN_OP_HADAMARD);
    op->n_vector = (uint32_t)qn_hadamard_block(dim);
    op->dst = touch(k, v);
    end_op(k);
    changed(k, v);
}

static qn_status lower_attend(compiler *k, const qn_step *s)
{
    const qn_config *c = k->c;
    uint32_t window = s->param == QN_WINDOWED ? qn_config_n(c, QN_WINDOW) : 0;
    QN_FAIL_IF(s->param == QN_WINDOWED && window == 0, k->err, QN_EFORMAT,
               "the key %s.attention.sliding_window is missing", c->arch);
    qn_op place = {.window = window, .group = kv_group(&k->p->kv, window)};
    place.group_layer = k->p->kv.group[place.group].n_layers++;

    if (qn_kv_is_quantized(k->p->kv.k_type)) {
        add_hadamard(k, s->a, k->p->kv.k_dim);
        add_hadamard(k, s->b, k->p->kv.k_dim);
    }
    if (k->p->kv.v_type == QN_KV_Q4_0)
        add_hadamard(k, s->c, k->p->kv.v_dim);
    qn_op *append = add_op(k, QN_OP_KV_APPEND);
    append->group = place.group;
    append->group_layer = place.group_layer;
    append->a = touch(k, read_register(k, s->b));
    append->b = touch(k, read_register(k, s->c));
    end_op(k);

    qn_op *op = add_op(k, QN_OP_ATTEND);
    int to = new_value(k, QN_SPACE_ROWS, register_names[s->dst],
                       (uint32_t)qn_config_dim(c, QN_DIM_ATTENDED), false);
    op->group = place.group;
    op->group_layer = place.group_layer;
    op->window = window;
    op->x = qn_config_attention_scale(c);
    op->softcap = c->present[QN_ATTENTION_SOFTCAP] ? (float)c->value[QN_ATTENTION_SOFTCAP] : 0;
    op->a = touch(k, read_register(k, s->a));
    op->dst = touch(k, to);
    end_op(k);
    k->reg[s->dst] = to;
    if (k->p->kv.v_type == QN_KV_Q4_0)
        add_hadamard(k, s->dst, k->p->kv.v_dim);
    return QN_OK;
}

static qn_status lower_add(compiler *k, const qn_step *s)
{
    qn_op *op = add_op(k, QN_OP_ADD);
    op->a = touch(k, read_register(k, s->a));
    op->dst = touch(k, read_register(k, s->dst));
    end_op(k);
    changed(k, k->reg[s->dst]);
    return QN_OK;
}

static qn_status lower_gate(compiler *k, const qn_step *s)
{
    qn_op *op = add_op(k, QN_OP_GATE);
    op->gate = (qn_gate_kind)s->param;
    op->a = touch(k, read_register(k, s->a));
    op->dst = touch(k, read_register(k, s->dst));
    end_op(k);
    changed(k, k->reg[s->dst]);
    return QN_OK;
}

static qn_status lower_route(compiler *k, const qn_step *s)
{
    uint32_t n_used = qn_config_n(k->c, QN_N_USED_EXPERTS);
    int logits = read_register(k, s->a);
    qn_op *op = add_op(k, QN_OP_ROUTE);
    int to = new_value(k, QN_SPACE_ROWS, register_names[s->dst], 2 * n_used, false);
    op->n_experts = k->p->n_experts = qn_config_n(k->c, QN_N_EXPERTS);
    op->n_used = k->p->n_used_experts = n_used;
    op->renormalise = k->c->value[QN_EXPERT_NORM] != 0;
    op->a = touch(k, logits);
    op->dst = touch(k, to);
    end_op(k);
    k->reg[s->dst] = to;
    return QN_OK;
}

/* An op on experts' matrices t, from register a by the choices in b into value to. */
static qn_op *add_expert_op(compiler *k, const qn_step *s, const qn_tensor *t, int input, int to)
{
    qn_op *op = add_op(k, s->op);
    op->matrix = matrix_of(t);
    op->tensor = t->name.bytes;
    op->n_experts = qn_config_n(k->c, QN_N_EXPERTS);
    op->n_used = qn_config_n(k->c, QN_N_USED_EXPERTS);
    op->a = touch(k, input);
    op->b = touch(k, read_register(k, s->b));
    op->dst = touch(k, to);
    count_work(k, t, op->n_used, op->n_experts);
    return op;
}

static qn_status lower_expert_gate(compiler *k, const qn_step *s)
{
    const qn_tensor *gate, *up;
    QN_TRY(find_tensor(k, s->role, &gate));
    QN_TRY(find_tensor(k, s->up_role, &up));
    QN_FAIL_IF(wants_act(k, gate) != wants_act(k, up), k->err, QN_EUNSUPPORTED,
               "tensor %s is %s while %s is %s; both must be quantized or neither",
               gate->name.bytes, qn_encoding_name(gate->encoding), up->name.bytes,
               qn_encoding_name(up->encoding));
    int from = read_register(k, s->a), input = wants_act(k, gate) ? activations(k, from) : from;
    int to = new_vectors(k, QN_SPACE_ROWS, register_names[s->dst],
                         qn_config_n(k->c, QN_N_USED_EXPERTS), (uint32_t)gate->dim[1], false);
    qn_op *op = add_expert_op(k, s, gate, input, to);
    op->gate = (qn_gate_kind)s->param;
    op->up = matrix_of(up);
    count_work(k, up, op->n_used, op->n_experts);
    end_op(k);
    k->reg[s->dst] = to;
    return QN_OK;
}

static qn_status lower_expert_sum(compiler *k, const qn_step *s)
{
    const qn_tensor *t;
    QN_TRY(find_tensor(k, s->role, &t));
    int from = read_register(k, s->a), input = wants_act(k, t) ? activations(k, from) : from;
    int to = new_value(k, QN_SPACE_ROWS, register_names[s->dst], (uint32_t)t->dim[1], false);
    add_expert_op(k, s, t, input, to);
    end_op(k);
    k->reg[s->dst] = to;
    return QN_OK;
}

static qn_status (*const lower[QN_N_OPS])(compiler *, const qn_step *) = {
    [QN_OP_BIAS] = lower_bias,
    [QN_OP_NORM] = lower_norm,
    [QN_OP_LINEAR] = lower_linear,
    [QN_OP_ROPE] = lower_rope,
    [QN_OP_ATTEND] = lower_attend,
    [QN_OP_ADD] = lower_add,
    [QN_OP_GATE] = lower_gate,
    [QN_OP_ROUTE] = lower_route,
    [QN_OP_EXPERT_GATE] = lower_expert_gate,
    [QN_OP_EXPERT_SUM] = lower_expert_sum,
};

/* --- the whole model --- */

static const qn_step *steps_of_layer(const qn_config *c, uint32_t layer)
{
    size_t i = 0;
    while (c->family->layers[i].letter != c->kind[layer])
        i++;
    assert(i < QN_MOST_LAYER_KINDS); /* a pattern's letters are all those of layers */
    return c->family->layers[i].steps;
}

static bool uses_rope(const compiler *k, int kind)
{
    for (uint32_t l = 0; l < qn_config_n(k->c, QN_N_LAYERS); l++)
        for (const qn_step *s = steps_of_layer(k->c, l); s->op != QN_OP_END; s++)
            if (s->op == QN_OP_ROPE && s->param == kind)
                return true;
    return false;
}

/* base^(-2i/d) over the scaling factor and the file's divisor, in double, rounded once. */
static qn_status frequencies(compiler *k, int kind, float **inv_freq)
{
    const qn_config *c = k->c;
    uint32_t n_rot = qn_config_n(c, QN_ROPE_DIMS);
    double base = c->value[kind == QN_ROPE_LOCAL ? QN_ROPE_BASE_LOCAL : QN_ROPE_BASE];
    double factor = kind == QN_ROPE_LOCAL ? 1 : c->value[QN_ROPE_FACTOR];
    const float *divisors = NULL;
    const char *name = "";
    if (kind == QN_ROPE_GLOBAL)
        QN_TRY(find_vector(k, QN_ROPE_FREQS, false, &divisors, &name));
    *inv_freq = qn_region_take(k->memory, n_rot / 2, sizeof **inv_freq);
    if (!*inv_freq)
        return qn_region_fail(k->memory, "the program", k->err);
    for (uint32_t i = 0; i < n_rot / 2; i++) {
        double f = pow(base, -2.0 * i / n_rot) / factor / (divisors ? (double)divisors[i] : 1);
        QN_FAIL_IF(!isfinite(f), k->err, QN_EFORMAT, "tensor %s: value %u makes no rope frequency",
                   name, i);
        (*inv_freq)[i] = (float)f;
    }
    return QN_OK;
}

static qn_status add_angles(compiler *k, int kind)
{
    static const char *const names[] = {"angles", "angles'"};
    float *inv_freq;
    QN_TRY(frequencies(k, kind, &inv_freq));
    qn_op *op = add_op(k, QN_OP_ANGLES);
    op->n_rot = qn_config_n(k->c, QN_ROPE_DIMS);
    k->angles[kind] = new_value(k, QN_SPACE_ROWS, names[kind], op->n_rot, false);
    op->weights = inv_freq;
    op->dst = touch(k, k->angles[kind]);
    end_op(k);
    return QN_OK;
}

static qn_status add_embedding(compiler *k)
{
    const qn_tensor *t;
    QN_TRY(find_tensor(k, QN_TOKEN_EMBD, &t));
    qn_op *op = add_op(k, QN_OP_EMBED);
    op->matrix = matrix_of(t);
    op->tensor = t->name.bytes;
    op->x =
        k->c->family->embed_scale == QN_SQRT_N_EMBD ? (float)sqrt(k->c->value[QN_N_EMBD]) : 1.0f;
    k->reg[QN_REG_X] = new_value(k, QN_SPACE_ROWS, "X", k->p->n_embd, false);
    op->dst = touch(k, k->reg[QN_REG_X]);
    end_op(k);
    k->p->n_weight_bytes += op->matrix.n_row_bytes;
    return QN_OK;
}

static qn_status add_layers(compiler *k)
{
    for (k->layer = 0; k->layer < qn_config_n(k->c, QN_N_LAYERS); k->layer++)
        for (const qn_step *s = steps_of_layer(k->c, k->layer); s->op != QN_OP_END; s++)
            QN_TRY(lower[s->op](k, s));
    return QN_OK;
}

/* Takes the wanted rows, which end the body; then the final norm and the logits. */
static qn_status add_head(compiler *k)
{
    qn_op *take = add_op(k, QN_OP_TAKE);
    int hidden = new_value(k, QN_SPACE_WANTED, "hidden", k->p->n_embd, false);
    take->a = touch(k, k->reg[QN_REG_X]);
    take->dst = touch(k, hidden);
    end_op(k);
    k->p->n_body = k->p->n_ops;

    const float *weights;
    const char *name = NULL;
    const qn_tensor *t;
    QN_TRY(find_vector(k, QN_OUTPUT_NORM, k->c->family->norm_adds_one.gguf, &weights, &name));
    int normed = new_value(k, QN_SPACE_HEAD, "H", k->p->n_embd, false);
    int op = add_norm(k, hidden, normed, QN_OUTPUT_NORM);
    k->p->ops[op].weights = weights;
    k->p->ops[op].tensor = name;
    end_op(k);
    QN_TRY(find_tensor(k, QN_OUTPUT, &t));
    if (!t)
        QN_TRY(find_tensor(k, QN_TOKEN_EMBD, &t)); /* tied */
    int logits = add_linear(k, t, "logits", normed, QN_SPACE_HEAD);
    if (k->c->present[QN_FINAL_SOFTCAP]) {
        qn_op *cap = add_op(k, QN_OP_SOFTCAP);
        cap->x = (float)k->c->value[QN_FINAL_SOFTCAP];
        cap->dst = touch(k, logits);
        end_op(k);
    }
    k->values[logits].last = k->p->n_ops;
    k->p->logits = (qn_place){.n = (uint32_t)logits + 1};
    return QN_OK;
}

/* --- the entry --- */

static size_t count_ops(const qn_config *c)
{
    size_t n = OPS_AROUND;
    for (uint32_t l = 0; l < qn_config_n(c, QN_N_LAYERS); l++)
        for (const qn_step *s = steps_of_layer(c, l); s->op != QN_OP_END; s++)
            n += OPS_OF_STEP;
    return n;
}

static qn_status check_all_consumed(const compiler *k)
{
    for (size_t i = 0; i < k->g->n_tensors; i++)
        QN_FAIL_IF(!k->consumed[i], k->err, QN_EUNSUPPORTED, "tensor %s has no part in a %s model",
                   k->g->tensors[i].name.bytes, k->c->family->name);
    return QN_OK;
}

static qn_status check_kv_type(const compiler *k, const char *what, qn_kv_type type, uint32_t dim)
{
    size_t step = qn_kv_dim_step(type);
    QN_FAIL_IF(dim % step != 0, k->err, QN_EUNSUPPORTED,
               "%s of %u numbers a head are no multiple of %zu, as %s needs; use --kv f16", what,
               dim, step, qn_kv_type_name(type));
    return QN_OK;
}

static qn_status compile(compiler *k)
{
    const qn_config *c = k->c;
    qn_program *p = k->p;
    p->n_embd = qn_config_n(c, QN_N_EMBD);
    p->n_vocab = qn_config_n(c, QN_N_VOCAB);
    p->n_heads = qn_config_n(c, QN_N_HEADS);
    p->kv = (qn_kv_shape){.k_type = k->options->k_type,
                          .v_type = k->options->v_type,
                          .n_heads = qn_config_n(c, QN_N_KV_HEADS),
                          .k_dim = qn_config_n(c, QN_HEAD_DIM),
                          .v_dim = qn_config_n(c, QN_V_DIM)};
    QN_TRY(check_kv_type(k, "keys", p->kv.k_type, p->kv.k_dim));
    QN_TRY(check_kv_type(k, "values", p->kv.v_type, p->kv.v_dim));
    QN_TRY(add_embedding(k));
    for (int kind = 0; kind < QN_N_ROPE_KINDS; kind++)
        if (uses_rope(k, kind))
            QN_TRY(add_angles(k, kind));
    QN_TRY(add_layers(k));
    QN_TRY(add_head(k));
    qn_place_values(p, k->n_values, k->values);
    return check_all_consumed(k);
}

qn_status qn_compile(qn_program *p, qn_region *memory, const qn_config *c, const qn_gguf *g,
                     const qn_compile_options *options, qn_error *err)
{
    *p = (qn_program){0};
    compiler k = {.p = p, .memory = memory, .c = c, .g = g, .options = options, .err = err};
    k.n_most = count_ops(c);
    memset(k.reg, 0xFF, sizeof k.reg);
    p->ops = qn_region_take(memory, k.n_most, sizeof *p->ops);
    qn_region work = qn_region_of(memory->n_limit);
    k.values = qn_region_take(&work, k.n_most, sizeof *k.values);
    k.consumed = qn_region_take(&work, g->n_tensors, sizeof *k.consumed);
    qn_status status = p->ops && k.values && k.consumed
                           ? compile(&k)
                           : qn_fail(err, QN_ENOMEM, "no memory to compile the model");
    qn_region_release(&work);
    return status;
}

qn_status qn_config_vocab(qn_config *c, const qn_gguf *g, qn_error *err)
{
    const qn_tensor *t = qn_gguf_tensor(g, roles[QN_TOKEN_EMBD].gguf);
    QN_FAIL_IF(!t, err, QN_EFORMAT, "tensor %s is missing", roles[QN_TOKEN_EMBD].gguf);
    if (!c->present[QN_N_VOCAB])
        c->value[QN_N_VOCAB] = (double)t->dim[1];
    c->present[QN_N_VOCAB] = true;
    return QN_OK;
}
