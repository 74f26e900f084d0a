/* kernel/registers.avx2.h - one register of 32-bit lanes: 16 with AVX-512, 8 with AVX2.
 *
 * What 16 lanes do is built of it (lanes.avx2.h, ints.avx2.h). By itself it is for code whose sums
 * would not stay in the registers of AVX2 if there were two for each. Included only by files
 * compiled for one of them. */
#pragma once

#include "base/types.h"

#include <immintrin.h>

#define LANES_INLINE static inline __attribute__((always_inline, unused))

#ifdef __AVX512F__

typedef __m512i ireg;
typedef __m512 freg;
enum { N_REGISTERS = 1, REGISTER_LANES = 16 }; /* of 16 lanes; lanes of one */

#define REGISTER(intrinsic) _mm512_##intrinsic

/* type_op of 16 lanes: reg_op of each register of them, with so many operands of that type. */
#define EACH_1(type, reg, op)                                                                      \
    LANES_INLINE type type##_##op(type a)                                                          \
    {                                                                                              \
        return reg##_##op(a);                                                                      \
    }
#define EACH_2(type, reg, op)                                                                      \
    LANES_INLINE type type##_##op(type a, type b)                                                  \
    {                                                                                              \
        return reg##_##op(a, b);                                                                   \
    }
#define EACH_3(type, reg, op)                                                                      \
    LANES_INLINE type type##_##op(type a, type b, type c)                                          \
    {                                                                                              \
        return reg##_##op(a, b, c);                                                                \
    }
/* With an operand that all registers share, behind those of the type or alone. */
#define EACH_BY(type, reg, op, shared)                                                             \
    LANES_INLINE type type##_##op(type a, shared n)                                                \
    {                                                                                              \
        return reg##_##op(a, n);                                                                   \
    }
#define EACH_2_BY(type, reg, op, shared)                                                           \
    LANES_INLINE type type##_##op(type a, type b, shared n)                                        \
    {                                                                                              \
        return reg##_##op(a, b, n);                                                                \
    }
#define EACH_OF(type, reg, op, shared)                                                             \
    LANES_INLINE type type##_##op(shared x)                                                        \
    {                                                                                              \
        return reg##_##op(x);                                                                      \
    }

#else

typedef __m256i ireg;
typedef __m256 freg;
enum { N_REGISTERS = 2, REGISTER_LANES = 8 };

#define REGISTER(intrinsic) _mm256_##intrinsic

