/* tests/support/tiny_chat.c - writes a tiny model through the library's own writer. */
#include "tests/support/tiny_chat.h"

#include "tests/support/support.h"
#include "weights/gguf_write.h"

#include <stdio.h>
#include <stdlib.h>

enum { EMBD = 64, FF = 96, HEADS = 4, KV_HEADS = 2, LAYERS = 2, VOCAB = 261 };

static const char usual_template[] =
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'tool' %}"
    "{{ raise_exception('no tools here') }}{% endif %}"
    "<|user|>{{ m['role'] }}\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|user|>assistant\n{% endif %}";

static void put_tokenizer(qn_gguf_writer *w)
{
    static const char *const first[] = {"<unk>", "<s>", "</s>"};
    static const char *const last[] = {"<|user|>", "<|end|>"};
    char names[VOCAB][12];
    qn_str tokens[VOCAB];
    int32_t kinds[VOCAB];
    float scores[VOCAB] = {0};
    for (int i = 0; i < VOCAB; i++) {
        bool is_byte = i >= QN_TINY_BYTE && i < QN_TINY_USER;
        if (is_byte)
            snprintf(names[i], sizeof names[i], "<0x%02X>", (unsigned)(i - QN_TINY_BYTE) & 255);
        else
            snprintf(names[i], sizeof names[i], "%s",
                     i < QN_TINY_BYTE ? first[i] : last[i - QN_TINY_USER]);
        tokens[i] = qn_str_of(names[i]);
        kinds[i] = i == 0 ? 2 : is_byte ? 6 : 3; /* unknown, byte, control */
    }
    qn_gguf_put_string(w, "tokenizer.ggml.model", qn_str_of("llama"));
    qn_gguf_put_strings(w, "tokenizer.ggml.tokens", VOCAB, tokens);
    qn_gguf_put_array(w, "tokenizer.ggml.scores", QN_GGUF_F32, VOCAB, scores);
    qn_gguf_put_array(w, "tokenizer.ggml.token_type", QN_GGUF_I32, VOCAB, kinds);
    qn_gguf_put_int(w, "tokenizer.ggml.unknown_token_id", QN_GGUF_U32, 0);
    qn_gguf_put_int(w, "tokenizer.ggml.bos_token_id", QN_GGUF_U32, QN_TINY_BOS);
    qn_gguf_put_int(w, "tokenizer.ggml.eos_token_id", QN_GGUF_U32, QN_TINY_EOS);
    qn_gguf_put_int(w, "tokenizer.ggml.add_bos_token", QN_GGUF_BOOL, 1);
    qn_gguf_put_int(w, "tokenizer.ggml.add_space_prefix", QN_GGUF_BOOL, 0);
}

static void put_key(qn_gguf_writer *w, const char *arch, const char *name, int64_t value)
{
    char key[96];
    snprintf(key, sizeof key, "%s.%s", arch, name);
    qn_gguf_put_int(w, key, QN_GGUF_U32, value);
}

static void put_config(qn_gguf_writer *w, const qn_tiny_chat *how)
{
    const char *arch = how->architecture ? how->architecture : "llama";
    char key[96];
    qn_gguf_put_string(w, "general.architecture", qn_str_of(arch));
    qn_gguf_put_string(w, "general.name", qn_str_of("Tiny \"chat\""));
    put_key(w, arch, "block_count", LAYERS);
    put_key(w, arch, "context_length", QN_TINY_CONTEXT);
    put_key(w, arch, "embedding_length", EMBD);
    put_key(w, arch, "feed_forward_length", FF);
    put_key(w, arch, "attention.head_count", HEADS);
    put_key(w, arch, "attention.head_count_kv", KV_HEADS);
    put_key(w, arch, "rope.dimension_count", EMBD / HEADS);
    snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", arch);
    qn_gguf_put_float(w, key, QN_GGUF_F32, 1e-5);
    if (how->temperature != 0)
        qn_gguf_put_float(w, "general.sampling.temp", QN_GGUF_F32, how->temperature);
    if (how->top_k != 0)
        qn_gguf_put_int(w, "general.sampling.top_k", QN_GGUF_I32, (int64_t)how->top_k);
    if (!how->no_template)
        qn_gguf_put_string(w, "tokenizer.chat_template",
                           qn_str_of(how->chat_template ? how->chat_template : usual_template));
}

