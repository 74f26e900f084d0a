/* tests/support/random_model.c - a table of shapes, and the tensors that follow from one. */
#include "tests/support/random_model.h"

#include "tests/support/blocks.h"
#include "tests/support/gguf_bytes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const qn_model_shape shapes[] = {
    {"tiny", "llama", 2, 256, 512, 8, 2, 32, 320, 0, 1e4f, true, 0, 0, 0},
    {"tiny-windowed", "gemma3", 7, 256, 512, 4, 2, 64, 320, 24, 1e6f, true, 0, 0, 0},
    {"tiny-normed", "qwen3", 2, 256, 512, 4, 2, 96, 320, 0, 1e6f, false, 0, 0, 0},
    {"tiny-experts", "qwen3moe", 2, 256, 512, 4, 2, 64, 320, 0, 1e6f, false, 12, 3, 256},
    {"smollm2-135m", "llama", 30, 576, 1536, 9, 3, 64, 49152, 0, 1e5f, true, 0, 0, 0},
    {"llama-3.2-1b", "llama", 16, 2048, 8192, 32, 8, 64, 128256, 0, 5e5f, true, 0, 0, 0},
    {"llama-3.1-8b", "llama", 32, 4096, 14336, 32, 8, 128, 128256, 0, 5e5f, false, 0, 0, 0},
    {"gemma-3-270m", "gemma3", 18, 640, 2048, 4, 1, 256, 262144, 512, 1e6f, true, 0, 0, 0},
    {"gemma-3-1b", "gemma3", 26, 1152, 6912, 4, 1, 256, 262144, 512, 1e6f, true, 0, 0, 0},
    {"qwen3-0.6b", "qwen3", 28, 1024, 3072, 16, 8, 128, 151936, 0, 1e6f, true, 0, 0, 0},
    {"qwen3-1.7b", "qwen3", 28, 2048, 6144, 16, 8, 128, 151936, 0, 1e6f, true, 0, 0, 0},
    {"qwen3-30b-a3b", "qwen3moe", 48, 2048, 6144, 32, 4, 128, 151936, 0, 1e6f, false, 128, 8, 768},
};

typedef struct tensor {
    char name[64];
    qn_encoding encoding;
    size_t n_dims;
    uint64_t dims[3];
} tensor;

typedef struct plan { /* tensors in the order of the file */
    const qn_model_shape *s;
    const char *encoding;
    size_t n;
    tensor tensors[4096];
} plan;

static qn_encoding encoding_of(const plan *p, const char *role, uint32_t layer, uint64_t n_in)
{
    bool mixed = strcmp(p->encoding, "Q4_K_M") == 0;
    bool better =
        strcmp(role, "token_embd") == 0 || strcmp(role, "output") == 0 ||
        ((strcmp(role, "attn_v") == 0 || strncmp(role, "ffn_down", 8) == 0) && layer % 2 == 0);
    qn_encoding e = !mixed ? qn_encoding_from_name(p->encoding) : better ? QN_Q6_K : QN_Q4_K;
    if (e != QN_NO_ENCODING && n_in % qn_encoding_block(e) != 0)
        e = better ? QN_Q8_0 : QN_Q5_0; /* as quantizers do for rows that are no whole blocks */
    return e;
}

static tensor *add(plan *p, const char *role, int layer)
{
    tensor *t = &p->tensors[p->n++];
    if (layer < 0)
        snprintf(t->name, sizeof t->name, "%s.weight", role);
    else
        snprintf(t->name, sizeof t->name, "blk.%d.%s.weight", layer, role);
    return t;
}

static void matrix(plan *p, const char *role, int layer, uint64_t n_out, uint64_t n_in)
{
    tensor *t = add(p, role, layer);
    t->n_dims = 2;
    t->dims[0] = n_in;
    t->dims[1] = n_out;
    t->dims[2] = 1;
    t->encoding = encoding_of(p, role, layer < 0 ? 0 : (uint32_t)layer, n_in);
}

static void expert_matrices(plan *p, const char *role, int layer, uint64_t n_out, uint64_t n_in)
{
    matrix(p, role, layer, n_out, n_in);
    p->tensors[p->n - 1].n_dims = 3;
    p->tensors[p->n - 1].dims[2] = p->s->n_experts;
}

static void vector(plan *p, const char *role, int layer, uint64_t n)
{
    tensor *t = add(p, role, layer);
    t->encoding = QN_F32;
    t->n_dims = 1;
    t->dims[0] = n;
    t->dims[1] = t->dims[2] = 1;
}

static void feed_forward(plan *p, int i)
{
    const qn_model_shape *s = p->s;
    if (s->n_experts == 0) {
        matrix(p, "ffn_gate", i, s->n_ff, s->n_embd);
        matrix(p, "ffn_up", i, s->n_ff, s->n_embd);
        matrix(p, "ffn_down", i, s->n_embd, s->n_ff);
        return;
    }
    matrix(p, "ffn_gate_inp", i, s->n_experts, s->n_embd);
    p->tensors[p->n - 1].encoding = QN_F32;
    expert_matrices(p, "ffn_gate_exps", i, s->n_ff_expert, s->n_embd);
    expert_matrices(p, "ffn_up_exps", i, s->n_ff_expert, s->n_embd);
    expert_matrices(p, "ffn_down_exps", i, s->n_embd, s->n_ff_expert);
}

