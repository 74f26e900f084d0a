/* text/from_gguf.c - a tokenizer from GGUF's tokenizer.ggml.* keys, its lists read in place.
 *
 * Source: formats.md 3 (the GGUF specification and llama.cpp's converter). */
#include <string.h>

#include "base/alloc.h"
#include "text/rules.h"
#include "text/tokenizer.h"
#include "weights/gguf.h"

static qn_status texts_of(const qn_gguf *g, const char *key, qn_texts *texts, qn_error *err)
{
    qn_gguf_array a = {0};
    QN_TRY(qn_gguf_maybe_strings(g, key, &a, err));
    if (a.n)
        *texts = (qn_texts){.n = a.n, .n_bytes = a.starts[a.n], .bytes = a.bytes};
    return QN_OK;
}

/* An array of n 32-bit numbers of one of two types, in place; *bytes stays NULL when absent. */
static qn_status numbers_of(const qn_gguf *g, const char *key, size_t n, qn_gguf_type type,
                            qn_gguf_type or_type, const uint8_t **bytes, qn_error *err)
{
    const qn_gguf_value *v = qn_gguf_find(g, key);
    if (!v)
        return QN_OK;
    bool right = v->type == QN_GGUF_ARRAY && (v->array.type == type || v->array.type == or_type);
    QN_FAIL_IF(!right, err, QN_EFORMAT, "key %s: not an array of %s", key, qn_gguf_type_name(type));
    QN_FAIL_IF(v->array.n != n, err, QN_EFORMAT, "key %s: %zu values for %zu tokens", key,
               v->array.n, n);
    *bytes = v->array.bytes;
    return QN_OK;
}

static qn_status flag_of(const qn_gguf *g, const char *key, int *flag, qn_error *err)
{
    bool value = *flag > 0;
    QN_TRY(qn_gguf_maybe_bool(g, key, &value, err));
    if (qn_gguf_find(g, key))
        *flag = value;
    return QN_OK;
}

static qn_status ids_of(const qn_gguf *g, qn_vocab_source *source, qn_error *err)
{
    static const char *const ends[] = {
        "tokenizer.ggml.eot_token_id",     "tokenizer.ggml.eom_token_id",
        "tokenizer.ggml.fim_pad_token_id", "tokenizer.ggml.fim_rep_token_id",
        "tokenizer.ggml.fim_sep_token_id",
    };
    QN_TRY(qn_gguf_maybe_u32(g, "tokenizer.ggml.bos_token_id", &source->bos, err));
    QN_TRY(qn_gguf_maybe_u32(g, "tokenizer.ggml.eos_token_id", &source->eos, err));
    QN_TRY(qn_gguf_maybe_u32(g, "tokenizer.ggml.unknown_token_id", &source->unk, err));
    QN_TRY(qn_gguf_maybe_u32(g, "tokenizer.ggml.padding_token_id", &source->pad, err));
    for (size_t i = 0; i < QN_COUNT(ends); i++) {
        uint32_t id = QN_NO_TOKEN;
        QN_TRY(qn_gguf_maybe_u32(g, ends[i], &id, err));
        if (id != QN_NO_TOKEN)
            source->eog[source->n_eog++] = id;
    }
    return QN_OK;
}

static qn_status read_source(const qn_gguf *g, qn_vocab_source *source, qn_error *err)
{
    QN_TRY(qn_gguf_get_string(g, "tokenizer.ggml.model", &source->model, err));
    QN_TRY(qn_gguf_maybe_string(g, "tokenizer.ggml.pre", &source->pre, err));
    QN_TRY(texts_of(g, "tokenizer.ggml.tokens", &source->tokens, err));
    QN_TRY(texts_of(g, "tokenizer.ggml.merges", &source->merges, err));
    size_t n = source->tokens.n;
    QN_TRY(
        numbers_of(g, "tokenizer.ggml.scores", n, QN_GGUF_F32, QN_GGUF_F32, &source->scores, err));
    QN_TRY(numbers_of(g, "tokenizer.ggml.token_type", n, QN_GGUF_I32, QN_GGUF_U32, &source->kinds,
                      err));
    QN_TRY(ids_of(g, source, err));
    QN_TRY(flag_of(g, "tokenizer.ggml.add_bos_token", &source->add_bos, err));
    QN_TRY(flag_of(g, "tokenizer.ggml.add_eos_token", &source->add_eos, err));
    return flag_of(g, "tokenizer.ggml.add_space_prefix", &source->add_space_prefix, err);
}

