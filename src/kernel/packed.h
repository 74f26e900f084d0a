/* kernel/packed.h - weights in the order in which kernels multiply them: 16 outputs side by side.
 *
 * Rows as files have them must be transposed and their scales gathered each time they are read. In
 * a packed matrix that is done once: each 16 outputs that lie together are packed into the bytes
 * that their rows took, so a sixteen is found where its first row was; what does not fill a sixteen
 * stays rows. No value changes, so no result does.
 *
 * A sixteen is units of 256 of K, the last of what is left. A unit is its head, then for each group
 * of 32 of K lines of [16 outputs][4 bytes]:
 *   - weights of 8 bits: eight lines, byte j of line s is value 4 s + j as a panel has it;
 *   - others: four lines of nibbles, the low ones values 4 s + j, the high ones 16 more; then
 *     5 bits: a line whose bit s of byte j is bit 4 of value 4 s + j,
 *     6 bits: two lines, each for 16 values, whose bits 2 s and 2 s + 1 are bits 4 and 5.
 * The head:
 *   - blocks of 32: d of [groups][16], then, where there are minima, m of [groups][16];
 *   - Q4_K, Q5_K: d[16], dmin[16], then qn_packed_six;
 *   - Q6_K: d[16], scales[16 halves of groups][16]. */
#pragma once

#include "kernel/cpu.h"
#include "kernel/encoding.h"
#include "kernel/panel.h"

enum {
    QN_PACKED_OUTPUTS = QN_PANEL_OUTPUTS,
    QN_PACKED_K = QN_PANEL_K,
    QN_PACKED_LINE = 4 * QN_PACKED_OUTPUTS, /* bytes */
    QN_PACKED_TILE = 4,                     /* rows whose sums are in registers together */
    QN_PACKED_MOST_ROWS = 16,               /* of kernels.h's packed_mul */
};

/* Scales and minima of 6 bits, of 8 groups by 16 outputs. */
typedef struct qn_packed_six {
    uint8_t low[8][16];     /* four bits of the scale, above them four of the minimum */
    uint8_t high[2][2][16]; /* [g / 4][g % 2], from bit g % 4 / 2 * 4 on: two bits of each */
} qn_packed_six;

/* Where things lie in a unit of n_k values. */
typedef struct qn_packed_at {
    size_t min;     /* of 16 minima's factors, or those of group 0 */
    size_t scales;  /* blocks of 256 */
    size_t groups;  /* the head's end */
    size_t n_group; /* bytes of a group */
    size_t end;
} qn_packed_at;

static inline __attribute__((always_inline)) qn_packed_at
qn_packed_at_of(qn_shape shape, size_t n_block, size_t n_k)
{
    const size_t n_16 = 2 * QN_PACKED_OUTPUTS, n_groups = n_k / 32;
    qn_packed_at at = {.n_group = (size_t)shape.n_bits * QN_PACKED_LINE};
    if (n_block == 32) {
        at.min = at.scales = n_groups * n_16;
        at.groups = at.min + (shape.has_min ? n_groups * n_16 : 0);
    } else {
        at.min = n_16;
        at.scales = at.min + (shape.has_min ? n_16 : 0);
        at.groups = at.scales + (shape.has_min ? sizeof(qn_packed_six) : (size_t)16 * 16);
    }
    at.end = at.groups + n_groups * at.n_group;
    return at;
}

/* Outputs of a matrix that are packed: from 0 on. */
static inline size_t qn_packed_n_outputs(size_t n_out)
{
    return n_out / QN_PACKED_OUTPUTS * QN_PACKED_OUTPUTS;
}

/* Whether so many rows are faster by packed_mul than by panels, which decode weights once for all
 * of them, but wait for memory more (docs/speed/032-packed-weights.md). With AVX-512, where tiles
 * of four rows leave registers unused, that is not measured. */
static inline bool qn_packed_suits(qn_cpu_level level, qn_shape shape, size_t n_rows)
{
    size_t most = shape.n_bits == 8 ? QN_PACKED_MOST_ROWS : QN_PACKED_MOST_ROWS / 2;
    return n_rows <= (level < QN_CPU_AVX512 ? most : QN_PACKED_TILE);
}

/* Bytes of what packed_mul needs beside its operands, on any CPU: where sums begin. */
static inline size_t qn_packed_bytes(size_t n_in)
{
    return n_in / 16 * QN_PACKED_MOST_ROWS * sizeof(int32_t);
}

/* Packs 16 rows of n_in quantized weights, whole blocks, that follow each other from w on, into as
 * many bytes at out, which do not overlap them; n_rows less than 16 are copied. */
void qn_pack(qn_encoding e, size_t n_in, size_t n_rows, const uint8_t *w, uint8_t *out);
