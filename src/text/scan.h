/* text/scan.h - what the scanners of pre-tokenizers are made of. Each reads from p < end and never
 * beyond end; alternatives are tried in order and every greedy run is taken once. */
#pragma once

#include "text/pretokenize.h"

static inline const uint8_t *run(const uint8_t *p, const uint8_t *end, uint32_t classes)
{
    while (p < end) {
        qn_char c = qn_char_at(p, end);
        if (!(c.class & classes))
            break;
        p += c.n_bytes;
    }
    return p;
}

static inline const uint8_t *run_without(const uint8_t *p, const uint8_t *end, uint32_t classes)
{
    while (p < end) {
        qn_char c = qn_char_at(p, end);
        if (c.class & classes)
            break;
        p += c.n_bytes;
    }
    return p;
}

static inline const uint8_t *run_newlines(const uint8_t *p, const uint8_t *end, bool slash)
{
    while (p < end && (*p == '\r' || *p == '\n' || (slash && *p == '/')))
        p++;
    return p;
}

static inline uint32_t class_at(const uint8_t *p, const uint8_t *end)
{
    return p < end ? qn_char_at(p, end).class : 0;
}

/* 's|'t|'re|'ve|'m|'ll|'d at p; with fold in any case, where U+017F folds to s. */
static inline size_t contraction(const uint8_t *p, const uint8_t *end, bool fold)
{
    size_t left = (size_t)(end - p);
    if (left < 2 || *p != '\'')
        return 0;
    uint8_t low = fold ? 0x20 : 0, a = p[1] | low, b = left > 2 ? p[2] | low : 0;
    if (a == 's' || a == 't' || a == 'm' || a == 'd')
        return 2;
    if (((a == 'r' || a == 'v') && b == 'e') || (a == 'l' && b == 'l'))
        return 3;
    return fold && left > 2 && p[1] == 0xC5 && p[2] == 0xBF ? 3 : 0;
}

/* \s*[\r\n]+ (with newlines) |\s+(?!\S)|\s+ at a p that is white space. */
static inline size_t spaces(const uint8_t *p, const uint8_t *end, bool newlines)
{
    const uint8_t *q = p, *last = p, *newline = NULL;
    while (q < end) {
        qn_char c = qn_char_at(q, end);
        if (!(c.class & QN_SPACE))
            break;
        last = q;
        q += c.n_bytes;
        if (c.class & QN_NEWLINE)
            newline = q;
    }
    if (newlines && newline)
        return (size_t)(newline - p);
    return (size_t)((q == end || last == p ? q : last) - p);
}

/* \p{N}{1,most} */
static inline size_t numbers(const uint8_t *p, const uint8_t *end, size_t most)
{
    const uint8_t *q = p;
    for (; most && q < end; most--) {
        qn_char c = qn_char_at(q, end);
        if (!(c.class & QN_N))
            break;
        q += c.n_bytes;
    }
    return (size_t)(q - p);
}

/* ` ?[^classes]+`, or 0. */
static inline size_t marks(const uint8_t *p, const uint8_t *end, uint32_t classes)
{
    const uint8_t *from = p + (*p == ' ');
    const uint8_t *q = run_without(from, end, classes);
    return q == from ? 0 : (size_t)(q - p);
}

/* ` ?[^classes]+[\r\n]*`, with a slash in the last class, or 0. */
static inline size_t others(const uint8_t *p, const uint8_t *end, uint32_t classes, bool slash)
{
    size_t n = marks(p, end, classes);
    return n ? (size_t)(run_newlines(p + n, end, slash) - p) : 0;
}

/* [^\r\n\p{L}\p{N}]?W+, or 0. */
static inline size_t word(const uint8_t *p, const uint8_t *end, uint32_t letters)
{
    qn_char c = qn_char_at(p, end);
    if (c.class & letters)
        return (size_t)(run(p, end, letters) - p);
    if (!(c.class & (QN_NEWLINE | QN_L | QN_N)) && class_at(p + c.n_bytes, end) & letters)
        return (size_t)(run(p + c.n_bytes, end, letters) - p);
    return 0;
}

/* [^\r\n\p{L}\p{N}]?W+|\p{N}{1,digits}| ?[^\sW\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ */
static inline size_t bare_words(const uint8_t *p, const uint8_t *end, uint32_t letters,
                                size_t digits)
{
    size_t n = word(p, end, letters);
    if (!n)
        n = numbers(p, end, digits);
    if (!n)
        n = others(p, end, QN_SPACE | letters | QN_N, false);
    return n ? n : spaces(p, end, true);
}

