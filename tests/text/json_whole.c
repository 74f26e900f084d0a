/* tests/text/json_whole.c - small tokenizers of every kind of file give the ids of the reference.
 *
 * Fixtures: tests/oracles/tokenizer_json_fixtures.py. */
#include <stdio.h>

#include "base/alloc.h"
#include "tests/support/test.h"
#include "tests/support/vocab_file.h"

#define FOLDER "tests/fixtures/text/json/"

static void expect_file(const char *name, const char *suffix)
{
    char file[256], rows[256];
    qn_tokenizer *t;
    qn_error err = {0};
    snprintf(file, sizeof file, FOLDER "%s%s", name, suffix);
    snprintf(rows, sizeof rows, FOLDER "%s.jsonl", name);
    if (qn_tokenizer_open(&t, file, &err) != QN_OK)
        fail_msg("%s", err.text);
    qn_test_counts counts = qn_test_vectors(t, rows, QN_TEST_HUGGING_FACE, UINT32_MAX);
    qn_tokenizer_release(t);
    assert_int_equal(qn_alloc_live(), 0);
    assert_true(counts.n_encoded > 200);
    assert_int_equal(counts.n_wrong, 0);
}

static void expect(const char *name)
{
    expect_file(name, ".json");
}

static void byte_level_with_every_flag_of_added_tokens(void **state)
{
    (void)state;
    expect("flags");
}

static void byte_level_with_a_suffix_at_the_end_of_words(void **state)
{
    (void)state;
    expect("clip");
}

static void characters_with_byte_fallback(void **state)
{
    (void)state;
    expect("llama");
    expect("llama-first");
}

static void characters_with_prefixes_and_suffixes(void **state)
{
    (void)state;
    expect("prefixed");
    expect("suffixed");
}

static void unigrams_with_and_without_byte_fallback(void **state)
{
    (void)state;
    expect("unigram");
    expect("unigram-bytes");
    expect("albert");
}

static void word_pieces_and_whole_words(void **state)
{
    (void)state;
    expect("wordpiece");
    expect("wordlevel");
}

static void sentencepiece_models(void **state)
{
    (void)state;
    expect_file("spm-unigram", ".model");
    expect_file("spm-unigram-bytes", ".model");
    expect_file("spm-bpe", ".model");
}

static void tekken_files(void **state)
{
    (void)state;
    expect("tekken");
}

QN_TEST_MAIN(cmocka_unit_test(byte_level_with_every_flag_of_added_tokens),
             cmocka_unit_test(byte_level_with_a_suffix_at_the_end_of_words),
             cmocka_unit_test(characters_with_byte_fallback),
             cmocka_unit_test(characters_with_prefixes_and_suffixes),
             cmocka_unit_test(unigrams_with_and_without_byte_fallback),
             cmocka_unit_test(word_pieces_and_whole_words), cmocka_unit_test(sentencepiece_models),
             cmocka_unit_test(tekken_files))