static void layer(plan *p, int i)
{
    const qn_model_shape *s = p->s;
    uint64_t q = (uint64_t)s->n_heads * s->head_dim, kv = (uint64_t)s->n_kv_heads * s->head_dim;
    vector(p, "attn_norm", i, s->n_embd);
    matrix(p, "attn_q", i, q, s->n_embd);
    matrix(p, "attn_k", i, kv, s->n_embd);
    matrix(p, "attn_v", i, kv, s->n_embd);
    matrix(p, "attn_output", i, s->n_embd, q);
    vector(p, "ffn_norm", i, s->n_embd);
    feed_forward(p, i);
    bool gemma = strcmp(s->arch, "gemma3") == 0;
    if (gemma || strncmp(s->arch, "qwen3", 5) == 0) {
        vector(p, "attn_q_norm", i, s->head_dim);
        vector(p, "attn_k_norm", i, s->head_dim);
    }
    if (!gemma)
        return;
    vector(p, "post_attention_norm", i, s->n_embd);
    vector(p, "post_ffw_norm", i, s->n_embd);
}

static void all_tensors(plan *p, uint32_t n_layers)
{
    matrix(p, "token_embd", -1, p->s->n_vocab, p->s->n_embd);
    for (uint32_t i = 0; i < n_layers; i++)
        layer(p, (int)i);
    vector(p, "output_norm", -1, p->s->n_embd);
    if (!p->s->tied)
        matrix(p, "output", -1, p->s->n_vocab, p->s->n_embd);
}

static void key_u32(qn_gguf_bytes *g, const qn_model_shape *s, const char *key, uint32_t value)
{
    char name[96];
    snprintf(name, sizeof name, "%s.%s", s->arch, key);
    qn_gguf_bytes_u32(g, name, value);
}

static void key_f32(qn_gguf_bytes *g, const qn_model_shape *s, const char *key, float value)
{
    char name[96];
    snprintf(name, sizeof name, "%s.%s", s->arch, key);
    qn_gguf_bytes_f32(g, name, value);
}

static void keys(qn_gguf_bytes *g, const qn_model_shape *s, uint32_t n_layers)
{
    qn_gguf_bytes_text(g, "general.architecture", s->arch);
    qn_gguf_bytes_text(g, "general.name", s->name);
    key_u32(g, s, "block_count", n_layers);
    key_u32(g, s, "context_length", 131072);
    key_u32(g, s, "embedding_length", s->n_embd);
    key_u32(g, s, "feed_forward_length", s->n_ff);
    key_u32(g, s, "attention.head_count", s->n_heads);
    key_u32(g, s, "attention.head_count_kv", s->n_kv_heads);
    key_u32(g, s, "attention.key_length", s->head_dim);
    key_u32(g, s, "attention.value_length", s->head_dim);
    key_u32(g, s, "rope.dimension_count", s->head_dim);
    key_f32(g, s, "attention.layer_norm_rms_epsilon", 1e-5f);
    key_f32(g, s, "rope.freq_base", s->rope_base);
    if (s->n_experts > 0) {
        key_u32(g, s, "expert_count", s->n_experts);
        key_u32(g, s, "expert_used_count", s->n_used_experts);
        key_u32(g, s, "expert_feed_forward_length", s->n_ff_expert);
    }
    if (s->window > 0)
        key_u32(g, s, "attention.sliding_window", s->window);
    qn_gguf_bytes_tokenizer(g, s->n_vocab);
}

static void write_data(FILE *f, const tensor *t, uint64_t seed)
{
    uint64_t n_bytes, n_values = t->dims[0] * t->dims[1] * t->dims[2];
    if (!qn_encoding_size(t->encoding, n_values, &n_bytes))
        exit(1);
    uint8_t *bytes = malloc(n_bytes);
    if (!bytes)
        exit(1);
    if (t->n_dims > 1)
        qn_test_random_weights(t->encoding, n_values, seed, 1.0f / sqrtf((float)t->dims[0]), bytes);
    for (uint64_t i = 0; t->n_dims == 1 && i < t->dims[0]; i++)
        memcpy(bytes + 4 * i, &(float){1}, 4);
    qn_gguf_bytes_data(f, n_bytes, bytes);
    free(bytes);
}

const qn_model_shape *qn_model_shape_at(size_t i)
{
    return i < QN_COUNT(shapes) ? &shapes[i] : NULL;
}

const qn_model_shape *qn_model_shape_named(const char *name)
{
    for (size_t i = 0; i < QN_COUNT(shapes); i++)
        if (strcmp(shapes[i].name, name) == 0)
            return &shapes[i];
    return NULL;
}

bool qn_random_model_knows(const char *encoding)
{
    return strcmp(encoding, "Q4_K_M") == 0 || qn_encoding_from_name(encoding) != QN_NO_ENCODING;
}

bool qn_random_model_write(const char *path, const qn_model_shape *s, const char *encoding,
                           uint32_t n_layers)
{
    static plan p;
    qn_gguf_bytes g;
    p = (plan){.s = s, .encoding = encoding};
    n_layers = n_layers ? n_layers : s->n_layers;
    all_tensors(&p, n_layers);
    FILE *f = fopen(path, "wb");
    if (!f)
        return false;
    qn_gguf_bytes_begin(&g);
    keys(&g, s, n_layers);
    for (size_t i = 0; i < p.n; i++)
        qn_gguf_bytes_tensor(&g, p.tensors[i].name, p.tensors[i].encoding, p.tensors[i].n_dims,
                             p.tensors[i].dims);
    qn_gguf_bytes_head(&g, f);
    for (size_t i = 0; i < p.n; i++)
        write_data(f, &p.tensors[i], i + 1);
    return fclose(f) == 0;
}
