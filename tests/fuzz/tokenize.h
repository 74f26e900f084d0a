/* tests/fuzz/tokenize.h - what both tokenizers' fuzz targets require of a text. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "tests/support/vocab_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

typedef struct qn_fuzz_tokenizer { /* made once, kept; its output buffers too */
    qn_tokenizer *t;
    qn_tokenizer_scratch *s;
    qn_ids ids, again;
    qn_buf whole, streamed;
} qn_fuzz_tokenizer;

static inline void qn_fuzz_require(bool holds)
{
    if (!holds)
        abort();
}

static inline void qn_fuzz_open(qn_fuzz_tokenizer *f, const char *path, const char *pre)
{
    qn_error err;
    qn_buf file = {0};
    qn_vocab_source source;
    if (f->t)
        return;
    qn_fuzz_require(qn_buf_read_file(&file, path, 1u << 20, &err) == QN_OK);
    qn_fuzz_require(qn_test_vocab_read(file.n_bytes, (const uint8_t *)file.bytes, &source));
    if (pre)
        source.pre = qn_str_of(pre);
    qn_fuzz_require(qn_tokenizer_from_source(&f->t, &source, &err) == QN_OK);
    qn_buf_release(&file);
    qn_fuzz_require(qn_tokenizer_scratch_open(&f->s, f->t, &err) == QN_OK);
}

static inline void qn_fuzz_stream(qn_fuzz_tokenizer *f, unsigned flags)
{
    qn_error err;
    qn_decoder d;
    qn_decoder_init(&d, f->t, flags);
    qn_buf_clear(&f->streamed);
    for (size_t i = 0; i < f->ids.n; i++)
        qn_fuzz_require(qn_decoder_push(&d, f->ids.ids[i], &f->streamed, &err) == QN_OK);
    qn_fuzz_require(qn_decoder_flush(&d, &f->streamed, &err) == QN_OK);
}

static inline bool qn_fuzz_has_control(const qn_fuzz_tokenizer *f)
{
    uint32_t unk = qn_tokenizer_about(f->t)->unk; /* stands for what no token spells */
    for (size_t i = 0; i < f->ids.n; i++)
        if (f->ids.ids[i] != unk && qn_token_kind_of(f->t, f->ids.ids[i]) == QN_TOKEN_CONTROL)
            return true;
    return false;
}

/* The text in two parts, of which bits 0 and 1 of flags trust the first and the second. back is
 * what decoding must give where no control token was added or found; n_back SIZE_MAX: anything. */
static inline void qn_fuzz_text(qn_fuzz_tokenizer *f, unsigned flags, size_t n_first, size_t n,
                                const uint8_t *text, size_t n_back, const uint8_t *back)
{
    qn_error err;
    bool trusts = flags & 3;
    unsigned options = flags & 4 ? QN_TOKENIZE_ADD_SPECIAL : 0;
    unsigned decode = (flags >> 3 & 7) | (trusts ? 0 : QN_DETOKENIZE_SKIP_SPECIAL);
    n_first = n_first < n ? n_first : n;
    const qn_text_part parts[] = {{text, n_first, flags & 1},
                                  {text + n_first, n - n_first, flags & 2}};
    qn_ids_clear(&f->ids), qn_ids_clear(&f->again), qn_buf_clear(&f->whole);
    qn_fuzz_require(qn_tokenize_parts(f->t, f->s, 2, parts, options, &f->ids, &err) == QN_OK);
    size_t n_bos = options && qn_tokenizer_about(f->t)->add_bos;
    qn_fuzz_require(f->ids.n >= n_bos && (trusts || n_bos || !qn_fuzz_has_control(f)));
    if (!trusts) { /* the second time most words are remembered */
        qn_fuzz_require(qn_tokenize(f->t, f->s, n, text, options, &f->again, &err) == QN_OK);
        qn_fuzz_require(f->again.n == f->ids.n &&
                        (f->ids.n == 0 ||
                         memcmp(f->ids.ids, f->again.ids, f->ids.n * sizeof *f->ids.ids) == 0));
    }
    qn_fuzz_require(qn_detokenize(f->t, f->ids.n, f->ids.ids, decode, &f->whole, &err) == QN_OK);
    qn_fuzz_stream(f, decode);
    qn_fuzz_require(f->whole.n_bytes == f->streamed.n_bytes &&
                    (f->whole.n_bytes == 0 ||
                     memcmp(f->whole.bytes, f->streamed.bytes, f->whole.n_bytes) == 0));
    bool exact = !(decode & (QN_DETOKENIZE_CONTINUES | QN_DETOKENIZE_REPLACE));
    if (!trusts && exact && n_back != SIZE_MAX)
        qn_fuzz_require(f->whole.n_bytes == n_back &&
                        (n_back == 0 || memcmp(f->whole.bytes, back, n_back) == 0));
}
