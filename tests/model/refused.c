/* tests/model/refused.c - a config or a set of tensors that makes no model is refused by name. */
#include "tests/support/fixture.h"
#include "tests/support/run.h"
#include "tests/support/test.h"

#include "base/alloc.h"
#include "model/families.h"

#include <string.h>

typedef struct refusal {
    const char *fixture;
    qn_fixture_change change;
    qn_status status;
    const char *says;
} refusal;

// clang-format off
static const refusal refusals[] = {
    {"llama-plain", {"llama.block_count", "0"}, QN_EFORMAT, "llama.block_count is 0"},
    {"llama-plain", {"llama.block_count", "5000"}, QN_EFORMAT, "llama.block_count is 5000"},
    {"llama-plain", {"llama.block_count", "4"}, QN_EFORMAT, "tensor blk.3.attn_norm.weight is missing"},
    {"llama-plain", {"llama.block_count", NULL}, QN_EFORMAT, "the key llama.block_count is missing"},
    {"llama-plain", {"llama.block_count", "1.5"}, QN_EFORMAT, "must be a whole number"},
    {"llama-plain", {"llama.embedding_length", "96"}, QN_EFORMAT, "tensor token_embd.weight is 64 x 256; the config asks for 96 x 256"},
    {"llama-plain", {"llama.embedding_length", NULL}, QN_EFORMAT, "llama.embedding_length is missing"},
    {"llama-plain", {"llama.feed_forward_length", "64"}, QN_EFORMAT, "tensor blk.0.ffn_gate.weight"},
    {"llama-plain", {"llama.attention.head_count", "3"}, QN_EFORMAT, "3 attention heads cannot share 2 key-value heads"},
    {"llama-plain", {"llama.attention.head_count", "0"}, QN_EFORMAT, "head_count is 0"},
    {"llama-plain", {"llama.attention.head_count_kv", "4"}, QN_EFORMAT, "tensor blk.0.attn_k.weight"},
    {"llama-plain", {"llama.attention.key_length", "32"}, QN_EFORMAT, "tensor blk.0.attn_q.weight"},
    {"llama-plain", {"llama.attention.value_length", "8"}, QN_EFORMAT, "tensor blk.0.attn_v.weight"},
    {"llama-plain", {"llama.rope.dimension_count", "7"}, QN_EFORMAT, "rope over 7 of 16"},
    {"llama-plain", {"llama.rope.dimension_count", "64"}, QN_EFORMAT, "rope over 64 of 16"},
    {"llama-plain", {"llama.attention.layer_norm_rms_epsilon", NULL}, QN_EFORMAT, "layer_norm_rms_epsilon is missing"},
    {"llama-plain", {"llama.attention.layer_norm_rms_epsilon", "-1.0"}, QN_EFORMAT, "layer_norm_rms_epsilon is -1"},
    {"llama-plain", {"llama.rope.freq_base", "0.5"}, QN_EFORMAT, "rope.freq_base is 0.5"},
    {"llama-plain", {"llama.vocab_size", "250"}, QN_EFORMAT, "the tokenizer has 256 tokens"},
    {"llama-plain", {"output_norm.weight", NULL}, QN_EFORMAT, "tensor output_norm.weight is missing"},
    {"llama-plain", {"blk.1.attn_v.weight", NULL}, QN_EFORMAT, "tensor blk.1.attn_v.weight is missing"},
    {"llama-plain", {"token_embd.weight", NULL}, QN_EFORMAT, "tensor token_embd.weight is missing"},
    {"qwen3moe-plain", {"qwen3moe.expert_count", NULL}, QN_EFORMAT, "qwen3moe.expert_count is missing"},
    {"qwen3moe-plain", {"qwen3moe.expert_count", "0"}, QN_EFORMAT, "3 of 0 experts"},
    {"qwen3moe-plain", {"qwen3moe.expert_count", "7"}, QN_EFORMAT, "tensor blk.0.ffn_gate_inp.weight is 64 x 8"},
    {"qwen3moe-plain", {"qwen3moe.expert_count", "5000"}, QN_EFORMAT, "expert_count is 5000"},
    {"qwen3moe-plain", {"qwen3moe.expert_used_count", NULL}, QN_EFORMAT, "qwen3moe.expert_used_count is missing"},
    {"qwen3moe-plain", {"qwen3moe.expert_used_count", "0"}, QN_EFORMAT, "0 of 8 experts"},
    {"qwen3moe-plain", {"qwen3moe.expert_used_count", "9"}, QN_EFORMAT, "9 of 8 experts"},
    {"qwen3moe-plain", {"qwen3moe.expert_used_count", "65"}, QN_EFORMAT, "expert_used_count is 65"},
    {"qwen3moe-plain", {"qwen3moe.expert_feed_forward_length", NULL}, QN_EFORMAT, "expert_feed_forward_length is missing"},
    {"qwen3moe-plain", {"qwen3moe.expert_feed_forward_length", "96"}, QN_EFORMAT, "tensor blk.0.ffn_gate_exps.weight is 64 x 64"},
    {"qwen3moe-plain", {"qwen3moe.expert_gating_func", "2"}, QN_EUNSUPPORTED, "qwen3moe.expert_gating_func is 2"},
    {"qwen3moe-plain", {"qwen3moe.expert_weights_scale", "2.5"}, QN_EUNSUPPORTED, "qwen3moe.expert_weights_scale is 2.5"},
    {"qwen3moe-plain", {"qwen3moe.expert_shared_count", "1"}, QN_EUNSUPPORTED, "qwen3moe.expert_shared_count is 1"},
    {"qwen3moe-plain", {"qwen3moe.leading_dense_block_count", "1"}, QN_EUNSUPPORTED, "qwen3moe.leading_dense_block_count is 1"},
    {"qwen3moe-plain", {"blk.2.ffn_gate_inp.weight", NULL}, QN_EFORMAT, "tensor blk.2.ffn_gate_inp.weight is missing"},
    {"qwen3moe-plain", {"blk.0.ffn_down_exps.weight", NULL}, QN_EFORMAT, "tensor blk.0.ffn_down_exps.weight is missing"},
    {"gemma3-plain", {"gemma3.attention.sliding_window", NULL}, QN_EFORMAT, "gemma3.attention.sliding_window is missing"},
    {"gemma3-plain", {"gemma3.attention.sliding_window", "0"}, QN_EFORMAT, "sliding_window is 0"},
    {"gemma3-plain", {"gemma3.attention.sliding_window_pattern", "0"}, QN_EFORMAT, "a period is 1 to 1024"},
};
// clang-format on

