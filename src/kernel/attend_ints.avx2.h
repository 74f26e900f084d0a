/* kernel/attend_ints.avx2.h - scores and sums over quantized pages, in exact integers.
 *
 * Keys: 16 of them in the lanes, 4 dims to a lane; KEY_ROWS rows by TILE_LANES vectors of integers
 * in registers, which each group of dims adds to the scores in memory.
 * Values: 16 dims in the lanes, 2 positions to a lane, against weights of 16 bits.
 *
 * What a row does not see has weight 0 here, which in integers is nothing. */
#pragma once

#include "kernel/attend_block.avx2.h"
#include "kernel/kernels.h"

/* At most MOST_SUMS vectors of integers are summed at a time. */
#ifdef __AVX512F__
enum { KEY_ROWS = 6, MOST_SUMS = 24 };
#else
enum { KEY_ROWS = 3, MOST_SUMS = 6 };
#endif

typedef enum code_form {               /* how codes lie */
                         CODE_BYTES,   /* one to a byte */
                         CODE_NIBBLES, /* kv.h's pairs */
                         CODE_WORDS    /* values decoded to 16 bits */
} code_form;

/* sum + 4 products of unsigned bytes, of keys, and signed ones. */
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)

LANES_INLINE bool needs_bias(qn_kv_type type)
{
    (void)type;
    return true;
}

LANES_INLINE ints dot_bytes(qn_kv_type type, ints sum, ints k, ints x)
{
    (void)type;
    return ints_add_dot(sum, k, x);
}

/* sum + 2 products of signed words */
LANES_INLINE ints dot_words(ints sum, ints v, ints u)
{
#ifdef __AVX512VNNI__
    return _mm512_dpwssd_epi32(sum, v, u);
#else
    return (ints){_mm256_dpwssd_avx_epi32(sum.low, v.low, u.low),
                  _mm256_dpwssd_avx_epi32(sum.high, v.high, u.high)};
#endif
}

#else

LANES_INLINE bool needs_bias(qn_kv_type type)
{
    return type != QN_KV_Q8_0;
}

/* Pairs of products must fit in 16 bits: 2 * 30 * 127 do, 8 bits do as magnitude and sign. */
LANES_INLINE ints dot_bytes(qn_kv_type type, ints sum, ints k, ints x)
{
    if (type == QN_KV_Q8_0) {
        k = ints_xor(k, ints_set_bytes(-128));
        x = ints_sign_bytes(x, k);
        k = ints_abs_bytes(k);
    }
    return ints_add(sum, ints_madd(ints_maddubs(k, x), ints_set(0x10001)));
}

LANES_INLINE ints dot_words(ints sum, ints v, ints u)
{
    return ints_add(sum, ints_madd(v, u));
}

#endif

LANES_INLINE ints load_4_bytes(const void *p)
{
    int32_t x;
    memcpy(&x, p, sizeof x);
    return ints_set(x);
}

/* [n_groups][64] scales as floats, from the head of a page; fetches those of another. */
static void decode_scales(size_t n_groups, float *to, const void *page, const uint8_t *next)
{
    const uint8_t *from = page;
    for (size_t i = 0; i < n_groups * QN_PAGE_TOKENS; i += 16) {
        lanes_store(to + i, ints_as_float(ints_left(ints_of_words(from + 2 * i), 16)));
        fetch(next + 2 * i, 1);
    }
}

/* --- keys --- */

/* The queries of the block's rows as activations. */
static void quantize_q(const block *b)
{
    size_t k_dim = b->job->k_dim, n = qn_attend_act_dims(k_dim), n_groups = qn_kv_groups(k_dim);
    memset(b->padded, 0, n * sizeof *b->padded);
    for (size_t i = 0; i < b->n; i++) {
        qn_act *act = (void *)(b->act + i * qn_attend_act_bytes(k_dim));
        memcpy(b->padded, qn_attend_q(b->job, b->head, b->t0 + i), k_dim * sizeof *b->padded);
        qn_quantize_avx2(n, b->padded, act);
        for (size_t g = 0; g < n_groups; g++) {
            const int16_t *sum = act[g / 8].sum16 + 2 * (g % 8);
            int32_t offset = needs_bias(b->job->k_type) ? qn_kv_offset(b->job->k_type) : 0;
            b->bias[i * n_groups + g] = -offset * (sum[0] + sum[1]);
        }
    }
}

