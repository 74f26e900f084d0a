/* text/unicode.h - what pre-tokenizers ask about a character, and one strict UTF-8 decoder.
 *
 * Invariant: a class is a set of bits, one per general category, so a pattern's character class is
 * one AND. The tables are Unicode 15.0 (Debian's unicode-data) plus what 15.1 and 16.0 assigned:
 * the version of the Oniguruma in Hugging Face's tokenizers 0.23. */
#pragma once

#include "base/types.h"

// clang-format off
enum { /* general category c is bit c; the order of script/make-unicode-tables */
    QN_CN = 1u << 0,  QN_LU = 1u << 1,  QN_LL = 1u << 2,  QN_LT = 1u << 3,  QN_LM = 1u << 4,
    QN_LO = 1u << 5,  QN_MN = 1u << 6,  QN_MC = 1u << 7,  QN_ME = 1u << 8,  QN_ND = 1u << 9,
    QN_NL = 1u << 10, QN_NO = 1u << 11, QN_PC = 1u << 12, QN_PD = 1u << 13, QN_PS = 1u << 14,
    QN_PE = 1u << 15, QN_PI = 1u << 16, QN_PF = 1u << 17, QN_PO = 1u << 18, QN_SM = 1u << 19,
    QN_SC = 1u << 20, QN_SK = 1u << 21, QN_SO = 1u << 22, QN_ZS = 1u << 23, QN_ZL = 1u << 24,
    QN_ZP = 1u << 25, QN_CC = 1u << 26, QN_CF = 1u << 27, QN_CS = 1u << 28, QN_CO = 1u << 29,
    QN_SPACE = 1u << 30, /* White_Space, \s */
    QN_L = QN_LU | QN_LL | QN_LT | QN_LM | QN_LO,
    QN_M = QN_MN | QN_MC | QN_ME,
    QN_N = QN_ND | QN_NL | QN_NO,
    QN_P = QN_PC | QN_PD | QN_PS | QN_PE | QN_PI | QN_PF | QN_PO,
    QN_S = QN_SM | QN_SC | QN_SK | QN_SO,
};
#define QN_NEWLINE (1u << 31) /* CR or LF */
// clang-format on

typedef struct qn_char {
    uint32_t code;  /* UINT32_MAX for a byte that is not part of a well-formed character */
    uint32_t class; /* the bits above; QN_CN for such a byte */
    size_t n_bytes; /* 1 to 4 */
} qn_char;

extern const uint8_t qn_unicode_block[4352];
extern const uint8_t qn_unicode_category[];
extern const uint32_t qn_unicode_ascii[128];

/* The class of a code point below 0x110000. */
uint32_t qn_unicode_class(uint32_t code);

/* The character at p < end; bytes that are not well-formed UTF-8 count one by one. */
qn_char qn_char_decode(const uint8_t *p, const uint8_t *end);

/* Whether Rust's char::is_numeric holds: \p{N}, and what Unicode 17 added to it. */
bool qn_char_is_numeric(qn_char c);

/* Whether \w of Rust's regex holds: letters, marks, decimal digits, connectors, joiners. */
bool qn_char_is_word(qn_char c);

/* Bytes of the well-formed character at p, 1 for a stray byte, or 0 when the bytes up to end begin
 * a character that is not complete. */
size_t qn_char_complete(const uint8_t *p, const uint8_t *end);

/* Bytes of the broken character at p, which is not well-formed: the longest beginning of one that
 * could have been, at least 1 ("maximal subpart", which one U+FFFD replaces). */
size_t qn_char_broken(const uint8_t *p, const uint8_t *end);

static inline qn_char qn_char_at(const uint8_t *p, const uint8_t *end)
{
    if (*p < 128)
        return (qn_char){*p, qn_unicode_ascii[*p], 1};
    return qn_char_decode(p, end);
}
