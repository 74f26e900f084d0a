/* tests/support/blocks.c - where each encoding keeps its f16 scales, and what its integers spread
 * to.
 */
#include "tests/support/blocks.h"

#include "kernel/f16.h"
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

typedef struct scale_fields { /* of a block: d, and m = -shift * d where it has a minimum */
    qn_encoding encoding;
    size_t d_at, m_at; /* m_at 0: no minimum */
    float spread;      /* standard deviation of random integers, times d */
    float shift;       /* their mean */
} scale_fields;

static const scale_fields fields[] = {
    {QN_Q4_0, 0, 0, 4.6f, 0},        {QN_Q4_1, 0, 2, 4.6f, 7.5f},   {QN_Q5_0, 0, 0, 9.2f, 0},
    {QN_Q5_1, 0, 2, 9.2f, 15.5f},    {QN_Q8_0, 0, 0, 74.0f, 0},     {QN_Q4_K, 0, 2, 330.0f, -7.5f},
    {QN_Q5_K, 0, 2, 660.0f, -15.5f}, {QN_Q6_K, 208, 0, 1400.0f, 0},
};

static void put_half(uint8_t *at, float v)
{
    uint16_t h = qn_to_f16(v);
    memcpy(at, &h, sizeof h);
}

static void fill_random(uint8_t *bytes, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i += 8) {
        uint64_t v = qn_test_random(seed, i);
        memcpy(bytes + i, &v, QN_MIN(sizeof v, n - i));
    }
}

/* Sums of four uniforms: near enough to a bell, of this deviation. */
static float random_value(uint64_t seed, uint64_t i, float deviation)
{
    uint64_t v = qn_test_random(seed, i);
    int sum = 0;
    for (int k = 0; k < 4; k++)
        sum += (int)(v >> (16 * k) & 0xFFFF) - 32768;
    return (float)sum / 37837.0f * deviation;
}

static void fill_floats(qn_encoding e, size_t n_values, uint64_t seed, float deviation,
                        uint8_t *out)
{
    for (size_t i = 0; i < n_values; i++) {
        float v = random_value(seed, i, deviation);
        uint32_t bits;
        memcpy(&bits, &v, sizeof bits);
        uint16_t upper = (uint16_t)(bits >> 16);
        if (e == QN_F32)
            memcpy(out + 4 * i, &v, 4);
        else if (e == QN_F16)
            put_half(out + 2 * i, v);
        else
            memcpy(out + 2 * i, &upper, 2);
    }
}

void qn_test_random_weights(qn_encoding e, size_t n_values, uint64_t seed, float deviation,
                            uint8_t *bytes)
{
    size_t i = 0, n_block = qn_encoding_block_bytes(e);
    while (i < QN_COUNT(fields) && fields[i].encoding != e)
        i++;
    if (i == QN_COUNT(fields)) {
        fill_floats(e, n_values, seed, deviation, bytes);
        return;
    }
    const scale_fields *f = &fields[i];
    size_t n_blocks = n_values / qn_encoding_block(e);
    fill_random(bytes, n_blocks * n_block, seed);
    for (size_t b = 0; b < n_blocks; b++) {
        float d = deviation / f->spread * (0.75f + (float)(b % 8) / 14.0f);
        put_half(bytes + b * n_block + f->d_at, d);
        if (f->m_at)
            put_half(bytes + b * n_block + f->m_at, -f->shift * d);
    }
}

void qn_test_pack(const qn_matrix *w, uint8_t *bytes)
{
    for (size_t o = 0; o < w->n_out; o += QN_PACKED_OUTPUTS)
        qn_pack(w->encoding, w->n_in, QN_MIN(w->n_out - o, (size_t)QN_PACKED_OUTPUTS),
                w->bytes + o * w->n_row_bytes, bytes + o * w->n_row_bytes);
}
