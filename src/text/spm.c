/* text/spm.c - BPE over characters: they join by score, as SentencePiece's, or by merges, as
 * Hugging Face's; what is left over becomes byte tokens.
 *
 * Inside, U+2581 is a space, so most text needs no rewriting. Text is cut wherever two bytes meet
 * that no token holds next to each other: no merge can cross there, so this changes no id, and the
 * pieces are about words, which can be remembered.
 * Source: sentencepiece's bpe_model.cc and tokenizer.model; llama.cpp for add_space_prefix. */
#include <math.h>

#include "text/vocab.h"

static bool is_mark(const uint8_t *p, const uint8_t *end)
{
    return end - p >= 3 && p[0] == 0xE2 && p[1] == 0x96 && p[2] == 0x81;
}

/* Copies text with each U+2581 as a space; returns the bytes written. */
static size_t unmark(uint8_t *bytes, size_t n, const uint8_t *text)
{
    const uint8_t *p = text, *end = text + n;
    uint8_t *q = bytes;
    while (p < end) {
        const uint8_t *mark = memchr(p, 0xE2, (size_t)(end - p));
        size_t n_plain = (size_t)((mark ? mark : end) - p);
        memcpy(q, p, n_plain);
        q += n_plain, p += n_plain;
        if (!mark)
            break;
        bool space = is_mark(p, end);
        *q++ = space ? ' ' : *p;
        p += space ? 3 : 1;
    }
    return (size_t)(q - bytes);
}

static int hex(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The value of "<0xXX>", or -1. */
static int byte_named(size_t n, const uint8_t *text)
{
    if (n != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>')
        return -1;
    int high = hex(text[3]), low = hex(text[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

size_t qn_spell_marked(const qn_tokenizer *t, uint8_t *bytes, qn_token_kind kind, size_t n,
                       const uint8_t *text)
{
    int byte = kind == QN_TOKEN_BYTE ? byte_named(n, text) : -1;
    if (byte >= 0) {
        bytes[0] = (uint8_t)byte;
        return 1;
    }
    bool marks = !t->rules || t->rules->has_marks;
    bool is_text = kind == QN_TOKEN_NORMAL || kind == QN_TOKEN_USER;
    if (marks && (is_text || t->hf)) /* a decoder of Hugging Face's reads every name so */
        return unmark(bytes, n, text);
    memcpy(bytes, text, n);
    return n;
}

/* Ascending ranks for descending scores: the bits of a float in order, turned round. */
static uint32_t rank_of(float score)
{
    uint32_t bits;
    score += 0.0f; /* -0 is 0 */
    memcpy(&bits, &score, sizeof bits);
    return ~(bits & 0x80000000u ? ~bits : bits | 0x80000000u);
}

/* Marks the pairs of bytes that a token holds, so that text is not cut between them. */
static void note_glue(qn_tokenizer *t, uint32_t id)
{
    const uint8_t *bytes = t->bytes + t->start[id];
    size_t n = t->start[id + 1] - t->start[id];
    for (size_t i = 0; i + 1 < n; i++)
        t->glue[bytes[i] * 256 + bytes[i + 1]] = 1;
}

static qn_status note_rank(qn_tokenizer *t, const qn_vocab_source *source, uint32_t id,
                           qn_error *err)
{
    float score;
    memcpy(&score, source->scores + 4 * (size_t)id, sizeof score);
    QN_FAIL_IF(isnan(score), err, QN_EFORMAT, "token %u: its score is not a number", id);
    t->ranks[id] = rank_of(score);
    return QN_OK;
}

void qn_byte_ids(qn_tokenizer *t)
{
    memset(t->byte_id, 0xFF, sizeof t->byte_id);
    if (t->hf && !t->hf->falls_back)
        return;
    for (uint32_t id = 0; id < t->info.n_tokens; id++)
        if (t->kinds[id] == QN_TOKEN_BYTE && t->start[id + 1] - t->start[id] == 1)
            t->byte_id[t->bytes[t->start[id]]] = id;
}

static qn_status build(qn_tokenizer *t, const qn_vocab_source *source, qn_error *err)
{
    qn_byte_ids(t);
    for (size_t b = 0; b < 256; b++) {
        uint8_t byte = (uint8_t)b;
        t->symbol_id[b] = qn_vocab_find(t, 1, &byte);
    }
    for (uint32_t id = 0; id < t->info.n_tokens; id++) {
        if (t->ranks)
            QN_TRY(note_rank(t, source, id, err));
        if (t->kinds[id] == QN_TOKEN_NORMAL || t->kinds[id] == QN_TOKEN_USER)
            note_glue(t, id);
    }
    return t->pairs ? qn_merges_read(t, source, err) : QN_OK;
}

static size_t symbol(const qn_tokenizer *t, const uint8_t *p, const uint8_t *end, uint32_t *id)
{
    size_t n = *p < 0x80 ? 1 : qn_char_complete(p, end);
    n = n ? n : 1;
    *id = n == 1 ? t->symbol_id[*p] : qn_vocab_find(t, n, p);
    return n;
}

/* Never within a character, which may be unknown as a whole. */
static const uint8_t *piece_end(const qn_tokenizer *t, const uint8_t *p, const uint8_t *end)
{
    for (p++; p < end && (t->glue[p[-1] * 256 + p[0]] || (p[0] & 0xC0) == 0x80);)
        p++;
    return p;
}

static qn_status piece(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n,
                       const uint8_t *text, const uint8_t *limit, qn_ids *out, qn_error *err)
{
    const uint8_t *end = text + n;
    bool whole =
        t->ignore_merges || (t->rules && (t->rules->prefix.n_bytes || t->rules->suffix.n_bytes));
    for (const uint8_t *p = text, *next; p < end; p = next) {
        next = whole ? end : piece_end(t, p, end);
        QN_TRY(qn_merge_piece(t, s, (size_t)(next - p), p, limit, out, err));
    }
    return QN_OK;
}

qn_status qn_spaced(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t *n, const uint8_t **text,
                    qn_error *err)
{
    bool once = t->rules && t->rules->starts_once;
    bool prefix =
        t->info.add_space_prefix && (!once || s->at_start); /* else behind each special
                                                             * token too, as in the field */
    bool marks = !t->rules || t->rules->has_marks;
    if (!prefix && !(marks && memmem(*text, *n, "\xE2\x96\x81", 3)))
        return QN_OK;
    QN_TRY(qn_scratch_room((void **)&s->spaced, &s->n_spaced, *n + 1, 1, err));
    s->spaced[0] = ' ';
    *n = unmark(s->spaced + prefix, *n, *text) + prefix;
    *text = s->spaced;
    return QN_OK;
}

static qn_status encode(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n,
                        const uint8_t *text, qn_ids *out, qn_error *err)
{
    QN_TRY(qn_spaced(t, s, &n, &text, err));
    s->unknown = false;
    return piece(t, s, n, text, text + n, out, err);
}

const qn_text_model qn_text_spm = {
    .name = "llama",
    .bos = 1,
    .eos = 2,
    .unk = 0,
    .add_bos = true,
    .add_space_prefix = true,
    .needs_scores = true,
    .takes_merges = true,
    .has_marks = true,
    .spell = qn_spell_marked,
    .build = build,
    .symbol = symbol,
    .encode = encode,
    .piece = piece,
    .word = qn_merge_word,
};
