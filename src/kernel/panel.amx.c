/* kernel/panel.amx.c - the product of panels with tiles of int8.
 *
 * A panel lies as the right operand of a tile product wants it: a group of 32 of K is 8 rows of 16
 * outputs x 4 bytes. Tiles as deep as a group give its exact sums for 16 rows of activations x 16
 * outputs; they go through the first-level cache into vector registers, where they are scaled and
 * added as ADR 001 says. What bounds it is storing tiles (docs/speed/009-tiles.md), so the vector
 * units do what tiles do not gain: few rows, rows beyond whole tiles, one panel alone, and groups
 * of 16, each of which would be stored. Two panels share a tile of activations and each broadcast
 * of a scale, and while the tiles of a span are multiplied and stored those of the span before are
 * scaled. */
#include "kernel/kernels.h"
#include "kernel/lanes.avx2.h"
#include "kernel/tiles.amx.h"

enum {
    CHUNK = 4, /* groups at most: a span */
    HALF = TILE_ROWS / 2,
    PAIR = 2 * QN_PANEL_OUTPUTS, /* of two panels */
};

typedef int32_t sums[TILE_ROWS][16];

typedef struct scales { /* of the rows' eight groups, side by side */
    float d[TILE_ROWS][8], sum[TILE_ROWS][8];
} scales;

/* Two panels by whole tiles of rows. */
typedef struct product {
    const uint8_t *w[2]; /* [n_k / 4][16][4]: signed where the encoding has an offset */
    const qn_panel *p;
    size_t span, x_stride, x_begin;
} product;

/* The groups of a span, from group g on, by the rows of a tile. */
typedef struct chunk {
    const uint8_t *x; /* row r is a qn_act at x + r * x_stride */
    qn_panel_sums s;
    size_t g, n;
    sums (*sum)[2]; /* of group g + i and each panel */
    const scales *of;
} chunk;

static bool suits_tiles(qn_shape shape, size_t n_rows)
{
    return shape.n_group == 32 && n_rows >= QN_PANEL_TILES_LEAST;
}

/* Tiles 0 and 1 are sums of two panels and 4 and 5 their weights, 2 and 3 the activations of two
 * groups in turn. */