/* (?i:'s|'t|'re|'ve|'m|'ll|'d)| and those. */
static inline size_t words(const uint8_t *p, const uint8_t *end, uint32_t letters, size_t digits)
{
    size_t n = contraction(p, end, true);
    return n ? n : bare_words(p, end, letters, digits);
}

typedef struct range {
    uint32_t first, last;
} range;

static inline bool in_ranges(uint32_t code, size_t n, const range ranges[n])
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code > ranges[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && code >= ranges[low].first;
}

/* \p{Script=Han} of Unicode 16. */
static inline bool is_han(uint32_t code)
{
    // clang-format off
    static const range ranges[] = {
        {0x2E80, 0x2E99}, {0x2E9B, 0x2EF3}, {0x2F00, 0x2FD5}, {0x3005, 0x3005}, {0x3007, 0x3007},
        {0x3021, 0x3029}, {0x3038, 0x303B}, {0x3400, 0x4DBF}, {0x4E00, 0x9FFF}, {0xF900, 0xFA6D},
        {0xFA70, 0xFAD9}, {0x16FE2, 0x16FE3}, {0x16FF0, 0x16FF1}, {0x20000, 0x2A6DF},
        {0x2A700, 0x2B739}, {0x2B740, 0x2B81D}, {0x2B820, 0x2CEA1}, {0x2CEB0, 0x2EBE0},
        {0x2EBF0, 0x2EE5D}, {0x2F800, 0x2FA1D}, {0x30000, 0x3134A}, {0x31350, 0x323AF},
    };
    // clang-format on
    return code >= 0x2E80 && in_ranges(code, QN_COUNT(ranges), ranges);
}

/* The character at p; with no_han, Han is of no class. */
static inline qn_char cased_char(const uint8_t *p, const uint8_t *end, bool no_han)
{
    qn_char c = qn_char_at(p, end);
    if (no_han && is_han(c.code))
        c.class = 0;
    return c;
}

static inline const uint8_t *run_cased(const uint8_t *p, const uint8_t *end, uint32_t classes,
                                       bool no_han)
{
    while (p < end) {
        qn_char c = cased_char(p, end, no_han);
        if (!(c.class & classes))
            break;
        p += c.n_bytes;
    }
    return p;
}

/* U*D+ from p, else 0, where U is [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}], D is [\p{Ll}\p{Lm}\p{Lo}\p{M}].
 * U* gives back as far as its last character that D takes too. */
static inline size_t upper_lower(const uint8_t *p, const uint8_t *end, bool no_han)
{
    const uint8_t *q = p, *both = NULL;
    while (q < end) {
        qn_char c = cased_char(q, end, no_han);
        if (!(c.class & (QN_LU | QN_LT | QN_LM | QN_LO | QN_M)))
            break;
        q += c.n_bytes;
        if (c.class & (QN_LM | QN_LO | QN_M))
            both = q;
    }
    const uint8_t *lower = run_cased(q, end, QN_LL | QN_LM | QN_LO | QN_M, no_han);
    return lower > q ? (size_t)(lower - p) : both ? (size_t)(both - p) : 0;
}

/* X?U*D+|X?U+D* where X is [^\r\n\p{L}\p{N}], or 0. */
static inline size_t cased(const uint8_t *p, const uint8_t *end, bool no_han)
{
    const uint32_t upper = QN_LU | QN_LT | QN_LM | QN_LO | QN_M;
    qn_char c = qn_char_at(p, end);
    size_t prefix = c.class & (QN_NEWLINE | QN_L | QN_N) ? 0 : c.n_bytes;
    size_t n = prefix && p + prefix < end ? upper_lower(p + prefix, end, no_han) : 0;
    if (n)
        return prefix + n;
    n = upper_lower(p, end, no_han);
    if (n)
        return n;
    const uint8_t *q = run_cased(p + prefix, end, upper, no_han); /* no D in or behind it */
    return q > p + prefix ? (size_t)(q - p) : 0;
}

/* What is no cased word: \p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+ */
static inline size_t uncased(const uint8_t *p, const uint8_t *end, size_t digits, bool slash)
{
    size_t n = numbers(p, end, digits);
    if (!n)
        n = others(p, end, QN_SPACE | QN_L | QN_N, slash);
    return n ? n : spaces(p, end, true);
}

/* [ranges]+ at p */
static inline size_t run_ranges(const uint8_t *p, const uint8_t *end, size_t n,
                                const range ranges[n])
{
    const uint8_t *q = p;
    while (q < end) {
        qn_char c = qn_char_at(q, end);
        if (!in_ranges(c.code, n, ranges))
            break;
        q += c.n_bytes;
    }
    return (size_t)(q - p);
}
