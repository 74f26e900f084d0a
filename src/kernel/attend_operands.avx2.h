/* kernel/attend_operands.avx2.h - float keys and values as operands of products.
 *
 * An operation on lanes multiplies STEP dims of keys, or STEP positions of values: a float by fma,
 * or a pair of bf16, to which operands are rounded (class T, docs/adr/010). Decoded pages are
 * [steps of dims][64] and [steps of positions][padded dims] operands. */
#pragma once

#include "kernel/attend_block.avx2.h"

/* 16 values of a page from value i on; type is a constant. */
LANES_INLINE lanes load_kv(qn_kv_type type, const void *page, size_t i)
{
    return type == QN_KV_F16 ? lanes_of_f16((const uint16_t *)page + i)
                             : lanes_load((const float *)page + i);
}

/* The first n of them, less than 16, zeros behind. */
static lanes load_kv_n(qn_kv_type type, const void *page, size_t i, size_t n)
{
    uint16_t some[16] = {0};
    if (type == QN_KV_F32)
        return lanes_load_n((const float *)page + i, n);
    memcpy(some, (const uint16_t *)page + i, n * sizeof some[0]);
    return lanes_of_f16(some);
}

#ifdef __AVX512BF16__

enum { STEP = 2 };

typedef __m512i operands; /* 16 pairs of bf16, the first of each in the low half */

/* a and b rounded: pair i is a[i], b[i]. */
LANES_INLINE operands operands_of(lanes a, lanes b)
{
    const __m512i first = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i order = _mm512_or_si512(
        first, _mm512_slli_epi32(_mm512_add_epi32(first, _mm512_set1_epi32(16)), 16));
    return _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(b, a));
}

LANES_INLINE operands operands_load(const float *p)
{
    return _mm512_loadu_si512(p);
}

LANES_INLINE void operands_store(float *p, operands a)
{
    _mm512_storeu_si512(p, a);
}

/* What is at p in all lanes. */
LANES_INLINE operands operands_set(const float *p)
{
    int32_t pair;
    memcpy(&pair, p, sizeof pair);
    return _mm512_set1_epi32(pair);
}

LANES_INLINE lanes add_products(lanes sum, operands a, operands b)
{
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}

/* Without the positions, from j on, that a row does not see. */
LANES_INLINE operands operands_seen(operands a, slots seen, int32_t j)
{
    uint32_t first = j >= seen.first && j <= seen.last ? 0xffff : 0;
    uint32_t second = j + 1 >= seen.first && j + 1 <= seen.last ? 0xffff0000 : 0;
    return _mm512_and_si512(a, _mm512_set1_epi32((int32_t)(first | second)));
}

/* n floats as pairs of neighbours, with zeros to whole vectors. */
static void put_pairs(float *to, size_t n, const float *from)
{
    size_t i = 0;
    for (; i + 32 <= n; i += 32, to += 16)
        _mm512_storeu_si512(
            to, (__m512i)_mm512_cvtne2ps_pbh(lanes_load(from + i + 16), lanes_load(from + i)));
    if (i < n) {
        size_t some = QN_MIN(n - i, (size_t)16), more = n - i - some;
        lanes low = lanes_load_n(from + i, some);
        lanes high = lanes_load_n(from + i + some, more);
        _mm512_storeu_si512(to, (__m512i)_mm512_cvtne2ps_pbh(high, low));
    }
}

/* The weights of 64 positions. */
LANES_INLINE void put_weights(float *p, const lanes s[4])
{
    _mm512_storeu_si512(p, (__m512i)_mm512_cvtne2ps_pbh(s[1], s[0]));
    _mm512_storeu_si512(p + 16, (__m512i)_mm512_cvtne2ps_pbh(s[3], s[2]));
}

#else

enum { STEP = 1 };

typedef lanes operands;

LANES_INLINE operands operands_of(lanes a, lanes b)
{
    (void)b;
    return a;
}

LANES_INLINE operands operands_load(const float *p)
{
    return lanes_load(p);
}

LANES_INLINE void operands_store(float *p, operands a)
{
    lanes_store(p, a);
}

