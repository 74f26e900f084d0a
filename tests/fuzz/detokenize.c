/* tests/fuzz/detokenize.c - any ids, whole and streamed: both give the same bytes, a stream never
 * emits part of a character, and what it holds back could still become one.
 *
 * Input: tokenizer, flags, then two bytes an id. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "tests/support/stream.h"
#include "tests/support/vocab_read.h"

#define FOLDER "tests/fixtures/text/"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static const char *const files[] = {
    FOLDER "bpe.vocab",           FOLDER "spm-prefix.vocab",
    FOLDER "json/llama.json",     FOLDER "json/wordpiece.json",
    FOLDER "json/suffixed.json",  FOLDER "json/unigram.json",
    FOLDER "json/wordlevel.json", FOLDER "json/spm-unigram-bytes.model"};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), n_end = strlen(end);
    return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

/* Made once, kept. */
static const qn_tokenizer *tokenizer(size_t i)
{
    static qn_tokenizer *made[QN_COUNT(files)];
    qn_error err;
    qn_buf file = {0};
    qn_vocab_source source;
    if (made[i])
        return made[i];
    if (!ends_in(files[i], ".vocab")) {
        require(qn_tokenizer_open(&made[i], files[i], &err) == QN_OK);
        return made[i];
    }
    require(qn_buf_read_file(&file, files[i], 1u << 20, &err) == QN_OK);
    require(qn_test_vocab_read(file.n_bytes, (const uint8_t *)file.bytes, &source));
    require(qn_tokenizer_from_source(&made[i], &source, &err) == QN_OK);
    qn_buf_release(&file);
    return made[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    qn_buf whole = {0}, streamed = {0};
    qn_ids ids = {0};
    qn_error err = {0};
    qn_decoder d;
    if (n_bytes < 2)
        return 0;
    const qn_tokenizer *t = tokenizer(bytes[0] % QN_COUNT(files));
    size_t n_live = qn_alloc_live();
    uint32_t n_tokens = qn_tokenizer_about(t)->n_tokens;
    unsigned flags = bytes[1] & 7;
    qn_decoder_init(&d, t, flags);
    for (size_t i = 2; i + 1 < n_bytes; i += 2) {
        uint32_t id = bytes[i] | (uint32_t)bytes[i + 1] << 8;
        bool exists = id < n_tokens;
        qn_status st = qn_decoder_push(&d, id, &streamed, &err);
        require(exists ? st == QN_OK : st == QN_EARGUMENT && err.text[0]);
        if (exists)
            qn_ids_append(&ids, 1, &id);
        require(d.n_held == qn_test_begun(streamed.n_bytes, streamed.bytes, d.n_held, d.held));
    }
    require(qn_decoder_flush(&d, &streamed, &err) == QN_OK && d.n_held == 0);
    require(qn_detokenize(t, ids.n, ids.ids, flags, &whole, &err) == QN_OK);
    require(whole.n_bytes == streamed.n_bytes);
    require(!whole.n_bytes || memcmp(whole.bytes, streamed.bytes, whole.n_bytes) == 0);
    if (flags & QN_DETOKENIZE_REPLACE && whole.n_bytes)
        require(qn_utf8_valid(whole.n_bytes, whole.bytes) == whole.n_bytes);
    qn_ids_release(&ids);
    qn_buf_release(&whole);
    qn_buf_release(&streamed);
    require(qn_alloc_live() == n_live);
    return 0;
}
