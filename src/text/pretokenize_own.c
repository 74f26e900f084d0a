/* text/pretokenize_own.c - the scanners of patterns that one family alone has.
 *
 * Source: the tokenizer.json of each, as tests/oracles/tokenizer_patterns.py states them. */
#include <string.h>

#include "text/older.h"
#include "text/scan.h"

size_t qn_cut_minicpm5(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    (void)skip;
    return words(p, end, QN_L, SIZE_MAX);
}

size_t qn_cut_ufakzeka(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    (void)skip;
    return bare_words(p, end, QN_L, 1);
}

/* Contractions, words, \p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+ */
size_t qn_cut_seed(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    (void)skip;
    size_t n = contraction(p, end, true);
    if (!n)
        n = word(p, end, QN_L);
    if (!n)
        n = numbers(p, end, 1);
    if (!n)
        n = marks(p, end, QN_SPACE | QN_L | QN_N);
    return n ? n : spaces(p, end, true);
}

/* (?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+ at p, or 0 */
static size_t phrase(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *q = p;
    while (q < end) {
        const uint8_t *next = q + (q > p && *q == ' ');
        if (!(class_at(next, end) & QN_L))
            break;
        q = run(next + qn_char_at(next, end).n_bytes, end, QN_M);
    }
    return (size_t)(q - p);
}

/* Contractions, [^\r\n\p{L}\p{N}]? and a phrase, \p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]
 * |\s+(?!\S)|\s+ */
size_t qn_cut_exaone_moe(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    (void)skip;
    size_t n = contraction(p, end, true);
    if (n)
        return n;
    qn_char c = qn_char_at(p, end);
    size_t prefix = c.class & (QN_NEWLINE | QN_L | QN_N) ? 0 : c.n_bytes;
    n = p + prefix < end ? phrase(p + prefix, end) : 0;
    if (n)
        return prefix + n;
    n = numbers(p, end, 1);
    if (n)
        return n;
    n = marks(p, end, QN_SPACE | QN_L | QN_N);
    const uint8_t *q = p + n;
    return n ? n + (q < end && (*q == '\r' || *q == '\n')) : spaces(p, end, true);
}

size_t qn_cut_youtu(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    (void)skip;
    size_t n = cased(p, end, false);
    return n ? n + contraction(p + n, end, true) : uncased(p, end, 1, true);
}

/* [\p{Han}]+, cased words without Han and contractions behind them, \p{N}{1,3}
 * | ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ */
size_t qn_cut_kimi(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    const uint8_t *q = p;
    (void)skip;
    for (qn_char c; q < end && (c = qn_char_at(q, end), is_han(c.code)); q += c.n_bytes)
        ;
    if (q > p)
        return (size_t)(q - p);
    size_t n = cased(p, end, true);
    return n ? n + contraction(p + n, end, true) : uncased(p, end, 3, false);
}

/* \p{N}+ */
size_t qn_cut_numbers(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    size_t n = numbers(p, end, SIZE_MAX);
    *skip = (size_t)(run_without(p, end, QN_N) - p);
    return n;
}

static bool ascii_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* [0-9][0-9][0-9] */
size_t qn_cut_three_digits(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    const uint8_t *q = p;
    if (end - p >= 3 && ascii_digit(p[0]) && ascii_digit(p[1]) && ascii_digit(p[2]))
        return 3;
    do
        q++;
    while (q < end && !ascii_digit(*q));
    *skip = (size_t)(q - p);
    return 0;
}

/* Punctuation of tokenizers, which knows no newer one. */
static bool is_mark(qn_char c)
{
    return c.code != UINT32_MAX && qn_older_punctuation(c.code);
}

/* Punctuation {contiguous} */
size_t qn_cut_punctuation(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    const uint8_t *q = p;
    bool in = is_mark(qn_char_at(p, end));
    for (qn_char c; q < end && (c = qn_char_at(q, end), is_mark(c) == in); q += c.n_bytes)
        ;
    *skip = (size_t)(q - p);
    return in ? (size_t)(q - p) : 0;
}