typedef struct key_job { /* p[r][0 .. 16 n_lanes) = scores of the n_rows queries at k */
    const uint8_t *k;    /* codes of the first key */
    const float *scale;  /* of the first key: [groups][64] */
    const uint8_t *act;  /* row r at r * act_bytes */
    const int32_t *bias; /* row r at r * n_groups */
    size_t k_dim, act_bytes, n_groups;
    float *p;            /* row r at r * 64 */
    const uint8_t *next; /* is fetched, half as many bytes as the keys have */
} key_job;

/* The block of row r that holds group g. */
LANES_INLINE const qn_act *act_of(const key_job *w, size_t r, size_t g)
{
    return (const qn_act *)(const void *)(w->act + r * w->act_bytes) + g / 8;
}

/* Dims 4 step to 4 step + 3 of 16 keys from key 16 i on. */
LANES_INLINE ints key_codes(code_form form, const uint8_t *k, size_t step, size_t i)
{
    if (form == CODE_BYTES)
        return ints_load(k + 4 * (step * QN_PAGE_TOKENS + 16 * i));
    ints two = ints_load(k + 4 * (step / 2 * QN_PAGE_TOKENS + 16 * i));
    two = step % 2 ? ints_right(two, 3) : ints_left(two, 1);
    return ints_and(two, ints_set_bytes(0x1e));
}

/* sum += the products of n_steps times 4 dims of group g. */
LANES_INLINE void add_steps(size_t n_rows, size_t n_lanes, qn_kv_type type, code_form form,
                            size_t n_steps, const key_job *w, size_t g,
                            ints sum[KEY_ROWS][TILE_LANES])
{
    QN_UNROLL(8)
    for (size_t step = 0; step < n_steps; step++) {
        ints k[TILE_LANES];
        QN_UNROLL(4)
        for (size_t i = 0; i < n_lanes; i++)
            k[i] = key_codes(form, w->k, 8 * g + step, i);
        if (form == CODE_BYTES || step % 2 == 0)
            fetch(w->next + (8 * g + step) / (form == CODE_BYTES ? 1 : 2) * 32 * n_lanes, n_lanes);
        QN_UNROLL(6)
        for (size_t r = 0; r < n_rows; r++) {
            ints x = load_4_bytes(act_of(w, r, g)->q + 32 * (g % 8) + 4 * step);
            QN_UNROLL(4)
            for (size_t i = 0; i < n_lanes; i++)
                sum[r][i] = dot_bytes(type, sum[r][i], k[i], x);
        }
    }
}

LANES_INLINE void int_score_tile(size_t n_rows, size_t n_lanes, qn_kv_type type, code_form form,
                                 const key_job *w)
{
    for (size_t g = 0; g < w->n_groups; g++) {
        ints sum[KEY_ROWS][TILE_LANES];
        QN_UNROLL(6)
        for (size_t r = 0; r < n_rows; r++) {
            QN_UNROLL(4)
            for (size_t i = 0; i < n_lanes; i++)
                sum[r][i] = ints_set(w->bias[r * w->n_groups + g]);
        }
        if (w->k_dim - 32 * g >= 32)
            add_steps(n_rows, n_lanes, type, form, 8, w, g, sum);
        else
            add_steps(n_rows, n_lanes, type, form, 4, w, g, sum);
        QN_UNROLL(6)
        for (size_t r = 0; r < n_rows; r++) {
            lanes d = lanes_set(act_of(w, r, g)->d[g % 8]);
            float *p = w->p + r * QN_PAGE_TOKENS;
            QN_UNROLL(4)
            for (size_t i = 0; i < n_lanes; i++, p += 16) {
                lanes unit = lanes_mul(lanes_load(w->scale + g * QN_PAGE_TOKENS + 16 * i), d);
                lanes s = g > 0 ? lanes_load(p) : lanes_set(0);
                lanes_store(p, lanes_fma(ints_to_float(sum[r][i]), unit, s));
            }
        }
    }
}

#ifdef QN_ONE_LOOP
#define WITH_3_ROWS WITH_ROWS
#else
// clang-format off
#define WITH_3_ROWS(n_rows, f, ...) \
    switch (n_rows) { \
    case 1: f(1, __VA_ARGS__); break; \
    case 2: f(2, __VA_ARGS__); break; \
    default: f(3, __VA_ARGS__); \
    }
