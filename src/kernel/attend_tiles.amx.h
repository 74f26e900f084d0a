/* kernel/attend_tiles.amx.h - float pages with TDPBF16PS, in place of attend_floats.avx2.h.
 *
 * For few rows and for many a page is decoded to pairs of bf16, which lie as the right operands of
 * tiles do; queries, and the weights of positions, 16 rows at a time, are the left ones. 32 rows by
 * 32 keys, or dims, share their operands. docs/adr/010 defines the sums.
 *
 * What a row does not see is multiplied by zero. That is as if it were left out, unless it is
 * infinite or NaN: then each row has the values without what it does not see. */
#pragma once

#include "kernel/attend_operands.avx2.h"
#include "kernel/tiles.amx.h"

enum {
    TILE_DIMS = 32,                                  /* or positions, in pairs, of an operand */
    PAGE_ROW_BYTES = QN_PAGE_TOKENS * sizeof(float), /* of scores; of decoded keys */
};

/* Whether heads fill tiles and something is F16. The others are of class E: on CPUs with tiles, fma
 * is no slower than VDPBF16PS. */
static bool suits_tiles(const qn_attend_job *job)
{
    bool is_float = !qn_kv_is_quantized(job->k_type) && !qn_kv_is_quantized(job->v_type);
    bool rounds = job->k_type == QN_KV_F16 || job->v_type == QN_KV_F16;
    return is_float && rounds && job->k_dim % TILE_DIMS == 0 && job->v_dim % 16 == 0;
}

static void pack_q(const block *b)
{
    size_t k_dim = b->job->k_dim;
    for (size_t r = 0; r < b->n; r++)
        put_pairs(b->q + r * k_dim / 2, k_dim, qn_attend_q(b->job, b->head, b->t0 + r));
}

/* Sums of 16 or 32 rows and 32 columns are in tiles 0 to 3, the second two of the second rows. */
LANES_INLINE void begin_sums(void)
{
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

/* Of 32 dims or positions, rows of `left` and of `right` are so many bytes apart. */
LANES_INLINE void add_to_sums(const float *left, size_t left_bytes, const float *right,
                              size_t right_bytes, bool two_rows, bool two_columns)
{
    _tile_loadd(4, left, left_bytes);
    _tile_loadd(6, right, right_bytes);
    _tile_dpbf16ps(0, 4, 6);
    if (two_columns) {
        _tile_loadd(7, right + 16, right_bytes);
        _tile_dpbf16ps(1, 4, 7);
    }
    if (two_rows) {
        _tile_loadd(5, left + TILE_ROWS * left_bytes / sizeof *left, left_bytes);
        _tile_dpbf16ps(2, 5, 6);
        if (two_columns)
            _tile_dpbf16ps(3, 5, 7);
    }
}

LANES_INLINE void store_sums(float *to, size_t n_bytes, bool two_rows)
{
    float *below = to + TILE_ROWS * n_bytes / sizeof *to;
    _tile_stored(0, to, n_bytes);
    _tile_stored(1, to + 16, n_bytes);
    if (two_rows) {
        _tile_stored(2, below, n_bytes);
        _tile_stored(3, below + 16, n_bytes);
    }
}

/* Whole tiles: behind the last row lies what no one reads. */
static void float_scores(const block *b, uint32_t page)
{
    size_t k_dim = b->job->k_dim;
    const float *k = decode_keys(b, page);
    TILE_FENCE(k);
    TILE_FENCE(b->q);
    for (size_t r = 0; r < b->n; r += 2 * TILE_ROWS)
        for (size_t j = 0; j < QN_PAGE_TOKENS; j += 32) {
            const bool two_rows = b->n - r > TILE_ROWS;
            begin_sums();
            for (size_t d = 0; d < k_dim / 2; d += TILE_DIMS / 2)
                add_to_sums(b->q + r * k_dim / 2 + d, 2 * k_dim, k + d * QN_PAGE_TOKENS + j,
                            PAGE_ROW_BYTES, two_rows, true);
            store_sums(b->p + r * QN_PAGE_TOKENS + j, PAGE_ROW_BYTES, two_rows);
        }
    TILE_FENCE(b->p);
}

/* Takes the values of what is not seen out of a decoded page. */
static void hide(slots seen, size_t pad, float *v)
{
    for (int32_t j = 0; j < QN_PAGE_TOKENS; j += 2, v += pad)
        if (j < seen.first || j + 1 > seen.last)
            for (size_t d = 0; d < pad; d += 16)
                operands_store(v + d, operands_seen(operands_load(v + d), seen, j));
}

static bool all_finite(size_t n, const float *v)
{
    const __m512i exponent = _mm512_set1_epi16(0x7f80);
    __mmask32 any = 0;
    for (size_t i = 0; i < n; i += 16)
        any |= _mm512_cmpeq_epi16_mask(_mm512_and_si512(operands_load(v + i), exponent), exponent);
    return any == 0;
}

/* The sums of rows r to r + n - 1 (at most 32) and 32 dims from d on, into the rows' parts. */
static void add_values(const block *b, size_t r, size_t n, size_t d, const float *v)
{
    const size_t pad = b->job->v_dim, n_part = qn_attend_part_floats(pad);
    const bool two_rows = n > TILE_ROWS, two_columns = pad - d > 16;
    _Alignas(64) float sums[2 * TILE_ROWS][32];
    begin_sums();
    for (size_t j = 0; j < QN_PAGE_TOKENS / 2; j += TILE_DIMS / 2)
        add_to_sums(b->p + r * QN_PAGE_TOKENS + j, PAGE_ROW_BYTES, v + j * pad + d, pad * sizeof *v,
                    two_rows, two_columns);
    store_sums(sums[0], sizeof sums[0], two_rows);
    TILE_FENCE(sums);
    for (size_t i = 0; i < n; i++) {
        float *acc = b->parts + (r + i) * n_part + 16 + d;
        if (b->seen[r + i].first > b->seen[r + i].last)
            continue;
        for (size_t c = 0; c < (two_columns ? 32u : 16u); c += 16)
            lanes_store(acc + c, lanes_fma(lanes_load(acc + c), lanes_set(b->c[r + i]),
                                           lanes_load(sums[i] + c)));
    }
}

static void add_rows(const block *b, size_t r, size_t n, const float *v)
{
    TILE_FENCE(v);
    TILE_FENCE(b->p);
    for (size_t d = 0; d < b->job->v_dim; d += 32)
        add_values(b, r, n, d, v);
}

static void float_values(const block *b, uint32_t page)
{
    const size_t v_dim = b->job->v_dim;
    span all = span_of(b->n, b->seen);
    float *v = b->page;
    (void)decode_values(b, page);
    hide((slots){all.first, all.last}, v_dim, v);
    if (b->whole || all_finite(QN_PAGE_TOKENS / 2 * v_dim, v)) {
        for (size_t r = 0; r < b->n; r += 2 * TILE_ROWS)
            add_rows(b, r, QN_MIN(b->n - r, (size_t)2 * TILE_ROWS), v);
        return;
    }
    for (size_t r = 0; r < b->n; r++) {
        (void)decode_values(b, page);
        hide(b->seen[r], v_dim, v);
        add_rows(b, r, 1, v);
    }
}

static bool keys_in_place(const block *b)
{
    (void)b;
    return false;
}

static size_t float_tile_rows(const block *b)
{
    return QN_MIN(b->n, (size_t)TILE_QUERIES);
}
