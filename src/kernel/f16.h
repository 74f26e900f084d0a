/* kernel/f16.h - 16-bit floats and little-endian words, read from bytes of any alignment. */
#pragma once

#include "base/types.h"

#include <string.h>

static inline uint16_t qn_load_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline uint32_t qn_load_u32(const uint8_t *bytes)
{
    return (uint32_t)qn_load_u16(bytes) | (uint32_t)qn_load_u16(bytes + 2) << 16;
}

static inline float qn_float_of_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline uint32_t qn_bits_of_float(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* IEEE binary16, exactly; a NaN becomes quiet, as VCVTPH2PS does it. Never meets a subnormal f32,
 * so that no flush mode of the CPU matters. */
static inline float qn_f16(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, fraction = h & 0x3ff;
    if (exponent == 0) {
        float f = (float)fraction * 0x1p-24f;
        return sign ? -f : f;
    }
    if (exponent == 31)
        return qn_float_of_bits(sign | 0x7f800000 | (fraction ? 0x400000 : 0) | fraction << 13);
    return qn_float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

static inline float qn_bf16(uint16_t h)
{
    return qn_float_of_bits((uint32_t)h << 16);
}

/* To binary16 as VCVTPS2PH does it: to nearest even, infinity from 65520 on, NaN stays NaN. */
static inline uint16_t qn_to_f16(float x)
{
    uint32_t bits = qn_bits_of_float(x), sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff;
    if (rest > 0x7f800000)
        return (uint16_t)(sign | 0x7e00 | (rest >> 13 & 0x3ff));
    if (rest >= 0x477ff000)
        return (uint16_t)(sign | 0x7c00);
    if (rest < 0x38800000) /* below 2^-14: after adding 1/2 the low bits are the f16 subnormal */
        return (uint16_t)(sign | (qn_bits_of_float(qn_float_of_bits(rest) + 0.5f) - 0x3f000000));
    return (uint16_t)(sign | (rest - (112u << 23) + 0xfff + (rest >> 13 & 1)) >> 13);
}
