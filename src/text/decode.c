/* text/decode.c - ids back to bytes, whole or as a stream of complete characters. */
#include "text/vocab.h"

void qn_decoder_init(qn_decoder *d, const qn_tokenizer *t, unsigned flags)
{
    *d = (qn_decoder){.t = t, .flags = flags, .at_start = !(flags & QN_DETOKENIZE_CONTINUES)};
}

static bool is_skipped(const qn_decoder *d, uint32_t id)
{
    qn_token_kind kind = qn_token_kind_of(d->t, id);
    return d->flags & QN_DETOKENIZE_SKIP_SPECIAL &&
           (kind == QN_TOKEN_CONTROL || kind == QN_TOKEN_UNKNOWN);
}

/* Where what is seen of an id's bytes begins: nothing of one that is skipped, and no dummy prefix
 * at the start. */
static const uint8_t *visible(qn_decoder *d, uint32_t id, size_t *n, const uint8_t *bytes)
{
    if (is_skipped(d, id))
        *n = 0;
    if (*n == 0 || !d->at_start)
        return bytes;
    bool prefix = d->t->info.add_space_prefix && *bytes == ' ';
    d->at_start = false;
    *n -= prefix;
    return bytes + prefix;
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

qn_status qn_decoder_push(qn_decoder *d, uint32_t id, qn_buf *out, qn_error *err)
{
    size_t n;
    const uint8_t *bytes = qn_token_bytes(d->t, id, &n);
    QN_FAIL_IF(!bytes, err, QN_EARGUMENT, "token id %u: the vocabulary has %u tokens", id,
               d->t->info.n_tokens);
    bytes = visible(d, id, &n, bytes);
    feed(d, n, bytes, out);
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
