/* kernel/attend.avx2.h - attend.c on lanes: pages decoded once, tiles of rows in registers.
 *
 * A block of tile rows goes through each page together: scores and softmax of all rows, then the
 * sums of all rows; what many rows read is decoded first. A tile of floats is TILE_ROWS rows by
 * TILE_LANES vectors of keys (then of output dims): one broadcast feeds TILE_LANES fmas, one vector
 * TILE_ROWS. Quantized pages are in attend_ints.avx2.h.
 * A row's own operations and their order are those of attend.c; which rows share a tile is not
 * seen.
 *
 * Slots that a row does not see are left out of its sums by bounds, not by zeros. */
#pragma once

#include "kernel/attend_ints.avx2.h"

/* 16 values of a page from value i on; type is a constant. */
LANES_INLINE lanes load_kv(qn_kv_type type, const void *page, size_t i)
{
    return type == QN_KV_F16 ? lanes_of_f16((const uint16_t *)page + i)
                             : lanes_load((const float *)page + i);
}

/* 4 rows of k_dim values into 4 columns of [k_dim][n_rows]. */
static void pack_4_rows(float *to, size_t n_rows, size_t k_dim, const float *const from[4])
{
    size_t d = 0;
    for (; d + 4 <= k_dim; d += 4, to += 4 * n_rows) {
        __m128 a = _mm_loadu_ps(from[0] + d), b = _mm_loadu_ps(from[1] + d);
        __m128 c = _mm_loadu_ps(from[2] + d), e = _mm_loadu_ps(from[3] + d);
        _MM_TRANSPOSE4_PS(a, b, c, e);
        _mm_storeu_ps(to, a);
        _mm_storeu_ps(to + n_rows, b);
        _mm_storeu_ps(to + 2 * n_rows, c);
        _mm_storeu_ps(to + 3 * n_rows, e);
    }
    for (; d < k_dim; d++, to += n_rows)
        for (size_t r = 0; r < 4; r++)
            to[r] = from[r][d];
}

static void pack_tile(const block *b, size_t t, size_t n_rows, float *to)
{
    size_t r = 0, k_dim = b->job->k_dim;
    for (; r + 4 <= n_rows; r += 4) {
        const float *from[4];
        for (size_t i = 0; i < 4; i++)
            from[i] = qn_attend_q(b->job, t + r + i);
        pack_4_rows(to + r, n_rows, k_dim, from);
    }
    for (; r < n_rows; r++) {
        const float *from = qn_attend_q(b->job, t + r);
        for (size_t d = 0; d < k_dim; d++)
            to[d * n_rows + r] = from[d];
    }
}

static void pack_q(const block *b)
{
    for (size_t i = 0; i < b->n; i += b->n_tile)
        pack_tile(b, b->t0 + i, QN_MIN(b->n_tile, b->n - i), b->q + i * b->job->k_dim);
}

static void decode(qn_kv_type type, float *to, const void *page, size_t from, size_t n)
{
    if (type == QN_KV_F32) {
        memcpy(to, (const float *)page + from, n * sizeof *to);
        memset(to + n, 0, (qn_attend_pad(n) - n) * sizeof *to);
        return;
    }
    const uint16_t *h = (const uint16_t *)page + from;
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        lanes_store(to + i, lanes_of_f16(h + i));
    if (i < n) {
        uint16_t rest[16] = {0};
        memcpy(rest, h + i, (n - i) * sizeof rest[0]);
        lanes_store(to + i, lanes_of_f16(rest)); /* rows are padded */
    }
}

/* Keys as they lie. */
static const float *decode_keys(const block *b, uint32_t page)
{
    const qn_attend_job *job = b->job;
    if (job->k_type == QN_KV_F32)
        return job->k_pages[page];
    decode(job->k_type, b->page, job->k_pages[page], 0, job->k_dim * QN_PAGE_TOKENS);
    return b->page;
}

