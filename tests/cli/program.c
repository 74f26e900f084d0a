/* tests/cli/program.c - what every command keeps: exit codes, where messages go, options, output
 * that cannot be written. */
#include "tests/support/program.h"

#include "base/json.h"
#include "kernel/cpu.h"
#include "tests/support/support.h"
#include "tests/support/test.h"

#include <stdio.h>

static void assert_says(const qn_program_run *r, const char *text)
{
    if (!strstr(r->err.bytes, text))
        fail_msg("'%s' is not in: %s", text, r->err.bytes);
}

/* One sentence: a line that begins with the program's name. */
static void assert_one_line(const qn_program_run *r)
{
    assert_memory_equal(r->err.bytes, "quern: ", 7);
    assert_ptr_equal(strchr(r->err.bytes, '\n'), r->err.bytes + r->err.n_bytes - 1);
}

static void assert_json_lines(qn_str text)
{
    for (size_t at = 0; at < text.n_bytes;) {
        const char *line = text.bytes + at, *end = strchr(line, '\n');
        assert_non_null(end);
        qn_json j;
        qn_error err = {0};
        qn_region strings = qn_region_of(1 << 20);
        qn_json_init(&j, (size_t)(end - line), line, &strings);
        qn_json_skip(&j);
        if (qn_json_end(&j, &err) != QN_OK)
            fail_msg("%s: %.200s", err.text, line);
        qn_region_release(&strings);
        at += (size_t)(end - line) + 1;
    }
}

static void a_missing_or_unknown_command_is_usage(void **state)
{
    (void)state;
    qn_program_run r = qn_program_run_with(NULL, (const char *const[]){NULL});
    assert_int_equal(r.rc, 2);
    assert_one_line(&r);
    r = QN_RUN(NULL, "hlep");
    assert_int_equal(r.rc, 2);
    assert_says(&r, "'help'");
    assert_one_line(&r);
    r = QN_RUN(NULL, "no-such-thing");
    assert_int_equal(r.rc, 2);
    assert_one_line(&r);
    assert_int_equal(r.out.n_bytes, 0);
}

static void each_command_explains_itself(void **state)
{
    (void)state;
    static const char *const commands[] = {"run",      "show",   "plan",   "bench",   "score",
                                           "tokenize", "render", "doctor", "version", "help"};
    for (size_t i = 0; i < QN_COUNT(commands); i++) {
        char usage[64];
        snprintf(usage, sizeof usage, "Usage: quern %s", commands[i]);
        qn_program_run r = QN_RUN(NULL, commands[i], "--help");
        assert_int_equal(r.rc, 0);
        assert_non_null(strstr(r.out.bytes, usage));
        assert_int_equal(r.err.n_bytes, 0);
        r = QN_RUN(NULL, "help", commands[i]);
        assert_int_equal(r.rc, 0);
        assert_non_null(strstr(r.out.bytes, usage));
        r = QN_RUN(NULL, commands[i], "--no-such-option");
        assert_int_equal(r.rc, 2);
        assert_says(&r, "--no-such-option");
        assert_int_equal(r.out.n_bytes, 0);
    }
}

static void facts_are_json_on_request(void **state)
{
    (void)state;
    qn_program_run r = QN_RUN(NULL, "version", "--json");
    assert_int_equal(r.rc, 0);
    assert_json_lines(r.out);
    assert_non_null(strstr(r.out.bytes, "\"version\":\""));
    r = QN_RUN(NULL, "doctor", "--json");
    assert_int_equal(r.rc, 0);
    assert_json_lines(r.out);
    assert_non_null(strstr(r.out.bytes, "\"levels\":[\"ref\""));
    assert_non_null(strstr(r.out.bytes, "\"missing\":{"));
    r = QN_RUN(NULL, "doctor", "--limits", "--json");
    assert_int_equal(r.rc, 0);
    assert_json_lines(r.out);
    assert_non_null(strstr(r.out.bytes, "\"gguf\":{"));
    r = QN_RUN(NULL, "help", "--json");
    assert_int_equal(r.rc, 0);
    assert_json_lines(r.out);
}

