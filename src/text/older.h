/* text/older.h - what the older Unicode tables inside Hugging Face's tokenizers say, and its lower
 * case, which is newer. Source: every code point, asked by tests/oracles/older_unicode.py. */
#pragma once

#include "base/types.h"

bool qn_older_inert(uint32_t code); /* later than Unicode 9: normalization leaves it alone */
bool qn_older_other(uint32_t code); /* Bert: control, format, private use */
bool qn_older_mn(uint32_t code);    /* Bert: nonspacing marks */
bool qn_older_mark(uint32_t code);  /* all marks */
bool qn_older_punctuation(uint32_t code);
bool qn_older_newer(uint32_t code); /* not older: assigned after PCRE2's Unicode 14 */

/* The lower case of one character: up to three code points; returns how many. */
size_t qn_older_lower(uint32_t code, uint32_t out[3]);
