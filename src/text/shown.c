/* text/shown.c - the texts of tokens as a decoder shows them, where it changes each: made once,
 * when the tokenizer is. Source: Hugging Face tokenizers 0.23 (src/decoders). */
#include "text/vocab.h"

/* A token's text behind the steps, kept in the rules' memory. */
static qn_status show(qn_tokenizer *t, qn_rules_scratch *s, uint32_t id, qn_str *shown,
                      qn_error *err)
{
    const qn_rules *r = t->rules;
    size_t n;
    const uint8_t *text = qn_token_bytes(t, id, &n);
    bool is_byte = t->kinds[id] == QN_TOKEN_BYTE; /* which a decoder before has made of its name */
    QN_TRY(qn_normalize(is_byte ? 0 : r->n_shows, r->shows, s, &n, &text, err));
    QN_FAIL_IF(n > qn_tokenizer_max.n_token_bytes, err, QN_ELIMIT,
               "token %u: decoded it has %zu bytes, the limit is %zu", id, n,
               qn_tokenizer_max.n_token_bytes);
    shown->bytes = qn_region_copy(&t->rules->memory, n, text);
    shown->n_bytes = n;
    if (!shown->bytes)
        return qn_region_fail(&t->rules->memory, "the decoded texts of tokens", err);
    return QN_OK;
}

qn_status qn_shown_build(qn_tokenizer *t, qn_error *err)
{
    qn_rules_scratch s = {0};
    qn_status st = QN_OK;
    if (!t->rules || !t->rules->n_shows)
        return QN_OK;
    qn_str *shown = qn_region_take(&t->rules->memory, t->info.n_tokens, sizeof *shown);
    if (!shown)
        return qn_region_fail(&t->rules->memory, "the decoded texts of tokens", err);
    for (uint32_t id = 0; st == QN_OK && id < t->info.n_tokens; id++)
        st = show(t, &s, id, &shown[id], err);
    qn_rules_scratch_release(&s);
    t->shown = st == QN_OK ? shown : NULL;
    return st;
}
