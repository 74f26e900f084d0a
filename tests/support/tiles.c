/* tests/support/tiles.c - tile registers and their instructions in plain C.
 *
 * Palette 1: eight tiles of at most 16 rows of 64 bytes; products at most 16 deep in doublewords.
 */
#ifdef __x86_64__
#include "tests/support/tiles.h"
#include "kernel/f16.h"
#include "tests/support/emulated.h"

#include <math.h>

enum { N_TILES = 8, MOST_ROWS = 16, MOST_BYTES = 64, MOST_DEPTH = 16 };

typedef struct tile {
    size_t n_rows, n_bytes; /* of a row */
    uint8_t row[MOST_ROWS][MOST_BYTES];
} tile;

static _Thread_local tile tiles[N_TILES];
static _Thread_local const char *fault;

static bool faults(bool when, const char *what)
{
    if (when && !fault)
        fault = what;
    return when;
}

const char *qn_test_tiles_fault(void)
{
    const char *what = fault;
    fault = NULL;
    return what;
}

void qn_test_tile_release(void)
{
    memset(tiles, 0, sizeof tiles);
}

static bool all_zeros(const uint8_t *bytes, size_t begin, size_t end)
{
    while (begin < end && bytes[begin] == 0)
        begin++;
    return begin == end;
}

void qn_test_tile_loadconfig(const void *config)
{
    tile next[N_TILES];
    const uint8_t *c = config;
    memset(next, 0, sizeof next);
    if (c[0] == 0) {
        qn_test_tile_release();
        return;
    }
    if (faults(c[0] != 1, "ldtilecfg: no such palette") ||
        faults(!all_zeros(c, 2, 16), "ldtilecfg: reserved bytes are not zero") ||
        faults(!all_zeros(c, 32, 48) || !all_zeros(c, 56, 64), "ldtilecfg: more than 8 tiles") ||
        faults(c[1] != 0, "ldtilecfg: a start row that no interrupted instruction left"))
        return;
    for (size_t i = 0; i < N_TILES; i++) {
        next[i].n_bytes = qn_load_u16(c + 16 + 2 * i);
        next[i].n_rows = c[48 + i];
        if (faults(next[i].n_bytes > MOST_BYTES, "ldtilecfg: rows of more than 64 bytes") ||
            faults(next[i].n_rows > MOST_ROWS, "ldtilecfg: more than 16 rows") ||
            faults(!next[i].n_bytes != !next[i].n_rows, "ldtilecfg: rows without bytes"))
            return;
    }
    memcpy(tiles, next, sizeof tiles);
}

/* NULL, a fault, where the tile has no shape. */
static tile *tile_at(unsigned i)
{
    if (faults(i >= N_TILES || tiles[i % N_TILES].n_rows == 0, "a tile without a shape"))
        return NULL;
    return &tiles[i];
}

void qn_test_tile_zero(unsigned dst)
{
    tile *t = tile_at(dst);
    if (t)
        memset(t->row, 0, sizeof t->row);
}

void qn_test_tile_loadd(unsigned dst, const void *base, size_t stride)
{
    tile *t = tile_at(dst);
    if (!t || faults(t->n_bytes % 4 != 0, "tileloadd: rows that are not whole doublewords"))
        return;
    memset(t->row, 0, sizeof t->row);
    for (size_t r = 0; r < t->n_rows; r++)
        memcpy(t->row[r], (const uint8_t *)base + r * stride, t->n_bytes);
}

void qn_test_tile_stored(unsigned src, void *base, size_t stride)
{
    const tile *t = tile_at(src);
    if (!t || faults(t->n_bytes % 4 != 0, "tilestored: rows that are not whole doublewords"))
        return;
    for (size_t r = 0; r < t->n_rows; r++)
        memcpy((uint8_t *)base + r * stride, t->row[r], t->n_bytes);
}

