/* tests/text/pre_patterns.c - names of pre-tokenizers that stand for patterns give the ids of
 * tokenizers.
 *
 * Fixture: tests/oracles/tokenizer_patterns.py. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "tests/support/test.h"
#include "tests/support/vocab_file.h"

#define FOLDER "tests/fixtures/text/"

static uint64_t hash_of(const qn_tokenizer *t, qn_tokenizer_scratch *s, qn_ids *ids, qn_str text)
{
    qn_error err = {0};
    uint64_t h = 0xCBF29CE484222325u;
    qn_ids_clear(ids);
    if (qn_tokenize(t, s, text.n_bytes, text.bytes, 0, ids, &err) != QN_OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < ids->n; i++)
        h = (h ^ ids->ids[i]) * 0x100000001B3u;
    return h;
}

/* How many texts have other ids; prints the first. */
static size_t compare(const char *pre, qn_str texts, qn_json *hashes, qn_region *strings)
{
    qn_tokenizer *t = qn_test_vocab_open_as(FOLDER "bpe.vocab", pre);
    qn_tokenizer_scratch *s;
    qn_ids ids = {0};
    qn_error err = {0};
    qn_json j;
    size_t n = 0, n_wrong = 0;
    assert_string_equal(qn_tokenizer_about(t)->pre, pre);
    assert_int_equal(qn_tokenizer_scratch_open(&s, t, &err), QN_OK);
    qn_json_init(&j, texts.n_bytes, texts.bytes, strings);
    qn_json_enter(hashes, QN_JSON_ARRAY);
    for (qn_json_enter(&j, QN_JSON_ARRAY); qn_json_next(&j); n++) {
        char got[17];
        assert_true(qn_json_next(hashes));
        qn_str text = qn_json_string(&j), want = qn_json_string(hashes);
        snprintf(got, sizeof got, "%016llx", (unsigned long long)hash_of(t, s, &ids, text));
        if (memcmp(got, want.bytes, 16) != 0 && n_wrong++ < 2)
            print_message("# %s: %.*s\n", pre, (int)QN_MIN(text.n_bytes, (size_t)100), text.bytes);
    }
    qn_ids_release(&ids);
    qn_tokenizer_scratch_close(s);
    qn_tokenizer_release(t);
    assert_true(n > 300);
    return n_wrong;
}

static void every_name_gives_the_ids_of_the_reference(void **state)
{
    qn_buf file = {0};
    qn_error err = {0};
    qn_region strings = qn_region_of(64 << 20);
    qn_str texts = {0};
    size_t n_names = 0, n_wrong = 0;
    (void)state;
    if (qn_buf_read_file(&file, FOLDER "bpe-patterns.jsonl", 16 << 20, &err) != QN_OK)
        fail_msg("%s", err.text);
    for (const char *p = file.bytes, *end = p + file.n_bytes, *newline; p < end; p = newline + 1) {
        qn_json j, hashes = {0};
        qn_str key;
        char pre[QN_SHOWN] = "";
        newline = memchr(p, '\n', (size_t)(end - p));
        assert_non_null(newline);
        qn_json_init(&j, (size_t)(newline - p), p, &strings);
        for (qn_json_enter(&j, QN_JSON_OBJECT); qn_json_next_key(&j, &key);) {
            if (qn_str_is(key, "texts"))
                texts = qn_json_raw(&j);
            else if (qn_str_is(key, "pre"))
                qn_str_show(pre, qn_json_string(&j));
            else
                qn_json_init_raw(&hashes, &j, qn_json_raw(&j));
        }
        if (!pre[0])
            continue;
        n_wrong += compare(pre, texts, &hashes, &strings);
        n_names++;
    }
    qn_buf_release(&file);
    qn_region_release(&strings);
    assert_int_equal(qn_alloc_live(), 0);
    assert_true(n_names >= 19);
    assert_int_equal(n_wrong, 0);
}

QN_TEST_MAIN(cmocka_unit_test(every_name_gives_the_ids_of_the_reference))
