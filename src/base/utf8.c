/* base/utf8.c - decoding, encoding and checking UTF-8. */
#include "base/utf8.h"

#include <string.h>

/* By lead byte: length, bits of the lead, and the range of the second byte. */
typedef struct form {
    uint8_t first, last, n, mask, low, high;
} form;

// clang-format off
static const form forms[] = {
    {0xC2, 0xDF, 2, 0x1F, 0x80, 0xBF}, {0xE0, 0xE0, 3, 0x0F, 0xA0, 0xBF},
    {0xE1, 0xEC, 3, 0x0F, 0x80, 0xBF}, {0xED, 0xED, 3, 0x0F, 0x80, 0x9F},
    {0xEE, 0xEF, 3, 0x0F, 0x80, 0xBF}, {0xF0, 0xF0, 4, 0x07, 0x90, 0xBF},
    {0xF1, 0xF3, 4, 0x07, 0x80, 0xBF}, {0xF4, 0xF4, 4, 0x07, 0x80, 0x8F},
};
// clang-format on

static size_t decode_long(const form *f, size_t n_bytes, const uint8_t *p, uint32_t *code)
{
    if (n_bytes < f->n || p[1] < f->low || p[1] > f->high)
        return 0;
    uint32_t c = p[0] & f->mask;
    for (size_t i = 1; i < f->n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3F);
    }
    *code = c;
    return f->n;
}

size_t qn_utf8_decode(size_t n_bytes, const char *bytes, uint32_t *code)
{
    const uint8_t *p = (const uint8_t *)bytes;
    *code = 0xFFFD;
    if (n_bytes == 0)
        return 0;
    if (p[0] < 0x80) {
        *code = p[0];
        return 1;
    }
    for (size_t i = 0; i < QN_COUNT(forms); i++)
        if (p[0] >= forms[i].first && p[0] <= forms[i].last)
            return decode_long(&forms[i], n_bytes, p, code);
    return 0;
}

size_t qn_utf8_encode(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        return 0;
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)(lead[n] | code);
    return n;
}

size_t qn_utf8_valid(size_t n_bytes, const char *bytes)
{
    size_t at = 0;
    while (at < n_bytes) {
        uint64_t eight;
        uint32_t code;
        if (n_bytes - at >= 8) {
            memcpy(&eight, bytes + at, 8);
            if (!(eight & 0x8080808080808080u)) {
                at += 8;
                continue;
            }
        }
        size_t n = qn_utf8_decode(n_bytes - at, bytes + at, &code);
        if (n == 0)
            return at;
        at += n;
    }
    return at;
}
