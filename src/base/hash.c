/* base/hash.c - SipHash with one round per word and three at the end. */
#include "base/hash.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>

static inline uint64_t rotate(uint64_t v, int n)
{
    return v << n | v >> (64 - n);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32) + v[3];
    v[2] += v[1];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static inline uint64_t word(const uint8_t *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    return w;
}

uint64_t qn_hash_keyed(const uint64_t key[2], size_t n_bytes, const void *bytes)
{
    const uint8_t *p = bytes;
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
                     key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};
    uint8_t last[8] = {0};
    for (size_t left = n_bytes; left >= 8; left -= 8, p += 8) {
        v[3] ^= word(p);
        sip_round(v);
        v[0] ^= word(p);
    }
    for (size_t i = 0; i < n_bytes % 8; i++)
        last[i] = p[i];
    last[7] = (uint8_t)n_bytes;
    v[3] ^= word(last);
    sip_round(v);
    v[0] ^= word(last);
    v[2] ^= 0xFF;
    for (size_t i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The kernel's 16 random bytes, new for each process. Threads that race here store the same. */
static void process_key(uint64_t key[2])
{
    static _Atomic uint64_t known[2];
    key[0] = atomic_load_explicit(&known[0], memory_order_acquire);
    key[1] = atomic_load_explicit(&known[1], memory_order_relaxed);
    unsigned long at = key[0] ? 0 : getauxval(AT_RANDOM);
    const void *random;
    if (!at)
        return;
    memcpy(&random, &at, sizeof random);
    memcpy(key, random, 2 * sizeof key[0]);
    atomic_store_explicit(&known[1], key[1], memory_order_relaxed);
    atomic_store_explicit(&known[0], key[0], memory_order_release);
}

uint64_t qn_hash(size_t n_bytes, const void *bytes)
{
    uint64_t key[2];
    process_key(key);
    return qn_hash_keyed(key, n_bytes, bytes);
}
