/* text/base64.c - base64 with or without its padding, strictly. */
#include "text/base64.h"

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

size_t qn_base64_decode(uint8_t *bytes, qn_str text)
{
    size_t n = text.n_bytes, n_bytes = 0;
    uint32_t bits = 0;
    for (size_t i = 0; i < 2 && n && text.bytes[n - 1] == '='; i++)
        n--;
    if (n % 4 == 1)
        return SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        int value = value_of(text.bytes[i]);
        if (value < 0)
            return SIZE_MAX;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4)
            bytes[n_bytes++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    return n_bytes;
}
