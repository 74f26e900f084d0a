/* text/from_ranks.c - vocabularies whose tokens merge by rank: Mistral's tekken.json, and
 * tiktoken's files of lines "base64 rank".
 *
 * A tiktoken file states neither its pattern nor its special tokens; both are known for the
 * published ones (tiktokens.def), by the number of their ranks. Source: formats.md 15. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/json.h"
#include "text/base64.h"
#include "text/patterns.h"
#include "text/vocab.h"

typedef struct reading {
    qn_buf tokens, kinds;
    size_t n;
    qn_vocab_source source;
} reading;

static void append_u32(qn_buf *list, uint32_t v)
{
    uint8_t bytes[] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    qn_buf_append(list, 4, bytes);
}

static void add_token(reading *r, qn_token_kind kind, size_t n, const void *bytes)
{
    append_u32(&r->tokens, (uint32_t)n);
    append_u32(&r->tokens, 0);
    qn_buf_append(&r->tokens, n, bytes);
    append_u32(&r->kinds, kind);
    r->n++;
}

/* A special token, whose name may say what it is for. */
static void add_special(reading *r, qn_str name)
{
    struct {
        const char *name;
        uint32_t *id;
    } known[] = {{"<s>", &r->source.bos},          {"<|begin_of_text|>", &r->source.bos},
                 {"</s>", &r->source.eos},         {"<|end_of_text|>", &r->source.eos},
                 {"<unk>", &r->source.unk},        {"<pad>", &r->source.pad},
                 {"<|endoftext|>", &r->source.eos}};
    for (size_t i = 0; i < QN_COUNT(known); i++)
        if (qn_str_is(name, known[i].name) && *known[i].id == QN_NO_TOKEN)
            *known[i].id = (uint32_t)r->n;
    add_token(r, QN_TOKEN_CONTROL, name.n_bytes, name.bytes);
}

static qn_status check_count(const reading *r, qn_error *err)
{
    QN_FAIL_IF(r->n >= qn_tokenizer_max.n_tokens, err, QN_ELIMIT, "more than %zu tokens",
               qn_tokenizer_max.n_tokens);
    return QN_OK;
}

static qn_status add_base64(reading *r, qn_str text, qn_error *err)
{
    uint8_t bytes[4096];
    QN_FAIL_IF(text.n_bytes > sizeof bytes, err, QN_ELIMIT,
               "token %zu: %zu bytes of base64, the limit is %zu", r->n, text.n_bytes,
               sizeof bytes);
    size_t n = qn_base64_decode(bytes, text);
    QN_FAIL_IF(n == SIZE_MAX || n == 0, err, QN_EFORMAT, "token %zu is not base64", r->n);
    QN_TRY(check_count(r, err));
    add_token(r, QN_TOKEN_NORMAL, n, bytes);
    return QN_OK;
}

/* Tekken. */

typedef struct tekken {
    qn_str pattern, vocab, special_tokens, config;
    int64_t n_vocab, n_special;
} tekken;

static const qn_json_field config_fields[] = {
    {"pattern", QN_JSON_STRING, 0, 0, offsetof(tekken, pattern), QN_JSON_REQUIRED},
    {"default_vocab_size", QN_JSON_INT, 1, 1 << 21, offsetof(tekken, n_vocab), QN_JSON_REQUIRED},
    {"default_num_special_tokens", QN_JSON_INT, 0, 1 << 16, offsetof(tekken, n_special),
     QN_JSON_REQUIRED},
    {0},
};

static const qn_json_field tekken_fields[] = {
    {"config", QN_JSON_OBJECT, 0, 0, offsetof(tekken, config), QN_JSON_REQUIRED},
    {"vocab", QN_JSON_ARRAY, 0, 0, offsetof(tekken, vocab), QN_JSON_REQUIRED},
    {"special_tokens", QN_JSON_ARRAY, 0, 0, offsetof(tekken, special_tokens), QN_JSON_NULLABLE},
    {0},
};

typedef struct token { /* an element of vocab or special_tokens */
    int64_t rank;
    qn_str bytes, text;
} token;

static const qn_json_field token_fields[] = {
    {"rank", QN_JSON_INT, 0, 1 << 21, offsetof(token, rank), QN_JSON_REQUIRED},
    {"token_bytes", QN_JSON_STRING, 0, 0, offsetof(token, bytes), 0},
    {"token_str", QN_JSON_STRING, 0, 0, offsetof(token, text), QN_JSON_NULLABLE},
    {0},
};

