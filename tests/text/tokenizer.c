/* tests/text/tokenizer.c - small trained tokenizers give the ids of tokenizers and sentencepiece.
 *
 * Fixtures: tests/oracles/tokenizer_fixtures.py. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "tests/support/support.h"
#include "tests/support/test.h"
#include "tests/support/vocab_file.h"
#include "weights/gguf.h"

enum { HF = QN_TEST_HUGGING_FACE };
#define FOLDER "tests/fixtures/text/"

static void expect_all(qn_tokenizer *t, const char *rows, size_t n_least)
{
    qn_test_counts counts = qn_test_vectors(t, rows, HF, UINT32_MAX);
    qn_tokenizer_release(t);
    assert_true(counts.n_encoded >= n_least);
    assert_int_equal(counts.n_wrong, 0);
}

/* bpe.vocab under another pre-tokenizer: one without, one with ignore_merges, one of many stages.
 */
static void byte_level_ids_equal_the_reference(void **state)
{
    static const char *const names[] = {"smollm", "llama-bpe", "deepseek-llm"};
    (void)state;
    for (size_t i = 0; i < QN_COUNT(names); i++) {
        char rows[256];
        snprintf(rows, sizeof rows, FOLDER "bpe-%s.jsonl", names[i]);
        expect_all(qn_test_vocab_open_as(FOLDER "bpe.vocab", names[i]), rows, 400);
    }
}

static void sentencepiece_ids_equal_the_reference(void **state)
{
    static const char *const names[] = {"spm", "spm-prefix", "spm-unknown"};
    (void)state;
    for (size_t i = 0; i < QN_COUNT(names); i++) {
        char vocab[256], rows[256];
        snprintf(vocab, sizeof vocab, FOLDER "%s.vocab", names[i]);
        snprintf(rows, sizeof rows, FOLDER "%s.jsonl", names[i]);
        expect_all(qn_test_vocab_open(vocab), rows, 400);
    }
}

static void expect_model(const char *name)
{
    const char *path = qn_test_model(name);
    char rows[256];
    qn_gguf g;
    qn_error err = {0};
    qn_tokenizer *t;
    if (!path)
        QN_SKIP("%s is not in the model cache: script/fetch-model %s", name, name);
    snprintf(rows, sizeof rows, FOLDER "%s.jsonl", name);
    assert_int_equal(qn_gguf_open(&g, path, &err), QN_OK);
    qn_status st = qn_tokenizer_from_gguf(&t, &g, &err);
    qn_gguf_release(&g);
    if (st != QN_OK)
        fail_msg("%s", err.text);
    expect_all(t, rows, 800);
}

static void smollm2_ids_equal_the_reference(void **state)
{
    (void)state;
    expect_model("smollm2");
}

static void gemma3_ids_equal_the_reference(void **state)
{
    (void)state;
    expect_model("gemma3-270m");
}

QN_TEST_MAIN(cmocka_unit_test(byte_level_ids_equal_the_reference),
             cmocka_unit_test(sentencepiece_ids_equal_the_reference),
             cmocka_unit_test(smollm2_ids_equal_the_reference),
             cmocka_unit_test(gemma3_ids_equal_the_reference))
