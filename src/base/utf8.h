/* base/utf8.h - well-formed UTF-8 (Unicode 15, table 3-7): no surrogates, no overlong forms. */
#pragma once

#include "base/types.h"

/* The length (1 to 4) of the well-formed sequence that n_bytes begin with, and its code point; 0
 * (and code U+FFFD) when they begin with none, also when it is cut short. */
size_t qn_utf8_decode(size_t n_bytes, const char *bytes, uint32_t *code);

/* Writes a code point; returns its length, or 0 for a surrogate or one above U+10FFFF. */
size_t qn_utf8_encode(uint32_t code, char out[4]);

/* How many of n_bytes, from the start, are well-formed: n_bytes when all are. */
size_t qn_utf8_valid(size_t n_bytes, const char *bytes);
