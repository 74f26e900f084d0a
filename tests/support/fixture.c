/* tests/support/fixture.c - parses a fixture's header and rebuilds its weights. */
#include "tests/support/fixture.h"

#include "tests/support/blocks.h"
#include "tests/support/gguf_bytes.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *p, const char *what)
{
    if (!p) {
        fprintf(stderr, "%s: cannot read or allocate it\n", what);
        exit(1);
    }
    return p;
}

static char *read_all(const char *path, size_t *n_bytes)
{
    FILE *f = must(fopen(path, "rb"), path);
    fseek(f, 0, SEEK_END);
    *n_bytes = (size_t)ftell(f);
    rewind(f);
    char *text = must(malloc(*n_bytes + 1), path);
    if (fread(text, 1, *n_bytes, f) != *n_bytes)
        must(NULL, path);
    fclose(f);
    text[*n_bytes] = 0;
    return text;
}

static char *word(char **rest)
{
    return must(strsep(rest, " "), "a fixture's line");
}

static size_t read_dims(char **rest, size_t dim[4])
{
    size_t n = strtoul(word(rest), NULL, 10);
    for (size_t i = 0; i < 4; i++)
        dim[i] = i < n ? strtoul(word(rest), NULL, 10) : 1;
    return n;
}

static void read_tensor(qn_fixture *f, char *rest)
{
    qn_fixture_tensor *t = &f->tensors[f->n_tensors++];
    t->name = word(&rest);
    (void)word(&rest); /* the Hugging Face name */
    t->seed = strtoull(word(&rest), NULL, 10);
    t->base = strtof(word(&rest), NULL);
    t->scale = strtof(word(&rest), NULL);
    t->transform = word(&rest);
    t->n_dims = read_dims(&rest, t->dim);
}

static void read_values(qn_fixture *f, char *rest)
{
    qn_fixture_tensor *t = &f->tensors[f->n_tensors++];
    *t = (qn_fixture_tensor){.name = word(&rest), .transform = "none", .n_dims = 1};
    t->dim[0] = strtoul(word(&rest), NULL, 10);
    t->dim[1] = t->dim[2] = t->dim[3] = 1;
    t->values = rest;
}

static void read_ids(qn_fixture *f, char *rest)
{
    f->n_ids = strtoul(word(&rest), NULL, 10);
    f->ids = must(calloc(f->n_ids, sizeof *f->ids), "ids");
    for (size_t i = 0; i < f->n_ids; i++)
        f->ids[i] = (uint32_t)strtoul(word(&rest), NULL, 10);
}

static void read_line(qn_fixture *f, char *line)
{
    char *rest = line, *kind = word(&rest);
    if (strcmp(kind, "name") == 0)
        f->name = rest;
    else if (strcmp(kind, "seed") == 0)
        f->seed = strtoull(rest, NULL, 10);
    else if (strcmp(kind, "tensor") == 0)
        read_tensor(f, rest);
    else if (strcmp(kind, "values") == 0)
        read_values(f, rest);
    else if (strcmp(kind, "ids") == 0)
        read_ids(f, rest);
    else if (strcmp(kind, "gguf") == 0) {
        qn_fixture_key *k = &f->keys[f->n_keys++];
        k->name = word(&rest);
        k->type = word(&rest);
        k->value = rest;
    } else if (strcmp(kind, "array") == 0) {
        qn_fixture_array *a = &f->arrays[f->n_arrays++];
        a->name = word(&rest);
        a->n_dims = read_dims(&rest, a->dim);
    }
}

void qn_fixture_open(qn_fixture *f, const char *name)
{
    char path[256];
    size_t n_bytes;
    *f = (qn_fixture){0};
    snprintf(path, sizeof path, "tests/fixtures/model/%s.bin", name);
    char *at = f->text = read_all(path, &n_bytes);
    while (strncmp(at, "end", 3) != 0)
        read_line(f, must(strsep(&at, "\n"), path));
    const char *data = strchr(at, '\n') + 1;
    for (size_t i = 0; i < f->n_arrays; i++) {
        qn_fixture_array *a = &f->arrays[i];
        size_t n = a->dim[0] * a->dim[1] * a->dim[2] * a->dim[3];
        float *values = must(malloc(n * sizeof *values), path);
        memcpy(values, data, n * sizeof *values);
        data += n * sizeof *values;
        a->values = values;
    }
}

void qn_fixture_close(qn_fixture *f)
{
    for (size_t i = 0; i < f->n_arrays; i++)
        free((void *)(uintptr_t)f->arrays[i].values);
    free(f->ids);
    free(f->text);
    *f = (qn_fixture){0};
}

const qn_fixture_array *qn_fixture_array_named(const qn_fixture *f, const char *name)
{
    for (size_t i = 0; i < f->n_arrays; i++)
        if (strcmp(f->arrays[i].name, name) == 0)
            return &f->arrays[i];
    return NULL;
}

static float random_weight(const qn_fixture_tensor *t, uint64_t i)
{
    float r = ((float)(qn_test_random(t->seed, i) >> 40) - 8388608.0f) * 0x1p-23f;
    float scaled = t->scale * r;
    return t->base + scaled;
}

