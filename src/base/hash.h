/* base/hash.h - hashes for tables whose keys come from outside: SipHash-1-3 (Aumasson, Bernstein).
 *
 * Keyed at random once per process, so that nobody can prepare keys that collide. The value must
 * not decide an order that anyone sees, nor leave the process. */
#pragma once

#include "base/types.h"

uint64_t qn_hash(size_t n_bytes, const void *bytes);

/* With the caller's key: the same in every process. */
uint64_t qn_hash_keyed(const uint64_t key[2], size_t n_bytes, const void *bytes);
