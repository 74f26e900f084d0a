/* base/sha256.h - SHA-256 (FIPS 180-4), by nettle; see docs/adr/003-nettle-for-sha256.md. */
#pragma once

#include "base/types.h"

void qn_sha256(size_t n_bytes, const void *bytes, uint8_t digest[32]);

/* 64 lower-case hexadecimal digits and a zero byte. */
void qn_sha256_hex(size_t n_bytes, const void *bytes, char hex[65]);
