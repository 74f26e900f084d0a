/* text/bytes.h - the characters that byte-level vocabularies spell bytes with: byte b is the
 * character of the same number for 33 to 126, 161 to 172 and 174 to 255, else the next one from
 * U+0100 on. Source: the GPT-2 release. */
#pragma once

#include "base/buf.h"

/* The byte that is spelled as this code point, or -1. */
int qn_byte_of(uint32_t code);

/* Appends n bytes as the characters that spell them. */
void qn_bytes_spell(qn_buf *out, size_t n, const uint8_t *bytes);

/* The reverse into bytes, at most n of them; SIZE_MAX where a character spells no byte. */
size_t qn_bytes_decode(uint8_t *bytes, size_t n, const uint8_t *text);

/* Appends what a text of such characters spells; one that spells no byte stays. */
void qn_bytes_read(qn_buf *out, size_t n, const uint8_t *text);
