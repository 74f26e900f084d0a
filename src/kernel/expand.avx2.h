/* kernel/expand.avx2.h - what the decoders of weights share: 16 outputs in the lanes.
 *
 * Included only by files compiled for AVX2 or AVX-512. */
#pragma once

#include "kernel/f16.h"
#include "kernel/ints.avx2.h"
#include "kernel/kernels.h"

/* The weights of 16 outputs. What comes after them lies at next in one piece. A load of n bytes of
 * each row asks for 16 n bytes of that, in the order of memory, and for what each row itself needs
 * soon. Without a next nothing is asked for. */
typedef struct rows16 {
    const uint8_t *w[4]; /* rows 0, 4, 8 and 12 */
    const uint8_t *next;
    bool asks;
    size_t stride, stride3; /* one row, three rows: what an address can add */
} rows16;

/* The empty statements keep compilers from turning the six registers back into 16 sums. */
LANES_INLINE rows16 rows_of(const uint8_t *w, size_t stride, const uint8_t *next)
{
    rows16 r = {.next = next, .asks = next, .stride = stride, .stride3 = 3 * stride};
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++) {
        r.w[i] = w + 4 * i * stride;
        __asm__("" : "+r"(r.w[i]));
    }
    __asm__("" : "+r"(r.stride3));
    return r;
}

LANES_INLINE rows16 rows_at(rows16 r, size_t n_bytes)
{
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++)
        r.w[i] += n_bytes;
    r.next += 16 * n_bytes;
    return r;
}

LANES_INLINE const uint8_t *row(rows16 r, size_t o)
{
    size_t after = o % 4 == 3 ? r.stride3 : o % 4 * r.stride;
    return r.w[o / 4] + after;
}

LANES_INLINE void ask_next(rows16 r, size_t n_bytes)
{
    if (!r.asks)
        return;
    QN_UNROLL(8)
    for (size_t i = 0; i < 16 * n_bytes; i += 64)
        __builtin_prefetch(r.next + i, 0, 2);
}

/* For n_rows rows from o on, a multiple of 4. */
LANES_INLINE void ask_rows(rows16 r, size_t o, size_t n_rows)
{
    if (!r.asks)
        return;
    const uint8_t *w = r.w[0] + o * r.stride + 256;
    QN_UNROLL(4)
    for (size_t i = 0; i < n_rows; i += 4, w += 4 * r.stride) {
        __builtin_prefetch(w, 0, 3);
        __builtin_prefetch(w + r.stride, 0, 3);
        __builtin_prefetch(w + 2 * r.stride, 0, 3);
        __builtin_prefetch(w + r.stride3, 0, 3);
    }
}

/* 16 bytes of each row: dword i of row o becomes lane o of out[i]. */
LANES_INLINE void columns16(rows16 rows, ints out[4])
{
    ints r[4];
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++)
        r[i] =
            ints_load_quarters(row(rows, i), row(rows, 4 + i), row(rows, 8 + i), row(rows, 12 + i));
    ints_transpose4(r, out);
}

/* The same, asking. Four turns of 16 bytes ask once for each row. */
LANES_INLINE void load_16(rows16 rows, size_t turn, ints out[4])
{
    ask_next(rows, 16);
    ask_rows(rows, turn % 4 * 4, 4);
    columns16(rows, out);
}

#ifdef __AVX512F__

/* 32 bytes of each row: dword i of row o becomes lane o of out[i]. Two turns ask for each row. */
LANES_INLINE void load_32(rows16 rows, size_t turn, ints out[8])
{
    ints r[8], low[4], high[4];
    ask_next(rows, 32);
    ask_rows(rows, turn % 2 * 8, 8);
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++) {
        r[i] = ints_load_halves(row(rows, i), row(rows, 4 + i));
        r[4 + i] = ints_load_halves(row(rows, 8 + i), row(rows, 12 + i));
    }
    ints_transpose4(r, low); /* quarters: dwords i and 4 + i of rows 0 to 3, the same of 4 to 7 */
    ints_transpose4(r + 4, high); /* of rows 8 to 15 */
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++) {
        out[i] = _mm512_shuffle_i32x4(low[i], high[i], 0x88);
        out[4 + i] = _mm512_shuffle_i32x4(low[i], high[i], 0xdd);
    }
}

#else

LANES_INLINE void load_32(rows16 rows, size_t turn, ints out[8])
{
    ask_next(rows, 32);
    ask_rows(rows, turn % 2 * 8, 8);
    columns16(rows, out);
    columns16(rows_at(rows, 16), out + 4);
}

#endif

LANES_INLINE __m128i load_4_dwords(rows16 r, size_t o)
{
    __m128i d = _mm_cvtsi32_si128((int)qn_load_u32(row(r, o)));
    d = _mm_insert_epi32(d, (int)qn_load_u32(row(r, o + 1)), 1);
    d = _mm_insert_epi32(d, (int)qn_load_u32(row(r, o + 2)), 2);
    return _mm_insert_epi32(d, (int)qn_load_u32(row(r, o + 3)), 3);
}

/* 4 bytes of each row. */
LANES_INLINE ints load_dwords(rows16 r)
{
    return ints_of_quarters(load_4_dwords(r, 0), load_4_dwords(r, 4), load_4_dwords(r, 8),
                            load_4_dwords(r, 12));
}

LANES_INLINE __m128i load_8_words(rows16 r, size_t o)
{
    __m128i h = _mm_cvtsi32_si128(qn_load_u16(row(r, o)));
    h = _mm_insert_epi16(h, qn_load_u16(row(r, o + 1)), 1);
    h = _mm_insert_epi16(h, qn_load_u16(row(r, o + 2)), 2);
    h = _mm_insert_epi16(h, qn_load_u16(row(r, o + 3)), 3);
    h = _mm_insert_epi16(h, qn_load_u16(row(r, o + 4)), 4);
    h = _mm_insert_epi16(h, qn_load_u16(row(r, o + 5)), 5);
    h = _mm_insert_epi16(h, qn_load_u16(row(r, o + 6)), 6);
    return _mm_insert_epi16(h, qn_load_u16(row(r, o + 7)), 7);
}

/* One binary16 of each row. */
LANES_INLINE lanes load_f16s(rows16 r)
{
    return lanes_of_words(load_8_words(r, 0), load_8_words(r, 8));
}

LANES_INLINE void put_low_nibbles(uint8_t q[16][4], ints bytes)
{
    ints_store(q, ints_and(bytes, ints_set_bytes(15)));
}
