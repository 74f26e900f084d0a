/* cli/cmd_bench.c - `quern bench MODEL`: tokens a second, and how near that is to the machine's
 * limits.
 *
 * ppN runs prompts of N tokens; tgN generates N tokens, one a step; @dD does so after D tokens; xsS
 * in S sequences at a time. */
#include "base/clock.h"
#include "base/json.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/machine_limits.h"
#include "cli/open.h"
#include "cli/out.h"
#include "cli/signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_LIMITS = 0x1000, MOST_REPEATS = 100, MOST_SEQUENCES = 256 };

typedef struct bench_args {
    qn_model_args model;
    qn_compute_args compute;
    uint32_t n_prompt, n_generate, depth, n_sequences, n_repeats;
    bool json, limits;
} bench_args;

static const struct argp_option options[] = {
    {"json", 'j', NULL, 0, "Print one object for each test", 0},
    {"prompt", 'p', "N", 0, "Tokens of a prompt (512); 0: do not run prompts", 0},
    {"generate", 'n', "N", 0, "Tokens to generate (128); 0: do not generate", 0},
    {"depth", 'd', "N", 0, "Tokens that come before, a multiple of 64 (0)", 0},
    {"sequences", 's', "N", 0, "Sequences at the same time (1)", 0},
    {"repeat", 'r', "N", 0, "Times to repeat each test (5)", 0},
    {"limits", KEY_LIMITS, NULL, 0, "Measure the limits of this machine too", 0},
    {0},
};

static uint32_t parse_depth(const char *arg, const struct argp_state *state)
{
    uint32_t n = (uint32_t)qn_arg_u64(state, "--depth", arg, 0, 1 << 24);
    if (n % 64)
        qn_arg_refuse(state, "--depth", arg, "%u is not a multiple of 64", n);
    return n;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    bench_args *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->model;
        state->child_inputs[1] = &a->compute;
        return 0;
    case 'j': a->json = true; return 0;
    case 'p': a->n_prompt = (uint32_t)qn_arg_u64(state, "--prompt", arg, 0, 1 << 24); return 0;
    case 'n': a->n_generate = (uint32_t)qn_arg_u64(state, "--generate", arg, 0, 1 << 24); return 0;
    case 'd': a->depth = parse_depth(arg, state); return 0;
    case 's':
        a->n_sequences = (uint32_t)qn_arg_u64(state, "--sequences", arg, 1, MOST_SEQUENCES);
        return 0;
    case 'r':
        a->n_repeats = (uint32_t)qn_arg_u64(state, "--repeat", arg, 1, MOST_REPEATS);
        return 0;
    case KEY_LIMITS: a->limits = true; return 0;
    case ARGP_KEY_ARG:
        if (a->model.model)
            argp_error(state, "'%s' is one argument too many", arg);
        return ARGP_ERR_UNKNOWN;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&qn_model_argp, 0, NULL, 0}, {&qn_compute_argp, 0, NULL, 0}, {0}};
const struct argp qn_bench_argp = {.options = options,
                                   .parser = parse,
                                   .children = children,
                                   .args_doc = "MODEL",
                                   .doc = "Measure how many tokens a second a model runs and "
                                          "generates."};

typedef struct bench {
    const bench_args *a;
    const qn_model *m;
    qn_engine *e;
    qn_machine_limits limits;
    uint32_t *ids;              /* [depth + n_prompt + 1] */
    size_t n_started, n_tokens; /* sequences with a first token; tokens sampled */
    uint32_t n_cached;          /* of the last request that ended */
    bool saw_first[MOST_SEQUENCES];
    qn_error error; /* of a request that ended with one */
} bench;

typedef struct listener {
    bench *b;
    size_t sequence;
} listener;

static void on_event(void *context, const qn_event *event)
{
    listener *l = context;
    bench *b = l->b;
    if (event->kind == QN_EVENT_TOKEN) {
        b->n_tokens++;
        b->n_started += !b->saw_first[l->sequence];
        b->saw_first[l->sequence] = true;
    }
    if (event->kind == QN_EVENT_END) {
        b->n_cached = event->usage->n_cached;
        if (event->finish == QN_FINISH_ERROR)
            b->error = *event->err;
    }
}

/* Ids that repeat nowhere else: `depth` of them belong to the sequence, the rest to this try. */
static void choose_ids(bench *b, size_t sequence, size_t round, size_t n)
{
    uint32_t n_vocab = qn_tokenizer_about(b->m->tokenizer)->n_tokens;
    for (size_t i = 0; i < n; i++) {
        uint64_t x = (i < b->a->depth ? 0 : round + 1) * 0x9E3779B97F4A7C15u + sequence;
        x = (x ^ (x >> 30) ^ i) * 0xBF58476D1CE4E5B9u;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
        b->ids[i] = (uint32_t)((x ^ (x >> 31)) % n_vocab);
    }
}

