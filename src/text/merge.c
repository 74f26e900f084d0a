/* text/merge.c - the one merge loop of all BPE kinds: the pair of the smallest rank first, ties
 * from the left, until none is left.
 *
 * Invariant: symbol i's rank and merged describe the pair of i and its next at this moment, so a
 * queued (rank, i) that no longer agrees is stale. Short pieces are merged by looking for the
 * minimum; longer ones with a heap, O(n log n). */
#include "base/alloc.h"
#include "text/vocab.h"

enum { SHORT = 32 };

qn_status qn_scratch_room(void **p, size_t *n_room, size_t n, size_t size, qn_error *err)
{
    if (n <= *n_room)
        return QN_OK;
    size_t wanted = QN_MAX(n, *n_room * 2);
    void *grown = qn_realloc(*p, wanted, size);
    QN_FAIL_IF(!grown, err, QN_ENOMEM, "no memory to tokenize: %zu times %zu bytes", wanted, size);
    *p = grown, *n_room = wanted;
    return QN_OK;
}

static const qn_pair *pair_of(const qn_tokenizer *t, uint32_t left, uint32_t right)
{
    uint64_t h = qn_text_mix((uint64_t)left << 32 | right);
    for (size_t i = (size_t)h & t->pair_mask;; i = (i + 1) & t->pair_mask) {
        const qn_pair *p = &t->pairs[i];
        if (!p->rank_and_1 || (p->left == left && p->right == right))
            return p;
    }
}

/* Sets what a and the symbol behind it, b, merge to; b ends at end. */
static inline void relate(const qn_tokenizer *t, const uint8_t *piece, qn_symbol *a,
                          const qn_symbol *b, uint32_t end)
{
    a->rank = QN_NO_RANK;
    if (t->pairs) {
        if (a->id == QN_NO_TOKEN || b->id == QN_NO_TOKEN)
            return;
        const qn_pair *p = pair_of(t, a->id, b->id);
        a->rank = p->rank_and_1 - 1, a->merged = p->id;
    } else if (t->glue[piece[b->start - 1] * 256 + piece[b->start]] &&
               end - a->start <= t->n_longest) {
        a->merged = qn_vocab_find(t, end - a->start, piece + a->start);
        if (a->merged != QN_NO_TOKEN)
            a->rank = t->ranks[a->merged];
    }
}

/* The id of a character that continues a word, or ends it, and so is spelled longer. */
static uint32_t affixed(const qn_tokenizer *t, bool first, bool last, size_t n, const uint8_t *p)
{
    uint8_t bytes[2 * QN_AFFIX_BYTES + 4];
    const qn_str *prefix = &t->rules->prefix, *suffix = &t->rules->suffix;
    size_t n_bytes = 0;
    if (!first && prefix->n_bytes) {
        memcpy(bytes, prefix->bytes, prefix->n_bytes);
        n_bytes = prefix->n_bytes;
    }
    memcpy(bytes + n_bytes, p, n);
    n_bytes += n;
    if (last && suffix->n_bytes) {
        memcpy(bytes + n_bytes, suffix->bytes, suffix->n_bytes);
        n_bytes += suffix->n_bytes;
    }
    return qn_vocab_find(t, n_bytes, bytes);
}

static uint32_t split(const qn_tokenizer *t, size_t n, const uint8_t *piece, qn_symbol *symbols)
{
    uint32_t n_symbols = 0;
    bool affixes = t->rules && (t->rules->prefix.n_bytes || t->rules->suffix.n_bytes);
    for (size_t at = 0, step; at < n; n_symbols++, at += step) {
        qn_symbol *x = &symbols[n_symbols];
        *x = (qn_symbol){.start = (uint32_t)at, .rank = QN_NO_RANK};
        step = t->model->symbol(t, piece + at, piece + n, &x->id);
        if (affixes)
            x->id = affixed(t, at == 0, at + step == n, step, piece + at);
    }
    return n_symbols;
}

static uint32_t end_of(const qn_symbol *symbols, uint32_t n_symbols, uint32_t i, uint32_t n)
{
    return i + 1 < n_symbols ? symbols[i + 1].start : n;
}

/* Merges in place; returns how many symbols are left. */
static uint32_t merge_short(const qn_tokenizer *t, uint32_t n, const uint8_t *piece,
                            uint32_t n_symbols, qn_symbol *x)
{
    for (uint32_t i = 0; i + 1 < n_symbols; i++)
        relate(t, piece, &x[i], &x[i + 1], end_of(x, n_symbols, i + 1, n));
    for (;;) {
        uint32_t best = 0;
        for (uint32_t i = 1; i + 1 < n_symbols; i++)
            if (x[i].rank < x[best].rank)
                best = i;
        if (n_symbols < 2 || x[best].rank == QN_NO_RANK)
            return n_symbols;
        x[best].id = x[best].merged;
        n_symbols--;
        memmove(&x[best + 1], &x[best + 2], (n_symbols - best - 1) * sizeof *x);
        if (best + 1 < n_symbols)
            relate(t, piece, &x[best], &x[best + 1], end_of(x, n_symbols, best + 1, n));
        else
            x[best].rank = QN_NO_RANK;
        if (best)
            relate(t, piece, &x[best - 1], &x[best], end_of(x, n_symbols, best, n));
    }
}

