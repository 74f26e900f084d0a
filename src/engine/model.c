/* engine/model.c - opens what a model is made of, in the order in which it is needed. */
#include "engine/model.h"

#include "base/alloc.h"
#include "base/sha256.h"

#include <stdio.h>
#include <string.h>

enum { PROGRAM_BYTES = 64 << 20, SAMPLES = 64, SAMPLE_BYTES = 4096 };

static qn_status find_family(const qn_gguf *g, const qn_family **family, qn_error *err)
{
    qn_str arch;
    char name[QN_SHOWN];
    QN_TRY(qn_gguf_get_string(g, "general.architecture", &arch, err));
    *family = qn_family_of_gguf(qn_str_show(name, arch));
    QN_FAIL_IF(!*family, err, QN_EUNSUPPORTED,
               "the architecture \"%s\" is not supported; `quern doctor` lists those that are",
               name);
    return QN_OK;
}

/* What stands before the first tensor of a file: header, metadata, directory. */
static size_t header_bytes(const qn_gguf *g, const qn_map *map)
{
    size_t n = map->n_bytes;
    for (size_t i = 0; i < g->n_tensors; i++)
        if (g->tensors[i].bytes >= map->bytes && g->tensors[i].bytes < map->bytes + n)
            n = (size_t)(g->tensors[i].bytes - map->bytes);
    return n;
}

/* Identity of a file, its header and directory, and blocks spread over it. */
static void fingerprint_part(uint8_t digest[32], const qn_gguf *g, const qn_map *map)
{
    struct {
        uint8_t before[32], header[32], samples[SAMPLES][32];
        uint64_t device, inode, n_bytes;
        int64_t mtime_ns;
    } part = {.device = map->device,
              .inode = map->inode,
              .n_bytes = map->n_bytes,
              .mtime_ns = map->mtime_ns};
    memcpy(part.before, digest, sizeof part.before);
    qn_sha256(header_bytes(g, map), map->bytes, part.header);
    for (size_t i = 0; i < SAMPLES && map->n_bytes > SAMPLE_BYTES; i++)
        qn_sha256(SAMPLE_BYTES, map->bytes + (map->n_bytes - SAMPLE_BYTES) / SAMPLES * i,
                  part.samples[i]);
    qn_sha256(sizeof part, &part, digest);
}

static void fingerprint(qn_model *m)
{
    fingerprint_part(m->fingerprint, &m->gguf, &m->gguf.map);
    for (size_t i = 0; i < m->gguf.n_more; i++)
        fingerprint_part(m->fingerprint, &m->gguf, &m->gguf.more[i].map);
}

static qn_status open_parts(qn_model *m, const qn_model_options *o, qn_error *err)
{
    const qn_family *family = o->family;
    if (!family)
        QN_TRY(find_family(&m->gguf, &family, err));
    QN_TRY(qn_config_read(&m->config, family, &m->gguf, err));
    QN_TRY(qn_config_vocab(&m->config, &m->gguf, err));
    QN_TRY(qn_tokenizer_from_gguf(&m->tokenizer, &m->gguf, err));
    QN_FAIL_IF(qn_tokenizer_about(m->tokenizer)->n_tokens > m->config.value[QN_N_VOCAB], err,
               QN_EFORMAT, "the tokenizer has %u tokens, the embedding only %g rows",
               qn_tokenizer_about(m->tokenizer)->n_tokens, m->config.value[QN_N_VOCAB]);
    QN_TRY(qn_templates_find(&m->templates, &m->gguf, m->path, err));
    m->memory = qn_region_of(PROGRAM_BYTES);
    m->f32_activations = o->f32_activations;
    m->weights = o->weights;
    QN_TRY(qn_compile(&m->program, &m->memory, &m->config, &m->gguf,
                      &(qn_compile_options){o->f32_activations, o->k_type, o->v_type}, err));
    fingerprint(m);
    return QN_OK;
}

qn_status qn_model_open(qn_model *m, const char *path, const qn_model_options *options,
                        qn_error *err)
{
    *m = (qn_model){0};
    snprintf(m->path, sizeof m->path, "%s", path);
    QN_TRY(qn_gguf_open(&m->gguf, path, err));
    if (open_parts(m, options, err) == QN_OK)
        return QN_OK;
    qn_model_close(m);
    return qn_fail_in(err, path);
}

void qn_model_close(qn_model *m)
{
    qn_templates_release(&m->templates);
    qn_tokenizer_release(m->tokenizer);
    qn_arena_release(&m->huge);
    qn_region_release(&m->memory);
    qn_gguf_release(&m->gguf);
    *m = (qn_model){0};
}

uint64_t qn_model_weight_bytes(const qn_model *m)
{
    uint64_t n = 0;
    for (size_t i = 0; i < m->gguf.n_tensors; i++)
        n += m->gguf.tensors[i].n_bytes;
    return n;
}

bool qn_model_torn(const qn_model *m)
{
    return !m->huge.bytes && qn_gguf_torn(&m->gguf);
}

uint64_t qn_model_parameters(const qn_model *m)
{
    uint64_t n = 0;
    for (size_t i = 0; i < m->gguf.n_tensors; i++) {
        const qn_tensor *t = &m->gguf.tensors[i];
        n += t->dim[0] * t->dim[1] * t->dim[2] * t->dim[3];
    }
    return n;
}
