/* base/sha256.c - nettle's SHA-256 in one call. */
#include "base/sha256.h"

#include <nettle/sha2.h>

void qn_sha256(size_t n_bytes, const void *bytes, uint8_t digest[32])
{
    struct sha256_ctx c;
    sha256_init(&c);
    sha256_update(&c, n_bytes, bytes);
    sha256_digest(&c, SHA256_DIGEST_SIZE, digest);
}

void qn_sha256_hex(size_t n_bytes, const void *bytes, char hex[65])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[32];
    qn_sha256(n_bytes, bytes, digest);
    for (size_t i = 0; i < 32; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[64] = 0;
}
