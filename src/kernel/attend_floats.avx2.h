/* kernel/attend_floats.avx2.h - float pages: scores, and sums of values, in tiles of registers.
 *
 * Many rows read decoded pages, few read F16 in place. A tile is TILE_QUERIES rows by TILE_LANES
 * vectors of keys (then of output dims): one broadcast feeds TILE_LANES operations, one vector
 * TILE_QUERIES. */
#pragma once

#include "kernel/attend_operands.avx2.h"

#ifdef __AVX512BF16__

enum {
    MOST_TILE_QUERIES = 8
}; /* few rows in place, with half as many vectors: pairs are made once */

// clang-format off
/* Calls f(constant rows, ...) for more than TILE_QUERIES. */
#ifdef QN_ONE_LOOP
#define WITH_MORE_ROWS(n_rows, f, ...) { f(n_rows, __VA_ARGS__); }
#else
#define WITH_MORE_ROWS(n_rows, f, ...) \
    { if ((n_rows) == 7) f(7, __VA_ARGS__); else f(8, __VA_ARGS__); }
#endif
// clang-format on

/* The operands of row t's query; some of four that room is for. */
static const float *query_of(const block *b, size_t t, size_t some)
{
    float *to = (float *)b->page + some * qn_attend_pad(b->job->k_dim);
    put_pairs(to, b->job->k_dim, qn_attend_q(b->job, b->head, t));
    return to;
}

#else

enum { MOST_TILE_QUERIES = TILE_QUERIES };
#define WITH_MORE_ROWS(n_rows, f, ...)                                                             \
    {                                                                                              \
    }

static const float *query_of(const block *b, size_t t, size_t some)
{
    (void)some;
    return qn_attend_q(b->job, b->head, t);
}

#endif

/* --- queries --- */

static size_t steps_of(size_t n)
{
    return (n + STEP - 1) / STEP;
}

/* 4 rows of n operands into 4 columns of [n][n_rows]. */
static void pack_4_rows(float *to, size_t n_rows, size_t n, const float *const from[4])
{
    size_t i = 0;
    for (; i + 4 <= n; i += 4, to += 4 * n_rows) {
        __m128 a = _mm_loadu_ps(from[0] + i), b = _mm_loadu_ps(from[1] + i);
        __m128 c = _mm_loadu_ps(from[2] + i), e = _mm_loadu_ps(from[3] + i);
        _MM_TRANSPOSE4_PS(a, b, c, e);
        _mm_storeu_ps(to, a);
        _mm_storeu_ps(to + n_rows, b);
        _mm_storeu_ps(to + 2 * n_rows, c);
        _mm_storeu_ps(to + 3 * n_rows, e);
    }
    for (; i < n; i++, to += n_rows)
        for (size_t r = 0; r < 4; r++)
            memcpy(to + r, from[r] + i, sizeof *to);
}

static void pack_tile(const block *b, size_t t, size_t n_rows, float *to)
{
    size_t r = 0, n = steps_of(b->job->k_dim);
    for (; r + 4 <= n_rows; r += 4) {
        const float *from[4];
        for (size_t i = 0; i < 4; i++)
            from[i] = query_of(b, t + r + i, i);
        pack_4_rows(to + r, n_rows, n, from);
    }
    for (; r < n_rows; r++) {
        const float *from = query_of(b, t + r, 0);
        for (size_t i = 0; i < n; i++)
            memcpy(to + i * n_rows + r, from + i, sizeof *to);
    }
}

static void pack_q(const block *b)
{
    for (size_t i = 0; i < b->n; i += b->n_tile)
        pack_tile(b, b->t0 + i, QN_MIN(b->n_tile, b->n - i), b->q + i * b->job->k_dim);
}

/* --- what is read ahead --- */

typedef struct ahead { /* what is fetched meanwhile: step bytes with each vector of a tile */
    const uint8_t *next;
    size_t step;
} ahead;

/* Tile i of n_tiles fetches its part of the bytes at `from`, as many as 64 vectors of dim F16 have.
 * So requests come evenly, and each line is asked for once. */
static ahead ahead_of(const uint8_t *from, size_t dim, size_t i, size_t n_tiles)
{
    return (ahead){from + 2 * dim * QN_PAGE_TOKENS / n_tiles * i, 2 * QN_PAGE_TOKENS / n_tiles};
}

