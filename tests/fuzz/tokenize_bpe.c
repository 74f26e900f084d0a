/* tests/fuzz/tokenize_bpe.c - any bytes under any pre-tokenizer: they come back, whole and
 * streamed, and no control token comes out of what was not trusted.
 *
 * Input: pre-tokenizer, flags, where the first part ends, then the text. */
#include "tests/fuzz/tokenize.h"

static const char *const pres[] = {
    "smollm",      "llama-bpe",    "qwen2",          "qwen35",   "gpt-4o",     "tekken",
    "deepseek-v3", "deepseek-llm", "deepseek-coder", "gpt-2",    "falcon",     "viking",
    "seed-coder",  "ufakzeka",     "laguna",         "minicpm5", "exaone-moe", "jais-2",
    "youtu",       "tiny_aya",     "kimi-k2",        "chameleon"};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static qn_fuzz_tokenizer made[QN_COUNT(pres)];
    if (n_bytes < 3)
        return 0;
    size_t i = bytes[0] % QN_COUNT(pres);
    qn_fuzz_open(&made[i], "tests/fixtures/text/bpe.vocab", pres[i]);
    bool nfc = strncmp(pres[i], "qwen", 4) == 0; /* they see normalized text */
    qn_fuzz_text(&made[i], bytes[1], bytes[2], n_bytes - 3, bytes + 3, nfc ? SIZE_MAX : n_bytes - 3,
                 bytes + 3);
    return 0;
}
