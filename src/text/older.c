/* text/older.c - our tables less and plus what older.def lists. */
#include "text/older.h"

#include "text/jinja_text.h"
#include "text/unicode.h"

typedef enum set {
    INERT,
    OTHER_NOT,
    MN_NOT,
    MN_TOO,
    MARK_NOT,
    MARK_TOO,
    PUNCT_NOT,
    PUNCT_TOO,
    NEWER,
    LOWER,
} set;

typedef struct range { /* of a set; ascending by set and code */
    set of;
    uint32_t first, last;
    int32_t delta;
} range;

// clang-format off
static const range ranges[] = {
#define X(of, first, last, delta) {of, first, last, delta},
#include "text/older.def"
#undef X
};

// clang-format on

static const range *find(set of, uint32_t code)
{
    size_t low = 0, high = QN_COUNT(ranges);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const range *r = &ranges[middle];
        if (of > r->of || (of == r->of && code > r->last))
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < QN_COUNT(ranges) && ranges[low].of == of && code >= ranges[low].first;
    return found ? &ranges[low] : NULL;
}

static bool has(set of, uint32_t code)
{
    return find(of, code) != NULL;
}

bool qn_older_inert(uint32_t code)
{
    return has(INERT, code);
}

bool qn_older_other(uint32_t code)
{
    return qn_unicode_class(code) & (QN_CC | QN_CF | QN_CO) && !has(OTHER_NOT, code);
}

bool qn_older_mn(uint32_t code)
{
    bool ours = qn_unicode_class(code) & QN_MN;
    return ours ? !has(MN_NOT, code) : has(MN_TOO, code);
}

bool qn_older_mark(uint32_t code)
{
    bool ours = qn_unicode_class(code) & QN_M;
    return ours ? !has(MARK_NOT, code) : has(MARK_TOO, code);
}

bool qn_older_punctuation(uint32_t code)
{
    bool ours = qn_unicode_class(code) & QN_P;
    if (code < 128)
        return ours || qn_unicode_class(code) & QN_S;
    return ours ? !has(PUNCT_NOT, code) : has(PUNCT_TOO, code);
}

bool qn_older_newer(uint32_t code)
{
    return has(NEWER, code);
}

size_t qn_older_lower(uint32_t code, uint32_t out[3])
{
    const range *row = find(LOWER, code);
    if (!row)
        return qn_jcase(code, J_LOWER, out);
    out[0] = (uint32_t)((int32_t)code + row->delta);
    return 1;
}
