/* text/bpe.c - byte-level BPE (GPT-2 and after): a pre-tokenizer cuts the text, merges join bytes.
 *
 * Its files spell byte b as a character: itself for 33 to 126, 161 to 172 and 174 to 255, else the
 * next one from U+0100 on. Source: the GPT-2 release; Hugging Face tokenizers' ByteLevel. */
#include "base/reader.h"
#include "text/vocab.h"

/* The byte that a file spells as this code point, or -1. */
static int byte_of(uint32_t code)
{
    if ((code >= 33 && code <= 126) || (code >= 161 && code <= 172) || (code >= 174 && code <= 255))
        return (int)code;
    if (code < 0x100 || code > 0x143)
        return -1;
    uint32_t k = code - 0x100; /* the k-th byte that does not stand for itself */
    return (int)(k < 33 ? k : k < 67 ? k + 127 - 33 : 173);
}

static size_t decode(uint8_t *bytes, size_t n, const uint8_t *text)
{
    size_t n_bytes = 0;
    for (size_t at = 0; at < n; n_bytes++) {
        uint32_t code = text[at++];
        if (code > 32 && code < 127) {
            bytes[n_bytes] = (uint8_t)code;
            continue;
        }
        if (code >= 0xC2 && code <= 0xC5 && at < n && (text[at] & 0xC0) == 0x80)
            code = (code & 31) << 6 | (text[at++] & 63u);
        else if (code >= 0x80)
            return SIZE_MAX;
        int byte = byte_of(code);
        if (byte < 0)
            return SIZE_MAX;
        bytes[n_bytes] = (uint8_t)byte;
    }
    return n_bytes;
}

/* Added tokens, and those that are not spelled in byte characters, stand for their own text. */
static size_t spell(uint8_t *bytes, qn_token_kind kind, size_t n, const uint8_t *text)
{
    size_t n_bytes = kind == QN_TOKEN_NORMAL ? decode(bytes, n, text) : SIZE_MAX;
    if (n_bytes != SIZE_MAX)
        return n_bytes;
    memcpy(bytes, text, n);
    return n;
}

static qn_status add_pair(qn_tokenizer *t, uint32_t left, uint32_t right, uint32_t rank,
                          uint32_t id, qn_error *err)
{
    uint64_t h = qn_text_mix((uint64_t)left << 32 | right);
    size_t i = (size_t)h & t->pair_mask;
    for (size_t n = 0; t->pairs[i].rank != QN_NO_RANK; n++, i = (i + 1) & t->pair_mask) {
        if (t->pairs[i].left == left && t->pairs[i].right == right)
            return QN_OK; /* the better rank came first */
        QN_FAIL_IF(n == qn_tokenizer_max.n_probes, err, QN_ELIMIT,
                   "merge %u: too many merges share a hash", rank);
    }
    t->pairs[i] = (qn_pair){left, right, rank, id};
    return QN_OK;
}

enum { BATCH = 32, BATCH_BYTES = 2 << 16 };

/* Merges are looked up in batches: the tables lie beyond the caches, so each step asks for the
 * memory of the next one ahead. */
typedef struct rule {
    const uint8_t *text;     /* as the file has it */
    const uint8_t *bytes[3]; /* left, right, both */
    size_t n_text, n[3];
    uint64_t hash[2];
} rule;

/* "left right", split at the first space behind the first byte. */
static qn_status read_rule(qn_reader *r, size_t rank, rule *x, uint8_t *bytes, qn_error *err)
{
    uint64_t n = qn_read_u64(r);
    QN_FAIL_IF(n > BATCH_BYTES, err, QN_ELIMIT, "merge %zu has %" PRIu64 " bytes, the limit is %d",
               rank, n, BATCH_BYTES);
    const uint8_t *text = qn_read_bytes(r, n);
    QN_FAIL_IF(!text, err, QN_EFORMAT, "the list of merges is cut short at merge %zu", rank);
    const uint8_t *space = n > 1 ? memchr(text + 1, ' ', (size_t)n - 1) : NULL;
    QN_FAIL_IF(!space, err, QN_EFORMAT, "merge %zu is not two texts with a space between", rank);
    *x = (rule){.text = text, .n_text = (size_t)n};
    size_t n_left = spell(bytes, QN_TOKEN_NORMAL, (size_t)(space - text), text);
    size_t n_right =
        spell(bytes + n_left, QN_TOKEN_NORMAL, (size_t)(text + n - space - 1), space + 1);
    QN_FAIL_IF(!n_right, err, QN_EFORMAT, "merge %zu is not two texts with a space between", rank);
    x->bytes[0] = x->bytes[2] = bytes, x->bytes[1] = bytes + n_left;
    x->n[0] = n_left, x->n[1] = n_right, x->n[2] = n_left + n_right;
    for (size_t k = 0; k < 2; k++)
        x->hash[k] = qn_text_hash(x->n[k], x->bytes[k]);
    return QN_OK;
}

/* What a rule makes is mostly the token that the rule before made, or the one behind it. */
static uint32_t made_near(const qn_tokenizer *t, uint32_t near, const rule *x)
{
    for (uint32_t id = near; id != QN_NO_TOKEN && !t->has_twins && id < near + 2; id++)
        if (qn_vocab_is(t, id, x->n[2], x->bytes[2]))
            return id;
    return qn_vocab_find(t, x->n[2], x->bytes[2]);
}