/* Whether c += a b is a product: c is m x n, a m x k, b k x n doublewords. */
static bool fit(unsigned dst, unsigned src_a, unsigned src_b)
{
    const tile *c = tile_at(dst), *a = tile_at(src_a), *b = tile_at(src_b);
    if (!a || !b || !c || faults(c == a || c == b || a == b, "a product of a tile with itself") ||
        faults((a->n_bytes | b->n_bytes | c->n_bytes) % 4, "a product of broken doublewords"))
        return false;
    return !faults(c->n_rows != a->n_rows || c->n_bytes != b->n_bytes ||
                       a->n_bytes / 4 != b->n_rows || b->n_rows > MOST_DEPTH,
                   "a product of tiles that do not fit");
}

static int32_t byte_of(bool is_signed, uint8_t byte)
{
    return is_signed ? (int8_t)byte : byte;
}

static void multiply_bytes(unsigned dst, unsigned src_a, bool a_signed, unsigned src_b,
                           bool b_signed)
{
    if (!fit(dst, src_a, src_b))
        return;
    tile *c = &tiles[dst];
    const tile *a = &tiles[src_a], *b = &tiles[src_b];
    for (size_t m = 0; m < c->n_rows; m++)
        for (size_t n = 0; n < c->n_bytes / 4; n++) {
            uint32_t sum = qn_load_u32(c->row[m] + 4 * n); /* wraps around */
            for (size_t k = 0; k < 4 * b->n_rows; k++)
                sum += (uint32_t)(byte_of(a_signed, a->row[m][k]) *
                                  byte_of(b_signed, b->row[k / 4][4 * n + k % 4]));
            memcpy(c->row[m] + 4 * n, &sum, sizeof sum);
        }
}

void qn_test_tile_dpbssd(unsigned dst, unsigned a, unsigned b)
{
    multiply_bytes(dst, a, true, b, true);
}

void qn_test_tile_dpbsud(unsigned dst, unsigned a, unsigned b)
{
    multiply_bytes(dst, a, true, b, false);
}

void qn_test_tile_dpbusd(unsigned dst, unsigned a, unsigned b)
{
    multiply_bytes(dst, a, false, b, true);
}

void qn_test_tile_dpbuud(unsigned dst, unsigned a, unsigned b)
{
    multiply_bytes(dst, a, false, b, false);
}

/* Subnormals are zeros of their sign. */
static float flush(float x)
{
    return fabsf(x) < 0x1p-126f ? copysignf(0, x) : x;
}

/* Rounded once to nearest even. What is subnormal is told by the result with any exponent: just
 * below 2^-126 the steps of subnormals are coarser and would lift it to 2^-126. */
static float fma_flushed(float a, float b, float c)
{
    float r = fmaf(a, b, c);
    if (fabsf(r) == 0x1p-126f && fabsf(fmaf(a * 0x1p64f, b, c * 0x1p64f)) < 0x1p-62f)
        return copysignf(0, r);
    return flush(r);
}

static float bf16_at(const uint8_t *bytes)
{
    return flush(qn_bf16(qn_load_u16(bytes)));
}

/* Of each pair the first values have a sum of their own and the second ones too, k ascending; both
 * begin at zero and are added before they meet c. */
void qn_test_tile_dpbf16ps(unsigned dst, unsigned src_a, unsigned src_b)
{
    if (!fit(dst, src_a, src_b))
        return;
    tile *c = &tiles[dst];
    const tile *a = &tiles[src_a], *b = &tiles[src_b];
    for (size_t m = 0; m < c->n_rows; m++)
        for (size_t n = 0; n < c->n_bytes / 4; n++) {
            float sum[2] = {0}, old = qn_float_of_bits(qn_load_u32(c->row[m] + 4 * n));
            for (size_t k = 0; k < 2 * b->n_rows; k++)
                sum[k % 2] = fma_flushed(bf16_at(a->row[m] + 2 * k),
                                         bf16_at(b->row[k / 2] + 4 * n + 2 * (k % 2)), sum[k % 2]);
            float y = flush(flush(old) + flush(sum[0] + sum[1]));
            memcpy(c->row[m] + 4 * n, &y, sizeof y);
        }
}
#else
#include "tests/support/emulated.h"

const char *qn_test_tiles_fault(void)
{
    return NULL;
}
#endif
