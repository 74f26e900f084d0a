/* weights/gguf_open.c - opening GGUF files, whole or split over several. */
#include "weights/gguf.h"

#include "base/alloc.h"

#include <stdio.h>

static qn_status open_part(qn_gguf *g, const char *path, qn_error *err)
{
    qn_map map;
    *g = (qn_gguf){0};
    QN_TRY(qn_map_open(&map, path, err));
    if (qn_gguf_parse_bytes(g, map.n_bytes, map.bytes, err) == QN_OK && !qn_map_torn(&map)) {
        g->map = map;
        return QN_OK;
    }
    bool torn = qn_map_torn(&map);
    qn_gguf_release(g);
    qn_map_release(&map);
    QN_FAIL_IF(torn, err, QN_EIO, "%s: the file was changed while it was read", path);
    return qn_fail_in(err, path);
}

/* What the split keys say; count 1 for a file that is whole. */
typedef struct split {
    uint32_t no, count;
    int64_t n_tensors; /* of all parts; -1: not said */
} split;

static qn_status read_split(const qn_gguf *g, split *s, qn_error *err)
{
    *s = (split){.count = 1, .n_tensors = -1};
    QN_TRY(qn_gguf_maybe_u32(g, "split.count", &s->count, err));
    QN_TRY(qn_gguf_maybe_u32(g, "split.no", &s->no, err));
    QN_TRY(qn_gguf_maybe_i64(g, "split.tensors.count", &s->n_tensors, err));
    QN_FAIL_IF(s->count > qn_gguf_max.n_parts, err, QN_ELIMIT,
               "key split.count: value is %u, the limit is %" PRIu64, s->count,
               qn_gguf_max.n_parts);
    s->count = QN_MAX(s->count, 1u);
    QN_FAIL_IF(s->no >= s->count, err, QN_EFORMAT, "key split.no: value is %u, of only %u parts",
               s->no, s->count);
    return QN_OK;
}

/* The ending "-00001-of-00003.gguf" of part i of n. */
static void part_ending(char ending[32], uint32_t i, uint32_t n)
{
    snprintf(ending, 32, "-%05u-of-%05u.gguf", i + 1, n);
}

/* The path of part i, made from the path of part `no`; freed with qn_free. */
static qn_status part_path(const char *path, const split *s, uint32_t i, char **part, qn_error *err)
{
    char own[32], wanted[32];
    size_t n = strlen(path);
    part_ending(own, s->no, s->count);
    part_ending(wanted, i, s->count);
    QN_FAIL_IF(n < strlen(own) || strcmp(path + n - strlen(own), own) != 0, err, QN_EFORMAT,
               "%s: key split.no says that it is part %u of %u; then its name must end in %s", path,
               s->no + 1, s->count, own);
    *part = qn_alloc(n + 1);
    QN_FAIL_IF(!*part, err, QN_ENOMEM, "%s: no memory to open it", path);
    memcpy(*part, path, n - strlen(own));
    memcpy(*part + n - strlen(own), wanted, strlen(wanted) + 1);
    return QN_OK;
}

static qn_status open_by_number(qn_gguf *g, const char *path, const split *s, uint32_t i,
                                qn_error *err)
{
    char *name = NULL;
    split own;
    QN_TRY(part_path(path, s, i, &name, err));
    qn_status status = open_part(g, name, err);
    if (status == QN_ENOTFOUND)
        qn_fail(err, status, "%s: part %u of %u is missing; download it", name, i + 1, s->count);
    if (status == QN_OK && (status = read_split(g, &own, err)) != QN_OK)
        qn_fail_in(err, name);
    if (status == QN_OK && (own.no != i || own.count != s->count))
        status = qn_fail(err, QN_EFORMAT,
                         "%s: keys split.no and split.count say part %u of %u, not %u of %u", name,
                         own.no + 1, own.count, i + 1, s->count);
    qn_free(name);
    if (status != QN_OK)
        qn_gguf_release(g);
    return status;
}

/* One directory of all parts' tensors, in the first part's memory. */
static qn_status join_tensors(qn_gguf *g, const split *s, const char *path, qn_error *err)
{
    size_t n = g->n_tensors;
    for (size_t i = 0; i < g->n_more; i++)
        n += g->more[i].n_tensors;
    QN_FAIL_IF(s->n_tensors >= 0 && (uint64_t)s->n_tensors != n, err, QN_EFORMAT,
               "%s: key split.tensors.count: value is %" PRId64 ", the parts hold %zu", path,
               s->n_tensors, n);
    QN_FAIL_IF(n > qn_gguf_max.n_tensors, err, QN_ELIMIT,
               "%s: tensor_count of all parts is %zu, the limit is %" PRIu64, path, n,
               qn_gguf_max.n_tensors);
    qn_tensor *all = qn_region_take(&g->memory, n, sizeof *all), *to = all;
    if (!all || !qn_index_init(&g->by_name, &g->memory, n, sizeof *all)) {
        qn_region_fail(&g->memory, "the directory of all parts", err);
        return qn_fail_in(err, path);
    }
    for (size_t i = 0; i <= g->n_more; i++) {
        const qn_gguf *part = i ? &g->more[i - 1] : g;
        for (size_t k = 0; k < part->n_tensors; k++)
            *to++ = part->tensors[k];
    }
    for (uint32_t i = 0; i < n; i++)
        QN_FAIL_IF(!qn_index_add(&g->by_name, all, i), err, QN_EFORMAT,
                   "%s: tensor %s: this name stands in two parts", path, all[i].name.bytes);
    g->tensors = all;
    g->n_tensors = n;
    return QN_OK;
}

/* *g is one part; opens the others, and makes it the first. */
static qn_status open_parts(qn_gguf *g, const char *path, const split *s, qn_error *err)
{
    if (s->no != 0) {
        qn_gguf_release(g);
        QN_TRY(open_by_number(g, path, s, 0, err));
    }
    g->more = qn_alloc_zeroed(s->count - 1, sizeof *g->more);
    QN_FAIL_IF(!g->more, err, QN_ENOMEM, "%s: no memory for its %u parts", path, s->count);
    for (uint32_t i = 1; i < s->count; i++) {
        QN_TRY(open_by_number(&g->more[i - 1], path, s, i, err));
        g->n_more = i;
    }
    return join_tensors(g, s, path, err);
}

qn_status qn_gguf_open(qn_gguf *g, const char *path, qn_error *err)
{
    split s;
    QN_TRY(open_part(g, path, err));
    qn_status status = read_split(g, &s, err);
    if (status != QN_OK)
        qn_fail_in(err, path);
    else if (s.count > 1)
        status = open_parts(g, path, &s, err);
    if (status != QN_OK)
        qn_gguf_release(g);
    return status;
}
