/* cli/cmd_run.c - `quern run MODEL "prompt"`: one answer, or a conversation on a terminal. */
#include "base/clock.h"
#include "base/json.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/input.h"
#include "cli/out.h"
#include "cli/print.h"
#include "cli/run.h"
#include "cli/signals.h"
#include "engine/defaults.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    KEY_SYSTEM = 0x1000,
    KEY_RAW,
    KEY_TEMP,
    KEY_TOP_K,
    KEY_TOP_P,
    KEY_MIN_P,
    KEY_STOP,
    KEY_STATS,
    KEY_IGNORE_END
};

static const struct argp_option options[] = {
    {"json", 'j', NULL, 0, "Print one object when the answer is whole", 1},
    {"file", 'f', "FILE", 0, "Read the prompt from FILE", 1},
    {"system", KEY_SYSTEM, "TEXT", 0, "The system message", 1},
    {"raw", KEY_RAW, NULL, 0, "Continue the prompt as it is, without the chat template", 1},
    {"stats", KEY_STATS, NULL, 0, "Tell tokens, times and speeds on standard error", 1},
    {"predict", 'n', "TOKENS", 0, "Most tokens of an answer; all that fit unless given", 2},
    {"ctx", 'c', "TOKENS", 0, "Context; 4096, or more where the prompt needs it, unless given", 2},
    {"stop", KEY_STOP, "TEXT", 0, "End the answer before TEXT; may be given 16 times", 2},
    {"ignore-end", KEY_IGNORE_END, NULL, 0, "Go on where the model ends its answer", 2},
    {"temp", KEY_TEMP, "T", 0, "Temperature; 0 takes the most probable token each time", 3},
    {"top-k", KEY_TOP_K, "K", 0, "Choose among the K most probable tokens; 0: all", 3},
    {"top-p", KEY_TOP_P, "P", 0, "Choose among the smallest set of probability P; 1: all", 3},
    {"min-p", KEY_MIN_P, "P", 0, "Leave out what is less than P times as probable as the best", 3},
    {"seed", 's', "N", 0, "Seed of the choices; random unless given", 3},
    {0},
};

static void add_stop(qn_run_args *a, const char *text, const struct argp_state *state)
{
    if (a->n_stops == QN_MOST_STOPS)
        qn_arg_refuse(state, "--stop", text, "more than %d are given", QN_MOST_STOPS);
    if (!*text || strlen(text) > QN_LONGEST_STOP)
        qn_arg_refuse(state, "--stop", text, "TEXT has from 1 to %d bytes", QN_LONGEST_STOP);
    a->stops[a->n_stops++ % QN_MOST_STOPS] = text;
}