// clang-format on
#endif

/* type and form: what is compiled for Q8_0, for nibbles, and for nibbles that are bytes now. */
LANES_INLINE void int_scores_as(size_t n_rows, size_t n_lanes, qn_kv_type type, code_form form,
                                const key_job *w)
{
#ifdef __AVX512F__
    WITH_ROWS(n_rows, int_score_tile, n_lanes, type, form, w)
#else
    WITH_3_ROWS(n_rows, int_score_tile, n_lanes, type, form, w)
#endif
}

static void int_scores_of(size_t n_rows, size_t n_lanes, qn_kv_type type, code_form form,
                          const key_job *w)
{
#ifdef __AVX512F__
    if (n_lanes == 4 && type == QN_KV_Q8_0)
        int_scores_as(n_rows, 4, QN_KV_Q8_0, CODE_BYTES, w);
    else if (n_lanes == 4 && form == CODE_NIBBLES)
        int_scores_as(n_rows, 4, QN_KV_Q4_0, CODE_NIBBLES, w);
    else if (n_lanes == 4)
        int_scores_as(n_rows, 4, QN_KV_Q4_0, CODE_BYTES, w);
    else if (type == QN_KV_Q8_0)
        int_scores_as(n_rows, 2, QN_KV_Q8_0, CODE_BYTES, w);
    else if (form == CODE_NIBBLES)
        int_scores_as(n_rows, 2, QN_KV_Q4_0, CODE_NIBBLES, w);
    else
        int_scores_as(n_rows, 2, QN_KV_Q4_0, CODE_BYTES, w);
#else
    if (type == QN_KV_Q8_0)
        int_scores_as(n_rows, 1, QN_KV_Q8_0, CODE_BYTES, w);
    else if (form == CODE_NIBBLES)
        int_scores_as(n_rows, 1, QN_KV_Q4_0, CODE_NIBBLES, w);
    else
        int_scores_as(n_rows, 1, QN_KV_Q4_0, CODE_BYTES, w);
#endif
    (void)n_lanes;
}

/* Nibbles of keys to bytes, so that many rows need not. */
static const uint8_t *key_nibbles_to_bytes(const block *b, const uint8_t *codes)
{
    uint8_t *to = b->page;
    for (size_t step = 0; step < b->job->k_dim / 4; step++)
        for (size_t i = 0; i < QN_PAGE_TOKENS / 16; i++)
            ints_store(to + 4 * (step * QN_PAGE_TOKENS + 16 * i),
                       key_codes(CODE_NIBBLES, codes, step, i));
    return to;
}

/* The tile's rows against the keys that some row sees, as far as pairs of vectors go. */
static void int_scores_of_tile(const block *b, size_t i, size_t n_rows, code_form form, key_job w)
{
    span j = span_of(n_rows, b->seen + i);
    size_t n_lanes = TILE_LANES;
    if (j.first > j.last)
        return;
    size_t from = (size_t)j.first / 32 * 32, end = (size_t)j.last / 32 * 32 + 32;
    if (end - from < 16 * n_lanes)
        n_lanes /= 2;
    w.act += i * w.act_bytes;
    w.bias += i * w.n_groups;
    w.p = b->p + i * QN_PAGE_TOKENS;
    for (size_t at = from; at < end; at += 16 * n_lanes) {
        key_job part = w;
        part.k += 4 * at;
        part.scale += at;
        part.p += at;
        part.next += at * b->job->k_dim / (form == CODE_NIBBLES ? 4 : 2);
        int_scores_of(n_rows, n_lanes, b->job->k_type, form, &part);
    }
}

/* Scores; meanwhile the keys of the next page are fetched, half of them with each of the first two
 * tiles; what is left is b->rest. */
