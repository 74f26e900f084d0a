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

/* Until _tile_release: tiles 0 to 3 for sums and 4 and 5 for left operands have n_rows (1 to 16), 6
 * and 7 for right ones 16, all of them of 64 bytes. Fewer rows take less time. */
static inline void use_tiles(size_t n_rows)
{
    tile_config c = {.palette = 1};
    for (size_t i = 0; i < 8; i++) {
        c.row_bytes[i] = TILE_BYTES;
        c.rows[i] = (uint8_t)(i < 6 ? n_rows : TILE_ROWS);
    }
    TILE_FENCE(&c);
    _tile_loadconfig(&c);
}
