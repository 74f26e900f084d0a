/* text/beside.c - tokenizer_config.json and generation_config.json, as far as they name tokens. */
#include "text/beside.h"

/* A token that is a text or an object with content. */
static qn_str read_name(qn_json *j)
{
    qn_str key, name = {0};
    if (qn_json_peek(j) == QN_JSON_STRING) {
        name = qn_json_string(j);
    } else if (qn_json_peek(j) == QN_JSON_OBJECT) {
        for (qn_json_enter(j, QN_JSON_OBJECT); qn_json_next_key(j, &key);)
            if (qn_str_is(key, "content") && qn_json_peek(j) == QN_JSON_STRING)
                name = qn_json_string(j);
    }
    return name;
}

static qn_status read_config(qn_beside *b, qn_str text, qn_region *strings, qn_error *err)
{
    static const char *const keys[QN_BESIDE_TOKENS] = {[QN_BESIDE_BOS] = "bos_token",
                                                       [QN_BESIDE_EOS] = "eos_token",
                                                       [QN_BESIDE_UNK] = "unk_token",
                                                       [QN_BESIDE_PAD] = "pad_token"};
    qn_json j;
    qn_str key;
    qn_json_init(&j, text.n_bytes, text.bytes, strings);
    for (qn_json_enter(&j, QN_JSON_OBJECT); qn_json_next_key(&j, &key);) {
        bool flag = qn_json_peek(&j) == QN_JSON_BOOL;
        if (flag && qn_str_is(key, "add_bos_token"))
            b->add_bos = qn_json_bool(&j);
        else if (flag && qn_str_is(key, "add_eos_token"))
            b->add_eos = qn_json_bool(&j);
        for (size_t i = 0; i < QN_BESIDE_TOKENS; i++)
            if (qn_str_is(key, keys[i]))
                b->names[i] = read_name(&j);
    }
    return qn_json_end(&j, err);
}

static void add_eog(qn_beside *b, int64_t id)
{
    if (b->n_eog < QN_VOCAB_MAX_EOG)
        b->eog[b->n_eog++] = id;
}

/* eos_token_id is an id or a list of them. */
static qn_status read_generation(qn_beside *b, qn_str text, qn_region *strings, qn_error *err)
{
    qn_json j;
    qn_str key;
    qn_json_init(&j, text.n_bytes, text.bytes, strings);
    for (qn_json_enter(&j, QN_JSON_OBJECT); qn_json_next_key(&j, &key);) {
        if (!qn_str_is(key, "eos_token_id"))
            continue;
        if (qn_json_peek(&j) == QN_JSON_NUMBER)
            add_eog(b, qn_json_i64(&j));
        else if (qn_json_peek(&j) == QN_JSON_ARRAY)
            for (qn_json_enter(&j, QN_JSON_ARRAY); qn_json_next(&j);)
                add_eog(b, qn_json_i64(&j));
    }
    return qn_json_end(&j, err);
}

qn_status qn_beside_read(qn_beside *b, const qn_str *config, const qn_str *generation,
                         qn_region *strings, qn_error *err)
{
    *b = (qn_beside){.add_bos = -1, .add_eos = -1};
    if (config && read_config(b, *config, strings, err) != QN_OK)
        return qn_fail_in(err, "tokenizer_config.json");
    if (generation && read_generation(b, *generation, strings, err) != QN_OK)
        return qn_fail_in(err, "generation_config.json");
    return QN_OK;
}