/* A heap of (rank << 32 | symbol), 4 children to a node. */
static void sift_down(uint64_t *heap, size_t n, size_t at)
{
    uint64_t value = heap[at];
    for (;;) {
        size_t child = 4 * at + 1, least = child;
        if (child >= n)
            break;
        for (size_t i = child + 1; i < n && i < child + 4; i++)
            if (heap[i] < heap[least])
                least = i;
        if (heap[least] >= value)
            break;
        heap[at] = heap[least];
        at = least;
    }
    heap[at] = value;
}

static void push(uint64_t *heap, size_t *n, const qn_symbol *x, uint32_t i)
{
    if (x[i].rank == QN_NO_RANK)
        return;
    uint64_t value = (uint64_t)x[i].rank << 32 | i;
    size_t at = (*n)++;
    for (; at && heap[(at - 1) / 4] > value; at = (at - 1) / 4)
        heap[at] = heap[(at - 1) / 4];
    heap[at] = value;
}

/* Joins symbol i with the next one; the two pairs it is then part of go to the heap. */
static void join(const qn_tokenizer *t, uint32_t n, const uint8_t *piece, qn_symbol *x, uint32_t i,
                 uint64_t *heap, size_t *n_heap)
{
    uint32_t gone = x[i].next, next = x[gone].next, prev = x[i].prev;
    x[i].id = x[i].merged;
    x[i].next = next;
    x[i].rank = x[gone].rank = QN_NO_RANK;
    if (next != UINT32_MAX) {
        uint32_t after = x[next].next;
        x[next].prev = i;
        relate(t, piece, &x[i], &x[next], after == UINT32_MAX ? n : x[after].start);
        push(heap, n_heap, x, i);
    }
    if (prev != UINT32_MAX) {
        relate(t, piece, &x[prev], &x[i], next == UINT32_MAX ? n : x[next].start);
        push(heap, n_heap, x, prev);
    }
}

/* The same with a linked list; the symbols that are left are x[0] and those reached by next, which
 * are then moved together. */
static uint32_t merge_long(const qn_tokenizer *t, uint32_t n, const uint8_t *piece,
                           uint32_t n_symbols, qn_symbol *x, uint64_t *heap)
{
    size_t n_heap = 0;
    for (uint32_t i = 0; i < n_symbols; i++) {
        x[i].prev = i ? i - 1 : UINT32_MAX;
        x[i].next = i + 1 < n_symbols ? i + 1 : UINT32_MAX;
        if (i + 1 < n_symbols)
            relate(t, piece, &x[i], &x[i + 1], end_of(x, n_symbols, i + 1, n));
        push(heap, &n_heap, x, i);
    }
    while (n_heap) {
        uint64_t top = heap[0];
        heap[0] = heap[--n_heap];
        if (n_heap)
            sift_down(heap, n_heap, 0);
        uint32_t i = (uint32_t)top;
        if (x[i].rank == top >> 32)
            join(t, n, piece, x, i, heap, &n_heap);
    }
    uint32_t left = 0;
    for (uint32_t i = 0; i != UINT32_MAX; left++) {
        uint32_t next = x[i].next;
        x[left] = x[i];
        i = next;
    }
    return left;
}

/* What the vocabulary does not have: byte tokens, else one unknown token for a run of it. A
 * character is spelled by bytes only if it has them all, where tokenizer.json says how. */
qn_status qn_spell_unknown(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n,
                           const uint8_t *bytes, qn_ids *out, qn_error *err)
{
    bool all = true;
    for (size_t i = 0; t->hf && i < n; i++)
        all &= t->byte_id[bytes[i]] != QN_NO_TOKEN;
    if (t->hf && t->hf->splits_unknown)
        s->unknown = false;
    for (size_t i = 0; i < n; i++) {
        uint32_t id = all ? t->byte_id[bytes[i]] : QN_NO_TOKEN;
        bool known = id != QN_NO_TOKEN;
        s->had_unknown |= !known;
        if (!known && t->drops_bytes)
            continue;
        if (!known)
            id = t->info.unk;
        QN_FAIL_IF(id == QN_NO_TOKEN, err, QN_EFORMAT,
                   "the vocabulary has no token for the byte 0x%02X and none for the unknown",
                   bytes[i]);
        if (known || !s->unknown)
            qn_ids_append(out, 1, &id);
        s->unknown = !known;
    }
    return QN_OK;
}

