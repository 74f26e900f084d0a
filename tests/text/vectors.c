/* tests/text/vectors.c - real vocabularies give the ids of the reference, where both are at hand.
 *
 * The vocabularies are too large to commit: tests/oracles/vocab_file.py --all puts those
 * that are no GGUF files into the folder QUERN_TEST_VOCAB, else ~/.cache/quern/vocab. Without them
 * these tests are skipped; tests/text/tokenizer.c never is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/support.h"
#include "tests/support/test.h"
#include "tests/support/vocab_file.h"
#include "weights/gguf.h"

typedef struct vectors {
    const char *vocab, *rows; /* under the cache's vocab/, or a GGUF file, and the rows' file, under
                               * the conformance data's tokenizers/ */
    unsigned flags;
    uint32_t first_added; /* see qn_test_vectors */
    size_t n_differ; /* decoded rows where a run of byte tokens is malformed in part: Hugging Face
                      * replaces each byte of the run, here what is well-formed stays */
} vectors;

static qn_tokenizer *open_gguf(const char *path)
{
    qn_gguf g;
    qn_error err = {0};
    qn_tokenizer *t = NULL;
    if (qn_gguf_open(&g, path, &err) != QN_OK || qn_tokenizer_from_gguf(&t, &g, &err) != QN_OK)
        fail_msg("%s: %s", path, err.text);
    qn_gguf_release(&g); /* the tokenizer keeps nothing of it */
    return t;
}

static void ids_equal_the_reference(void **state)
{
    const vectors *v = *state;
    char vocab[4096], rows[4096];
    struct stat st;
    const char *home = getenv("HOME"), *data = qn_test_data(), *folder = getenv("QUERN_TEST_VOCAB");
    bool gguf = strstr(v->vocab, ".gguf") != NULL;
    if (gguf)
        snprintf(vocab, sizeof vocab, "%s/tokenizers/%s", data ? data : "", v->vocab);
    else
        snprintf(vocab, sizeof vocab, "%s%s/%s.vocab", folder || !home ? "" : home,
                 folder ? folder : "/.cache/quern/vocab", v->vocab);
    snprintf(rows, sizeof rows, "%s/tokenizers/%s.jsonl", data ? data : "", v->rows);
    if (stat(vocab, &st) != 0 || !data || stat(rows, &st) != 0)
        QN_SKIP("no vocabulary %s or no %s", v->vocab, v->rows);
    qn_tokenizer *t = gguf ? open_gguf(vocab) : qn_test_vocab_open(vocab);
    qn_test_counts counts = qn_test_vectors(t, rows, v->flags, v->first_added);
    qn_tokenizer_release(t);
    assert_true(counts.n_encoded > 0);
    assert_int_equal(counts.n_wrong, v->n_differ);
}

enum { HF = QN_TEST_HUGGING_FACE };
#define NONE UINT32_MAX

// clang-format off
static vectors all[] = {
    {"gpt2", "gpt2", HF, NONE, 0},
    {"llama3_1", "llama3_1", HF, NONE, 0},
    {"qwen2_5", "qwen2_5", HF, 151643, 0},
    {"qwen3", "qwen3", HF, 151643, 0},
    {"deepseek_v3", "deepseek_v3", HF, 128000, 0},
    {"gpt4o", "gpt4o", HF, NONE, 0},
    {"mistral_nemo", "mistral_nemo", HF, NONE, 0},
    {"roberta_base", "roberta_base", HF, NONE, 0},
    {"whisper_large_v3", "whisper_large_v3", HF | QN_TEST_NO_TEMPLATE, 50257, 0},
    {"gemma3", "gemma3", HF, NONE, 2},
    {"gemma2", "gemma2", HF, NONE, 0},
    {"mistral_v1_hf", "mistral_v1_hf", HF, NONE, 0},
    {"phi3_mini", "phi3_mini", HF, NONE, 0},
    {"yi", "yi", HF, NONE, 4},
    {"gguf/ggml-vocab-gpt-2.gguf", "gguf/gpt-2.llamacpp", 0, NONE, 0},
    {"gguf/ggml-vocab-llama-spm.gguf", "gguf/llama-spm.llamacpp", 0, NONE, 0},
    {"gguf/ggml-vocab-phi-3.gguf", "gguf/phi-3.llamacpp", 0, NONE, 0},
    {"gguf/ggml-vocab-deepseek-llm.gguf", "gguf/deepseek-llm.llamacpp", 0, NONE, 0},
    {"gguf/ggml-vocab-starcoder.gguf", "gguf/starcoder.llamacpp", 0, NONE, 0},
    {"gguf/ggml-vocab-mpt.gguf", "gguf/mpt.llamacpp", 0, NONE, 0},
    {"gguf/ggml-vocab-bert-bge.gguf", "gguf/bert-bge.llamacpp", 0, NONE, 0},
    {"llama3_1", "gguf/llama-bpe.llamacpp", 0, NONE, 0},
    {"qwen2_5", "gguf/qwen2.llamacpp", 0, NONE, 0},
    {"gpt2", "gguf/gpt-2.llamacpp", 0, NONE, 0},
    {"roberta_base", "gguf/roberta-bpe.llamacpp", 0, NONE, 0},
};
// clang-format on

int main(void)
{
    struct CMUnitTest tests[QN_COUNT(all)];
    for (size_t i = 0; i < QN_COUNT(all); i++)
        tests[i] = (struct CMUnitTest){all[i].rows, ids_equal_the_reference, NULL, NULL, &all[i]};
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
