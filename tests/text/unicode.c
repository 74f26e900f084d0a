/* tests/text/unicode.c - classes equal those of the Oniguruma in tokenizers 0.23.3; UTF-8 is
 * strict. */
#include "text/unicode.h"

#include "base/buf.h"
#include "tests/support/support.h"
#include "tests/support/test.h"

static void classes_of_all_code_points_equal_onigurumas(void **state)
{
    // clang-format off
    static const struct {
        uint32_t class;
        size_t n;
        uint64_t hash; /* FNV-1a of the code points in it, as numbers, ascending, no surrogates */
    } want[] = { /* from a Split(Regex("\\p{L}"), "removed") and so on over all code points */
        {QN_L, 141028, 0x9ABBEC5090CDD78D},
        {QN_M, 2501, 0x9B555C284B44A194},
        {QN_N, 1911, 0x88882B4D56227662},
        {QN_P, 855, 0xFF1C1FA0EE0C80AE},
        {QN_S, 8514, 0xEF33214FFA8A60DA},
        {QN_LU, 1858, 0xE0E481F9B9AC6D08},
        {QN_LL, 2258, 0xF2719655913AEB3A},
        {QN_LT, 31, 0x87FD939E4214D25F},
        {QN_LM, 404, 0xF65F3BD9629AAABB},
        {QN_LO, 136477, 0xED65AFC3DB5D15EB},
        {QN_SPACE, 25, 0x231591AD12FFE059},
        {QN_NEWLINE, 2, 0x08547707B5083970},
    };
    // clang-format on
    (void)state;
    for (size_t i = 0; i < QN_COUNT(want); i++) {
        uint64_t hash = 0xCBF29CE484222325u;
        size_t n = 0;
        for (uint32_t code = 0; code < 0x110000; code++)
            if ((code < 0xD800 || code >= 0xE000) && qn_unicode_class(code) & want[i].class) {
                hash = (hash ^ code) * 0x100000001B3u;
                n++;
            }
        assert_int_equal(n, want[i].n);
        assert_true(hash == want[i].hash);
    }
}

static void the_ascii_table_is_the_beginning_of_the_large_one(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 128; code++)
        assert_int_equal(qn_unicode_ascii[code], qn_unicode_class(code));
}

static size_t encode(uint32_t code, uint8_t p[4])
{
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n; i-- > 1; code >>= 6)
        p[i] = (uint8_t)(0x80 | (code & 0x3F));
    p[0] = (uint8_t)(lead[n] | code);
    return n;
}

static void every_character_decodes_and_its_beginnings_wait(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x110000; code++) {
        uint8_t p[4];
        size_t n = encode(code, p);
        bool surrogate = code >= 0xD800 && code < 0xE000;
        qn_char c = qn_char_at(p, p + n);
        assert_int_equal(c.code, surrogate ? UINT32_MAX : code);
        assert_int_equal(c.n_bytes, surrogate ? 1 : n);
        for (size_t k = 1; k < n && !surrogate; k++) {
            assert_int_equal(qn_char_complete(p, p + k), 0);
            assert_int_equal(qn_char_at(p, p + k).n_bytes, 1);
            assert_int_equal(qn_char_broken(p, p + k), k);
        }
    }
}

static void what_is_not_utf8_counts_byte_by_byte(void **state)
{
    static const struct {
        const char *bytes;
        size_t n, n_broken;
    } bad[] = {{"\x80", 1, 1},
               {"\xBF", 1, 1},
               {"\xC0\x80", 2, 1},
               {"\xC1\xBF", 2, 1},
               {"\xE0\x80\x80", 3, 1},
               {"\xE0\x9F\xBF", 3, 1},
               {"\xED\xA0\x80", 3, 1},
               {"\xF0\x80\x80\x80", 4, 1},
               {"\xF0\x8F\xBF\xBF", 4, 1},
               {"\xF4\x90\x80\x80", 4, 1},
               {"\xF5\x80\x80\x80", 4, 1},
               {"\xFF", 1, 1},
               {"\xE2\x82"
                "A",
                3, 2},
               {"\xF0\x9F\x98"
                "A",
                4, 3},
               {"\xC3"
                "A",
                2, 1}};
    (void)state;
    for (size_t i = 0; i < QN_COUNT(bad); i++) {
        const uint8_t *p = (const uint8_t *)bad[i].bytes;
        qn_char c = qn_char_at(p, p + bad[i].n);
        assert_int_equal(c.code, UINT32_MAX);
        assert_int_equal(c.n_bytes, 1);
        assert_int_equal(c.class, QN_CN);
        assert_int_equal(qn_char_complete(p, p + bad[i].n), 1);
        assert_int_equal(qn_char_broken(p, p + bad[i].n), bad[i].n_broken);
    }
}

QN_TEST_MAIN(cmocka_unit_test(classes_of_all_code_points_equal_onigurumas),
             cmocka_unit_test(the_ascii_table_is_the_beginning_of_the_large_one),
             cmocka_unit_test(every_character_decodes_and_its_beginnings_wait),
             cmocka_unit_test(what_is_not_utf8_counts_byte_by_byte))
