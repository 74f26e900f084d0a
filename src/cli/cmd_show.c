/* cli/cmd_show.c - `quern show MODEL`: what a file holds, and the program it becomes. */
#include "base/json.h"
#include "base/sha256.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/open.h"
#include "cli/out.h"
#include "cli/print.h"
#include "engine/defaults.h"

#include <string.h>

enum { KEY_PROGRAM = 0x1000, KEY_TENSORS };

typedef struct show_args {
    qn_model_args model;
    qn_compute_args compute;
    bool json, program, tensors;
} show_args;

static const struct argp_option options[] = {
    {"json", 'j', NULL, 0, "Print JSON", 0},
    {"program", KEY_PROGRAM, NULL, 0, "Print the program that the model is compiled to", 0},
    {"tensors", KEY_TENSORS, NULL, 0, "List the tensors too", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    show_args *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->model;
        state->child_inputs[1] = &a->compute;
        return 0;
    case 'j': a->json = true; return 0;
    case KEY_PROGRAM: a->program = true; return 0;
    case KEY_TENSORS: a->tensors = true; return 0;
    case ARGP_KEY_ARG:
        if (a->model.model)
            argp_error(state, "'%s' is one argument too many", arg);
        return ARGP_ERR_UNKNOWN;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&qn_model_argp, 0, NULL, 0}, {&qn_compute_argp, 0, NULL, 0}, {0}};
const struct argp qn_show_argp = {.options = options,
                                  .parser = parse,
                                  .children = children,
                                  .args_doc = "MODEL",
                                  .doc = "Show the facts of a model file, or its program."};

typedef struct facts {
    const qn_model *m;
    const qn_tokenizer_info *tokenizer;
    qn_sampling sampling;
    qn_buf ignored; /* keys of general.sampling without a meaning here */
    size_t n_of[QN_N_ENCODINGS];
    char template_sha256[65]; /* "" without a template */
} facts;

static void hash_template(facts *f)
{
    const char *reason;
    const qn_named_template *t = qn_templates_choose(&f->m->templates, qn_str_of("{}"), &reason);
    if (t)
        qn_sha256_hex(t->source.n_bytes, t->source.bytes, f->template_sha256);
}

static qn_status gather(facts *f, const qn_model *m, qn_error *err)
{
    *f = (facts){.m = m, .tokenizer = qn_tokenizer_about(m->tokenizer)};
    for (size_t i = 0; i < m->gguf.n_tensors; i++)
        f->n_of[m->gguf.tensors[i].encoding]++;
    hash_template(f);
    return qn_sampling_defaults(&f->sampling, &m->gguf, &f->ignored, err);
}

static qn_str name_of(const qn_model *m)
{
    qn_str name = {"", 0};
    qn_error err;
    (void)qn_gguf_maybe_string(&m->gguf, "general.name", &name, &err);
    return name;
}

static void write_tensors(qn_buf *out, const qn_gguf *g)
{
    qn_buf_text(out, ",\"tensors\":[");
    for (size_t i = 0; i < g->n_tensors; i++) {
        const qn_tensor *t = &g->tensors[i];
        qn_buf_text(out, i ? ",{\"name\":" : "{\"name\":");
        qn_json_write_string(out, t->name.n_bytes, t->name.bytes);
        qn_buf_text(out, ",\"shape\":[");
        for (uint32_t d = 0; d < t->n_dims; d++)
            qn_buf_format(out, "%s%" PRIu64, d ? "," : "", t->dim[d]);
        qn_buf_format(out, "],\"encoding\":\"%s\",\"bytes\":%" PRIu64 "}",
                      qn_encoding_name(t->encoding), t->n_bytes);
    }
    qn_buf_byte(out, ']');
}

static void write_id(qn_buf *out, const char *name, uint32_t id)
{
    if (id == QN_NO_TOKEN)
        qn_buf_format(out, ",\"%s\":null", name);
    else
        qn_buf_format(out, ",\"%s\":%u", name, id);
}

static void write_tokenizer(qn_buf *out, const qn_tokenizer_info *t)
{
    qn_buf_text(out, ",\"tokenizer\":{\"model\":");
    qn_json_write_text(out, t->model);
    qn_buf_text(out, ",\"pre\":");
    qn_json_write_text(out, t->pre);
    qn_buf_format(out, ",\"tokens\":%u", t->n_tokens);
    write_id(out, "bos", t->bos);
    write_id(out, "eos", t->eos);
    write_id(out, "unk", t->unk);
    write_id(out, "pad", t->pad);
    qn_buf_text(out, ",\"ends\":");
    qn_print_ids(out, t->n_eog, t->eog);
    qn_buf_format(out, ",\"add_bos\":%s,\"add_eos\":%s}", t->add_bos ? "true" : "false",
                  t->add_eos ? "true" : "false");
}

static void write_sampling(qn_buf *out, const facts *f)
{
    qn_buf_text(out, ",\"sampling\":{\"temperature\":");
    qn_print_f32(out, f->sampling.temperature);
    qn_buf_format(out, ",\"top_k\":%u,\"top_p\":", f->sampling.top_k);
    qn_print_f32(out, f->sampling.top_p);
    qn_buf_text(out, ",\"min_p\":");
    qn_print_f32(out, f->sampling.min_p);
    qn_buf_text(out, ",\"ignored\":[");
    for (size_t at = 0; at < f->ignored.n_bytes;) { /* names between ", " */
        const char *name = f->ignored.bytes + at;
        size_t n = strcspn(name, ",");
        qn_buf_text(out, at ? "," : "");
        qn_json_write_string(out, n, name);
        at += n + 2;
    }
    qn_buf_text(out, "]}");
}

