/* cli/cmd_tokenize.c - `quern tokenize MODEL`: how a model cuts a text, and puts it together. */
#include "base/json.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/common.h"
#include "cli/ids.h"
#include "cli/input.h"
#include "cli/out.h"
#include "cli/print.h"
#include "engine/words.h"
#include "text/tokenizer.h"

#include <ctype.h>
#include <string.h>

enum {
    KEY_JSONL = 0x1000,
    KEY_DETOKENIZE,
    KEY_NO_SPECIAL,
    KEY_PARSE_SPECIAL,
    KEY_SKIP_SPECIAL,
    STRING_BYTES = 256 << 20
};

typedef struct tokenize_args {
    qn_model_args model;
    const char *file;
    bool json, jsonl, detokenize, add_special, parse_special, skip_special;
} tokenize_args;

static const struct argp_option options[] = {
    {"json", 'j', NULL, 0, "Print {\"ids\":[...]}, or with --detokenize {\"text\",\"hex\"}", 0},
    {"jsonl", KEY_JSONL, NULL, 0, "One request a line, one answer a line", 0},
    {"detokenize", KEY_DETOKENIZE, NULL, 0, "Read ids and print the bytes they stand for", 0},
    {"file", 'f', "FILE", 0, "Read FILE instead of standard input", 0},
    {"no-special", KEY_NO_SPECIAL, NULL, 0, "Leave out the tokens that begin and end a text", 0},
    {"parse-special", KEY_PARSE_SPECIAL, NULL, 0,
     "Trust the text: control tokens spelled in it become their ids", 0},
    {"skip-special", KEY_SKIP_SPECIAL, NULL, 0, "With --detokenize, leave control tokens out", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    tokenize_args *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &a->model; return 0;
    case 'j': a->json = true; return 0;
    case 'f': a->file = arg; return 0;
    case KEY_JSONL: a->jsonl = true; return 0;
    case KEY_DETOKENIZE: a->detokenize = true; return 0;
    case KEY_NO_SPECIAL: a->add_special = false; return 0;
    case KEY_PARSE_SPECIAL: a->parse_special = true; return 0;
    case KEY_SKIP_SPECIAL: a->skip_special = true; return 0;
    case ARGP_KEY_ARG:
        if (a->model.model)
            argp_error(state, "'%s' is one argument too many; the text is read from standard input",
                       arg);
        return ARGP_ERR_UNKNOWN;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&qn_model_argp, 0, NULL, 0}, {0}};
const struct argp qn_tokenize_argp = {
    .options = options,
    .parser = parse,
    .children = children,
    .args_doc = "MODEL",
    .doc = "Show how a model cuts a text, read from standard input, into tokens."};

typedef struct tokenizing {
    const qn_tokenizer *t;
    qn_tokenizer_scratch *scratch;
    qn_ids ids;
    qn_buf bytes, out;
} tokenizing;

static qn_status out_of_memory(const tokenizing *w, qn_error *err)
{
    QN_FAIL_IF(w->ids.failed || w->bytes.failed || w->out.failed, err, QN_ENOMEM,
               "out of memory for the tokens");
    return QN_OK;
}

/* {"text","hex"} of ids. */
static qn_status write_bytes(tokenizing *w, bool skip_special, qn_error *err)
{
    unsigned flags = skip_special ? QN_DETOKENIZE_SKIP_SPECIAL : 0;
    qn_buf_clear(&w->bytes);
    QN_TRY(
        qn_detokenize(w->t, w->ids.n, w->ids.ids, flags | QN_DETOKENIZE_REPLACE, &w->bytes, err));
    qn_buf_text(&w->out, "{\"text\":");
    qn_json_write_string(&w->out, w->bytes.n_bytes, w->bytes.bytes ? w->bytes.bytes : "");
    qn_buf_clear(&w->bytes);
    QN_TRY(qn_detokenize(w->t, w->ids.n, w->ids.ids, flags, &w->bytes, err));
    qn_buf_text(&w->out, ",\"hex\":");
    qn_print_hex(&w->out, w->bytes.n_bytes, w->bytes.bytes);
    qn_buf_text(&w->out, "}\n");
    return out_of_memory(w, err);
}

