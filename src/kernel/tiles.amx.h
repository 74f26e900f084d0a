/* kernel/tiles.amx.h - the shapes of tiles, as LDTILECFG reads them.
 *
 * The instructions are immintrin.h's; tests compile the files that use them once more with an
 * emulation of each (tests/support/tiles.h). Source: Intel SDM volume 1, chapter 18. */
#pragma once

#include "base/types.h"

#include <immintrin.h>

enum {
    TILE_ROWS = 16,
    TILE_BYTES = 64, /* of a row; both at most */
};

typedef struct tile_config {
    uint8_t palette, start_row, zeros[14];
    uint16_t row_bytes[16]; /* of the eight tiles; zeros behind them */
    uint8_t rows[16];
} tile_config;

/* Compilers do not know how much memory a tile instruction reads: what was written to p's object
 * before this is there. */
#define TILE_FENCE(p) __asm__ volatile("" : : "r"(p) : "memory")

/* Eight tiles of 16 rows of 64 bytes, until _tile_release. */
static inline void use_full_tiles(void)
{
    tile_config c = {.palette = 1};
    for (size_t i = 0; i < 8; i++)
        c.row_bytes[i] = TILE_BYTES, c.rows[i] = TILE_ROWS;
    TILE_FENCE(&c);
    _tile_loadconfig(&c);
}
