/* bench/engine/kl.c - what 8-bit activations cost: KL divergence from float activations, with a
 * scale for each 32 values (what Quern does) and for each 256 (what it could do).
 *
 *     kl MODEL TEXT [TOKENS]
 *
 * Prints mean and largest KL per token, how often the best token is the same, and perplexity. */
#include "engine/layout.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONTEXT = 512 };

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
            a->s[g] = a->d[g] * (float)sum;
        }
    }
}

typedef struct pass { /* log-probabilities of a window's rows */
    size_t n_vocab;
    float *logprobs; /* [CONTEXT][n_vocab] */
} pass;

static void keep(void *context, const qn_event *event)
{
    pass *p = context;
    if (event->kind != QN_EVENT_LOGITS)
        return;
    qn_logit_stats stats;
    float *row = p->logprobs + event->position * p->n_vocab;
    qn_kernels_at(qn_cpu_best())->sum_logits(p->n_vocab, event->logits, &stats);
    for (size_t i = 0; i < p->n_vocab; i++)
        row[i] = qn_logprob(&stats, event->logits[i]);
}

static void die(const qn_error *err)
{
    fprintf(stderr, "kl: %s\n", err->text);
    exit(1);
}

typedef struct way { /* one way to run the model */
    const char *name;
    bool f32;
    qn_model model;
    qn_engine *engine;
    qn_kernels kernels;
    pass rows;
    double kl, worst, nll;
    size_t n_same;
} way;

static void open_way(way *w, const char *path, void (*quantize)(size_t, const float *, void *))
{
    qn_error err;
    qn_engine_options o = {.n_ctx = CONTEXT, .level = qn_cpu_best()};
    qn_model_options m = {.f32_activations = w->f32, .kv_type = w->f32 ? QN_KV_F32 : QN_KV_F16};
    if (qn_model_open(&w->model, path, &m, &err) != QN_OK ||
        qn_engine_open(&w->engine, &w->model, &o, &err) != QN_OK)
        die(&err);
    w->kernels = *w->engine->kernels;
    if (quantize)
        w->kernels.quantize = quantize;
    w->engine->forward.kernels = &w->kernels;
    w->rows.n_vocab = w->model.program.n_vocab;
    w->rows.logprobs = malloc(CONTEXT * w->rows.n_vocab * sizeof(float));
    if (!w->rows.logprobs)
        exit(1);
}

static void run_window(way *w, size_t n, const uint32_t *ids)
{
    qn_error err;
    uint64_t id;
    qn_request r = {.ids = ids,
                    .n_ids = n,
                    .wants_logits = true,
                    .sampling.top_p = 1,
                    .on_event = keep,
                    .context = &w->rows};
    if (qn_engine_submit(w->engine, &r, &id, &err) != QN_OK ||
        qn_engine_drain(w->engine, &err) != QN_OK)
        die(&err);
}

static void compare(way *w, const way *reference, size_t n, const uint32_t *ids)
{
    size_t n_vocab = w->rows.n_vocab;
    for (size_t t = 0; t + 1 < n; t++) {
        const float *p = reference->rows.logprobs + t * n_vocab,
                    *q = w->rows.logprobs + t * n_vocab;
        double kl = 0;
        for (size_t i = 0; i < n_vocab; i++)
            kl += exp((double)p[i]) * ((double)p[i] - (double)q[i]);
        w->kl += kl;
        w->worst = fmax(w->worst, kl);
        w->nll -= (double)q[ids[t + 1]];
        w->n_same += qn_argmax(n_vocab, p) == qn_argmax(n_vocab, q);
    }
}

static void read_ids(const way *w, const char *path, qn_ids *ids)
{
    qn_error err;
    qn_buf text = {0};
    qn_tokenizer_scratch *s;
    if (qn_buf_read_file(&text, path, 1 << 26, &err) != QN_OK ||
        qn_tokenizer_scratch_open(&s, w->model.tokenizer, &err) != QN_OK ||
        qn_tokenize(w->model.tokenizer, s, text.n_bytes, text.bytes, 0, ids, &err) != QN_OK)
        die(&err);
    qn_tokenizer_scratch_close(s);
    qn_buf_release(&text);
}

int main(int argc, char **argv)
{
    way ways[] = {{.name = "float activations", .f32 = true},
                  {.name = "8 bits, groups of 32"},
                  {.name = "8 bits, groups of 256"}};
    qn_ids ids = {0};
    if (argc < 3)
        return fprintf(stderr, "kl MODEL TEXT [TOKENS]\n"), 2;
    for (size_t i = 0; i < QN_COUNT(ways); i++)
        open_way(&ways[i], argv[1], i == 2 ? quantize_256 : NULL);
    read_ids(&ways[0], argv[2], &ids);
    size_t n_most = argc > 3 ? strtoul(argv[3], NULL, 10) : 4096, n_done = 0;
    for (size_t at = 0; at + CONTEXT <= ids.n && at < n_most; at += CONTEXT) {
        for (size_t i = 0; i < QN_COUNT(ways); i++) {
            run_window(&ways[i], CONTEXT, ids.ids + at);
            compare(&ways[i], &ways[0], CONTEXT, ids.ids + at);
        }
        n_done += CONTEXT - 1;
    }
    printf("%zu tokens in windows of %d\n", n_done, CONTEXT);
    for (size_t i = 0; i < QN_COUNT(ways); i++) {
        printf("%-22s  mean KL %.6f  largest %.4f  same best %.2f %%  perplexity %.4f\n",
               ways[i].name, ways[i].kl / (double)n_done, ways[i].worst,
               100.0 * (double)ways[i].n_same / (double)n_done, exp(ways[i].nll / (double)n_done));
        qn_engine_close(ways[i].engine);
        qn_model_close(&ways[i].model);
        free(ways[i].rows.logprobs);
    }
    qn_ids_release(&ids);
    return 0;
}
