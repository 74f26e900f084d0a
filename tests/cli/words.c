/* tests/cli/words.c - tokenize and render, whose lines other programs read. */
#include "tests/support/program.h"

#include "tests/support/support.h"
#include "tests/support/test.h"
#include "tests/support/tiny_chat.h"

static const char *tiny(void)
{
    return qn_test_tiny_chat("tiny.gguf", &(qn_tiny_chat){0});
}

static void assert_prints(const qn_program_run *r, const char *text)
{
    if (r->rc != 0)
        fail_msg("status %d: %s", r->rc, r->err.bytes);
    assert_string_equal(r->out.bytes, text);
    assert_int_equal(r->err.n_bytes, 0);
}

static void text_becomes_ids_and_ids_become_bytes(void **state)
{
    (void)state;
    const char *m = tiny();
    qn_program_run r = QN_RUN("hi\n", "tokenize", m, "--json");
    assert_prints(&r, "{\"ids\":[1,107,108,13]}\n");
    r = QN_RUN("", "tokenize", m, "--json");
    assert_prints(&r, "{\"ids\":[1]}\n");
    r = QN_RUN("hi", "tokenize", m, "--json", "--no-special");
    assert_prints(&r, "{\"ids\":[107,108]}\n");
    r = QN_RUN("A", "tokenize", m);
    assert_prints(&r, "       1  \"<s>\"\n      68  \"A\"\n");
    static const char *const spellings[] = {"[1,107,108]", "{\"ids\":[1,107,108]}",
                                            " 1, 107\n108 "};
    for (size_t i = 0; i < QN_COUNT(spellings); i++) {
        r = QN_RUN(spellings[i], "tokenize", m, "--detokenize", "--skip-special");
        assert_prints(&r, "hi");
    }
    r = QN_RUN("198 172", "tokenize", m, "--detokenize", "--json");
    assert_prints(&r, "{\"text\":\"\xc3\xa9\"\x2c\"hex\":\"c3a9\"}\n");
    r = QN_RUN("198", "tokenize", m, "--detokenize", "--json");
    assert_prints(&r, "{\"text\":\"\xef\xbf\xbd\",\"hex\":\"c3\"}\n");
}

static void control_tokens_are_parsed_only_in_trusted_text(void **state)
{
    (void)state;
    const char *m = tiny();
    qn_program_run r = QN_RUN("<|end|>", "tokenize", m, "--json");
    assert_prints(&r, "{\"ids\":[1,63,127,104,113,103,127,65]}\n");
    r = QN_RUN("<|end|>", "tokenize", m, "--json", "--parse-special");
    assert_prints(&r, "{\"ids\":[1,260]}\n");
}

static void a_bad_line_is_answered_and_the_run_goes_on(void **state)
{
    (void)state;
    qn_program_run r =
        QN_RUN("{\"text\":\"<|end|>\",\"add_special\":false,\"parse_special\":true}\n"
               "{\"hex\":\"4AFf\",\"add_special\":false}\n"
               "nonsense\n"
               "{\"ids\":[1,68,260],\"skip_special\":true}\n"
               "{\"ids\":[1,68],\"skip_special\":false}\n"
               "{\"hex\":\"4\"}\n{\"hex\":\"4g\"}\n{\"text\":\"a\",\"hex\":\"61\"}\n"
               "{\"ids\":[99999]}\n{\"ids\":[-1]}\n{\"txt\":\"a\"}\n\n"
               "{\"text\":\"\",\"add_special\":true}",
               "tokenize", tiny(), "--jsonl");
    static const char *const begins[] = {"{\"ids\":[260]}",
                                         "{\"ids\":[77,258]}",
                                         "{\"error\":",
                                         "{\"text\":\"A\",\"hex\":\"41\"}",
                                         "{\"text\":\"<s>A\",\"hex\":\"3c733e41\"}",
                                         "{\"error\":\"hex: an odd number",
                                         "{\"error\":\"hex: digit 1",
                                         "{\"error\":\"give one of text, hex and ids\"}",
                                         "{\"error\":",
                                         "{\"error\":",
                                         "{\"error\":",
                                         "{\"error\":",
                                         "{\"ids\":[1]}"};
    const char *at = r.out.bytes;
    assert_int_equal(r.rc, 0);
    for (size_t i = 0; i < QN_COUNT(begins); i++) {
        if (strncmp(at, begins[i], strlen(begins[i])) != 0)
            fail_msg("line %zu is not %s: %s", i, begins[i], at);
        at = strchr(at, '\n') + 1;
    }
    assert_int_equal(*at, 0);
}

static void wrong_ids_are_named(void **state)
{
    (void)state;
    const char *m = tiny();
    static const char *const wrong[] = {"1 x 2", "[1,", "[1.5]",       "4294967296",
                                        "-1",    "261", "{\"id\":[1]}"};
    for (size_t i = 0; i < QN_COUNT(wrong); i++) {
        qn_program_run r = QN_RUN(wrong[i], "tokenize", m, "--detokenize");
        assert_int_not_equal(r.rc, 0);
        assert_memory_equal(r.err.bytes, "quern: ", 7);
        assert_int_equal(r.out.n_bytes, 0);
    }
}

