/* text/ranks.c - gathers the tokens of a vocabulary that merges by rank. */
#include "text/ranks.h"

#include "text/base64.h"

static void append_u32(qn_buf *list, uint32_t v)
{
    uint8_t bytes[] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    qn_buf_append(list, 4, bytes);
}

void qn_ranks_add(qn_ranks *r, qn_token_kind kind, unsigned strips, size_t n, const void *bytes)
{
    append_u32(&r->tokens, (uint32_t)n);
    append_u32(&r->tokens, 0);
    qn_buf_append(&r->tokens, n, bytes);
    append_u32(&r->kinds, kind);
    qn_buf_byte(&r->strips, (char)strips);
    r->n++;
}

/* A special token, whose name may say what it is for. */
void qn_ranks_add_special(qn_ranks *r, unsigned strips, qn_str name)
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
    qn_ranks_add(r, QN_TOKEN_CONTROL, strips, name.n_bytes, name.bytes);
}

qn_status qn_ranks_check(const qn_ranks *r, qn_error *err)
{
    QN_FAIL_IF(r->n >= qn_tokenizer_max.n_tokens, err, QN_ELIMIT, "more than %zu tokens",
               qn_tokenizer_max.n_tokens);
    return QN_OK;
}

qn_status qn_ranks_add_base64(qn_ranks *r, qn_str text, qn_error *err)
{
    uint8_t bytes[4096];
    QN_FAIL_IF(text.n_bytes > sizeof bytes, err, QN_ELIMIT,
               "token %zu: %zu bytes of base64, the limit is %zu", r->n, text.n_bytes,
               sizeof bytes);
    size_t n = qn_base64_decode(bytes, text);
    QN_FAIL_IF(n == SIZE_MAX || n == 0, err, QN_EFORMAT, "token %zu is not base64", r->n);
    QN_TRY(qn_ranks_check(r, err));
    qn_ranks_add(r, QN_TOKEN_NORMAL, 0, n, bytes);
    return QN_OK;
}

qn_status qn_ranks_make(qn_tokenizer **t, const void *file, qn_ranks_read *read, qn_error *err)
{
    qn_ranks r = {.source = QN_VOCAB_SOURCE, .strings = qn_region_of(64 << 20)};
    *t = NULL;
    r.source.rules = qn_rules_new();
    QN_FAIL_IF(!r.source.rules, err, QN_ENOMEM, "no memory for a tokenizer");
    qn_status st = read(&r, file, err);
    if (st == QN_OK && (r.tokens.failed || r.kinds.failed || r.strips.failed))
        st = qn_fail(err, QN_ENOMEM, "no memory for %zu tokens", r.n);
    r.source.model = qn_str_of("tiktoken");
    r.source.tokens = (qn_texts){r.n, r.tokens.n_bytes, (const uint8_t *)r.tokens.bytes};
    r.source.kinds = (const uint8_t *)r.kinds.bytes;
    r.source.strips = (const uint8_t *)r.strips.bytes;
    if (st == QN_OK)
        st = qn_tokenizer_from_source(t, &r.source, err);
    else
        qn_rules_release(r.source.rules);
    qn_buf_release(&r.tokens);
    qn_buf_release(&r.kinds);
    qn_buf_release(&r.strips);
    qn_region_release(&r.strings);
    return st;
}