void qn_panel_tiles_begin_amx(qn_shape shape, size_t n_rows)
{
    tile_config c = {.palette = 1};
    if (!suits_tiles(shape, n_rows))
        return;
    for (size_t i = 0; i < 6; i++) {
        bool is_weights = i == 4 || i == 5, is_activations = i == 2 || i == 3;
        c.row_bytes[i] = is_activations ? shape.n_group : TILE_BYTES;
        c.rows[i] = is_weights ? shape.n_group / 4 : TILE_ROWS;
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

/* The sums of group i of the chunk in tile 0 or 1, the panel's. Panel 1 uses the activations that
 * panel 0 loaded. All but the pointers are constants. */
LANES_INLINE void multiply(qn_shape shape, const product *v, const chunk *c, size_t i, size_t panel)
{
    const int8_t *x = act_of(v, c, 0)->q + v->x_begin + (c->g + i) * 32;
    const uint8_t *w = v->w[panel] + (c->g + i) * 32 * 16;
    if (panel == 0 && i % 2 == 0)
        MULTIPLY(0, 2, 4);
    else if (panel == 0)
        MULTIPLY(0, 3, 4);
    else if (i % 2 == 0)
        MULTIPLY(1, 2, 5);
    else
        MULTIPLY(1, 3, 5);
}

LANES_INLINE void take_scales(qn_shape shape, const product *v, const chunk *c, scales *of)
{
    for (size_t r = 0; r < TILE_ROWS; r++) {
        _mm256_storeu_ps(of->d[r], _mm256_loadu_ps(act_of(v, c, r)->d));
        if (shape.has_min)
            _mm256_storeu_ps(of->sum[r], _mm256_loadu_ps(act_of(v, c, r)->sum));
    }
}

/* The term of group i of one row and panel. */
LANES_INLINE lanes add_term(lanes acc, qn_shape shape, const product *v, const chunk *c, size_t i,
                            size_t panel, size_t r)
{
    const size_t g = c->g + i, x_group = v->x_begin / 32 + g;
    lanes isum = _mm512_cvtepi32_ps(_mm512_load_si512(c->sum[i][panel][r]));
    lanes t = lanes_mul(isum, lanes_load(v->p[panel].dw[g]));
    if (shape.has_min)
        t = lanes_fma(lanes_load(v->p[panel].dm[g]), lanes_set(c->of->sum[r][x_group]), t);
    return lanes_fma(t, lanes_set(c->of->d[r][x_group]), acc);
}

/* Step i of eight over two panels: multiplies one group by one panel for the next chunk, stores the
 * product before it, and scales one group by half the rows of the last chunk. */
LANES_INLINE void step(qn_shape shape, const product *v, const chunk *next, const chunk *last,
                       size_t i, lanes acc[HALF][2])
{
    const size_t g = i % CHUNK, from = i / CHUNK * HALF;
    if (i / 2 < next->n)
        multiply(shape, v, next, i / 2, i % 2);
    if (i % 2 == 1 && i / 2 < next->n)
        _tile_stored(0, next->sum[i / 2][0], sizeof(sums) / TILE_ROWS);
    if (i > 0 && i % 2 == 0 && i / 2 - 1 < next->n)
        _tile_stored(1, next->sum[i / 2 - 1][1], sizeof(sums) / TILE_ROWS);
    if (g >= last->n)
        return;
    QN_UNROLL(8)
    for (size_t r = 0; r < HALF; r++)
        QN_UNROLL(2)
    for (size_t panel = 0; panel < 2; panel++)
        acc[r][panel] = add_term(acc[r][panel], shape, v, last, g, panel, from + r);
}

LANES_INLINE void add_half(const chunk *c, size_t half, lanes acc[HALF][2])
{
    QN_UNROLL(8)
    for (size_t r = 0; r < HALF; r++)
        QN_UNROLL(2)
    for (size_t panel = 0; panel < 2; panel++) {
        const size_t row = half * HALF + r;
        lanes sum = lanes_load(c->s.from + row * c->s.from_stride + 16 * panel);
        lanes_store(c->s.to + row * c->s.to_stride + 16 * panel, lanes_add(sum, acc[r][panel]));
    }
}

/* Multiplies the next chunk and scales the last one; either may have no groups. */
LANES_INLINE void pass(qn_shape shape, const product *v, const chunk *next, const chunk *last)
{
    QN_UNROLL(2)
    for (size_t half = 0; half < 2; half++) {
        lanes acc[HALF][2] = {0};
        QN_UNROLL(4)
        for (size_t g = 0; g < CHUNK; g++)
            step(shape, v, next, last, half * CHUNK + g, acc);
        if (last->n)
            add_half(last, half, acc);
    }
    if (next->n == CHUNK)
        _tile_stored(1, next->sum[CHUNK - 1][1], sizeof(sums) / TILE_ROWS);
}

/* Those of a tile's first, last or other chunk: between chunks they lie in rows of two panels. */
LANES_INLINE qn_panel_sums sums_of_chunk(qn_panel_sums s, bool is_first, bool is_last,
                                         float *between)
{
    if (!is_first)
        s.from = between, s.from_stride = PAIR;
    if (!is_last)
        s.to = between, s.to_stride = PAIR;
    return s;
}

/* Whole tiles of rows by two panels. */
LANES_INLINE void mul_tiles(qn_shape shape, const product *v, size_t n_groups, size_t n_tiles,
                            const uint8_t *x, qn_panel_sums s)
{
    _Alignas(64) sums sum[2][CHUNK][2];
    _Alignas(64) float between[TILE_ROWS][PAIR];
    scales of[2];
    chunk last = {.n = 0}, next = {.x = x};
    for (size_t t = 0, n = 0; n_tiles > 0 || last.n > 0; n++, last = next, next.g += next.n) {
        if (next.g == n_groups) {
            next.x += TILE_ROWS * v->x_stride, s = qn_panel_sums_behind(s, TILE_ROWS);
            next.g = 0, t++;
        }
        next.s = sums_of_chunk(s, next.g == 0, next.g + v->span == n_groups, between[0]);
        next.n = n_tiles > 0 ? v->span : 0;
        next.sum = sum[n % 2], next.of = &of[t % 2];
        if (next.n && next.g == 0)
            take_scales(shape, v, &next, &of[t % 2]);
        pass(shape, v, &next, &last);
        if (next.n && next.g + next.n == n_groups)
            n_tiles--;
    }
}

/* q - offset as signed bytes. */
static void make_signed(uint8_t offset, size_t n_k, const qn_panel *p, uint8_t w[64][64])
{
    const __m512i less = _mm512_set1_epi8((char)offset);
    for (size_t i = 0; i < n_k / 4; i++)
        _mm512_store_si512(w[i], _mm512_sub_epi8(_mm512_load_si512(p->q[i]), less));
}

static void mul_whole_tiles(qn_shape shape, size_t span, size_t n_k, const qn_panel p[2],
                            size_t n_tiles, const uint8_t *x, size_t x_stride, size_t x_begin,
                            qn_panel_sums s)
{
    const qn_shape min = {32, 0, 0, true}, whole = {32, 1, 0, false};
    _Alignas(64) uint8_t w[2][64][64];
    product v = {{p[0].q[0][0], p[1].q[0][0]}, p, span, x_stride, x_begin};
    for (size_t i = 0; i < 2 && !shape.has_min; i++) {
        make_signed(shape.offset, n_k, &p[i], w[i]);
        v.w[i] = w[i][0];
    }
    TILE_FENCE(w);
    if (shape.has_min)
        mul_tiles(min, &v, n_k / 32, n_tiles, x, s);
    else
        mul_tiles(whole, &v, n_k / 32, n_tiles, x, s);
}

void qn_panel_mul_amx(qn_shape shape, size_t span, size_t n_k, size_t n_panels, const qn_panel *p,
                      size_t n_rows, const qn_act *x, size_t x_stride, size_t x_begin,
                      qn_panel_sums s)
{
    size_t n_tiles = n_panels == 2 && suits_tiles(shape, n_rows) ? n_rows / TILE_ROWS : 0;
    size_t n = n_tiles * TILE_ROWS;
    if (n_tiles > 0)
        mul_whole_tiles(shape, span, n_k, p, n_tiles, (const void *)x, x_stride, x_begin, s);
    if (n < n_rows)
        qn_panel_mul_avx512vnni(shape, span, n_k, n_panels, p, n_rows - n,
                                (const void *)((const uint8_t *)x + n * x_stride), x_stride,
                                x_begin, qn_panel_sums_behind(s, n));
}
