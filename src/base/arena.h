/* base/arena.h - one block, laid out twice: first counted, then taken.
 *
 * Run the same lay_out on {.counts_only = true} and then on an arena of that size: plan and
 * allocation cannot disagree. A failed take sticks and is checked once. */
#pragma once

#include "base/status.h"

typedef struct qn_arena {
    uint8_t *bytes; /* NULL while counting */
    size_t n_used, n_bytes;
    bool counts_only, failed;
    bool mapped;   /* bytes come from mmap: zero pages until touched */
    size_t n_skip; /* mapped before bytes, for their alignment */
} qn_arena;

/* A zeroed block of n_bytes, aligned to 64, from anonymous memory that is resident once touched. */
qn_status qn_arena_init(qn_arena *a, size_t n_bytes, qn_error *err);
/* The same in large pages where the system has them; n_bytes a multiple of 2 MiB, aligned to it. */
qn_status qn_arena_init_huge(qn_arena *a, size_t n_bytes, qn_error *err);
void qn_arena_release(qn_arena *a);

/* Asks for large pages, for a block that is about to be filled and read at random: fewer faults. The
 * kernel may decline; nothing beyond the block becomes resident. */
void qn_arena_prefer_large_pages(const qn_arena *a);

/* n things of n_bytes each, aligned to 64; NULL while counting and after a failure. */
void *qn_arena_take(qn_arena *a, size_t n, size_t n_bytes);

#define QN_TAKE(a, pointer, n) ((pointer) = qn_arena_take((a), (n), sizeof *(pointer)))
