/* cli/cmd_score.c - `quern score MODEL`: log-probabilities of a text, perplexity, and how far the
 * model is from a reference. */
#include "base/json.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/ids.h"
#include "cli/input.h"
#include "cli/open.h"
#include "cli/out.h"
#include "cli/print.h"
#include "cli/signals.h"
#include "engine/score.h"

#include <math.h>
#include <string.h>

enum { KEY_TOP = 0x1000, KEY_IDS, KEY_REFERENCE, KEY_PARSE_SPECIAL, KEY_NO_SPECIAL };
enum { REFERENCE_CHUNK = 32 }; /* rows of logits that are kept to be compared */

typedef struct score_args {
    qn_model_args model;
    qn_compute_args compute;
    const char *file, *reference;
    uint32_t n_ctx, n_top;
    bool json, ids, add_special, parse_special;
} score_args;

static const struct argp_option options[] = {
    {"json", 'j', NULL, 0, "Print one object for each token, and one with the sums", 0},
    {"top", KEY_TOP, "K", 0, "Show the K most probable tokens at each place", 0},
    {"ids", KEY_IDS, NULL, 0, "The input is token ids, not text", 0},
    {"file", 'f', "FILE", 0, "Read FILE instead of standard input", 0},
    {"no-special", KEY_NO_SPECIAL, NULL, 0, "Leave out the tokens that begin and end a text", 0},
    {"parse-special", KEY_PARSE_SPECIAL, NULL, 0,
     "Trust the text: control tokens spelled in it become their ids", 0},
    {"ctx", 'c', "TOKENS", 0, "Context; as long as the text unless given", 0},
    {"reference", KEY_REFERENCE, "OTHER", 0,
     "Compare with another model, or with this one and f32 or int8 activations", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    score_args *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->model;
        state->child_inputs[1] = &a->compute;
        return 0;
    case 'j': a->json = true; return 0;
    case 'f': a->file = arg; return 0;
    case 'c': a->n_ctx = (uint32_t)qn_arg_u64(state, "--ctx", arg, 1, 1 << 24); return 0;
    case KEY_TOP: a->n_top = (uint32_t)qn_arg_u64(state, "--top", arg, 0, 1000); return 0;
    case KEY_IDS: a->ids = true; return 0;
    case KEY_REFERENCE: a->reference = arg; return 0;
    case KEY_NO_SPECIAL: a->add_special = false; return 0;
    case KEY_PARSE_SPECIAL: a->parse_special = true; return 0;
    case ARGP_KEY_ARG:
        if (a->model.model)
            argp_error(state, "'%s' is one argument too many; the text is read from standard input",
                       arg);
        return ARGP_ERR_UNKNOWN;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&qn_model_argp, 0, NULL, 0}, {&qn_compute_argp, 0, NULL, 0}, {0}};
const struct argp qn_score_argp = {
    .options = options,
    .parser = parse,
    .children = children,
    .args_doc = "MODEL",
    .doc = "Tell how probable a model holds a text, read from standard input: the log-probability "
           "of each token, their sum and the perplexity."};

typedef struct scoring {
    const score_args *a;
    const qn_tokenizer *t;
    qn_buf out;
} scoring;

static void write_logprob(qn_buf *out, bool has, float logprob)
{
    if (has)
        qn_print_f32(out, logprob);
    else
        qn_buf_text(out, "null");
}

static void write_json(scoring *w, const qn_scored *s)
{
    qn_buf_format(&w->out, "{\"id\":%u,\"logprob\":", s->id);
    write_logprob(&w->out, s->has_logprob, s->logprob);
    if (w->a->reference && s->has_logprob) {
        qn_buf_text(&w->out, ",\"kl\":");
        qn_json_write_f64(&w->out, s->kl);
    }
    for (size_t i = 0; i < s->n_top; i++) {
        qn_buf_format(&w->out, "%s[%u,", i ? "," : ",\"top\":[", s->top[i].id);
        write_logprob(&w->out, true, s->top[i].logit);
        qn_buf_byte(&w->out, ']');
    }
    if (w->a->n_top && s->n_top == 0)
        qn_buf_text(&w->out, ",\"top\":[");
    qn_buf_text(&w->out, w->a->n_top ? "]}\n" : "}\n");
}

