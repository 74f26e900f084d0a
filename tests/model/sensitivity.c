/* tests/model/sensitivity.c - the fixtures notice: each property of a spec, changed alone, fails
 * the comparison of tests/model/logits.c that holds without the change. */
#include "tests/support/fixture.h"
#include "tests/support/run.h"
#include "tests/support/test.h"

#include "model/families.h"
#include "model/spec_words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct claim { /* what is changed: a key of the file, or the family */
    const char *what, *fixture;
    qn_fixture_change change;
    void (*change_family)(qn_family *family);
} claim;

/* The steps of a family's layers, to be changed. */
static qn_step steps[QN_MOST_LAYER_KINDS][64];

static void copy_steps(qn_family *f)
{
    for (size_t k = 0; k < QN_MOST_LAYER_KINDS && f->layers[k].letter; k++) {
        size_t n = 0;
        do
            steps[k][n] = f->layers[k].steps[n];
        while (steps[k][n++].op != QN_OP_END);
        f->layers[k].steps = steps[k];
    }
}

static qn_step *find_step(size_t kind, qn_op_kind op, int nth)
{
    qn_step *s = steps[kind];
    while (s->op != op || nth-- > 0)
        s++;
    return s;
}

static void swap_pairs(qn_family *f)
{
    f->rope_pairs.gguf = f->rope_pairs.gguf == QN_ROPE_HALVES ? QN_ROPE_ADJACENT : QN_ROPE_HALVES;
}

static void add_one_to_norms(qn_family *f)
{
    f->norm_adds_one.gguf = true;
}

static void leave_embedding_unscaled(qn_family *f)
{
    f->embed_scale = QN_SCALE_ONE;
}

static void scale_embedding(qn_family *f)
{
    f->embed_scale = QN_SQRT_N_EMBD;
}

static void shift_pattern(qn_family *f)
{
    f->pattern = "LLLLGL";
}

static void use_silu(qn_family *f)
{
    for (size_t k = 0; f->layers[k].letter; k++)
        find_step(k, QN_OP_GATE, 0)->param = QN_GATE_SILU;
}

static void use_gelu(qn_family *f)
{
    (void)f;
    find_step(0, QN_OP_GATE, 0)->param = QN_GATE_GELU_TANH;
}

/* The bias behind the nth linear step is another's. */
static void swap_biases(qn_family *f)
{
    (void)f;
    find_step(0, QN_OP_BIAS, 1)->role = QN_ATTN_V_BIAS;
    find_step(0, QN_OP_BIAS, 2)->role = QN_ATTN_K_BIAS;
}

static void add_bias_behind_rope(qn_family *f)
{
    (void)f;
    qn_step *bias = find_step(0, QN_OP_BIAS, 1), *rope = find_step(0, QN_OP_ROPE, 1);
    qn_step moved = *bias;
    memmove(bias, bias + 1, (size_t)(rope - bias) * sizeof *bias);
    *rope = moved;
}

static void use_global_rope(qn_family *f)
{
    (void)f;
    find_step(0, QN_OP_ROPE, 0)->param = find_step(0, QN_OP_ROPE, 1)->param = QN_ROPE_GLOBAL;
}

static void see_everything(qn_family *f)
{
    (void)f;
    find_step(0, QN_OP_ATTEND, 0)->param = QN_CAUSAL;
}

/* Takes a norm's weights for another's: q and k swapped, before and behind swapped. */
static void swap_qk_norms(qn_family *f)
{
    for (size_t k = 0; f->layers[k].letter; k++) {
        find_step(k, QN_OP_NORM, 1)->role = QN_ATTN_K_NORM;
        find_step(k, QN_OP_NORM, 2)->role = QN_ATTN_Q_NORM;
    }
}

static void norm_q_behind_rope(qn_family *f)
{
    for (size_t k = 0; f->layers[k].letter; k++) {
        qn_step *norm = find_step(k, QN_OP_NORM, 1), *rope = find_step(k, QN_OP_ROPE, 0);
        qn_step moved = *norm;
        memmove(norm, norm + 1, (size_t)(rope - norm) * sizeof *norm);
        *rope = moved;
    }
}