#define EACH_1(type, reg, op)                                                                      \
    LANES_INLINE type type##_##op(type a)                                                          \
    {                                                                                              \
        return (type){reg##_##op(a.low), reg##_##op(a.high)};                                      \
    }
#define EACH_2(type, reg, op)                                                                      \
    LANES_INLINE type type##_##op(type a, type b)                                                  \
    {                                                                                              \
        return (type){reg##_##op(a.low, b.low), reg##_##op(a.high, b.high)};                       \
    }
#define EACH_3(type, reg, op)                                                                      \
    LANES_INLINE type type##_##op(type a, type b, type c)                                          \
    {                                                                                              \
        return (type){reg##_##op(a.low, b.low, c.low), reg##_##op(a.high, b.high, c.high)};        \
    }
#define EACH_BY(type, reg, op, shared)                                                             \
    LANES_INLINE type type##_##op(type a, shared n)                                                \
    {                                                                                              \
        return (type){reg##_##op(a.low, n), reg##_##op(a.high, n)};                                \
    }
#define EACH_2_BY(type, reg, op, shared)                                                           \
    LANES_INLINE type type##_##op(type a, type b, shared n)                                        \
    {                                                                                              \
        return (type){reg##_##op(a.low, b.low, n), reg##_##op(a.high, b.high, n)};                 \
    }
#define EACH_OF(type, reg, op, shared)                                                             \
    LANES_INLINE type type##_##op(shared x)                                                        \
    {                                                                                              \
        return (type){reg##_##op(x), reg##_##op(x)};                                               \
    }

#endif

/* --- floats --- */

LANES_INLINE freg freg_set(float x)
{
    return REGISTER(set1_ps)(x);
}

LANES_INLINE freg freg_load(const float *p)
{
    return REGISTER(loadu_ps)(p);
}

LANES_INLINE void freg_store(float *p, freg a)
{
    REGISTER(storeu_ps)(p, a);
}

LANES_INLINE freg freg_add(freg a, freg b)
{
    return REGISTER(add_ps)(a, b);
}

LANES_INLINE freg freg_sub(freg a, freg b)
{
    return REGISTER(sub_ps)(a, b);
}

LANES_INLINE freg freg_mul(freg a, freg b)
{
    return REGISTER(mul_ps)(a, b);
}

LANES_INLINE freg freg_div(freg a, freg b)
{
    return REGISTER(div_ps)(a, b);
}

/* a * b + c, c - a * b */
LANES_INLINE freg freg_fma(freg a, freg b, freg c)
{
    return REGISTER(fmadd_ps)(a, b, c);
}

LANES_INLINE freg freg_fnma(freg a, freg b, freg c)
{
    return REGISTER(fnmadd_ps)(a, b, c);
}

/* a > b ? a : b and a < b ? a : b, so b where either is NaN. */
LANES_INLINE freg freg_max(freg a, freg b)
{
    return REGISTER(max_ps)(a, b);
}

LANES_INLINE freg freg_min(freg a, freg b)
{
    return REGISTER(min_ps)(a, b);
}

/* --- integers --- */

LANES_INLINE ireg ireg_set(int32_t x)
{
    return REGISTER(set1_epi32)(x);
}

LANES_INLINE ireg ireg_set_bytes(int8_t x)
{
    return REGISTER(set1_epi8)(x);
}

LANES_INLINE ireg ireg_add(ireg a, ireg b)
{
    return REGISTER(add_epi32)(a, b);
}

LANES_INLINE ireg ireg_add_words(ireg a, ireg b)
{
    return REGISTER(add_epi16)(a, b);
}

LANES_INLINE ireg ireg_maddubs(ireg a, ireg b)
{
    return REGISTER(maddubs_epi16)(a, b);
}

LANES_INLINE ireg ireg_madd(ireg a, ireg b)
{
    return REGISTER(madd_epi16)(a, b);
}

LANES_INLINE ireg ireg_abs_bytes(ireg a)
{
    return REGISTER(abs_epi8)(a);
}

/* Each lane by its own number of bits. */
LANES_INLINE ireg ireg_right_each(ireg a, ireg n)
{
    return REGISTER(srlv_epi32)(a, n);
}

LANES_INLINE freg ireg_to_float(ireg a)
{
    return REGISTER(cvtepi32_ps)(a);
}

/* Within each 128 bits, as the instructions of these names. */
LANES_INLINE ireg ireg_unpacklo16(ireg a, ireg b)
{
    return REGISTER(unpacklo_epi16)(a, b);
}

LANES_INLINE ireg ireg_unpackhi16(ireg a, ireg b)
{
    return REGISTER(unpackhi_epi16)(a, b);
}

LANES_INLINE ireg ireg_unpacklo32(ireg a, ireg b)
{
    return REGISTER(unpacklo_epi32)(a, b);
}

LANES_INLINE ireg ireg_unpackhi32(ireg a, ireg b)
{
    return REGISTER(unpackhi_epi32)(a, b);
}

LANES_INLINE ireg ireg_unpacklo64(ireg a, ireg b)
{
    return REGISTER(unpacklo_epi64)(a, b);
}

LANES_INLINE ireg ireg_unpackhi64(ireg a, ireg b)
{
    return REGISTER(unpackhi_epi64)(a, b);
}

LANES_INLINE ireg ireg_pack_dwords(ireg a, ireg b)
{
    return REGISTER(packs_epi32)(a, b);
}

LANES_INLINE ireg ireg_shuffle_bytes(ireg a, ireg order)
{
    return REGISTER(shuffle_epi8)(a, order);
}

/* In each 128 bits: dword i of r[j] becomes dword j of out[i]. */
LANES_INLINE void ireg_transpose4(const ireg r[4], ireg out[4])
{
    ireg low01 = ireg_unpacklo32(r[0], r[1]), high01 = ireg_unpackhi32(r[0], r[1]);
    ireg low23 = ireg_unpacklo32(r[2], r[3]), high23 = ireg_unpackhi32(r[2], r[3]);
    out[0] = ireg_unpacklo64(low01, low23);
    out[1] = ireg_unpackhi64(low01, low23);
    out[2] = ireg_unpacklo64(high01, high23);
    out[3] = ireg_unpackhi64(high01, high23);
}

#ifdef __AVX512F__

LANES_INLINE ireg ireg_load(const void *p)
{
    return _mm512_loadu_si512(p);
}

LANES_INLINE void ireg_store(void *p, ireg a)
{
    _mm512_storeu_si512(p, a);
}

LANES_INLINE ireg ireg_zero(void)
{
    return _mm512_setzero_si512();
}

/* Values of binary16. */
LANES_INLINE freg freg_load_f16(const void *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256(p));
}

/* Bytes as lanes, without sign and with. */
LANES_INLINE ireg ireg_of_bytes(const uint8_t *p)
{
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)p));
}

LANES_INLINE ireg ireg_of_signed_bytes(const uint8_t *p)
{
    return _mm512_cvtepi8_epi32(_mm_loadu_si128((const void *)p));
}

/* Four dwords in each 128 bits. */
LANES_INLINE ireg ireg_set_dwords(int32_t a, int32_t b, int32_t c, int32_t d)
{
    return _mm512_setr4_epi32(a, b, c, d);
}

LANES_INLINE ireg ireg_and(ireg a, ireg b)
{
    return _mm512_and_si512(a, b);
}

LANES_INLINE ireg ireg_xor(ireg a, ireg b)
{
    return _mm512_xor_si512(a, b);
}

/* a | (b & mask) */
LANES_INLINE ireg ireg_or_masked(ireg a, ireg b, ireg mask)
{
    return _mm512_ternarylogic_epi32(a, b, mask, 0xf8);
}

LANES_INLINE ireg ireg_right(ireg a, unsigned n)
{
    return _mm512_srli_epi32(a, n);
}

LANES_INLINE ireg ireg_left(ireg a, unsigned n)
{
    return _mm512_slli_epi32(a, n);
}

LANES_INLINE ireg ireg_right_signed(ireg a, unsigned n)
{
    return _mm512_srai_epi32(a, n);
}

/* a, computed where this stands: long sums that compilers put in an order of their own need more
 * registers than there are. */
LANES_INLINE ireg ireg_here(ireg a)
{
    __asm__("" : "+v"(a));
    return a;
}

/* The even, the odd dwords of each 128 bits of a, then of b. */
LANES_INLINE ireg ireg_even_dwords(ireg a, ireg b)
{
    return _mm512_castps_si512(
        _mm512_shuffle_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), 0x88));
}

