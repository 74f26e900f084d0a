/* tests/fuzz/tokenizer_serve.h - what the targets of tokenizer files require of one that was made:
 * it encodes, and decodes every id, whole and as a stream. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "text/tokenizer.h"

static inline void qn_fuzz_require(bool holds)
{
    if (!holds)
        abort();
}

static const char qn_fuzz_words[] =
    "the Mill <s>grinds</s> 123\n\xE4\xB8\xAD\xE6\x96\x87 <|im_end|> \xFF\xE2 e\xCC\x81\xCC\xA3 "
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xEA\xB0\x80\xE1\x86\xA8 \xE2\x96\x81\xE2\x96\x81x "
    "\xEF\xBC\xA1\xC4\xB0\xF0\x9F\x91\x8D\xF0\x9F\x8F\xBD don't, b.";

static inline void qn_fuzz_stream(const qn_tokenizer *t, const qn_ids *ids, unsigned flags)
{
    qn_decoder d;
    qn_buf whole = {0}, streamed = {0};
    qn_error err = {0};
    qn_decoder_init(&d, t, flags);
    for (size_t i = 0; i < ids->n; i++)
        qn_fuzz_require(qn_decoder_push(&d, ids->ids[i], &streamed, &err) == QN_OK);
    qn_fuzz_require(qn_decoder_flush(&d, &streamed, &err) == QN_OK);
    qn_fuzz_require(qn_detokenize(t, ids->n, ids->ids, flags, &whole, &err) == QN_OK);
    qn_fuzz_require(
        whole.n_bytes == streamed.n_bytes &&
        (whole.n_bytes == 0 || memcmp(whole.bytes, streamed.bytes, whole.n_bytes) == 0));
    qn_buf_release(&whole);
    qn_buf_release(&streamed);
}

static inline void qn_fuzz_serve(const qn_tokenizer *t)
{
    qn_tokenizer_scratch *s;
    qn_ids ids = {0};
    qn_error err = {0};
    const qn_tokenizer_info *info = qn_tokenizer_about(t);
    const qn_text_part parts[] = {{qn_fuzz_words, 12, true},
                                  {qn_fuzz_words + 12, sizeof qn_fuzz_words - 13, false}};
    qn_fuzz_require(qn_tokenizer_n_bytes(t) > info->n_tokens);
    qn_fuzz_require(qn_tokenizer_scratch_open(&s, t, &err) == QN_OK);
    for (unsigned flags = 0; flags < 4; flags++) {
        qn_status st =
            qn_tokenize(t, s, sizeof qn_fuzz_words - 1, qn_fuzz_words, flags, &ids, &err);
        qn_fuzz_require(st == QN_OK || err.text[0]);
    }
    err.text[0] = 0;
    qn_fuzz_require(qn_tokenize_parts(t, s, 2, parts, 1, &ids, &err) == QN_OK || err.text[0]);
    for (size_t i = 0; i < ids.n; i++)
        qn_fuzz_require(ids.ids[i] < info->n_tokens);
    for (uint32_t id = 0; id < info->n_tokens && id < 5000; id++)
        qn_ids_append(&ids, 1, &id);
    for (unsigned flags = 0; flags < 8; flags++)
        qn_fuzz_stream(t, &ids, flags);
    qn_ids_release(&ids);
    qn_tokenizer_scratch_close(s);
}
