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
