/* text/decode.c - ids back to bytes, whole or as a stream of complete characters. */
#include "text/vocab.h"

void qn_decoder_init(qn_decoder *d, const qn_tokenizer *t, unsigned flags)
{
    *d = (qn_decoder){.t = t,
                      .flags = flags,
                      .at_start = !(flags & QN_DETOKENIZE_CONTINUES),
                      .last = QN_NO_TOKEN};
}

static bool is_skipped(const qn_decoder *d, uint32_t id)
{
    qn_token_kind kind = qn_token_kind_of(d->t, id);
    return d->flags & QN_DETOKENIZE_SKIP_SPECIAL &&
           (kind == QN_TOKEN_CONTROL || kind == QN_TOKEN_UNKNOWN) &&
           !(d->t->strips[id] & QN_TOKEN_STAYS);
}

static const char replacement[] = "\xEF\xBF\xBD";

/* Appends what is complete of n bytes; the beginning of a character that may go on is kept back,
 * at most 3 bytes, and its length returned. */
static size_t append_complete(const qn_decoder *d, size_t n, const uint8_t *p, qn_buf *out)
{
    const uint8_t *end = p + n, *from = p;
    while (p < end) {
        size_t length = qn_char_complete(p, end);
        bool stray = length == 1 && *p >= 0x80;
        if (!length)
            break;
        if (stray && d->flags & QN_DETOKENIZE_REPLACE) {
            qn_buf_append(out, (size_t)(p - from), from);
            length = qn_char_broken(p, end);
            qn_buf_text(out, replacement);
            from = p + length;
        }
        p += length;
    }
    qn_buf_append(out, (size_t)(p - from), from);
    return (size_t)(end - p);
}

/* Feeds bytes behind those that are held. */
static void feed(qn_decoder *d, size_t n, const uint8_t *bytes, qn_buf *out)
{
    while (d->n_held && n) { /* one byte at a time until the held character is decided */
        d->held[d->n_held++] = *bytes++;
        n--;
        uint8_t now[4];
        size_t n_now = d->n_held;
        memcpy(now, d->held, n_now);
        d->n_held = append_complete(d, n_now, now, out);
        memcpy(d->held, now + n_now - d->n_held, d->n_held);
    }
    if (!n)
        return;
    d->n_held = append_complete(d, n, bytes, out);
    memcpy(d->held, bytes + n - d->n_held, d->n_held);
}

static qn_status said(const qn_buf *out, qn_error *err)
{
    QN_FAIL_IF(out->failed, err, QN_ENOMEM, "no memory for the decoded text");
    return QN_OK;
}

