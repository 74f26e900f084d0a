/* text/unicode.c - classes from the generated tables; UTF-8 as the Unicode standard's table 3-7. */
#include "text/unicode.h"

// clang-format off
#define CC4 QN_CC, QN_CC, QN_CC, QN_CC
#define LU4 QN_LU, QN_LU, QN_LU, QN_LU
#define LL4 QN_LL, QN_LL, QN_LL, QN_LL
const uint32_t qn_unicode_ascii[128] = {
    CC4, CC4, QN_CC, QN_CC | QN_SPACE, QN_CC | QN_SPACE | QN_NEWLINE, QN_CC | QN_SPACE,
    QN_CC | QN_SPACE, QN_CC | QN_SPACE | QN_NEWLINE, QN_CC, QN_CC, CC4, CC4, CC4, CC4,
    QN_ZS | QN_SPACE, QN_PO, QN_PO, QN_PO, QN_SC, QN_PO, QN_PO, QN_PO,
    QN_PS, QN_PE, QN_PO, QN_SM, QN_PO, QN_PD, QN_PO, QN_PO,
    QN_ND, QN_ND, QN_ND, QN_ND, QN_ND, QN_ND, QN_ND, QN_ND, QN_ND, QN_ND,
    QN_PO, QN_PO, QN_SM, QN_SM, QN_SM, QN_PO, QN_PO,
    LU4, LU4, LU4, LU4, LU4, LU4, QN_LU, QN_LU,
    QN_PS, QN_PO, QN_PE, QN_SK, QN_PC, QN_SK,
    LL4, LL4, LL4, LL4, LL4, LL4, QN_LL, QN_LL,
    QN_PS, QN_SM, QN_PE, QN_SM, QN_CC,
};
// clang-format on

uint32_t qn_unicode_class(uint32_t code)
{
    uint32_t class = 1u << qn_unicode_category[qn_unicode_block[code >> 8] * 256 + (code & 255)];
    bool control = (code >= 9 && code <= 13) || code == 0x85; /* the White_Space outside Z */
    if (control || (class & (QN_ZS | QN_ZL | QN_ZP)))
        class |= QN_SPACE;
    return code == '\n' || code == '\r' ? class | QN_NEWLINE : class;
}

/* The bytes that the lead byte asks for, or 0; the second byte must lie in [*least, *most]. */
static size_t expected(uint8_t lead, uint8_t *least, uint8_t *most)
{
    *least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    *most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (lead < 0x80)
        return 1;
    return lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
}

size_t qn_char_complete(const uint8_t *p, const uint8_t *end)
{
    uint8_t least, most;
    size_t n = expected(*p, &least, &most), left = (size_t)(end - p);
    for (size_t i = 1; i < n; i++) {
        if (i == left)
            return 0;
        if (p[i] < least || p[i] > most)
            return 1;
        least = 0x80, most = 0xBF;
    }
    return n ? n : 1;
}

size_t qn_char_broken(const uint8_t *p, const uint8_t *end)
{
    uint8_t least, most;
    size_t n = expected(*p, &least, &most), i = 1;
    for (; i < n && p + i < end && p[i] >= least && p[i] <= most; i++)
        least = 0x80, most = 0xBF;
    return i;
}

qn_char qn_char_decode(const uint8_t *p, const uint8_t *end)
{
    size_t n = qn_char_complete(p, end);
    if (n == 1 && *p < 0x80)
        return (qn_char){*p, qn_unicode_ascii[*p], 1};
    if (n < 2)
        return (qn_char){UINT32_MAX, QN_CN, 1};
    uint32_t code = *p & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++)
        code = code << 6 | (p[i] & 0x3F);
    return (qn_char){code, qn_unicode_class(code), n};
}

bool qn_char_is_numeric(qn_char c)
{
    bool newer =
        (c.code >= 0x11DE0 && c.code <= 0x11DE9) || (c.code >= 0x16FF4 && c.code <= 0x16FF6);
    return c.class & QN_N || newer;
}

bool qn_char_is_word(qn_char c)
{
    if (c.class & (QN_L | QN_M | QN_ND | QN_NL | QN_PC))
        return true;
    bool circled =
        (c.code >= 0x24B6 && c.code <= 0x24E9) || (c.code >= 0x1F130 && c.code <= 0x1F149) ||
        (c.code >= 0x1F150 && c.code <= 0x1F169) || (c.code >= 0x1F170 && c.code <= 0x1F189);
    return circled || c.code == 0x200C || c.code == 0x200D;
}
