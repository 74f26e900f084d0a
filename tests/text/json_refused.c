/* tests/text/json_refused.c - what is wrong with a tokenizer file is named, and no failed call
 * leaves anything behind. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "tests/support/support.h"
#include "tests/support/test.h"
#include "text/tokenizer.h"

#define SEEDS "tests/fuzz/seeds/tokenizer_json/"
#define FOLDER "tests/fixtures/text/json/"

// clang-format off
static const struct {
    const char *seed;
    qn_status status;
    const char *says;
} bad[] = {
    {"bad-normalizer", QN_EUNSUPPORTED, "normalizer: normalizer Odd is not supported"},
    {"bad-charsmap", QN_EFORMAT, "character map"},
    {"bad-charsmap-end", QN_EFORMAT, "zero byte"},
    {"bad-base64", QN_EFORMAT, "base64"},
    {"deep", QN_ELIMIT, "Sequences"},
    {"no-list", QN_EFORMAT, "Sequence"},
    {"byte-normalizer-first", QN_EUNSUPPORTED, "behind ByteLevel"},
    {"byte-normalizer-cut", QN_EUNSUPPORTED, "ByteLevel"},
    {"cut-unknown", QN_EUNSUPPORTED, "pre_tokenizer: pre-tokenizer Odd"},
    {"cut-bad-behavior", QN_EUNSUPPORTED, "behavior Odd"},
    {"cut-bad-pattern", QN_EFORMAT, "the pattern (a"},
    {"cut-bad-class", QN_EUNSUPPORTED, "the pattern [[[[[[[[[[[[a"},
    {"cut-counts-back", QN_EUNSUPPORTED, "the pattern a{3,2} is not supported"},
    {"cut-groups", QN_EUNSUPPORTED, "is not supported"},
    {"cut-no-pattern", QN_EFORMAT, "pattern"},
    {"cut-odd-pattern", QN_EFORMAT, "neither String nor Regex"},
    {"cut-empty-pattern", QN_EFORMAT, "pattern"},
    {"metaspace-other", QN_EUNSUPPORTED, "U+2581"},
    {"metaspace-two", QN_EUNSUPPORTED, "marked spaces"},
    {"metaspace-odd-True", QN_EUNSUPPORTED, "prepend_scheme odd"},
    {"marks-one-side", QN_EUNSUPPORTED, "U+2581"},
    {"bytes-one-side", QN_EUNSUPPORTED, "bytes"},
    {"bert-processing", QN_EFORMAT, "post_processor"},
    {"no-cls", QN_EFORMAT, "cls and sep"},
    {"bad-processor", QN_EUNSUPPORTED, "post-processor Odd"},
    {"template-two-texts", QN_EUNSUPPORTED, "2 places"},
    {"template-unnamed", QN_EFORMAT, "template"},
    {"template-unknown", QN_EFORMAT, "token x"},
    {"template-without", QN_EFORMAT, "special_tokens"},
    {"template-empty", QN_EFORMAT, "single"},
    {"template-many", QN_ELIMIT, "too many"},
    {"template-id", QN_EFORMAT, "token 99"},
    {"bad-decoder", QN_EUNSUPPORTED, "decoder Odd"},
    {"decoder-behind-fuse", QN_EUNSUPPORTED, "behind one that joins them"},
    {"decoder-strip-fused", QN_EUNSUPPORTED, "behind one that joins them"},
    {"decoder-strip-nothing", QN_EFORMAT, "Strip without its content"},
    {"decoder-replace-pattern", QN_EFORMAT, "the pattern ("},
    {"decoder-before-marks", QN_EUNSUPPORTED, "before U+2581"},
    {"decoder-before-metaspace", QN_EUNSUPPORTED, "before U+2581"},
    {"decoder-long", QN_ELIMIT, "token 1: decoded it has 70002 bytes"},
    {"decoder-many", QN_ELIMIT, "32 steps of decoding"},
    {"decoder-two", QN_EUNSUPPORTED, "two decoders"},
    {"dropout", QN_EUNSUPPORTED, "dropout"},
    {"merge-mixed", QN_EFORMAT, "pairs"},
    {"merge-three", QN_EFORMAT, "merge 0 has 3 texts"},
    {"merge-empty", QN_EFORMAT, "merge 0"},
    {"merge-unknown", QN_EFORMAT, "merge 0 (t x)"},
    {"merge-no-space", QN_EFORMAT, "merge 0"},
    {"id-twice", QN_EFORMAT, "id 1"},
    {"id-large", QN_ELIMIT, "1099511627776"},
    {"id-negative", QN_ELIMIT, "-1"},
    {"added-other", QN_EFORMAT, "added token b"},
    {"added-large", QN_ELIMIT, "added token"},
    {"added-long", QN_ELIMIT, "600"},
    {"affix-long", QN_ELIMIT, "65"},
    {"unigram-bad", QN_EFORMAT, "piece 0"},
    {"model-unknown", QN_EUNSUPPORTED, "model Odd"},
    {"model-untyped", QN_EUNSUPPORTED, "(none named)"},
    {"no-model", QN_EFORMAT, "tokenizer.json"},
    {"no-vocab", QN_EFORMAT, "tokenizer.json"},
    {"cut", QN_EFORMAT, "line 1"},
};
// clang-format on

static void a_bad_tokenizer_json_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < QN_COUNT(bad); i++) {
        qn_tokenizer *t;
        qn_buf json = {0};
        qn_error err = {0};
        char path[256];
        snprintf(path, sizeof path, SEEDS "%s", bad[i].seed);
        assert_int_equal(qn_buf_read_file(&json, path, 1 << 20, &err), QN_OK);
        qn_status st =
            qn_tokenizer_from_json(&t, (qn_str){json.bytes, json.n_bytes}, NULL, NULL, &err);
        if (st != bad[i].status || t || !strstr(err.text, bad[i].says))
            fail_msg("%s: %d \"%s\", not %d with %s", bad[i].seed, st, err.text, bad[i].status,
                     bad[i].says);
        qn_buf_release(&json);
        assert_int_equal(qn_alloc_live(), 0);
    }
}

static const char *const files[] = {
    FOLDER "flags.json",    FOLDER "clip.json",      FOLDER "llama-first.json",
    FOLDER "unigram.json",  FOLDER "wordpiece.json", FOLDER "spm-unigram.model",
    FOLDER "spm-bpe.model", FOLDER "tekken.json",    FOLDER "shown.json"};

static void every_failed_call_of_opening_leaves_nothing_behind(void **state)
{
    (void)state;
    for (size_t i = 0; i < QN_COUNT(files); i++) {
        bool fired = true;
        for (unsigned n = 1; fired; n++) {
            qn_tokenizer *t;
            qn_error err = {0};
            qn_fault_arm(n);
            qn_status st = qn_tokenizer_open(&t, files[i], &err);
            fired = qn_fault_disarm();
            assert_int_equal(st != QN_OK, fired);
            assert_true(!fired || (err.text[0] && !t));
            qn_tokenizer_release(t);
            assert_int_equal(qn_alloc_live(), 0);
        }
    }
}

static void every_failed_call_of_encoding_leaves_what_was_there(void **state)
{
    static const char text[] =
        "The  mill \u00c9e\u0301 grinds 12345 \u4e2d\u6587 <tool>x<mask>, "
        "and a very long word: "
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa \u1100\u1161";
    (void)state;
    for (size_t i = 0; i < QN_COUNT(files); i++) {
        qn_tokenizer *t;
        qn_error err = {0};
        bool fired = true;
        assert_int_equal(qn_tokenizer_open(&t, files[i], &err), QN_OK);
        for (unsigned n = 1; fired; n++) {
            qn_tokenizer_scratch *s = NULL;
            qn_ids ids = {0};
            qn_fault_arm(n);
            qn_status st = qn_tokenizer_scratch_open(&s, t, &err);
            if (st == QN_OK)
                st = qn_tokenize(t, s, sizeof text - 1, text, QN_TOKENIZE_ADD_SPECIAL, &ids, &err);
            fired = qn_fault_disarm();
            assert_int_equal(st != QN_OK, fired);
            assert_true(!fired || (err.text[0] && ids.n == 0));
            qn_ids_release(&ids);
            qn_tokenizer_scratch_close(s);
        }
        qn_tokenizer_release(t);
        assert_int_equal(qn_alloc_live(), 0);
    }
}

/* Lines of as many ranks as Qwen's first file has; the tokens themselves are any. */
static void a_tiktoken_file_is_known_by_its_size(void **state)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    qn_tokenizer *t;
    qn_buf lines = {0};
    qn_error err = {0};
    (void)state;
    for (uint32_t i = 0; i < 151643; i++)
        qn_buf_format(&lines, "%c%c%c%c %u\n", digits[16 + i / 4096 / 64], digits[i / 4096 % 64],
                      digits[i / 64 % 64], digits[i % 64], i);
    const qn_tiktoken_file file = {.lines = {lines.bytes, lines.n_bytes}};
    assert_int_equal(qn_tokenizer_from_tiktoken(&t, &file, &err), QN_OK);
    assert_int_equal(qn_tokenizer_about(t)->n_tokens, 151851);
    assert_int_equal(qn_token_named(t, 10, "<|im_end|>"), 151645);
    assert_int_equal(qn_token_named(t, 11, "<|extra_0|>"), 151646);
    assert_int_equal(qn_token_named(t, 13, "<|extra_204|>"), 151850);
    qn_tokenizer_release(t);
    qn_buf_release(&lines);
    assert_int_equal(qn_alloc_live(), 0);
}

