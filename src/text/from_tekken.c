/* text/from_tekken.c - a tokenizer from Mistral's tekken.json. Source: formats.md 15. */
#include <stdio.h>

#include "base/json.h"
#include "text/patterns.h"
#include "text/ranks.h"

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

static qn_status read_specials(qn_ranks *r, qn_json *document, const tekken *k, qn_error *err)
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
            qn_ranks_add_special(r, 0, x.text);
        }
        QN_TRY(qn_json_end(&list, err));
    }
    for (size_t i = r->n; !k->special_tokens.bytes && i < n && i < QN_COUNT(usual_specials); i++)
        qn_ranks_add_special(r, 0, qn_str_of(usual_specials[i]));
    while (r->n < n) {
        char name[32];
        snprintf(name, sizeof name, "<SPECIAL_%zu>", r->n);
        qn_ranks_add_special(r, 0, qn_str_of(name));
    }
    return QN_OK;
}

static qn_status read_vocab(qn_ranks *r, qn_json *document, const tekken *k, qn_error *err)
{
    qn_json list;
    size_t rank = 0;
    qn_json_init_raw(&list, document, k->vocab);
    for (qn_json_enter(&list, QN_JSON_ARRAY); (int64_t)r->n < k->n_vocab && qn_json_next(&list);
         rank++) {
        token x;
        QN_TRY(read_token(&list, rank, &x, err));
        QN_TRY(qn_ranks_add_base64(r, x.bytes, err));
    }
    return qn_json_check(&list, err); /* the rest is not used; the document was checked */
}

static qn_status read_tekken(qn_ranks *r, const void *file, qn_error *err)
{
    const qn_str json = *(const qn_str *)file;
    qn_json j, config;
    tekken k = {0};
    qn_json_init(&j, json.n_bytes, json.bytes, &r->strings);
    QN_TRY(qn_json_read_known_fields(&j, tekken_fields, &k, NULL, err));
    QN_TRY(qn_json_end(&j, err));
    qn_json_init_raw(&config, &j, k.config);
    QN_TRY(qn_json_read_known_fields(&config, config_fields, &k, NULL, err));
    QN_TRY(read_specials(r, &j, &k, err));
    QN_TRY(read_vocab(r, &j, &k, err));
    r->source.add_bos = 1;
    return qn_pattern_use(r->source.rules, k.pattern, err);
}

qn_status qn_tokenizer_from_tekken(qn_tokenizer **t, qn_str json, qn_error *err)
{
    return qn_ranks_make(t, &json, read_tekken, err);
}
