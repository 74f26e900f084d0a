/* bench/engine/kl.c - what approximations cost: KL divergence from float activations and F32 keys
 * and values, over windows of real text.
 *
 *     kl [--kv[=NAME/NAME..]] MODEL TEXT [TOKENS [WINDOW]]
 *
 * Plain: 8-bit activations with a scale for each 32 values (what Quern does) and for each 256 (what
 * it could do), windows of 512. With --kv: the ways to store keys and values, all with float
 * activations, so that nothing else differs; windows of 8192. All ways run a batch at a time side
 * by side, so that logits of one batch are all that is kept. Prints mean and largest KL per token,
 * how often the best token is the same, and perplexity. */
#include "engine/layout.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 256 };

/* qn_quantize, but one scale for each 256 values. */
static void quantize_256(size_t n_in, const float *x, void *act)
{
    for (size_t b = 0; b < n_in; b += 256) {
        qn_act *a = (qn_act *)act + b / 256;
        size_t n = QN_MIN(n_in - b, (size_t)256);
        float most = 0;
        memset(a, 0, sizeof *a);
        for (size_t i = 0; i < n; i++)
            most = fmaxf(most, fabsf(x[b + i]));
        if (most < QN_ACT_LEAST)
            continue;
        for (size_t i = 0; i < n; i++)
            a->q[i] = (int8_t)lrintf(x[b + i] * (127 / most));
        for (size_t g = 0; g < 8; g++) {
            int sum = 0;
            for (size_t i = 0; i < 32; i++) {
                sum += a->q[32 * g + i];
                a->sum16[2 * g + i / 16] = (int16_t)(a->sum16[2 * g + i / 16] + a->q[32 * g + i]);
            }
            a->d[g] = most / 127;
            a->sum[g] = (float)sum;
        }
    }
}

static void die(const qn_error *err)
{
    fprintf(stderr, "kl: %s\n", err->text);
    exit(1);
}

static void leave(size_t n, size_t n_block, float *x)
{
    (void)n, (void)n_block, (void)x;
}

typedef struct way { /* one way to run the model */
    const char *name;
    qn_model_options options;
    bool wide_groups, unrotated, class_t; /* of attention alone */
    struct way *reference;                /* itself: keeps its rows */
    qn_model model;
    qn_engine *engine;
    qn_kernels kernels;
    float *p, *logprobs; /* of the reference: [CHUNK][n_vocab] of the last batch */
    const uint32_t *ids; /* of the window */
    size_t n_ids, n_done;
    double kl, worst, nll;
    size_t n_same;
} way;

static void keep(way *w, float *to, float *p, const qn_event *event)
{
    size_t n_vocab = w->model.program.n_vocab;
    qn_logit_stats stats;
    w->kernels.sum_logits(n_vocab, event->logits, &stats);
    for (size_t i = 0; i < n_vocab; i++) {
        to[i] = qn_logprob(&stats, event->logits[i]);
        p[i] = expf(to[i]);
    }
}

/* Against the reference's row of the same position. */
static void compare(way *w, const float *p, const float *logprobs, const qn_event *event)
{
    size_t n_vocab = w->model.program.n_vocab;
    qn_logit_stats stats;
    double kl = 0;
    w->kernels.sum_logits(n_vocab, event->logits, &stats);
    for (size_t i = 0; i < n_vocab; i++)
        kl += (double)p[i] * (double)(logprobs[i] - qn_logprob(&stats, event->logits[i]));
    w->kl += kl;
    w->worst = fmax(w->worst, kl);
    w->nll -= (double)qn_logprob(&stats, event->logits[w->ids[event->position + 1]]);
    w->n_same += qn_argmax(n_vocab, logprobs) == stats.argmax;
    w->n_done++;
}