static qn_status add_rules(qn_tokenizer *t, size_t first, size_t n, const rule *rules,
                           uint32_t *near, qn_error *err)
{
    uint32_t ids[BATCH][3];
    for (size_t i = 0; i < n; i++) {
        const rule *x = &rules[i];
        ids[i][0] = qn_vocab_find_hashed(t, x->hash[0], x->n[0], x->bytes[0]);
        ids[i][1] = qn_vocab_find_hashed(t, x->hash[1], x->n[1], x->bytes[1]);
        ids[i][2] = *near = made_near(t, *near, x);
        uint64_t h = qn_text_mix((uint64_t)ids[i][0] << 32 | ids[i][1]);
        __builtin_prefetch(&t->pairs[(size_t)h & t->pair_mask], 1);
    }
    for (size_t i = 0; i < n; i++) {
        const uint32_t *id = ids[i];
        QN_FAIL_IF(id[0] == QN_NO_TOKEN || id[1] == QN_NO_TOKEN || id[2] == QN_NO_TOKEN, err,
                   QN_EFORMAT, "merge %zu (%.*s) names or makes no token", first + i,
                   (int)QN_MIN(rules[i].n_text, (size_t)64), (const char *)rules[i].text);
        QN_TRY(add_pair(t, id[0], id[1], (uint32_t)(first + i), id[2], err));
    }
    return QN_OK;
}

/* The token that most likely has this hash. */
static uint32_t likely(const qn_tokenizer *t, uint64_t h)
{
    size_t i = (size_t)h & t->slot_mask;
    while (t->slots[i] && t->slots[i] >> 32 != h >> 32)
        i = (i + 1) & t->slot_mask;
    return t->slots[i] ? (uint32_t)t->slots[i] - 1 : 0;
}

/* The slots, then where the tokens in them begin, then their bytes. */
static void ask_ahead(const qn_tokenizer *t, size_t n, const rule *rules)
{
    uint32_t ids[2 * BATCH];
    for (size_t i = 0; i < 2 * n; i++)
        __builtin_prefetch(&t->slots[(size_t)rules[i / 2].hash[i % 2] & t->slot_mask]);
    for (size_t i = 0; i < 2 * n; i++) {
        ids[i] = likely(t, rules[i / 2].hash[i % 2]);
        __builtin_prefetch(&t->start[ids[i]]);
    }
    for (size_t i = 0; i < 2 * n; i++)
        __builtin_prefetch(&t->bytes[t->start[ids[i]]]);
}

static qn_status read_merges(qn_tokenizer *t, const qn_texts *merges, qn_error *err)
{
    qn_reader r = {.bytes = merges->bytes, .n_bytes = merges->n_bytes};
    uint8_t bytes[2 * BATCH_BYTES];
    rule rules[BATCH] = {0};
    uint32_t near = 0;
    for (size_t rank = 0; rank < merges->n;) {
        size_t n = 0, n_bytes = 0;
        while (n < BATCH && n_bytes <= BATCH_BYTES && rank + n < merges->n) {
            QN_TRY(read_rule(&r, rank + n, &rules[n], bytes + n_bytes, err));
            n_bytes += rules[n++].n[2];
        }
        ask_ahead(t, n, rules);
        QN_TRY(add_rules(t, rank, n, rules, &near, err));
        rank += n;
    }
    QN_FAIL_IF(qn_reader_left(&r), err, QN_EFORMAT, "%zu bytes follow the last merge",
               qn_reader_left(&r));
    return QN_OK;
}

static qn_status build(qn_tokenizer *t, const qn_vocab_source *source, qn_error *err)
{
    for (size_t i = 0; i <= t->pair_mask; i++)
        t->pairs[i].rank = QN_NO_RANK;
    for (size_t b = 0; b < 256; b++) {
        uint8_t byte = (uint8_t)b;
        t->byte_id[b] = t->symbol_id[b] = qn_vocab_find(t, 1, &byte);
    }
    return read_merges(t, &source->merges, err);
}

static size_t symbol(const qn_tokenizer *t, const uint8_t *p, const uint8_t *end, uint32_t *id)
{
    (void)end;
    *id = t->symbol_id[*p];
    return 1;
}

static qn_status encode(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n,
                        const uint8_t *text, qn_ids *out, qn_error *err)
{
    s->unknown = false;
    qn_cut cut;
    qn_cut_init(&cut, t->pre, n, text);
    const uint8_t *piece = text;
    for (size_t n_piece; (n_piece = qn_cut_next(&cut)); piece += n_piece)
        QN_TRY(qn_merge_piece(t, s, n_piece, piece, text + n, out, err));
    return QN_OK;
}

const qn_text_model qn_text_bpe = {
    .name = "gpt2",
    .bos = 11,
    .eos = 11,
    .unk = QN_NO_TOKEN,
    .needs_pre = true,
    .has_merges = true,
    .drops_bytes = true,
    .spell = spell,
    .build = build,
    .symbol = symbol,
    .encode = encode,
};
