/* kernel/spans.avx2.h - the sums of spans on their way through memory, added up for 16 outputs. */
#pragma once

#include "kernel/expand.avx2.h"

/* A product without its operands. */
typedef struct span_rows {
    size_t n_rows, n_spans, n_sums, y_stride;
    float *y;
} span_rows;

#ifdef __AVX512F__

/* Columns g to g + 7 of 16 rows of n floats, in lanes that lanes_by_row brings into order. */
LANES_INLINE void columns_of(const float *m, size_t n, size_t g, ints c[8])
{
    ints a[8], b[8];
    QN_UNROLL(8)
    for (size_t i = 0; i < 8; i++)
        a[i] = ints_load_halves((const void *)(m + i * n + g), (const void *)(m + (8 + i) * n + g));
    ints_transpose4(a, b);
    ints_transpose4(a + 4, b + 4);
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++) {
        c[i] = ints_even_quarters(b[i], b[4 + i]);
        c[4 + i] = ints_odd_quarters(b[i], b[4 + i]);
    }
}

/* Of rows 0-3, 8-11, 4-7, 12-15. */
LANES_INLINE lanes lanes_by_row(lanes a)
{
    return lanes_swap_middle(a);
}

#else

LANES_INLINE void columns_of(const float *m, size_t n, size_t g, ints c[8])
{
    QN_UNROLL(2)
    for (size_t h = 0; h < 8; h += 4) {
        ints r[4];
        QN_UNROLL(4)
        for (size_t i = 0; i < 4; i++) {
            const float *at = m + i * n + g + h;
            r[i] = ints_load_quarters((const void *)at, (const void *)(at + 4 * n),
                                      (const void *)(at + 8 * n), (const void *)(at + 12 * n));
        }
        ints_transpose4(r, c + h);
    }
}

LANES_INLINE lanes lanes_by_row(lanes a)
{
    return a;
}

#endif

/* acc plus the sums of n <= 8 spans of 16 outputs, from span s on. */
LANES_INLINE lanes add_spans(size_t n_spans, size_t s, size_t n, const float *sums, lanes acc)
{
    ints t[8];
    columns_of(sums, n_spans, s, t);
    QN_UNROLL(8)
    for (size_t c = 0; c < 8; c++) {
        if (c >= n)
            break;
        acc = lanes_add(acc, ints_as_float(t[c]));
    }
    return acc;
}

/* Spans s to s + n - 1 of the 16 outputs whose sums are at y. */
static __attribute__((noinline)) void add_rows(const span_rows *d, size_t s, size_t n,
                                               const float *sums, float *y)
{
    for (size_t r = 0; r < d->n_rows; r++, y += d->y_stride) {
        lanes acc = s > 0 ? lanes_load(y) : lanes_set(0);
        acc = add_spans(d->n_spans, s, n, sums + r * d->n_sums, acc);
        lanes_store(y, s + n < d->n_spans ? acc : lanes_by_row(acc));
    }
}