/* Values with rows padded to whole lanes. */
static const float *decode_values(const block *b, uint32_t page)
{
    const qn_attend_job *job = b->job;
    size_t v_dim = job->v_dim, pad = qn_attend_pad(v_dim);
    if (job->v_type == QN_KV_F32 && pad == v_dim)
        return job->v_pages[page];
    if (pad == v_dim)
        decode(job->v_type, b->page, job->v_pages[page], 0, v_dim * QN_PAGE_TOKENS);
    else
        for (size_t j = 0; j < QN_PAGE_TOKENS; j++)
            decode(job->v_type, (float *)b->page + j * pad, job->v_pages[page], j * v_dim, v_dim);
    return b->page;
}

/* p[r][0 .. 16 n_lanes) = products of the n_rows queries with the keys at k; next is fetched. */
LANES_INLINE void score_tile(size_t n_rows, size_t n_lanes, qn_kv_type type, size_t k_dim,
                             const float *q, const void *k, const uint8_t *next, float *p)
{
    lanes s[TILE_ROWS][TILE_LANES];
    QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++) {
        QN_UNROLL(4)
        for (size_t i = 0; i < n_lanes; i++)
            s[r][i] = lanes_set(0);
    }
    for (size_t d = 0; d < k_dim; d++, q += n_rows) {
        lanes key[TILE_LANES];
        QN_UNROLL(4)
        for (size_t i = 0; i < n_lanes; i++)
            key[i] = load_kv(type, k, d * QN_PAGE_TOKENS + 16 * i);
        if (type == QN_KV_F16)
            fetch(next + d * 32 * n_lanes, n_lanes);
        QN_UNROLL(6)
        for (size_t r = 0; r < n_rows; r++) {
            lanes x = lanes_set(q[r]);
            QN_UNROLL(4)
            for (size_t i = 0; i < n_lanes; i++)
                s[r][i] = lanes_fma(x, key[i], s[r][i]);
        }
    }
    QN_UNROLL(6)
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
    size_t i = (size_t)j.first / 32 * 32, end = (size_t)j.last / 32 * 32 + 32;
#ifdef __AVX512F__
    if (i == 0 && end == QN_PAGE_TOKENS)
        WITH_ROWS(n_rows, score_tile, 4, QN_KV_F32, k_dim, q, k, NULL, p)
    else
        WITH_ROWS(n_rows, score_tile, 2, QN_KV_F32, k_dim, q, k + i, NULL, p + i)
#else
    for (; i < end; i += 16)
        WITH_ROWS(n_rows, score_tile, 1, QN_KV_F32, k_dim, q, k + i, NULL, p + i)
#endif
}

/* Meanwhile fetches from next on, as many bytes as the keys have. */
static void score_stored(size_t n_rows, size_t k_dim, const float *q, const uint16_t *k,
                         const uint8_t *next, float *p)
{
    size_t n_bytes = 32 * TILE_LANES * k_dim;
    for (size_t i = 0; i < QN_PAGE_TOKENS; i += 16 * TILE_LANES, next += n_bytes)
        WITH_ROWS(n_rows, score_tile, TILE_LANES, QN_KV_F16, k_dim, q, k + i, next, p + i)
}

static bool keys_in_place(const block *b)
{
    return b->in_place && b->job->k_type == QN_KV_F16;
}

static bool values_in_place(const block *b)
{
    return b->in_place && b->job->v_type == QN_KV_F16 && b->job->v_dim % 16 == 0;
}

static void float_scores(const block *b, uint32_t page)
{
    size_t k_dim = b->job->k_dim;
    const qn_attend_job *job = b->job;
    const float *k = keys_in_place(b) ? NULL : decode_keys(b, page);
    for (size_t i = 0; i < b->n; i += b->n_tile) {
        size_t n_rows = QN_MIN(b->n_tile, b->n - i);
        const float *q = b->q + i * k_dim;
        float *p = b->p + i * QN_PAGE_TOKENS;
        span j = span_of(n_rows, b->seen + i);
        if (j.first > j.last)
            continue;
        if (!k)
            score_stored(n_rows, k_dim, q, job->k_pages[page], job->v_pages[page], p);
        else
            score_decoded(n_rows, j, k_dim, q, k, p);
    }
}

