/* tests/support/gguf_bytes.c - version 3 of the format, as the GGUF specification lays it out. */
#include "tests/support/gguf_bytes.h"

#include <stdlib.h>
#include <string.h>

enum { U32 = 4, I32 = 5, F32 = 6, BOOL = 7, TEXT = 8, ARRAY = 9, ALIGNMENT = 32 };

static void put(FILE *f, size_t n_bytes, const void *bytes)
{
    if (n_bytes > 0 && fwrite(bytes, 1, n_bytes, f) != n_bytes) {
        perror("writing a GGUF file");
        exit(1);
    }
}

static void put_u32(FILE *f, uint32_t v)
{
    put(f, sizeof v, &v);
}

static void put_u64(FILE *f, uint64_t v)
{
    put(f, sizeof v, &v);
}

static void put_text(FILE *f, const char *text)
{
    put_u64(f, strlen(text));
    put(f, strlen(text), text);
}

static FILE *put_key(qn_gguf_bytes *g, const char *key, uint32_t type)
{
    g->n_keys++;
    put_text(g->keys, key);
    put_u32(g->keys, type);
    return g->keys;
}

void qn_gguf_bytes_begin(qn_gguf_bytes *g)
{
    *g = (qn_gguf_bytes){0};
    g->keys = open_memstream(&g->key_bytes, &g->n_key_bytes);
    g->directory = open_memstream(&g->directory_bytes, &g->n_directory_bytes);
    if (!g->keys || !g->directory)
        exit(1);
}

void qn_gguf_bytes_u32(qn_gguf_bytes *g, const char *key, uint32_t value)
{
    put_u32(put_key(g, key, U32), value);
}

void qn_gguf_bytes_f32(qn_gguf_bytes *g, const char *key, float value)
{
    put(put_key(g, key, F32), sizeof value, &value);
}

void qn_gguf_bytes_bool(qn_gguf_bytes *g, const char *key, bool value)
{
    put(put_key(g, key, BOOL), 1, &(uint8_t){value});
}

void qn_gguf_bytes_text(qn_gguf_bytes *g, const char *key, const char *value)
{
    put_text(put_key(g, key, TEXT), value);
}

/* GPT-2's printable stand-in for a byte, as UTF-8. */
static void byte_text(unsigned byte, char text[8])
{
    unsigned code = byte, n_before = 0;
    bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    for (unsigned b = 0; b < byte; b++)
        n_before += !((b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174);
    if (!printable)
        code = 256 + n_before;
    if (code < 128)
        snprintf(text, 8, "%c", (char)code);
    else
        snprintf(text, 8, "%c%c", (char)(0xC0 | code >> 6), (char)(0x80 | (code & 63)));
}

static void token_text(uint32_t id, uint32_t n_vocab, char text[24])
{
    if (id < 256)
        byte_text(id, text);
    else if (id + 1 == n_vocab)
        snprintf(text, 24, "<eos>");
    else
        snprintf(text, 24, "<filler %u>", id);
}

void qn_gguf_bytes_tokenizer(qn_gguf_bytes *g, uint32_t n_vocab)
{
    char text[24];
    qn_gguf_bytes_text(g, "tokenizer.ggml.model", "gpt2");
    qn_gguf_bytes_text(g, "tokenizer.ggml.pre", "gpt-2");
    FILE *f = put_key(g, "tokenizer.ggml.tokens", ARRAY);
    put_u32(f, TEXT);
    put_u64(f, n_vocab);
    for (uint32_t id = 0; id < n_vocab; id++) {
        token_text(id, n_vocab, text);
        put_text(f, text);
    }
    f = put_key(g, "tokenizer.ggml.token_type", ARRAY);
    put_u32(f, I32);
    put_u64(f, n_vocab);
    for (uint32_t id = 0; id < n_vocab; id++)
        put_u32(f, id < 256 ? 1 : id + 1 == n_vocab ? 3 : 5); /* normal, control, unused */
    f = put_key(g, "tokenizer.ggml.merges", ARRAY);
    put_u32(f, TEXT);
    put_u64(f, 0);
    qn_gguf_bytes_u32(g, "tokenizer.ggml.bos_token_id", n_vocab - 1);
    qn_gguf_bytes_u32(g, "tokenizer.ggml.eos_token_id", n_vocab - 1);
    qn_gguf_bytes_bool(g, "tokenizer.ggml.add_bos_token", false);
}

static uint64_t aligned(uint64_t n)
{
    return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void qn_gguf_bytes_tensor(qn_gguf_bytes *g, const char *name, qn_encoding e, size_t n_dims,
                          const uint64_t *dims)
{
    uint64_t n = 1, n_bytes;
    put_text(g->directory, name);
    put_u32(g->directory, (uint32_t)n_dims);
    for (size_t i = 0; i < n_dims; i++) {
        put_u64(g->directory, dims[i]);
        n *= dims[i];
    }
    put_u32(g->directory, qn_encoding_to_gguf(e));
    put_u64(g->directory, g->n_data);
    if (!qn_encoding_size(e, n, &n_bytes))
        exit(1);
    g->n_data += aligned(n_bytes);
    g->n_tensors++;
}

void qn_gguf_bytes_data(FILE *f, size_t n_bytes, const void *bytes)
{
    static const uint8_t zeros[ALIGNMENT];
    put(f, n_bytes, bytes);
    put(f, aligned(n_bytes) - n_bytes, zeros);
}

void qn_gguf_bytes_head(qn_gguf_bytes *g, FILE *f)
{
    fclose(g->keys);
    fclose(g->directory);
    put(f, 4, "GGUF");
    put_u32(f, 3);
    put_u64(f, g->n_tensors);
    put_u64(f, g->n_keys);
    put(f, g->n_key_bytes, g->key_bytes);
    put(f, g->n_directory_bytes, g->directory_bytes);
    size_t n = 24 + g->n_key_bytes + g->n_directory_bytes;
    static const uint8_t zeros[ALIGNMENT];
    put(f, aligned(n) - n, zeros);
    free(g->key_bytes);
    free(g->directory_bytes);
}