/* The share of a fetch of dims, or positions, i to i + STEP - 1, of a tile that is n_lanes wide:
 * two lines at most each. */
LANES_INLINE void fetch_share(const ahead *a, size_t n_lanes, size_t i)
{
    size_t step = a->step * n_lanes / 4;
    QN_UNROLL(2)
    for (size_t end = i + STEP; i < end; i++) {
        _mm_prefetch((const char *)a->next + i * step, _MM_HINT_T0);
        if (n_lanes > 2)
            _mm_prefetch((const char *)a->next + i * step + step / 2, _MM_HINT_T0);
    }
}

/* --- scores --- */

/* The operands of 16 keys, or dims, from value i on: of pages as stored, whose values of the next
 * dim, or position, are `apart` behind; else of decoded ones, where i counts operands. */
LANES_INLINE operands load_page(bool is_stored, const void *page, size_t i, size_t apart)
{
    if (!is_stored)
        return operands_load((const float *)page + i);
    lanes a = load_kv(QN_KV_F16, page, i);
    return operands_of(a, STEP == 1 ? a : load_kv(QN_KV_F16, page, i + apart));
}

/* p[r][0 .. 16 n_lanes) = products of the n_rows queries with n steps of the keys at k. */
LANES_INLINE void score_tile(size_t n_rows, size_t n_lanes, bool is_stored, size_t n,
                             const float *q, const void *k, const ahead *a, float *p)
{
    const size_t n_values = QN_PAGE_TOKENS * (is_stored ? STEP : 1);
    lanes s[MOST_TILE_QUERIES][TILE_LANES];
    QN_UNROLL(8)
    for (size_t r = 0; r < n_rows; r++) {
        QN_UNROLL(4)
        for (size_t i = 0; i < n_lanes; i++)
            s[r][i] = lanes_set(0);
    }
    for (size_t d = 0; d < n; d++, q += n_rows) {
        operands key[TILE_LANES];
        QN_UNROLL(4)
        for (size_t i = 0; i < n_lanes; i++)
            key[i] = load_page(is_stored, k, d * n_values + 16 * i, QN_PAGE_TOKENS);
        if (is_stored)
            fetch_share(a, n_lanes, d * STEP);
        QN_UNROLL(8)
        for (size_t r = 0; r < n_rows; r++) {
            operands x = operands_set(q + r);
            QN_UNROLL(4)
            for (size_t i = 0; i < n_lanes; i++)
                s[r][i] = add_products(s[r][i], x, key[i]);
        }
    }
    QN_UNROLL(8)
    for (size_t r = 0; r < n_rows; r++) {
        QN_UNROLL(4)
        for (size_t i = 0; i < n_lanes; i++)
            lanes_store(p + r * QN_PAGE_TOKENS + 16 * i, s[r][i]);
    }
}

/* The keys that some row of a tile sees, as far as pairs of vectors go. */
static void score_decoded(size_t n_rows, span j, size_t k_dim, const float *q, const float *k,
                          float *p)
{
    size_t i = (size_t)j.first / 32 * 32, end = (size_t)j.last / 32 * 32 + 32, n = steps_of(k_dim);
#ifdef __AVX512F__
    if (i == 0 && end == QN_PAGE_TOKENS)
        WITH_ROWS(n_rows, score_tile, 4, false, n, q, k, NULL, p)
    else
        WITH_ROWS(n_rows, score_tile, 2, false, n, q, k + i, NULL, p + i)
#else
    for (; i < end; i += 16)
        WITH_ROWS(n_rows, score_tile, 1, false, n, q, k + i, NULL, p + i)
#endif
}

static void score_stored(size_t n_rows, size_t k_dim, const float *q, const uint16_t *k, ahead a,
                         float *p)
{
    const size_t n_lanes = n_rows > TILE_QUERIES ? TILE_LANES / 2 : TILE_LANES, n = steps_of(k_dim);
    size_t n_bytes = a.step * n_lanes / 4 * k_dim;
    for (size_t i = 0; i < QN_PAGE_TOKENS; i += 16 * n_lanes, a.next += n_bytes)
        if (n_rows > TILE_QUERIES)
            WITH_MORE_ROWS(n_rows, score_tile, TILE_LANES / 2, true, n, q, k + i, &a, p + i)
        else
            WITH_ROWS(n_rows, score_tile, TILE_LANES, true, n, q, k + i, &a, p + i)
}

