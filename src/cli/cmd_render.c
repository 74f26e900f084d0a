/* cli/cmd_render.c - `quern render MODEL`: what a chat template makes of messages. */
#include "base/alloc.h"
#include "base/json.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/common.h"
#include "cli/input.h"
#include "cli/out.h"
#include "cli/print.h"
#include "engine/mask.h"
#include "engine/templates.h"
#include "engine/words.h"

#include <stdio.h>
#include <string.h>

enum { KEY_JSONL = 0x1000, KEY_TEMPLATE, KEY_NOW, KEY_EXPLAIN };

typedef struct render_args {
    qn_model_args model;
    const char *template_file, *file;
    bool json, jsonl, explain;
    int64_t now;
} render_args;

static const struct argp_option options[] = {
    {"json", 'j', NULL, 0, "Print {\"prompt\"}, with a MODEL also \"ids\"; or {\"error\",\"line\"}",
     0},
    {"jsonl", KEY_JSONL, NULL, 0, "One request a line, one answer a line", 0},
    {"template", KEY_TEMPLATE, "FILE", 0, "Use the template in FILE instead of the model's", 0},
    {"explain", KEY_EXPLAIN, NULL, 0,
     "Print which template the request gets, and why, instead of the prompt", 0},
    {"file", 'f', "FILE", 0, "Read FILE instead of standard input", 0},
    {"now", KEY_NOW, "EPOCH", 0,
     "The time that the template is told, in seconds since 1970, as UTC", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    render_args *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->model;
        a->model.optional = true;
        return 0;
    case 'j': a->json = true; return 0;
    case 'f': a->file = arg; return 0;
    case KEY_JSONL: a->jsonl = true; return 0;
    case KEY_EXPLAIN: a->explain = true; return 0;
    case KEY_TEMPLATE: a->template_file = arg; return 0;
    case KEY_NOW: a->now = (int64_t)qn_arg_u64(state, "--now", arg, 0, 253402300799); return 0;
    case ARGP_KEY_ARG:
        if (a->model.model)
            argp_error(state,
                       "'%s' is one argument too many; the request is read from standard "
                       "input",
                       arg);
        return ARGP_ERR_UNKNOWN;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&qn_model_argp, 0, NULL, 0}, {0}};
const struct argp qn_render_argp = {
    .options = options,
    .parser = parse,
    .children = children,
    .args_doc = "MODEL\n--template FILE [MODEL]",
    .doc = "Render a request, read from standard input, with a chat template: a JSON object with "
           "messages, tools, add_generation_prompt and any variable of the template."};

typedef struct rendering {
    const render_args *a;
    qn_words words; /* zeroed without MODEL */
    qn_tokenizer_scratch *scratch;
    qn_templates templates;
    qn_template *own; /* of --template */
    unsigned line;    /* of the template, for the failure */
    char path[QN_MODEL_PATH];
} rendering;

/* One number for each id: 1 for what the model said. */
static qn_status write_mask(const rendering *r, const qn_rendered *text, const qn_ids *ids,
                            qn_buf *out, qn_error *err)
{
    bool *said = qn_alloc_zeroed(ids->n + 1, sizeof *said);
    QN_FAIL_IF(!said, err, QN_ENOMEM, "out of memory for the prompt");
    qn_buf_text(out, ",\"assistant_masks\":");
    bool laid = qn_generation_mask(r->words.tokenizer, text, ids->n, ids->ids, said);
    qn_buf_text(out, laid ? "[" : "null");
    for (size_t i = 0; laid && i < ids->n; i++)
        qn_buf_format(out, "%s%d", i ? "," : "", said[i]);
    qn_buf_text(out, laid ? "]" : "");
    qn_free(said);
    return QN_OK;
}

static qn_status write_ids(rendering *r, const qn_rendered *text, qn_buf *out, qn_error *err)
{
    qn_ids ids = {0};
    qn_status st = qn_chat_ids(r->words.tokenizer, r->scratch, text, &ids, err);
    if (st == QN_OK) {
        qn_buf_text(out, ",\"ids\":");
        qn_print_ids(out, ids.n, ids.ids);
    }
    if (st == QN_OK && qn_has_generation(text))
        st = write_mask(r, text, &ids, out, err);
    qn_ids_release(&ids);
    return st;
}

static qn_status write_result(rendering *r, const qn_rendered *text, qn_buf *out, qn_error *err)
{
    const char *bytes = text->text.bytes ? text->text.bytes : "";
    if (!r->a->json && !r->a->jsonl) {
        qn_buf_append(out, text->text.n_bytes, bytes);
        return QN_OK;
    }
    qn_buf_text(out, "{\"prompt\":");
    qn_json_write_string(out, text->text.n_bytes, bytes);
    if (r->words.tokenizer)
        QN_TRY(write_ids(r, text, out, err));
    qn_buf_text(out, "}\n");
    return QN_OK;
}

/* The template that the request gets. */
static qn_status choose(rendering *r, qn_str request, const qn_named_template **t,
                        const char **reason, qn_error *err)
{
    qn_status st = qn_templates_get(&r->templates, request, t, reason, err);
    if (st != QN_OK)
        r->line = *t ? (*t)->line : 0;
    return st;
}

