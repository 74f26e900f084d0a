/* model/families/llama3.c - Llama 2 to 3.3, SmolLM2 and all that is stored as `llama`, dense text.
 * Source: arXiv:2307.09288, arXiv:2407.21783, transformers' LlamaForCausalLM. */
#include "model/families.h"
#include "model/spec_words.h"

// clang-format off
static const qn_step layer[] = {
    NORM(H, X, QN_ATTN_NORM),  LINEAR(Q, H, QN_ATTN_Q),  LINEAR(K, H, QN_ATTN_K),  LINEAR(V, H, QN_ATTN_V),
    ROPE(Q, QN_ROPE_GLOBAL),  ROPE(K, QN_ROPE_GLOBAL),  ATTEND(H, Q, K, V, QN_CAUSAL),
    LINEAR(H, H, QN_ATTN_OUT),  ADD(X, H),
    NORM(H, X, QN_FFN_NORM),  LINEAR(G, H, QN_FFN_GATE),  LINEAR(U, H, QN_FFN_UP),  GATE(G, U, QN_GATE_SILU),
    LINEAR(H, G, QN_FFN_DOWN),  ADD(X, H),  END
};
// clang-format on

const qn_family qn_family_llama3 = {
    .name = "llama3",
    .gguf_arch = "llama",
    .hf_class = {"LlamaForCausalLM"},
    .layers = {{'L', layer}},
    .pattern = "L",
    .rope_pairs = {.gguf = QN_ROPE_ADJACENT,
                   .safetensors = QN_ROPE_HALVES}, /* GGUF stores Q, K permuted */
};