static bool keys_in_place(const block *b)
{
    return b->in_place && b->job->k_type == QN_KV_F16 && b->job->k_dim % STEP == 0;
}

static bool values_in_place(const block *b)
{
    return b->in_place && b->job->v_type == QN_KV_F16 && b->job->v_dim % 16 == 0;
}

/* Rows of a tile. */
static size_t float_tile_rows(const block *b)
{
    bool fits = keys_in_place(b) && values_in_place(b) && b->n <= MOST_TILE_QUERIES;
    size_t n_tiles = fits ? 1 : (b->n + TILE_QUERIES - 1) / TILE_QUERIES;
    return (b->n + n_tiles - 1) / n_tiles;
}

static void float_scores(const block *b, uint32_t page)
{
    size_t k_dim = b->job->k_dim;
    const float *k = keys_in_place(b) ? NULL : decode_keys(b, page);
    for (size_t i = 0; i < b->n; i += b->n_tile) {
        size_t n_rows = QN_MIN(b->n_tile, b->n - i);
        const float *q = b->q + i * k_dim;
        float *p = b->p + i * QN_PAGE_TOKENS;
        span j = span_of(n_rows, b->seen + i);
        if (j.first > j.last)
            continue;
        if (!k)
            score_stored(n_rows, k_dim, q, (const uint16_t *)(const void *)keys_of(b, page),
                         ahead_of(values_of(b, page), k_dim, i / b->n_tile, b->n_tiles), p);
        else
            score_decoded(n_rows, j, k_dim, q, k, p);
    }
}

/* --- sums of values --- */

typedef struct value_job { /* acc[r][0 .. 16 n_lanes) = acc * c[r] + p[r] v, from dims on of v */
    float *acc;            /* row r at r * n_part */
    const float *p, *c;    /* operands of row r at r * 64; at r */
    const slots *seen;     /* at r */
    span j;                /* of the tile's rows */
    const void *v;         /* step j at j * v_stride values, or operands */
    ahead ahead;
    size_t n_part, v_stride, v_dim, dim;
} value_job;

/* The step from slot j on, at the edge, which only some rows see, or see in part. */
LANES_INLINE void add_edge(size_t n_rows, size_t n_lanes, bool is_stored,
                           lanes a[MOST_TILE_QUERIES][TILE_LANES], const value_job *w, int32_t j)
{
    const size_t at = (size_t)j / STEP * w->v_stride + w->dim;
    QN_UNROLL(8)
    for (size_t r = 0; r < n_rows; r++) {
        if (j + STEP - 1 < w->seen[r].first || j > w->seen[r].last)
            continue;
        operands x = operands_set(w->p + r * QN_PAGE_TOKENS + (size_t)j / STEP);
        QN_UNROLL(4)
        for (size_t i = 0; i < n_lanes; i++) {
            operands v = load_page(is_stored, w->v, at + 16 * i, w->v_dim);
            a[r][i] = add_products(a[r][i], x, operands_seen(v, w->seen[r], j));
        }
    }
}

/* The steps from slot `first` to slot `last`, which all rows see. */
LANES_INLINE void add_slots(size_t n_rows, size_t n_lanes, bool is_stored,
                            lanes a[MOST_TILE_QUERIES][TILE_LANES], const value_job *w,
                            int32_t first, int32_t last)
{
    const float *p = w->p + first / STEP;
    size_t v_stride = w->v_stride, at = (size_t)first / STEP * v_stride + w->dim;
    const void *page = w->v;
    for (int32_t j = first; j < last; j += STEP, p++, at += v_stride) {
        operands v[TILE_LANES];
        QN_UNROLL(4)
        for (size_t i = 0; i < n_lanes; i++)
            v[i] = load_page(is_stored, page, at + 16 * i, w->v_dim);
        if (is_stored)
            fetch_share(&w->ahead, n_lanes, (size_t)(j - first));
        QN_UNROLL(8)
        for (size_t r = 0; r < n_rows; r++) {
            operands x = operands_set(p + r * QN_PAGE_TOKENS);
            QN_UNROLL(4)
            for (size_t i = 0; i < n_lanes; i++)
                a[r][i] = add_products(a[r][i], x, v[i]);
        }
    }
}

