/* tests/cli/templates.c - which template a request gets, and what render --explain says of it. */
#include <stdio.h>
#include <string.h>

#include "tests/support/program.h"
#include "tests/support/support.h"
#include "tests/support/test.h"
#include "tests/support/tiny_chat.h"

static const char config[] = "{\"chat_template\":[{\"name\":\"default\",\"template\":\"plain\"},"
                             "{\"name\":\"tool_use\",\"template\":\"tools {{ tools|length }}\"},"
                             "{\"name\":\"rag\",\"template\":\"documents\"}]}";
static const char with_tools[] = "{\"messages\":[],\"tools\":[{\"a\":1}]}";
static const char with_documents[] = "{\"messages\":[],\"documents\":[{\"a\":1}],\"tools\":[]}";

/* The file of a model and, beside it, what its repository has. */
static const char *model(const char *beside)
{
    const char *path = qn_test_tiny_chat("tiny.gguf", &(qn_tiny_chat){.chat_template = "own"});
    qn_test_file("tokenizer_config.json", strlen(beside), beside);
    return path;
}

static void assert_prints(const qn_program_run *r, const char *text)
{
    if (r->rc != 0 || !strstr(r->out.bytes, text))
        fail_msg("status %d: %s%s lacks %s", r->rc, r->out.bytes, r->err.bytes, text);
}

static void a_request_gets_the_template_for_it(void **state)
{
    (void)state;
    const char *m = model(config);
    qn_program_run r = QN_RUN("{\"messages\":[]}", "render", m);
    assert_string_equal(r.out.bytes, "own");
    r = QN_RUN(with_tools, "render", m);
    assert_string_equal(r.out.bytes, "tools 1");
    r = QN_RUN(with_documents, "render", m);
    assert_string_equal(r.out.bytes, "documents");
}

static void explain_names_choice_hash_and_difference(void **state)
{
    (void)state;
    const char *m = model(config);
    qn_program_run r = QN_RUN("{}", "render", m, "--explain", "--json");
    assert_prints(&r, "{\"template\":\"default\",\"reason\":\"no other one is for this request\","
                      "\"available\":[\"default\",\"tool_use\",\"rag\"],"
                      "\"from\":\"tokenizer.chat_template\",\"sha256\":\"");
    assert_prints(&r, "\"repository\":{\"from\":\"tokenizer_config.json\",\"sha256\":\"");
    assert_prints(&r, "\"same\":false}}");
    r = QN_RUN(with_tools, "render", m, "--explain");
    assert_prints(&r, "template    tool_use, since the request has tools\n");
    assert_prints(&r, "from        tokenizer_config.json\n");
    m = model("{\"chat_template\":\"own\"}");
    r = QN_RUN("{}", "render", m, "--explain", "--json");
    assert_prints(&r, "\"same\":true}}");
    r = QN_RUN("{}", "render", m, "--explain");
    assert_prints(&r, "repository  tokenizer_config.json, the same\n");
}

static void a_broken_repository_is_named(void **state)
{
    (void)state;
    const char *m = model("{\"chat_template\":[{\"name\":1}]}");
    qn_program_run r = QN_RUN("{}", "render", m);
    assert_int_equal(r.rc, 6);
    if (!strstr(r.err.bytes, "tokenizer_config.json"))
        fail_msg("%s", r.err.bytes);
    r = QN_RUN("", "run", m, "x", "-n", "1");
    assert_int_equal(r.rc, 6);
    if (!strstr(r.err.bytes, "tokenizer_config.json"))
        fail_msg("%s", r.err.bytes);
    r = QN_RUN("", "run", m, "x", "-n", "1", "--raw", "--json"); /* which needs no template */
    assert_prints(&r, "\"prompt_tokens\":");
}

/* The templates' lengths in bytes are their lengths in tokens. */
static void an_answer_is_asked_for_with_the_template_that_render_names(void **state)
{
    (void)state;
    const char *path = qn_test_tiny_chat("bare.gguf", &(qn_tiny_chat){.no_template = true});
    qn_test_file("tokenizer_config.json", strlen(config), config);
    qn_program_run r = QN_RUN("", "run", path, "x", "--json", "-n", "1");
    assert_prints(&r, "\"prompt_tokens\":5,"); /* "plain", of the repository */
    r = QN_RUN("", "run", model(config), "x", "--json", "-n", "1");
    assert_prints(&r, "\"prompt_tokens\":3,"); /* "own", of the file */
}

