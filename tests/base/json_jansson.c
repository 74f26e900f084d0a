/* tests/base/json_jansson.c - the reader agrees with jansson on random and on damaged texts. */
#include "tests/support/test.h"

#include "base/json.h"
#include "tests/support/json_copy.h"
#include "tests/support/support.h"

#include <jansson.h>

typedef struct source { /* random choices, one after another */
    uint64_t seed, at;
} source;

static unsigned pick(source *s, unsigned n)
{
    return (unsigned)(qn_test_random(s->seed, s->at++) >> 33) % n;
}

static void random_string(source *s, qn_buf *b, bool key)
{
    static const char *parts[] = {"a",
                                  "Z",
                                  " ",
                                  "\\n",
                                  "\\\"",
                                  "\\\\",
                                  "\\/",
                                  "\\u0041",
                                  "\\u00e9",
                                  "\\u20Ac",
                                  "\\ud83d\\ude00",
                                  "\xC3\xA9",
                                  "\xE2\x82\xAC",
                                  "\xF0\x9F\x98\x80",
                                  "\x7F",
                                  "\\b\\f\\r\\t",
                                  "\\u0000"};
    unsigned n = pick(s, 8);
    qn_buf_byte(b, '"');
    while (n-- > 0) /* jansson refuses a NUL in a key */
        qn_buf_text(b, parts[pick(s, (unsigned)QN_COUNT(parts) - key)]);
    if (key) /* which of two equal keys wins is not what is compared */
        qn_buf_format(b, "%u", (unsigned)s->at);
    qn_buf_byte(b, '"');
}

static void random_number(source *s, qn_buf *b)
{
    static const char *const exponents[] = {"", "e5", "E-3", "e+20", "e-300", "e280", "E00"};
    qn_buf_text(b, pick(s, 2) ? "-" : "");
    if (pick(s, 3))
        qn_buf_format(b, "%u", pick(s, 10) ? pick(s, 100000) : 0);
    else
        qn_buf_format(b, "1%09u%08u", pick(s, 1000000000), pick(s, 100000000));
    if (pick(s, 2))
        qn_buf_format(b, ".%0*u", (int)pick(s, 12), pick(s, 1000000));
    qn_buf_text(b, exponents[pick(s, (unsigned)QN_COUNT(exponents))]);
}

static void random_space(source *s, qn_buf *b)
{
    static const char *const spaces[] = {"", "", "", " ", "\n", "\t\r "};
    qn_buf_text(b, spaces[pick(s, (unsigned)QN_COUNT(spaces))]);
}

static void random_value(source *s, qn_buf *b, unsigned depth)
{
    static const char *const words[] = {"null", "true", "false"};
    unsigned kind = pick(s, depth > 6 ? 3 : 5), n = kind > 2 ? pick(s, 6) : 0;
    random_space(s, b);
    if (kind == 0)
        qn_buf_text(b, words[pick(s, 3)]);
    else if (kind == 1)
        random_number(s, b);
    else if (kind == 2)
        random_string(s, b, false);
    else
        qn_buf_byte(b, kind == 3 ? '[' : '{');
    for (unsigned i = 0; i < n; i++) {
        qn_buf_text(b, i ? "," : "");
        random_space(s, b);
        if (kind == 4) {
            random_string(s, b, true);
            random_space(s, b);
            qn_buf_byte(b, ':');
        }
        random_value(s, b, depth + 1);
    }
    if (kind > 2)
        qn_buf_byte(b, kind == 3 ? ']' : '}');
    random_space(s, b);
}

static bool read_and_write(const qn_buf *text, qn_buf *out)
{
    qn_json j;
    qn_region strings = qn_region_of(1 << 20);
    qn_json_init(&j, text->n_bytes, text->bytes, &strings);
    qn_test_json_copy(&j, out);
    bool ok = qn_json_end(&j, NULL) == QN_OK;
    qn_region_release(&strings);
    return ok;
}

static json_t *load(const qn_buf *b)
{
    return json_loadb(b->bytes, b->n_bytes,
                      JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
}

static json_t *load_exact(const qn_buf *b) /* integers as such */
{
    return json_loadb(b->bytes, b->n_bytes, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

static void random_texts_mean_the_same_to_jansson(void **state)
{
    (void)state;
    unsigned n_exact = 0;
    for (uint64_t seed = 0; seed < 20000; seed++) {
        source s = {.seed = seed};
        qn_buf text = {0}, out = {0};
        random_value(&s, &text, 0);
        if (!read_and_write(&text, &out))
            fail_msg("refused: %s", text.bytes);
        json_t *theirs = load(&text), *ours = load(&out);
        assert_non_null(theirs);
        if (!ours || !json_equal(theirs, ours))
            fail_msg("%s became %s", text.bytes, out.bytes);
        json_decref(theirs);
        json_decref(ours);
        theirs = load_exact(&text);
        ours = load_exact(&out);
        n_exact += theirs && ours && json_equal(theirs, ours);
        json_decref(theirs);
        json_decref(ours);
        qn_buf_release(&text);
        qn_buf_release(&out);
    }
    assert_true(n_exact > 5000); /* the others hold 3e5, which jansson calls a real */
}

static void damage(source *s, qn_buf *b)
{
    static const char bytes[] =
        "\"\\{}[],:0123456789eE+-. \n\ttrufalsn\xC3\xA9\xED\xA0\x80\xFF\x01";
    for (unsigned n = 1 + pick(s, 3); n > 0 && b->n_bytes > 0; n--) {
        size_t at = pick(s, (unsigned)b->n_bytes);
        unsigned kind = pick(s, 3);
        if (kind == 0)
            b->bytes[at] = bytes[pick(s, sizeof bytes - 1)];
        else if (kind == 1)
            memmove(b->bytes + at, b->bytes + at + 1, b->n_bytes-- - at);
        else
            b->bytes[b->n_bytes = at] = 0;
    }
}

static void damaged_texts_are_refused_when_jansson_refuses(void **state)
{
    (void)state;
    unsigned n_refused = 0;
    for (uint64_t seed = 0; seed < 100000; seed++) {
        source s = {.seed = seed + 1000000};
        qn_buf text = {0}, out = {0};
        random_value(&s, &text, 2);
        damage(&s, &text);
        json_error_t why;
        json_t *theirs =
            json_loadb(text.bytes, text.n_bytes,
                       JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &why);
        bool ours = read_and_write(&text, &out);
        bool nul_key = !theirs && json_error_code(&why) == json_error_null_byte_in_key;
        if (ours != !!theirs && !nul_key)
            fail_msg("%s: ours %d, theirs %s", text.bytes, ours, theirs ? "accepts" : why.text);
        n_refused += !ours;
        json_decref(theirs);
        qn_buf_release(&text);
        qn_buf_release(&out);
    }
    assert_in_range(n_refused, 30000, 99000);
}

QN_TEST_MAIN(cmocka_unit_test(random_texts_mean_the_same_to_jansson),
             cmocka_unit_test(damaged_texts_are_refused_when_jansson_refuses))
