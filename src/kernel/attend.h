/* kernel/attend.h - attention of consecutive rows of one sequence over paged keys and values.
 *
 * Definition, for each (row, head) by itself, whatever else is in the job:
 *   Score s[j]: float keys: one accumulator over k_dim, ascending, fma, from 0. Quantized keys: the
 *   query is quantized as activations are (act.h, the last group filled with zeros); for each group
 *   ascending, s = fma((float)exact sum of code * q, key's scale * query's scale, s), from 0. Then
 *   times scale; with a softcap, softcap * tanh(s / softcap). The row at position i sees the keys
 *   lo..i, lo = 0 or, with a window, the last `window` positions. Nothing else in a page counts,
 *   not even NaN.
 *   Pages in ascending order inside a span of QN_SPAN_PAGES (aligned to position 0), from
 *   m = -infinity, l = 0, acc = 0:
 *     m' = max(m, s of the page), 16 lanes, lane j % 16 taking s[j], s[j + 16].. as
 *     max(max(0, 1), max(2, 3)), folded 8, 4, 2, 1
 *     c = exp(m - m'), p[j] = exp(s[j] - m')
 *     l = fma(l, c, sum of p), the sum in 16 lanes ascending, folded 8+8, 4+4, 2+2, 1+1
 *     acc[d] = acc[d] * c, then fma(p[j], v[j][d], acc[d]), j ascending over the
 *     visible
 *   Quantized values: M the page's own max; c = exp(m - m'), b = exp(M - m'), p[j] = exp(s[j] - M),
 *     l = fma(sum of p, b, l * c); for each group of dims, S the largest of the visible scales,
 *     u[j] = rint(p[j] * (scale[j] * (32767 / S))), e = b * (S / 32767), both 0 where S is 0;
 *     acc[d] = fma((float)exact sum of u[j] * code, e, acc[d] * c)
 *   Spans are joined in ascending order, the first as it is: m' = max(m, m2), a = exp(m - m'),
 *   b = exp(m2 - m'), l = fma(l2, b, l * a), acc[d] = fma(acc2[d], b, acc[d] * a)
 *   out[d] = acc[d] * (1 / l)
 * Class T multiplies floats as pairs of bf16: docs/adr/010-bf16-attention.md.
 * So a row's bits do not depend on chunks, batch, threads or page placement. Infinite or NaN input
 * gives NaN in the rows that see it, no more. */
#pragma once

#include "kernel/kv.h"

enum { QN_SPAN_PAGES = 32, QN_SPAN_TOKENS = QN_SPAN_PAGES * QN_PAGE_TOKENS };

typedef struct qn_attend_job { /* n_heads kv heads, each with the n_group query heads that share it
                                */
    const void *const *k_pages, *const *v_pages; /* page p: positions 64 p..64 p + 63 of the first
                                                    head; NULL allowed where no row sees one */
    size_t n_heads, head_bytes; /* kv head h's pages begin h * head_bytes behind the first's */
    qn_kv_type k_type, v_type;
    size_t n_rows, n_group; /* rows at position, position + 1, ..; both >= 1 */
    uint32_t position;      /* of row 0; position + n_rows <= 2^32 */
    uint32_t window; /* key j is visible to row i when j <= i and i - j < window; 0: no window */
    size_t k_dim, v_dim;  /* >= 1, a multiple of qn_kv_dim_step of the type */
    float scale, softcap; /* softcap 0: none */
    const float *q;       /* row r, head h of all n_heads * n_group: q[r * q_row_stride + h *
                             q_head_stride + d] */
    size_t q_row_stride, q_head_stride;
    float *out; /* alike, v_dim values; must not overlap q */
    size_t out_row_stride, out_head_stride;
} qn_attend_job;

/* Working memory for qn_attend and qn_attend_span, in any variant, aligned to 64. */
size_t qn_attend_scratch_bytes(size_t k_dim, size_t v_dim);

/* All of a job. */
void qn_attend(const qn_attend_job *job, void *scratch);

/* The same in pieces, for several threads on one long context. Spans first..last (inclusive) of the
 * job are each reduced into parts (aligned to 64, any thread, any order), then joined (which uses
 * them up). A span's parts take qn_attend_part_bytes for each kv head, one head after the other, so
 * that some heads of a job are a job; to join, span s's begin (s - first) * span_bytes behind the
 * first's. */
uint32_t qn_attend_span_first(const qn_attend_job *job);
uint32_t qn_attend_span_last(const qn_attend_job *job);
size_t qn_attend_part_bytes(size_t n_rows, size_t n_group, size_t v_dim); /* of a head's span */
void qn_attend_span(const qn_attend_job *job, uint32_t span, float *part, void *scratch);
void qn_attend_join(const qn_attend_job *job, float *parts, size_t span_bytes);