/* The next element of a list, whose rank must be its place. */
static qn_status read_token(qn_json *list, size_t rank, token *x, qn_error *err)
{
    qn_json one;
    qn_str text = qn_json_raw(list);
    QN_TRY(qn_json_check(list, err));
    *x = (token){0};
    qn_json_init_raw(&one, list, text);
    QN_TRY(qn_json_read_known_fields(&one, token_fields, x, NULL, err));
    QN_FAIL_IF((size_t)x->rank != rank, err, QN_EFORMAT,
               "the token of rank %" PRId64 " stands at place %zu", x->rank, rank);
    return QN_OK;
}

/* Files of the first version do not list them. */
static const char *const usual_specials[] = {"<unk>",
                                             "<s>",
                                             "</s>",
                                             "[INST]",
                                             "[/INST]",
                                             "[AVAILABLE_TOOLS]",
                                             "[/AVAILABLE_TOOLS]",
                                             "[TOOL_RESULTS]",
                                             "[/TOOL_RESULTS]",
                                             "[TOOL_CALLS]",
                                             "[IMG]",
                                             "<pad>",
                                             "[IMG_BREAK]",
                                             "[IMG_END]",
                                             "[PREFIX]",
                                             "[MIDDLE]",
                                             "[SUFFIX]",
                                             "[SYSTEM_PROMPT]",
                                             "[/SYSTEM_PROMPT]",
                                             "[TOOL_CONTENT]"};

static qn_status read_specials(reading *r, qn_json *document, const tekken *k, qn_error *err)
{
    qn_json list;
    size_t n = (size_t)k->n_special;
    if (k->special_tokens.bytes) {
        qn_json_init_raw(&list, document, k->special_tokens);
        for (qn_json_enter(&list, QN_JSON_ARRAY); qn_json_next(&list);) {
            token x;
            QN_TRY(read_token(&list, r->n, &x, err));
            QN_FAIL_IF(r->n >= n || !x.text.n_bytes, err, QN_EFORMAT,
                       "special token %zu has no text, or is one too many", r->n);
            add_special(r, x.text);
        }
        QN_TRY(qn_json_end(&list, err));
    }
    for (size_t i = r->n; !k->special_tokens.bytes && i < n && i < QN_COUNT(usual_specials); i++)
        add_special(r, qn_str_of(usual_specials[i]));
    while (r->n < n) {
        char name[32];
        snprintf(name, sizeof name, "<SPECIAL_%zu>", r->n);
        add_special(r, qn_str_of(name));
    }
    return QN_OK;
}

static qn_status read_vocab(reading *r, qn_json *document, const tekken *k, qn_error *err)
{
    qn_json list;
    size_t rank = 0;
    qn_json_init_raw(&list, document, k->vocab);
    for (qn_json_enter(&list, QN_JSON_ARRAY); (int64_t)r->n < k->n_vocab && qn_json_next(&list);
         rank++) {
        token x;
        QN_TRY(read_token(&list, rank, &x, err));
        QN_TRY(add_base64(r, x.bytes, err));
    }
    return qn_json_check(&list, err); /* the rest is not used; the document was checked */
}

static qn_status read_tekken(reading *r, qn_str json, qn_region *strings, qn_error *err)
{
    qn_json j, config;
    tekken k = {0};
    qn_json_init(&j, json.n_bytes, json.bytes, strings);
    QN_TRY(qn_json_read_known_fields(&j, tekken_fields, &k, NULL, err));
    QN_TRY(qn_json_end(&j, err));
    qn_json_init_raw(&config, &j, k.config);
    QN_TRY(qn_json_read_known_fields(&config, config_fields, &k, NULL, err));
    QN_TRY(read_specials(r, &j, &k, err));
    QN_TRY(read_vocab(r, &j, &k, err));
    r->source.add_bos = 1;
    return qn_pattern_use(r->source.rules, k.pattern, err);
}

/* tiktoken. */

enum { MOST_NAMES = 32 };

typedef struct known { /* a row of tiktokens.def */
    size_t n_ranks;
    qn_cut_pattern *scan;
    bool nfc;
    const char *prefix; /* of a numbered name */
    size_t first, n;
    const char *names[MOST_NAMES];
} known;

static const char numbered[] = "numbered";

// clang-format off
static const known all_known[] = {
#define NUMBERED numbered
#define X(n_ranks, scan, nfc, prefix, first, n, ...) {n_ranks, scan, nfc, prefix, first, n, {__VA_ARGS__}},
#include "text/tiktokens.def"
#undef X
};
// clang-format on

