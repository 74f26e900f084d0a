/* tests/support/stream.h - which bytes of a stream may still become a character, told by trying. */
#pragma once

#include <string.h>

#include "base/utf8.h"

/* Whether n bytes, 1 to 3, begin a character without being one: some bytes behind make it one. */
static inline bool qn_test_begins(size_t n, const char *bytes)
{
    static const char next[] = "\x80\x90\xA0\xBF";
    char whole[4];
    uint32_t code;
    memcpy(whole, bytes, n);
    if (qn_utf8_decode(n, bytes, &code))
        return false;
    for (unsigned tail = 0; tail < 64; tail++) {
        for (size_t i = n; i < 4; i++)
            whole[i] = next[tail >> 2 * (i - n) & 3];
        if (qn_utf8_decode(4, whole, &code) > n)
            return true;
    }
    return false;
}

/* Of what was emitted and what is held behind it: the bytes at the end that begin a character. */
static inline size_t qn_test_begun(size_t n_out, const char *out, size_t n_held,
                                   const uint8_t *held)
{
    char all[8];
    size_t n_last = QN_MIN(n_out, (size_t)3), n_all = n_last + n_held, n_begun = 0;
    if (n_held > 3)
        return SIZE_MAX;
    if (n_last)
        memcpy(all, out + n_out - n_last, n_last);
    memcpy(all + n_last, held, n_held);
    for (size_t n = 1; n <= 3 && n <= n_all; n++)
        if (qn_test_begins(n, all + n_all - n))
            n_begun = n;
    return n_begun;
}