static error_t parse_sampling(int key, char *arg, struct argp_state *state)
{
    qn_run_args *a = state->input;
    switch (key) {
    case KEY_TEMP:
        a->sampling.temperature = (float)qn_arg_f64(state, "--temp", arg, 0, 100);
        a->has_temperature = true;
        return 0;
    case KEY_TOP_K:
        a->sampling.top_k = (uint32_t)qn_arg_u64(state, "--top-k", arg, 0, UINT32_MAX);
        a->has_top_k = true;
        return 0;
    case KEY_TOP_P:
        a->sampling.top_p = (float)qn_arg_f64(state, "--top-p", arg, 0, 1);
        a->has_top_p = true;
        return 0;
    case KEY_MIN_P:
        a->sampling.min_p = (float)qn_arg_f64(state, "--min-p", arg, 0, 1);
        a->has_min_p = true;
        return 0;
    case 's':
        a->sampling.seed = qn_arg_u64(state, "--seed", arg, 0, UINT64_MAX);
        a->has_seed = true;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_prompt(qn_run_args *a, char *arg, struct argp_state *state)
{
    if (!a->model.model)
        return ARGP_ERR_UNKNOWN; /* it is MODEL */
    if (a->prompt)
        argp_error(state, "'%s' is one argument too many; put the prompt in quotes", arg);
    a->prompt = arg;
    return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    qn_run_args *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->model;
        state->child_inputs[1] = &a->compute;
        return 0;
    case 'j': a->json = true; return 0;
    case 'f': a->file = arg; return 0;
    case 'n': a->n_predict = (uint32_t)qn_arg_u64(state, "--predict", arg, 1, 1 << 24); return 0;
    case 'c': a->n_ctx = (uint32_t)qn_arg_u64(state, "--ctx", arg, 1, 1 << 24); return 0;
    case KEY_SYSTEM: a->system = arg; return 0;
    case KEY_RAW: a->raw = true; return 0;
    case KEY_STOP: add_stop(a, arg, state); return 0;
    case KEY_STATS: a->stats = true; return 0;
    case KEY_IGNORE_END: a->ignore_end = true; return 0;
    case ARGP_KEY_ARG: return parse_prompt(a, arg, state);
    default: return parse_sampling(key, arg, state);
    }
}

static const struct argp_child children[] = {
    {&qn_model_argp, 0, NULL, 0}, {&qn_compute_argp, 0, NULL, 0}, {0}};
const struct argp qn_run_argp = {
    .options = options,
    .parser = parse,
    .children = children,
    .args_doc = "MODEL [PROMPT]",
    .doc = "Answer PROMPT, or what stands on standard input; on a terminal without either, hold a "
           "conversation."};

/* Parts that the chat uses too. */

qn_status qn_run_chat_ids(qn_run *r, const qn_buf *messages, const qn_past *past, qn_rendered *text,
                          qn_ids *ids, qn_error *err)
{
    qn_buf request = {0};
    *text = (qn_rendered){0};
    qn_ids_clear(ids);
    qn_chat_request(messages, &request);
    const qn_str json = {request.bytes, request.n_bytes};
    const qn_named_template *t;
    const char *reason;
    qn_status st =
        request.failed ? qn_fail(err, QN_ENOMEM, "out of memory for the messages") : QN_OK;
    if (st == QN_OK)
        st = qn_templates_get(&r->model.templates, json, &t, &reason, err);
    if (st == QN_OK)
        st = qn_chat_render(t->parsed, r->model.tokenizer, json, qn_local_now(), text, err);
    if (st == QN_OK)
        st = qn_chat_ids_after(past, r->model.tokenizer, r->scratch, text, ids, err);
    qn_buf_release(&request);
    return st;
}

qn_status qn_run_open_engine(qn_run *r, size_t n_ids, qn_error *err)
{
    if (r->engine)
        return QN_OK;
    qn_engine_options o = qn_engine_options_of(&r->a->compute);
    uint32_t n_model = qn_config_n(&r->model.config, QN_CONTEXT);
    size_t n_wanted = n_ids + (r->a->n_predict ? r->a->n_predict : QN_RUN_ANSWER);
    n_wanted = QN_MAX(n_wanted, (size_t)QN_RUN_CONTEXT);
    o.n_ctx = r->a->n_ctx ? r->a->n_ctx : (uint32_t)QN_MIN(n_wanted, (size_t)n_model);
    uint64_t begin = qn_clock_ns();
    QN_TRY(qn_engine_open(&r->engine, &r->model, &o, err));
    r->load_ns += qn_clock_ns() - begin;
    return QN_OK;
}

qn_status qn_run_answer(qn_run *r, const qn_ids *ids, qn_error *err)
{
    const qn_run_args *a = r->a;
    const qn_request request = {.ids = ids->ids,
                                .n_ids = ids->n,
                                .n_predict = a->n_predict ? a->n_predict : UINT32_MAX,
                                .sampling = r->sampling,
                                .stops = {a->n_stops, a->stops},
                                .ignore_end = a->ignore_end,
                                .skip_special = true};
    return qn_answer_run(&r->answer, r->engine, &request, err);
}

static qn_status settle_sampling(qn_run *r, qn_error *err)
{
    const qn_run_args *a = r->a;
    QN_TRY(qn_sampling_defaults(&r->sampling, &r->model.gguf, NULL, err));
    if (a->has_temperature)
        r->sampling.temperature = a->sampling.temperature;
    if (a->has_top_k)
        r->sampling.top_k = a->sampling.top_k;
    if (a->has_top_p)
        r->sampling.top_p = a->sampling.top_p;
    if (a->has_min_p)
        r->sampling.min_p = a->sampling.min_p;
    r->sampling.seed = a->sampling.seed;
    if (!a->has_seed)
        QN_FAIL_IF(getrandom(&r->sampling.seed, 4, 0) != 4, err, QN_EIO,
                   "the system has no random seed; give --seed");
    return qn_sampling_check(&r->sampling, err);
}

/* One answer. */

static qn_status read_prompt(const qn_run_args *a, qn_buf *prompt, qn_error *err)
{
    if (a->prompt)
        qn_buf_text(prompt, a->prompt);
    else
        QN_TRY(qn_input_read(prompt, a->file ? a->file : "-", err));
    if (!a->prompt && !a->raw && prompt->n_bytes && prompt->bytes[prompt->n_bytes - 1] == '\n')
        prompt->bytes[--prompt->n_bytes] = 0; /* the end of its last line is no part of a message */
    QN_FAIL_IF(prompt->failed, err, QN_ENOMEM, "out of memory for the prompt");
    QN_FAIL_IF(prompt->n_bytes == 0, err, QN_EARGUMENT, "the prompt is empty");
    return QN_OK;
}

static qn_status cut_prompt(qn_run *r, const qn_buf *prompt, qn_ids *ids, qn_error *err)
{
    qn_buf messages = {0};
    const char *system = r->a->system;
    if (r->a->raw)
        return qn_tokenize(r->model.tokenizer, r->scratch, prompt->n_bytes, prompt->bytes,
                           QN_TOKENIZE_ADD_SPECIAL, ids, err);
    if (system)
        qn_chat_add(&messages, "system", strlen(system), system);
    qn_chat_add(&messages, "user", prompt->n_bytes, prompt->bytes);
    qn_rendered text;
    qn_status st = qn_run_chat_ids(r, &messages, &(qn_past){0}, &text, ids, err);
    qn_rendered_release(&text);
    qn_buf_release(&messages);
    return st;
}

static void write_ms(qn_buf *out, const char *name, uint64_t ns)
{
    qn_buf_format(out, "\"%s\":", name);
    qn_json_write_f64(out, 1e-6 * (double)ns);
}

static void write_rate(qn_buf *out, const char *name, uint64_t n, uint64_t ns)
{
    qn_buf_format(out, ",\"%s\":", name);
    qn_json_write_f64(out, ns ? 1e9 * (double)n / (double)ns : 0);
}

static void write_sampling(qn_buf *out, const qn_sampling *s)
{
    qn_buf_text(out, ",\"sampling\":{\"temperature\":");
    qn_print_f32(out, s->temperature);
    qn_buf_format(out, ",\"top_k\":%u,\"top_p\":", s->top_k);
    qn_print_f32(out, s->top_p);
    qn_buf_text(out, ",\"min_p\":");
    qn_print_f32(out, s->min_p);
    qn_buf_format(out, ",\"seed\":%" PRIu64 "}", s->seed);
}

static void write_json(const qn_run *r)
{
    qn_buf out = {0};
    const qn_answer *a = &r->answer;
    const qn_usage *u = &a->usage;
    qn_buf_text(&out, "{\"text\":");
    qn_json_write_string(&out, a->text.n_bytes, a->text.bytes ? a->text.bytes : "");
    qn_buf_text(&out, ",\"reasoning\":null,\"tool_calls\":[],\"ids\":");
    qn_print_ids(&out, a->ids.n, a->ids.ids);
    qn_buf_format(&out, ",\"finish_reason\":\"%s\"", qn_finish_name(a->finish));
    qn_buf_format(&out,
                  ",\"usage\":{\"prompt_tokens\":%u,\"cached_tokens\":%u,\"completion_tokens\":%u,"
                  "\"total_tokens\":%u}",
                  u->n_prompt, u->n_cached, u->n_generated, u->n_prompt + u->n_generated);
    qn_buf_text(&out, ",\"timings\":{");
    write_ms(&out, "load_ms", r->load_ns);
    qn_buf_byte(&out, ',');
    write_ms(&out, "wait_ms", u->wait_ns);
    qn_buf_byte(&out, ',');
    write_ms(&out, "prefill_ms", u->prefill_ns);
    qn_buf_byte(&out, ',');
    write_ms(&out, "decode_ms", u->decode_ns);
    write_rate(&out, "prefill_tokens_per_second", u->n_prompt - u->n_cached, u->prefill_ns);
    write_rate(&out, "decode_tokens_per_second", u->n_generated ? u->n_generated - 1 : 0,
               u->decode_ns);
    qn_buf_byte(&out, '}');
    write_sampling(&out, &r->sampling);
    qn_buf_text(&out, "}\n");
    qn_out_buf(&out);
    qn_buf_release(&out);
}

static qn_status show_answer(qn_run *r, qn_error *err)
{
    const qn_answer *a = &r->answer;
    if (r->a->json)
        write_json(r);
    else if (a->text.n_bytes == 0 || a->text.bytes[a->text.n_bytes - 1] != '\n')
        qn_out_text("\n");
    qn_out_flush();
    if (r->a->stats)
        qn_answer_say_stats(a, r->load_ns);
    if (a->finish == QN_FINISH_LENGTH && !r->a->n_predict && !qn_out_lost())
        qn_say("the context is full; a larger one is given with -c");
    return qn_signals_check(err);
}

static qn_status answer_once(qn_run *r, qn_error *err)
{
    qn_buf prompt = {0};
    qn_ids ids = {0};
    qn_status st = read_prompt(r->a, &prompt, err);
    qn_signals_watch();
    if (st == QN_OK)
        st = cut_prompt(r, &prompt, &ids, err);
    if (st == QN_OK)
        st = qn_run_open_engine(r, ids.n, err);
    r->answer.streams = !r->a->json;
    if (st == QN_OK)
        st = qn_run_answer(r, &ids, err);
    if (st == QN_OK)
        st = show_answer(r, err);
    qn_ids_release(&ids);
    qn_buf_release(&prompt);
    return st;
}

static bool is_chat(const qn_run_args *a)
{
    return !a->prompt && !a->file && isatty(STDIN_FILENO);
}

/* A model without a template, or with a broken one, is told before anything is computed. */
static qn_status check_template(qn_run *r, qn_error *err)
{
    const qn_named_template *t;
    const char *reason;
    if (r->a->raw)
        return QN_OK;
    const qn_templates *all = &r->model.templates;
    QN_FAIL_IF(all->n == 0 && all->wrong.status == QN_OK, err, QN_EUNSUPPORTED,
               "%s: the model has no chat template; let it continue plain text with --raw",
               r->model.path);
    if (qn_templates_get(all, qn_str_of("{}"), &t, &reason, err) == QN_OK)
        return QN_OK;
    return qn_fail_in(err, r->model.path);
}

static qn_status run(qn_run *r, qn_error *err)
{
    const qn_run_args *a = r->a;
    QN_TRY(check_template(r, err));
    QN_TRY(settle_sampling(r, err));
    QN_TRY(qn_tokenizer_scratch_open(&r->scratch, r->model.tokenizer, err));
    if (!is_chat(a))
        return answer_once(r, err);
    r->answer.streams = true;
    return qn_run_chat(r, err);
}

static qn_status check(const qn_run_args *a, qn_error *err)
{
    QN_FAIL_IF(a->prompt && a->file, err, QN_EARGUMENT, "give PROMPT or --file, not both");
    QN_FAIL_IF(a->raw && a->system, err, QN_EARGUMENT,
               "--raw has no system message; leave out --system");
    QN_FAIL_IF(is_chat(a) && (a->json || a->raw), err, QN_EARGUMENT,
               "give a PROMPT: --json and --raw are for a single answer");
    return QN_OK;
}

qn_status qn_cmd_run(int argc, char **argv, qn_error *err)
{
    qn_run_args a = {.compute = QN_COMPUTE_ARGS};
    qn_run r = {.a = &a};
    QN_TRY(qn_args_parse(&qn_run_argp, argc, argv, &a, err));
    QN_TRY(check(&a, err));
    uint64_t begin = qn_clock_ns();
    QN_TRY(qn_open_model(&r.model, a.model.model, &a.compute, err));
    r.load_ns = qn_clock_ns() - begin;
    qn_status st = run(&r, err);
    qn_answer_release(&r.answer);
    qn_engine_close(r.engine);
    qn_tokenizer_scratch_close(r.scratch);
    qn_model_close(&r.model);
    return st;
}
