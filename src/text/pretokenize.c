/* text/pretokenize.c - the patterns as scanners, and the driver that nests them.
 *
 * Each scanner states its pattern in Oniguruma's words, which decide; alternatives are tried in
 * order and every greedy run is taken once. Source: the tokenizer.json of each family. */
#include "text/pretokenize.h"

#include "text/scan.h"

/* 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
size_t qn_cut_gpt2(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    (void)skip;
    size_t n = contraction(p, end, false);
    if (n)
        return n;
    const uint8_t *from = p + (*p == ' ');
    uint32_t class = class_at(from, end);
    if (class & QN_L)
        return (size_t)(run(from, end, QN_L) - p);
    if (class & QN_N)
        return (size_t)(run(from, end, QN_N) - p);
    if (class && !(class & QN_SPACE))
        return (size_t)(run_without(from, end, QN_SPACE | QN_L | QN_N) - p);
    return spaces(p, end, false);
}

size_t qn_cut_llama3(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    (void)skip;
    return words(p, end, QN_L, 3);
}

/* The same with \s++$ before \s*[\r\n]: white space at the end is one piece, lines or not. */
size_t qn_cut_cl100k(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    (void)skip;
    bool last = run(p, end, QN_SPACE) == end;
    return last ? (size_t)(end - p) : words(p, end, QN_L, 3);
}

size_t qn_cut_qwen2(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    (void)skip;
    return words(p, end, QN_L, 1);
}

size_t qn_cut_qwen35(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    (void)skip;
    return words(p, end, QN_L | QN_M, 1);
}

size_t qn_cut_gpt4o(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    (void)skip;
    size_t n = cased(p, end, false);
    return n ? n + contraction(p + n, end, true) : uncased(p, end, 3, true);
}

size_t qn_cut_tekken(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    (void)skip;
    size_t n = cased(p, end, false);
    return n ? n : uncased(p, end, 1, true);
}

/* Digits {individual_digits: true} */
size_t qn_cut_digit(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    const uint8_t *q = p;
    while (q < end) {
        qn_char c = qn_char_at(q, end);
        if (c.class & QN_N || (c.n_bytes == 4 && qn_char_is_numeric(c))) {
            if (q == p)
                return c.n_bytes;
            break;
        }
        q += c.n_bytes;
    }
    *skip = (size_t)(q - p);
    return 0;
}

/* \p{N} */
size_t qn_cut_number(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    size_t n = numbers(p, end, 1);
    *skip = (size_t)(run_without(p, end, QN_N) - p);
    return n;
}

/* \w+|[^\w\s]+ */
size_t qn_cut_word(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    qn_char c = qn_char_at(p, end);
    bool word = qn_char_is_word(c);
    const uint8_t *q = p;
    if (c.class & QN_SPACE) {
        *skip = (size_t)(run(p, end, QN_SPACE) - p);
        return 0;
    }
    while (q < end) {
        c = qn_char_at(q, end);
        if (c.class & QN_SPACE || qn_char_is_word(c) != word)
            break;
        q += c.n_bytes;
    }
    return (size_t)(q - p);
}

/* \p{N}{1,3} */
size_t qn_cut_digits3(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    size_t n = numbers(p, end, 3);
    *skip = (size_t)(run_without(p, end, QN_N) - p);
    return n;
}

/* \s?[ranges]+ at p; skips one character where there is none. */
static size_t spaced_ranges(const uint8_t *p, const uint8_t *end, size_t *skip, size_t n,
                            const range ranges[n])
{
    qn_char c = qn_char_at(p, end);
    *skip = c.n_bytes;
    size_t m = c.class & QN_SPACE ? run_ranges(p + c.n_bytes, end, n, ranges) : 0;
    return m ? c.n_bytes + m : run_ranges(p, end, n, ranges);
}

static size_t plain_ranges(const uint8_t *p, const uint8_t *end, size_t *skip, size_t n,
                           const range ranges[n])
{
    *skip = qn_char_at(p, end).n_bytes;
    return run_ranges(p, end, n, ranges);
}

/* [一-龥぀-ゟ゠-ヿ]+ */
size_t qn_cut_kana_or_han(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    static const range ranges[] = {{0x3040, 0x30FF}, {0x4E00, 0x9FA5}};
    return plain_ranges(p, end, skip, QN_COUNT(ranges), ranges);
}

