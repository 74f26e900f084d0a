/* tests/text/refused.c - a vocabulary that cannot be used is refused by a sentence that names why.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "tests/support/support.h"
#include "tests/support/test.h"
#include "text/tokenizer.h"
#include "weights/gguf.h"

#define SEEDS "tests/fuzz/seeds/tokenizer_gguf/"

static qn_status open_seed(const char *name, qn_tokenizer **t, qn_error *err)
{
    char path[256];
    qn_gguf g;
    snprintf(path, sizeof path, SEEDS "%s", name);
    assert_int_equal(qn_gguf_open(&g, path, err), QN_OK);
    qn_status st = qn_tokenizer_from_gguf(t, &g, err);
    qn_gguf_release(&g);
    return st;
}

static void a_bad_gguf_vocabulary_is_named(void **state)
{
    // clang-format off
    static const struct {
        const char *seed;
        qn_status status;
        const char *says;
    } bad[] = {
        {"bpe-unknown-pre", QN_EUNSUPPORTED, "no-such"},
        {"bpe-no-pre", QN_EUNSUPPORTED, "(none named)"},
        {"bpe-default-pre", QN_EUNSUPPORTED, "default); convert the model again"},
        {"bpe-afmoe", QN_EUNSUPPORTED, "pre-tokenizer afmoe"},
        {"marked-bad-merge", QN_EFORMAT, "merge 0 (t x)"},
        {"unknown-model", QN_EUNSUPPORTED, "rwkv"},
        {"unigram-bad-map", QN_EFORMAT, "character map"},
        {"bpe-bad-merge", QN_EFORMAT, "merge 0 (t x)"},
        {"bpe-no-space", QN_EFORMAT, "merge 0"},
        {"bpe-empty-right", QN_EFORMAT, "merge 0"},
        {"bpe-bad-kind", QN_EFORMAT, "token 0"},
        {"bpe-bad-eos", QN_EFORMAT, "eos token is 99"},
        {"bpe-short-kinds", QN_EFORMAT, "tokenizer.ggml.token_type"},
        {"bpe-long-special", QN_ELIMIT, "token 16"},
        {"spm-nan", QN_EFORMAT, "token 0"},
        {"spm-no-scores", QN_EFORMAT, "scores"},
    };
    // clang-format on
    (void)state;
    for (size_t i = 0; i < QN_COUNT(bad); i++) {
        qn_tokenizer *t;
        qn_error err = {0};
        assert_int_equal(open_seed(bad[i].seed, &t, &err), bad[i].status);
        assert_null(t);
        if (!strstr(err.text, bad[i].says))
            fail_msg("%s: \"%s\" does not say %s", bad[i].seed, err.text, bad[i].says);
        assert_int_equal(qn_alloc_live(), 0);
    }
}

static void defaults_are_those_of_the_field(void **state)
{
    (void)state;
    qn_tokenizer *t;
    qn_error err = {0};
    assert_int_equal(open_seed("spm-unknown", &t, &err), QN_OK);
    const qn_tokenizer_info *info = qn_tokenizer_about(t);
    assert_true(info->bos == 1 && info->eos == 2 && info->unk == 0 && info->pad == QN_NO_TOKEN);
    assert_true(info->add_bos && !info->add_eos && info->add_space_prefix);
    assert_string_equal(info->model, "llama");
    assert_string_equal(info->pre, "");
    qn_tokenizer_release(t);
    assert_int_equal(open_seed("bpe-llama-bpe", &t, &err), QN_OK);
    info = qn_tokenizer_about(t);
    assert_true(info->bos == 11 && info->eos == 12 && info->unk == QN_NO_TOKEN);
    assert_true(info->add_bos && !info->add_eos && !info->add_space_prefix);
    assert_true(info->n_eog == 3 && info->eog[0] == 11 && info->eog[1] == 12);
    assert_int_equal(info->eog[2], 13);           /* by its key alone */
    assert_int_equal(info->n_unspelled, 256 - 7); /* a b t h e 1 and space */
    assert_string_equal(info->pre, "llama-bpe");
    qn_tokenizer_release(t);
}

/* What GGUF does not say of RoBERTa's added token. */
static void a_mask_swallows_the_space_before_it(void **state)
{
    static const uint32_t expected[] = {0, 16, 5}; /* a, <mask>, a space */
    (void)state;
    qn_tokenizer *t;
    qn_tokenizer_scratch *s;
    qn_ids ids = {0};
    qn_error err = {0};
    assert_int_equal(open_seed("roberta", &t, &err), QN_OK);
    assert_int_equal(qn_tokenizer_scratch_open(&s, t, &err), QN_OK);
    assert_int_equal(qn_tokenize(t, s, 9, "a <mask> ", QN_TOKENIZE_PARSE_SPECIAL, &ids, &err),
                     QN_OK);
    assert_int_equal(ids.n, QN_COUNT(expected));
    assert_memory_equal(ids.ids, expected, sizeof expected);
    qn_ids_release(&ids);
    qn_tokenizer_scratch_close(s);
    qn_tokenizer_release(t);
    assert_int_equal(qn_alloc_live(), 0);
}

