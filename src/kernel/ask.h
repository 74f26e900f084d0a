/* kernel/ask.h - requests to memory, for code that reads it once from front to back.
 *
 * One request for each line 8 KiB ahead of its use, and one for each page 32 KiB ahead, so that the
 * page's translation is there when the lines are asked for. Found by measurement:
 * docs/speed/013-one-row.md. What lies ahead is never read, so it may lie beyond the end. */
#pragma once

#include "base/types.h"

enum {
    QN_ASK_AHEAD = 8192,
    QN_ASK_TRANSLATION_AHEAD = 32768,
};

/* Asks for the lines that come after the n_bytes (a constant, at most 576) at `at`, which are read
 * now. */
static inline __attribute__((always_inline)) void qn_ask_lines(const uint8_t *at, size_t n_bytes,
                                                               size_t n_ahead)
{
    QN_UNROLL(9)
    for (size_t i = 0; i < n_bytes; i += 64)
        __builtin_prefetch(at + n_ahead + i, 0, 3);
}

/* The same where pages may be small. */
static inline __attribute__((always_inline)) void qn_ask_ahead(const uint8_t *at, size_t n_bytes,
                                                               size_t n_ahead)
{
    if (((uintptr_t)at & 4095) < n_bytes)
        __builtin_prefetch(at + QN_ASK_TRANSLATION_AHEAD, 0, 2);
    qn_ask_lines(at, n_bytes, n_ahead);
}

/* Asks for the first bytes of what is read next, which nothing before them asks for. */
static inline void qn_ask_first(const uint8_t *at, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes && i < QN_ASK_AHEAD; i += 64)
        __builtin_prefetch(at + i, 0, 3);
}
