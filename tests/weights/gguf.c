/* tests/weights/gguf.c - GGUF files are read in place, and looked up by name. */
#include "tests/support/test.h"

#include "base/alloc.h"
#include "base/fault.h"
#include "tests/support/support.h"
#include "weights/gguf.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

static void published_vocabularies_open(void **state)
{
    (void)state;
    const char *data = qn_test_data();
    char folder[4096], path[8192];
    unsigned n = 0;
    if (!data)
        QN_SKIP("no conformance data");
    snprintf(folder, sizeof folder, "%s/tokenizers/gguf", data);
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        qn_gguf g;
        qn_error err = {0};
        qn_gguf_array tokens = {0}, types;
        if (!strstr(e->d_name, ".gguf"))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (qn_gguf_open(&g, path, &err) != QN_OK)
            fail_msg("%s", err.text);
        assert_int_equal(qn_gguf_get_strings(&g, "tokenizer.ggml.tokens", &tokens, &err), QN_OK);
        assert_int_equal(qn_gguf_get_numbers(&g, "tokenizer.ggml.token_type", &types, &err), QN_OK);
        assert_true(tokens.n == types.n && tokens.n > 10000);
        size_t n_bytes = 0;
        for (size_t i = 0; i < tokens.n; i++) {
            n_bytes += qn_gguf_array_string(&tokens, i).n_bytes;
            assert_in_range(qn_gguf_array_i64(&types, i), 1, 6);
        }
        assert_true(n_bytes > tokens.n);
        qn_gguf_release(&g);
        n++;
    }
    if (d)
        closedir(d);
    print_message("# %u files\n", n);
}

QN_TEST_MAIN(cmocka_unit_test(published_vocabularies_open))