static void write_ids(tokenizing *w)
{
    qn_buf_text(&w->out, "{\"ids\":");
    qn_print_ids(&w->out, w->ids.n, w->ids.ids);
    qn_buf_text(&w->out, "}\n");
}

/* One request a line. */

typedef struct line_request {
    qn_str text, hex, ids;
    bool add_special, parse_special, skip_special;
} line_request;

static const qn_json_field fields[] = {
    {"text", QN_JSON_STRING, 0, 0, offsetof(line_request, text), 0},
    {"hex", QN_JSON_STRING, 0, 0, offsetof(line_request, hex), 0},
    {"ids", QN_JSON_ARRAY, 0, 0, offsetof(line_request, ids), 0},
    {"add_special", QN_JSON_BOOL, 0, 0, offsetof(line_request, add_special), 0},
    {"parse_special", QN_JSON_BOOL, 0, 0, offsetof(line_request, parse_special), 0},
    {"skip_special", QN_JSON_BOOL, 0, 0, offsetof(line_request, skip_special), 0},
    {0},
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static qn_status read_hex(qn_str hex, qn_buf *bytes, qn_error *err)
{
    QN_FAIL_IF(hex.n_bytes % 2, err, QN_EARGUMENT, "hex: an odd number of digits");
    for (size_t i = 0; i < hex.n_bytes; i += 2) {
        int high = hex_digit(hex.bytes[i]), low = hex_digit(hex.bytes[i + 1]);
        QN_FAIL_IF(high < 0 || low < 0, err, QN_EARGUMENT, "hex: digit %zu is none",
                   i + (high >= 0));
        qn_buf_byte(bytes, (char)(high * 16 + low));
    }
    return QN_OK;
}

static qn_status answer_text(tokenizing *w, const line_request *q, qn_error *err)
{
    qn_str text = q->text;
    qn_buf_clear(&w->bytes);
    if (q->hex.bytes) {
        QN_TRY(read_hex(q->hex, &w->bytes, err));
        text = (qn_str){w->bytes.bytes, w->bytes.n_bytes};
    }
    unsigned flags = (q->add_special ? QN_TOKENIZE_ADD_SPECIAL : 0u) |
                     (q->parse_special ? QN_TOKENIZE_PARSE_SPECIAL : 0u);
    QN_TRY(out_of_memory(w, err));
    QN_TRY(qn_tokenize(w->t, w->scratch, text.n_bytes, text.bytes ? text.bytes : "", flags, &w->ids,
                       err));
    write_ids(w);
    return out_of_memory(w, err);
}

static qn_status answer_line(tokenizing *w, const tokenize_args *a, qn_str line, qn_region *strings,
                             qn_error *err)
{
    qn_json j;
    line_request q = {.add_special = a->add_special,
                      .parse_special = a->parse_special,
                      .skip_special = a->skip_special};
    qn_ids_clear(&w->ids);
    qn_json_init(&j, line.n_bytes, line.bytes, strings);
    QN_TRY(qn_json_read_fields(&j, fields, &q, err));
    QN_TRY(qn_json_end(&j, err));
    QN_FAIL_IF(!!q.text.bytes + !!q.hex.bytes + !!q.ids.bytes != 1, err, QN_EARGUMENT,
               "give one of text, hex and ids");
    if (!q.ids.bytes)
        return answer_text(w, &q, err);
    QN_TRY(qn_read_ids(q.ids, &w->ids, err));
    return write_bytes(w, q.skip_special, err);
}

static qn_status answer_lines(tokenizing *w, const tokenize_args *a, qn_error *err)
{
    qn_lines lines = {0};
    qn_str line;
    bool more = false;
    qn_status st = qn_lines_next(&lines, &line, &more, err);
    for (; st == QN_OK && more && !qn_out_lost(); st = qn_lines_next(&lines, &line, &more, err)) {
        qn_error bad = {0};
        qn_region strings = qn_region_of(STRING_BYTES);
        if (answer_line(w, a, line, &strings, &bad) != QN_OK) {
            qn_buf_clear(&w->out);
            qn_print_error(&w->out, &bad, 0);
        }
        qn_out_buf(&w->out);
        qn_region_release(&strings);
    }
    qn_lines_release(&lines);
    return st;
}

/* One text. */

static void write_table(tokenizing *w)
{
    for (size_t i = 0; i < w->ids.n; i++) {
        size_t n = 0;
        const uint8_t *bytes = qn_token_bytes(w->t, w->ids.ids[i], &n);
        qn_buf_format(&w->out, "%8u  ", w->ids.ids[i]);
        qn_json_write_string(&w->out, n, (const char *)bytes);
        qn_buf_byte(&w->out, '\n');
    }
}

static qn_status cut_text(tokenizing *w, const tokenize_args *a, const qn_buf *text, qn_error *err)
{
    unsigned flags = (a->add_special ? QN_TOKENIZE_ADD_SPECIAL : 0u) |
                     (a->parse_special ? QN_TOKENIZE_PARSE_SPECIAL : 0u);
    QN_TRY(qn_tokenize(w->t, w->scratch, text->n_bytes, text->bytes ? text->bytes : "", flags,
                       &w->ids, err));
    if (a->json)
        write_ids(w);
    else
        write_table(w);
    return QN_OK;
}

static qn_status join_ids(tokenizing *w, const tokenize_args *a, const qn_buf *text, qn_error *err)
{
    unsigned flags = a->skip_special ? QN_DETOKENIZE_SKIP_SPECIAL : 0;
    QN_TRY(qn_read_ids((qn_str){text->bytes, text->n_bytes}, &w->ids, err));
    if (a->json)
        return write_bytes(w, a->skip_special, err);
    return qn_detokenize(w->t, w->ids.n, w->ids.ids, flags, &w->out, err);
}

static qn_status answer_once(tokenizing *w, const tokenize_args *a, qn_error *err)
{
    qn_buf text = {0};
    qn_status st = qn_input_read(&text, a->file ? a->file : "-", err);
    if (st == QN_OK)
        st = a->detokenize ? join_ids(w, a, &text, err) : cut_text(w, a, &text, err);
    if (st == QN_OK)
        st = out_of_memory(w, err);
    if (st == QN_OK)
        qn_out_buf(&w->out);
    qn_buf_release(&text);
    return st;
}

/* A file or directory with nothing but a tokenizer, else the words of a model. *t is the tokenizer
 * of one of them, and own what is to be released beside words. */
static qn_status open_tokenizer(const char *model, qn_words *words, qn_tokenizer **own,
                                const qn_tokenizer **t, qn_error *err)
{
    char path[QN_MODEL_PATH];
    if (qn_tokenizer_is_at(model)) {
        QN_TRY(qn_tokenizer_open(own, model, err));
        *t = *own;
        return QN_OK;
    }
    QN_TRY(qn_model_find(model, path, err));
    QN_TRY(qn_words_open(words, path, err));
    *t = words->tokenizer;
    return QN_OK;
}

qn_status qn_cmd_tokenize(int argc, char **argv, qn_error *err)
{
    tokenize_args a = {.add_special = true};
    tokenizing w = {0};
    qn_words words = {0};
    qn_tokenizer *own = NULL;
    QN_TRY(qn_args_parse(&qn_tokenize_argp, argc, argv, &a, err));
    QN_FAIL_IF(a.jsonl && (a.json || a.detokenize || a.file), err, QN_EARGUMENT,
               "--jsonl reads its requests from standard input; leave out --json, --detokenize and "
               "--file");
    QN_TRY(open_tokenizer(a.model.model, &words, &own, &w.t, err));
    qn_status st = qn_tokenizer_scratch_open(&w.scratch, w.t, err);
    if (st == QN_OK)
        st = a.jsonl ? answer_lines(&w, &a, err) : answer_once(&w, &a, err);
    qn_tokenizer_scratch_close(w.scratch);
    qn_ids_release(&w.ids);
    qn_buf_release(&w.bytes);
    qn_buf_release(&w.out);
    qn_tokenizer_release(own);
    qn_words_release(&words);
    return st;
}
