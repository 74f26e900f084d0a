/* text/vocab.c - the tables of a tokenizer: laid out, then filled from a source held to its limits.
 */
#include "text/vocab.h"

#include "base/checked.h"

const qn_tokenizer_limits qn_tokenizer_max = {.n_tokens = 1u << 21,
                                              .n_merges = 1u << 22,
                                              .n_token_bytes = 1u << 16,
                                              .n_special_bytes = 512,
                                              .n_text_bytes = 1u << 30,
                                              .n_probes = 2048};

static uint32_t kind_of(const qn_vocab_source *source, size_t id)
{
    const uint8_t *k = source->kinds ? source->kinds + 4 * id : NULL;
    return k ? (uint32_t)(k[0] | k[1] << 8 | k[2] << 16) | (uint32_t)k[3] << 24 : QN_TOKEN_NORMAL;
}

static bool is_special(uint32_t kind)
{
    return kind == QN_TOKEN_USER || kind == QN_TOKEN_CONTROL || kind == QN_TOKEN_UNKNOWN;
}

bool qn_vocab_produces(const qn_tokenizer *t, uint32_t id)
{
    uint8_t kind = t->kinds[id];
    return (kind == QN_TOKEN_NORMAL || kind == QN_TOKEN_USER) &&
           !(t->strips[id] & QN_TOKEN_OUTSIDE);
}

/* A power of two of slots of which at most 5/8 are used by n things. */
static bool slots_for(size_t n, size_t *n_slots)
{
    size_t wanted, slots = 16;
    if (!qn_mul(n, 8, &wanted))
        return false;
    while (slots < wanted / 5 + 1)
        if (!qn_mul(slots, 2, &slots))
            return false;
    *n_slots = slots;
    return true;
}

bool qn_vocab_lay_out(qn_tokenizer *t, qn_arena *a, const qn_vocab_source *source)
{
    size_t n = source->tokens.n, n_slots, n_pairs, n_special = 0;
    size_t n_merges = source->merges_are_pairs ? source->merges.n / 2 : source->merges.n;
    if (!slots_for(n, &n_slots) || !slots_for(n_merges, &n_pairs))
        return false;
    for (size_t id = 0; id < n; id++)
        n_special += is_special(kind_of(source, id));
    QN_TAKE(a, t->start, n + 1);
    QN_TAKE(a, t->bytes, source->tokens.n_bytes - 8 * n + 8); /* 8 behind: whole loads */
    QN_TAKE(a, t->kinds, n);
    QN_TAKE(a, t->strips, n);
    QN_TAKE(a, t->slots, n_slots);
    QN_TAKE(a, t->special, n_special);
    if (t->hf)
        QN_TAKE(a, t->names, n_special);
    if (t->model->has_scores)
        QN_TAKE(a, t->scores, n);
    t->n_special_room = n_special;
    bool pairs = t->model->has_merges || (t->model->takes_merges && t->hf);
    if (pairs)
        QN_TAKE(a, t->pairs, n_pairs);
    if (t->model->takes_merges && !pairs)
        QN_TAKE(a, t->ranks, n);
    if (t->model->takes_merges)
        QN_TAKE(a, t->glue, 65536);
    t->slot_mask = n_slots - 1, t->pair_mask = n_pairs - 1;
    return !a->failed;
}

static bool equals(const qn_tokenizer *t, uint32_t id, size_t n, const uint8_t *bytes)
{
    const uint8_t *own = t->bytes + t->start[id];
    if (t->start[id + 1] - t->start[id] != n)
        return false;
    return n <= 8 ? qn_load_few(n, own) == qn_load_few(n, bytes) : memcmp(own, bytes, n) == 0;
}

bool qn_vocab_is(const qn_tokenizer *t, uint32_t id, size_t n, const uint8_t *bytes)
{
    return id < t->info.n_tokens && qn_vocab_produces(t, id) && equals(t, id, n, bytes);
}

uint32_t qn_vocab_find(const qn_tokenizer *t, size_t n, const uint8_t *bytes)
{
    return n ? qn_vocab_find_hashed(t, qn_text_hash(n, bytes), n, bytes) : QN_NO_TOKEN;
}

uint32_t qn_vocab_find_hashed(const qn_tokenizer *t, uint64_t h, size_t n, const uint8_t *bytes)
{
    for (size_t i = (size_t)h & t->slot_mask;; i = (i + 1) & t->slot_mask) {
        uint64_t slot = t->slots[i];
        if (!slot)
            return QN_NO_TOKEN;
        if (slot >> 32 == h >> 32 && equals(t, (uint32_t)slot - 1, n, bytes))
            return (uint32_t)slot - 1;
    }
}

