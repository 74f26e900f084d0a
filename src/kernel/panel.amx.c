/* kernel/panel.amx.c - the product of panels with tiles of int8.
 *
 * A panel lies as the right operand of a tile product wants it: a group of 32 of K is 8 rows of 16
 * outputs x 4 bytes. Tiles as deep as a group give its exact sums for 16 rows of activations x 16
 * outputs; they go through the first-level cache into vector registers, where they are scaled and
 * added as ADR 001 says. Loads and stores are what bounds it (docs/speed/009-tiles.md), so two
 * panels share a tile of activations and each broadcast of a scale, and while the tiles of four
 * groups are multiplied and stored those of the four groups before are scaled. */
#include "kernel/kernels.h"
#include "kernel/lanes.avx2.h"
#include "kernel/tiles.amx.h"

enum {
    LEAST_ROWS = 8, /* fewer go to the vector units alone */
    CHUNK = 4,      /* groups */
    HALF = TILE_ROWS / 2,
};

typedef int32_t sums[TILE_ROWS][16];

typedef struct scales { /* of the rows' eight groups, side by side */
    float d[TILE_ROWS][8], sum[TILE_ROWS][8];
} scales;

/* One or two panels by all rows. */
typedef struct product {
    const uint8_t *w[2]; /* [n_k / 4][16][4]: signed where the encoding has an offset */
    const qn_panel *p;
    size_t x_stride, x_begin, y_stride;
} product;

/* Up to four groups, from group g on, by the rows of a tile. */
typedef struct chunk {
    const uint8_t *x; /* row r is a qn_act at x + r * x_stride */
    float *y;
    size_t g, n;
    sums (*sum)[2]; /* of group g + i and each panel */
    const scales *of;
} chunk;

/* Tiles 0 and 1 are sums of two panels and 4 and 5 their weights, 2 and 3 the activations of two
 * groups in turn; 6 and 7 are sums and activations of the last rows, when they are less than 16. */
void qn_panel_tiles_begin_amx(qn_shape shape, size_t n_rows)
{
    tile_config c = {.palette = 1};
    if (n_rows < LEAST_ROWS)
        return;
    uint8_t n_last = (uint8_t)(n_rows % TILE_ROWS);
    for (size_t i = 0; i < 8; i++) {
        bool is_weights = i == 4 || i == 5, is_activations = i == 2 || i == 3 || i == 7;
        c.row_bytes[i] = is_activations ? shape.n_group : TILE_BYTES;
        c.rows[i] = is_weights ? shape.n_group / 4 : i < 6 ? TILE_ROWS : n_last;
        if (c.rows[i] == 0)
            c.row_bytes[i] = 0;
    }
    TILE_FENCE(&c);
    _tile_loadconfig(&c);
}

void qn_panel_tiles_end_amx(void)
{
    _tile_release();
}

LANES_INLINE const qn_act *act_of(const product *v, const chunk *c, size_t r)
{
    return (const void *)(c->x + r * v->x_stride);
}

// clang-format off
#define MULTIPLY(c, a, b) \
    do { \
        if (panel == 0) \
            _tile_loadd(a, x, v->x_stride); \
        _tile_loadd(b, w, TILE_BYTES); \
        _tile_zero(c); \
        if (shape.offset) \
            _tile_dpbssd(c, a, b); \
        else \
            _tile_dpbsud(c, a, b); \
    } while (0)
// clang-format on

/* The sums of group i of the chunk in tile 0 or 1, the panel's, or in tile 6 where rows are less
 * than 16. Panel 1 uses the activations that panel 0 loaded. All but the pointers are constants. */
LANES_INLINE void multiply(bool is_whole, qn_shape shape, const product *v, const chunk *c,
                           size_t i, size_t panel)
{
    const int8_t *x = act_of(v, c, 0)->q + v->x_begin + (c->g + i) * shape.n_group;
    const uint8_t *w = v->w[panel] + (c->g + i) * shape.n_group * 16;
    if (!is_whole)
        MULTIPLY(6, 7, 4);
    else if (panel == 0 && i % 2 == 0)
        MULTIPLY(0, 2, 4);
    else if (panel == 0)
        MULTIPLY(0, 3, 4);
    else if (i % 2 == 0)
        MULTIPLY(1, 2, 5);
    else
        MULTIPLY(1, 3, 5);
}

LANES_INLINE void take_scales(qn_shape shape, const product *v, const chunk *c, size_t n_rows,
                              scales *of)
{
    for (size_t r = 0; r < n_rows; r++) {
        _mm256_storeu_ps(of->d[r], _mm256_loadu_ps(act_of(v, c, r)->d));
        if (shape.has_min)
            _mm256_storeu_ps(of->sum[r], _mm256_loadu_ps(act_of(v, c, r)->sum));
    }
}