static void show_has_the_hash_that_explain_has(void **state)
{
    (void)state;
    const char *path = qn_test_tiny_chat("bare.gguf", &(qn_tiny_chat){.no_template = true});
    qn_test_file("tokenizer_config.json", strlen(config), config);
    qn_program_run r = QN_RUN("{}", "render", path, "--explain", "--json");
    const char *hash = strstr(r.out.bytes, "\"sha256\":\"");
    assert_non_null(hash);
    char shown[128];
    snprintf(shown, sizeof shown, "\"chat_template_sha256\":\"%.64s\"", hash + 10);
    r = QN_RUN("", "show", path, "--json");
    assert_prints(&r, shown);
}

static void what_the_model_said_is_marked(void **state)
{
    static const char source[] = "ab{% generation %}cd{% endgeneration %}e";
    (void)state;
    const char *m = qn_test_tiny_chat("said.gguf", &(qn_tiny_chat){.chat_template = source});
    qn_test_file("tokenizer_config.json", 2, "{}");
    qn_program_run r = QN_RUN("{}", "render", m, "--json");
    assert_prints(&r, "{\"prompt\":\"abcde\",\"ids\":[");
    assert_prints(&r, "],\"assistant_masks\":[0,0,1,1,0]}");
}

static void a_broken_template_fails_the_requests_that_get_it(void **state)
{
    static const char broken[] = "{\"chat_template\":[{\"name\":\"tool_use\",\"template\":"
                                 "\"a\\n{{ 1 + }}\"}]}";
    (void)state;
    const char *m = model(broken);
    qn_program_run r = QN_RUN("{\"messages\":[]}", "render", m);
    assert_prints(&r, "own");
    r = QN_RUN(with_tools, "render", m, "--json");
    assert_int_not_equal(r.rc, 0);
    assert_non_null(strstr(r.out.bytes, "\"line\":2"));
    assert_non_null(strstr(r.out.bytes, "tokenizer_config.json"));
}

static void a_moment_that_is_given_is_shown_in_utc(void **state)
{
    (void)state;
    static const char source[] = "{{ strftime_now('%F %T') }}";
    const char *t = qn_test_file("now.jinja", strlen(source), source);
    qn_program_run r = QN_RUN("{}", "TZ=Asia/Tokyo", "render", "--template", t, "--now", "86399");
    assert_string_equal(r.out.bytes, "1970-01-01 23:59:59");
}

/* In a zone so far away that the hours differ, whatever they are. */
static void the_present_is_shown_in_local_time(void **state)
{
    (void)state;
    static const char source[] = "{{ strftime_now('%H') | int }}";
    const char *t = qn_test_file("hour.jinja", strlen(source), source);
    qn_program_run a = QN_RUN("{}", "TZ=AAA-10", "render", "--template", t);
    qn_program_run b = QN_RUN("{}", "TZ=BBB+2", "render", "--template", t);
    assert_int_equal(a.rc, 0);
    assert_int_equal(b.rc, 0);
    assert_string_not_equal(a.out.bytes, b.out.bytes);
}

static void a_refusal_keeps_its_lines_and_steers_no_terminal(void **state)
{
    (void)state;
    static const char source[] = "{{ raise_exception('one\\ntwo \\x1b[2J\\x9b') }}";
    const char *t = qn_test_file("raises.jinja", strlen(source), source);
    qn_program_run r = QN_RUN("{}", "render", "--template", t);
    if (!strstr(r.err.bytes, "one\ntwo ?[2J??\n"))
        fail_msg("%s", r.err.bytes);
    r = QN_RUN("{}", "render", "--template", t, "--json");
    assert_string_equal(
        r.out.bytes, "{\"error\":\"template line 1: one\\ntwo \\u001b[2J\xc2\x9b\",\"line\":1}\n");
}

QN_TEST_MAIN(cmocka_unit_test(a_moment_that_is_given_is_shown_in_utc),
             cmocka_unit_test(the_present_is_shown_in_local_time),
             cmocka_unit_test(a_refusal_keeps_its_lines_and_steers_no_terminal),
             cmocka_unit_test(a_request_gets_the_template_for_it),
             cmocka_unit_test(an_answer_is_asked_for_with_the_template_that_render_names),
             cmocka_unit_test(show_has_the_hash_that_explain_has),
             cmocka_unit_test(what_the_model_said_is_marked),
             cmocka_unit_test(a_broken_template_fails_the_requests_that_get_it),
             cmocka_unit_test(explain_names_choice_hash_and_difference),
             cmocka_unit_test(a_broken_repository_is_named))
