/* text/unigram.c - Unigram: of all ways to cut a word into tokens, the one of the highest score.
 *
 * Invariant: the best way to each place is known before any that goes on from it, so one pass from
 * left to right suffices; at equal scores the way found first stays, that is the one whose last
 * token is longest. Source: sentencepiece's unigram_model.cc (EncodeOptimized), which adds in
 * float; Hugging Face tokenizers' unigram/model.rs, which adds in double. */
#include <math.h>

#include "text/vocab.h"

static double score_of(const qn_vocab_source *source, uint32_t id)
{
    float single;
    double score;
    if (source->scores_are_f64) {
        memcpy(&score, source->scores + 8 * (size_t)id, sizeof score);
        return score;
    }
    memcpy(&single, source->scores + 4 * (size_t)id, sizeof single);
    return single;
}

/* What an unknown character costs: 10 below the least score; of all tokens in a tokenizer.json,
 * whose list ends before the added ones, else of the normal ones. */
static bool counts(const qn_tokenizer *t, uint32_t id)
{
    if (t->hf)
        return !(t->strips[id] & QN_TOKEN_OUTSIDE) || t->kinds[id] == QN_TOKEN_NORMAL;
    return t->kinds[id] == QN_TOKEN_NORMAL;
}

static qn_status build(qn_tokenizer *t, const qn_vocab_source *source, qn_error *err)
{
    double least = INFINITY;
    for (uint32_t id = 0; id < t->info.n_tokens; id++) {
        double score = score_of(source, id);
        QN_FAIL_IF(isnan(score), err, QN_EFORMAT, "token %u: its score is not a number", id);
        t->scores[id] = score;
        if (counts(t, id))
            least = fmin(least, score);
    }
    t->unk_score = least - 10;
    if (t->rules && t->rules->is_single)
        t->unk_score = (float)t->unk_score;
    qn_byte_ids(t);
    memset(t->symbol_id, 0xFF, sizeof t->symbol_id);
    return qn_trie_build(&t->trie, t, err);
}

/* Offers a way to `to` over a token that begins at `from`. */
static inline void offer(qn_node *nodes, size_t from, size_t to, uint32_t id, double score,
                         bool single)
{
    double sum = nodes[from].score + score;
    if (single)
        sum = (float)sum;
    if (nodes[to].from != UINT32_MAX && !(sum > nodes[to].score))
        return;
    nodes[to].score = sum, nodes[to].from = (uint32_t)from, nodes[to].id = id;
}

/* All tokens that begin at `at`, and the unknown one where none is its first character. */
static void extend(const qn_tokenizer *t, size_t n, const uint8_t *word, size_t at, size_t n_char,
                   qn_node *nodes)
{
    bool single = t->rules && t->rules->is_single, known = false;
    uint32_t node = 0;
    for (size_t to = at; to < n;) {
        node = qn_trie_child(&t->trie, node, word[to++]);
        if (node == QN_TRIE_NONE)
            break;
        uint32_t id = t->trie.id[node];
        if (id == QN_NO_TOKEN)
            continue;
        known |= to - at == n_char;
        offer(nodes, at, to, id, t->scores[id], single);
    }
    if (!known)
        offer(nodes, at, at + n_char, QN_NO_TOKEN, t->unk_score, single);
}

/* The best way as a list from the start: node i's next is where the token that begins at i ends. */
static void turn_round(size_t n, qn_node *nodes)
{
    for (size_t to = n; to;) {
        size_t from = nodes[to].from;
        nodes[from].next = (uint32_t)to;
        to = from;
    }
}

/* In Hugging Face's also where a text spells the unknown token's name. */
static bool is_unknown(const qn_tokenizer *t, uint32_t id)
{
    return id == QN_NO_TOKEN || (t->hf && id == t->info.unk);
}

static qn_status emit(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n, const uint8_t *word,
                      qn_ids *out, qn_error *err)
{
    const qn_node *nodes = s->nodes;
    s->unknown = false;
    for (size_t at = 0, to; at < n; at = to) {
        to = nodes[at].next;
        size_t first = to;
        while (is_unknown(t, nodes[first].id) && to < n && is_unknown(t, nodes[nodes[to].next].id))
            to = nodes[to].next; /* unknown characters in a row count as one */
        if (to == first && nodes[to].id != QN_NO_TOKEN) {
            qn_ids_append(out, 1, &nodes[to].id);
            continue;
        }
        s->unknown = false;
        QN_TRY(qn_spell_unknown(t, s, to - at, word + at, out, err));
    }
    QN_FAIL_IF(out->failed, err, QN_ENOMEM, "no memory for %zu token ids", out->n);
    return QN_OK;
}

static qn_status find_best(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n,
                           const uint8_t *word, qn_ids *out, qn_error *err)
{
    QN_TRY(qn_scratch_room((void **)&s->nodes, &s->n_nodes, n + 1, sizeof *s->nodes, err));
    qn_node *nodes = s->nodes;
    for (size_t i = 0; i <= n; i++)
        nodes[i] = (qn_node){.from = UINT32_MAX};
    for (size_t at = 0; at < n;) {
        size_t n_char = qn_char_at(word + at, word + n).n_bytes;
        extend(t, n, word, at, n_char, nodes);
        at += n_char;
    }
    turn_round(n, nodes);
    return emit(t, s, n, word, out, err);
}

static qn_status encode(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n,
                        const uint8_t *text, qn_ids *out, qn_error *err)
{
    QN_TRY(qn_spaced(t, s, &n, &text, err));
    return find_best(t, s, n, text, out, err);
}

const qn_text_model qn_text_unigram = {
    .name = "t5",
    .bos = QN_NO_TOKEN,
    .eos = 1,
    .unk = 2,
    .add_eos = true,
    .add_space_prefix = true,
    .needs_scores = true,
    .has_scores = true,
    .has_marks = true,
    .spell = qn_spell_marked,
    .build = build,
    .word = find_best,
    .encode = encode,
    .piece = qn_merge_piece,
};