static void on_event(void *context, const qn_event *event)
{
    way *w = context;
    size_t at = event->position % CHUNK * w->model.program.n_vocab;
    if (event->kind == QN_EVENT_END && event->err)
        die(event->err);
    if (event->kind != QN_EVENT_LOGITS)
        return;
    if (w->reference == w)
        keep(w, w->logprobs + at, w->p + at, event);
    if (event->position + 1 < w->n_ids)
        compare(w, w->reference->p + at, w->reference->logprobs + at, event);
}

static void open_way(way *w, way *reference, const char *path, uint32_t n_window)
{
    qn_error err;
    qn_engine_options o = {.n_ctx = n_window, .n_chunk = CHUNK, .level = qn_cpu_best()};
    if (qn_model_open(&w->model, path, &w->options, &err) != QN_OK ||
        qn_engine_open(&w->engine, &w->model, &o, &err) != QN_OK)
        die(&err);
    w->reference = reference;
    w->kernels = *w->engine->kernels;
    if (w->wide_groups)
        w->kernels.quantize = quantize_256;
    if (w->unrotated)
        w->kernels.hadamard = leave;
    if (w->class_t) {
        w->kernels.attend = qn_kernels_fastest(o.level)->attend;
        w->kernels.attend_span = qn_kernels_fastest(o.level)->attend_span;
    }
    w->engine->forward.kernels = &w->kernels;
    size_t n = (size_t)CHUNK * w->model.program.n_vocab * sizeof(float);
    if (w == reference && (!(w->p = malloc(n)) || !(w->logprobs = malloc(n))))
        exit(1);
}

static void close_way(way *w)
{
    qn_engine_close(w->engine);
    qn_model_close(&w->model);
    free(w->p);
    free(w->logprobs);
}

static void begin_window(way *w, size_t n, const uint32_t *ids)
{
    qn_error err;
    uint64_t id;
    qn_request r = {.ids = ids,
                    .n_ids = n,
                    .wants_logits = true,
                    .sampling.top_p = 1,
                    .on_event = on_event,
                    .context = w};
    w->ids = ids;
    w->n_ids = n;
    if (qn_engine_submit(w->engine, &r, &id, &err) != QN_OK)
        die(&err);
}

/* The reference first, then the others over the same batch. */
static void run_window(size_t n_ways, way *ways, size_t n, const uint32_t *ids)
{
    qn_error err;
    for (size_t i = 0; i < n_ways; i++)
        begin_window(&ways[i], n, ids);
    while (qn_engine_n_active(ways[0].engine) > 0)
        for (size_t i = 0; i < n_ways; i++)
            if (qn_engine_step(ways[i].engine, &err) != QN_OK)
                die(&err);
}

static void read_ids(const way *w, const char *path, qn_ids *ids)
{
    qn_error err;
    qn_buf text = {0};
    qn_tokenizer_scratch *s = NULL;
    if (qn_buf_read_file(&text, path, 1 << 26, &err) != QN_OK ||
        qn_tokenizer_scratch_open(&s, w->model.tokenizer, &err) != QN_OK ||
        qn_tokenize(w->model.tokenizer, s, text.n_bytes, text.bytes, 0, ids, &err) != QN_OK)
        die(&err);
    qn_tokenizer_scratch_close(s);
    qn_buf_release(&text);
}

static void print_way(const way *w)
{
    double n = (double)w->n_done;
    printf("%-26s  mean KL %.6f  largest %.4f  same best %.2f %%  perplexity %.4f\n", w->name,
           w->kl / n, w->worst, 100.0 * (double)w->n_same / n, exp(w->nll / n));
}

static void run_text(size_t n_ways, way *ways, const char *text, size_t n_most, size_t n_window)
{
    qn_ids ids = {0};
    read_ids(&ways[0], text, &ids);
    for (size_t at = 0; at < n_most && at < ids.n; at += n_window) {
        size_t n = QN_MIN(n_window, QN_MIN(n_most, ids.n) - at);
        if (n > 1)
            run_window(n_ways, ways, n, ids.ids + at);
    }
    printf("%zu tokens in windows of %zu\n", ways[0].n_done, n_window);
    qn_ids_release(&ids);
}