static void int_scores(block *b, uint32_t page)
{
    const qn_attend_job *job = b->job;
    size_t codes_at = qn_kv_codes_at(job->k_dim);
    size_t half = (qn_kv_page_bytes(job->k_type, job->k_dim) - codes_at) / 2;
    const uint8_t *keys = keys_of(b, page), *codes = keys + codes_at, *next = next_keys(b, page);
    key_job w = {.k = codes,
                 .scale = b->scale,
                 .act = b->act,
                 .bias = b->bias,
                 .k_dim = job->k_dim,
                 .act_bytes = qn_attend_act_bytes(job->k_dim),
                 .n_groups = qn_kv_groups(job->k_dim)};
    code_form form = job->k_type == QN_KV_Q4_0 && b->in_place ? CODE_NIBBLES : CODE_BYTES;
    decode_scales(w.n_groups, b->scale, keys, next);
    if (job->k_type == QN_KV_Q4_0 && form == CODE_BYTES)
        w.k = key_nibbles_to_bytes(b, codes);
    size_t n_tiles = QN_MAX((b->n + KEY_ROWS - 1) / KEY_ROWS, (size_t)1),
           n_tile = (b->n + n_tiles - 1) / n_tiles;
    for (size_t i = 0; i < b->n; i += n_tile) {
        w.next = next + codes_at + (i > 0 ? half : 0);
        int_scores_of_tile(b, i, QN_MIN(n_tile, b->n - i), form, w);
    }
    b->rest = next + codes_at + half;
    b->n_rest = n_tiles > 1 || !b->in_place ? 0 : half / 64;
}

/* --- values --- */

/* From scales to those in units of the largest that is seen: 32767 at most; returns that unit. */
static float weigh_scales(slots seen, float *scale)
{
    lanes s[4], factor;
    for (size_t i = 0; i < 4; i++)
        s[i] = lanes_load(scale + 16 * i);
    if (seen.first > 0 || seen.last < QN_PAGE_TOKENS - 1)
        mask_scores(seen, s, lanes_set(0));
    float most = lanes_fold_bits(s); /* NaN when one is */
    factor = lanes_set(most > 0 ? QN_ATTEND_UNITS / most : 0);
    for (size_t i = 0; i < 4; i++)
        lanes_store(scale + 16 * i, lanes_mul(s[i], factor));
    return most / QN_ATTEND_UNITS;
}

/* u = p in units of the scales, for all slots; p is 0 where the row does not see one. */
static void weigh(const float *p, const float *scale, int16_t *u)
{
    for (size_t i = 0; i < QN_PAGE_TOKENS; i += 16)
        lanes_to_words(u + i, lanes_mul(lanes_load(p + i), lanes_load(scale + i)));
}

/* The scales of a page's values, weighed for all rows when all see all of it. */
static void begin_values(const block *b, uint32_t page)
{
    const qn_attend_job *job = b->job;
    size_t n_groups = qn_kv_groups(job->v_dim);
    decode_scales(n_groups, b->scale, values_of(b, page), next_values(b, page));
    for (size_t g = 0; b->whole && g < n_groups; g++)
        b->most[g] = weigh_scales((slots){0, QN_PAGE_TOKENS - 1}, b->scale + g * QN_PAGE_TOKENS);
}

/* The weights and their units of row i, the r-th of its tile. */
static void weigh_row(const block *b, uint32_t page, size_t i, size_t r)
{
    size_t n_groups = qn_kv_groups(b->job->v_dim);
    if (b->seen[i].first > b->seen[i].last) {
        memset(b->u + r * n_groups * QN_PAGE_TOKENS, 0, n_groups * QN_PAGE_TOKENS * sizeof *b->u);
        return;
    }
    if (!b->whole)
        decode_scales(n_groups, b->scale, values_of(b, page), values_of(b, page));
    for (size_t g = 0; g < n_groups; g++) {
        float *scale = b->scale + g * QN_PAGE_TOKENS;
        if (!b->whole)
            b->most[g] = weigh_scales(b->seen[i], scale);
        weigh(b->p + i * QN_PAGE_TOKENS, scale, b->u + (r * n_groups + g) * QN_PAGE_TOKENS);
        b->unit[r * n_groups + g] = b->b[i] * b->most[g];
    }
}

typedef struct int_value_job { /* acc[r][0 .. 16 n_lanes) = acc * c[r] + unit[r] * (u[r] v) */
    float *acc;                /* row r at r * n_part */
    const float *c;            /* at r */
    const slots *seen;         /* at r */
    const float *unit;         /* at r * n_groups, of the first dim's group */
    const int16_t *u;          /* at r * n_groups * 64, likewise */
    size_t first, last;        /* pairs of slots that some row sees */
    const uint8_t *v;          /* the first dim of pair 0 */
    size_t v_stride;           /* bytes of a pair */
    const uint8_t *next;       /* is fetched, as many bytes as v has */
    size_t n_part, n_groups;
} int_value_job;

