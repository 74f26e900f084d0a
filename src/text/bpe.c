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
        qn_char c = qn_char_at(text + at, text + n);
        int byte = byte_of(c.code);
        if (byte < 0)
            return SIZE_MAX;
        bytes[n_bytes] = (uint8_t)byte;
        at += c.n_bytes;
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

/* "left right", split at the first space behind the first byte. */
static qn_status read_merge(qn_tokenizer *t, qn_reader *r, uint32_t rank, uint8_t *bytes,
                            qn_error *err)
{
    uint64_t n = qn_read_u64(r);
    QN_FAIL_IF(n > 2 * qn_tokenizer_max.n_token_bytes, err, QN_ELIMIT,
               "merge %u has %" PRIu64 " bytes, the limit is %zu", rank, n,
               2 * qn_tokenizer_max.n_token_bytes);
    const uint8_t *text = qn_read_bytes(r, n);
    QN_FAIL_IF(!text, err, QN_EFORMAT, "the list of merges is cut short at merge %u", rank);
    const uint8_t *space = n > 1 ? memchr(text + 1, ' ', (size_t)n - 1) : NULL;
    QN_FAIL_IF(!space, err, QN_EFORMAT, "merge %u is not two texts with a space between", rank);
    size_t n_left = spell(bytes, QN_TOKEN_NORMAL, (size_t)(space - text), text);
    size_t n_right =
        spell(bytes + n_left, QN_TOKEN_NORMAL, (size_t)(text + n - space - 1), space + 1);
    uint32_t left = qn_vocab_find(t, n_left, bytes);
    uint32_t right = qn_vocab_find(t, n_right, bytes + n_left);
    uint32_t id = qn_vocab_find(t, n_left + n_right, bytes);
    QN_FAIL_IF(left == QN_NO_TOKEN || right == QN_NO_TOKEN || id == QN_NO_TOKEN, err, QN_EFORMAT,
               "merge %u (%.*s) names or makes no token", rank, (int)QN_MIN(n, (uint64_t)64),
               (const char *)text);
    return add_pair(t, left, right, rank, id, err);
}

static qn_status build(qn_tokenizer *t, const qn_vocab_source *source, qn_error *err)
{
    qn_reader r = {.bytes = source->merges.bytes, .n_bytes = source->merges.n_bytes};
    uint8_t bytes[2 << 16];
    for (size_t i = 0; i <= t->pair_mask; i++)
        t->pairs[i].rank = QN_NO_RANK;
    for (size_t b = 0; b < 256; b++) {
        uint8_t byte = (uint8_t)b;
        t->byte_id[b] = qn_vocab_find(t, 1, &byte);
    }
    for (uint32_t rank = 0; rank < source->merges.n; rank++)
        QN_TRY(read_merge(t, &r, rank, bytes, err));
    return QN_OK;
}

static size_t symbol(const qn_tokenizer *t, const uint8_t *p, const uint8_t *end, uint32_t *id)
{
    (void)end;
    *id = t->byte_id[*p];
    return 1;
}

static qn_status encode(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n,
                        const uint8_t *text, bool first, qn_ids *out, qn_error *err)
{
    (void)first;
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
    .spell = spell,
    .build = build,
    .symbol = symbol,
    .encode = encode,
};
