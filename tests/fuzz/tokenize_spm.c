/* tests/fuzz/tokenize_spm.c - any bytes through SentencePiece BPE: they come back with U+2581 as a
 * space where the vocabulary has byte tokens, and never fail where it has not.
 *
 * Input: vocabulary, flags, where the first part ends, then the text. */
#include "tests/fuzz/tokenize.h"

#include <string.h>

static const char *const vocabs[] = {"tests/fixtures/text/spm.vocab",
                                     "tests/fixtures/text/spm-prefix.vocab",
                                     "tests/fixtures/text/spm-unknown.vocab"};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static qn_fuzz_tokenizer made[QN_COUNT(vocabs)];
    static uint8_t spaced[1 << 20];
    if (n_bytes < 3 || n_bytes > sizeof spaced)
        return 0;
    size_t i = bytes[0] % QN_COUNT(vocabs), n = 0;
    const uint8_t *end = bytes + n_bytes;
    for (const uint8_t *p = bytes + 3; p < end;) {
        bool mark = end - p >= 3 && memcmp(p, "\xE2\x96\x81", 3) == 0;
        spaced[n++] = mark ? ' ' : *p;
        p += mark ? 3 : 1;
    }
    qn_fuzz_open(&made[i], vocabs[i], NULL);
    qn_fuzz_text(&made[i], bytes[1], bytes[2], n_bytes - 3, bytes + 3, i == 2 ? SIZE_MAX : n,
                 spaced);
    return 0;
}