static bool ends_bloom(qn_char c)
{
    static const uint32_t ends[] = {'(',    ')',    '|',    '.',    ',',    '!',    '?',
                                    0x2026, 0x3002, 0xFF0C, 0x3001, 0x0964, 0x06D4, 0x060C};
    for (size_t i = 0; i < QN_COUNT(ends); i++)
        if (c.code == ends[i])
            return true;
    return c.class & QN_SPACE;
}

/* ` ?[^(\s|[.,!?…。，、।۔،])]+` */
size_t qn_cut_bloom(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    const uint8_t *from = p + (*p == ' '), *q = from;
    for (qn_char c; q < end && (c = qn_char_at(q, end), !ends_bloom(c)); q += c.n_bytes)
        ;
    *skip = qn_char_at(p, end).n_bytes;
    return q > from ? (size_t)(q - p) : 0;
}

/* [^\n]+|[\n]+ */
size_t qn_cut_line(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    const uint8_t *q = *p == '\n' ? p : memchr(p, '\n', (size_t)(end - p));
    (void)skip;
    if (!q)
        return (size_t)(end - p);
    while (*p == '\n' && q < end && *q == '\n')
        q++;
    return (size_t)(q - p);
}

/* [가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ヿ]+ */
size_t qn_cut_youtu_scripts(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    static const range hangul[] = {{0x3131, 0x318E}, {0xAC00, 0xD7A3}},
                       marks[] = {{0x2014, 0x2014}, {0x2018, 0x2019}, {0x201C, 0x201D},
                                  {0x2026, 0x2026}, {0x3001, 0x303F}, {0xFE30, 0xFE4F},
                                  {0xFF01, 0xFF01}, {0xFF0C, 0xFF0C}, {0xFF1A, 0xFF1B}},
                       bopomofo[] = {{0x3105, 0x312F}},
                       kana_or_han[] = {{0x3040, 0x30FF}, {0x4E00, 0x9FA5}};
    const uint8_t *q = p;
    while (q < end && *q < 128)
        q++;
    *skip = q > p ? (size_t)(q - p) : qn_char_at(p, end).n_bytes;
    if (q > p)
        return 0;
    size_t n = run_ranges(p, end, QN_COUNT(hangul), hangul);
    if (!n)
        n = run_ranges(p, end, QN_COUNT(marks), marks);
    if (!n)
        n = run_ranges(p, end, QN_COUNT(bopomofo), bopomofo);
    return n ? n : run_ranges(p, end, QN_COUNT(kana_or_han), kana_or_han);
}

static qn_char last_char(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *q = end - 1;
    while (q > p && (*q & 0xC0) == 0x80)
        q--;
    return qn_char_at(q, end);
}

/* \s{512}(?!\S)|\s{256}(?!\S)|...|\s{4}(?!\S)|\s{1,2}(?!\S) of a piece that is white space without
 * a newline behind it, as its last character tells; any other piece stays whole. */
size_t qn_cut_jais_spaces(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    const uint8_t *q = p, *match = p;
    uint32_t class = last_char(p, end).class;
    *skip = (size_t)(end - p);
    if (!(class & QN_SPACE) || class & QN_NEWLINE)
        return 0;
    for (size_t n = 1; n <= 512 && q < end; n++) {
        q += qn_char_at(q, end).n_bytes;
        if ((n & (n - 1)) == 0)
            match = q;
    }
    return (size_t)(match - p);
}

/* \w of Oniguruma, as its \b sees it. */
static bool is_word(qn_char c)
{
    bool joins = c.code == 0x200C || c.code == 0x200D;
    return (qn_char_is_word(c) && !joins) || (c.code < 0x100 && c.class & QN_N);
}

/* \d{n}, or 0 */
static size_t decimals(const uint8_t *p, const uint8_t *end, size_t n)
{
    const uint8_t *q = p;
    for (; n && class_at(q, end) & QN_ND; n--)
        q += qn_char_at(q, end).n_bytes;
    return n ? 0 : (size_t)(q - p);
}

