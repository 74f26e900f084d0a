/* tests/fuzz/tokenizer_json.c - a hostile tokenizer.json is refused with a sentence, or serves:
 * encodes, and decodes every id, whole and as a stream, within memory that is all given back. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static const char text[] =
    "the Mill <s>grinds</s> 123\n\xE4\xB8\xAD\xE6\x96\x87 <|im_end|> \xFF\xE2 e\xCC\x81\xCC\xA3 "
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xEA\xB0\x80\xE1\x86\xA8 \xE2\x96\x81\xE2\x96\x81x "
    "\xEF\xBC\xA1\xC4\xB0\xF0\x9F\x91\x8D\xF0\x9F\x8F\xBD don't, b.";

static void stream(const qn_tokenizer *t, const qn_ids *ids, unsigned flags)
{
    qn_decoder d;
    qn_buf whole = {0}, streamed = {0};
    qn_error err = {0};
    qn_decoder_init(&d, t, flags);
    for (size_t i = 0; i < ids->n; i++)
        require(qn_decoder_push(&d, ids->ids[i], &streamed, &err) == QN_OK);
    require(qn_decoder_flush(&d, &streamed, &err) == QN_OK);
    require(qn_detokenize(t, ids->n, ids->ids, flags, &whole, &err) == QN_OK);
    require(whole.n_bytes == streamed.n_bytes &&
            (whole.n_bytes == 0 || memcmp(whole.bytes, streamed.bytes, whole.n_bytes) == 0));
    qn_buf_release(&whole);
    qn_buf_release(&streamed);
}

static void serve(const qn_tokenizer *t)
{
    qn_tokenizer_scratch *s;
    qn_ids ids = {0};
    qn_error err = {0};
    const qn_tokenizer_info *info = qn_tokenizer_about(t);
    const qn_text_part parts[] = {{text, 12, true}, {text + 12, sizeof text - 13, false}};
    require(qn_tokenizer_scratch_open(&s, t, &err) == QN_OK);
    for (unsigned flags = 0; flags < 4; flags++) {
        qn_status st = qn_tokenize(t, s, sizeof text - 1, text, flags, &ids, &err);
        require(st == QN_OK || err.text[0]);
    }
    err.text[0] = 0;
    require(qn_tokenize_parts(t, s, 2, parts, 1, &ids, &err) == QN_OK || err.text[0]);
    for (size_t i = 0; i < ids.n; i++)
        require(ids.ids[i] < info->n_tokens);
    for (uint32_t id = 0; id < info->n_tokens && id < 5000; id++)
        qn_ids_append(&ids, 1, &id);
    for (unsigned flags = 0; flags < 8; flags++)
        stream(t, &ids, flags);
    qn_ids_release(&ids);
    qn_tokenizer_scratch_close(s);
}

/* A zero byte ends the document; what is behind it is the tokenizer_config.json. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    qn_tokenizer *t;
    qn_error err = {0};
    size_t n_live = qn_alloc_live();
    const uint8_t *zero = n_bytes ? memchr(bytes, 0, n_bytes) : NULL;
    size_t n_json = zero ? (size_t)(zero - bytes) : n_bytes;
    const qn_str config = {(const char *)bytes + n_json + 1, zero ? n_bytes - n_json - 1 : 0};
    qn_status st = qn_tokenizer_from_json(&t, (qn_str){(const char *)bytes, n_json},
                                          zero ? &config : NULL, zero ? &config : NULL, &err);
    require(st == QN_OK ? t != NULL : t == NULL && err.text[0] && err.status == st);
    if (t)
        serve(t);
    qn_tokenizer_release(t);
    require(qn_alloc_live() == n_live);
    return 0;
}
