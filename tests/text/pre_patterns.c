/* tests/text/pre_patterns.c - the pre-tokenizers of one family alone cut as tokenizers cuts by the
 * patterns of that family's tokenizer.json, and every scanner as PCRE2 by the pattern it stands
 * for.
 *
 * Fixture: tests/oracles/tokenizer_patterns.py. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "tests/support/test.h"
#include "text/older.h"
#include "text/patterns.h"
#include "text/pretokenize.h"
#include "text/regex.h"

#define FIXTURE "tests/fixtures/text/own-pieces.jsonl"

static uint64_t hash_of(const qn_pretokenizer *pre, qn_str text)
{
    qn_cut cut;
    uint64_t h = 0xCBF29CE484222325u;
    qn_cut_init(&cut, pre, text.n_bytes, (const uint8_t *)text.bytes);
    for (size_t n; (n = qn_cut_next(&cut)) > 0;)
        h = (h ^ n) * 0x100000001B3u;
    return h;
}

/* How many texts are cut otherwise; prints the first. */
static size_t compare(const qn_pretokenizer *pre, qn_str texts, qn_json *hashes, qn_region *strings)
{
    qn_json j;
    size_t n = 0, n_wrong = 0;
    qn_json_init(&j, texts.n_bytes, texts.bytes, strings);
    qn_json_enter(hashes, QN_JSON_ARRAY);
    for (qn_json_enter(&j, QN_JSON_ARRAY); qn_json_next(&j); n++) {
        char got[17];
        assert_true(qn_json_next(hashes));
        qn_str text = qn_json_string(&j), want = qn_json_string(hashes);
        snprintf(got, sizeof got, "%016llx", (unsigned long long)hash_of(pre, text));
        if (memcmp(got, want.bytes, 16) != 0 && n_wrong++ < 2)
            print_message("# %s: %.*s\n", pre->name, (int)QN_MIN(text.n_bytes, (size_t)100),
                          text.bytes);
    }
    assert_true(n > 700);
    return n_wrong;
}

static void every_family_is_cut_as_the_reference_cuts(void **state)
{
    qn_buf file = {0};
    qn_error err = {0};
    qn_region strings = qn_region_of(64 << 20);
    qn_str texts = {0};
    size_t n_names = 0, n_wrong = 0;
    (void)state;
    if (qn_buf_read_file(&file, FIXTURE, 16 << 20, &err) != QN_OK)
        fail_msg("%s", err.text);
    for (const char *p = file.bytes, *end = p + file.n_bytes, *newline; p < end; p = newline + 1) {
        qn_json j, hashes = {0};
        qn_str key;
        const qn_pretokenizer *pre = NULL;
        newline = memchr(p, '\n', (size_t)(end - p));
        assert_non_null(newline);
        qn_json_init(&j, (size_t)(newline - p), p, &strings);
        for (qn_json_enter(&j, QN_JSON_OBJECT); qn_json_next_key(&j, &key);) {
            if (qn_str_is(key, "texts"))
                texts = qn_json_raw(&j);
            else if (qn_str_is(key, "pre"))
                assert_non_null(pre = qn_pretokenizer_named(qn_json_string(&j)));
            else if (qn_str_is(key, "ignore_merges"))
                assert_int_equal(pre && pre->ignore_merges, qn_json_bool(&j));
            else
                qn_json_init_raw(&hashes, &j, qn_json_raw(&j));
        }
        if (!pre)
            continue;
        n_wrong += compare(pre, texts, &hashes, &strings);
        n_names++;
    }
    qn_buf_release(&file);
    qn_region_release(&strings);
    assert_int_equal(qn_alloc_live(), 0);
    assert_true(n_names >= 19);
    assert_int_equal(n_wrong, 0);
}

static const char *const patterns[] = {
#define X(pattern, ...) pattern,
#include "text/patterns.def"
#undef X
};

/* Where a scanner's next match is, as qn_regex_find says it. */
static void scan_next(qn_cut_pattern *scan, qn_str text, size_t at, size_t *begin, size_t *end)
{
    const uint8_t *p = (const uint8_t *)text.bytes + at, *last = p + text.n_bytes - at;
    size_t n = 0;
    for (size_t skip = 0; p < last && (n = scan(p, last, &skip)) == 0; p += skip)
        ;
    *begin = (size_t)(p - (const uint8_t *)text.bytes), *end = *begin + n;
}

static bool has_newer(qn_str text)
{
    const uint8_t *p = (const uint8_t *)text.bytes, *end = p + text.n_bytes;
    for (qn_char c; p < end; p += c.n_bytes)
        if ((c = qn_char_at(p, end), qn_older_newer(c.code)))
            return true;
    return false;
}

