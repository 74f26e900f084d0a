/* kernel/panel.h - weights decoded for the one product that all quantized encodings share.
 *
 * Invariant: value k of output o is dw[k / n_group][o] * (q[k / 4][o][k % 4] - offset), plus
 * dm[k / 32][o] where the encoding has a minimum; n_group and offset are the encoding's shape. */
#pragma once

#include "kernel/act.h"
#include "kernel/encoding.h"

enum {
    QN_PANEL_OUTPUTS = 16,
    QN_PANEL_K = 256,          /* at most; a multiple of 32 */
    QN_PANEL_TILES_LEAST = 48, /* rows: fewer gain nothing by tiles */
};

typedef struct qn_panel {
    _Alignas(64) uint8_t q[64][16][4];
    float dw[16][16];
    float dm[8][16]; /* minus the minimum's magnitude, or plus the added constant */
} qn_panel;

/* Where the sums of a product begin and where they go: that of row r and output o of panel i is
 * from[r * from_stride + 16 * i + o], and likewise. */
typedef struct qn_panel_sums {
    const float *from; /* qn_panel_zeros with stride 0: there are none yet */
    size_t from_stride;
    float *to; /* written once a product; from, or apart from it */
    size_t to_stride;
} qn_panel_sums;

extern const float qn_panel_zeros[2 * QN_PANEL_OUTPUTS];

/* Those of the rows from number n_rows on. */
static inline qn_panel_sums qn_panel_sums_behind(qn_panel_sums s, size_t n_rows)
{
    s.from += n_rows * s.from_stride, s.to += n_rows * s.to_stride;
    return s;
}