/* Where row o of the Hugging Face layout goes: rows that rope pairs become neighbours. */
static size_t row_in_gguf(const qn_fixture_tensor *t, size_t o)
{
    if (strncmp(t->transform, "pairs:", 6) != 0)
        return o;
    size_t d = strtoul(t->transform + 6, NULL, 10), in_head = o % d;
    return o - in_head + 2 * (in_head % (d / 2)) + in_head / (d / 2);
}

static size_t count(const qn_fixture_tensor *t)
{
    return t->dim[0] * t->dim[1] * t->dim[2] * t->dim[3];
}

float *qn_fixture_weights(const qn_fixture_tensor *t)
{
    size_t n = t->dim[t->n_dims - 1], n_rows = count(t) / n;
    float *w = must(malloc(n_rows * n * sizeof *w), t->name);
    char *spelled = (char *)(uintptr_t)t->values;
    for (size_t o = 0; o < n_rows; o++)
        for (size_t i = 0; i < n; i++) {
            float v = spelled ? strtof(spelled, &spelled) : random_weight(t, o * n + i);
            w[row_in_gguf(t, o) * n + i] = strcmp(t->transform, "one") == 0 ? v + 1.0f : v;
        }
    return w;
}

/* --- as a GGUF file --- */

static const qn_fixture_change *change_of(const qn_fixture_change *changes, const char *key)
{
    for (; changes && changes->key; changes++)
        if (strcmp(changes->key, key) == 0)
            return changes;
    return NULL;
}

static void write_key(qn_gguf_bytes *g, const char *key, const char *type, const char *value)
{
    if (strcmp(type, "string") == 0)
        qn_gguf_bytes_text(g, key, value);
    else if (strcmp(type, "u32") == 0)
        qn_gguf_bytes_u32(g, key, (uint32_t)strtoul(value, NULL, 10));
    else if (strcmp(type, "bool") == 0)
        qn_gguf_bytes_bool(g, key, strcmp(value, "0") != 0);
    else
        qn_gguf_bytes_f32(g, key, strtof(value, NULL));
}

static void write_keys(const qn_fixture *f, qn_gguf_bytes *g, const qn_fixture_change *changes)
{
    for (size_t i = 0; i < f->n_keys; i++)
        if (!change_of(changes, f->keys[i].name))
            write_key(g, f->keys[i].name, f->keys[i].type, f->keys[i].value);
    for (; changes && changes->key; changes++)
        if (changes->value)
            write_key(g, changes->key, strpbrk(changes->value, ".-") ? "f32" : "u32",
                      changes->value);
}

/* A tensor that a change leaves out, by its name or with its layer. */
static bool left_out(const qn_fixture_tensor *t, const qn_fixture_change *changes)
{
    unsigned layer;
    const qn_fixture_change *c = change_of(changes, t->name);
    if (c)
        return !c->value;
    for (; changes && changes->key; changes++)
        if (changes->value && strstr(changes->key, ".block_count") &&
            sscanf(t->name, "blk.%u.", &layer) == 1 && layer >= strtoul(changes->value, NULL, 10))
            return true;
    return false;
}

static qn_encoding encoding_of(const qn_fixture_tensor *t, qn_encoding e)
{
    bool is_router = strstr(t->name, "ffn_gate_inp"); /* converters keep it in F32 */
    bool whole = t->dim[t->n_dims - 1] % qn_encoding_block(e) == 0;
    return t->n_dims >= 2 && whole && !is_router ? e : QN_F32;
}

static void write_tensor(FILE *out, const qn_fixture_tensor *t, qn_encoding e)
{
    uint64_t n_values = count(t), n_bytes;
    if (!qn_encoding_size(e, n_values, &n_bytes))
        must(NULL, t->name);
    uint8_t *bytes = must(malloc(n_bytes), t->name);
    if (e == QN_F32) {
        float *w = qn_fixture_weights(t);
        memcpy(bytes, w, n_bytes);
        free(w);
    } else {
        qn_test_random_weights(e, n_values, t->seed, t->scale * 0.577f, bytes);
    }
    qn_gguf_bytes_data(out, n_bytes, bytes);
    free(bytes);
}

const char *qn_fixture_write_gguf(const qn_fixture *f, const char *file, qn_encoding encoding,
                                  const qn_fixture_change *changes)
{
    qn_gguf_bytes g;
    const char *path = qn_test_file(file, 0, "");
    FILE *out = must(fopen(path, "wb"), path);
    qn_gguf_bytes_begin(&g);
    write_keys(f, &g, changes);
    qn_gguf_bytes_tokenizer(&g, 256);
    for (size_t i = 0; i < f->n_tensors; i++) {
        const qn_fixture_tensor *t = &f->tensors[i];
        uint64_t dims[4];
        for (size_t d = 0; d < t->n_dims; d++)
            dims[d] = t->dim[t->n_dims - 1 - d];
        if (!left_out(t, changes))
            qn_gguf_bytes_tensor(&g, t->name, encoding_of(t, encoding), t->n_dims, dims);
    }
    qn_gguf_bytes_head(&g, out);
    for (size_t i = 0; i < f->n_tensors; i++)
        if (!left_out(&f->tensors[i], changes))
            write_tensor(out, &f->tensors[i], encoding_of(&f->tensors[i], encoding));
    if (fclose(out) != 0)
        must(NULL, path);
    return path;
}
