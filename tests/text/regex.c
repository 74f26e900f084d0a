/* tests/text/regex.c - patterns that no scanner knows: the same matches however little of the text
 * is shown at a time, and an end to those that look at it again and again. */
#include "text/regex.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "tests/support/support.h"
#include "tests/support/test.h"
#include "text/patterns.h"

static const char gpt2[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

typedef struct fixture {
    qn_regex *x;
    qn_regex_scratch *s;
    qn_error err;
} fixture;

static fixture open_pattern(const char *pattern)
{
    fixture f = {0};
    if (qn_regex_compile(&f.x, qn_str_of(pattern), &f.err) != QN_OK ||
        qn_regex_scratch_open(&f.s, &f.err) != QN_OK)
        fail_msg("%s", f.err.text);
    return f;
}

static void shut(fixture *f)
{
    qn_regex_release(f->x);
    qn_regex_scratch_close(f->s);
    assert_int_equal(qn_alloc_live(), 0);
}

/* Runs of one kind of characters, some of them about as long as what is shown at first. */
static void write_runs(qn_buf *text, uint64_t seed)
{
    static const char *const kinds[] = {"a", "\xC3\xA9", "\xE4\xB8\xAD",     "7",  "!",
                                        " ", "\n",       "\xF0\x9F\x98\x80", "'s", "\xC2\xA0"};
    for (uint64_t i = 0; i < 40; i++) {
        uint64_t r = qn_test_random(seed, i);
        size_t n = r % 4 ? r % 7 + 1 : r >> 8 & 1 ? 200 + (r >> 9) % 100 : 900 + (r >> 9) % 1200;
        for (size_t k = 0; k < n; k++)
            qn_buf_text(text, kinds[(r >> 32) % QN_COUNT(kinds)]);
    }
}

static void long_texts_match_as_by_the_scanner(void **state)
{
    qn_cut_pattern *scan = qn_pattern_known(qn_str_of(gpt2))->stages[0];
    fixture f = open_pattern(gpt2);
    qn_buf text = {0};
    size_t n_pieces = 0;
    (void)state;
    for (uint64_t seed = 1; seed < 60; seed++) {
        qn_buf_clear(&text);
        write_runs(&text, seed);
        const uint8_t *bytes = (const uint8_t *)text.bytes, *end = bytes + text.n_bytes;
        qn_regex_begin(f.s, text.n_bytes);
        for (size_t at = 0, begin, stop, skip = 0; at < text.n_bytes; at = stop, n_pieces++) {
            assert_int_equal(
                qn_regex_find(f.x, f.s, text.n_bytes, bytes, at, true, &begin, &stop, &f.err),
                QN_OK);
            assert_int_equal(begin, at);
            assert_int_equal(stop - at, scan(bytes + at, end, &skip));
        }
    }
    qn_buf_release(&text);
    assert_true(n_pieces > 1000);
    shut(&f);
}

static void a_rare_match_is_found_far_away(void **state)
{
    enum { N = 100000 };
    fixture f = open_pattern("x\\b|(?<=a)y|$");
    char *text = qn_alloc(N);
    size_t begin, stop;
    (void)state;
    memset(text, 'a', N);
    text[70000] = 'x', text[70001] = '.', text[90000] = 'y';
    const uint8_t *bytes = (const uint8_t *)text;
    qn_regex_begin(f.s, N);
    assert_int_equal(qn_regex_find(f.x, f.s, N, bytes, 5, true, &begin, &stop, &f.err), QN_OK);
    assert_int_equal(begin, 70000);
    assert_int_equal(stop, 70001);
    assert_int_equal(qn_regex_find(f.x, f.s, N, bytes, stop, true, &begin, &stop, &f.err), QN_OK);
    assert_int_equal(begin, 90000);
    assert_int_equal(qn_regex_find(f.x, f.s, N, bytes, stop, true, &begin, &stop, &f.err), QN_OK);
    assert_int_equal(begin, N);
    qn_free(text);
    shut(&f);
}

/* As many bytes are looked at as the square of the text's length; a second would not do. */
static void a_pattern_that_looks_too_often_is_stopped(void **state)
{
    enum { N = 1 << 20 };
    static const char *const patterns[] = {"a+b|.", "\\p{L}+(?=x)|.", "(a*)*b|.", "(?:a|aa)+$|."};
    char *text = qn_alloc(N);
    (void)state;
    memset(text, 'a', N);
    for (size_t i = 0; i < QN_COUNT(patterns); i++) {
        fixture f = open_pattern(patterns[i]);
        qn_status st = QN_OK;
        qn_regex_begin(f.s, N);
        for (size_t at = 0, begin; at < N && st == QN_OK;)
            st = qn_regex_find(f.x, f.s, N, (const uint8_t *)text, at, true, &begin, &at, &f.err);
        assert_int_equal(st, QN_ELIMIT);
        assert_true(f.err.text[0]);
        qn_regex_release(f.x);
        qn_regex_scratch_close(f.s);
    }
    qn_free(text);
    assert_int_equal(qn_alloc_live(), 0);
}

static void one_that_does_not_is_not(void **state)
{
    enum { N = 1 << 20 };
    static const char chars[] = "a1 .\n";
    fixture f = open_pattern(gpt2);
    char *text = qn_alloc(N);
    (void)state;
    for (size_t i = 0; chars[i]; i++) {
        memset(text, chars[i], N);
        text[N - 1] = 'z';
        qn_regex_begin(f.s, N);
        for (size_t at = 0, begin; at < N;)
            assert_int_equal(
                qn_regex_find(f.x, f.s, N, (const uint8_t *)text, at, true, &begin, &at, &f.err),
                QN_OK);
    }
    qn_free(text);
    shut(&f);
}

QN_TEST_MAIN(cmocka_unit_test(long_texts_match_as_by_the_scanner),
             cmocka_unit_test(a_rare_match_is_found_far_away),
             cmocka_unit_test(a_pattern_that_looks_too_often_is_stopped),
             cmocka_unit_test(one_that_does_not_is_not))