static qn_status submit_all(bench *b, listener *listeners, uint64_t *requests, size_t round,
                            size_t n_ids, uint32_t n_predict, qn_error *err)
{
    b->n_started = b->n_tokens = 0;
    b->error = (qn_error){0};
    memset(b->saw_first, 0, sizeof b->saw_first);
    for (size_t s = 0; s < b->a->n_sequences; s++) {
        choose_ids(b, s, round, n_ids);
        listeners[s] = (listener){b, s};
        const qn_request r = {.ids = b->ids,
                              .n_ids = n_ids,
                              .n_predict = n_predict,
                              .sampling = {.top_p = 1},
                              .sequence = s,
                              .ignore_end = true,
                              .on_event = on_event,
                              .context = &listeners[s]};
        QN_TRY(qn_engine_submit(b->e, &r, &requests[s], err));
    }
    return QN_OK;
}

static qn_status step(bench *b, qn_error *err)
{
    QN_TRY(qn_signals_check(err));
    QN_TRY(qn_engine_step(b->e, err));
    QN_FAIL_IF(b->error.status, err, b->error.status, "%s", b->error.text);
    return QN_OK;
}

static qn_status drain(bench *b, qn_error *err)
{
    while (qn_engine_n_active(b->e) > 0)
        QN_TRY(step(b, err));
    return QN_OK;
}

static qn_status cancel_all(bench *b, const uint64_t *requests, qn_error *err)
{
    for (size_t s = 0; s < b->a->n_sequences; s++)
        qn_engine_cancel(b->e, requests[s]);
    return drain(b, err);
}

/* Runs what comes before, so that the cache holds it. */
static qn_status prepare_depth(bench *b, qn_error *err)
{
    listener listeners[MOST_SEQUENCES];
    uint64_t requests[MOST_SEQUENCES];
    if (b->a->depth == 0)
        return QN_OK;
    QN_TRY(submit_all(b, listeners, requests, 0, b->a->depth, 0, err));
    return drain(b, err);
}

static qn_status run_prompts(bench *b, size_t round, double *rate, qn_error *err)
{
    listener listeners[MOST_SEQUENCES];
    uint64_t requests[MOST_SEQUENCES];
    QN_TRY(prepare_depth(b, err));
    QN_TRY(submit_all(b, listeners, requests, round, (size_t)b->a->depth + b->a->n_prompt, 0, err));
    uint64_t begin = qn_clock_ns();
    QN_TRY(drain(b, err));
    double seconds = 1e-9 * (double)(qn_clock_ns() - begin);
    QN_FAIL_IF(b->n_cached != b->a->depth, err, QN_EFIT,
               "the cache kept only %u of %u tokens that come before; lower --depth", b->n_cached,
               b->a->depth);
    *rate = (double)b->a->n_sequences * b->a->n_prompt / seconds;
    return QN_OK;
}

/* Times n steps that begin when every sequence has its first token. */
static qn_status generate(bench *b, size_t round, double *rate, qn_error *err)
{
    listener listeners[MOST_SEQUENCES];
    uint64_t requests[MOST_SEQUENCES];
    size_t n_ids = QN_MAX(b->a->depth, (uint32_t)1);
    QN_TRY(prepare_depth(b, err));
    QN_TRY(submit_all(b, listeners, requests, round, n_ids, UINT32_MAX, err));
    while (b->n_started < b->a->n_sequences)
        QN_TRY(step(b, err));
    size_t before = b->n_tokens;
    uint64_t begin = qn_clock_ns();
    for (uint32_t i = 0; i < b->a->n_generate; i++)
        QN_TRY(step(b, err));
    double seconds = 1e-9 * (double)(qn_clock_ns() - begin);
    QN_FAIL_IF(b->n_tokens - before != (size_t)b->a->n_generate * b->a->n_sequences, err, QN_EFIT,
               "--chunk is too small for %u sequences at a time; raise it", b->a->n_sequences);
    *rate = (double)(b->n_tokens - before) / seconds;
    return cancel_all(b, requests, err);
}

/* What a test costs. */

typedef struct cost { /* of one token */
    double weight_bytes, kv_bytes, ops;
} cost;

/* Positions that layers of a group see on average from position `first` on, over n positions. */
static double mean_visible(uint32_t window, uint32_t first, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t seen = first + i + 1;
        sum += window ? QN_MIN(seen, window) : seen;
    }
    return sum / QN_MAX(n, 1u);
}

