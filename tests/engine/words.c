/* tests/engine/words.c - a conversation becomes ids, and every failure on the way is told. */
#include "engine/words.h"

#include "base/alloc.h"
#include "base/fault.h"
#include "tests/support/support.h"
#include "tests/support/test.h"
#include "tests/support/tiny_chat.h"

static const char request[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"<|end|>x\"}]}";

/* All the way from a file to ids. */
static qn_status go(const char *path, qn_ids *ids, qn_error *err)
{
    qn_words w;
    qn_template *template_ = NULL;
    qn_tokenizer_scratch *scratch = NULL;
    qn_rendered text = {0};
    unsigned line = 0;
    QN_TRY(qn_words_open(&w, path, err));
    qn_status st = qn_words_template(&w.gguf, &template_, &line, err);
    if (st == QN_OK)
        st = qn_tokenizer_scratch_open(&scratch, w.tokenizer, err);
    if (st == QN_OK)
        st = qn_chat_render(template_, w.tokenizer, qn_str_of(request), 0, &text, err);
    if (st == QN_OK)
        st = qn_chat_ids(w.tokenizer, scratch, &text, ids, err);
    qn_rendered_release(&text);
    qn_tokenizer_scratch_close(scratch);
    qn_template_release(template_);
    qn_words_release(&w);
    return st;
}

static void what_a_user_spells_is_no_control_token(void **state)
{
    (void)state;
    static const uint32_t expected[] = {1,   259, 120, 118, 104, 117, 13,  63, 127,
                                        104, 113, 103, 127, 65,  123, 260, 13};
    const char *path = qn_test_tiny_chat("words.gguf", &(qn_tiny_chat){.no_weights = true});
    qn_ids ids = {0};
    qn_error err = {0};
    assert_int_equal(go(path, &ids, &err), QN_OK);
    assert_int_equal(ids.n, QN_COUNT(expected));
    assert_memory_equal(ids.ids, expected, sizeof expected);
    qn_ids_release(&ids);
    assert_int_equal(qn_alloc_live(), 0);
}

static void every_failing_call_is_told_and_leaves_nothing(void **state)
{
    (void)state;
    const char *path = qn_test_tiny_chat("words.gguf", &(qn_tiny_chat){.no_weights = true});
    bool fired = true;
    for (unsigned n = 1; fired; n++) {
        qn_ids ids = {0};
        qn_error err = {0};
        qn_fault_arm(n);
        qn_status st = go(path, &ids, &err);
        fired = qn_fault_disarm();
        if (fired != (st != QN_OK) || (fired && !err.text[0]))
            fail_msg("call %u: status %d, '%s'", n, (int)st, err.text);
        qn_ids_release(&ids);
        assert_int_equal(qn_alloc_live(), 0);
    }
}

static void a_file_without_a_template_says_so(void **state)
{
    (void)state;
    const char *path =
        qn_test_tiny_chat("plain.gguf", &(qn_tiny_chat){.no_weights = true, .no_template = true});
    qn_ids ids = {0};
    qn_error err = {0};
    assert_int_equal(go(path, &ids, &err), QN_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "--raw"));
}

static void messages_are_quoted(void **state)
{
    (void)state;
    qn_buf messages = {0}, text = {0};
    qn_chat_add(&messages, "system", 2, "\"\n");
    qn_chat_add(&messages, "user", 3, "\xff\xc3\xa9");
    qn_chat_request(&messages, &text);
    assert_string_equal(text.bytes, "{\"messages\":[{\"role\":\"system\",\"content\":\"\\\"\\n\"},"
                                    "{\"role\":\"user\",\"content\":\"\xef\xbf\xbd\xc3\xa9\"}],"
                                    "\"add_generation_prompt\":true}");
    qn_buf_release(&messages);
    qn_buf_release(&text);
}

QN_TEST_MAIN(cmocka_unit_test(what_a_user_spells_is_no_control_token),
             cmocka_unit_test(every_failing_call_is_told_and_leaves_nothing),
             cmocka_unit_test(a_file_without_a_template_says_so),
             cmocka_unit_test(messages_are_quoted))