static qn_status read_line(reading *r, qn_str line, qn_error *err)
{
    const char *space = memchr(line.bytes, ' ', line.n_bytes);
    uint64_t rank = 0;
    QN_FAIL_IF(!space || space + 1 == line.bytes + line.n_bytes, err, QN_EFORMAT,
               "line %zu is not a token and its rank", r->n + 1);
    for (const char *p = space + 1; p < line.bytes + line.n_bytes; p++) {
        QN_FAIL_IF(*p < '0' || *p > '9' || rank > 1u << 30, err, QN_EFORMAT,
                   "line %zu: the rank is not a number", r->n + 1);
        rank = rank * 10 + (uint64_t)(*p - '0');
    }
    QN_FAIL_IF(rank != r->n, err, QN_EFORMAT, "line %zu: its rank is %" PRIu64, r->n + 1, rank);
    return add_base64(r, (qn_str){line.bytes, (size_t)(space - line.bytes)}, err);
}

static qn_status add_known(reading *r, const known *k, qn_error *err)
{
    size_t n_numbered = 0;
    while (r->n < k->first)
        add_token(r, QN_TOKEN_UNUSED, 0, NULL);
    for (size_t i = 0; i < k->n; i++) {
        const char *name = i < MOST_NAMES ? k->names[i] : NULL;
        char own[48];
        snprintf(own, sizeof own, "%s%zu|>", k->prefix, n_numbered);
        if (name && !*name) {
            add_token(r, QN_TOKEN_UNUSED, 0, NULL);
        } else if (name && name != numbered) {
            add_special(r, qn_str_of(name));
        } else {
            add_special(r, qn_str_of(own));
            n_numbered++;
        }
    }
    return check_count(r, err);
}

static qn_status read_tiktoken(reading *r, qn_str lines, qn_error *err)
{
    for (const char *p = lines.bytes, *end = p + lines.n_bytes, *stop; p < end; p = stop + 1) {
        stop = memchr(p, '\n', (size_t)(end - p));
        stop = stop ? stop : end;
        size_t n = (size_t)(stop - p);
        n -= n && p[n - 1] == '\r';
        if (n)
            QN_TRY(read_line(r, (qn_str){p, n}, err));
    }
    for (size_t i = 0; i < QN_COUNT(all_known); i++) {
        if (all_known[i].n_ranks != r->n)
            continue;
        r->source.rules->stages[0] = all_known[i].scan, r->source.rules->n_stages = 1;
        if (all_known[i].nfc)
            r->source.rules->normals[r->source.rules->n_normals++].kind = QN_NFC;
        return add_known(r, &all_known[i], err);
    }
    return qn_fail(err, QN_EUNSUPPORTED,
                   "a tiktoken file of %zu ranks is of no known vocabulary; use its tokenizer.json",
                   r->n);
}

/* Both. */

typedef qn_status read_file(reading *r, qn_str text, qn_region *strings, qn_error *err);

static qn_status read_lines(reading *r, qn_str text, qn_region *strings, qn_error *err)
{
    (void)strings;
    return read_tiktoken(r, text, err);
}

static qn_status make(qn_tokenizer **t, qn_str text, read_file *read, qn_error *err)
{
    qn_region strings = qn_region_of(64 << 20);
    reading r = {.source = QN_VOCAB_SOURCE};
    *t = NULL;
    r.source.rules = qn_rules_new();
    QN_FAIL_IF(!r.source.rules, err, QN_ENOMEM, "no memory for a tokenizer");
    qn_status st = read(&r, text, &strings, err);
    if (st == QN_OK && (r.tokens.failed || r.kinds.failed))
        st = qn_fail(err, QN_ENOMEM, "no memory for %zu tokens", r.n);
    r.source.model = qn_str_of("tiktoken");
    r.source.tokens = (qn_texts){r.n, r.tokens.n_bytes, (const uint8_t *)r.tokens.bytes};
    r.source.kinds = (const uint8_t *)r.kinds.bytes;
    if (st == QN_OK)
        st = qn_tokenizer_from_source(t, &r.source, err);
    else
        qn_rules_release(r.source.rules);
    qn_buf_release(&r.tokens);
    qn_buf_release(&r.kinds);
    qn_region_release(&strings);
    return st;
}

qn_status qn_tokenizer_from_tekken(qn_tokenizer **t, qn_str json, qn_error *err)
{
    return make(t, json, read_tekken, err);
}

qn_status qn_tokenizer_from_tiktoken(qn_tokenizer **t, qn_str lines, qn_error *err)
{
    return make(t, lines, read_lines, err);
}
