/* cli/cmd_bench.c - `quern bench MODEL`: tokens a second, and how near that is to the machine's
 * limits.
 *
 * ppN runs prompts of N tokens up to the first token of an answer; tgN generates N tokens, one a
 * step; @dD does so after D tokens, whose keys and values are noise; xsS in S sequences at a time.
 */
#include "base/clock.h"
#include "base/machine.h"
#include "cli/args.h"
#include "cli/bench_report.h"
#include "cli/cli.h"
#include "cli/open.h"
#include "cli/signals.h"

#include <string.h>

enum { KEY_LIMITS = 0x1000, MOST_SEQUENCES = 256 };

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
    {"depth", 'd', "N", 0, "Tokens that come before (0)", 0},
    {"sequences", 's', "N", 0, "Sequences at the same time (1)", 0},
    {"repeat", 'r', "N", 0, "Times to repeat each test (5)", 0},
    {"limits", KEY_LIMITS, NULL, 0, "Measure the limits of this machine too", 0},
    {0},
};

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
    case 'd': a->depth = (uint32_t)qn_arg_u64(state, "--depth", arg, 0, 1 << 24); return 0;
    case 's':
        a->n_sequences = (uint32_t)qn_arg_u64(state, "--sequences", arg, 1, MOST_SEQUENCES);
        return 0;
    case 'r':
        a->n_repeats = (uint32_t)qn_arg_u64(state, "--repeat", arg, 1, QN_BENCH_MOST_REPEATS);
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
    qn_meter *meter;            /* NULL without --limits */
    uint32_t *ids;              /* [depth + n_prompt + 1] */
    size_t n_started, n_tokens; /* sequences with a first token; tokens sampled */
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
    if (event->kind == QN_EVENT_END && event->finish == QN_FINISH_ERROR)
        b->error = *event->err;
}

/* Ids that repeat in no other sequence or try, so that no page is found in the cache. */
static void choose_ids(bench *b, size_t sequence, size_t round, size_t n)
{
    uint32_t n_vocab = b->m->program.n_vocab;
    for (size_t i = 0; i < n; i++) {
        uint64_t x = (round + 1) * 0x9E3779B97F4A7C15u + sequence;
        x = (x ^ (x >> 30) ^ i) * 0xBF58476D1CE4E5B9u;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
        b->ids[i] = (uint32_t)((x ^ (x >> 31)) % n_vocab);
    }
}