/* The 4 vectors of a row's scores, scaled and capped. */
LANES_INLINE void load_scores(const qn_attend_job *job, const float *p, lanes s[4])
{
    lanes scale = lanes_set(job->scale), cap = lanes_set(job->softcap);
    for (size_t i = 0; i < 4; i++)
        s[i] = lanes_mul(lanes_load(p + 16 * i), scale);
    if (job->softcap > 0)
        for (size_t i = 0; i < 4; i++)
            s[i] = lanes_mul(cap, lanes_tanh(lanes_div(s[i], cap)));
}

/* exp(m - m2) alone, in the low lane; m - m2 is never above 0. */
static float exp_below_0(float x)
{
    return _mm256_cvtss_f32(lanes_low(lanes_exp_below_0(lanes_set(x))));
}

static void softmax_row(const qn_attend_job *job, slots seen, float *p, float *c, float *b,
                        float *part)
{
    lanes s[4], sum;
    bool whole = seen.first == 0 && seen.last == QN_PAGE_TOKENS - 1;
    bool is_int = qn_kv_is_quantized(job->v_type);
    load_scores(job, p, s);
    if (!whole)
        mask_scores(seen, s, lanes_set(-INFINITY));
    float own = lanes_fold_max(lanes_max(lanes_max(s[0], s[1]), lanes_max(s[2], s[3])));
    float m = part[0] > own ? part[0] : own, from = is_int ? own : m;
    for (size_t i = 0; i < 4; i++)
        s[i] = lanes_exp_below_0(lanes_sub(s[i], lanes_set(from)));
    if (!whole)
        mask_scores(seen, s, lanes_set(0));
    for (size_t i = 0; i < 4; i++)
        lanes_store(p + 16 * i, s[i]);
    sum = lanes_add(lanes_add(lanes_add(s[0], s[1]), s[2]), s[3]);
    *c = exp_below_0(part[0] - m);
    if (is_int) {
        *b = exp_below_0(own - m);
        part[1] = fmaf(lanes_fold(sum), *b, part[1] * *c);
    } else {
        part[1] = fmaf(part[1], *c, lanes_fold(sum));
    }
    part[0] = m;
}

static void softmax(const block *b, uint32_t page)
{
    size_t n_part = qn_attend_part_floats(b->job->v_dim), n_rows = QN_MAX(b->n, (size_t)1);
    size_t n_lines = (b->n_rest + n_rows - 1) / n_rows;
    const uint8_t *next = b->job->k_pages[next_page(b, page)];
    for (size_t i = 0; i < b->n; i++) {
        b->c[i] = 1; /* the sums of a row that sees nothing stay as they are */
        if (keys_in_place(b))
            fetch(next + 256 * i, 8); /* so that reading does not pause */
        else
            fetch(b->rest + 64 * n_lines * i, 2 * n_lines);
        if (b->seen[i].first <= b->seen[i].last)
            softmax_row(b->job, b->seen[i], b->p + i * QN_PAGE_TOKENS, &b->c[i], &b->b[i],
                        b->parts + i * n_part);
    }
}

typedef struct value_job { /* acc[r][0 .. 16 n_lanes) = acc * c[r] + p[r] v, from dims on of v */
    float *acc;            /* row r at r * n_part */
    const float *p, *c;    /* row r at r * 64; at r */
    const slots *seen;     /* at r */
    span j;                /* of the tile's rows */
    const void *v;         /* slot j at j * v_stride values */
    const uint8_t *next;   /* is fetched, as many bytes as v has */
    size_t n_part, v_stride, dim;
} value_job;

/* One slot at the edge, which only some rows see. */
LANES_INLINE void add_edge(size_t n_rows, size_t n_lanes, qn_kv_type type,
                           lanes a[TILE_ROWS][TILE_LANES], const value_job *w, int32_t j)
{
    QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++) {
        if (j < w->seen[r].first || j > w->seen[r].last)
            continue;
        lanes x = lanes_set(w->p[r * QN_PAGE_TOKENS + (size_t)j]);
        QN_UNROLL(4)
        for (size_t i = 0; i < n_lanes; i++) {
            lanes v = load_kv(type, w->v, (size_t)j * w->v_stride + w->dim + 16 * i);
            a[r][i] = lanes_fma(x, v, a[r][i]);
        }
    }
}