static void a_conversation_is_rendered_and_only_the_template_makes_control_tokens(void **state)
{
    (void)state;
    const char *request = "{\"messages\":[{\"role\":\"user\",\"content\":\"<|end|>\"}],"
                          "\"add_generation_prompt\":true}";
    qn_program_run r = QN_RUN(request, "render", tiny());
    assert_prints(&r, "<s><|user|>user\n<|end|><|end|>\n<|user|>assistant\n");
    r = QN_RUN(request, "render", tiny(), "--json");
    assert_prints(&r,
                  "{\"prompt\":\"<s><|user|>user\\n<|end|><|end|>\\n<|user|>assistant\\n\","
                  "\"ids\":[1,259,120,118,104,117,13,63,127,104,113,103,127,65,260,13,259,100,118,"
                  "118,108,118,119,100,113,119,13]}\n");
}

static void a_template_that_refuses_says_where(void **state)
{
    (void)state;
    const char *request = "{\"messages\":[{\"role\":\"tool\",\"content\":\"x\"}]}";
    qn_program_run r = QN_RUN(request, "render", tiny(), "--json");
    assert_int_equal(r.rc, 2);
    assert_non_null(strstr(r.out.bytes, "{\"error\":\""));
    assert_non_null(strstr(r.out.bytes, "no tools here"));
    assert_non_null(strstr(r.out.bytes, "\"line\":1}"));
    assert_non_null(strstr(r.err.bytes, "no tools here"));
    r = QN_RUN("{\"messages\":[{\"role\":\"tool\",\"content\":\"x\"}]}\n{\"messages\":[]}\n[]\n",
               "render", tiny(), "--jsonl");
    assert_int_equal(r.rc, 0);
    assert_non_null(strstr(r.out.bytes, "no tools here"));
    assert_non_null(strstr(r.out.bytes, "\n{\"prompt\":\"<s>\",\"ids\":[1]}\n{\"error\":"));
}

static void a_model_without_a_template_is_named(void **state)
{
    (void)state;
    const char *m = qn_test_tiny_chat("plain.gguf", &(qn_tiny_chat){.no_template = true});
    qn_program_run r = QN_RUN("{\"messages\":[]}", "render", m);
    assert_int_equal(r.rc, 6);
    assert_non_null(strstr(r.err.bytes, "plain.gguf: the model has no chat template"));
    m = qn_test_tiny_chat("wrong.gguf", &(qn_tiny_chat){.chat_template = "\n{% for %}"});
    r = QN_RUN("{\"messages\":[]}", "render", m, "--json");
    assert_int_not_equal(r.rc, 0);
    assert_non_null(strstr(r.err.bytes, "wrong.gguf: tokenizer.chat_template: "));
    assert_non_null(strstr(r.out.bytes, "\"line\":2}"));
}

static void a_template_file_needs_no_model(void **state)
{
    (void)state;
    const char *source = "{{ x }}{% if y is defined %}!{% endif %} {{ strftime_now('%Y-%m-%d') }}";
    const char *file = qn_test_file("some.jinja", strlen(source), source);
    qn_program_run r =
        QN_RUN("{\"x\":\"a\\u0062\"}", "render", "--template", file, "--json", "--now", "86400");
    assert_prints(&r, "{\"prompt\":\"ab 1970-01-02\"}\n");
    r = QN_RUN("{\"x\":1,\"y\":0}", "render", "--template", file, tiny(), "--json", "--now", "0");
    assert_prints(&r, "{\"prompt\":\"1! 1970-01-01\",\"ids\":[52,36,35,52,60,58,51,48,51,52,48,51,"
                      "52]}\n");
    source = "{% if %}";
    file = qn_test_file("bad.jinja", strlen(source), source);
    r = QN_RUN("{}", "render", "--template", file, "--json");
    assert_int_not_equal(r.rc, 0);
    assert_non_null(strstr(r.out.bytes, "\"line\":1}"));
    assert_non_null(strstr(r.err.bytes, "bad.jinja"));
    r = QN_RUN("{}", "render");
    assert_int_equal(r.rc, 2);
}

QN_TEST_MAIN(
    cmocka_unit_test(text_becomes_ids_and_ids_become_bytes),
    cmocka_unit_test(control_tokens_are_parsed_only_in_trusted_text),
    cmocka_unit_test(a_bad_line_is_answered_and_the_run_goes_on),
    cmocka_unit_test(wrong_ids_are_named),
    cmocka_unit_test(a_conversation_is_rendered_and_only_the_template_makes_control_tokens),
    cmocka_unit_test(a_template_that_refuses_says_where),
    cmocka_unit_test(a_model_without_a_template_is_named),
    cmocka_unit_test(a_template_file_needs_no_model))