LANES_INLINE lanes isum_of(const chunk *c, size_t i, size_t panel, size_t r)
{
    return _mm512_cvtepi32_ps(_mm512_load_si512(c->sum[i][panel][r]));
}

/* Group i of one row and panel, or groups i and i + 1 where they are halves. */
LANES_INLINE lanes add_term(lanes acc, qn_shape shape, const product *v, const chunk *c, size_t i,
                            size_t panel, size_t r)
{
    const size_t g = c->g + i, x_group = v->x_begin / 32 + g / (32u / shape.n_group);
    const qn_panel *p = &v->p[panel];
    lanes t = lanes_mul(isum_of(c, i, panel, r), lanes_load(p->dw[g]));
    if (shape.n_group == 16)
        t = lanes_fma(isum_of(c, i + 1, panel, r), lanes_load(p->dw[g + 1]), t);
    if (shape.has_min)
        t = lanes_fma(lanes_load(p->dm[g]), lanes_set(c->of->sum[r][x_group]), t);
    return lanes_fma(t, lanes_set(c->of->d[r][x_group]), acc);
}

/* What step g of four adds for one row: group g of both panels; with halves groups g and g + 1 of
 * the first panel, then of the second. */
LANES_INLINE void add_step(qn_shape shape, const product *v, const chunk *c, size_t g, size_t r,
                           lanes acc[2])
{
    if (shape.n_group == 16)
        acc[g % 2] = add_term(acc[g % 2], shape, v, c, g - g % 2, g % 2, r);
    else
        QN_UNROLL(2)
        for (size_t panel = 0; panel < 2; panel++)
            acc[panel] = add_term(acc[panel], shape, v, c, g, panel, r);
}

/* Step i of eight over two panels: multiplies one group by one panel for the next chunk, stores the
 * product before it, and scales one group by half the rows of the last chunk. */
LANES_INLINE void step(qn_shape shape, const product *v, const chunk *next, const chunk *last,
                       size_t i, lanes acc[HALF][2])
{
    const size_t g = i % CHUNK, from = i / CHUNK * HALF;
    if (i / 2 < next->n)
        multiply(true, shape, v, next, i / 2, i % 2);
    if (i % 2 == 1 && i / 2 < next->n)
        _tile_stored(0, next->sum[i / 2][0], sizeof(sums) / TILE_ROWS);
    if (i > 0 && i % 2 == 0 && i / 2 - 1 < next->n)
        _tile_stored(1, next->sum[i / 2 - 1][1], sizeof(sums) / TILE_ROWS);
    if (g >= last->n)
        return;
    QN_UNROLL(8)
    for (size_t r = 0; r < HALF; r++)
        add_step(shape, v, last, g, from + r, acc[r]);
}

LANES_INLINE void load_half(const product *v, const chunk *c, size_t half, lanes acc[HALF][2])
{
    QN_UNROLL(8)
    for (size_t r = 0; r < HALF; r++)
        QN_UNROLL(2)
    for (size_t panel = 0; panel < 2; panel++)
        acc[r][panel] = lanes_load(c->y + (half * HALF + r) * v->y_stride + 16 * panel);
}

LANES_INLINE void store_half(const product *v, const chunk *c, size_t half, lanes acc[HALF][2])
{
    QN_UNROLL(8)
    for (size_t r = 0; r < HALF; r++)
        QN_UNROLL(2)
    for (size_t panel = 0; panel < 2; panel++)
        lanes_store(c->y + (half * HALF + r) * v->y_stride + 16 * panel, acc[r][panel]);
}

/* Multiplies the next chunk and scales the last one; either may have no groups. */
LANES_INLINE void pass(qn_shape shape, const product *v, const chunk *next, const chunk *last)
{
    lanes acc[HALF][2] = {0};
    QN_UNROLL(2)
    for (size_t half = 0; half < 2; half++) {
        if (last->n)
            load_half(v, last, half, acc);
        QN_UNROLL(4)
        for (size_t g = 0; g < CHUNK; g++)
            step(shape, v, next, last, half * CHUNK + g, acc);
        if (last->n)
            store_half(v, last, half, acc);
    }
    if (next->n == CHUNK)
        _tile_stored(1, next->sum[CHUNK - 1][1], sizeof(sums) / TILE_ROWS);
}

