/* model/config.c - config keys: read, bounded, completed, checked against each other. */
#include "model/config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// clang-format off
static const struct key_row {
    const char *gguf;
    double least, most;
    bool whole;
} keys[QN_N_KEYS] = {
#define X(key, gguf, hf, least, most, whole) [key] = {gguf, least, most, whole},
#include "model/keys.def"
#undef X
};
// clang-format on

/* The first that sets an absent key decides it. */
static void set_default(qn_config *c, qn_key key, double value)
{
    if (c->present[key])
        return;
    c->value[key] = value;
    c->present[key] = true;
}

static void key_name(const qn_config *c, qn_key key, char name[192])
{
    snprintf(name, 192, "%s.%s", c->arch, keys[key].gguf);
}

/* A key that may be a number for all layers or an array of one for each: arrays must agree. */
static qn_status read_number(const qn_gguf *g, const char *name, double *value, qn_error *err)
{
    qn_gguf_array a;
    bool flag = false;
    if (qn_gguf_find(g, name)->type == QN_GGUF_BOOL) {
        qn_status status = qn_gguf_get_bool(g, name, &flag, err);
        *value = flag;
        return status;
    }
    if (qn_gguf_find(g, name)->type != QN_GGUF_ARRAY)
        return qn_gguf_get_f64(g, name, value, err);
    QN_TRY(qn_gguf_get_numbers(g, name, &a, err));
    QN_FAIL_IF(a.n == 0, err, QN_EFORMAT, "%s: the array is empty", name);
    *value = qn_gguf_array_f64(&a, 0);
    for (size_t i = 1; i < a.n; i++)
        QN_FAIL_IF(qn_gguf_array_f64(&a, i) != *value, err, QN_EUNSUPPORTED,
                   "%s: layers of different sizes are not supported", name);
    return QN_OK;
}

static qn_status read_key(qn_config *c, const qn_gguf *g, qn_key key, qn_error *err)
{
    char name[192];
    if (!keys[key].gguf)
        return QN_OK;
    key_name(c, key, name);
    if (!qn_gguf_find(g, name) || key == QN_LAYER_TYPES)
        return QN_OK;
    double v = 0;
    QN_TRY(read_number(g, name, &v, err));
    QN_FAIL_IF(!(v >= keys[key].least && v <= keys[key].most), err, QN_EFORMAT,
               "%s is %g; it must be %g to %g", name, v, keys[key].least, keys[key].most);
    QN_FAIL_IF(keys[key].whole && v != floor(v), err, QN_EFORMAT,
               "%s is %g; it must be a whole number", name, v);
    c->value[key] = v;
    c->present[key] = true;
    return QN_OK;
}

static void apply_family(qn_config *c)
{
    const qn_family *f = c->family;
    for (size_t i = 0; i < QN_COUNT(f->exceptions) && f->exceptions[i].n_layers; i++)
        if (f->exceptions[i].n_layers == qn_config_n(c, QN_N_LAYERS))
            set_default(c, f->exceptions[i].key, f->exceptions[i].value);
    for (size_t i = 0; i < QN_COUNT(f->defaults) && f->defaults[i].value != 0; i++)
        set_default(c, f->defaults[i].key, f->defaults[i].value);
}

static qn_status require(const qn_config *c, qn_key key, qn_error *err)
{
    QN_FAIL_IF(!c->present[key], err, QN_EFORMAT, "the key %s.%s is missing", c->arch,
               keys[key].gguf);
    return QN_OK;
}

static bool has_step(const qn_family *f, qn_op_kind op)
{
    for (size_t i = 0; i < QN_MOST_LAYER_KINDS && f->layers[i].letter; i++)
        for (const qn_step *s = f->layers[i].steps; s->op != QN_OP_END; s++)
            if (s->op == op)
                return true;
    return false;
}

static qn_status require_experts(const qn_config *c, qn_error *err)
{
    static const qn_key required[] = {QN_N_EXPERTS, QN_N_USED_EXPERTS, QN_N_FF_EXPERT,
                                      QN_EXPERT_NORM};
    for (size_t i = 0; i < QN_COUNT(required); i++)
        QN_TRY(require(c, required[i], err));
    uint32_t n = qn_config_n(c, QN_N_EXPERTS), n_used = qn_config_n(c, QN_N_USED_EXPERTS);
    QN_FAIL_IF(n_used < 1 || n_used > n, err, QN_EFORMAT,
               "%u of %u experts cannot be used for each token", n_used, n);
    return QN_OK;
}