/* Dims 16 i to 16 i + 15 of a pair; high: of nibbles that begin with the high ones. */
LANES_INLINE ints value_codes(code_form form, const uint8_t *v, size_t i, bool high)
{
    if (form == CODE_WORDS)
        return ints_load(v + 64 * i);
    if (form == CODE_BYTES)
        return ints_of_signed_bytes(v + 32 * i);
    return ints_of_odd_nibbles(v + i / 2 * 32, high || i % 2 == 1);
}

LANES_INLINE void int_value_tile(size_t n_rows, size_t n_lanes, code_form form, bool high,
                                 const int_value_job *w)
{
    ints s[MOST_SUMS];
    QN_UNROLL(24)
    for (size_t i = 0; i < n_rows * n_lanes; i++)
        s[i] = ints_zero();
    for (size_t pair = w->first; pair <= w->last; pair++) {
        const uint8_t *v = w->v + pair * w->v_stride;
        if (form != CODE_WORDS)
            fetch(w->next + pair * w->v_stride, form == CODE_BYTES ? n_lanes : (n_lanes + 1) / 2);
        QN_UNROLL(16)
        for (size_t i = 0; i < n_lanes; i++) {
            ints codes = value_codes(form, v, i, high);
            QN_UNROLL(6)
            for (size_t r = 0; r < n_rows; r++) {
                const int16_t *u = w->u + (r * w->n_groups + i / 2) * QN_PAGE_TOKENS;
                s[r * n_lanes + i] =
                    dot_words(s[r * n_lanes + i], codes, load_4_bytes(u + 2 * pair));
            }
        }
    }
    QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++) {
        float *acc = w->acc + r * w->n_part;
        if (w->seen[r].first > w->seen[r].last)
            continue;
        QN_UNROLL(16)
        for (size_t i = 0; i < n_lanes; i++) {
            lanes unit = lanes_set(w->unit[r * w->n_groups + i / 2]);
            lanes sum = lanes_mul(lanes_load(acc + 16 * i), lanes_set(w->c[r]));
            lanes_store(acc + 16 * i, lanes_fma(ints_to_float(s[r * n_lanes + i]), unit, sum));
        }
    }
}

// clang-format off
/* int_value_tile with constant rows and lanes; as many lanes as MOST_SUMS allows. */
#ifdef QN_ONE_LOOP
#define INT_VALUES(form, high) int_value_tile(n_rows, n_lanes, form, high, w);
#else
#define INT_VALUE_TILE(rows, lanes, form, high)     case 8 * (lanes) + (rows): int_value_tile(rows, lanes, form, high, w); break;
#ifdef __AVX512F__
#define INT_VALUES(form, high)     switch (8 * n_lanes + n_rows) {     INT_VALUE_TILE(1, 1, form, high) INT_VALUE_TILE(2, 1, form, high)     INT_VALUE_TILE(3, 1, form, high) INT_VALUE_TILE(4, 1, form, high)     INT_VALUE_TILE(5, 1, form, high) INT_VALUE_TILE(6, 1, form, high)     INT_VALUE_TILE(1, 2, form, high) INT_VALUE_TILE(2, 2, form, high)     INT_VALUE_TILE(3, 2, form, high) INT_VALUE_TILE(4, 2, form, high)     INT_VALUE_TILE(5, 2, form, high) INT_VALUE_TILE(6, 2, form, high)     INT_VALUE_TILE(1, 4, form, high) INT_VALUE_TILE(2, 4, form, high)     INT_VALUE_TILE(3, 4, form, high) INT_VALUE_TILE(4, 4, form, high)     INT_VALUE_TILE(5, 4, form, high) INT_VALUE_TILE(6, 4, form, high)     INT_VALUE_TILE(1, 8, form, high) INT_VALUE_TILE(2, 8, form, high)     INT_VALUE_TILE(3, 8, form, high) INT_VALUE_TILE(1, 16, form, high)     }
#else
#define INT_VALUES(form, high)     switch (8 * n_lanes + n_rows) {     INT_VALUE_TILE(1, 1, form, high) INT_VALUE_TILE(2, 1, form, high)     INT_VALUE_TILE(3, 1, form, high) INT_VALUE_TILE(4, 1, form, high)     INT_VALUE_TILE(5, 1, form, high) INT_VALUE_TILE(6, 1, form, high)     INT_VALUE_TILE(1, 2, form, high) INT_VALUE_TILE(2, 2, form, high)     INT_VALUE_TILE(3, 2, form, high) INT_VALUE_TILE(1, 4, form, high)     }
#endif
#endif
// clang-format on