/* Appends the answer to one request, or nothing. */
static qn_status render(rendering *r, qn_str request, qn_buf *out, qn_error *err)
{
    qn_rendered text = {0};
    size_t before = out->n_bytes;
    const qn_template *parsed = r->own;
    r->line = 0;
    if (!parsed) {
        const qn_named_template *t = NULL;
        const char *reason;
        QN_TRY(choose(r, request, &t, &reason, err));
        if (r->a->explain) {
            qn_templates_explain(&r->templates, t, reason, r->a->json || r->a->jsonl, out);
            return QN_OK;
        }
        parsed = t->parsed;
    }
    qn_status st = qn_chat_render(parsed, r->words.tokenizer, request, r->a->now, &text, err);
    r->line = text.line;
    if (st == QN_OK)
        st = write_result(r, &text, out, err);
    if (st != QN_OK)
        out->n_bytes = before;
    qn_rendered_release(&text);
    return st;
}

static qn_status render_lines(rendering *r, qn_error *err)
{
    qn_lines lines = {0};
    qn_buf out = {0};
    qn_str line;
    bool more = false;
    qn_status st = qn_lines_next(&lines, &line, &more, err);
    for (; st == QN_OK && more && !qn_out_lost(); st = qn_lines_next(&lines, &line, &more, err)) {
        qn_error bad = {0};
        if (render(r, line, &out, &bad) != QN_OK)
            qn_print_error(&out, &bad, r->line);
        qn_out_buf(&out);
    }
    qn_lines_release(&lines);
    qn_buf_release(&out);
    return st;
}

/* A failure is told as JSON too, when that was asked for. */
static qn_status tell(const rendering *r, qn_status st, qn_error *err)
{
    qn_buf out = {0};
    if (st != QN_OK && r->a->json)
        qn_print_error(&out, err, r->line);
    qn_out_buf(&out);
    qn_buf_release(&out);
    return st;
}

static qn_status render_once(rendering *r, qn_error *err)
{
    qn_buf request = {0}, out = {0};
    qn_status st = qn_input_read(&request, r->a->file ? r->a->file : "-", err);
    if (st == QN_OK)
        st = tell(r, render(r, (qn_str){request.bytes, request.n_bytes}, &out, err), err);
    qn_out_buf(&out);
    qn_buf_release(&request);
    qn_buf_release(&out);
    return st;
}

static qn_status parse_file(rendering *r, const char *file, qn_error *err)
{
    qn_buf source = {0};
    qn_status st = qn_input_file(&source, file, qn_template_max.n_source, err);
    if (st == QN_OK) {
        st = qn_template_parse(&r->own, source.n_bytes, source.bytes ? source.bytes : "", &r->line,
                               err);
        if (st != QN_OK)
            st = tell(r, qn_fail_in(err, file), err);
    }
    qn_buf_release(&source);
    return st;
}

/* Every template of the model; a broken default one is named at once. */
static qn_status open_template(rendering *r, qn_error *err)
{
    const qn_named_template *t;
    const char *reason;
    if (r->a->template_file)
        return parse_file(r, r->a->template_file, err);
    bool gguf = r->words.gguf.map.bytes != NULL;
    qn_status st = qn_templates_find(&r->templates, gguf ? &r->words.gguf : NULL, r->path, err);
    if (st == QN_OK)
        st = choose(r, qn_str_of("{}"), &t, &reason, err);
    return st == QN_OK ? QN_OK : tell(r, qn_fail_in(err, r->path), err);
}

static qn_status open_words(rendering *r, qn_error *err)
{
    const char *model = r->a->model.model;
    if (!model)
        return QN_OK;
    if (qn_tokenizer_is_at(model)) {
        snprintf(r->path, sizeof r->path, "%s", model);
        QN_TRY(qn_tokenizer_open(&r->words.tokenizer, model, err));
    } else {
        QN_TRY(qn_model_find(model, r->path, err));
        QN_TRY(qn_words_open(&r->words, r->path, err));
    }
    return qn_tokenizer_scratch_open(&r->scratch, r->words.tokenizer, err);
}

qn_status qn_cmd_render(int argc, char **argv, qn_error *err)
{
    render_args a = {.now = qn_local_now()};
    QN_TRY(qn_args_parse(&qn_render_argp, argc, argv, &a, err));
    QN_FAIL_IF(!a.model.model && !a.template_file, err, QN_EARGUMENT,
               "give MODEL or --template FILE");
    QN_FAIL_IF(a.jsonl && (a.json || a.file), err, QN_EARGUMENT,
               "--jsonl reads its requests from standard input; leave out --json and --file");
    QN_FAIL_IF(a.explain && a.template_file, err, QN_EARGUMENT,
               "--explain is about a MODEL's templates; leave out --template");
    rendering r = {.a = &a};
    qn_status st = open_words(&r, err);
    if (st == QN_OK)
        st = open_template(&r, err);
    if (st == QN_OK)
        st = a.jsonl ? render_lines(&r, err) : render_once(&r, err);
    qn_template_release(r.own);
    qn_templates_release(&r.templates);
    qn_tokenizer_scratch_close(r.scratch);
    qn_words_release(&r.words);
    return st;
}
