/* text/bpe.c - byte-level BPE (GPT-2 and after): a pre-tokenizer cuts the text, merges join bytes.
 *
 * Source: the GPT-2 release; Hugging Face tokenizers' ByteLevel. */
#include "base/reader.h"
#include "text/bytes.h"
#include "text/vocab.h"

/* Added tokens, and those that are not spelled in byte characters, stand for their own text;
 * but Hugging Face decodes added ones too. */
static size_t spell(const qn_tokenizer *t, uint8_t *bytes, qn_token_kind kind, size_t n,
                    const uint8_t *text)
{
    bool decodes = kind == QN_TOKEN_NORMAL || (t->hf && kind == QN_TOKEN_USER);
    size_t n_bytes = decodes ? qn_bytes_decode(bytes, n, text) : SIZE_MAX;
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
    for (size_t n = 0; t->pairs[i].rank_and_1; n++, i = (i + 1) & t->pair_mask) {
        if (t->pairs[i].left == left && t->pairs[i].right == right)
            return QN_OK; /* the better rank came first */
        QN_FAIL_IF(n == qn_tokenizer_max.n_probes, err, QN_ELIMIT,
                   "merge %u: too many merges share a hash", rank);
    }
    t->pairs[i] = (qn_pair){left, right, rank + 1, id};
    return QN_OK;
}

enum { BATCH = 32, BATCH_BYTES = 2 << 16 };

/* Merges are looked up in batches: the tables lie beyond the caches, so each step asks for the
 * memory of the next one ahead. */
typedef struct rule {
    qn_str half[2];          /* as the file has them */
    const uint8_t *bytes[3]; /* left, right, both */
    size_t n[3];
    uint64_t hash[2];
} rule;

/* Two texts, or "left right", split at the first space behind the first byte. */
static qn_status read_halves(qn_reader *r, size_t rank, bool pairs, qn_str half[2], qn_error *err)
{
    size_t n;
    const char *text = qn_text_next(r, &n);
    QN_FAIL_IF(!text, err, QN_EFORMAT, "the list of merges is cut short at merge %zu", rank);
    QN_FAIL_IF(n > BATCH_BYTES, err, QN_ELIMIT, "merge %zu has %zu bytes, the limit is %d", rank, n,
               BATCH_BYTES);
    half[0] = (qn_str){text, n};
    if (pairs) {
        text = qn_text_next(r, &n);
        QN_FAIL_IF(!text || n + half[0].n_bytes > BATCH_BYTES, err, QN_EFORMAT,
                   "the list of merges is cut short at merge %zu", rank);
        half[1] = (qn_str){text, n};
    } else {
        const char *space = NULL; /* a loop: these texts are shorter than a call of memchr takes */
        for (const char *p = text + 1; p < text + n && !space; p++)
            space = *p == ' ' ? p : NULL;
        QN_FAIL_IF(!space, err, QN_EFORMAT, "merge %zu is not two texts with a space between",
                   rank);
        half[0].n_bytes = (size_t)(space - text);
        half[1] = (qn_str){space + 1, n - half[0].n_bytes - 1};
    }
    QN_FAIL_IF(!half[0].n_bytes || !half[1].n_bytes, err, QN_EFORMAT,
               "merge %zu is not two texts with a space between", rank);
    return QN_OK;
}

static inline size_t spell_half(const qn_tokenizer *t, uint8_t *bytes, qn_str half)
{
    const uint8_t *p = (const uint8_t *)half.bytes, *end = p + half.n_bytes;
    size_t n = 0;
    if (t->model == &qn_text_bpe) { /* most are ASCII, perhaps behind a space */
        if (end - p > 1 && p[0] == 0xC4 && p[1] == 0xA0)
            bytes[n++] = ' ', p += 2;
        while (p<end && * p> 32 && *p < 127)
            bytes[n++] = *p++;
        if (p == end)
            return n;
    }
    return t->model->spell(t, bytes, QN_TOKEN_NORMAL, half.n_bytes, (const uint8_t *)half.bytes);
}

/* Both halves one behind the other; where the right one begins with the prefix of what continues a
 * word, what they make lacks it and lies behind them. */
