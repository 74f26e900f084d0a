/* tests/engine/words.c - a conversation becomes ids, and every failure on the way is told. */
#include "engine/words.h"

#include "engine/templates.h"

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
    qn_templates templates = {0};
    const qn_named_template *t;
    const char *reason;
    qn_tokenizer_scratch *scratch = NULL;
    qn_rendered text = {0};
    QN_TRY(qn_words_open(&w, path, err));
    qn_status st = qn_templates_find(&templates, &w.gguf, path, err);
    if (st == QN_OK)
        st = qn_templates_get(&templates, qn_str_of(request), &t, &reason, err);
    if (st == QN_OK)
        st = qn_tokenizer_scratch_open(&scratch, w.tokenizer, err);
    if (st == QN_OK)
        st = qn_chat_render(t->parsed, w.tokenizer, qn_str_of(request), 0, &text, err);
    if (st == QN_OK)
        st = qn_chat_ids(w.tokenizer, scratch, &text, ids, err);
    qn_rendered_release(&text);
    qn_tokenizer_scratch_close(scratch);
    qn_templates_release(&templates);
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

/* --- the past --- */

typedef struct chat {
    qn_words words;
    qn_templates templates;
    qn_tokenizer_scratch *scratch;
    qn_past past;
    qn_ids ids;
} chat;

static const char asked[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],"
                            "\"add_generation_prompt\":true}";
/* The control token is left out of what is shown; one that is cut into tokens again has it not. */
static const uint32_t sampled[] = {QN_TINY_BYTE + 'h', QN_TINY_USER, QN_TINY_BYTE + 'i'};

static qn_status render(chat *c, const char *what, qn_rendered *text, qn_error *err)
{
    const qn_named_template *t;
    const char *reason;
    QN_TRY(qn_templates_get(&c->templates, qn_str_of(what), &t, &reason, err));
    return qn_chat_render(t->parsed, c->words.tokenizer, qn_str_of(what), 0, text, err);
}

/* The first turn, answered with the sampled ids, shown as `shown`. */
static void open_chat(chat *c, const char *chat_template, const char *shown)
{
    qn_error err = {0};
    qn_rendered text = {0};
    qn_buf answer = {0};
    const char *path = qn_test_tiny_chat(
        "past.gguf", &(qn_tiny_chat){.no_weights = true, .chat_template = chat_template});
    *c = (chat){0};
    assert_int_equal(qn_words_open(&c->words, path, &err), QN_OK);
    assert_int_equal(qn_templates_find(&c->templates, &c->words.gguf, path, &err), QN_OK);
    assert_int_equal(qn_tokenizer_scratch_open(&c->scratch, c->words.tokenizer, &err), QN_OK);
    assert_int_equal(render(c, asked, &text, &err), QN_OK);
    assert_int_equal(qn_chat_ids(c->words.tokenizer, c->scratch, &text, &c->ids, &err), QN_OK);
    qn_buf_text(&answer, shown);
    qn_past_note(&c->past, &text, &c->ids, &answer, QN_COUNT(sampled), sampled);
    qn_buf_release(&answer);
    qn_rendered_release(&text);
}

static void close_chat(chat *c)
{
    qn_ids_release(&c->ids);
    qn_past_release(&c->past);
    qn_tokenizer_scratch_close(c->scratch);
    qn_templates_release(&c->templates);
    qn_words_release(&c->words);
    assert_int_equal(qn_alloc_live(), 0);
}

/* The ids of the second turn; whether they begin with the first one's and the sampled. */
static bool replays(chat *c, const char *second)
{
    qn_rendered text = {0};
    qn_ids ids = {0}, again = {0};
    qn_error err = {0};
    assert_int_equal(render(c, second, &text, &err), QN_OK);
    assert_int_equal(qn_chat_ids_after(&c->past, c->words.tokenizer, c->scratch, &text, &ids, &err),
                     QN_OK);
    assert_int_equal(qn_chat_ids(c->words.tokenizer, c->scratch, &text, &again, &err), QN_OK);
    bool same = ids.n == again.n && memcmp(ids.ids, again.ids, ids.n * sizeof *ids.ids) == 0;
    bool replayed = ids.n >= c->past.ids.n &&
                    memcmp(ids.ids, c->past.ids.ids, c->past.ids.n * sizeof *ids.ids) == 0;
    assert_true(same != replayed);
    qn_ids_release(&ids);
    qn_ids_release(&again);
    qn_rendered_release(&text);
    return replayed;
}

#define SECOND(user, assistant)                                                                    \
    "{\"messages\":[{\"role\":\"user\",\"content\":\"" user "\"},"                                 \
    "{\"role\":\"assistant\",\"content\":\"" assistant "\"},"                                      \
    "{\"role\":\"user\",\"content\":\"y\"}],\"add_generation_prompt\":true}"

static void an_answer_is_replayed_by_its_ids_though_its_text_gives_others(void **state)
{
    (void)state;
    chat c;
    open_chat(&c, NULL, "hi");
    assert_true(replays(&c, SECOND("x", "hi")));
    assert_false(replays(&c, SECOND("z", "hi"))); /* another question */
    assert_false(replays(&c, SECOND("x", "ho"))); /* another answer */
    close_chat(&c);
}

static void a_template_may_trim_what_it_replays(void **state)
{
    (void)state;
    chat c;
    open_chat(&c,
              "{% for m in messages %}<|user|>{{ m['content'] | trim }}<|end|>{% endfor %}"
              "{% if add_generation_prompt %}<|user|>{% endif %}",
              " hi\n");
    assert_true(replays(&c, SECOND("x", " hi\\n")));
    close_chat(&c);
}

/* What stands behind an answer without a control token could be one token with its end. */
static void an_answer_that_no_control_token_ends_is_cut_again(void **state)
{
    (void)state;
    chat c;
    open_chat(&c,
              "{% for m in messages %}<|user|>{{ m['content'] }}\n{% endfor %}"
              "{% if add_generation_prompt %}<|user|>{% endif %}",
              "hi");
    assert_false(replays(&c, SECOND("x", "hi")));
    close_chat(&c);
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
             cmocka_unit_test(an_answer_is_replayed_by_its_ids_though_its_text_gives_others),
             cmocka_unit_test(a_template_may_trim_what_it_replays),
             cmocka_unit_test(an_answer_that_no_control_token_ends_is_cut_again),
             cmocka_unit_test(every_failing_call_is_told_and_leaves_nothing),
             cmocka_unit_test(a_file_without_a_template_says_so),
             cmocka_unit_test(messages_are_quoted))
