/* text/wordpiece.c - WordPiece: the longest token at each place of a word, else the whole word is
 * unknown; and WordLevel, whose words are tokens or unknown.
 *
 * A tokenizer.json spells what continues a word with a prefix; GGUF spells what begins one with
 * U+2581. Source: Hugging Face tokenizers' wordpiece/mod.rs; llama.cpp. */
#include "text/vocab.h"

static qn_status build(qn_tokenizer *t, const qn_vocab_source *source, qn_error *err)
{
    (void)source;
    memset(t->byte_id, 0xFF, sizeof t->byte_id);
    memset(t->symbol_id, 0xFF, sizeof t->symbol_id);
    return qn_trie_build(&t->trie, t, err);
}

/* Where a text leads from the root. */
static uint32_t walk(const qn_trie *x, size_t n, const uint8_t *p)
{
    uint32_t node = 0;
    for (size_t i = 0; i < n && node != QN_TRIE_NONE; i++)
        node = qn_trie_child(x, node, p[i]);
    return node;
}

static qn_status put_unknown(const qn_tokenizer *t, qn_tokenizer_scratch *s, qn_ids *out,
                             qn_error *err)
{
    s->had_unknown = true;
    QN_FAIL_IF(t->info.unk == QN_NO_TOKEN, err, QN_EFORMAT,
               "the vocabulary has no token for an unknown word");
    qn_ids_append(out, 1, &t->info.unk);
    QN_FAIL_IF(out->failed, err, QN_ENOMEM, "no memory for %zu token ids", out->n);
    return QN_OK;
}

static bool is_too_long(const qn_tokenizer *t, size_t n, const uint8_t *word)
{
    size_t n_chars = 0, most = t->hf ? t->hf->n_word_most : SIZE_MAX;
    if (n <= most)
        return false;
    for (size_t at = 0; at < n; n_chars++)
        at += qn_char_at(word + at, word + n).n_bytes;
    return n_chars > most;
}

/* The end of the longest token that begins at `at`, from a node of the tree; 0: none does. */
static size_t longest(const qn_trie *x, uint32_t node, size_t n, const uint8_t *word, size_t at,
                      uint32_t *id)
{
    size_t end = 0;
    while (at < n && node != QN_TRIE_NONE) {
        node = qn_trie_child(x, node, word[at++]);
        if (node != QN_TRIE_NONE && x->id[node] != QN_NO_TOKEN)
            *id = x->id[node], end = at;
    }
    return end;
}

static qn_status find_longest(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n,
                              const uint8_t *word, qn_ids *out, qn_error *err)
{
    size_t before = out->n;
    const qn_str prefix = t->hf ? t->hf->prefix : (qn_str){0};
    uint32_t inner = walk(&t->trie, prefix.n_bytes, (const uint8_t *)prefix.bytes);
    uint32_t node = t->hf ? 0 : qn_trie_child(&t->trie, 0, ' ');
    bool known = !is_too_long(t, n, word);
    for (size_t at = 0; known && at < n; node = inner) {
        uint32_t id;
        size_t end = longest(&t->trie, node, n, word, at, &id);
        known = end > 0;
        if (known)
            qn_ids_append(out, 1, &id);
        at = end;
    }
    if (known)
        return QN_OK;
    out->n = QN_MIN(out->n, before);
    return put_unknown(t, s, out, err);
}

static qn_status find_whole(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n,
                            const uint8_t *word, qn_ids *out, qn_error *err)
{
    uint32_t id = qn_vocab_find(t, n, word);
    if (id == QN_NO_TOKEN)
        return put_unknown(t, s, out, err);
    qn_ids_append(out, 1, &id);
    return QN_OK;
}

static qn_status build_level(qn_tokenizer *t, const qn_vocab_source *source, qn_error *err)
{
    (void)source, (void)err;
    memset(t->byte_id, 0xFF, sizeof t->byte_id);
    memset(t->symbol_id, 0xFF, sizeof t->symbol_id);
    return QN_OK;
}

static qn_status encode(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n,
                        const uint8_t *text, qn_ids *out, qn_error *err)
{
    return qn_merge_piece(t, s, n, text, text + n, out, err);
}

const qn_text_model qn_text_wordpiece = {
    .name = "bert",
    .bos = 101,
    .eos = 102,
    .unk = 100,
    .add_bos = true,
    .add_eos = true,
    .add_space_prefix = true,
    .has_marks = true,
    .spell = qn_spell_marked,
    .build = build,
    .word = find_longest,
    .encode = encode,
    .piece = qn_merge_piece,
};

const qn_text_model qn_text_wordlevel = {
    .name = "wordlevel",
    .bos = QN_NO_TOKEN,
    .eos = QN_NO_TOKEN,
    .unk = QN_NO_TOKEN,
    .spell = qn_spell_marked,
    .build = build_level,
    .word = find_whole,
    .encode = encode,
    .piece = qn_merge_piece,
};
