/* model/families/qwen2.c - Qwen2, Qwen2.5, QwQ and Qwen2.5-Coder, dense text.
 * Source: arXiv:2407.10671, transformers' Qwen2ForCausalLM. */
#include "model/families.h"
#include "model/spec_words.h"

// clang-format off
static const qn_step layer[] = {
    NORM(H, X, QN_ATTN_NORM),
    LINEAR(Q, H, QN_ATTN_Q),  LINEAR(K, H, QN_ATTN_K),  LINEAR(V, H, QN_ATTN_V),
    BIAS(Q, QN_ATTN_Q_BIAS),  BIAS(K, QN_ATTN_K_BIAS),  BIAS(V, QN_ATTN_V_BIAS),
    ROPE(Q, QN_ROPE_GLOBAL),  ROPE(K, QN_ROPE_GLOBAL),  ATTEND(H, Q, K, V, QN_CAUSAL),
    LINEAR(H, H, QN_ATTN_OUT),  ADD(X, H),
    NORM(H, X, QN_FFN_NORM),  LINEAR(G, H, QN_FFN_GATE),  LINEAR(U, H, QN_FFN_UP),  GATE(G, U, QN_GATE_SILU),
    LINEAR(H, G, QN_FFN_DOWN),  ADD(X, H),  END
};
// clang-format on

const qn_family qn_family_qwen2 = {
    .name = "qwen2",
    .gguf_arch = "qwen2",
    .hf_class = {"Qwen2ForCausalLM"},
    .layers = {{'L', layer}},
    .pattern = "L",
    .rope_pairs = {.gguf = QN_ROPE_HALVES, .safetensors = QN_ROPE_HALVES},
};