/* The slots that all rows see. */
LANES_INLINE void add_slots(size_t n_rows, size_t n_lanes, qn_kv_type type,
                            lanes a[TILE_ROWS][TILE_LANES], const value_job *w)
{
    const float *p = w->p + w->j.all_first;
    size_t v_stride = w->v_stride, at = (size_t)w->j.all_first * v_stride + w->dim;
    const void *page = w->v;
    const uint8_t *next = w->next;
    for (int32_t j = w->j.all_first; j <= w->j.all_last;
         j++, p++, at += v_stride, next += 32 * n_lanes) {
        lanes v[TILE_LANES];
        QN_UNROLL(4)
        for (size_t i = 0; i < n_lanes; i++)
            v[i] = load_kv(type, page, at + 16 * i);
        if (type == QN_KV_F16)
            fetch(next, n_lanes);
        QN_UNROLL(6)
        for (size_t r = 0; r < n_rows; r++) {
            lanes x = lanes_set(p[r * QN_PAGE_TOKENS]);
            QN_UNROLL(4)
            for (size_t i = 0; i < n_lanes; i++)
                a[r][i] = lanes_fma(x, v[i], a[r][i]);
        }
    }
}

LANES_INLINE void value_tile(size_t n_rows, size_t n_lanes, qn_kv_type type, const value_job *w)
{
    lanes a[TILE_ROWS][TILE_LANES];
    QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++) {
        QN_UNROLL(4)
        for (size_t i = 0; i < n_lanes; i++)
            a[r][i] = lanes_mul(lanes_load(w->acc + r * w->n_part + 16 * i), lanes_set(w->c[r]));
    }
    for (int32_t j = w->j.first; j < w->j.all_first; j++)
        add_edge(n_rows, n_lanes, type, a, w, j);
    add_slots(n_rows, n_lanes, type, a, w);
    for (int32_t j = QN_MAX(w->j.all_last + 1, w->j.all_first); j <= w->j.last; j++)
        add_edge(n_rows, n_lanes, type, a, w, j);
    QN_UNROLL(6)
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
        WITH_ROWS(n_rows, value_tile, 4, QN_KV_F32, w)
    else if (n_lanes == 2)
        WITH_ROWS(n_rows, value_tile, 2, QN_KV_F32, w)
    else
#endif
        WITH_ROWS(n_rows, value_tile, 1, QN_KV_F32, w)
    (void)n_lanes;
}

static void value_stored(size_t n_rows, size_t n_lanes, const value_job *w)
{
#ifdef __AVX512F__
    if (n_lanes == 4)
        WITH_ROWS(n_rows, value_tile, 4, QN_KV_F16, w)
    else if (n_lanes == 2)
        WITH_ROWS(n_rows, value_tile, 2, QN_KV_F16, w)
    else
#endif
        WITH_ROWS(n_rows, value_tile, 1, QN_KV_F16, w)
    (void)n_lanes;
}

/* All output dims of the tile that begins at row i. */
static void values_of_tile(const block *b, size_t i, size_t n_rows, value_job *w)
{
    size_t pad = qn_attend_pad(b->job->v_dim), n_lanes = TILE_LANES;
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
        w->next += 32 * n_lanes * QN_PAGE_TOKENS;
    }
}

static void float_values(const block *b, uint32_t page)
{
    const qn_attend_job *job = b->job;
    value_job w = {.n_part = qn_attend_part_floats(job->v_dim),
                   .v = job->v_pages[page],
                   .v_stride = qn_attend_pad(job->v_dim)};
    if (!values_in_place(b))
        w.v = decode_values(b, page);
    for (size_t i = 0; i < b->n; i += b->n_tile) {
        size_t n_rows = QN_MIN(b->n_tile, b->n - i);
        w.j = span_of(n_rows, b->seen + i);
        w.next = job->k_pages[next_page(b, page)];
        if (w.j.first <= w.j.last)
            values_of_tile(b, i, n_rows, &w);
    }
}

