/* tests/cli/manual.c - the manual, the completion scripts and the tables of options say the same.
 */
#include "tests/support/program.h"

#include "base/buf.h"
#include "base/json.h"
#include "tests/support/support.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct option {
    char name[32], value[16];
    char letter; /* 0: none */
} option;

typedef struct command_of {
    char name[16];
    size_t n_options;
    option options[48];
} command_of;

static size_t n_commands;
static command_of commands[32];

static void copy(size_t n, char to[n], qn_str from)
{
    assert_true(from.n_bytes < n);
    snprintf(to, n, "%.*s", (int)from.n_bytes, from.bytes);
}

static void read_option(qn_json *j, option *o)
{
    qn_str key;
    qn_json_enter(j, QN_JSON_OBJECT);
    while (qn_json_next_key(j, &key)) {
        if (qn_str_is(key, "name"))
            copy(sizeof o->name, o->name, qn_json_string(j));
        else if (qn_str_is(key, "short") && !qn_json_null(j))
            o->letter = qn_json_string(j).bytes[0];
        else if (qn_str_is(key, "value") && !qn_json_null(j))
            copy(sizeof o->value, o->value, qn_json_string(j));
    }
}

static void read_command(qn_json *j, command_of *c)
{
    qn_str key;
    qn_json_enter(j, QN_JSON_OBJECT);
    while (qn_json_next_key(j, &key)) {
        if (qn_str_is(key, "name"))
            copy(sizeof c->name, c->name, qn_json_string(j));
        else if (qn_str_is(key, "options"))
            for (qn_json_enter(j, QN_JSON_ARRAY); qn_json_next(j);) {
                assert_true(c->n_options < QN_COUNT(c->options));
                read_option(j, &c->options[c->n_options++]);
            }
    }
}

static int read_tables(void **state)
{
    (void)state;
    qn_program_run r = QN_RUN(NULL, "help", "--json");
    qn_region strings = qn_region_of(1 << 20);
    qn_error err = {0};
    qn_json j;
    qn_str key;
    memset(commands, 0, sizeof commands);
    n_commands = 0;
    qn_json_init(&j, r.out.n_bytes, r.out.bytes, &strings);
    qn_json_enter(&j, QN_JSON_OBJECT);
    while (qn_json_next_key(&j, &key))
        for (qn_json_enter(&j, QN_JSON_ARRAY); qn_json_next(&j);)
            read_command(&j, &commands[n_commands++]);
    bool fine = qn_json_end(&j, &err) == QN_OK && n_commands > 0;
    qn_region_release(&strings);
    return fine ? 0 : -1;
}

static const option *find(const command_of *c, const option *o)
{
    for (size_t i = 0; i < c->n_options; i++)
        if (strcmp(c->options[i].name, o->name) == 0)
            return &c->options[i];
    return NULL;
}

/* ".It Fl j , Fl -json" and ".It Fl n Ar N , Fl -predict Ar N" */
static bool read_item(const char *line, option *o)
{
    char letter[2] = "", before[16] = "";
    *o = (option){0};
    if (sscanf(line, ".It Fl -%31s Ar %15s", o->name, o->value) >= 1)
        return true;
    if (sscanf(line, ".It Fl %1s Ar %15s , Fl -%31s Ar %15s", letter, before, o->name, o->value) ==
        4) {
        assert_string_equal(before, o->value);
        o->letter = letter[0];
        return true;
    }
    if (sscanf(line, ".It Fl %1s , Fl -%31s", letter, o->name) == 2) {
        o->letter = letter[0];
        return true;
    }
    return false;
}

static size_t hold_page_to(const command_of *c)
{
    char path[64], line[512];
    size_t n = 0;
    option o;
    snprintf(path, sizeof path, "docs/man/quern-%s.1", c->name);
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("%s is missing", path);
    while (fgets(line, sizeof line, f)) {
        if (!read_item(line, &o))
            continue;
        const option *known = find(c, &o);
        if (!known)
            fail_msg("%s: the program has no --%s", path, o.name);
        assert_string_equal(known->value, o.value);
        assert_int_equal(known->letter, o.letter);
        n++;
    }
    fclose(f);
    return n;
}

static void each_page_has_exactly_the_options_of_its_command(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_commands; i++)
        if (hold_page_to(&commands[i]) != commands[i].n_options)
            fail_msg("quern-%s.1 leaves options out, or names one twice", commands[i].name);
}

static void the_first_page_names_every_command(void **state)
{
    (void)state;
    qn_buf page = {0};
    qn_error err;
    assert_int_equal(qn_buf_read_file(&page, "docs/man/quern.1", 1 << 20, &err), QN_OK);
    for (size_t i = 0; i < n_commands; i++) {
        char item[64];
        snprintf(item, sizeof item, ".It Xr quern-%.15s 1\n", commands[i].name);
        if (!strstr(page.bytes, item))
            fail_msg("quern.1 does not name %s", commands[i].name);
    }
    qn_buf_release(&page);
}

static void completion_offers_every_option(void **state)
{
    (void)state;
    static const char *const shells[] = {"bash", "zsh", "fish"};
    for (size_t s = 0; s < QN_COUNT(shells); s++) {
        qn_program_run r = QN_RUN(NULL, "help", "--completion", shells[s]);
        assert_int_equal(r.rc, 0);
        for (size_t i = 0; i < n_commands; i++)
            for (size_t k = 0; k < commands[i].n_options; k++) {
                char word[96];
                snprintf(word, sizeof word, "%s%s", s == 2 ? "-l " : "--",
                         commands[i].options[k].name);
                if (!strstr(r.out.bytes, word))
                    fail_msg("%s completes no %s", shells[s], word);
            }
    }
}

static void bash_completes_commands_and_options(void **state)
{
    (void)state;
    static const char script[] =
        ". \"$1\"\n"
        "try() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _quern; echo \"${COMPREPLY[*]}\"; }\n"
        "[ \"$(try quern tok)\" = tokenize ] || exit 1\n"
        "[ \"$(try quern run --top)\" = '--top-k --top-p' ] || exit 2\n"
        "[ \"$(try quern version --s)\" = '' ] || exit 3\n";
    char command[1024];
    qn_program_run r = QN_RUN(NULL, "help", "--completion", "bash");
    const char *completion = qn_test_file("completion.bash", r.out.n_bytes, r.out.bytes);
    const char *test = qn_test_file("test.bash", strlen(script), script);
    if (system("command -v bash >/dev/null 2>&1") != 0)
        QN_SKIP("there is no bash");
    snprintf(command, sizeof command, "bash %s %s", test, completion);
    assert_int_equal(system(command), 0);
}

static void the_pages_are_clean_mdoc(void **state)
{
    (void)state;
    if (system("command -v mandoc >/dev/null 2>&1") != 0)
        QN_SKIP("there is no mandoc");
    assert_int_equal(system("cd docs/man && mandoc -T lint *.1 >&2"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_page_has_exactly_the_options_of_its_command),
        cmocka_unit_test(the_first_page_names_every_command),
        cmocka_unit_test(completion_offers_every_option),
        cmocka_unit_test(bash_completes_commands_and_options),
        cmocka_unit_test(the_pages_are_clean_mdoc),
    };
    return cmocka_run_group_tests(tests, read_tables, NULL) ? 1 : 0;
}
