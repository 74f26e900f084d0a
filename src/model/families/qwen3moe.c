/* model/families/qwen3moe.c - Qwen3 with experts: 30B-A3B, 235B-A22B, Qwen3-Coder; every layer has
 * experts, none is shared. Source: arXiv:2505.09388, transformers' Qwen3MoeForCausalLM.
 *
 * GGUF has no key for norm_topk_prob, which is true in all published models. */
#include "model/families.h"
#include "model/spec_words.h"

// clang-format off
static const qn_step layer[] = {
    NORM(H, X, QN_ATTN_NORM),  LINEAR(Q, H, QN_ATTN_Q),  LINEAR(K, H, QN_ATTN_K),  LINEAR(V, H, QN_ATTN_V),
    NORM(Q, Q, QN_ATTN_Q_NORM),  NORM(K, K, QN_ATTN_K_NORM),
    ROPE(Q, QN_ROPE_GLOBAL),  ROPE(K, QN_ROPE_GLOBAL),  ATTEND(H, Q, K, V, QN_CAUSAL),
    LINEAR(H, H, QN_ATTN_OUT),  ADD(X, H),
    NORM(H, X, QN_FFN_NORM),  LINEAR(R, H, QN_FFN_ROUTER),  ROUTE(R, R),
    EXPERT_GATE(G, H, R, QN_FFN_GATE_EXPERTS, QN_FFN_UP_EXPERTS, QN_GATE_SILU),
    EXPERT_SUM(H, G, R, QN_FFN_DOWN_EXPERTS),  ADD(X, H),  END
};
// clang-format on

const qn_family qn_family_qwen3moe = {
    .name = "qwen3moe",
    .gguf_arch = "qwen3moe",
    .hf_class = {"Qwen3MoeForCausalLM"},
    .layers = {{'L', layer}},
    .pattern = "L",
    .defaults = {{QN_EXPERT_NORM, 1}},
    .rope_pairs = {.gguf = QN_ROPE_HALVES, .safetensors = QN_ROPE_HALVES},
};
