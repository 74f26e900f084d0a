/* tests/support/vocab_read.h - the files of tests/oracles/vocab_file.py, which states their layout.
 */
#pragma once

#include <string.h>

#include "base/reader.h"
#include "text/tokenizer.h"

static inline qn_str qn_test_vocab_name(qn_reader *r)
{
    uint64_t n = qn_read_u64(r);
    const uint8_t *bytes = qn_read_bytes(r, n);
    return bytes ? (qn_str){(const char *)bytes, (size_t)n} : (qn_str){0};
}

static inline void qn_test_vocab_texts(qn_reader *r, qn_texts *texts)
{
    texts->n = (size_t)qn_read_u64(r);
    texts->n_bytes = (size_t)qn_read_u64(r);
    texts->bytes = qn_read_bytes(r, texts->n_bytes);
}

/* Reads a vocabulary in place; false when it is not one. */
static inline bool qn_test_vocab_read(size_t n_bytes, const uint8_t *bytes, qn_vocab_source *source)
{
    qn_reader r = {.bytes = bytes, .n_bytes = n_bytes};
    const uint8_t *magic = qn_read_bytes(&r, 14);
    *source = QN_VOCAB_SOURCE;
    if (!magic || memcmp(magic, "quern-vocab 1\n", 14) != 0)
        return false;
    source->model = qn_test_vocab_name(&r), source->pre = qn_test_vocab_name(&r);
    source->bos = qn_read_u32(&r), source->eos = qn_read_u32(&r);
    source->unk = qn_read_u32(&r), source->pad = qn_read_u32(&r);
    source->add_bos = (int)qn_read_u32(&r), source->add_eos = (int)qn_read_u32(&r);
    source->add_space_prefix = (int)qn_read_u32(&r);
    qn_test_vocab_texts(&r, &source->tokens);
    size_t n = source->tokens.n;
    if (r.failed || n > n_bytes)
        return false;
    if (qn_read_u8(&r))
        source->scores = qn_read_bytes(&r, 4 * n);
    source->kinds = qn_read_bytes(&r, 4 * n);
    source->strips = qn_read_bytes(&r, n);
    qn_test_vocab_texts(&r, &source->merges);
    return !r.failed;
}