static void int_values_as(size_t n_rows, size_t n_lanes, code_form form, bool high,
                          const int_value_job *w)
{
    if (form == CODE_WORDS) {
        INT_VALUES(CODE_WORDS, false)
    } else if (form == CODE_BYTES) {
        INT_VALUES(CODE_BYTES, false)
    } else if (high) {
        INT_VALUES(CODE_NIBBLES, true)
    } else {
        INT_VALUES(CODE_NIBBLES, false)
    }
}

/* Bytes of 16 dims of a pair. */
static size_t bytes_of_16(code_form form)
{
    return form == CODE_WORDS ? 64 : form == CODE_BYTES ? 32 : 16;
}

/* All output dims of the tile that begins at row i; w is set up for dim 0. */
static void int_values_of_tile(const block *b, size_t n_rows, code_form form, int_value_job w)
{
    size_t v_dim = b->job->v_dim, n_lanes = 16;
    while (n_lanes * n_rows > MOST_SUMS)
        n_lanes /= 2;
    for (size_t dim = 0; dim < v_dim; dim += 16 * n_lanes) {
        int_value_job part = w;
        while (16 * n_lanes > v_dim - dim)
            n_lanes /= 2;
        part.acc += dim;
        part.unit += dim / QN_KV_GROUP;
        part.u += dim / QN_KV_GROUP * QN_PAGE_TOKENS;
        part.v += (form == CODE_NIBBLES ? dim / 32 * 2 : dim / 16) * bytes_of_16(form);
        part.next += dim / 16 * bytes_of_16(form);
        int_values_as(n_rows, n_lanes, form, dim / 16 % 2, &part);
    }
}

/* Codes of values to words, so that many rows need not. */
static const uint8_t *decode_codes(const block *b, const uint8_t *codes)
{
    uint8_t *to = b->page;
    size_t n = b->job->v_dim * QN_PAGE_TOKENS / 32; /* of 32 codes */
    if (b->job->v_type == QN_KV_Q8_0)
        for (size_t i = 0; i < n; i++)
            ints_store(to + 64 * i, ints_of_signed_bytes(codes + 32 * i));
    else
        for (size_t i = 0; i < n; i += 2) {
            ints_store(to + 64 * i, ints_of_odd_nibbles(codes + 16 * i, false));
            ints_store(to + 64 * i + 64, ints_of_odd_nibbles(codes + 16 * i, true));
        }
    return to;
}

static void int_values(const block *b, uint32_t page)
{
    const qn_attend_job *job = b->job;
    code_form form = !b->in_place                ? CODE_WORDS
                     : job->v_type == QN_KV_Q8_0 ? CODE_BYTES
                                                 : CODE_NIBBLES;
    size_t codes_at = qn_kv_codes_at(job->v_dim);
    const uint8_t *codes = values_of(b, page) + codes_at;
    int_value_job w = {.unit = b->unit,
                       .u = b->u,
                       .v = b->in_place ? codes : decode_codes(b, codes),
                       .v_stride = job->v_dim / 16 * bytes_of_16(form),
                       .next = next_values(b, page) + codes_at,
                       .n_part = qn_attend_part_floats(job->v_dim),
                       .n_groups = qn_kv_groups(job->v_dim)};
    begin_values(b, page);
    for (size_t i = 0; i < b->n; i += b->n_tile) {
        size_t n_rows = QN_MIN(b->n_tile, b->n - i);
        span j = span_of(n_rows, b->seen + i);
        if (j.first > j.last)
            continue;
        for (size_t r = 0; r < n_rows; r++)
            weigh_row(b, page, i + r, r);
        w.acc = b->parts + i * w.n_part + 16;
        w.c = b->c + i;
        w.seen = b->seen + i;
        w.first = (size_t)j.first / 2;
        w.last = (size_t)j.last / 2;
        int_values_of_tile(b, n_rows, form, w);
    }
}