/* What each row of the block sees of a page between the first and the last that one sees. */
static void look(block *b, uint32_t page)
{
    uint32_t from = page * QN_PAGE_TOKENS;
    bool whole = from >= b->low_of_last && from + QN_PAGE_TOKENS - 1 <= b->position[0];
    if (whole && b->whole)
        return;
    b->whole = whole;
    for (size_t i = 0; i < b->n; i++) {
        size_t first, last;
        b->seen[i] = (slots){QN_PAGE_TOKENS, -1};
        if (qn_attend_slots(b->job, b->position[i], page, &first, &last))
            b->seen[i] = (slots){(int32_t)first, (int32_t)last};
    }
}

static void reduce_span(block *b, uint32_t at)
{
    size_t n_part = qn_attend_part_floats(b->job->v_dim);
    uint32_t first = QN_MAX(at * QN_SPAN_PAGES, b->page_first);
    uint32_t last = QN_MIN(at * QN_SPAN_PAGES + QN_SPAN_PAGES - 1, b->page_last);
    for (size_t i = 0; i < b->n; i++) {
        memset(b->parts + i * n_part, 0, n_part * sizeof(float));
        b->parts[i * n_part] = -INFINITY;
    }
    for (uint32_t page = first; page <= last; page++) {
        look(b, page);
        if (qn_kv_is_quantized(b->job->k_type))
            int_scores(b, page);
        else
            float_scores(b, page);
        softmax(b, page);
        if (qn_kv_is_quantized(b->job->v_type))
            int_values(b, page);
        else
            float_values(b, page);
    }
}

/* What only quantized pages need, in scratch from `at` on. */
static void lay_out_ints(block *b, float *at)
{
    size_t k_groups = qn_kv_groups(b->job->k_dim), v_groups = qn_kv_groups(b->job->v_dim);
    b->scale = at;
    b->most = b->scale + QN_PAGE_TOKENS * QN_MAX(k_groups, v_groups);
    b->unit = b->most + QN_MAX(k_groups, v_groups);
    b->u = (int16_t *)(void *)(b->unit + TILE_ROWS * v_groups);
    at = b->unit + qn_attend_pad(TILE_ROWS * v_groups * (QN_PAGE_TOKENS / 2 + 1));
    b->act = (uint8_t *)at;
    b->bias = (int32_t *)(void *)(b->act + QN_ATTEND_BLOCK * qn_attend_act_bytes(b->job->k_dim));
    b->padded = (float *)(void *)(b->bias + QN_ATTEND_BLOCK * k_groups);
}

/* Rows t0.. of a job, working in scratch; parts may be moved elsewhere. */
static block block_of(const qn_attend_job *job, size_t t0, void *scratch)
{
    size_t n_part = qn_attend_part_floats(job->v_dim);
    block b = {.job = job, .t0 = t0};
    b.n = QN_MIN(job->n_rows * job->n_group - t0, (size_t)QN_ATTEND_BLOCK);
    b.low_of_last = qn_attend_low(job, qn_attend_position(job, t0 + b.n - 1));
    b.page_first = qn_attend_low(job, qn_attend_position(job, t0)) / QN_PAGE_TOKENS;
    b.page_last = qn_attend_position(job, t0 + b.n - 1) / QN_PAGE_TOKENS;
    b.in_place = b.n <= IN_PLACE_ROWS;
    size_t n_tiles = (b.n + TILE_ROWS - 1) / TILE_ROWS;
    b.n_tile = (b.n + n_tiles - 1) / n_tiles;
    b.parts = scratch;
    b.p = b.parts + 2 * QN_ATTEND_BLOCK * n_part;
    float *page = b.p + QN_ATTEND_BLOCK * QN_PAGE_TOKENS;
    b.page = page;
    b.q = page + QN_PAGE_TOKENS * QN_MAX(job->k_dim, qn_attend_pad(job->v_dim));
    b.c = b.q + qn_attend_pad(QN_ATTEND_BLOCK * job->k_dim);
    b.seen = (slots *)(b.c + QN_ATTEND_BLOCK);
    b.position = (uint32_t *)(b.seen + QN_ATTEND_BLOCK);
    b.b = (float *)(void *)(b.position + QN_ATTEND_BLOCK);
    lay_out_ints(&b, b.c + 16 * QN_ATTEND_BLOCK);
    for (size_t i = 0; i < b.n; i++)
        b.position[i] = qn_attend_position(job, t0 + i);
    if (qn_kv_is_quantized(job->k_type))
        quantize_q(&b);
    else
        pack_q(&b);
    return b;
}