static qn_status complete(qn_config *c, qn_error *err)
{
    static const qn_key required[] = {QN_N_LAYERS, QN_N_EMBD,  QN_N_FF,
                                      QN_N_HEADS,  QN_CONTEXT, QN_RMS_EPS};
    for (size_t i = 0; i < QN_COUNT(required); i++)
        QN_TRY(require(c, required[i], err));
    apply_family(c);
    set_default(c, QN_N_KV_HEADS, c->value[QN_N_HEADS]);
    set_default(c, QN_HEAD_DIM, floor(c->value[QN_N_EMBD] / c->value[QN_N_HEADS]));
    set_default(c, QN_V_DIM, c->value[QN_HEAD_DIM]);
    set_default(c, QN_ROPE_DIMS, c->value[QN_HEAD_DIM]);
    set_default(c, QN_ROPE_BASE, 10000);
    set_default(c, QN_ROPE_BASE_LOCAL, c->value[QN_ROPE_BASE]);
    set_default(c, QN_ROPE_FACTOR, 1);
    set_default(c, QN_QUERY_SCALAR, c->value[QN_HEAD_DIM]);
    if (has_step(c->family, QN_OP_ROUTE))
        QN_TRY(require_experts(c, err));
    return QN_OK;
}

static qn_status check(const qn_config *c, qn_error *err)
{
    uint32_t n_heads = qn_config_n(c, QN_N_HEADS), n_kv = qn_config_n(c, QN_N_KV_HEADS);
    uint32_t head_dim = qn_config_n(c, QN_HEAD_DIM), rope = qn_config_n(c, QN_ROPE_DIMS);
    QN_FAIL_IF(n_heads % n_kv != 0, err, QN_EFORMAT,
               "%u attention heads cannot share %u key-value heads evenly", n_heads, n_kv);
    QN_FAIL_IF(head_dim < 2 || rope % 2 != 0 || rope > head_dim, err, QN_EFORMAT,
               "rope over %u of %u head dimensions is impossible", rope, head_dim);
    return QN_OK;
}

/* Scaling by a plain factor is all that the families here use; others change the frequencies. */
static qn_status check_rope_scaling(const qn_config *c, const qn_gguf *g, qn_error *err)
{
    char name[192], shown[QN_SHOWN];
    qn_str type = qn_str_of("none");
    snprintf(name, sizeof name, "%s.rope.scaling.type", c->arch);
    QN_TRY(qn_gguf_maybe_string(g, name, &type, err));
    QN_FAIL_IF(!qn_str_is(type, "none") && !qn_str_is(type, "linear"), err, QN_EUNSUPPORTED,
               "%s is \"%s\"; only none and linear are supported", name, qn_str_show(shown, type));
    return QN_OK;
}

/* Ways of routing that the families here do not use, and the values that mean their absence. */
static qn_status check_routing(const qn_config *c, const qn_gguf *g, qn_error *err)
{
    static const struct {
        const char *key;
        double absent[2];
    } rows[] = {{"expert_gating_func", {0, 1}},  {"expert_weights_scale", {0, 1}},
                {"expert_group_count", {0, 1}},  {"expert_group_used_count", {0, 1}},
                {"expert_shared_count", {0, 0}}, {"leading_dense_block_count", {0, 0}}};
    for (size_t i = 0; i < QN_COUNT(rows); i++) {
        char name[192];
        double v = 0;
        snprintf(name, sizeof name, "%s.%s", c->arch, rows[i].key);
        if (qn_gguf_find(g, name))
            QN_TRY(qn_gguf_get_f64(g, name, &v, err));
        QN_FAIL_IF(v != rows[i].absent[0] && v != rows[i].absent[1], err, QN_EUNSUPPORTED,
                   "%s is %g; that is not supported for %s models", name, v, c->family->name);
    }
    return QN_OK;
}