static bool names_phi3(qn_str name)
{
    for (size_t i = 0; i + 4 <= name.n_bytes; i++) {
        const char *p = name.bytes + i;
        size_t dash = p[3] == '-' && i + 5 <= name.n_bytes;
        if (strncasecmp(p, "phi", 3) == 0 && p[3 + dash] == '3')
            return true;
    }
    return false;
}

/* Phi-3's markers swallow the white space behind them, RoBERTa's mask that before it, which GGUF
 * files do not say: llama.cpp goes by the model's name, and so must this. */
static void strip_markers(const qn_gguf_array *tokens, const uint8_t *kinds, bool phi3,
                          uint8_t *strips)
{
    for (size_t id = 0; id < tokens->n; id++) {
        qn_str text = qn_gguf_array_string(tokens, id);
        if (!phi3) {
            strips[id] = qn_str_is(text, "<mask>") ? QN_TOKEN_LSTRIP : 0;
            continue;
        }
        bool plain = qn_str_is(text, "<s>") || qn_str_is(text, "<|endoftext|>");
        bool marker = kinds[4 * id] == QN_TOKEN_CONTROL || kinds[4 * id] == QN_TOKEN_USER;
        strips[id] = marker && !plain ? QN_TOKEN_RSTRIP : 0;
    }
}

static qn_status from_marked(qn_tokenizer **t, const qn_gguf *g, qn_vocab_source *source, bool phi3,
                             qn_error *err)
{
    qn_gguf_array tokens = {0};
    QN_TRY(qn_gguf_get_strings(g, "tokenizer.ggml.tokens", &tokens, err));
    uint8_t *strips = qn_alloc_zeroed(tokens.n + 1, 1);
    QN_FAIL_IF(!strips, err, QN_ENOMEM, "no memory for %zu tokens", tokens.n);
    strip_markers(&tokens, source->kinds, phi3, strips);
    source->strips = strips;
    qn_status st = qn_tokenizer_from_source(t, source, err);
    qn_free(strips);
    return st;
}

static void add_step(qn_rules *r, qn_normal_kind kind)
{
    r->normals[r->n_normals++].kind = kind;
}

/* Bert: the steps of its own tokenizer, which GGUF does not state. */
static qn_status bert_rules(const qn_gguf *g, qn_vocab_source *source, qn_error *err)
{
    qn_rules *r = source->rules;
    add_step(r, QN_CLEAN), add_step(r, QN_SPACE_HAN), add_step(r, QN_NFD);
    add_step(r, QN_STRIP_MN), add_step(r, QN_LOWERCASE);
    r->cuts[0] =
        (qn_cut_step){.kind = QN_CUT_CLASS, .flags = QN_CLASS_SPACE, .behavior = QN_CUT_REMOVED};
    r->cuts[1] = (qn_cut_step){.kind = QN_CUT_CLASS, .flags = QN_CLASS_PUNCTUATION};
    r->n_cuts = 2;
    QN_TRY(qn_gguf_maybe_u32(g, "tokenizer.ggml.cls_token_id", &source->bos, err));
    return qn_gguf_maybe_u32(g, "tokenizer.ggml.seperator_token_id", &source->eos, err);
}