static void join(size_t v_dim, float *part, const float *next)
{
    float m = part[0] > next[0] ? part[0] : next[0];
    float a = exp_below_0(part[0] - m), c = exp_below_0(next[0] - m);
    part[0] = m;
    part[1] = fmaf(next[1], c, part[1] * a);
    for (size_t d = 16; d < qn_attend_part_floats(v_dim); d += 16)
        lanes_store(part + d, lanes_fma(lanes_load(next + d), lanes_set(c),
                                        lanes_mul(lanes_load(part + d), lanes_set(a))));
}

static void finish(const qn_attend_job *job, size_t t, const float *part)
{
    float *out = qn_attend_out(job, t);
    lanes inverse = lanes_set(1.0f / part[1]);
    for (size_t d = 0; d < job->v_dim; d += 16) {
        lanes y = lanes_mul(lanes_load(part + 16 + d), inverse);
        if (job->v_dim - d < 16)
            lanes_store_n(out + d, job->v_dim - d, y);
        else
            lanes_store(out + d, y);
    }
}

/* Joins what the block's rows saw of span `at` to their sums, the first as it is. */
static void join_span(const block *b, uint32_t at, float *sums)
{
    size_t n_part = qn_attend_part_floats(b->job->v_dim);
    for (size_t i = 0; i < b->n; i++) {
        float *sum = sums + i * n_part;
        if (!qn_attend_sees(b->job, b->position[i], at))
            continue;
        if (at == qn_attend_low(b->job, b->position[i]) / QN_SPAN_TOKENS)
            memcpy(sum, b->parts + i * n_part, n_part * sizeof(float));
        else
            join(b->job->v_dim, sum, b->parts + i * n_part);
    }
}

static void attend_block(const qn_attend_job *job, size_t t0, void *scratch)
{
    block b = block_of(job, t0, scratch);
    size_t n_part = qn_attend_part_floats(job->v_dim);
    uint32_t first = b.page_first / QN_SPAN_PAGES, last = b.page_last / QN_SPAN_PAGES;
    float *sums = b.parts;
    if (first < last)
        b.parts = sums + QN_ATTEND_BLOCK * n_part;
    for (uint32_t at = first; at <= last; at++) {
        reduce_span(&b, at);
        if (first < last)
            join_span(&b, at, sums);
    }
    for (size_t i = 0; i < b.n; i++)
        finish(job, t0 + i, sums + i * n_part);
}

LANES_INLINE void attend(const qn_attend_job *job, void *scratch)
{
    for (size_t t = 0; t < job->n_rows * job->n_group; t += QN_ATTEND_BLOCK)
        attend_block(job, t, scratch);
}

LANES_INLINE void attend_span(const qn_attend_job *job, uint32_t at, float *part, void *scratch)
{
    for (size_t t = 0; t < job->n_rows * job->n_group; t += QN_ATTEND_BLOCK) {
        block b = block_of(job, t, scratch);
        b.parts = part + t * qn_attend_part_floats(job->v_dim);
        reduce_span(&b, at);
    }
}

LANES_INLINE void attend_join(const qn_attend_job *job, float *parts)
{
    size_t n_part = qn_attend_part_floats(job->v_dim), n_rows = job->n_rows * job->n_group;
    uint32_t first = qn_attend_span_first(job);
    for (size_t t = 0; t < n_rows; t++) {
        uint32_t position = qn_attend_position(job, t);
        uint32_t own = qn_attend_low(job, position) / QN_SPAN_TOKENS;
        float *sum = parts + ((own - first) * n_rows + t) * n_part;
        for (uint32_t at = own + 1; at <= position / QN_SPAN_TOKENS; at++)
            join(job->v_dim, sum, parts + ((at - first) * n_rows + t) * n_part);
        finish(job, t, sum);
    }
}