/* Three scanners that are \d{1,3}(?=(?:\d{3})*\b) one within the other. First \d+\b, between which
 * no piece ends in a digit. */
size_t qn_cut_whole_number(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    const uint8_t *q = run(p, end, QN_ND);
    if (q > p && (q == end || !is_word(qn_char_at(q, end))))
        return (size_t)(q - p);
    *skip = (size_t)(run_without(q, end, QN_ND) - p);
    return 0;
}

/* Second, the one or two digits in front of (\d{3})*. */
size_t qn_cut_odd_digits(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    const uint8_t *q = p;
    size_t n = 0;
    for (qn_char c; q < end && (c = qn_char_at(q, end), c.class & QN_ND); q += c.n_bytes)
        n++;
    *skip = (size_t)(end - p);
    return q == end ? numbers(p, end, n % 3) : 0;
}

/* Third, \d{3}. */
size_t qn_cut_thousands(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    *skip = (size_t)(end - p);
    return last_char(p, end).class & QN_ND ? numbers(p, end, 3) : 0;
}

/* Two scanners that are (?=(\d{3})+(?!\d)), whose matches are empty and cut a run of digits into
 * threes from its end. First where a run has its first cut, if it has three digits. */
size_t qn_cut_before_thousands(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    const uint8_t *q = p;
    (void)skip;
    while (q < end) {
        const uint8_t *from = run_without(q, end, QN_ND);
        size_t n = 0;
        q = from;
        for (qn_char c; q < end && (c = qn_char_at(q, end), c.class & QN_ND); q += c.n_bytes)
            n++;
        from += decimals(from, end, n % 3);
        if (n >= 3 && from > p)
            return (size_t)(from - p);
    }
    return (size_t)(end - p);
}

/* Second, three digits in front of three more. */
size_t qn_cut_by_thousands(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    size_t n = decimals(p, end, 3);
    (void)skip;
    return n && decimals(p + n, end, 3) ? n : (size_t)(end - p);
}

/* What comes behind these bytes at p, or NULL; skip leads to the next place where they can begin.
 */
static const uint8_t *behind(qn_str bytes, const uint8_t *p, const uint8_t *end, size_t *skip)
{
    const size_t n = (size_t)(end - p);
    const uint8_t *next = n > 1 ? memchr(p + 1, bytes.bytes[0], n - 1) : NULL;
    *skip = next ? (size_t)(next - p) : n;
    return n >= bytes.n_bytes && memcmp(p, bytes.bytes, bytes.n_bytes) == 0 ? p + bytes.n_bytes
                                                                            : NULL;
}

/* <sentinel:[0-9]+> */
size_t qn_cut_sentinel(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    const uint8_t *from = behind(qn_str_of("<sentinel:"), p, end, skip), *q = from;
    if (!from)
        return 0;
    while (q < end && ascii_digit(*q))
        q++;
    return q > from && q < end && *q == '>' ? (size_t)(q + 1 - p) : 0;
}

/* (IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z */
size_t qn_cut_image(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    const uint8_t *from = behind(qn_str_of("IMGIMG"), p, end, skip), *q = from;
    if (!from)
        return 0;
    while (q < end && *q >= 'A' && *q <= 'I' && q - from < 4)
        q++;
    return q > from && q < end && *q == 'Z' ? (size_t)(q + 1 - p) : 0;
}

/* ([\t\n]|    |  ) */
size_t qn_cut_indent(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    size_t n = 0, most = QN_MIN((size_t)(end - p), (size_t)4);
    while (n < most && p[n] == ' ')
        n++;
    *skip = 1;
    return *p == '\t' || *p == '\n' ? 1 : n == 4 ? 4 : n >= 2 ? 2 : 0;
}

/* Punctuation {isolated} */
size_t qn_cut_mark(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    qn_char c = qn_char_at(p, end);
    *skip = c.n_bytes;
    return is_mark(c) ? c.n_bytes : 0;
}
