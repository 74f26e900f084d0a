/* base/reader.c - the bounded little-endian reader. */
#include "base/reader.h"

#include <string.h>

const uint8_t *qn_read_bytes(qn_reader *r, uint64_t n)
{
    if (n > qn_reader_left(r)) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->bytes + r->at;
    r->at += (size_t)n;
    return p;
}

static uint64_t read_le(qn_reader *r, size_t n)
{
    const uint8_t *p = qn_read_bytes(r, n);
    uint64_t v = 0;
    for (size_t i = 0; p && i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

uint8_t qn_read_u8(qn_reader *r)
{
    return (uint8_t)read_le(r, 1);
}

uint16_t qn_read_u16(qn_reader *r)
{
    return (uint16_t)read_le(r, 2);
}

uint32_t qn_read_u32(qn_reader *r)
{
    return (uint32_t)read_le(r, 4);
}

uint64_t qn_read_u64(qn_reader *r)
{
    return read_le(r, 8);
}

float qn_read_f32(qn_reader *r)
{
    uint32_t bits = qn_read_u32(r);
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

double qn_read_f64(qn_reader *r)
{
    uint64_t bits = qn_read_u64(r);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}
