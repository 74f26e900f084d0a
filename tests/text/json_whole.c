/* tests/text/json_whole.c - small tokenizers of every kind of file give the ids of the reference.
 *
 * Fixtures: tests/oracles/tokenizer_json_fixtures.py. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "tests/support/test.h"
#include "tests/support/vocab_file.h"
#include "weights/gguf.h"

#define FOLDER "tests/fixtures/text/json/"

static qn_status open_file(qn_tokenizer **t, const char *path, qn_error *err)
{
    qn_gguf g;
    if (!strstr(path, ".gguf"))
        return qn_tokenizer_open(t, path, err);
    assert_int_equal(qn_gguf_open(&g, path, err), QN_OK);
    qn_status st = qn_tokenizer_from_gguf(t, &g, err);
    qn_gguf_release(&g); /* the tokenizer keeps nothing of it */
    return st;
}

static void expect_rows(const char *name, const char *suffix, const char *rows_of)
{
    char file[256], rows[256];
    qn_tokenizer *t;
    qn_error err = {0};
    snprintf(file, sizeof file, FOLDER "%s%s", name, suffix);
    snprintf(rows, sizeof rows, FOLDER "%s.jsonl", rows_of);
    if (open_file(&t, file, &err) != QN_OK)
        fail_msg("%s", err.text);
    qn_test_counts counts = qn_test_vectors(t, rows, QN_TEST_HUGGING_FACE, UINT32_MAX);
    qn_tokenizer_release(t);
    assert_int_equal(qn_alloc_live(), 0);
    assert_true(counts.n_encoded > 200);
    assert_int_equal(counts.n_wrong, 0);
}

static void expect_file(const char *name, const char *suffix)
{
    expect_rows(name, suffix, name);
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

/* Patterns that are several scanners one within the other. */
static void byte_level_cut_as_one_family_alone_does(void **state)
{
    (void)state;
    expect("jais-2");
    expect("tiny_aya");
    expect("superbpe");
}

static void characters_with_byte_fallback(void **state)
{
    (void)state;
    expect("llama");
    expect("llama-first");
}

/* In GGUF, where only the model's or the pre-tokenizer's name says so. */
static void characters_with_merges_and_marked_spaces(void **state)
{
    (void)state;
    expect_rows("gemma4", ".gguf", "gemma4");
    expect_rows("sarvam-moe", ".gguf", "gemma4");
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

/* Where it is a piece and no added token; ids by tokenizers 0.23.3. */
static void the_unknown_tokens_name_is_unknown_to_unigrams(void **state)
{
    static const struct {
        const char *seed, *text;
        size_t n;
        uint32_t ids[9];
    } rows[] = {{"unigram", "<unk>\u4e2d", 2, {1, 0}},
                {"unigram", "a<unk>\u4e2d\u6587a", 4, {1, 3, 0, 3}},
                {"unigram-bytes", "<unk>", 2, {1, 0}},
                {"unigram-bytes", "<unk>\u4e2d", 9, {1, 66, 123, 116, 113, 68, 234, 190, 179}}};
    (void)state;
    for (size_t i = 0; i < QN_COUNT(rows); i++) {
        char path[256];
        qn_tokenizer *t;
        qn_tokenizer_scratch *s;
        qn_ids ids = {0};
        qn_error err = {0};
        snprintf(path, sizeof path, "tests/fuzz/seeds/tokenizer_json/%s", rows[i].seed);
        assert_int_equal(qn_tokenizer_open(&t, path, &err), QN_OK);
        assert_int_equal(qn_tokenizer_scratch_open(&s, t, &err), QN_OK);
        assert_int_equal(qn_tokenize(t, s, strlen(rows[i].text), rows[i].text, 0, &ids, &err),
                         QN_OK);
        assert_int_equal(ids.n, rows[i].n);
        assert_memory_equal(ids.ids, rows[i].ids, ids.n * sizeof *ids.ids);
        qn_ids_release(&ids);
        qn_tokenizer_scratch_close(s);
        qn_tokenizer_release(t);
    }
    assert_int_equal(qn_alloc_live(), 0);
}

static void decoders_that_change_each_token(void **state)
{
    (void)state;
    expect("shown");
    expect("ctc");
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
             cmocka_unit_test(byte_level_cut_as_one_family_alone_does),
             cmocka_unit_test(characters_with_byte_fallback),
             cmocka_unit_test(characters_with_merges_and_marked_spaces),
             cmocka_unit_test(characters_with_prefixes_and_suffixes),
             cmocka_unit_test(unigrams_with_and_without_byte_fallback),
             cmocka_unit_test(the_unknown_tokens_name_is_unknown_to_unigrams),
             cmocka_unit_test(decoders_that_change_each_token),
             cmocka_unit_test(word_pieces_and_whole_words), cmocka_unit_test(sentencepiece_models),
             cmocka_unit_test(tekken_files))