static qn_status read_rule(const qn_tokenizer *t, qn_reader *r, size_t rank, bool pairs, rule *x,
                           uint8_t *bytes, qn_error *err)
{
    size_t n_prefix = t->rules ? t->rules->prefix.n_bytes : 0;
    *x = (rule){0};
    QN_TRY(read_halves(r, rank, pairs, x->half, err));
    size_t n_left = spell_half(t, bytes, x->half[0]);
    size_t n_right = spell_half(t, bytes + n_left, x->half[1]);
    x->bytes[0] = x->bytes[2] = bytes, x->bytes[1] = bytes + n_left;
    x->n[0] = n_left, x->n[1] = n_right, x->n[2] = n_left + n_right;
    if (n_prefix && n_right > n_prefix) {
        uint8_t *made = bytes + n_left + n_right;
        memcpy(made, bytes, n_left);
        memcpy(made + n_left, bytes + n_left + n_prefix, n_right - n_prefix);
        x->bytes[2] = made, x->n[2] -= n_prefix;
    }
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

/* Whether one of the three is a token that no text may become. */
static bool makes_control(const qn_tokenizer *t, const rule *x, const uint32_t id[3])
{
    for (size_t k = 0; k < 3; k++)
        if (id[k] == QN_NO_TOKEN && qn_token_named(t, x->n[k], x->bytes[k]) != QN_NO_TOKEN)
            return true;
    return false;
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
        if (t->rules && makes_control(t, &rules[i], id))
            continue;
        QN_FAIL_IF(id[0] == QN_NO_TOKEN || id[1] == QN_NO_TOKEN || id[2] == QN_NO_TOKEN, err,
                   QN_EFORMAT, "merge %zu (%.*s %.*s) names or makes no token", first + i,
                   (int)QN_MIN(rules[i].half[0].n_bytes, (size_t)64), rules[i].half[0].bytes,
                   (int)QN_MIN(rules[i].half[1].n_bytes, (size_t)64), rules[i].half[1].bytes);
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

qn_status qn_merges_read(qn_tokenizer *t, const qn_vocab_source *source, qn_error *err)
{
    const qn_texts *merges = &source->merges;
    qn_reader r = {.bytes = merges->bytes, .n_bytes = merges->n_bytes};
    bool pairs = source->merges_are_pairs;
    size_t n_merges = pairs ? merges->n / 2 : merges->n;
    uint8_t bytes[4 * BATCH_BYTES]; /* at most once and a rule, twice */
    rule rules[BATCH] = {0};
    uint32_t near = 0;
    for (size_t rank = 0; rank < n_merges;) {
        size_t n = 0, n_bytes = 0;
        while (n < BATCH && n_bytes <= BATCH_BYTES && rank + n < n_merges) {
            QN_TRY(read_rule(t, &r, rank + n, pairs, &rules[n], bytes + n_bytes, err));
            n_bytes += rules[n].n[0] + rules[n].n[1];
            n_bytes += t->rules && t->rules->prefix.n_bytes ? rules[n].n[2] : 0;
            n++;
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
    for (size_t b = 0; b < 256; b++) {
        uint8_t byte = (uint8_t)b;
        t->symbol_id[b] = qn_vocab_find(t, 1, &byte);
        t->byte_id[b] = t->hf ? QN_NO_TOKEN : t->symbol_id[b];
    }
    return qn_merges_read(t, source, err);
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
    .piece = qn_merge_piece,
    .word = qn_merge_word,
};

/* tiktoken: the bytes themselves are spelled, and what merges first is the token of lower id. */

static size_t spell_raw(const qn_tokenizer *t, uint8_t *bytes, qn_token_kind kind, size_t n,
                        const uint8_t *text)
{
    (void)t, (void)kind;
    memcpy(bytes, text, n);
    return n;
}

static qn_status build_ranks(qn_tokenizer *t, const qn_vocab_source *source, qn_error *err)
{
    (void)source, (void)err;
    for (size_t b = 0; b < 256; b++) {
        uint8_t byte = (uint8_t)b;
        t->byte_id[b] = t->symbol_id[b] = qn_vocab_find(t, 1, &byte);
    }
    for (uint32_t id = 0; id < t->info.n_tokens; id++) {
        const uint8_t *p = t->bytes + t->start[id], *end = t->bytes + t->start[id + 1];
        t->ranks[id] = id;
        for (; t->kinds[id] == QN_TOKEN_NORMAL && p + 1 < end; p++)
            t->glue[p[0] * 256 + p[1]] = 1;
    }
    return QN_OK;
}

const qn_text_model qn_text_ranks = {
    .name = "tiktoken",
    .bos = QN_NO_TOKEN,
    .eos = QN_NO_TOKEN,
    .unk = QN_NO_TOKEN,
    .has_ranks = true,
    .takes_merges = true,
    .drops_bytes = true,
    .spell = spell_raw,
    .build = build_ranks,
    .symbol = symbol,
    .word = qn_merge_word,
    .encode = encode,
    .piece = qn_merge_piece,
};
