/* text/older.c - our tables less and plus what older.def lists. */
#include "text/older.h"

#include "text/jinja_text.h"
#include "text/unicode.h"

typedef struct range {
    uint32_t first, last;
    int32_t delta;
} range;

// clang-format off
#define ROW(first, last) {first, last, 0},
static const range inert[] = {
#define INERT ROW
#include "text/older.def"
#undef INERT
};
static const range other_not[] = {
#define OTHER_NOT ROW
#include "text/older.def"
#undef OTHER_NOT
};
static const range mn_not[] = {
#define MN_NOT ROW
#include "text/older.def"
#undef MN_NOT
};
static const range mn_too[] = {
#define MN_TOO ROW
#include "text/older.def"
#undef MN_TOO
};
static const range mark_not[] = {
#define MARK_NOT ROW
#include "text/older.def"
#undef MARK_NOT
};
static const range mark_too[] = {
#define MARK_TOO ROW
#include "text/older.def"
#undef MARK_TOO
};
static const range punct_not[] = {
#define PUNCT_NOT ROW
#include "text/older.def"
#undef PUNCT_NOT
};
static const range punct_too[] = {
#define PUNCT_TOO ROW
#include "text/older.def"
#undef PUNCT_TOO
};
static const range newer[] = {
#define NEWER ROW
#include "text/older.def"
#undef NEWER
};
static const range newer_lower[] = {
#define LOWER(first, last, delta) {first, last, delta},
#include "text/older.def"
#undef LOWER
};
// clang-format on

static const range *find(size_t n, const range *rows, uint32_t code)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code > rows[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && code >= rows[low].first ? &rows[low] : NULL;
}

#define HAS(rows, code) (find(QN_COUNT(rows), (rows), (code)) != NULL)

bool qn_older_inert(uint32_t code)
{
    return HAS(inert, code);
}

bool qn_older_other(uint32_t code)
{
    return qn_unicode_class(code) & (QN_CC | QN_CF | QN_CO) && !HAS(other_not, code);
}

bool qn_older_mn(uint32_t code)
{
    bool ours = qn_unicode_class(code) & QN_MN;
    return ours ? !HAS(mn_not, code) : HAS(mn_too, code);
}

bool qn_older_mark(uint32_t code)
{
    bool ours = qn_unicode_class(code) & QN_M;
    return ours ? !HAS(mark_not, code) : HAS(mark_too, code);
}

bool qn_older_punctuation(uint32_t code)
{
    bool ours = qn_unicode_class(code) & QN_P;
    if (code < 128)
        return ours || qn_unicode_class(code) & QN_S;
    return ours ? !HAS(punct_not, code) : HAS(punct_too, code);
}

bool qn_older_newer(uint32_t code)
{
    return HAS(newer, code);
}

size_t qn_older_lower(uint32_t code, uint32_t out[3])
{
    const range *row = find(QN_COUNT(newer_lower), newer_lower, code);
    if (!row)
        return qn_jcase(code, J_LOWER, out);
    out[0] = (uint32_t)((int32_t)code + row->delta);
    return 1;
}