static qn_status emit(const qn_tokenizer *t, qn_tokenizer_scratch *s, uint32_t n,
                      const uint8_t *piece, uint32_t n_symbols, const qn_symbol *x, qn_ids *out,
                      qn_error *err)
{
    for (uint32_t i = 0; i < n_symbols; i++) {
        if (x[i].id != QN_NO_TOKEN) {
            qn_ids_append(out, 1, &x[i].id);
            s->unknown = false;
            continue;
        }
        size_t length = end_of(x, n_symbols, i, n) - x[i].start;
        QN_TRY(qn_spell_unknown(t, s, length, piece + x[i].start, out, err));
    }
    QN_FAIL_IF(out->failed, err, QN_ENOMEM, "no memory for %zu token ids", out->n + n_symbols);
    return QN_OK;
}

qn_status qn_merge_word(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n_bytes,
                        const uint8_t *piece, qn_ids *out, qn_error *err)
{
    uint32_t n = (uint32_t)n_bytes;
    if (n <= SHORT) {
        qn_symbol few[SHORT];
        uint32_t n_symbols = split(t, n, piece, few);
        n_symbols = merge_short(t, n, piece, n_symbols, few);
        return emit(t, s, n, piece, n_symbols, few, out, err);
    }
    QN_TRY(qn_scratch_room((void **)&s->symbols, &s->n_symbols, n, sizeof *s->symbols, err));
    QN_TRY(qn_scratch_room((void **)&s->heap, &s->n_heap, (size_t)n * 2, sizeof *s->heap, err));
    uint32_t n_symbols = split(t, n, piece, s->symbols);
    n_symbols = merge_long(t, n, piece, n_symbols, s->symbols, s->heap);
    return emit(t, s, n, piece, n_symbols, s->symbols, out, err);
}

/* The first 24 bytes of the piece, zeros behind it; reads no byte at or behind end. */
static void key_of(uint64_t key[3], size_t n, const uint8_t *piece, const uint8_t *end)
{
    if (end - piece < QN_WORD_BYTES) {
        memset(key, 0, QN_WORD_BYTES);
        memcpy(key, piece, n);
        return;
    }
    for (size_t i = 0; i < 3; i++) {
        size_t left = n > 8 * i ? QN_MIN(n - 8 * i, (size_t)8) : 0;
        uint64_t mask = left ? UINT64_MAX >> (64 - 8 * left) : 0;
        key[i] = qn_load_u64(piece + 8 * i) & mask; /* little-endian: the first bytes are low */
    }
}

static bool same(const qn_word *w, size_t n, const uint64_t key[3])
{
    return w->n_bytes == n &&
           ((w->key[0] ^ key[0]) | (w->key[1] ^ key[1]) | (w->key[2] ^ key[2])) == 0;
}

/* The remembered word, or NULL; *pair is where it would lie. */
static const qn_word *recall(const qn_tokenizer_scratch *s, size_t n, const uint64_t key[3],
                             qn_word **pair)
{
    uint64_t h = (key[0] ^ n) * 0x9E3779B97F4A7C15u ^ (key[1] ^ key[2] << 32 ^ key[2] >> 32);
    h = (h ^ h >> 32) * 0xD1B54A32D192ED03u;
    *pair = &s->words[(h >> 32) % (QN_N_WORDS / 2) * 2];
    return same(*pair, n, key) ? *pair : same(*pair + 1, n, key) ? *pair + 1 : NULL;
}

static void remember(qn_word *pair, size_t n, const uint64_t key[3], size_t n_ids,
                     const uint32_t *ids)
{
    pair[1] = pair[0];
    pair[0] = (qn_word){.n_bytes = (uint8_t)n, .n_ids = (uint8_t)n_ids};
    memcpy(pair->key, key, sizeof pair->key);
    memcpy(pair->ids, ids, n_ids * sizeof *ids);
}

qn_status qn_merge_piece(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n,
                         const uint8_t *piece, const uint8_t *end, qn_ids *out, qn_error *err)
{
    uint64_t key[3];
    qn_word *pair = NULL;
    const qn_word *w = NULL;
    if (n <= QN_WORD_BYTES) {
        key_of(key, n, piece, end);
        w = recall(s, n, key, &pair);
    }
    if (w && out->n_capacity - out->n >= QN_WORD_IDS) {
        memcpy(out->ids + out->n, w->ids, sizeof w->ids); /* all 8: a constant size is fast */
        out->n += w->n_ids;
        s->unknown = false;
        return QN_OK;
    }
    size_t before = out->n;
    s->had_unknown = false;
    uint32_t whole = t->ignore_merges ? qn_vocab_find(t, n, piece) : QN_NO_TOKEN;
    if (whole != QN_NO_TOKEN)
        qn_ids_append(out, 1, &whole);
    else
        QN_TRY(t->model->word(t, s, n, piece, out, err));
    size_t n_ids = out->n - before;
    if (n <= QN_WORD_BYTES && n_ids && n_ids <= QN_WORD_IDS && !s->had_unknown)
        remember(pair, n, key, n_ids, out->ids + before);
    return QN_OK;
}
