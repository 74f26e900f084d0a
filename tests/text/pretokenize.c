/* tests/text/pretokenize.c - each pattern cuts where the regular expression in tokenizers cuts.
 *
 * Fixture: tests/oracles/tokenizer_fixtures.py. */
#include "text/pretokenize.h"

#include "base/json.h"
#include "tests/support/support.h"
#include "tests/support/test.h"

/* Reads the lengths that come next; they must be those of pre's pieces of text. */
static void expect_pieces(qn_json *j, qn_str pre, const qn_buf *text, size_t *n_pieces)
{
    const qn_pretokenizer *p = qn_pretokenizer_named(pre);
    qn_cut cut;
    assert_non_null(p);
    qn_cut_init(&cut, p, text->n_bytes, (const uint8_t *)text->bytes);
    for (qn_json_enter(j, QN_JSON_ARRAY); qn_json_next(j); ++*n_pieces) {
        size_t want = (size_t)qn_json_i64(j), got = qn_cut_next(&cut);
        if (got != want)
            fail_msg("%.*s: a piece of %zu bytes, not %zu, ends before %s", (int)pre.n_bytes,
                     pre.bytes, got, want, (const char *)cut.at);
    }
    assert_int_equal(qn_cut_next(&cut), 0);
}

static size_t check_row(size_t n, const char *line)
{
    qn_region strings = qn_region_of(1u << 20);
    qn_buf text = {0};
    qn_json j;
    qn_str key;
    qn_error err = {0};
    size_t n_pieces = 0;
    qn_buf_text(&text, "");
    qn_json_init(&j, n, line, &strings);
    qn_json_enter(&j, QN_JSON_OBJECT);
    while (qn_json_next_key(&j, &key)) {
        if (qn_str_is(key, "text"))
            qn_json_append(&j, &text);
        else
            for (qn_json_enter(&j, QN_JSON_OBJECT); qn_json_next_key(&j, &key);)
                expect_pieces(&j, key, &text, &n_pieces);
    }
    if (qn_json_end(&j, &err) != QN_OK)
        fail_msg("%s", err.text);
    qn_buf_release(&text);
    qn_region_release(&strings);
    return n_pieces;
}

static void every_pattern_cuts_as_the_reference(void **state)
{
    qn_buf file = {0};
    qn_error err = {0};
    size_t n_rows = 0, n_pieces = 0;
    (void)state;
    if (qn_buf_read_file(&file, "tests/fixtures/text/pieces.jsonl", 16u << 20, &err) != QN_OK)
        fail_msg("%s", err.text);
    for (const char *p = file.bytes, *end = p + file.n_bytes; p < end; n_rows++) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        assert_non_null(newline);
        n_pieces += check_row((size_t)(newline - p), p);
        p = newline + 1;
    }
    qn_buf_release(&file);
    print_message("# %zu texts, %zu pieces\n", n_rows, n_pieces);
    assert_true(n_rows > 300 && n_pieces > 10000);
}

static void an_unknown_name_is_none(void **state)
{
    (void)state;
    assert_null(qn_pretokenizer_named(qn_str_of("no-such")));
    assert_null(qn_pretokenizer_named(qn_str_of("")));
    assert_null(qn_pretokenizer_named((qn_str){"smollm2", 7}));
    assert_non_null(qn_pretokenizer_named((qn_str){"smollm2", 6}));
}

QN_TEST_MAIN(cmocka_unit_test(every_pattern_cuts_as_the_reference),
             cmocka_unit_test(an_unknown_name_is_none))