static void write_json(qn_buf *out, const facts *f)
{
    const qn_model *m = f->m;
    qn_str name = name_of(m);
    bool more = false;
    qn_buf_text(out, "{\"name\":");
    qn_json_write_string(out, name.n_bytes, name.bytes);
    qn_buf_text(out, ",\"family\":");
    qn_json_write_text(out, m->config.family->name);
    qn_buf_text(out, ",\"arch\":");
    qn_json_write_text(out, m->config.arch);
    qn_buf_format(out, ",\"parameters\":%" PRIu64 ",\"context\":%u,\"vocab\":%u,\"layers\":%u",
                  qn_model_parameters(m), qn_config_n(&m->config, QN_CONTEXT), m->program.n_vocab,
                  qn_config_n(&m->config, QN_N_LAYERS));
    qn_buf_format(out,
                  ",\"file\":{\"format\":\"GGUF\",\"version\":%u,\"weight_bytes\":%" PRIu64 "}",
                  m->gguf.version, qn_model_weight_bytes(m));
    qn_buf_text(out, ",\"encodings\":{");
    for (int e = 0; e < QN_N_ENCODINGS; e++)
        if (f->n_of[e]) {
            qn_buf_format(out, "%s\"%s\":%zu", more ? "," : "", qn_encoding_name((qn_encoding)e),
                          f->n_of[e]);
            more = true;
        }
    qn_buf_byte(out, '}');
    write_tensors(out, &m->gguf);
    write_tokenizer(out, f->tokenizer);
    qn_buf_text(out, ",\"chat_template_sha256\":");
    if (f->template_sha256[0])
        qn_json_write_text(out, f->template_sha256);
    else
        qn_buf_text(out, "null");
    write_sampling(out, f);
    qn_buf_text(out, "}\n");
}

static void list_tensors(qn_buf *out, const qn_gguf *g)
{
    for (size_t i = 0; i < g->n_tensors; i++) {
        const qn_tensor *t = &g->tensors[i];
        qn_buf_format(out, "  %-40s %-6s", t->name.bytes, qn_encoding_name(t->encoding));
        for (uint32_t d = 0; d < t->n_dims; d++)
            qn_buf_format(out, " %s%" PRIu64, d ? "x " : "", t->dim[d]);
        qn_buf_byte(out, '\n');
    }
}

static void write_text(qn_buf *out, const facts *f, bool tensors)
{
    const qn_model *m = f->m;
    char name[QN_SHOWN];
    qn_buf_format(out, "name        %s\n", qn_str_show(name, name_of(m)));
    qn_buf_format(out, "family      %s (architecture %s)\n", m->config.family->name,
                  m->config.arch);
    qn_buf_format(out, "parameters  %.1f million in %u layers\n",
                  1e-6 * (double)qn_model_parameters(m), qn_config_n(&m->config, QN_N_LAYERS));
    qn_buf_text(out, "weights     ");
    qn_print_bytes(out, qn_model_weight_bytes(m));
    for (int e = 0; e < QN_N_ENCODINGS; e++)
        if (f->n_of[e])
            qn_buf_format(out, ", %zu %s", f->n_of[e], qn_encoding_name((qn_encoding)e));
    qn_buf_format(out, "\ncontext     %u tokens\n", qn_config_n(&m->config, QN_CONTEXT));
    qn_buf_format(out, "vocabulary  %u tokens (%s%s%s)\n", f->tokenizer->n_tokens,
                  f->tokenizer->model, *f->tokenizer->pre ? ", " : "", f->tokenizer->pre);
    qn_buf_format(out, "template    %s%s\n",
                  f->template_sha256[0] ? "SHA-256 " : "none: --raw only", f->template_sha256);
    qn_buf_format(out, "sampling    temperature %g, top-k %u, top-p %g, min-p %g\n",
                  (double)f->sampling.temperature, f->sampling.top_k, (double)f->sampling.top_p,
                  (double)f->sampling.min_p);
    if (f->ignored.n_bytes)
        qn_buf_format(out, "            without a meaning here: %s\n", f->ignored.bytes);
    if (tensors)
        list_tensors(out, &m->gguf);
}

static qn_status show_facts(qn_buf *out, const qn_model *m, const show_args *a, qn_error *err)
{
    facts f;
    qn_status st = gather(&f, m, err);
    if (st == QN_OK && a->json)
        write_json(out, &f);
    else if (st == QN_OK)
        write_text(out, &f, a->tensors);
    qn_buf_release(&f.ignored);
    return st;
}

qn_status qn_cmd_show(int argc, char **argv, qn_error *err)
{
    show_args a = {.compute = QN_COMPUTE_ARGS};
    qn_model m;
    qn_buf out = {0};
    QN_TRY(qn_args_parse(&qn_show_argp, argc, argv, &a, err));
    QN_FAIL_IF(a.program && a.json, err, QN_EARGUMENT, "--program is text; leave out --json");
    QN_TRY(qn_look_at_model(&m, a.model.model, &a.compute, err));
    qn_status st = QN_OK;
    if (a.program)
        qn_program_print(&m.program, &out);
    else
        st = show_facts(&out, &m, &a, err);
    if (st == QN_OK)
        qn_out_buf(&out);
    qn_buf_release(&out);
    qn_model_close(&m);
    return st;
}