static void the_later_of_two_equal_tokens_is_used(void **state)
{
    (void)state;
    qn_tokenizer *t;
    qn_error err = {0};
    assert_int_equal(open_seed("bpe-twice", &t, &err), QN_OK);
    assert_int_equal(qn_token_named(t, 1, "a"), 16);
    assert_int_equal(qn_token_named(t, 0, ""), QN_NO_TOKEN);
    qn_tokenizer_release(t);
}

/* "a a" makes 2; then the earlier "ab", 3, lies where the search for what "a b" makes begins. */
static void a_merge_makes_the_later_of_two_equal_tokens(void **state)
{
    static const char *const texts[] = {"a", "b", "aa", "ab", "ab"};
    uint8_t tokens[5 * 10] = {0};
    static const uint8_t merges[] = {3, 0, 0, 0, 0, 0, 0, 0, 'a', ' ', 'a',
                                     3, 0, 0, 0, 0, 0, 0, 0, 'a', ' ', 'b'};
    qn_vocab_source source = QN_VOCAB_SOURCE;
    qn_tokenizer *t;
    qn_tokenizer_scratch *s;
    qn_ids ids = {0};
    qn_error err = {0};
    size_t n = 0;
    (void)state;
    for (size_t i = 0; i < QN_COUNT(texts); i++) {
        size_t n_text = strlen(texts[i]);
        tokens[n] = (uint8_t)n_text;
        memcpy(tokens + n + 8, texts[i], n_text);
        n += 8 + n_text;
    }
    source.model = qn_str_of("gpt2"), source.pre = qn_str_of("gpt-2");
    source.tokens = (qn_texts){.n = 5, .n_bytes = n, .bytes = tokens};
    source.merges = (qn_texts){.n = 2, .n_bytes = sizeof merges, .bytes = merges};
    assert_int_equal(qn_tokenizer_from_source(&t, &source, &err), QN_OK);
    assert_int_equal(qn_tokenizer_scratch_open(&s, t, &err), QN_OK);
    assert_int_equal(qn_tokenize(t, s, 2, "ab", 0, &ids, &err), QN_OK);
    assert_int_equal(ids.n, 1);
    assert_int_equal(ids.ids[0], 4);
    qn_ids_release(&ids);
    qn_tokenizer_scratch_close(s);
    qn_tokenizer_release(t);
}

static void harmonys_end_of_a_message_ends_no_turn(void **state)
{
    (void)state;
    qn_tokenizer *t;
    qn_error err = {0};
    assert_int_equal(open_seed("harmony", &t, &err), QN_OK);
    assert_true(qn_token_ends(t, 1) && qn_token_ends(t, 2) && !qn_token_ends(t, 3));
    qn_tokenizer_release(t);
}

static void phi3_markers_swallow_the_space_behind_them(void **state)
{
    static const char *const seeds[] = {"phi-3", "spm-unknown"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        qn_tokenizer *t;
        qn_tokenizer_scratch *s;
        qn_error err = {0};
        qn_ids ids = {0}, spaced = {0};
        assert_int_equal(open_seed(seeds[i], &t, &err), QN_OK);
        assert_int_equal(qn_tokenizer_scratch_open(&s, t, &err), QN_OK);
        assert_int_equal(qn_tokenize(t, s, 9, "<tool>the", 0, &ids, &err), QN_OK);
        assert_int_equal(qn_tokenize(t, s, 12, "<tool> \n the", 0, &spaced, &err), QN_OK);
        bool same = ids.n == spaced.n && memcmp(ids.ids, spaced.ids, ids.n * sizeof *ids.ids) == 0;
        assert_int_equal(same, i == 0);
        qn_ids_release(&ids);
        qn_ids_release(&spaced);
        qn_tokenizer_scratch_close(s);
        qn_tokenizer_release(t);
    }
}

