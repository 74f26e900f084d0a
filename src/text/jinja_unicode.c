/* text/jinja_unicode.c - what Python's str methods ask about a character.
 *
 * ASCII is answered directly, the rest by binary search in tables that Python made. */
#include "text/jinja_text.h"

#include "base/utf8.h"
#include "text/unicode.h"

typedef struct range { /* every step-th code point from first to last; delta: what maps it */
    uint32_t first, last, step;
    int32_t delta;
} range;

typedef struct longer {
    uint32_t code, to[3];
    size_t n;
} longer;

// clang-format off
static const range lower[] = {
#define RANGE_LOWER
#include "text/jinja_case.def"
#undef RANGE_LOWER
};
static const range upper[] = {
#define RANGE_UPPER
#include "text/jinja_case.def"
#undef RANGE_UPPER
};
static const range title[] = {
#define RANGE_TITLE
#include "text/jinja_case.def"
#undef RANGE_TITLE
};
static const range alpha[] = {
#define RANGE_ALPHA
#include "text/jinja_case.def"
#undef RANGE_ALPHA
};
static const range decimal[] = {
#define RANGE_DECIMAL
#include "text/jinja_case.def"
#undef RANGE_DECIMAL
};
static const range digit[] = {
#define RANGE_DIGIT
#include "text/jinja_case.def"
#undef RANGE_DIGIT
};
static const range numeric[] = {
#define RANGE_NUMERIC
#include "text/jinja_case.def"
#undef RANGE_NUMERIC
};
static const range to_upper[] = {
#define MAP_UPPER
#include "text/jinja_case.def"
#undef MAP_UPPER
};
static const range to_lower[] = {
#define MAP_LOWER
#include "text/jinja_case.def"
#undef MAP_LOWER
};
static const range to_title[] = {
#define MAP_TITLE
#include "text/jinja_case.def"
#undef MAP_TITLE
};
static const range to_fold[] = {
#define MAP_FOLD
#include "text/jinja_case.def"
#undef MAP_FOLD
};
static const longer long_upper[] = {
#define LONG_UPPER
#include "text/jinja_case.def"
#undef LONG_UPPER
};
static const longer long_lower[] = {
#define LONG_LOWER
#include "text/jinja_case.def"
#undef LONG_LOWER
};
static const longer long_title[] = {
#define LONG_TITLE
#include "text/jinja_case.def"
#undef LONG_TITLE
};
static const longer long_fold[] = {
#define LONG_FOLD
#include "text/jinja_case.def"
#undef LONG_FOLD
};
// clang-format on

/* The range that holds the code point; ranges of step 2 may lie in each other. */
static const range *find(size_t n, const range *rows, uint32_t code)
{
    size_t low = 0, high = n; /* the last row that begins at or before code, and a few before it */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (rows[middle].first <= code)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t back = 0; back < 4 && low > back; back++) {
        const range *row = &rows[low - 1 - back];
        if (code <= row->last && (code - row->first) % row->step == 0)
            return row;
    }
    return NULL;
}

#define HAS(rows, code) (find(QN_COUNT(rows), (rows), (code)) != NULL)

bool qn_jis_upper(uint32_t code)
{
    return code < 128 ? code >= 'A' && code <= 'Z' : HAS(upper, code);
}

bool qn_jis_lower(uint32_t code)
{
    return code < 128 ? code >= 'a' && code <= 'z' : HAS(lower, code);
}

bool qn_jis_cased(uint32_t code)
{
    return qn_jis_upper(code) || qn_jis_lower(code) || (code >= 128 && HAS(title, code));
}

bool qn_jis_alpha(uint32_t code)
{
    return code < 128 ? qn_jis_cased(code) : HAS(alpha, code);
}

/* Runs of ten begin with their zero. */
int qn_jdecimal_value(uint32_t code)
{
    const range *row = code < 128 ? NULL : find(QN_COUNT(decimal), decimal, code);
    return (int)(row ? (code - row->first) % 10 : code - '0');
}

bool qn_jis_decimal(uint32_t code)
{
    return code < 128 ? code >= '0' && code <= '9' : HAS(decimal, code);
}

bool qn_jis_digit(uint32_t code)
{
    return code < 128 ? code >= '0' && code <= '9' : HAS(digit, code);
}

bool qn_jis_numeric(uint32_t code)
{
    return code < 128 ? code >= '0' && code <= '9' : HAS(numeric, code);
}

bool qn_jis_printable(uint32_t code)
{
    const uint32_t hidden = QN_CC | QN_CF | QN_CS | QN_CO | QN_CN | QN_ZL | QN_ZP | QN_ZS;
    return code < 128 ? code >= 32 && code != 127 : !(qn_unicode_class(code) & hidden);
}

static bool case_ignorable(uint32_t code)
{
    const uint32_t ignorable = QN_MN | QN_ME | QN_CF | QN_LM | QN_SK;
    return (qn_unicode_class(code) & ignorable) || code == '\'' || code == '.' || code == ':' ||
           code == 0xB7 || code == 0x2018 || code == 0x2019 || code == 0x2027;
}

/* A cased letter before it, and none after it; what is ignorable between counts as nothing. */
bool qn_jfinal_sigma(qn_str s, size_t at)
{
    uint32_t code = 0;
    size_t n = 2, before = at, most = 64; /* more marks than that on one letter are no word */
    for (size_t after = at + n; after < s.n_bytes && most--; after += n) {
        code = qn_jcode_at(s, after, &n);
        if (!case_ignorable(code))
            break;
    }
    if (code && !case_ignorable(code) && qn_jis_cased(code))
        return false;
    for (most = 64; before > 0 && most--;) {
        do
            before--;
        while (before > 0 && ((unsigned char)s.bytes[before] & 0xC0) == 0x80);
        code = qn_jcode_at(s, before, &n);
        if (!case_ignorable(code))
            return qn_jis_cased(code);
    }
    return false;
}

size_t qn_jcase(uint32_t code, qn_jcase_of how, uint32_t out[3])
{
    static const struct {
        size_t n, n_long;
        const range *rows;
        const longer *rows_long;
    } tables[] = {
        [J_UPPER] = {QN_COUNT(to_upper), QN_COUNT(long_upper), to_upper, long_upper},
        [J_LOWER] = {QN_COUNT(to_lower), QN_COUNT(long_lower), to_lower, long_lower},
        [J_TITLE] = {QN_COUNT(to_title), QN_COUNT(long_title), to_title, long_title},
        [J_CASEFOLD] = {QN_COUNT(to_fold), QN_COUNT(long_fold), to_fold, long_fold},
    };
    bool down = how == J_LOWER || how == J_CASEFOLD;
    out[0] = code;
    if (code < 128) {
        bool other = down ? qn_jis_upper(code) : qn_jis_lower(code);
        out[0] = other ? code ^ 32 : code;
        return 1;
    }
    for (size_t i = 0; i < tables[how].n_long; i++) {
        if (tables[how].rows_long[i].code != code)
            continue;
        for (size_t k = 0; k < 3; k++)
            out[k] = tables[how].rows_long[i].to[k];
        return tables[how].rows_long[i].n;
    }
    const range *row = find(tables[how].n, tables[how].rows, code);
    out[0] = row ? (uint32_t)((int32_t)code + row->delta) : code;
    return 1;
}