static void swap_gate_and_up(qn_family *f)
{
    for (size_t k = 0; f->layers[k].letter; k++) {
        qn_step *gate = find_step(k, QN_OP_LINEAR, 4), *up = find_step(k, QN_OP_LINEAR, 5);
        gate->role = QN_FFN_UP;
        up->role = QN_FFN_GATE;
    }
}

static void swap_expert_gate_and_up(qn_family *f)
{
    (void)f;
    qn_step *s = find_step(0, QN_OP_EXPERT_GATE, 0);
    s->role = QN_FFN_UP_EXPERTS;
    s->up_role = QN_FFN_GATE_EXPERTS;
}

static void use_gelu_in_experts(qn_family *f)
{
    (void)f;
    find_step(0, QN_OP_EXPERT_GATE, 0)->param = QN_GATE_GELU_TANH;
}

/* The router sees the residual stream instead of what is behind the norm. */
static void route_before_norm(qn_family *f)
{
    (void)f;
    find_step(0, QN_OP_LINEAR, 4)->a = QN_REG_X;
}

// clang-format off
static const claim claims[] = {
    {"rope base", "llama-plain", {"llama.rope.freq_base", "20000"}, NULL},
    {"rope pairs", "llama-plain", {0}, swap_pairs},
    {"epsilon", "llama-plain", {"llama.attention.layer_norm_rms_epsilon", "0.001953125"}, NULL},
    {"score scale", "llama-plain", {"llama.attention.scale", "0.275"}, NULL},
    {"norm offset", "llama-plain", {0}, add_one_to_norms},
    {"embedding scale", "llama-plain", {0}, scale_embedding},
    {"activation", "llama-plain", {0}, use_gelu},
    {"gate and up", "llama-plain", {0}, swap_gate_and_up},
    {"rope divisors", "llama-rope-scaled", {"rope_freqs.weight", NULL}, NULL},
    {"rope factor", "llama-plain", {"llama.rope.scaling.factor", "2"}, NULL},
    {"rope dimensions", "llama-plain", {"llama.rope.dimension_count", "8"}, NULL},
    {"rope base", "qwen2-plain", {"qwen2.rope.freq_base", "500000"}, NULL},
    {"rope pairs", "qwen2-plain", {0}, swap_pairs},
    {"k and v biases", "qwen2-plain", {0}, swap_biases},
    {"k bias behind rope", "qwen2-plain", {0}, add_bias_behind_rope},
    {"rope base", "qwen3-plain", {"qwen3.rope.freq_base", "500000"}, NULL},
    {"rope pairs", "qwen3-plain", {0}, swap_pairs},
    {"epsilon", "qwen3-plain", {"qwen3.attention.layer_norm_rms_epsilon", "0.001953125"}, NULL},
    {"score scale", "qwen3-plain", {"qwen3.attention.scale", "0.195"}, NULL},
    {"activation", "qwen3-plain", {0}, use_gelu},
    {"gate and up", "qwen3-plain", {0}, swap_gate_and_up},
    {"q and k norms swapped", "qwen3-plain", {0}, swap_qk_norms},
    {"q norm behind rope", "qwen3-plain", {0}, norm_q_behind_rope},
    {"norm offset", "qwen3-tied", {0}, add_one_to_norms},
    {"experts used, one less", "qwen3moe-plain", {"qwen3moe.expert_used_count", "2"}, NULL},
    {"experts used, one more", "qwen3moe-plain", {"qwen3moe.expert_used_count", "4"}, NULL},
    {"experts used, one less", "qwen3moe-many", {"qwen3moe.expert_used_count", "7"}, NULL},
    {"weights not renormalised", "qwen3moe-plain", {"qwen3moe.expert_weights_norm", "0"}, NULL},
    {"weights renormalised", "qwen3moe-unnormed", {"qwen3moe.expert_weights_norm", "1"}, NULL},
    {"gate and up of experts", "qwen3moe-plain", {0}, swap_expert_gate_and_up},
    {"activation of experts", "qwen3moe-plain", {0}, use_gelu_in_experts},
    {"router's input", "qwen3moe-plain", {0}, route_before_norm},
    {"q and k norms swapped", "qwen3moe-plain", {0}, swap_qk_norms},
    {"q norm behind rope", "qwen3moe-plain", {0}, norm_q_behind_rope},
    {"rope base", "qwen3moe-plain", {"qwen3moe.rope.freq_base", "500000"}, NULL},
    {"rope pairs", "qwen3moe-plain", {0}, swap_pairs},
    {"global rope base", "gemma3-plain", {"gemma3.rope.freq_base", "2000000"}, NULL},
    {"local rope base", "gemma3-plain", {"gemma3.rope.freq_base_swa", "20000"}, NULL},
    {"window less one", "gemma3-plain", {"gemma3.attention.sliding_window", "23"}, NULL},
    {"window and one", "gemma3-plain", {"gemma3.attention.sliding_window", "25"}, NULL},
    {"query scalar", "gemma3-query-scalar", {"gemma3.attention.scale", NULL}, NULL},
    {"linear factor", "gemma3-rope-scaled", {"gemma3.rope.scaling.factor", "4"}, NULL},
    {"layer pattern", "gemma3-plain", {0}, shift_pattern},
    {"layer period", "gemma3-plain", {"gemma3.attention.sliding_window_pattern", "5"}, NULL},
    {"rope pairs", "gemma3-plain", {0}, swap_pairs},
    {"norm offset", "gemma3-plain", {0}, add_one_to_norms},
    {"embedding scale", "gemma3-plain", {0}, leave_embedding_unscaled},
    {"activation", "gemma3-plain", {0}, use_silu},
    {"local layers with global rope", "gemma3-plain", {0}, use_global_rope},
    {"local layers without a window", "gemma3-plain", {0}, see_everything},
    {"q and k norms swapped", "gemma3-plain", {0}, swap_qk_norms},
    {"q norm behind rope", "gemma3-plain", {0}, norm_q_behind_rope},
    {"final softcap", "gemma3-plain", {"gemma3.final_logit_softcapping", "30"}, NULL},
    {"attention softcap", "gemma3-plain", {"gemma3.attn_logit_softcapping", "5"}, NULL},
};
// clang-format on

