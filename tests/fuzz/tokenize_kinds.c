/* tests/fuzz/tokenize_kinds.c - any bytes through every kind of tokenizer file: what is remembered
 * gives the same ids, a stream the same text, and no control token comes out of what was not
 * trusted.
 *
 * Input: tokenizer, flags, where the first part ends, then the text. */
#include "tests/fuzz/tokenize.h"

#define FOLDER "tests/fixtures/text/json/"

static const char *const files[] = {FOLDER "unigram.json",
                                    FOLDER "unigram-bytes.json",
                                    FOLDER "albert.json",
                                    FOLDER "wordpiece.json",
                                    FOLDER "wordlevel.json",
                                    FOLDER "clip.json",
                                    FOLDER "suffixed.json",
                                    FOLDER "prefixed.json",
                                    FOLDER "flags.json",
                                    FOLDER "llama.json",
                                    FOLDER "llama-first.json",
                                    FOLDER "tekken.json",
                                    FOLDER "spm-bpe.model",
                                    FOLDER "spm-unigram.model",
                                    FOLDER "spm-unigram-bytes.model",
                                    FOLDER "jais-2.json",
                                    FOLDER "tiny_aya.json",
                                    FOLDER "superbpe.json",
                                    FOLDER "shown.json",
                                    FOLDER "ctc.json"};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static qn_fuzz_tokenizer made[QN_COUNT(files)];
    const unsigned no_template = ~4u; /* which puts control tokens around any text */
    qn_error err;
    if (n_bytes < 3)
        return 0;
    qn_fuzz_tokenizer *f = &made[bytes[0] % QN_COUNT(files)];
    if (!f->t) {
        qn_fuzz_require(qn_tokenizer_open(&f->t, files[bytes[0] % QN_COUNT(files)], &err) == QN_OK);
        qn_fuzz_require(qn_tokenizer_scratch_open(&f->s, f->t, &err) == QN_OK);
    }
    qn_fuzz_text(f, bytes[1] & no_template, bytes[2], n_bytes - 3, bytes + 3, SIZE_MAX, NULL);
    return 0;
}
