/* engine/defaults.c - general.sampling.* by name. */
#include "engine/defaults.h"

#include <string.h>

static const char prefix[] = "general.sampling.";
static const char *const known[] = {"temp", "top_k", "top_p", "min_p"};

static bool is_known(const char *name)
{
    for (size_t i = 0; i < QN_COUNT(known); i++)
        if (strcmp(known[i], name) == 0)
            return true;
    return false;
}

static void name_ignored(const qn_gguf *g, qn_buf *ignored)
{
    for (size_t i = 0; i < g->n_values; i++) {
        const char *key = g->values[i].key.bytes;
        if (strncmp(key, prefix, strlen(prefix)) == 0 && !is_known(key + strlen(prefix)))
            qn_buf_format(ignored, "%s%s", ignored->n_bytes ? ", " : "", key);
    }
}

static qn_status read_f32(const qn_gguf *g, const char *key, float *value, qn_error *err)
{
    double x = (double)*value;
    QN_TRY(qn_gguf_maybe_f64(g, key, &x, err));
    *value = (float)x;
    return QN_OK;
}

qn_status qn_sampling_defaults(qn_sampling *p, const qn_gguf *g, qn_buf *ignored, qn_error *err)
{
    int64_t top_k = 0;
    *p = (qn_sampling){.temperature = 1, .top_p = 1};
    QN_TRY(read_f32(g, "general.sampling.temp", &p->temperature, err));
    QN_TRY(read_f32(g, "general.sampling.top_p", &p->top_p, err));
    QN_TRY(read_f32(g, "general.sampling.min_p", &p->min_p, err));
    QN_TRY(qn_gguf_maybe_i64(g, "general.sampling.top_k", &top_k, err));
    p->top_k = top_k > 0 ? (uint32_t)QN_MIN(top_k, (int64_t)UINT32_MAX) : 0;
    if (ignored)
        name_ignored(g, ignored);
    return qn_sampling_check(p, err);
}