/* SentencePiece's normalizer. */
static qn_status unigram_rules(const qn_gguf *g, qn_vocab_source *source, qn_error *err)
{
    static const char key[] = "tokenizer.ggml.precompiled_charsmap";
    qn_rules *r = source->rules;
    const qn_gguf_value *v = qn_gguf_find(g, key);
    bool one_space = false;
    r->is_single = true;
    if (v && v->type == QN_GGUF_ARRAY && v->array.n) {
        bool bytes = v->array.type == QN_GGUF_U8 || v->array.type == QN_GGUF_I8;
        QN_FAIL_IF(!bytes, err, QN_EFORMAT, "key %s: not an array of bytes", key);
        const char *own = qn_region_copy(&r->memory, v->array.n, v->array.bytes);
        if (!own)
            return qn_region_fail(&r->memory, "the precompiled character map", err);
        QN_TRY(qn_charsmap_read(&r->normals[0].map, v->array.n, (const uint8_t *)own, err));
        add_step(r, QN_CHARSMAP_SPM);
    }
    QN_TRY(qn_gguf_maybe_bool(g, "tokenizer.ggml.remove_extra_whitespaces", &one_space, err));
    if (one_space)
        add_step(r, QN_ONE_SPACE);
    return QN_OK;
}

/* Merges of characters with U+2581 for a space, and byte tokens, as a tokenizer.json of Gemma has
 * them: GGUF calls that a model or a pre-tokenizer. */
static bool merges_marked(const qn_vocab_source *source)
{
    static const char *const names[] = {"gemma4", "granite-embed-multi-311m", "sarvam-moe"};
    for (size_t i = 0; i < QN_COUNT(names); i++)
        if (qn_str_is(source->pre, names[i]) && qn_str_is(source->model, "gpt2"))
            return true;
    return qn_str_is(source->model, "gemma4");
}

static void marked_rules(qn_vocab_source *source)
{
    qn_rules *r = source->rules;
    source->model = qn_str_of("llama");
    r->is_hf = r->falls_back = true;
    if (source->add_bos > 0 && source->bos != QN_NO_TOKEN)
        r->before[r->n_before++] = source->bos;
    if (source->add_eos > 0 && source->eos != QN_NO_TOKEN)
        r->after[r->n_after++] = source->eos;
    source->add_bos = r->n_before > 0, source->add_eos = r->n_after > 0;
    source->add_space_prefix = source->add_space_prefix > 0;
}

/* What a model needs before it sees a text, beside a scanner; on failure nothing is left. */
static qn_status make_rules(const qn_gguf *g, qn_vocab_source *source, qn_error *err)
{
    bool bert = qn_str_is(source->model, "bert"), marked = merges_marked(source);
    if (!bert && !marked && !qn_str_is(source->model, "t5"))
        return QN_OK;
    source->rules = qn_rules_new();
    QN_FAIL_IF(!source->rules, err, QN_ENOMEM, "no memory for a tokenizer");
    source->rules->has_marks = true;
    source->rules->joining = source->add_space_prefix && !marked ? QN_JOIN_STRIP : QN_JOIN_PLAIN;
    if (marked)
        marked_rules(source);
    qn_status st = marked ? QN_OK
                   : bert ? bert_rules(g, source, err)
                          : unigram_rules(g, source, err);
    if (st != QN_OK)
        qn_rules_release(source->rules);
    return st;
}

qn_status qn_tokenizer_from_gguf(qn_tokenizer **t, const qn_gguf *g, qn_error *err)
{
    qn_vocab_source source = QN_VOCAB_SOURCE;
    qn_str name = {0};
    *t = NULL;
    QN_TRY(read_source(g, &source, err));
    QN_TRY(qn_gguf_maybe_string(g, "general.name", &name, err));
    bool phi3 = names_phi3(name) && source.kinds && qn_str_is(source.model, "llama");
    if (phi3 || qn_str_is(source.pre, "roberta-bpe"))
        return from_marked(t, g, &source, phi3, err);
    QN_TRY(make_rules(g, &source, err));
    return qn_tokenizer_from_source(t, &source, err);
}
