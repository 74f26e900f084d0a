/* kernel/attend_block.avx2.h - what attention on lanes works on: a block of tile rows of a job. */
#pragma once

#include "kernel/attend_rows.h"
#include "kernel/ints.avx2.h"
#include "kernel/math.avx2.h"

#include <math.h>
#include <string.h>

#ifdef __AVX512F__
enum {
    TILE_LANES = 4,
    TILE_QUERIES = QN_ATTEND_TILE
}; /* 24 sums, 4 vectors, a broadcast or two: of 32 */
#else
enum { TILE_LANES = 1, TILE_QUERIES = QN_ATTEND_TILE }; /* 12, 2, 1: of 16 */
#endif
enum { IN_PLACE_ROWS = 12 }; /* at most, of a block that reads pages as they are stored */

typedef struct slots { /* that a row sees of a page; first > last: none */
    int32_t first, last;
} slots;

typedef struct block { /* n tile rows of each of n_heads kv heads, from t0 on, and where they work
                        */
    const qn_attend_job *job;
    size_t head_first, n_heads;     /* they go through each page in turn; n_heads * n is at most
                                       QN_ATTEND_BLOCK */
    size_t head;                    /* the one at hand, whose q, act, bias and parts stand below */
    size_t t0, n, n_tiles, n_tile;  /* n_tile rows to a tile, fewer in the last */
    uint32_t page_first, page_last; /* that a row sees */
    uint32_t low_of_last;           /* the lowest position that the last row sees */
    bool in_place; /* few rows: read pages as stored where they can be, and ask ahead */
    float *q;      /* float keys: tiles [k_dim][n_tile] */
    void *page;    /* keys, then values, decoded for many rows */
    float *p;      /* [n][64]: scores, then probabilities */
    float *c, *b;  /* [n]: what earlier sums, and the page's, are multiplied by */
    slots *seen;   /* [n]; all of the page when whole */
    bool whole;
    const uint8_t *rest; /* lines of the next page that are not yet fetched */
    size_t n_rest;
    uint32_t *position; /* [n] */
    float *parts;       /* [n] parts */
    float *scale;       /* [groups][64] of quantized keys; of values, in units of the largest */
    float *most;        /* [groups]: that unit */
    float *unit;        /* [TILE_QUERIES][groups]: what integer weights of values count in */
    int16_t *u;         /* [TILE_QUERIES][groups][64]: these weights */
    uint8_t *act;       /* [n]: the queries as qn_act, where keys are quantized */
    int32_t *bias;      /* [n][groups]: where integer sums of keys begin */
    float *padded;      /* one query */
} block;

// clang-format off
#ifdef QN_ONE_LOOP
#define WITH_ROWS(n_rows, f, ...) { f(n_rows, __VA_ARGS__); }
#else
/* Calls f(constant rows, ...) so that tiles unroll. */
#define WITH_ROWS(n_rows, f, ...) \
    switch (n_rows) { \
    case 1: f(1, __VA_ARGS__); break; \
    case 2: f(2, __VA_ARGS__); break; \
    case 3: f(3, __VA_ARGS__); break; \
    case 4: f(4, __VA_ARGS__); break; \
    case 5: f(5, __VA_ARGS__); break; \
    default: f(6, __VA_ARGS__); \
    }
#endif
// clang-format on

/* Brings 32 n_lanes bytes near that will be read soon. */
LANES_INLINE void fetch(const uint8_t *next, size_t n_lanes)
{
    for (size_t line = 0; line < (n_lanes + 1) / 2; line++)
        _mm_prefetch((const char *)next + 64 * line, _MM_HINT_T0);
}

static const uint8_t *keys_of(const block *b, uint32_t page)
{
    return qn_attend_keys(b->job, b->head, page);
}

static const uint8_t *values_of(const block *b, uint32_t page)
{
    return qn_attend_values(b->job, b->head, page);
}

typedef struct place { /* of keys and values */
    size_t head;
    uint32_t page;
} place;

/* What comes after the head at hand in a page: the next head, or the first in the next page. */
static place next_place(const block *b, uint32_t page)
{
    if (b->head + 1 < b->head_first + b->n_heads)
        return (place){b->head + 1, page};
    return (place){b->head_first, QN_MIN(page + 1, b->page_last)};
}

static const uint8_t *next_keys(const block *b, uint32_t page)
{
    place next = next_place(b, page);
    return qn_attend_keys(b->job, next.head, next.page);
}

static const uint8_t *next_values(const block *b, uint32_t page)
{
    place next = next_place(b, page);
    return qn_attend_values(b->job, next.head, next.page);
}

/* Makes `head` the one at hand. */
static void turn_to(block *b, size_t head)
{
    const qn_attend_job *job = b->job;
    if (head == b->head)
        return;
    ptrdiff_t rows = ((ptrdiff_t)head - (ptrdiff_t)b->head) * (ptrdiff_t)b->n;
    b->head = head;
    b->q += rows * (ptrdiff_t)job->k_dim;
    b->act += rows * (ptrdiff_t)qn_attend_act_bytes(job->k_dim);
    b->bias += rows * (ptrdiff_t)qn_kv_groups(job->k_dim);
    b->parts += rows * (ptrdiff_t)qn_attend_part_floats(job->v_dim);
}

typedef struct span { /* slots some row sees, and among them those that all see */
    int32_t first, all_first, all_last, last;
} span;

/* Where the rows of a tile begin and end to agree. */
static span span_of(size_t n_rows, const slots *seen)
{
    span j = {QN_PAGE_TOKENS, 0, QN_PAGE_TOKENS - 1, -1};
    for (size_t r = 0; r < n_rows; r++) {
        j.all_first = QN_MAX(j.all_first, seen[r].first);
        j.all_last = QN_MIN(j.all_last, seen[r].last);
        if (seen[r].first <= seen[r].last) {
            j.first = QN_MIN(j.first, seen[r].first);
            j.last = QN_MAX(j.last, seen[r].last);
        }
    }
    j.all_first = QN_MIN(j.all_first, j.last + 1);
    return j;
}

LANES_INLINE void mask_scores(slots seen, lanes s[4], lanes hidden)
{
    uint64_t bits = UINT64_MAX >> (63 - seen.last) & UINT64_MAX << seen.first;
    for (size_t i = 0; i < 4; i++)
        s[i] = lanes_select(lanes_mask_of((uint32_t)(bits >> 16 * i) & 0xffff), s[i], hidden);
}
