/* kernel/attend.avx2.h - attend.c on lanes: pages decoded once, tiles of rows in registers.
 *
 * A block of tile rows goes through each page together: scores and softmax of all rows, then the
 * sums of all rows; what many rows read is decoded first. Float pages are in
 * attend_floats.avx2.h, quantized ones in attend_ints.avx2.h.
 * A row's own operations and their order are those of attend.c; which rows share a tile is not
 * seen.
 *
 * Slots that a row does not see are left out of its sums by bounds, not by zeros. */
#pragma once

#ifdef ATTEND_TILES
#include "kernel/attend_tiles.amx.h"
#else
#include "kernel/attend_floats.avx2.h"
#endif
#include "kernel/attend_ints.avx2.h"

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

/* Weights of float values are the operands of products with them. */
LANES_INLINE void put_probabilities(const qn_attend_job *job, float *p, const lanes s[4])
{
    if (!qn_kv_is_quantized(job->v_type))
        put_weights(p, s);
    else
        for (size_t i = 0; i < 4; i++)
            lanes_store(p + 16 * i, s[i]);
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
    put_probabilities(job, p, s);
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

#ifdef __AVX512F__

/* The first two values of four parts, as vectors of four. */
LANES_INLINE void load_parts(const float *part, size_t n_part, __m128 *m, __m128 *l)
{
    __m128 ab = _mm_loadl_pi(_mm_setzero_ps(), (const __m64 *)(const void *)part);
    __m128 cd = _mm_loadl_pi(_mm_setzero_ps(), (const __m64 *)(const void *)(part + 2 * n_part));
    ab = _mm_loadh_pi(ab, (const __m64 *)(const void *)(part + n_part));
    cd = _mm_loadh_pi(cd, (const __m64 *)(const void *)(part + 3 * n_part));
    *m = _mm_shuffle_ps(ab, cd, 0x88);
    *l = _mm_shuffle_ps(ab, cd, 0xdd);
}

LANES_INLINE void store_parts(float *part, size_t n_part, __m128 m, __m128 l)
{
    __m128 ab = _mm_unpacklo_ps(m, l), cd = _mm_unpackhi_ps(m, l);
    _mm_storel_pi((__m64 *)(void *)part, ab);
    _mm_storeh_pi((__m64 *)(void *)(part + n_part), ab);
    _mm_storel_pi((__m64 *)(void *)(part + 2 * n_part), cd);
    _mm_storeh_pi((__m64 *)(void *)(part + 3 * n_part), cd);
}

/* The first half of softmax_row for four rows that see all of the page: all but the probabilities
 * and their sum. from: what scores are taken less. */
static void begin_4_rows(const qn_attend_job *job, float *p, float *from, float *c, float *b,
                         float *part)
{
    size_t n_part = qn_attend_part_floats(job->v_dim);
    lanes s[4], x[4];
    __m128 m_old, l;
    for (size_t r = 0; r < 4; r++) {
        load_scores(job, p + r * QN_PAGE_TOKENS, s);
        for (size_t i = 0; i < 4; i++)
            lanes_store(p + r * QN_PAGE_TOKENS + 16 * i, s[i]);
        x[r] = lanes_max(lanes_max(s[0], s[1]), lanes_max(s[2], s[3]));
    }
    __m128 own = lanes_fold_max_4(x[0], x[1], x[2], x[3]);
    load_parts(part, n_part, &m_old, &l);
    __m128 m = _mm_max_ps(m_old, own);
    __m256 below = _mm256_setr_m128(_mm_sub_ps(m_old, m), _mm_sub_ps(own, m));
    __m256 factors = lanes_low(lanes_exp_below_0(_mm512_zextps256_ps512(below)));
    _mm_storeu_ps(from, qn_kv_is_quantized(job->v_type) ? own : m);
    _mm_storeu_ps(c, _mm256_castps256_ps128(factors));
    _mm_storeu_ps(b, _mm256_extractf128_ps(factors, 1));
    store_parts(part, n_part, m, l);
}

/* The other half. */
static void end_4_rows(const qn_attend_job *job, float *p, const float *from, const float *c,
                       const float *b, float *part)
{
    size_t n_part = qn_attend_part_floats(job->v_dim);
    lanes s[4], x[4];
    __m128 m, l, cs = _mm_loadu_ps(c), bs = _mm_loadu_ps(b);
    for (size_t r = 0; r < 4; r++) {
        for (size_t i = 0; i < 4; i++) {
            s[i] = lanes_sub(lanes_load(p + r * QN_PAGE_TOKENS + 16 * i), lanes_set(from[r]));
            s[i] = lanes_exp_below_0(s[i]);
        }
        put_probabilities(job, p + r * QN_PAGE_TOKENS, s);
        x[r] = lanes_add(lanes_add(lanes_add(s[0], s[1]), s[2]), s[3]);
    }
    __m128 sum = lanes_fold_4(x[0], x[1], x[2], x[3]);
    load_parts(part, n_part, &m, &l);
    if (qn_kv_is_quantized(job->v_type))
        l = _mm_fmadd_ps(sum, bs, _mm_mul_ps(l, cs));
    else
        l = _mm_fmadd_ps(l, cs, sum);
    store_parts(part, n_part, m, l);
}

/* The first rows of a block, four at a time; their chains of dependent steps lie side by side. */
static size_t softmax_by_4(const block *b)
{
    size_t n_part = qn_attend_part_floats(b->job->v_dim), n = b->whole ? b->n / 4 * 4 : 0;
    float from[QN_ATTEND_BLOCK];
    for (size_t i = 0; i < n; i += 4)
        begin_4_rows(b->job, b->p + i * QN_PAGE_TOKENS, from + i, b->c + i, b->b + i,
                     b->parts + i * n_part);
    for (size_t i = 0; i < n; i += 4)
        end_4_rows(b->job, b->p + i * QN_PAGE_TOKENS, from + i, b->c + i, b->b + i,
                   b->parts + i * n_part);
    return n;
}

#else

static size_t softmax_by_4(const block *b)
{
    (void)b;
    return 0;
}

#endif

/* Asks for what comes next, so that reading does not pause: after keys in place, the first of the
 * next ones; else what int_scores has left. Always inline: gcc drops calls of a function that only
 * prefetches. */
LANES_INLINE void fetch_next(const block *b, uint32_t page)
{
    const uint8_t *next = keys_in_place(b) ? next_keys(b, page) : b->rest;
    size_t n_lines = keys_in_place(b) ? 4 * b->n : b->n_rest;
    for (size_t i = 0; i < n_lines; i++)
        fetch(next + 64 * i, 2);
}

static void softmax(const block *b, uint32_t page)
{
    size_t n_part = qn_attend_part_floats(b->job->v_dim);
    fetch_next(b, page);
    for (size_t i = softmax_by_4(b); i < b->n; i++) {
        b->c[i] = 1; /* the sums of a row that sees nothing stay as they are */
        if (b->seen[i].first <= b->seen[i].last)
            softmax_row(b->job, b->seen[i], b->p + i * QN_PAGE_TOKENS, &b->c[i], &b->b[i],
                        b->parts + i * n_part);
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

/* What the head at hand sees of a page. */
static void add_page(block *b, uint32_t page)
{
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

static void reduce_span(block *b, uint32_t at)
{
    size_t n_part = qn_attend_part_floats(b->job->v_dim);
    uint32_t first = QN_MAX(at * QN_SPAN_PAGES, b->page_first);
    uint32_t last = QN_MIN(at * QN_SPAN_PAGES + QN_SPAN_PAGES - 1, b->page_last);
    turn_to(b, b->head_first);
    for (size_t i = 0; i < b->n_heads * b->n; i++) {
        memset(b->parts + i * n_part, 0, n_part * sizeof(float));
        b->parts[i * n_part] = -INFINITY;
    }
    for (uint32_t page = first; page <= last; page++) {
        look(b, page);
        for (size_t h = 0; h < b->n_heads; h++) {
            turn_to(b, b->head_first + h);
            add_page(b, page);
        }
    }
    turn_to(b, b->head_first);
}

/* What only quantized pages need, in scratch from `at` on. */
static void lay_out_ints(block *b, float *at)
{
    size_t k_groups = qn_kv_groups(b->job->k_dim), v_groups = qn_kv_groups(b->job->v_dim);
    b->scale = at;
    b->most = b->scale + QN_PAGE_TOKENS * QN_MAX(k_groups, v_groups);
    b->unit = b->most + QN_MAX(k_groups, v_groups);
    b->u = (int16_t *)(void *)(b->unit + TILE_QUERIES * v_groups);
    at = b->unit + qn_attend_pad(TILE_QUERIES * v_groups * (QN_PAGE_TOKENS / 2 + 1));
    b->act = (uint8_t *)at;
    b->bias = (int32_t *)(void *)(b->act + QN_ATTEND_BLOCK * qn_attend_act_bytes(b->job->k_dim));
    b->padded = (float *)(void *)(b->bias + QN_ATTEND_BLOCK * k_groups);
}

/* Rows t0.. of kv heads from `head` on, working in scratch; parts may be moved elsewhere. Heads of
 * few rows go through pages side by side, since they lie so: reading does not jump. */
static block block_of(const qn_attend_job *job, size_t head, size_t t0, void *scratch)
{
    size_t n_part = qn_attend_part_floats(job->v_dim);
    block b = {.job = job, .head_first = head, .n_heads = 1, .head = head, .t0 = t0};
    b.n = QN_MIN(job->n_rows * job->n_group - t0, (size_t)QN_ATTEND_BLOCK);
    if (t0 == 0 && b.n <= IN_PLACE_ROWS)
        b.n_heads = QN_MIN(job->n_heads - head, QN_ATTEND_BLOCK / b.n);
    b.low_of_last = qn_attend_low(job, qn_attend_position(job, t0 + b.n - 1));
    b.page_first = qn_attend_low(job, qn_attend_position(job, t0)) / QN_PAGE_TOKENS;
    b.page_last = qn_attend_position(job, t0 + b.n - 1) / QN_PAGE_TOKENS;
    b.in_place = b.n <= IN_PLACE_ROWS;
    b.n_tile = float_tile_rows(&b);
    b.n_tiles = (b.n + b.n_tile - 1) / b.n_tile;
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
    for (size_t h = 0; h < b.n_heads; h++) {
        turn_to(&b, head + h);
        if (qn_kv_is_quantized(job->k_type))
            quantize_q(&b);
        else
            pack_q(&b);
    }
    turn_to(&b, head);
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

static void finish(const qn_attend_job *job, size_t head, size_t t, const float *part)
{
    float *out = qn_attend_out(job, head, t);
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
    for (size_t i = 0; i < b->n_heads * b->n; i++) {
        float *sum = sums + i * n_part;
        uint32_t position = b->position[i % b->n];
        if (!qn_attend_sees(b->job, position, at))
            continue;
        if (at == qn_attend_low(b->job, position) / QN_SPAN_TOKENS)
            memcpy(sum, b->parts + i * n_part, n_part * sizeof(float));
        else
            join(b->job->v_dim, sum, b->parts + i * n_part);
    }
}

/* All spans of a block; returns the heads in it. */
static size_t attend_block(const qn_attend_job *job, size_t head, size_t t0, void *scratch)
{
    block b = block_of(job, head, t0, scratch);
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
    for (size_t i = 0; i < b.n_heads * b.n; i++)
        finish(job, head + i / b.n, t0 + i % b.n, sums + i * n_part);
    return b.n_heads;
}

LANES_INLINE void attend(const qn_attend_job *job, void *scratch)
{
    for (size_t head = 0, n_heads = 1; head < job->n_heads; head += n_heads)
        for (size_t t = 0; t < job->n_rows * job->n_group; t += QN_ATTEND_BLOCK)
            n_heads = attend_block(job, head, t, scratch);
}

LANES_INLINE void attend_span(const qn_attend_job *job, uint32_t at, float *part, void *scratch)
{
    size_t n_part = qn_attend_part_floats(job->v_dim), n_rows = job->n_rows * job->n_group;
    for (size_t head = 0, n_heads = 1; head < job->n_heads; head += n_heads)
        for (size_t t = 0; t < n_rows; t += QN_ATTEND_BLOCK) {
            block b = block_of(job, head, t, scratch);
            b.parts = part + (head * n_rows + t) * n_part;
            reduce_span(&b, at);
            n_heads = b.n_heads;
        }
}

LANES_INLINE void attend_join(const qn_attend_job *job, float *parts, size_t span_bytes)
{
    size_t n_part = qn_attend_part_floats(job->v_dim), n_rows = job->n_rows * job->n_group;
    size_t n_span = span_bytes / sizeof(float);
    uint32_t first = qn_attend_span_first(job);
    for (size_t i = 0; i < job->n_heads * n_rows; i++) {
        uint32_t position = qn_attend_position(job, i % n_rows);
        uint32_t own = qn_attend_low(job, position) / QN_SPAN_TOKENS;
        float *sum = parts + (own - first) * n_span + i * n_part;
        for (uint32_t at = own + 1; at <= position / QN_SPAN_TOKENS; at++)
            join(job->v_dim, sum, parts + (at - first) * n_span + i * n_part);
        finish(job, i / n_rows, i % n_rows, sum);
    }
}