/* The end of the piece at at: the next match, or what is before it. */
static size_t piece_end(const qn_regex *x, qn_regex_scratch *s, qn_str text, size_t at)
{
    size_t begin, end;
    qn_error err = {0};
    if (qn_regex_find(x, s, text.n_bytes, (const uint8_t *)text.bytes, at, at > 0, &begin, &end,
                      &err) != QN_OK)
        fail_msg("%s", err.text);
    return begin == QN_NO_MATCH ? text.n_bytes : begin > at ? begin : end > at ? end : at;
}

static bool same_pieces(const qn_pattern *pattern, const qn_regex *x, qn_regex_scratch *s,
                        qn_str text)
{
    qn_cut cut;
    qn_pretokenizer pre = {.name = ""};
    memcpy(pre.stages, pattern->stages, sizeof pre.stages);
    qn_cut_init(&cut, &pre, text.n_bytes, (const uint8_t *)text.bytes);
    for (size_t at = 0, want; at < text.n_bytes; at = want) {
        size_t end = at + qn_cut_next(&cut);
        want = piece_end(x, s, text, at);
        if (want == at) /* an empty match at the start cuts nothing */
            want = piece_end(x, s, text, at + 1);
        if (end == want)
            continue;
        print_message("# %s: %zu to %zu, not to %zu, of %.*s\n", pattern->text, at, end, want,
                      (int)QN_MIN(text.n_bytes, (size_t)100), text.bytes);
        return false;
    }
    return true;
}

static bool same(const qn_pattern *pattern, const qn_regex *x, qn_regex_scratch *s, qn_str text)
{
    qn_error err = {0};
    bool is_total = pattern->kind == QN_PATTERN_ALL;
    qn_regex_begin(s, text.n_bytes);
    if (pattern->kind == QN_PATTERN_CUTS)
        return same_pieces(pattern, x, s, text);
    for (size_t at = 0, begin, end, want_begin, want_end; at < text.n_bytes; at = end) {
        scan_next(pattern->stages[0], text, at, &begin, &end);
        if (qn_regex_find(x, s, text.n_bytes, (const uint8_t *)text.bytes, at, true, &want_begin,
                          &want_end, &err) != QN_OK)
            fail_msg("%s: %s", pattern->text, err.text);
        if (want_begin == QN_NO_MATCH)
            want_begin = want_end = text.n_bytes;
        if (begin == want_begin && end == want_end && !(is_total && begin != at))
            continue;
        print_message("# %s: %zu to %zu, not %zu to %zu, of %.*s\n", pattern->text, begin, end,
                      want_begin, want_end, (int)QN_MIN(text.n_bytes, (size_t)100), text.bytes);
        return false;
    }
    return true;
}

static void every_scanner_matches_as_its_pattern_does(void **state)
{
    qn_buf file = {0};
    qn_error err = {0};
    qn_region strings = qn_region_of(64 << 20);
    size_t n_wrong = 0, n_texts = 0;
    (void)state;
    if (qn_buf_read_file(&file, FIXTURE, 16 << 20, &err) != QN_OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < QN_COUNT(patterns); i++) {
        qn_json j;
        qn_str key;
        qn_regex *x;
        qn_regex_scratch *s;
        const qn_pattern *pattern = qn_pattern_known(qn_str_of(patterns[i]));
        assert_non_null(pattern);
        assert_int_equal(qn_regex_compile(&x, qn_str_of(patterns[i]), &err), QN_OK);
        assert_int_equal(qn_regex_scratch_open(&s, &err), QN_OK);
        const char *newline = memchr(file.bytes, '\n', file.n_bytes);
        qn_json_init(&j, (size_t)(newline - file.bytes), file.bytes, &strings);
        qn_json_enter(&j, QN_JSON_OBJECT);
        qn_json_next_key(&j, &key);
        for (qn_json_enter(&j, QN_JSON_ARRAY); qn_json_next(&j);) {
            qn_str text = qn_json_string(&j);
            if (has_newer(text))
                continue; /* PCRE2 does not know it */
            n_wrong += !same(pattern, x, s, text);
            n_texts++;
        }
        qn_regex_release(x);
        qn_regex_scratch_close(s);
    }
    qn_buf_release(&file);
    qn_region_release(&strings);
    assert_true(n_texts > 700 * QN_COUNT(patterns));
    assert_int_equal(n_wrong, 0);
}

QN_TEST_MAIN(cmocka_unit_test(every_scanner_matches_as_its_pattern_does),
             cmocka_unit_test(every_family_is_cut_as_the_reference_cuts))