/* Whole tiles of rows by two panels. */
LANES_INLINE void mul_tiles(qn_shape shape, const product *v, size_t n_groups, size_t n_tiles,
                            const uint8_t *x, float *y)
{
    _Alignas(64) sums sum[2][CHUNK][2];
    scales of[2];
    chunk last = {.n = 0}, next = {.x = x, .y = y};
    for (size_t t = 0, n = 0; n_tiles > 0 || last.n > 0; n++, last = next, next.g += next.n) {
        if (next.g == n_groups) {
            next.x += TILE_ROWS * v->x_stride, next.y += TILE_ROWS * v->y_stride;
            next.g = 0, t++;
        }
        next.n = n_tiles > 0 ? QN_MIN(n_groups - next.g, (size_t)CHUNK) : 0;
        next.sum = sum[n % 2], next.of = &of[t % 2];
        if (next.n && next.g == 0)
            take_scales(shape, v, &next, TILE_ROWS, &of[t % 2]);
        pass(shape, v, &next, &last);
        if (next.n && next.g + next.n == n_groups)
            n_tiles--;
    }
}

/* At most a tile of rows by the first panel. */
LANES_INLINE void mul_alone(qn_shape shape, const product *v, size_t n_groups, size_t n_rows,
                            const uint8_t *x, float *y)
{
    _Alignas(64) sums sum[2][2];
    scales of;
    chunk c = {x, y, 0, 32u / shape.n_group, sum, &of};
    take_scales(shape, v, &c, n_rows, &of);
    for (; c.g < n_groups; c.g += c.n) {
        QN_UNROLL(2)
        for (size_t i = 0; i < c.n; i++) {
            multiply(n_rows == TILE_ROWS, shape, v, &c, i, 0);
            if (n_rows == TILE_ROWS)
                _tile_stored(0, sum[i][0], sizeof(sums) / TILE_ROWS);
            else
                _tile_stored(6, sum[i][0], sizeof(sums) / TILE_ROWS);
        }
        for (size_t r = 0; r < n_rows; r++) {
            float *at = y + r * v->y_stride;
            lanes_store(at, add_term(lanes_load(at), shape, v, &c, 0, 0, r));
        }
    }
}

/* All rows: whole tiles of them by two panels, what is left by one panel after the other. */
LANES_INLINE void mul_rows(qn_shape shape, product v, size_t n_groups, size_t n_panels,
                           size_t n_rows, const uint8_t *x, float *y)
{
    size_t n_tiles = n_panels == 2 ? n_rows / TILE_ROWS : 0;
    if (n_tiles)
        mul_tiles(shape, &v, n_groups, n_tiles, x, y);
    for (size_t panel = 0; panel < n_panels; panel++, v.p++, v.w[0] = v.w[1])
        for (size_t r = n_tiles * TILE_ROWS; r < n_rows; r += TILE_ROWS)
            mul_alone(shape, &v, n_groups, QN_MIN(n_rows - r, (size_t)TILE_ROWS),
                      x + r * v.x_stride, y + r * v.y_stride + 16 * panel);
}

/* One copy of the code for each shape that computes differently. */
static void mul_shape(qn_shape shape, const product *v, size_t n_k, size_t n_panels, size_t n_rows,
                      const uint8_t *x, float *y)
{
    const qn_shape min = {32, 0, 0, true}, whole = {32, 1, 0, false}, halves = {16, 1, 0, false};
    if (shape.has_min)
        mul_rows(min, *v, n_k / 32, n_panels, n_rows, x, y);
    else if (shape.n_group == 32)
        mul_rows(whole, *v, n_k / 32, n_panels, n_rows, x, y);
    else
        mul_rows(halves, *v, n_k / 16, n_panels, n_rows, x, y);
}

/* q - offset as signed bytes. */
static void make_signed(uint8_t offset, size_t n_k, const qn_panel *p, uint8_t w[64][64])
{
    const __m512i less = _mm512_set1_epi8((char)offset);
    for (size_t i = 0; i < n_k / 4; i++)
        _mm512_store_si512(w[i], _mm512_sub_epi8(_mm512_load_si512(p->q[i]), less));
}

void qn_panel_mul_amx(qn_shape shape, size_t n_k, size_t n_panels, const qn_panel *p, size_t n_rows,
                      const qn_act *x, size_t x_stride, size_t x_begin, float *acc)
{
    _Alignas(64) uint8_t w[2][64][64];
    size_t n_last = n_rows % TILE_ROWS < LEAST_ROWS ? n_rows % TILE_ROWS : 0, n = n_rows - n_last;
    if (n > 0) {
        product v = {{0}, p, x_stride, x_begin, 16 * n_panels};
        for (size_t i = 0; i < n_panels; i++) {
            v.w[i] = shape.has_min ? p[i].q[0][0] : w[i][0];
            if (!shape.has_min)
                make_signed(shape.offset, n_k, &p[i], w[i]);
        }
        TILE_FENCE(w);
        mul_shape(shape, &v, n_k, n_panels, n, (const void *)x, acc);
    }
    if (n_last > 0)
        qn_panel_mul_avx512vnni(shape, n_k, n_panels, p, n_last,
                                (const void *)((const uint8_t *)x + n * x_stride), x_stride,
                                x_begin, acc + n * n_panels * 16);
}