static void a_folder_states_what_begins_and_ends_a_text(void **state)
{
    qn_tokenizer *t;
    qn_buf file = {0};
    qn_error err = {0};
    (void)state;
    assert_int_equal(qn_buf_read_file(&file, SEEDS "config", 1 << 20, &err), QN_OK);
    const char *config = memchr(file.bytes, 0, file.n_bytes);
    const qn_str json = {file.bytes, (size_t)(config - file.bytes)};
    const qn_str beside = {config + 1, file.n_bytes - json.n_bytes - 1};
    assert_int_equal(qn_tokenizer_from_json(&t, json, &beside, &beside, &err), QN_OK);
    const qn_tokenizer_info *info = qn_tokenizer_about(t);
    assert_int_equal(info->bos, 0);
    assert_int_equal(info->eos, 1);
    assert_int_equal(info->pad, 1);
    assert_true(info->add_bos && info->add_eos);
    assert_true(qn_token_ends(t, 0) && qn_token_ends(t, 1));
    qn_tokenizer_release(t);
    qn_buf_release(&file);
    assert_int_equal(qn_alloc_live(), 0);
}

QN_TEST_MAIN(cmocka_unit_test(a_bad_tokenizer_json_is_named),
             cmocka_unit_test(every_failed_call_of_opening_leaves_nothing_behind),
             cmocka_unit_test(every_failed_call_of_encoding_leaves_what_was_there),
             cmocka_unit_test(a_tiktoken_file_is_known_by_its_size),
             cmocka_unit_test(a_folder_states_what_begins_and_ends_a_text))
