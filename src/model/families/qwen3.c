/* model/families/qwen3.c - Qwen3, dense text, 0.6B to 32B.
 * Source: arXiv:2505.09388, transformers' Qwen3ForCausalLM. */
#include "model/families.h"
#include "model/spec_words.h"

// clang-format off
static const qn_step layer[] = {
    NORM(H, X, QN_ATTN_NORM),  LINEAR(Q, H, QN_ATTN_Q),  LINEAR(K, H, QN_ATTN_K),  LINEAR(V, H, QN_ATTN_V),
    NORM(Q, Q, QN_ATTN_Q_NORM),  NORM(K, K, QN_ATTN_K_NORM), /* per head: the role's shape says so */
    ROPE(Q, QN_ROPE_GLOBAL),  ROPE(K, QN_ROPE_GLOBAL),  ATTEND(H, Q, K, V, QN_CAUSAL),
    LINEAR(H, H, QN_ATTN_OUT),  ADD(X, H),
    NORM(H, X, QN_FFN_NORM),  LINEAR(G, H, QN_FFN_GATE),  LINEAR(U, H, QN_FFN_UP),  GATE(G, U, QN_GATE_SILU),
    LINEAR(H, G, QN_FFN_DOWN),  ADD(X, H),  END
};
// clang-format on

const qn_family qn_family_qwen3 = {
    .name = "qwen3",
    .gguf_arch = "qwen3",
    .hf_class = {"Qwen3ForCausalLM"},
    .layers = {{'L', layer}},
    .pattern = "L",
    .rope_pairs = {.gguf = QN_ROPE_HALVES, .safetensors = QN_ROPE_HALVES},
};