static void write_token(scoring *w, uint32_t id)
{
    size_t n = 0;
    const uint8_t *bytes = qn_token_bytes(w->t, id, &n);
    qn_json_write_string(&w->out, n, bytes ? (const char *)bytes : "");
}

static void write_line(scoring *w, const qn_scored *s)
{
    if (s->has_logprob)
        qn_buf_format(&w->out, "%10.5f %8u  ", (double)s->logprob, s->id);
    else
        qn_buf_format(&w->out, "%10s %8u  ", "", s->id);
    write_token(w, s->id);
    for (size_t i = 0; i < s->n_top; i++) {
        qn_buf_text(&w->out, i ? ", " : "   best: ");
        write_token(w, s->top[i].id);
        qn_buf_format(&w->out, " %.3f", (double)s->top[i].logit);
    }
    qn_buf_byte(&w->out, '\n');
}

static void on_token(void *context, const qn_scored *s)
{
    scoring *w = context;
    if (w->a->json)
        write_json(w, s);
    else
        write_line(w, s);
    qn_out_buf(&w->out);
}

static bool goes_on(void *context)
{
    (void)context;
    qn_out_flush();
    return !qn_signal_noted() && !qn_out_lost();
}

static void write_sums(scoring *w, const qn_score *s, const char *numerics)
{
    double n = (double)QN_MAX(s->n_tokens, (size_t)1);
    qn_buf_format(&w->out, "{\"tokens\":%zu,\"nll\":", s->n_tokens);
    qn_json_write_f64(&w->out, s->nll);
    qn_buf_text(&w->out, ",\"perplexity\":");
    qn_json_write_f64(&w->out, exp(s->nll / n));
    if (w->a->reference) {
        qn_buf_text(&w->out, ",\"kl\":{\"mean\":");
        qn_json_write_f64(&w->out, s->kl_sum / n);
        qn_buf_text(&w->out, ",\"max\":");
        qn_json_write_f64(&w->out, s->kl_most);
        qn_buf_text(&w->out, "},\"top1_agreement\":");
        qn_json_write_f64(&w->out, (double)s->n_same / n);
    }
    qn_buf_format(&w->out, ",\"numerics\":\"%s\"}\n", numerics);
}

static void print_sums(scoring *w, const qn_score *s, const char *numerics)
{
    double n = (double)QN_MAX(s->n_tokens, (size_t)1);
    qn_buf_format(&w->out, "%zu tokens, negative log-likelihood %.4f, perplexity %.4f\n",
                  s->n_tokens, s->nll, exp(s->nll / n));
    if (w->a->reference)
        qn_buf_format(&w->out,
                      "against %s: KL mean %.3g, max %.3g nats; %.2f %% the same first choice\n",
                      w->a->reference, s->kl_sum / n, s->kl_most, 100 * (double)s->n_same / n);
    if (strcmp(numerics, QN_NUMERICS_ID) != 0)
        qn_buf_format(&w->out, "numerics %s\n", numerics);
}

static qn_status score(scoring *w, qn_engine *e, qn_engine *reference, const qn_ids *ids,
                       qn_error *err)
{
    qn_score sums;
    const qn_score_options o = {.n_top = w->a->n_top,
                                .reference = reference,
                                .on_token = on_token,
                                .goes_on = goes_on,
                                .context = w};
    QN_TRY(qn_score_ids(e, ids->n, ids->ids, &o, &sums, err));
    if (w->a->json)
        write_sums(w, &sums, qn_engine_kernels(e)->numerics);
    else
        print_sums(w, &sums, qn_engine_kernels(e)->numerics);
    qn_out_buf(&w->out);
    return QN_OK;
}

