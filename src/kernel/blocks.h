/* kernel/blocks.h - the blocks of quantized encodings, byte by byte as they lie in a file.
 *
 * Every member is bytes, so a block needs no alignment. Source: GGUF's ggml-common.h layouts as
 * described in the format's documentation; d, m and dmin are IEEE binary16, little-endian. */
#pragma once

#include "base/types.h"

typedef struct qn_q4_0 { /* value j is low nibble j, value 16 + j high nibble j; less 8 */
    uint8_t d[2], qs[16];
} qn_q4_0;

typedef struct qn_q4_1 {
    uint8_t d[2], m[2], qs[16];
} qn_q4_1;

typedef struct qn_q5_0 { /* bit j of qh is bit 4 of value j; less 16 */
    uint8_t d[2], qh[4], qs[16];
} qn_q5_0;

typedef struct qn_q5_1 {
    uint8_t d[2], m[2], qh[4], qs[16];
} qn_q5_1;

typedef struct qn_q8_0 {
    uint8_t d[2];
    int8_t q[32];
} qn_q8_0;

typedef struct qn_q4_k { /* 64 values from each 32 bytes: the low nibbles, then the high ones */
    uint8_t d[2], dmin[2], scales[12], qs[128];
} qn_q4_k;

typedef struct qn_q5_k { /* bit g of qh[i] is bit 4 of value 32 g + i */
    uint8_t d[2], dmin[2], scales[12], qh[32], qs[128];
} qn_q5_k;

typedef struct qn_q6_k { /* two halves of 128 values from 64 bytes of ql and 32 of qh; less 32 */
    uint8_t ql[128], qh[64];
    int8_t scales[16];
    uint8_t d[2];
} qn_q6_k;