static void every_failed_call_of_loading_leaves_nothing_behind(void **state)
{
    static const char *const seeds[] = {"phi-3", "bpe-smollm", "bpe-kimi-k2", "marked"};
    (void)state;
    for (size_t i = 0; i < QN_COUNT(seeds); i++) {
        char path[256];
        qn_gguf g;
        qn_error err = {0};
        snprintf(path, sizeof path, SEEDS "%s", seeds[i]);
        assert_int_equal(qn_gguf_open(&g, path, &err), QN_OK);
        size_t n_live = qn_alloc_live();
        bool fired = true;
        for (unsigned n = 1; fired; n++) {
            qn_tokenizer *t;
            qn_fault_arm(n);
            qn_status st = qn_tokenizer_from_gguf(&t, &g, &err);
            fired = qn_fault_disarm();
            assert_int_equal(st, fired ? QN_ENOMEM : QN_OK);
            assert_int_equal(t != NULL, !fired);
            qn_tokenizer_release(t);
            assert_int_equal(qn_alloc_live(), n_live);
        }
        qn_gguf_release(&g);
    }
}

/* n texts that claim more than is there. */
static qn_status from_counts(size_t n_tokens, size_t n_merges, const char *says)
{
    static const uint8_t none[16];
    qn_vocab_source source = QN_VOCAB_SOURCE;
    qn_tokenizer *t;
    qn_error err = {0};
    source.model = qn_str_of("gpt2"), source.pre = qn_str_of("gpt-2");
    source.tokens = (qn_texts){.n = n_tokens, .n_bytes = sizeof none, .bytes = none};
    source.merges = (qn_texts){.n = n_merges, .n_bytes = sizeof none, .bytes = none};
    qn_status st = qn_tokenizer_from_source(&t, &source, &err);
    assert_null(t);
    assert_non_null(strstr(err.text, says));
    return st;
}

static void counts_are_held_to_limits_and_to_the_bytes(void **state)
{
    (void)state;
    assert_int_equal(from_counts(0, 0, "no tokens"), QN_EFORMAT);
    assert_int_equal(from_counts(1u << 21, 0, "shorter"), QN_EFORMAT);
    assert_int_equal(from_counts((1u << 21) + 1, 0, "limit is 2097152"), QN_ELIMIT);
    assert_int_equal(from_counts(2, 1u << 22, "shorter"), QN_EFORMAT);
    assert_int_equal(from_counts(2, (1u << 22) + 1, "limit is 4194304"), QN_ELIMIT);
    assert_int_equal(from_counts(SIZE_MAX, 0, "limit"), QN_ELIMIT);
    assert_int_equal(from_counts(3, 0, "shorter"), QN_EFORMAT);
    assert_int_equal(from_counts(1, 0, "8 bytes follow the last token"), QN_EFORMAT);
}

static void a_special_token_of_the_largest_size_is_found(void **state)
{
    uint8_t list[8 + 512 + 8 + 1] = {0x00, 0x02};
    const uint8_t kinds[8] = {QN_TOKEN_CONTROL, 0, 0, 0, QN_TOKEN_NORMAL};
    qn_vocab_source source = QN_VOCAB_SOURCE;
    qn_tokenizer *t;
    qn_tokenizer_scratch *s;
    qn_ids ids = {0};
    qn_error err = {0};
    (void)state;
    memset(list + 8, 'x', 512);
    list[8 + 512] = 1, list[8 + 512 + 8] = 'x';
    source.model = qn_str_of("gpt2"), source.pre = qn_str_of("gpt-2");
    source.tokens = (qn_texts){.n = 2, .n_bytes = sizeof list, .bytes = list};
    source.kinds = kinds;
    assert_int_equal(qn_tokenizer_from_source(&t, &source, &err), QN_OK);
    assert_int_equal(qn_tokenizer_scratch_open(&s, t, &err), QN_OK);
    assert_int_equal(qn_tokenize(t, s, 512, list + 8, QN_TOKENIZE_PARSE_SPECIAL, &ids, &err),
                     QN_OK);
    assert_int_equal(ids.n, 1);
    qn_ids_clear(&ids);
    assert_int_equal(qn_tokenize(t, s, 511, list + 8, QN_TOKENIZE_PARSE_SPECIAL, &ids, &err),
                     QN_OK);
    assert_int_equal(ids.n, 511);
    qn_ids_release(&ids);
    qn_tokenizer_scratch_close(s);
    qn_tokenizer_release(t);
}

QN_TEST_MAIN(cmocka_unit_test(a_bad_gguf_vocabulary_is_named),
             cmocka_unit_test(defaults_are_those_of_the_field),
             cmocka_unit_test(a_mask_swallows_the_space_before_it),
             cmocka_unit_test(the_later_of_two_equal_tokens_is_used),
             cmocka_unit_test(a_merge_makes_the_later_of_two_equal_tokens),
             cmocka_unit_test(harmonys_end_of_a_message_ends_no_turn),
             cmocka_unit_test(phi3_markers_swallow_the_space_behind_them),
             cmocka_unit_test(every_failed_call_of_loading_leaves_nothing_behind),
             cmocka_unit_test(counts_are_held_to_limits_and_to_the_bytes),
             cmocka_unit_test(a_special_token_of_the_largest_size_is_found))