static qn_engine_options settings(const score_args *a, size_t n_ids)
{
    qn_engine_options o = qn_engine_options_of(&a->compute);
    o.n_ctx = a->n_ctx ? a->n_ctx : (uint32_t)QN_MIN(n_ids, (size_t)1 << 24);
    o.no_prefix_cache = true;
    if (a->reference && !o.n_chunk)
        o.n_chunk = REFERENCE_CHUNK;
    return o;
}

static qn_status with_reference(scoring *w, qn_engine *e, const qn_ids *ids, qn_error *err)
{
    qn_model other;
    qn_engine *reference = NULL;
    qn_compute_args compute = w->a->compute;
    const char *name = w->a->reference;
    bool is_mode = strcmp(name, "f32") == 0 || strcmp(name, "int8") == 0;
    if (is_mode)
        compute.f32_activations = strcmp(name, "f32") == 0;
    const qn_engine_options o = settings(w->a, ids->n);
    QN_TRY(qn_open_model(&other, is_mode ? w->a->model.model : name, &compute, err));
    qn_status st = qn_engine_open(&reference, &other, &o, err);
    if (st == QN_OK)
        st = score(w, e, reference, ids, err);
    qn_engine_close(reference);
    qn_model_close(&other);
    return st;
}

static qn_status run(scoring *w, const qn_model *m, const qn_ids *ids, qn_error *err)
{
    qn_engine *e = NULL;
    const qn_engine_options o = settings(w->a, ids->n);
    uint32_t n_most = qn_config_n(&m->config, QN_CONTEXT);
    QN_FAIL_IF(ids->n == 0, err, QN_EARGUMENT, "the input has no tokens; give a text");
    QN_FAIL_IF(ids->n > n_most, err, QN_EFIT,
               "the text has %zu tokens, %zu more than the model's context of %u; shorten it",
               ids->n, ids->n - n_most, n_most);
    QN_TRY(qn_engine_open(&e, m, &o, err));
    qn_status st = w->a->reference ? with_reference(w, e, ids, err) : score(w, e, NULL, ids, err);
    qn_engine_close(e);
    return st;
}

static qn_status cut(const score_args *a, const qn_model *m, const qn_buf *text, qn_ids *ids,
                     qn_error *err)
{
    qn_tokenizer_scratch *scratch = NULL;
    if (a->ids)
        return qn_read_ids((qn_str){text->bytes, text->n_bytes}, ids, err);
    unsigned flags = (a->add_special ? QN_TOKENIZE_ADD_SPECIAL : 0u) |
                     (a->parse_special ? QN_TOKENIZE_PARSE_SPECIAL : 0u);
    QN_TRY(qn_tokenizer_scratch_open(&scratch, m->tokenizer, err));
    qn_status st = qn_tokenize(m->tokenizer, scratch, text->n_bytes, text->bytes ? text->bytes : "",
                               flags, ids, err);
    qn_tokenizer_scratch_close(scratch);
    return st;
}

static qn_status read_and_run(const score_args *a, const qn_model *m, qn_error *err)
{
    scoring w = {.a = a, .t = m->tokenizer};
    qn_buf text = {0};
    qn_ids ids = {0};
    qn_status st = qn_input_read(&text, a->file ? a->file : "-", err);
    if (st == QN_OK)
        st = cut(a, m, &text, &ids, err);
    if (st == QN_OK)
        st = run(&w, m, &ids, err);
    qn_ids_release(&ids);
    qn_buf_release(&text);
    qn_buf_release(&w.out);
    return st;
}

qn_status qn_cmd_score(int argc, char **argv, qn_error *err)
{
    score_args a = {.compute = QN_COMPUTE_ARGS, .add_special = true};
    qn_model m;
    QN_TRY(qn_args_parse(&qn_score_argp, argc, argv, &a, err));
    QN_TRY(qn_open_model(&m, a.model.model, &a.compute, err));
    qn_status st = read_and_run(&a, &m, err);
    qn_model_close(&m);
    return st;
}
