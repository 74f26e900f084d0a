/* tests/cli/tokenizers.c - a tokenizer alone, in a file or a folder, is enough for `tokenize`. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "tests/support/program.h"
#include "tests/support/support.h"
#include "tests/support/test.h"

#define FOLDER "tests/fixtures/text/json/"

/* Copies a fixture into the test's folder under another name; the folder. */
static const char *folder_with(const char *fixture, const char *name)
{
    static char folder[512];
    qn_buf file = {0};
    qn_error err = {0};
    if (qn_buf_read_file(&file, fixture, 1 << 24, &err) != QN_OK)
        fail_msg("%s", err.text);
    const char *path = qn_test_file(name, file.n_bytes, file.bytes);
    qn_buf_release(&file);
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    return folder;
}

static void assert_same(const qn_program_run *a, const qn_program_run *b)
{
    if (a->rc != 0 || b->rc != 0)
        fail_msg("%s%s", a->err.bytes, b->err.bytes);
    assert_string_equal(a->out.bytes, b->out.bytes);
}

static void files_of_every_kind_are_told_apart(void **state)
{
    static const struct {
        const char *file, *ids;
    } rows[] = {{FOLDER "flags.json", "{\"ids\":[0,"},
                {FOLDER "wordpiece.json", "{\"ids\":[2,"},
                {FOLDER "spm-bpe.model", "{\"ids\":[1,"},
                {FOLDER "tekken.json", "{\"ids\":[1,"}};
    (void)state;
    for (size_t i = 0; i < QN_COUNT(rows); i++) {
        qn_program_run r = QN_RUN("the mill", "tokenize", rows[i].file, "--json");
        if (r.rc != 0 || strncmp(r.out.bytes, rows[i].ids, strlen(rows[i].ids)) != 0)
            fail_msg("%s: %s%s", rows[i].file, r.out.bytes, r.err.bytes);
    }
}

static void a_folder_is_as_good_as_its_file(void **state)
{
    (void)state;
    qn_program_run file = QN_RUN("the mill", "tokenize", FOLDER "tekken.json", "--json");
    const char *folder = folder_with(FOLDER "tekken.json", "tekken.json");
    qn_program_run r = QN_RUN("the mill", "tokenize", folder, "--json");
    assert_same(&r, &file);
    file = QN_RUN("the mill", "tokenize", FOLDER "flags.json", "--json");
    folder = folder_with(FOLDER "flags.json", "tokenizer.json"); /* comes first of the names */
    r = QN_RUN("the mill", "tokenize", folder, "--json");
    assert_same(&r, &file);
    r = QN_RUN(file.out.bytes, "tokenize", folder, "--detokenize", "--skip-special");
    assert_string_equal(r.out.bytes, "the mill");
}

static void what_is_no_tokenizer_is_named(void **state)
{
    (void)state;
    const char *path = qn_test_file("odd.json", 2, "{}");
    qn_program_run r = QN_RUN("a", "tokenize", path, "--json");
    assert_int_equal(r.rc, 6);
    if (!strstr(r.err.bytes, "odd.json") || !strstr(r.err.bytes, "tokenizer.json"))
        fail_msg("%s", r.err.bytes);
    path = qn_test_file("odd.model", 3, "\x0A\x7F\x01");
    r = QN_RUN("a", "tokenize", path, "--json");
    assert_int_equal(r.rc, 6);
    if (!strstr(r.err.bytes, "odd.model") || !strstr(r.err.bytes, "SentencePiece"))
        fail_msg("%s", r.err.bytes);
}

QN_TEST_MAIN(cmocka_unit_test(files_of_every_kind_are_told_apart),
             cmocka_unit_test(a_folder_is_as_good_as_its_file),
             cmocka_unit_test(what_is_no_tokenizer_is_named))