/* Whether some logit is off by more than a ten-thousandth of their range. */
static bool is_noticed(const claim *c)
{
    qn_fixture f;
    qn_fixture_open(&f, c->fixture);
    qn_family family = *qn_family_of_gguf(f.keys[0].value);
    copy_steps(&family);
    if (c->change_family)
        c->change_family(&family);
    const qn_fixture_change changes[] = {c->change, {0}};
    qn_test_run r;
    qn_test_run_open(&r, qn_fixture_write_gguf(&f, "changed.gguf", QN_F32, changes),
                     &(qn_test_setting){.f32_activations = true, .family = &family});
    const qn_fixture_array *e = qn_fixture_array_named(&f, "logits");
    float *got = qn_test_logits(&r, f.n_ids, f.ids), least = INFINITY, most = -INFINITY, worst = 0;
    for (size_t i = 0; i < e->dim[0] * e->dim[1]; i++) {
        least = fminf(least, e->values[i]);
        most = fmaxf(most, e->values[i]);
        worst = fmaxf(worst, fabsf(got[i] - e->values[i]));
    }
    free(got);
    qn_test_run_close(&r);
    qn_fixture_close(&f);
    return worst > 1e-4f * (most - least);
}

static void every_changed_property_is_noticed(void **state)
{
    (void)state;
    for (size_t i = 0; i < QN_COUNT(claims); i++)
        if (!is_noticed(&claims[i]))
            fail_msg("%s of %s can change without notice", claims[i].what, claims[i].fixture);
}

static void an_unchanged_spec_is_not_noticed(void **state)
{
    (void)state;
    assert_false(is_noticed(&(claim){"nothing", "llama-plain", {0}, NULL}));
    assert_false(is_noticed(&(claim){"nothing", "gemma3-plain", {0}, NULL}));
    assert_false(is_noticed(&(claim){"nothing", "qwen2-plain", {0}, NULL}));
    assert_false(is_noticed(&(claim){"nothing", "qwen3-plain", {0}, NULL}));
    assert_false(is_noticed(&(claim){"nothing", "qwen3moe-plain", {0}, NULL}));
}

QN_TEST_MAIN(cmocka_unit_test(every_changed_property_is_noticed),
             cmocka_unit_test(an_unchanged_spec_is_not_noticed))
