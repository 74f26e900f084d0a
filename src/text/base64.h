/* text/base64.h - reads base64 (RFC 4648). */
#pragma once

#include "base/str.h"

/* Writes the bytes of a text, at most 3 for each 4 of it; SIZE_MAX when it is not base64. */
size_t qn_base64_decode(uint8_t *bytes, qn_str text);