static void a_level_of_another_cpu_is_refused_by_what_is_missing(void **state)
{
    (void)state;
    for (qn_cpu_level level = 0; level < QN_CPU_N_LEVELS; level++) {
        qn_program_run r = QN_RUN(NULL, "plan", "--isa", qn_cpu_level_name(level), "none.gguf");
        if (qn_cpu_has(level)) {
            assert_int_equal(r.rc, 3);
            continue;
        }
        assert_int_equal(r.rc, 2);
        assert_non_null(strstr(r.err.bytes, qn_cpu_lacks(level)));
        r = QN_RUN(NULL, "doctor");
        assert_non_null(strstr(r.out.bytes, qn_cpu_lacks(level)));
    }
}

static void flags_beat_the_environment_and_that_the_config_file(void **state)
{
    (void)state;
    char config[300];
    const char *path = qn_test_file("config", 26, "# remark\n\n[version]\njson=1\n");
    snprintf(config, sizeof config, "QUERN_CONFIG=%s", path);
    qn_program_run r = QN_RUN(NULL, config, "version");
    assert_int_equal(r.out.bytes[0], '{');
    r = QN_RUN(NULL, config, "doctor"); /* another section */
    assert_int_not_equal(r.out.bytes[0], '{');
    r = QN_RUN(NULL, "QUERN_JSON=1", "version");
    assert_int_equal(r.out.bytes[0], '{');
    r = QN_RUN(NULL, "QUERN_COMPLETION=fish", "help", "--completion", "bash");
    assert_int_equal(r.rc, 0);
    assert_non_null(strstr(r.out.bytes, "complete -o default -F _quern"));
}

static void a_wrong_setting_is_named_with_its_origin(void **state)
{
    (void)state;
    char config[300], where[300];
    qn_program_run r = QN_RUN(NULL, "QUERN_JSON=maybe", "version");
    assert_int_equal(r.rc, 2);
    assert_says(&r, "QUERN_JSON: --json is either 1 or 0, not 'maybe'");
    r = QN_RUN(NULL, "QUERN_COMPLETION=csh", "help");
    assert_int_equal(r.rc, 2);
    assert_says(&r, "QUERN_COMPLETION: --completion: 'csh' is none of bash, zsh, fish");
    static const struct {
        const char *text, *says;
    } wrong[] = {{"jsno = 1\n", "there is no option 'jsno'"},
                 {"json\n", "'json' is not of the form option = value"},
                 {"[version\n", "a section is written [command]"},
                 {"\njson = 3\n", "--json is either 1 or 0, not '3'"}};
    for (size_t i = 0; i < QN_COUNT(wrong); i++) {
        const char *path = qn_test_file("config", strlen(wrong[i].text), wrong[i].text);
        snprintf(config, sizeof config, "QUERN_CONFIG=%s", path);
        snprintf(where, sizeof where, "%s:%d: ", path, wrong[i].text[0] == '\n' ? 2 : 1);
        r = QN_RUN(NULL, config, "version");
        assert_int_equal(r.rc, 2);
        assert_says(&r, where);
        assert_says(&r, wrong[i].says);
    }
    r = QN_RUN(NULL, "QUERN_CONFIG=/nonexistent/config", "version");
    assert_int_not_equal(r.rc, 0);
    assert_says(&r, "/nonexistent/config");
}

static void output_that_cannot_be_written_is_told_once(void **state)
{
    (void)state;
    static const char *const commands[][4] = {
        {"help", NULL}, {"version", NULL}, {"run", "--help", NULL}, {"help", "run", NULL}};
    for (size_t i = 0; i < QN_COUNT(commands); i++) {
        qn_program_run r = qn_program_run_into("/dev/full", commands[i]);
        assert_int_equal(r.rc, 1);
        assert_says(&r, "standard output cannot be written");
        assert_one_line(&r);
        r = qn_program_run_unread(commands[i]);
        assert_int_equal(r.rc, 0);
        assert_int_equal(r.err.n_bytes, 0);
    }
}

QN_TEST_MAIN(cmocka_unit_test(a_missing_or_unknown_command_is_usage),
             cmocka_unit_test(each_command_explains_itself),
             cmocka_unit_test(facts_are_json_on_request),
             cmocka_unit_test(a_level_of_another_cpu_is_refused_by_what_is_missing),
             cmocka_unit_test(flags_beat_the_environment_and_that_the_config_file),
             cmocka_unit_test(a_wrong_setting_is_named_with_its_origin),
             cmocka_unit_test(output_that_cannot_be_written_is_told_once))
