/* base/reader.h - reads little-endian values out of bytes from outside, never past their end.
 *
 * A failed read sticks and it then yields zeros, so a record is checked once. */
#pragma once

#include "base/types.h"

typedef struct qn_reader {
    const uint8_t *bytes;
    size_t n_bytes, at;
    bool failed;
} qn_reader;

static inline size_t qn_reader_left(const qn_reader *r)
{
    return r->failed ? 0 : r->n_bytes - r->at;
}

/* The next n bytes in place, or NULL when fewer are left. */
const uint8_t *qn_read_bytes(qn_reader *r, uint64_t n);

uint8_t qn_read_u8(qn_reader *r);
uint16_t qn_read_u16(qn_reader *r);
uint32_t qn_read_u32(qn_reader *r);
uint64_t qn_read_u64(qn_reader *r);
float qn_read_f32(qn_reader *r);
double qn_read_f64(qn_reader *r);