LANES_INLINE void value_tile(size_t n_rows, size_t n_lanes, bool is_stored, const value_job *w)
{
    /* slots from `whole` to before `rest` are in steps that all rows see */
    int32_t whole = (w->j.all_first + STEP - 1) / STEP * STEP;
    int32_t rest = QN_MAX((w->j.all_last + 1) / STEP * STEP, whole);
    lanes a[MOST_TILE_QUERIES][TILE_LANES];
    QN_UNROLL(8)
    for (size_t r = 0; r < n_rows; r++) {
        QN_UNROLL(4)
        for (size_t i = 0; i < n_lanes; i++)
            a[r][i] = lanes_mul(lanes_load(w->acc + r * w->n_part + 16 * i), lanes_set(w->c[r]));
    }
    for (int32_t j = w->j.first / STEP * STEP; j < QN_MIN(whole, w->j.last + 1); j += STEP)
        add_edge(n_rows, n_lanes, is_stored, a, w, j);
    add_slots(n_rows, n_lanes, is_stored, a, w, whole, rest);
    for (int32_t j = rest; j <= w->j.last; j += STEP)
        add_edge(n_rows, n_lanes, is_stored, a, w, j);
    QN_UNROLL(8)
    for (size_t r = 0; r < n_rows; r++) {
        QN_UNROLL(4)
        for (size_t i = 0; i < n_lanes; i++)
            lanes_store(w->acc + r * w->n_part + 16 * i, a[r][i]);
    }
}

/* 1, 2 or 4 vectors of output dims. */
static void value_decoded(size_t n_rows, size_t n_lanes, const value_job *w)
{
#ifdef __AVX512F__
    if (n_lanes == 4)
        WITH_ROWS(n_rows, value_tile, 4, false, w)
    else if (n_lanes == 2)
        WITH_ROWS(n_rows, value_tile, 2, false, w)
    else
#endif
        WITH_ROWS(n_rows, value_tile, 1, false, w)
    (void)n_lanes;
}

static void value_stored(size_t n_rows, size_t n_lanes, const value_job *w)
{
#ifdef __AVX512F__
    if (n_rows > TILE_QUERIES && n_lanes == 2)
        WITH_MORE_ROWS(n_rows, value_tile, 2, true, w)
    else if (n_rows > TILE_QUERIES)
        WITH_MORE_ROWS(n_rows, value_tile, 1, true, w)
    else if (n_lanes == 4)
        WITH_ROWS(n_rows, value_tile, 4, true, w)
    else if (n_lanes == 2)
        WITH_ROWS(n_rows, value_tile, 2, true, w)
    else
#endif
        WITH_ROWS(n_rows, value_tile, 1, true, w)
    (void)n_lanes;
}

/* All output dims of the tile that begins at row i. */
static void values_of_tile(const block *b, size_t i, size_t n_rows, value_job *w)
{
    size_t pad = qn_attend_pad(b->job->v_dim);
    size_t n_lanes = n_rows > TILE_QUERIES ? TILE_LANES / 2 : TILE_LANES;
    w->acc = b->parts + i * w->n_part + 16;
    w->p = b->p + i * QN_PAGE_TOKENS;
    w->c = b->c + i;
    w->seen = b->seen + i;
    for (w->dim = 0; w->dim < pad; w->dim += 16 * n_lanes) {
        while (16 * n_lanes > pad - w->dim)
            n_lanes /= 2;
        if (values_in_place(b))
            value_stored(n_rows, n_lanes, w);
        else
            value_decoded(n_rows, n_lanes, w);
        w->acc += 16 * n_lanes;
        w->ahead.next += w->ahead.step * n_lanes / 4 * QN_PAGE_TOKENS;
    }
}

static void float_values(const block *b, uint32_t page)
{
    const qn_attend_job *job = b->job;
    value_job w = {.n_part = qn_attend_part_floats(job->v_dim),
                   .v = values_of(b, page),
                   .v_stride = STEP * job->v_dim,
                   .v_dim = job->v_dim};
    if (!values_in_place(b)) {
        w.v = decode_values(b, page);
        w.v_stride = qn_attend_pad(job->v_dim);
    }
    for (size_t i = 0; i < b->n; i += b->n_tile) {
        size_t n_rows = QN_MIN(b->n_tile, b->n - i);
        w.j = span_of(n_rows, b->seen + i);
        w.ahead = ahead_of(next_keys(b, page), job->v_dim, i / b->n_tile, b->n_tiles);
        if (w.j.first <= w.j.last)
            values_of_tile(b, i, n_rows, &w);
    }
}
