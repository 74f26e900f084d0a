/* text/bytes.c - bytes to the characters that spell them, and back. */
#include "text/bytes.h"

int qn_byte_of(uint32_t code)
{
    if ((code >= 33 && code <= 126) || (code >= 161 && code <= 172) || (code >= 174 && code <= 255))
        return (int)code;
    if (code < 0x100 || code > 0x143)
        return -1;
    uint32_t k = code - 0x100; /* the k-th byte that does not stand for itself */
    return (int)(k < 33 ? k : k < 67 ? k + 127 - 33 : 173);
}

static uint32_t code_of(uint8_t b)
{
    if (qn_byte_of(b) == b)
        return b;
    return 0x100u + (b < 33 ? b : b < 173 ? b - 127u + 33u : 67u);
}

void qn_bytes_spell(qn_buf *out, size_t n, const uint8_t *bytes)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t code = code_of(bytes[i]);
        if (code >= 0x80)
            qn_buf_byte(out, (char)(0xC0 | code >> 6));
        qn_buf_byte(out, (char)(code < 0x80 ? code : 0x80 | (code & 63)));
    }
}

/* The code point of one or two bytes at text[*at], moving it; UINT32_MAX: of more, or none. */
static uint32_t next(size_t n, const uint8_t *text, size_t *at)
{
    uint32_t code = text[(*at)++];
    if (code < 0x80)
        return code;
    if (code < 0xC2 || code > 0xC5 || *at == n || (text[*at] & 0xC0) != 0x80)
        return UINT32_MAX;
    return (code & 31) << 6 | (text[(*at)++] & 63u);
}

/* What the two bytes of a character spell, or -1: qn_byte_of of
 * each code point from 0x80 to 0x17F, without asking what it is. */
static inline int spelled(uint8_t lead, uint8_t rest)
{
    unsigned low = rest & 63;
    if ((rest & 0xC0) != 0x80)
        return -1;
    switch (lead) {
    case 0xC2: return low > 32 && low != 45 ? rest : -1;
    case 0xC3: return rest | 0xC0;
    case 0xC4: return (int)(low < 33 ? low : low + 94);
    case 0xC5: return low < 3 ? (int)low + 158 : low == 3 ? 173 : -1;
    default: return -1;
    }
}

size_t qn_bytes_decode(uint8_t *bytes, size_t n, const uint8_t *text)
{
    size_t n_bytes = 0;
    for (size_t at = 0; at < n; n_bytes++) {
        if (text[at] > 32 && text[at] < 127) {
            bytes[n_bytes] = text[at++];
            continue;
        }
        int byte = n - at > 1 ? spelled(text[at], text[at + 1]) : -1;
        if (byte < 0)
            return SIZE_MAX;
        bytes[n_bytes] = (uint8_t)byte;
        at += 2;
    }
    return n_bytes;
}

void qn_bytes_read(qn_buf *out, size_t n, const uint8_t *text)
{
    for (size_t at = 0; at < n;) {
        size_t from = at;
        uint32_t code = next(n, text, &at);
        int byte = code == UINT32_MAX ? -1 : qn_byte_of(code);
        if (byte >= 0)
            qn_buf_byte(out, (char)byte);
        else
            qn_buf_append(out, at - from, text + from);
    }
}
