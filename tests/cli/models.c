/* tests/cli/models.c - MODEL: files, directories and names, and what is said of those that are not
 * there or cannot be used. */
#include "tests/support/program.h"

#include "base/buf.h"
#include "tests/support/support.h"
#include "tests/support/test.h"
#include "tests/support/tiny_chat.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void assert_fails(const qn_program_run *r, int rc, const char *text)
{
    if (r->rc != rc || !strstr(r->err.bytes, text))
        fail_msg("status %d (not %d) and no '%s' in: %s", r->rc, rc, text, r->err.bytes);
    assert_memory_equal(r->err.bytes, "quern: ", 7);
    assert_ptr_equal(strchr(r->err.bytes, '\n'), r->err.bytes + r->err.n_bytes - 1);
}

/* A folder of the test's own, with its path. */
static const char *make_folder(const char *name)
{
    const char *path = qn_test_file(name, 0, "");
    if (remove(path) != 0 || mkdir(path, 0700) != 0)
        fail_msg("%s cannot be made", path);
    return path;
}

static void link_into(const char *folder, const char *name, const char *file)
{
    char command[1024];
    snprintf(command, sizeof command, "ln -sf '%s' '%s/%s'", file, folder, name);
    assert_int_equal(system(command), 0);
}

static void a_file_a_folder_a_name_and_an_alias_are_the_same_model(void **state)
{
    (void)state;
    char setting[600], cache[600];
    const char *file = qn_test_tiny_chat("tiny.gguf", &(qn_tiny_chat){0});
    const char *folder = make_folder("one");
    link_into(folder, "tiny.gguf", file);
    link_into(folder, "readme.txt", file);
    snprintf(setting, sizeof setting, "QUERN_CACHE=%s", make_folder("cache"));
    snprintf(cache, sizeof cache, "%s/models", setting + strlen("QUERN_CACHE="));
    assert_int_equal(mkdir(cache, 0700), 0);
    link_into(cache, "small.gguf", file);
    qn_program_run by_file = QN_RUN("hi", "tokenize", file, "--json");
    assert_int_equal(by_file.rc, 0);
    qn_program_run r = QN_RUN("hi", "tokenize", folder, "--json");
    assert_string_equal(r.out.bytes, by_file.out.bytes);
    by_file = QN_RUN("hi", "tokenize", "-m", file, "--json");
    r = QN_RUN("hi", setting, "tokenize", "small", "--json");
    assert_string_equal(r.out.bytes, by_file.out.bytes);
    snprintf(cache, sizeof cache, "QUERN_MODEL=%s", file);
    r = QN_RUN("hi", cache, "tokenize", "--json");
    assert_string_equal(r.out.bytes, by_file.out.bytes);
}

static void a_name_that_is_not_there_names_the_nearest(void **state)
{
    (void)state;
    char setting[600], cache[600];
    snprintf(setting, sizeof setting, "QUERN_CACHE=%s", make_folder("cache-2"));
    snprintf(cache, sizeof cache, "%s/models", setting + strlen("QUERN_CACHE="));
    assert_int_equal(mkdir(cache, 0700), 0);
    qn_program_run r = QN_RUN("", setting, "show", "smollm2");
    assert_fails(&r, 3, "fetch-model smollm2");
    link_into(cache, "smollm2.gguf", "/dev/null");
    link_into(cache, "gemma.gguf", "/dev/null");
    r = QN_RUN("", setting, "show", "smolm2");
    assert_fails(&r, 3, "'smollm2'");
    r = QN_RUN("", setting, "show", "no/such/file.gguf");
    assert_fails(&r, 3, "no/such/file.gguf");
    r = QN_RUN("", setting, "show", "hf:org/name");
    assert_fails(&r, 6, "hf:org/name");
}

static void a_folder_with_no_model_or_several_is_refused(void **state)
{
    (void)state;
    const char *file = qn_test_tiny_chat("tiny.gguf", &(qn_tiny_chat){0});
    const char *folder = make_folder("several");
    qn_program_run r = QN_RUN("", "show", folder);
    assert_fails(&r, 3, "holds no .gguf file");
    link_into(folder, "b.gguf", file);
    link_into(folder, "a.gguf", file);
    r = QN_RUN("", "show", folder);
    assert_fails(&r, 2, "several/a.gguf");
}