static bool ascii_letter(uint8_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* [!-/:-@\[-`{-~][A-Za-z]+, or 0 */
static size_t punctuation_word(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *q = p + 1;
    if (*p >= 128 || !(qn_unicode_ascii[*p] & (QN_P | QN_S)))
        return 0;
    while (q < end && ascii_letter(*q))
        q++;
    return q > p + 1 ? (size_t)(q - p) : 0;
}

/* [!-~ without letters, digits][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+, or 0; *next: the
 * character at p. */
static size_t marked_word(const uint8_t *p, const uint8_t *end, qn_char *next)
{
    size_t n = punctuation_word(p, end);
    qn_char c = *next = qn_char_at(p, end);
    if (n)
        return n;
    if (c.class & (QN_L | QN_M))
        return (size_t)(run(p, end, QN_L | QN_M) - p);
    if (!(c.class & (QN_NEWLINE | QN_P | QN_S)) && class_at(p + c.n_bytes, end) & (QN_L | QN_M))
        return (size_t)(run(p + c.n_bytes, end, QN_L | QN_M) - p);
    return 0;
}

/* Words, ` ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`, or without lines ` ?[\p{P}\p{S}]+|
 * [\r\n]|\s+(?!\S)|\s+`; it matches not everything. */
static size_t marked_words(const uint8_t *p, const uint8_t *end, size_t *skip, bool lines)
{
    qn_char c;
    size_t n = marked_word(p, end, &c);
    *skip = c.n_bytes;
    if (n)
        return n;
    const uint8_t *from = p + (*p == ' '), *q = run(from, end, QN_P | QN_S);
    if (q > from)
        return (size_t)((lines ? run_newlines(q, end, false) : q) - p);
    if (!lines && c.class & QN_NEWLINE)
        return 1;
    return c.class & QN_SPACE ? spaces(p, end, lines) : 0;
}

size_t qn_cut_deepseek3(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    return marked_words(p, end, skip, true);
}

size_t qn_cut_spark(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    return marked_words(p, end, skip, false);
}

/* [\r\n] */
size_t qn_cut_newline(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    if (*p == '\r' || *p == '\n')
        return 1;
    *skip = (size_t)(run_without(p, end, QN_NEWLINE) - p);
    return 0;
}

/* R-DEEPSEEK-LLM's second: \s?[letters of cased scripts]+ */
size_t qn_cut_letters_llm(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    // clang-format off
    static const range ranges[] = {
        {0x41, 0x5A}, {0x61, 0x7A}, {0xB5, 0xB5}, {0xC0, 0xD6}, {0xD8, 0xF6}, {0xF8, 0x1BA},
        {0x1BC, 0x1BF}, {0x1C4, 0x293}, {0x295, 0x2AF}, {0x370, 0x373}, {0x376, 0x376},
        {0x377, 0x377}, {0x37B, 0x37D}, {0x37F, 0x37F}, {0x386, 0x386}, {0x388, 0x38A},
        {0x38C, 0x38C}, {0x38E, 0x3A1}, {0x3A3, 0x3F5}, {0x3F7, 0x481}, {0x48A, 0x52F},
        {0x531, 0x556}, {0x10A0, 0x10C5}, {0x13A0, 0x13F5}, {0x13F8, 0x13FD}, {0x1C90, 0x1CBA},
        {0x1CBD, 0x1CBF}, {0x1D00, 0x1D2B}, {0x1D6B, 0x1D77}, {0x1D79, 0x1D9A}, {0x1E00, 0x1F15},
        {0x1F18, 0x1F1D}, {0x1F20, 0x1F45}, {0x1F48, 0x1F4D}, {0x1F50, 0x1F57}, {0x1F59, 0x1F59},
        {0x1F5B, 0x1F5B}, {0x1F5D, 0x1F5D}, {0x1F5F, 0x1F7D}, {0x1F80, 0x1FB4}, {0x1FB6, 0x1FBC},
        {0x1FBE, 0x1FBE}, {0x1FC2, 0x1FC4}, {0x1FC6, 0x1FCC}, {0x1FD0, 0x1FD3}, {0x1FD6, 0x1FDB},
        {0x1FE0, 0x1FEC}, {0x1FF2, 0x1FF4}, {0x1FF6, 0x1FFC}, {0x2102, 0x2102}, {0x2107, 0x2107},
        {0x210A, 0x2113}, {0x2115, 0x2115}, {0x2119, 0x211D}, {0x2124, 0x2124}, {0x2126, 0x2126},
        {0x2128, 0x2128}, {0x212A, 0x212D}, {0x212F, 0x2134}, {0x2139, 0x2139}, {0x213C, 0x213F},
        {0x2145, 0x2149}, {0x214E, 0x214E}, {0x2183, 0x2183}, {0x2184, 0x2184}, {0x2C00, 0x2C7B},
        {0x2C7E, 0x2CE4}, {0x2CEB, 0x2CEE}, {0x2CF2, 0x2CF2}, {0x2CF3, 0x2CF3}, {0xA640, 0xA66D},
        {0xA680, 0xA69B}, {0xA722, 0xA76F}, {0xA771, 0xA787}, {0xA78B, 0xA78E}, {0xAB70, 0xABBF},
        {0xFB00, 0xFB06}, {0xFB13, 0xFB17}, {0xFF21, 0xFF3A}, {0xFF41, 0xFF5A},
        {0x10400, 0x1044F}, {0x104B0, 0x104D3}, {0x104D8, 0x104FB}, {0x10C80, 0x10CB2},
        {0x10CC0, 0x10CF2}, {0x118A0, 0x118DF}, {0x1E900, 0x1E943},
    };
    // clang-format on
    return spaced_ranges(p, end, skip, QN_COUNT(ranges), ranges);
}

/* \s?[!-/:-~！-／：-～‘-‟　-。]+ */
size_t qn_cut_punctuation_llm(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    static const range ranges[] = {{0x21, 0x2F},     {0x3A, 0x7E},     {0x2018, 0x201F},
                                   {0x3000, 0x3002}, {0xFF01, 0xFF0F}, {0xFF1A, 0xFF5E}};
    return spaced_ranges(p, end, skip, QN_COUNT(ranges), ranges);
}

/* \s+$, whose $ stands before any newline. */
size_t qn_cut_last_spaces(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    const uint8_t *q = run(p, end, QN_SPACE), *newline = q;
    if (q == end)
        return (size_t)(q - p);
    while (newline > p && *newline != '\n')
        newline--;
    *skip = (size_t)(run_without(q, end, QN_SPACE) - p);
    return (size_t)(newline - p);
}

/* [一-龥ࠀ-一가-퟿]+ */
size_t qn_cut_cjk_llm(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    static const range ranges[] = {{0x0800, 0x9FA5}, {0xAC00, 0xD7FF}};
    return plain_ranges(p, end, skip, QN_COUNT(ranges), ranges);
}

/* \s?[classes]+ */
static size_t spaced_run(const uint8_t *p, const uint8_t *end, size_t *skip, uint32_t classes)
{
    qn_char c = qn_char_at(p, end);
    const uint8_t *from = c.class & QN_SPACE ? p + c.n_bytes : p, *q = run(from, end, classes);
    *skip = c.n_bytes;
    return q > from ? (size_t)(q - p) : 0;
}

size_t qn_cut_letters_coder(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    return spaced_run(p, end, skip, QN_L);
}

size_t qn_cut_punctuation_coder(const uint8_t *p, const uint8_t *end, size_t *skip)
{
    return spaced_run(p, end, skip, QN_P);
}

// clang-format off
static const qn_pretokenizer table[] = {
#define X(name, ignore_merges, add_bos, nfc, ...) {name, ignore_merges, add_bos, nfc, {__VA_ARGS__}},
#include "text/pretokenizers.def"
#undef X
};

// clang-format on

const qn_pretokenizer *qn_pretokenizer_named(qn_str name)
{
    for (size_t i = 0; i < QN_COUNT(table); i++)
        if (qn_str_is(name, table[i].name))
            return &table[i];
    return NULL;
}

void qn_cut_init(qn_cut *c, const qn_pretokenizer *pre, size_t n, const uint8_t *text)
{
    *c = (qn_cut){.pre = pre, .at = text, .end = text + n};
    for (size_t k = 0; k < QN_CUT_STAGES; k++)
        c->stage_end[k] = text;
}

/* The end of the match that begins at p, or else of the gap before the next one. */
static const uint8_t *next_end(qn_cut_pattern *pattern, const uint8_t *p, const uint8_t *end)
{
    size_t skip = 0, n = pattern(p, end, &skip);
    if (n)
        return p + n;
    do
        p += skip;
    while (p < end && pattern(p, end, &skip) == 0);
    return p;
}

size_t qn_cut_next(qn_cut *c)
{
    const uint8_t *from = c->at, *end = c->end;
    if (from == end)
        return 0;
    for (size_t k = 0; c->pre->stages[k]; k++) {
        if (c->stage_end[k] == from)
            c->stage_end[k] = next_end(c->pre->stages[k], from, end);
        end = c->stage_end[k];
    }
    c->at = end;
    return (size_t)(end - from);
}
