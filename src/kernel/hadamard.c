/* kernel/hadamard.c - the reference: these lines define the bits of the transform. */
#include "kernel/hadamard.h"

#include <assert.h>
#include <math.h>

static void transform(size_t n, float *x)
{
    float factor = 1.0f / sqrtf((float)n);
    for (size_t h = 1; h < n; h *= 2)
        for (size_t i = 0; i < n; i++) {
            float a = x[i];
            if (i & h)
                continue;
            x[i] = a + x[i + h];
            x[i + h] = a - x[i + h];
        }
    for (size_t i = 0; i < n; i++)
        x[i] *= factor;
}

void qn_hadamard(size_t n, size_t n_block, float *x)
{
    assert(n_block > 0 && (n_block & (n_block - 1)) == 0 && n % n_block == 0);
    for (size_t i = 0; i < n; i += n_block)
        transform(n_block, x + i);
}
