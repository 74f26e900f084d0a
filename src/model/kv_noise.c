/* model/kv_noise.c - vectors are cut from one short run of noise, at a place that the seed, the
 * page, the layer and the head choose; the next position's begins STEP values further on. */
#include "model/kv_noise.h"

#include <assert.h>

enum { N_NOISE = 4096, STEP = 16, MOST_DIM = 1024 };

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

typedef struct source {
    float values[N_NOISE]; /* even in [-1, 1) */
    uint64_t state;
} source;

static void make_noise(source *s, uint64_t seed)
{
    s->state = seed;
    for (uint64_t i = 0; i < N_NOISE; i++)
        s->values[i] = (float)(mix(seed ^ (i * 0x9E3779B97F4A7C15u)) >> 40) * 0x1p-23f - 1;
}

/* Where 64 vectors of the next head begin. */
static const float *next_place(source *s)
{
    s->state = mix(s->state + 0x9E3779B97F4A7C15u);
    return s->values + s->state % (N_NOISE - MOST_DIM - (QN_PAGE_TOKENS - 1) * STEP);
}

static void fill_page(const qn_kv *kv, const qn_kernels *kernels, uint32_t g, uint32_t page,
                      source *s)
{
    const qn_kv_shape *shape = &kv->shape;
    for (uint32_t layer = 0; layer < shape->group[g].n_layers; layer++)
        for (uint32_t h = 0; h < shape->n_heads; h++) {
            kernels->kv_append_k(shape->k_type, qn_kv_k(kv, g, page, layer, h), 0, QN_PAGE_TOKENS,
                                 shape->k_dim, next_place(s), STEP);
            kernels->kv_append_v(shape->v_type, qn_kv_v(kv, g, page, layer, h), 0, QN_PAGE_TOKENS,
                                 shape->v_dim, next_place(s), STEP);
        }
}

qn_status qn_chain_add_noise(qn_chain *c, qn_kv *kv, const qn_kernels *kernels, uint32_t n_tokens,
                             uint64_t seed, qn_error *err)
{
    source s;
    assert(c->n_tokens == 0 && kv->shape.k_dim <= MOST_DIM && kv->shape.v_dim <= MOST_DIM);
    make_noise(&s, seed);
    while (c->n_tokens < n_tokens) { /* a page at a time, so that pages leave windows */
        uint32_t n = QN_MIN(n_tokens - c->n_tokens, (uint32_t)QN_PAGE_TOKENS);
        QN_TRY(qn_chain_reserve(c, kv, n, err));
        for (uint32_t g = 0; g < kv->shape.n_groups; g++)
            fill_page(kv, kernels, g, c->page[g][c->n_tokens / QN_PAGE_TOKENS], &s);
        c->n_tokens += n;
    }
    return QN_OK;
}
