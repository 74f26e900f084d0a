/* cli/cmd_plan.c - `quern plan MODEL`: the memory that a run would take, before anything is loaded.
 */
#include "base/json.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/open.h"
#include "cli/out.h"
#include "cli/print.h"
#include "engine/plan.h"

typedef struct plan_args {
    qn_model_args model;
    qn_compute_args compute;
    uint32_t n_ctx, n_sequences;
    bool json;
} plan_args;

static const struct argp_option options[] = {
    {"json", 'j', NULL, 0, "Print JSON", 0},
    {"ctx", 'c', "TOKENS", 0, "Context of one sequence; the model's, at most 4096, unless given",
     0},
    {"sequences", 's', "N", 0, "Sequences at the same time (1)", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    plan_args *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->model;
        state->child_inputs[1] = &a->compute;
        return 0;
    case 'j': a->json = true; return 0;
    case 'c': a->n_ctx = (uint32_t)qn_arg_u64(state, "--ctx", arg, 1, 1 << 24); return 0;
    case 's': a->n_sequences = (uint32_t)qn_arg_u64(state, "--sequences", arg, 1, 4096); return 0;
    case ARGP_KEY_ARG:
        if (a->model.model)
            argp_error(state, "'%s' is one argument too many", arg);
        return ARGP_ERR_UNKNOWN;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&qn_model_argp, 0, NULL, 0}, {&qn_compute_argp, 0, NULL, 0}, {0}};
const struct argp qn_plan_argp = {
    .options = options,
    .parser = parse,
    .children = children,
    .args_doc = "MODEL",
    .doc = "Print the bytes that running a model would take, and what context would fit."};

typedef struct row {
    const char *name;
    uint64_t n_bytes;
    const char *what;
} row;

static void write_json(qn_buf *out, size_t n, const row rows[n], const qn_plan *p)
{
    for (size_t i = 0; i < n; i++)
        qn_buf_format(out, "%s\"%s\":%" PRIu64, i ? "," : "{", rows[i].name, rows[i].n_bytes);
    qn_buf_format(out, ",\"fits\":%s,\"largest_context\":%u", p->fits ? "true" : "false",
                  p->largest_context);
    qn_buf_format(out, ",\"context\":%u,\"sequences\":%u,\"chunk\":%u,\"threads\":%u",
                  p->options.n_ctx, p->options.n_sequences, p->options.n_chunk,
                  p->options.n_threads);
    qn_buf_format(out, ",\"kv_bytes_per_token\":%" PRIu64, p->kv_bytes_per_token);
    qn_buf_format(out, ",\"k_type\":\"%s\",\"v_type\":\"%s\"}\n", qn_kv_type_name(p->k_type),
                  qn_kv_type_name(p->v_type));
}

static void write_text(qn_buf *out, size_t n, const row rows[n], const qn_plan *p)
{
    qn_buf_format(out, "%u sequence%s of %u tokens, %u rows at a time, %u thread%s\n",
                  p->options.n_sequences, p->options.n_sequences == 1 ? "" : "s", p->options.n_ctx,
                  p->options.n_chunk, p->options.n_threads, p->options.n_threads == 1 ? "" : "s");
    for (size_t i = 0; i < n; i++) {
        qn_buf number = {0};
        qn_print_bytes(&number, rows[i].n_bytes);
        qn_buf_format(out, "  %-12s %10s%s%s\n", rows[i].name, number.bytes ? number.bytes : "?",
                      *rows[i].what ? "  " : "", rows[i].what);
        qn_buf_release(&number);
    }
    if (p->fits)
        qn_buf_format(out, "fits; up to %u tokens would\n", p->largest_context);
    else if (p->largest_context)
        qn_buf_format(out, "does not fit; %u tokens would\n", p->largest_context);
    else
        qn_buf_text(out, "does not fit with any context\n");
}

static void write_plan(qn_buf *out, const qn_plan *p, bool json)
{
    char kv[64];
    snprintf(kv, sizeof kv, "keys in %s, values in %s", qn_kv_type_name(p->k_type),
             qn_kv_type_name(p->v_type));
    static const char *const where[] = {[QN_WEIGHTS_MAPPED] = "mapped from the file",
                                        [QN_WEIGHTS_HUGE] = "copied to large pages",
                                        [QN_WEIGHTS_PACKED] = "packed in large pages"};
    const row rows[] = {
        {"weights", p->weights, where[p->where]},
        {"kv", p->kv, kv},
        {"activations", p->activations, "working memory of a step"},
        {"adapters", p->adapters, ""},
        {"tokenizer", p->tokenizer, "vocabulary and template"},
        {"process", p->process, "code, stacks, tables"},
        {"total", p->total, ""},
        {"anonymous", p->anonymous,
         p->where == QN_WEIGHTS_MAPPED ? "all but the weights" : "all of it"},
        {"available", p->available, "to this process"},
    };
    if (json)
        write_json(out, QN_COUNT(rows), rows, p);
    else
        write_text(out, QN_COUNT(rows), rows, p);
}

qn_status qn_cmd_plan(int argc, char **argv, qn_error *err)
{
    plan_args a = {.compute = QN_COMPUTE_ARGS};
    qn_model m;
    qn_plan p;
    QN_TRY(qn_args_parse(&qn_plan_argp, argc, argv, &a, err));
    QN_TRY(qn_look_at_model(&m, a.model.model, &a.compute, err));
    qn_engine_options o = qn_engine_options_of(&a.compute);
    o.n_ctx = a.n_ctx;
    o.n_sequences = a.n_sequences;
    qn_status st = qn_plan_engine(&p, &m, &o, err);
    qn_buf out = {0};
    if (st == QN_OK)
        write_plan(&out, &p, a.json);
    qn_out_buf(&out);
    qn_buf_release(&out);
    qn_model_close(&m);
    return st;
}