typedef struct tensor {
    char name[48];
    uint64_t n_in, n_out; /* n_out 0: a norm */
} tensor;

static size_t list_tensors(tensor t[32])
{
    static const tensor layer[] = {
        {"attn_norm", EMBD, 0},     {"attn_q", EMBD, EMBD},      {"attn_k", EMBD, EMBD / 2},
        {"attn_v", EMBD, EMBD / 2}, {"attn_output", EMBD, EMBD}, {"ffn_norm", EMBD, 0},
        {"ffn_gate", EMBD, FF},     {"ffn_up", EMBD, FF},        {"ffn_down", FF, EMBD}};
    size_t n = 0;
    t[n++] = (tensor){"token_embd.weight", EMBD, VOCAB};
    t[n++] = (tensor){"output_norm.weight", EMBD, 0};
    for (int l = 0; l < LAYERS; l++)
        for (size_t i = 0; i < QN_COUNT(layer); i++) {
            t[n] = layer[i];
            snprintf(t[n++].name, sizeof t->name, "blk.%d.%.16s.weight", l, layer[i].name);
        }
    return n;
}

static qn_status write_norm(qn_gguf_writer *w, qn_error *err)
{
    float ones[EMBD];
    for (int i = 0; i < EMBD; i++)
        ones[i] = 1;
    return qn_gguf_write(w, sizeof ones, ones, err);
}

/* Q8_0: blocks of a scale of 1/512 and 32 random bytes. */
static qn_status write_matrix(qn_gguf_writer *w, const tensor *t, uint64_t seed, qn_error *err)
{
    for (uint64_t b = 0; b < t->n_in * t->n_out / 32; b++) {
        uint8_t block[34] = {0x00, 0x18}; /* 1/512 in f16 */
        for (size_t i = 0; i < 32; i += 8) {
            uint64_t word = qn_test_random(seed, b * 4 + i / 8);
            for (size_t k = 0; k < 8; k++) /* -127 to 127 */
                block[2 + i + k] = (uint8_t)((int)(word >> 8 * k & 255) * 127 / 128 - 127);
        }
        QN_TRY(qn_gguf_write(w, sizeof block, block, err));
    }
    return QN_OK;
}

static qn_status write_file(qn_gguf_writer *w, const char *path, const qn_tiny_chat *how,
                            qn_error *err)
{
    tensor t[32];
    size_t n = how->no_weights ? 0 : list_tensors(t);
    put_config(w, how);
    put_tokenizer(w);
    for (size_t i = 0; i < n; i++) {
        uint64_t dim[2] = {t[i].n_in, t[i].n_out};
        qn_gguf_put_tensor(w, t[i].name, t[i].n_out ? 2 : 1, dim, t[i].n_out ? QN_Q8_0 : QN_F32);
    }
    QN_TRY(qn_gguf_begin(w, path, err));
    for (size_t i = 0; i < n; i++)
        QN_TRY(t[i].n_out ? write_matrix(w, &t[i], how->seed * 64 + i, err) : write_norm(w, err));
    return qn_gguf_end(w, err);
}

const char *qn_test_tiny_chat(const char *file, const qn_tiny_chat *how)
{
    const char *path = qn_test_file(file, 0, "");
    qn_gguf_writer w = {0};
    qn_error err = {0};
    if (write_file(&w, path, how, &err) != QN_OK) {
        fprintf(stderr, "%s: %s\n", path, err.text);
        abort();
    }
    qn_gguf_writer_release(&w);
    return path;
}
