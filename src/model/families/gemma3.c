/* model/families/gemma3.c - Gemma 3 text, 270M to 27B.
 * Source: arXiv:2503.19786, transformers' Gemma3ForCausalLM and its Gemma3TextConfig. */
#include "model/families.h"
#include "model/spec_words.h"

// clang-format off
#define LAYER(rope, mask) \
    NORM(H, X, QN_ATTN_NORM),  LINEAR(Q, H, QN_ATTN_Q),  LINEAR(K, H, QN_ATTN_K),  LINEAR(V, H, QN_ATTN_V), \
    NORM(Q, Q, QN_ATTN_Q_NORM),  NORM(K, K, QN_ATTN_K_NORM), /* per head: the role's shape says so */ \
    ROPE(Q, rope),  ROPE(K, rope),  ATTEND(H, Q, K, V, mask), \
    LINEAR(H, H, QN_ATTN_OUT),  NORM(H, H, QN_ATTN_POST_NORM),  ADD(X, H), \
    NORM(H, X, QN_FFN_NORM),  LINEAR(G, H, QN_FFN_GATE),  LINEAR(U, H, QN_FFN_UP),  GATE(G, U, QN_GATE_GELU_TANH), \
    LINEAR(H, G, QN_FFN_DOWN),  NORM(H, H, QN_FFN_POST_NORM),  ADD(X, H),  END
static const qn_step local_layer[] = {LAYER(QN_ROPE_LOCAL, QN_WINDOWED)};
static const qn_step global_layer[] = {LAYER(QN_ROPE_GLOBAL, QN_CAUSAL)};
// clang-format on

const qn_family qn_family_gemma3 = {
    .name = "gemma3",
    .gguf_arch = "gemma3",
    .hf_class = {"Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"},
    .layers = {{'L', local_layer}, {'G', global_layer}},
    .pattern = "LLLLLG",
    .names = {{QN_FFN_NORM, NULL, "pre_feedforward_layernorm.weight"}},
    .defaults = {{QN_ROPE_BASE, 1e6}, {QN_ROPE_BASE_LOCAL, 1e4}},
    .exceptions = {{.n_layers = 62, .key = QN_QUERY_SCALAR, .value = 168}}, /* 27B: not in GGUF */
    .embed_scale = QN_SQRT_N_EMBD,
    .norm_adds_one = {.safetensors = true}, /* GGUF stores 1 + w */
    .rope_pairs = {.gguf = QN_ROPE_HALVES, .safetensors = QN_ROPE_HALVES},
};