static void a_folder_with_one_model_in_parts_means_its_first(void **state)
{
    (void)state;
    const char *file = qn_test_tiny_chat("tiny.gguf", &(qn_tiny_chat){0});
    const char *folder = make_folder("parts");
    link_into(folder, "m-00001-of-00002.gguf", file);
    link_into(folder, "m-00002-of-00002.gguf", "/nonexistent/part");
    qn_program_run r = QN_RUN("A", "tokenize", folder, "--json");
    assert_int_equal(r.rc, 0);
    assert_string_equal(r.out.bytes, "{\"ids\":[1,68]}\n");
}

static void a_missing_model_is_usage(void **state)
{
    (void)state;
    static const char *const commands[] = {"run", "show", "plan", "bench", "score", "tokenize"};
    for (size_t i = 0; i < QN_COUNT(commands); i++) {
        qn_program_run r = QN_RUN("", commands[i]);
        assert_int_equal(r.rc, 2);
        assert_non_null(strstr(r.err.bytes, "MODEL is missing"));
    }
}

/* Every command that reads models, over one bad file. */
static void assert_all_refuse(const char *file, int rc, const char *text)
{
    static const char *const commands[] = {"run", "show", "plan", "bench", "score", "tokenize"};
    for (size_t i = 0; i < QN_COUNT(commands); i++) {
        qn_program_run r = QN_RUN("hi", commands[i], file);
        assert_fails(&r, rc, text);
        assert_non_null(strstr(r.err.bytes, file));
        assert_int_equal(r.out.n_bytes, 0);
    }
}

static void a_cut_file_is_named_and_said_to_be_incomplete(void **state)
{
    (void)state;
    qn_buf bytes = {0};
    qn_error err;
    const char *whole = qn_test_tiny_chat("whole.gguf", &(qn_tiny_chat){0});
    assert_int_equal(qn_buf_read_file(&bytes, whole, 1 << 24, &err), QN_OK);
    const size_t cuts[] = {0, 3, 20, 200, bytes.n_bytes / 2, bytes.n_bytes - 1};
    for (size_t i = 0; i < QN_COUNT(cuts); i++)
        assert_all_refuse(qn_test_file("cut.gguf", cuts[i], bytes.bytes), 6, "");
    assert_all_refuse(qn_test_file("cut.gguf", bytes.n_bytes / 2, bytes.bytes), 6, "incomplete");
    qn_buf_release(&bytes);
    assert_all_refuse(qn_test_file("text.gguf", 12, "hello, world"), 6, "GGUF");
}

static void an_unknown_architecture_is_named(void **state)
{
    (void)state;
    const char *file = qn_test_tiny_chat("odd.gguf", &(qn_tiny_chat){.architecture = "hexabrot"});
    qn_program_run r = QN_RUN("", "show", file);
    assert_fails(&r, 6, "hexabrot");
}

static void a_file_with_words_only_is_enough_to_cut_and_render(void **state)
{
    (void)state;
    const char *file = qn_test_tiny_chat("words.gguf", &(qn_tiny_chat){.no_weights = true});
    qn_program_run r = QN_RUN("A", "tokenize", file, "--json");
    assert_string_equal(r.out.bytes, "{\"ids\":[1,68]}\n");
    r = QN_RUN("{\"messages\":[]}", "render", file);
    assert_string_equal(r.out.bytes, "<s>");
    r = QN_RUN("", "show", file);
    assert_int_equal(r.rc, 6);
}

QN_TEST_MAIN(cmocka_unit_test(a_file_a_folder_a_name_and_an_alias_are_the_same_model),
             cmocka_unit_test(a_name_that_is_not_there_names_the_nearest),
             cmocka_unit_test(a_folder_with_no_model_or_several_is_refused),
             cmocka_unit_test(a_folder_with_one_model_in_parts_means_its_first),
             cmocka_unit_test(a_missing_model_is_usage),
             cmocka_unit_test(a_cut_file_is_named_and_said_to_be_incomplete),
             cmocka_unit_test(an_unknown_architecture_is_named),
             cmocka_unit_test(a_file_with_words_only_is_enough_to_cut_and_render))