/* A request for each sequence: n_ids behind what comes before. */
static qn_status submit_all(bench *b, listener *listeners, uint64_t *requests, size_t round,
                            uint32_t n_ids, uint32_t n_predict, qn_error *err)
{
    size_t n_all = (size_t)b->a->depth + n_ids;
    b->n_started = b->n_tokens = 0;
    b->error = (qn_error){0};
    memset(b->saw_first, 0, sizeof b->saw_first);
    for (size_t s = 0; s < b->a->n_sequences; s++) {
        choose_ids(b, s, round, n_all);
        listeners[s] = (listener){b, s};
        const qn_request r = {.ids = b->ids,
                              .n_ids = n_all,
                              .n_predict = n_predict,
                              .n_noise = b->a->depth,
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

static qn_status run_prompts(bench *b, size_t round, double *rate, qn_error *err)
{
    listener listeners[MOST_SEQUENCES];
    uint64_t requests[MOST_SEQUENCES];
    QN_TRY(submit_all(b, listeners, requests, round, b->a->n_prompt, 1, err));
    uint64_t begin = qn_clock_ns();
    QN_TRY(drain(b, err));
    double seconds = 1e-9 * (double)(qn_clock_ns() - begin);
    *rate = (double)b->a->n_sequences * b->a->n_prompt / seconds;
    return QN_OK;
}

/* Times n steps that begin when every sequence has its first token. */
static qn_status generate(bench *b, size_t round, double *rate, qn_error *err)
{
    listener listeners[MOST_SEQUENCES];
    uint64_t requests[MOST_SEQUENCES];
    QN_TRY(submit_all(b, listeners, requests, round, 1, UINT32_MAX, err));
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
    for (size_t s = 0; s < b->a->n_sequences; s++)
        qn_engine_cancel(b->e, requests[s]);
    return drain(b, err);
}

static qn_work work_of(const bench *b, bool prompts)
{
    const bench_args *a = b->a;
    uint32_t n_chunk = qn_engine_settings(b->e)->n_chunk;
    if (!prompts)
        return (qn_work){.depth = a->depth + 1,
                         .n_tokens = a->n_generate,
                         .n_rows = a->n_sequences,
                         .n_sequence_rows = 1,
                         .n_with_logits = a->n_generate};
    return (qn_work){
        .depth = a->depth,
        .n_tokens = a->n_prompt,
        .n_rows = (uint32_t)QN_MIN((uint64_t)a->n_prompt * a->n_sequences, (uint64_t)n_chunk),
        .n_sequence_rows = QN_MIN(a->n_prompt, n_chunk),
        .n_with_logits = 1};
}

/* The share of the weights, where they are used, that lies in large pages. */
static double large_pages(const qn_model *m)
{
    uint64_t n_resident = 0, n_large = 0;
    if (m->huge.bytes) {
        qn_machine_add_pages(m->huge.bytes, &n_resident, &n_large);
    } else {
        qn_machine_add_pages(m->gguf.map.bytes, &n_resident, &n_large);
        for (size_t i = 0; i < m->gguf.n_more; i++)
            qn_machine_add_pages(m->gguf.more[i].map.bytes, &n_resident, &n_large);
    }
    return n_resident ? (double)n_large / (double)n_resident : -1;
}

static void read_pages(size_t n_bytes, const uint8_t *bytes)
{
    unsigned sum = 0;
    for (size_t i = 0; i < n_bytes; i += 4096)
        sum += bytes[i];
    __asm__ volatile("" : : "r"(sum)); /* so that the loads stay */
}

/* Reads each page of mapped weights once. Of experts an uncounted try reads a part; the tries that
 * count would then find pages that have no translation yet, or that a host had taken away
 * (docs/speed/023-what-a-step-of-experts-waits-for.md). */
static void read_weights(const qn_model *m)
{
    if (m->huge.bytes)
        return;
    read_pages(m->gguf.map.n_bytes, m->gguf.map.bytes);
    for (size_t i = 0; i < m->gguf.n_more; i++)
        read_pages(m->gguf.more[i].map.n_bytes, m->gguf.more[i].map.bytes);
}

/* One try that nobody counts, then those that count, each with the limit of its moment. */
static qn_status test(bench *b, bool prompts, qn_error *err)
{
    const qn_engine_options *o = qn_engine_settings(b->e);
    const qn_work work = work_of(b, prompts);
    qn_bench_result r = {.prompts = prompts,
                         .n_tokens = work.n_tokens,
                         .n_sequences = b->a->n_sequences,
                         .depth = b->a->depth,
                         .n_threads = o->n_threads,
                         .n_repeats = b->a->n_repeats,
                         .kernels = qn_engine_kernels(b->e),
                         .cost = qn_program_cost(&b->m->program, &work),
                         .has_limits = b->meter != NULL};
    for (uint32_t i = 0; i <= b->a->n_repeats; i++) {
        uint32_t at = i > 0 ? i - 1 : 0;
        QN_TRY(prompts ? run_prompts(b, i, &r.rates[at], err) : generate(b, i, &r.rates[at], err));
        if (b->meter && i > 0) {
            qn_machine_limits l = qn_meter_measure(b->meter);
            r.limits[at] = qn_bench_limit(&l, &r.cost, r.kernels);
        }
    }
    r.large_pages = large_pages(b->m);
    qn_bench_print(&r, b->a->json);
    return QN_OK;
}

/* The buffer that is read is as large as what a generated token reads. */
static qn_status open_meter(bench *b, qn_error *err)
{
    const qn_engine_options *o = qn_engine_settings(b->e);
    qn_work work = {.depth = b->a->depth + 1,
                    .n_tokens = 1,
                    .n_rows = 1,
                    .n_sequence_rows = 1,
                    .n_with_logits = 1};
    const qn_cost c = qn_program_cost(&b->m->program, &work);
    uint64_t n_bytes = (uint64_t)(c.weight_bytes + c.kv_bytes * b->a->n_sequences);
    QN_TRY(qn_meter_open(&b->meter, o->n_threads, n_bytes, o->level, err));
    qn_machine_limits l = qn_meter_measure(b->meter);
    qn_bench_print_limits(&l, o->n_threads, b->a->json);
    return QN_OK;
}

static qn_status run_tests(bench *b, qn_error *err)
{
    read_weights(b->m);
    if (b->a->limits)
        QN_TRY(open_meter(b, err));
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
    qn_meter_close(b.meter);
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