static void every_impossible_model_is_refused_by_name(void **state)
{
    (void)state;
    size_t live = qn_alloc_live();
    for (size_t i = 0; i < QN_COUNT(refusals); i++) {
        const refusal *c = &refusals[i];
        const qn_fixture_change changes[] = {c->change, {0}};
        qn_fixture f;
        qn_model m;
        qn_error err = {0};
        qn_fixture_open(&f, c->fixture);
        const char *path = qn_fixture_write_gguf(&f, "refused.gguf", QN_F32, changes);
        qn_status status = qn_model_open(&m, path, &(qn_model_options){0}, &err);
        if (status != c->status || !strstr(err.text, c->says) || !strstr(err.text, "refused.gguf"))
            fail_msg("%s = %s: status %d, \"%s\" without \"%s\"", c->change.key,
                     c->change.value ? c->change.value : "(absent)", (int)status, err.text,
                     c->says);
        qn_fixture_close(&f);
        assert_int_equal(qn_alloc_live(), live);
    }
}

static void a_tensor_without_a_part_is_refused_by_name(void **state)
{
    (void)state;
    qn_fixture f;
    qn_model m;
    qn_error err = {0};
    qn_family family = qn_family_gemma3;
    family.layers[0].steps = family.layers[1].steps = qn_family_llama3.layers[0].steps;
    qn_fixture_open(&f, "gemma3-plain");
    const char *path = qn_fixture_write_gguf(&f, "unused.gguf", QN_F32, NULL);
    assert_int_equal(qn_model_open(&m, path, &(qn_model_options){.family = &family}, &err),
                     QN_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "has no part in a gemma3 model"));
    qn_fixture_close(&f);
}

static void an_unknown_architecture_is_refused_by_name(void **state)
{
    (void)state;
    qn_fixture f;
    qn_model m;
    qn_error err = {0};
    qn_fixture_open(&f, "llama-plain");
    f.keys[0].value = "mamba";
    const char *path = qn_fixture_write_gguf(&f, "unknown.gguf", QN_F32, NULL);
    assert_int_equal(qn_model_open(&m, path, &(qn_model_options){0}, &err), QN_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "\"mamba\" is not supported"));
    qn_fixture_close(&f);
}

QN_TEST_MAIN(cmocka_unit_test(every_impossible_model_is_refused_by_name),
             cmocka_unit_test(a_tensor_without_a_part_is_refused_by_name),
             cmocka_unit_test(an_unknown_architecture_is_refused_by_name))