/* A decoder that cleans up takes the space away before these. */
static bool is_cleaned(size_t n, const uint8_t *p)
{
    static const char *const starts[] = {".", "?", "!", ",", "n't", "'m", "'s", "'ve", "'re"};
    for (size_t i = 0; i < QN_COUNT(starts); i++)
        if (n >= strlen(starts[i]) && memcmp(p, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

static void feed_space(qn_decoder *d, qn_buf *out)
{
    feed(d, 1, (const uint8_t *)" ", out);
}

/* The first token of all without its spaces. */
static void feed_unspaced(qn_decoder *d, size_t n, const uint8_t *p, qn_buf *out)
{
    for (const uint8_t *end = p + n, *space; p < end; p = space + 1) {
        space = memchr(p, ' ', (size_t)(end - p));
        space = space ? space : end;
        feed(d, (size_t)(space - p), p, out);
    }
}

static void feed_word(qn_decoder *d, bool first, size_t n, const uint8_t *p, qn_buf *out)
{
    const qn_str *prefix = &d->t->rules->join_text;
    bool continues = !first && prefix->n_bytes && n >= prefix->n_bytes &&
                     memcmp(p, prefix->bytes, prefix->n_bytes) == 0;
    size_t n_gone = continues ? prefix->n_bytes : 0;
    if (!first && !continues && !(d->t->rules->cleans && is_cleaned(n, p)))
        feed_space(d, out);
    feed(d, n - n_gone, p + n_gone, out);
}

static void feed_suffixed(qn_decoder *d, size_t n, const uint8_t *p, qn_buf *out)
{
    const qn_str *suffix = &d->t->rules->join_text;
    bool ends = suffix->n_bytes && n >= suffix->n_bytes &&
                memcmp(p + n - suffix->n_bytes, suffix->bytes, suffix->n_bytes) == 0;
    if (d->owes_space)
        feed_space(d, out);
    d->owes_space = ends;
    feed(d, ends ? n - suffix->n_bytes : n, p, out);
}

/* A token's bytes as they join what is before them. */
static void join(qn_decoder *d, bool is_byte, size_t n, const uint8_t *p, qn_buf *out)
{
    const qn_rules *rules = d->t->rules;
    qn_joining usual = d->t->info.add_space_prefix ? QN_JOIN_STRIP : QN_JOIN_PLAIN;
    qn_joining joining = rules ? rules->joining : usual;
    bool kept = is_byte && rules && rules->starts_once; /* SentencePiece strips marks alone */
    bool first = d->at_start;
    bool strips = joining == QN_JOIN_STRIP && first && n && *p == ' ' && !kept;
    d->at_start =
        first && joining == QN_JOIN_STRIP && n == (rules && rules->strips_each ? strips : 0u);
    switch (joining) {
    case QN_JOIN_CTC:
    case QN_JOIN_PLAIN: feed(d, n, p, out); return;
    case QN_JOIN_STRIP: feed(d, n - strips, p + strips, out); return;
    case QN_JOIN_SUFFIX: feed_suffixed(d, n, p, out); return;
    case QN_JOIN_WORDPIECE: feed_word(d, first, n, p, out); return;
    case QN_JOIN_METASPACE:
        if (first && !is_byte)
            feed_unspaced(d, n, p, out);
        else
            feed(d, n, p, out);
        return;
    case QN_JOIN_SPACES:
        if (!first)
            feed_space(d, out);
        feed(d, n, p, out);
        return;
    }
}

qn_status qn_decoder_push(qn_decoder *d, uint32_t id, qn_buf *out, qn_error *err)
{
    size_t n;
    const uint8_t *bytes = qn_token_bytes(d->t, id, &n);
    QN_FAIL_IF(!bytes, err, QN_EARGUMENT, "token id %u: the vocabulary has %u tokens", id,
               d->t->info.n_tokens);
    const qn_str *unk = d->t->rules && id == d->t->info.unk ? &d->t->rules->unk_text : NULL;
    bool again = d->last == id && d->t->rules && d->t->rules->joining == QN_JOIN_CTC;
    if (is_skipped(d, id) || again)
        return QN_OK;
    d->last = id;
    if (unk && unk->n_bytes) {
        feed(d, unk->n_bytes, (const uint8_t *)unk->bytes, out);
        d->at_start = false;
    } else {
        join(d, qn_token_kind_of(d->t, id) == QN_TOKEN_BYTE, n, bytes, out);
    }
    return said(out, err);
}

qn_status qn_decoder_flush(qn_decoder *d, qn_buf *out, qn_error *err)
{
    if (d->n_held && d->flags & QN_DETOKENIZE_REPLACE)
        qn_buf_text(out, replacement);
    else
        qn_buf_append(out, d->n_held, d->held);
    d->n_held = 0;
    return said(out, err);
}

qn_status qn_detokenize(const qn_tokenizer *t, size_t n, const uint32_t *ids, unsigned flags,
                        qn_buf *out, qn_error *err)
{
    qn_decoder d;
    qn_decoder_init(&d, t, flags);
    for (size_t i = 0; i < n; i++)
        QN_TRY(qn_decoder_push(&d, ids[i], out, err));
    return qn_decoder_flush(&d, out, err);
}