LANES_INLINE operands operands_set(const float *p)
{
    return lanes_set(*p);
}

LANES_INLINE lanes add_products(lanes sum, operands a, operands b)
{
    return lanes_fma(a, b, sum);
}

LANES_INLINE operands operands_seen(operands a, slots seen, int32_t j)
{
    (void)seen;
    (void)j;
    return a;
}

LANES_INLINE void put_weights(float *p, const lanes s[4])
{
    for (size_t i = 0; i < 4; i++)
        lanes_store(p + 16 * i, s[i]);
}

#endif

/* The operands of n values of a page from value i on, padded to whole vectors; in pairs, the others
 * are `apart` behind. */
LANES_INLINE void decode_some(qn_kv_type type, float *to, const void *page, size_t i, size_t n,
                              size_t apart)
{
    for (; n >= 16; n -= 16, i += 16, to += 16) {
        lanes a = load_kv(type, page, i);
        operands_store(to, operands_of(a, STEP == 1 ? a : load_kv(type, page, i + apart)));
    }
    if (n > 0) {
        lanes a = load_kv_n(type, page, i, n);
        operands_store(to, operands_of(a, STEP == 1 ? a : load_kv_n(type, page, i + apart, n)));
    }
}

static void decode(qn_kv_type type, float *to, const void *page, size_t i, size_t n, size_t apart)
{
    if (type == QN_KV_F16)
        decode_some(QN_KV_F16, to, page, i, n, apart);
    else
        decode_some(QN_KV_F32, to, page, i, n, apart);
}

/* The last dim, where it has no other to be a pair with. */
static void decode_last_key(const qn_attend_job *job, float *to, const uint8_t *keys)
{
    for (size_t j = 0; j < QN_PAGE_TOKENS; j += 16) {
        size_t i = (job->k_dim - 1) * QN_PAGE_TOKENS + j;
        lanes a =
            job->k_type == QN_KV_F16 ? load_kv(QN_KV_F16, keys, i) : load_kv(QN_KV_F32, keys, i);
        operands_store(to + j, operands_of(a, lanes_set(0)));
    }
}

/* Few rows wait for memory: what is read next is asked for meanwhile. */
LANES_INLINE void fetch_beside(const block *b, const uint8_t *next, size_t at, size_t n_bytes)
{
    for (size_t i = at; b->in_place && i < at + n_bytes; i += 64)
        _mm_prefetch((const char *)next + i, _MM_HINT_T0);
}

/* Floats that are operands as they lie need no decoding. */
static const float *decode_keys(const block *b, uint32_t page)
{
    const qn_attend_job *job = b->job;
    const uint8_t *keys = keys_of(b, page);
    size_t n_row = qn_kv_page_bytes(job->k_type, 1);
    float *to = b->page;
    if (STEP == 1 && job->k_type == QN_KV_F32)
        return (const float *)(const void *)keys;
    for (size_t d = 0; d + STEP <= job->k_dim; d += STEP, to += QN_PAGE_TOKENS) {
        fetch_beside(b, values_of(b, page), d * n_row, STEP * n_row);
        decode(job->k_type, to, keys, d * QN_PAGE_TOKENS, QN_PAGE_TOKENS, QN_PAGE_TOKENS);
    }
    if (job->k_dim % STEP != 0)
        decode_last_key(job, to, keys);
    return b->page;
}

static const float *decode_values(const block *b, uint32_t page)
{
    const qn_attend_job *job = b->job;
    const uint8_t *values = values_of(b, page);
    size_t v_dim = job->v_dim, pad = qn_attend_pad(v_dim);
    size_t n_row = qn_kv_page_bytes(job->v_type, v_dim) / QN_PAGE_TOKENS;
    float *to = b->page;
    if (STEP == 1 && job->v_type == QN_KV_F32 && pad == v_dim)
        return (const float *)(const void *)values;
    for (size_t j = 0; j < QN_PAGE_TOKENS; j += STEP, to += pad) {
        fetch_beside(b, next_keys(b, page), j * n_row, STEP * n_row);
        decode(job->v_type, to, values, j * v_dim, v_dim, v_dim);
    }
    return b->page;
}
