/* base/str.c - text from outside, made fit for a message. */
#include "base/str.h"

#include "base/utf8.h"

#include <stdio.h>

const char *qn_str_show(char shown[QN_SHOWN], qn_str s)
{
    size_t n = 0, at = 0;
    while (at < s.n_bytes) {
        uint32_t code;
        size_t n_code = qn_utf8_decode(s.n_bytes - at, s.bytes + at, &code);
        bool plain = n_code > 0 && code >= 0x20 && !(code >= 0x7F && code < 0xA0);
        if (n + 4 + sizeof "..." > QN_SHOWN) {
            memcpy(shown + n, "...", 3);
            n += 3;
            break;
        }
        if (plain)
            memcpy(shown + n, s.bytes + at, n_code);
        else
            snprintf(shown + n, 5, "\\x%02X", (unsigned char)s.bytes[at]);
        n += plain ? n_code : 4;
        at += plain ? n_code : 1;
    }
    shown[n] = 0;
    return shown;
}