/* A later token of the same bytes takes the place of the earlier one, as in the field. */
static bool enter(qn_tokenizer *t, uint32_t id)
{
    size_t n = t->start[id + 1] - t->start[id];
    const uint8_t *bytes = t->bytes + t->start[id];
    uint64_t h = qn_text_hash(n, bytes);
    size_t i = (size_t)h & t->slot_mask;
    for (size_t n_probes = 0; t->slots[i]; n_probes++, i = (i + 1) & t->slot_mask) {
        if (t->slots[i] >> 32 == h >> 32 && equals(t, (uint32_t)t->slots[i] - 1, n, bytes)) {
            t->has_twins = true;
            break;
        }
        if (n_probes == qn_tokenizer_max.n_probes)
            return false;
    }
    t->slots[i] = (h & 0xFFFFFFFF00000000u) | (id + 1);
    t->n_longest = QN_MAX(t->n_longest, n);
    return true;
}

/* A token of tokenizer.json whose name is not the bytes it stands for. */
static qn_status note_name(qn_tokenizer *t, uint32_t id, qn_str name, qn_error *err)
{
    const uint8_t *own = t->bytes + t->start[id];
    size_t n = t->start[id + 1] - t->start[id];
    if (!(t->strips[id] & QN_TOKEN_NORMALIZED) && name.n_bytes == n &&
        memcmp(own, name.bytes, n) == 0)
        return QN_OK;
    QN_FAIL_IF(t->n_names == t->n_special_room, err, QN_EFORMAT,
               "token %u: its type changed while it was read", id);
    return qn_special_note(t, id, name, err);
}

static qn_status read_token(qn_tokenizer *t, qn_reader *r, uint32_t id,
                            const qn_vocab_source *source, qn_error *err)
{
    size_t n;
    const uint8_t *text = (const uint8_t *)qn_text_next(r, &n);
    uint32_t kind = kind_of(source, id);
    QN_FAIL_IF(!text, err, QN_EFORMAT, "the list of tokens is cut short at token %u", id);
    QN_FAIL_IF(n > qn_tokenizer_max.n_token_bytes, err, QN_ELIMIT,
               "token %u: its text has %zu bytes, the limit is %zu", id, n,
               qn_tokenizer_max.n_token_bytes);
    QN_FAIL_IF(kind > QN_TOKEN_BYTE, err, QN_EFORMAT, "token %u: no such token type: %u", id, kind);
    kind = kind ? kind : QN_TOKEN_NORMAL; /* 0, undefined, is written by some converters */
    t->kinds[id] = (uint8_t)kind;
    t->strips[id] = source->strips ? source->strips[id] : 0;
    size_t n_bytes = t->model->spell(t, t->bytes + t->start[id], kind, n, text);
    t->start[id + 1] = t->start[id] + (uint32_t)n_bytes;
    bool special = n_bytes && is_special(kind);
    if (special && t->hf)
        QN_TRY(note_name(t, id, (qn_str){(const char *)text, n}, err));
    QN_FAIL_IF(special && t->n_special == t->n_special_room, err, QN_EFORMAT,
               "token %u: its type changed while it was read", id);
    if (special)
        t->special[t->n_special++] = id;
    return QN_OK;
}

/* Tokens first to last, in batches: the slots lie beyond the caches and are asked for ahead. */
static qn_status enter_tokens(qn_tokenizer *t, uint32_t first, uint32_t end, qn_error *err)
{
    for (uint32_t id = first; id < end; id++)
        qn_vocab_ask(t, t->start[id + 1] - t->start[id], t->bytes + t->start[id]);
    for (uint32_t id = first; id < end; id++)
        QN_FAIL_IF(t->start[id + 1] > t->start[id] && qn_vocab_produces(t, id) && !enter(t, id),
                   err, QN_ELIMIT, "token %u: too many tokens share a hash", id);
    return QN_OK;
}

qn_status qn_vocab_build(qn_tokenizer *t, const qn_vocab_source *source, qn_error *err)
{
    qn_reader r = {.bytes = source->tokens.bytes, .n_bytes = source->tokens.n_bytes};
    for (uint32_t id = 0, end; id < t->info.n_tokens; id = end) {
        end = QN_MIN(id + 32, t->info.n_tokens);
        for (uint32_t i = id; i < end; i++)
            QN_TRY(read_token(t, &r, i, source, err));
        QN_TRY(enter_tokens(t, id, end, err));
    }
    QN_FAIL_IF(qn_reader_left(&r), err, QN_EFORMAT, "%zu bytes follow the last token",
               qn_reader_left(&r));
    return qn_special_build(t, err);
}
