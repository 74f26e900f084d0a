/* kernel/fold.h - the fixed tree that makes one value of 16 lanes: 8+8, 4+4, 2+2, 1+1. */
#pragma once

#include "base/types.h"

static inline float qn_fold_f32(float lane[16])
{
    for (size_t width = 8; width > 0; width /= 2)
        for (size_t i = 0; i < width; i++)
            lane[i] += lane[i + width];
    return lane[0];
}

static inline double qn_fold_f64(double lane[16])
{
    for (size_t width = 8; width > 0; width /= 2)
        for (size_t i = 0; i < width; i++)
            lane[i] += lane[i + width];
    return lane[0];
}

/* a > b ? a : b, so b where either is NaN; what x86's max does. */
static inline float qn_max_f32(float a, float b)
{
    return a > b ? a : b;
}

static inline float qn_fold_max(float lane[16])
{
    for (size_t width = 8; width > 0; width /= 2)
        for (size_t i = 0; i < width; i++)
            lane[i] = qn_max_f32(lane[i], lane[i + width]);
    return lane[0];
}