LANES_INLINE ireg ireg_odd_dwords(ireg a, ireg b)
{
    return _mm512_castps_si512(
        _mm512_shuffle_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), 0xdd));
}

/* The bytes of x, negated where those of s are negative. */
LANES_INLINE ireg ireg_sign_bytes(ireg x, ireg s)
{
    return _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(s), _mm512_setzero_si512(), x);
}

/* Bits 4 i to 4 i + 3 of each lane as bit 4 of its four bytes. */
LANES_INLINE ireg ireg_spread(ireg bits, unsigned i)
{
    const ireg table =
        _mm512_setr_epi32(0x00000000, 0x00000010, 0x00001000, 0x00001010, 0x00100000, 0x00100010,
                          0x00101000, 0x00101010, 0x10000000, 0x10000010, 0x10001000, 0x10001010,
                          0x10100000, 0x10100010, 0x10101000, 0x10101010);
    return _mm512_permutexvar_epi32(_mm512_srli_epi32(bits, 4 * i), table);
}

#else

LANES_INLINE ireg ireg_load(const void *p)
{
    return _mm256_loadu_si256(p);
}

LANES_INLINE void ireg_store(void *p, ireg a)
{
    _mm256_storeu_si256(p, a);
}

LANES_INLINE ireg ireg_zero(void)
{
    return _mm256_setzero_si256();
}