static way activations[] = {
    {.name = "float activations",
     .options = {.f32_activations = true, .k_type = QN_KV_F32, .v_type = QN_KV_F32}},
    {.name = "8 bits, groups of 32", .options = {.k_type = QN_KV_F16, .v_type = QN_KV_F16}},
    {.name = "8 bits, groups of 256",
     .options = {.k_type = QN_KV_F16, .v_type = QN_KV_F16},
     .wide_groups = true},
};

#define STORED(name, k, v)                                                                         \
    {                                                                                              \
        name, .options = {.f32_activations = true, .k_type = (k), .v_type = (v) }                  \
    }
#define UNROTATED(name, k, v)                                                                      \
    {                                                                                              \
        name, .options = {.f32_activations = true, .k_type = (k), .v_type = (v)},                  \
              .unrotated = true                                                                    \
    }
static way storage[] = {
    STORED("f32", QN_KV_F32, QN_KV_F32),
    STORED("f16", QN_KV_F16, QN_KV_F16),
    {"f16, class T", .options = {.f32_activations = true, .k_type = QN_KV_F16, .v_type = QN_KV_F16},
     .class_t = true},
    STORED("q8_0", QN_KV_Q8_0, QN_KV_Q8_0),
    STORED("q8_0 keys", QN_KV_Q8_0, QN_KV_F32),
    STORED("q8_0 values", QN_KV_F32, QN_KV_Q8_0),
    UNROTATED("q8_0 unrotated", QN_KV_Q8_0, QN_KV_Q8_0),
    UNROTATED("q8_0 keys unrotated", QN_KV_Q8_0, QN_KV_F32),
    STORED("q4_0 keys", QN_KV_Q4_0, QN_KV_F32),
    UNROTATED("q4_0 keys unrotated", QN_KV_Q4_0, QN_KV_F32),
    STORED("q4_0 values", QN_KV_F32, QN_KV_Q4_0),
    UNROTATED("q4_0 values unrotated", QN_KV_F32, QN_KV_Q4_0),
    STORED("q8_0 keys, q4_0 values", QN_KV_Q8_0, QN_KV_Q4_0),
    STORED("q4_0", QN_KV_Q4_0, QN_KV_Q4_0),
    UNROTATED("q4_0 unrotated", QN_KV_Q4_0, QN_KV_Q4_0),
};

/* The reference, and the ways that a list between slashes names. */
static size_t keep_named(size_t n, way *ways, const char *list)
{
    size_t n_kept = 1;
    for (size_t i = 1; i < n; i++) {
        const char *at = list;
        size_t length = strlen(ways[i].name);
        while (at && (strncmp(at, ways[i].name, length) != 0 || (at[length] && at[length] != '/')))
            at = (at = strchr(at, '/')) ? at + 1 : NULL;
        if (at)
            ways[n_kept++] = ways[i];
    }
    return n_kept;
}

int main(int argc, char **argv)
{
    bool kv = argc > 1 && strncmp(argv[1], "--kv", 4) == 0;
    way *ways = kv ? storage : activations;
    size_t n_ways = kv ? QN_COUNT(storage) : QN_COUNT(activations);
    if (kv && argv[1][4] == '=')
        n_ways = keep_named(n_ways, ways, argv[1] + 5);
    argv += kv;
    argc -= kv;
    if (argc < 3)
        return fprintf(stderr, "kl [--kv] MODEL TEXT [TOKENS [WINDOW]]\n"), 2;
    size_t n_most = argc > 3 ? strtoul(argv[3], NULL, 10) : kv ? 8192 : 4096;
    size_t n_window = argc > 4 ? strtoul(argv[4], NULL, 10) : kv ? 8192 : 512;
    for (size_t i = 0; i < n_ways; i++)
        open_way(&ways[i], &ways[0], argv[1], (uint32_t)n_window);
    run_text(n_ways, ways, argv[2], n_most, n_window);
    for (size_t i = 0; i < n_ways; i++) {
        print_way(&ways[i]);
        close_way(&ways[i]);
    }
    return 0;
}