static cost cost_of(const bench *b, bool prompts)
{
    const qn_program *p = &b->m->program;
    const bench_args *a = b->a;
    uint32_t n = prompts ? a->n_prompt : a->n_generate, n_layers = 0;
    double visible = 0, rows = prompts ? QN_MIN(n, qn_engine_settings(b->e)->n_chunk) : 1;
    for (uint32_t g = 0; g < p->kv.n_groups; g++) {
        visible += p->kv.group[g].n_layers * mean_visible(p->kv.group[g].window, a->depth, n);
        n_layers += p->kv.group[g].n_layers;
    }
    double layer_bytes = (double)qn_kv_token_bytes(&p->kv) / QN_MAX(n_layers, 1u);
    double products = (double)p->n_row_products, head = (double)p->n_vocab * p->n_embd;
    if (prompts) /* only the last token of a prompt goes through the head */
        products -= head * (1 - 1 / (double)n);
    return (cost){
        .weight_bytes = (double)p->n_weight_bytes / (prompts ? rows : (double)a->n_sequences),
        .kv_bytes = visible * layer_bytes / rows,
        .ops = 2 * products + 2 * p->n_heads * (double)(p->kv.k_dim + p->kv.v_dim) * visible};
}

/* Tokens a second if nothing but reading, or nothing but multiplying, took time. */
static double limit_of(const bench *b, const cost *c)
{
    double peak = 2 * (b->a->compute.f32_activations ? b->limits.f32 : b->limits.int8);
    double by_reading =
        QN_MAX(b->limits.read_4k, b->limits.read_2m) / (c->weight_bytes + c->kv_bytes);
    return QN_MIN(by_reading, peak / c->ops);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void write_json(const bench *b, qn_buf *out, const char *name, const cost *c, double min,
                       double median, double max)
{
    const qn_engine_options *o = qn_engine_settings(b->e);
    qn_buf_format(out, "{\"test\":\"%s\",\"threads\":%u,\"sequences\":%u,\"depth\":%u", name,
                  o->n_threads, b->a->n_sequences, b->a->depth);
    qn_buf_text(out, ",\"tokens_per_second\":{\"min\":");
    qn_json_write_f64(out, min);
    qn_buf_text(out, ",\"median\":");
    qn_json_write_f64(out, median);
    qn_buf_text(out, ",\"max\":");
    qn_json_write_f64(out, max);
    qn_buf_format(out,
                  "},\"weight_bytes_per_token\":%.0f,\"kv_bytes_per_token\":%.0f,"
                  "\"ops_per_token\":%.0f,\"level\":\"%s\"",
                  c->weight_bytes, c->kv_bytes, c->ops,
                  qn_cpu_level_name(qn_engine_kernels(b->e)->level));
    if (b->a->limits) {
        qn_buf_text(out, ",\"limit\":");
        qn_json_write_f64(out, limit_of(b, c));
        qn_buf_text(out, ",\"fraction_of_limit\":");
        qn_json_write_f64(out, median / limit_of(b, c));
    }
    qn_buf_text(out, "}\n");
}

static void report(const bench *b, bool prompts, const double *rates)
{
    char name[96], depth[24] = "", sequences[24] = "";
    uint32_t n = b->a->n_repeats;
    const cost c = cost_of(b, prompts);
    qn_buf out = {0};
    if (b->a->depth)
        snprintf(depth, sizeof depth, "@d%u", b->a->depth);
    if (b->a->n_sequences > 1)
        snprintf(sequences, sizeof sequences, "xs%u", b->a->n_sequences);
    snprintf(name, sizeof name, "%s%u%s%s", prompts ? "pp" : "tg",
             prompts ? b->a->n_prompt : b->a->n_generate, depth, sequences);
    if (b->a->json) {
        write_json(b, &out, name, &c, rates[0], rates[n / 2], rates[n - 1]);
    } else {
        qn_buf_format(&out, "%-16s %10.2f tokens/s  (%.2f to %.2f)", name, rates[n / 2], rates[0],
                      rates[n - 1]);
        if (b->a->limits)
            qn_buf_format(&out, "  %.0f %% of the limit of %.2f",
                          100 * rates[n / 2] / limit_of(b, &c), limit_of(b, &c));
        qn_buf_byte(&out, '\n');
    }
    qn_out_buf(&out);
    qn_out_flush();
    qn_buf_release(&out);
}

/* One try that nobody counts, then those that count. */
static qn_status test(bench *b, bool prompts, qn_error *err)
{
    double rates[MOST_REPEATS], unused;
    QN_TRY(prompts ? run_prompts(b, 0, &unused, err) : generate(b, 0, &unused, err));
    for (uint32_t i = 0; i < b->a->n_repeats; i++)
        QN_TRY(prompts ? run_prompts(b, i + 1, &rates[i], err)
                       : generate(b, i + 1, &rates[i], err));
    qsort(rates, b->a->n_repeats, sizeof *rates, ascending);
    report(b, prompts, rates);
    return QN_OK;
}

static void report_limits(const bench *b)
{
    const qn_machine_limits *l = &b->limits;
    qn_buf out = {0};
    if (b->a->json) {
        qn_buf_format(
            &out,
            "{\"test\":\"limits\",\"threads\":%u,\"read_bytes_per_second\":{\"4KiB\":%.0f,"
            "\"2MiB\":%.0f},\"int8_ops_per_second\":%.0f,\"f32_ops_per_second\":%.0f",
            qn_engine_settings(b->e)->n_threads, l->read_4k, l->read_2m, 2 * l->int8, 2 * l->f32);
        if (l->bf16 > 0)
            qn_buf_format(&out, ",\"bf16_ops_per_second\":%.0f}\n", 2 * l->bf16);
        else
            qn_buf_text(&out, ",\"bf16_ops_per_second\":null}\n");
    } else {
        qn_buf_format(&out,
                      "%-16s %.2f GB/s read on 4 KiB pages, %.2f on 2 MiB; TOPS: %.3f int8, "
                      "%.3f f32",
                      "limits", 1e-9 * l->read_4k, 1e-9 * l->read_2m, 2e-12 * l->int8,
                      2e-12 * l->f32);
        if (l->bf16 > 0)
            qn_buf_format(&out, ", %.3f bf16", 2e-12 * l->bf16);
        qn_buf_byte(&out, '\n');
    }
    qn_out_buf(&out);
    qn_out_flush();
    qn_buf_release(&out);
}

static qn_status run_tests(bench *b, qn_error *err)
{
    const qn_engine_options *o = qn_engine_settings(b->e);
    if (b->a->limits) {
        QN_TRY(qn_machine_measure(&b->limits, o->n_threads, b->m->program.n_weight_bytes, o->level,
                                  err));
        report_limits(b);
    }
    if (b->a->n_prompt)
        QN_TRY(test(b, true, err));
    return b->a->n_generate ? test(b, false, err) : QN_OK;
}

/* Room for what comes before, and for the longer of prompt and generation. A sequence that waits
 * for the others' prompts has tokens to spare. */
static qn_status open_engine(bench *b, qn_error *err)
{
    qn_engine_options o = qn_engine_options_of(&b->a->compute);
    uint32_t n_most = qn_config_n(&b->m->config, QN_CONTEXT);
    uint64_t n_steps = (uint64_t)b->a->n_generate + b->a->n_sequences + 16;
    uint64_t n = (uint64_t)b->a->depth + QN_MAX((uint64_t)b->a->n_prompt, n_steps + 1);
    QN_FAIL_IF(n > n_most, err, QN_EFIT,
               "the tests need %" PRIu64 " tokens, the model's context is %u; lower --depth, "
               "--prompt or --generate",
               n, n_most);
    o.n_ctx = (uint32_t)n;
    o.n_sequences = b->a->n_sequences;
    return qn_engine_open(&b->e, b->m, &o, err);
}

static qn_status run(const bench_args *a, const qn_model *m, qn_error *err)
{
    bench b = {.a = a, .m = m};
    qn_region memory = qn_region_of((size_t)1 << 30);
    b.ids = qn_region_take(&memory, (size_t)a->depth + a->n_prompt + 1, sizeof *b.ids);
    qn_status st = b.ids ? open_engine(&b, err) : qn_region_fail(&memory, "the prompt", err);
    if (st == QN_OK)
        st = run_tests(&b, err);
    qn_engine_close(b.e);
    qn_region_release(&memory);
    return st;
}

qn_status qn_cmd_bench(int argc, char **argv, qn_error *err)
{
    bench_args a = {.compute = QN_COMPUTE_ARGS,
                    .n_prompt = 512,
                    .n_generate = 128,
                    .n_sequences = 1,
                    .n_repeats = 5};
    qn_model m;
    QN_TRY(qn_args_parse(&qn_bench_argp, argc, argv, &a, err));
    QN_TRY(qn_open_model(&m, a.model.model, &a.compute, err));
    qn_signals_watch();
    qn_status st = run(&a, &m, err);
    qn_model_close(&m);
    return st;
}