LANES_INLINE ireg ireg_of_quarters(__m128i low, __m128i high)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

/* 128 bits from each of two places. */
LANES_INLINE ireg ireg_load_quarters(const uint8_t *low, const uint8_t *high)
{
    return ireg_of_quarters(_mm_loadu_si128((const void *)low),
                            _mm_loadu_si128((const void *)high));
}

LANES_INLINE freg freg_load_f16(const void *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128(p));
}

LANES_INLINE ireg ireg_of_bytes(const uint8_t *p)
{
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)p));
}

LANES_INLINE ireg ireg_of_signed_bytes(const uint8_t *p)
{
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)p));
}

LANES_INLINE ireg ireg_set_dwords(int32_t a, int32_t b, int32_t c, int32_t d)
{
    return _mm256_setr_epi32(a, b, c, d, a, b, c, d);
}

LANES_INLINE ireg ireg_and(ireg a, ireg b)
{
    return _mm256_and_si256(a, b);
}

LANES_INLINE ireg ireg_xor(ireg a, ireg b)
{
    return _mm256_xor_si256(a, b);
}

LANES_INLINE ireg ireg_or_masked(ireg a, ireg b, ireg mask)
{
    return _mm256_or_si256(a, _mm256_and_si256(b, mask));
}

LANES_INLINE ireg ireg_right(ireg a, unsigned n)
{
    return _mm256_srli_epi32(a, (int)n);
}

LANES_INLINE ireg ireg_left(ireg a, unsigned n)
{
    return _mm256_slli_epi32(a, (int)n);
}

LANES_INLINE ireg ireg_right_signed(ireg a, unsigned n)
{
    return _mm256_srai_epi32(a, (int)n);
}

LANES_INLINE ireg ireg_here(ireg a)
{
    __asm__("" : "+x"(a));
    return a;
}

LANES_INLINE ireg ireg_even_dwords(ireg a, ireg b)
{
    return _mm256_castps_si256(
        _mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0x88));
}

LANES_INLINE ireg ireg_odd_dwords(ireg a, ireg b)
{
    return _mm256_castps_si256(
        _mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0xdd));
}

LANES_INLINE ireg ireg_sign_bytes(ireg x, ireg s)
{
    return _mm256_sign_epi8(x, s);
}

LANES_INLINE ireg ireg_spread(ireg bits, unsigned i)
{
    const int32_t byte = (int32_t)(i / 2) * 0x01010101;
    const ireg order =
        ireg_set_dwords(byte, byte + 0x04040404, byte + 0x08080808, byte + 0x0c0c0c0c);
    const ireg bit = ireg_set(i % 2 ? (int32_t)0x80402010 : 0x08040201);
    ireg is_set = _mm256_cmpeq_epi8(ireg_and(ireg_shuffle_bytes(bits, order), bit), bit);
    return ireg_and(is_set, ireg_set_bytes(16));
}

#endif

/* sum + four products of bytes each: of w without sign, of x with. */
#if defined(__AVX512VNNI__)
enum { HAS_DOT = true };

LANES_INLINE ireg ireg_add_dot(ireg sum, ireg w, ireg x)
{
    return _mm512_dpbusd_epi32(sum, w, x);
}
#elif defined(__AVXVNNI__)
enum { HAS_DOT = true };

LANES_INLINE ireg ireg_add_dot(ireg sum, ireg w, ireg x)
{
    return _mm256_dpbusd_avx_epi32(sum, w, x);
}
#else
enum { HAS_DOT = false };
#endif

/* The low four bits of each byte of a, over those bits of b that mask has. */
LANES_INLINE ireg ireg_join(ireg a, ireg b, int8_t mask)
{
    return ireg_or_masked(ireg_and(a, ireg_set_bytes(15)), b, ireg_set_bytes(mask));
}