static void repeat_pattern(qn_config *c)
{
    size_t n = strlen(c->family->pattern);
    for (uint32_t i = 0; i < qn_config_n(c, QN_N_LAYERS); i++)
        c->kind[i] = c->family->pattern[i % n];
}

static qn_status kinds_from_array(qn_config *c, const qn_gguf *g, const char *name, qn_error *err)
{
    uint32_t n_layers = qn_config_n(c, QN_N_LAYERS);
    qn_gguf_array windowed;
    QN_TRY(qn_gguf_get_numbers(g, name, &windowed, err));
    QN_FAIL_IF(windowed.n < n_layers, err, QN_EFORMAT, "%s: %zu entries for %u layers", name,
               windowed.n, n_layers);
    for (uint32_t i = 0; i < n_layers; i++)
        c->kind[i] = c->family->layers[qn_gguf_array_i64(&windowed, i) != 0 ? 0 : 1].letter;
    return QN_OK;
}

static qn_status read_kinds(qn_config *c, const qn_gguf *g, qn_error *err)
{
    char name[192];
    repeat_pattern(c);
    key_name(c, QN_LAYER_TYPES, name);
    const qn_gguf_value *v = qn_gguf_find(g, name);
    if (!v || !c->family->layers[1].letter)
        return QN_OK;
    if (v->type == QN_GGUF_ARRAY)
        return kinds_from_array(c, g, name, err);
    uint32_t period;
    QN_TRY(qn_gguf_get_u32(g, name, &period, err));
    QN_FAIL_IF(period < 1 || period > 1024, err, QN_EFORMAT,
               "%s is %u; a period is 1 to 1024 layers", name, period);
    for (uint32_t i = 0; i < qn_config_n(c, QN_N_LAYERS); i++)
        c->kind[i] = c->family->layers[(i + 1) % period == 0 ? 1 : 0].letter;
    return QN_OK;
}

qn_status qn_config_read(qn_config *c, const qn_family *family, const qn_gguf *g, qn_error *err)
{
    *c = (qn_config){.family = family};
    snprintf(c->arch, sizeof c->arch, "%s", family->gguf_arch);
    for (qn_key key = 0; key < QN_N_KEYS; key++)
        QN_TRY(read_key(c, g, key, err));
    QN_TRY(complete(c, err));
    QN_TRY(check(c, err));
    QN_TRY(check_rope_scaling(c, g, err));
    if (has_step(family, QN_OP_ROUTE))
        QN_TRY(check_routing(c, g, err));
    return read_kinds(c, g, err);
}

uint64_t qn_config_dim(const qn_config *c, qn_dim dim)
{
    uint64_t n_heads = qn_config_n(c, QN_N_HEADS), n_kv = qn_config_n(c, QN_N_KV_HEADS);
    switch (dim) {
    case QN_DIM_ONE: return 1;
    case QN_DIM_VOCAB: return qn_config_n(c, QN_N_VOCAB);
    case QN_DIM_EMBD: return qn_config_n(c, QN_N_EMBD);
    case QN_DIM_FF: return qn_config_n(c, QN_N_FF);
    case QN_DIM_EXPERTS: return qn_config_n(c, QN_N_EXPERTS);
    case QN_DIM_FF_EXPERT: return qn_config_n(c, QN_N_FF_EXPERT);
    case QN_DIM_HEAD: return qn_config_n(c, QN_HEAD_DIM);
    case QN_DIM_Q: return n_heads * qn_config_n(c, QN_HEAD_DIM);
    case QN_DIM_K: return n_kv * qn_config_n(c, QN_HEAD_DIM);
    case QN_DIM_V: return n_kv * qn_config_n(c, QN_V_DIM);
    case QN_DIM_ATTENDED: return n_heads * qn_config_n(c, QN_V_DIM);
    case QN_DIM_ROPE_HALF: return qn_config_n(c, QN_ROPE_DIMS) / 2;
    }
    return 0;
}

float qn_config_attention_scale(const qn_config *c)
{
    if (c->present[QN_ATTENTION_SCALE])
        return (float)c->value[QN_ATTENTION_SCALE];
    return (float)(1.0 / sqrt(c->value[QN_QUERY_SCALAR]));
}
