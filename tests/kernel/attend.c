/* tests/kernel/attend.c - attention: each variant against the reference, or of class T against
 * ADR 010 in plain C, both against a plain softmax in f64, and what the definitions promise about
 * chunks, spans and unseen slots. */
#include "tests/support/bf16.h"
#include "tests/support/emulated.h"
#include "tests/support/support.h"
#include "tests/support/test.h"

#include "base/alloc.h"
#include "kernel/attend_rows.h"
#include "kernel/fold.h"
#include "kernel/kernels.h"
#include "kernel/math.h"

#include <math.h>
#include <string.h>

enum { N_PAGES = 70 }; /* more than two spans */

typedef struct scene { /* a job, its memory, and the seed it came from */
    qn_attend_job job;
    const void *k_pages[N_PAGES], *v_pages[N_PAGES];
    const void *k_moved[N_PAGES], *v_moved[N_PAGES]; /* those of one head */
    uint64_t seed, n_drawn;
    size_t n_q, n_out, n_pages;
    float *q, *out;
    void *scratch;
} scene;

static uint32_t draw(scene *s, uint32_t n)
{
    return (uint32_t)(qn_test_random(s->seed, s->n_drawn++) % n);
}

/* About normal, from -2 to 2. */
static float draw_float(scene *s)
{
    float x = 0;
    for (int i = 0; i < 4; i++)
        x += (float)draw(s, 1 << 20) * 0x1p-20f - 0.5f;
    return x;
}

/* Bytes from the first head's page to the end of the last one's. */
static size_t k_bytes(const qn_attend_job *job)
{
    return (job->n_heads - 1) * job->head_bytes + qn_kv_page_bytes(job->k_type, job->k_dim);
}

static size_t v_bytes(const qn_attend_job *job)
{
    return (job->n_heads - 1) * job->head_bytes + qn_kv_page_bytes(job->v_type, job->v_dim);
}

static void *key_page(const qn_attend_job *job, uint32_t page, size_t head)
{
    return (uint8_t *)job->k_pages[page] + head * job->head_bytes;
}

static void *value_page(const qn_attend_job *job, uint32_t page, size_t head)
{
    return (uint8_t *)job->v_pages[page] + head * job->head_bytes;
}

static void fill_pages(scene *s)
{
    qn_attend_job *job = &s->job;
    float x[QN_PAGE_TOKENS * 256];
    for (uint32_t i = 0; i < s->n_pages * job->n_heads; i++) {
        uint32_t p = i / (uint32_t)job->n_heads;
        size_t head = i % job->n_heads;
        if (head == 0) {
            s->k_pages[p] = qn_test_guarded(k_bytes(job));
            s->v_pages[p] = qn_test_guarded(v_bytes(job));
        }
        for (size_t j = 0; j < QN_PAGE_TOKENS * job->k_dim; j++)
            x[j] = draw_float(s);
        qn_kv_append_k(job->k_type, key_page(job, p, head), 0, QN_PAGE_TOKENS, job->k_dim, x,
                       job->k_dim);
        for (size_t j = 0; j < QN_PAGE_TOKENS * job->v_dim; j++)
            x[j] = draw_float(s);
        qn_kv_append_v(job->v_type, value_page(job, p, head), 0, QN_PAGE_TOKENS, job->v_dim, x,
                       job->v_dim);
    }
}

/* Gives the job its pages, queries and output; the sizes in it are set. */
static void set_up(scene *s)
{
    qn_attend_job *job = &s->job;
    size_t n_heads = job->n_heads * job->n_group + 1; /* one between the rows: not to be touched */
    job->head_bytes = QN_MAX(qn_kv_page_bytes(job->k_type, job->k_dim),
                             qn_kv_page_bytes(job->v_type, job->v_dim)) +
                      64;
    job->q_head_stride = job->k_dim;
    job->q_row_stride = job->k_dim * n_heads;
    job->out_head_stride = job->v_dim;
    job->out_row_stride = job->v_dim * n_heads;
    s->n_q = job->n_rows * job->q_row_stride - job->q_head_stride;
    s->n_out = job->n_rows * job->out_row_stride - job->out_head_stride;
    s->n_pages = (job->position + job->n_rows - 1) / QN_PAGE_TOKENS + 1;
    assert_true(s->n_pages <= N_PAGES);
    s->q = qn_test_guarded(s->n_q * sizeof(float));
    s->out = qn_test_guarded(s->n_out * sizeof(float));
    s->scratch = qn_alloc_aligned(qn_attend_scratch_bytes(job->k_dim, job->v_dim));
    for (size_t i = 0; i < s->n_q; i++)
        s->q[i] = 2 * draw_float(s);
    job->k_pages = s->k_pages;
    job->v_pages = s->v_pages;
    fill_pages(s);
    job->q = s->q;
    job->out = s->out;
}

static void tear_down(scene *s)
{
    for (uint32_t p = 0; p < s->n_pages; p++) {
        qn_test_guarded_free((void *)s->k_pages[p], k_bytes(&s->job));
        qn_test_guarded_free((void *)s->v_pages[p], v_bytes(&s->job));
    }
    qn_test_guarded_free(s->q, s->n_q * sizeof(float));
    qn_test_guarded_free(s->out, s->n_out * sizeof(float));
    qn_free(s->scratch);
}

/* The next number of dims that the type can have. */
static size_t dim_for(qn_kv_type type, size_t dim)
{
    size_t step = qn_kv_dim_step(type);
    return (dim + step - 1) / step * step;
}

static void draw_scene(scene *s, uint64_t seed, uint32_t most_position)
{
    static const size_t dims[] = {1, 3, 16, 40, 64, 64, 80, 96, 128, 256};
    static const uint32_t windows[] = {0, 0, 1, 2, 17, 64, 100, 128, 1024};
    *s = (scene){.seed = seed};
    s->job.k_type = (qn_kv_type)draw(s, QN_N_KV_TYPES);
    s->job.v_type = draw(s, 2) ? s->job.k_type : (qn_kv_type)draw(s, QN_N_KV_TYPES);
    s->job.k_dim = dim_for(s->job.k_type, dims[draw(s, QN_COUNT(dims))]);
    s->job.v_dim = draw(s, 3) ? s->job.k_dim : dims[draw(s, QN_COUNT(dims))];
    s->job.v_dim = dim_for(s->job.v_type, s->job.v_dim);
    s->job.n_group = 1 + draw(s, 9);
    s->job.n_heads = draw(s, 2) ? 1 : 1 + draw(s, 4);
    s->job.n_rows = draw(s, 2) ? 1 : 1 + draw(s, 40);
    s->job.position = draw(s, most_position);
    s->job.window = windows[draw(s, QN_COUNT(windows))];
    s->job.scale = 1 / sqrtf((float)s->job.k_dim);
    s->job.softcap = draw(s, 3) ? 0 : 1 + (float)draw(s, 20);
    set_up(s);
}

/* What attend writes, and a pattern where it must not write; the caller frees it. */
static float *run(scene *s, const qn_kernels *k)
{
    float *copy = qn_alloc(s->n_out * sizeof(float));
    memset(s->out, 0x5a, s->n_out * sizeof(float));
    k->attend(&s->job, s->scratch);
    return memcpy(copy, s->out, s->n_out * sizeof(float));
}

enum { MOST_TABLES = QN_CPU_N_LEVELS + 3 };

/* Every table there is, with class T and without, and tiles emulated. */
static size_t all_tables(const qn_kernels *tables[MOST_TABLES])
{
    size_t n = 0;
    for (qn_cpu_level level = QN_CPU_REF; level < QN_CPU_N_LEVELS; level++)
        if (qn_cpu_has(level))
            tables[n++] = qn_kernels_at(level);
    if (qn_cpu_has(QN_CPU_AMX))
        tables[n++] = qn_kernels_fastest(QN_CPU_AMX);
    if (qn_test_vdpbf16ps())
        tables[n++] = qn_test_vdpbf16ps();
    if (qn_test_emulated_amx())
        tables[n++] = qn_test_emulated_amx();
    return n;
}

static void every_level_equals_the_reference(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 160; seed++) {
        scene s;
        draw_scene(&s, seed, seed % 16 ? 400 : 4400);
        float *want = run(&s, qn_kernels_at(QN_CPU_REF));
        for (qn_cpu_level level = QN_CPU_AVX2; level <= qn_cpu_best(); level++) {
            float *got = run(&s, qn_kernels_at(level));
            assert_memory_equal(got, want, s.n_out * sizeof(float));
            qn_free(got);
        }
        qn_free(want);
        tear_down(&s);
    }
}

static void spans_joined_equal_the_whole(void **state)
{
    const qn_kernels *tables[MOST_TABLES];
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        scene s;
        draw_scene(&s, 1000 + seed, 4400);
        uint32_t first = qn_attend_span_first(&s.job), last = qn_attend_span_last(&s.job);
        size_t n = qn_attend_part_bytes(s.job.n_rows, s.job.n_group, s.job.v_dim);
        size_t n_span = n * s.job.n_heads;
        uint8_t *parts = qn_alloc_aligned(n_span * (last - first + 1));
        for (size_t i = 0, n_tables = all_tables(tables); i < n_tables; i++) {
            const qn_kernels *k = tables[i];
            float *want = run(&s, k);
            memset(s.out, 0x5a, s.n_out * sizeof(float));
            for (uint32_t span = last + 1; span-- > first;)
                k->attend_span(&s.job, span, (float *)(void *)(parts + n_span * (span - first)),
                               s.scratch);
            k->attend_join(&s.job, (float *)(void *)parts, n_span);
            assert_memory_equal(s.out, want, s.n_out * sizeof(float));
            qn_free(want);
        }
        qn_free(parts);
        tear_down(&s);
    }
}

/* A kv head of the scene as a job of its own. */
static qn_attend_job job_of_head(scene *s, size_t head)
{
    qn_attend_job one = s->job;
    for (uint32_t p = 0; p < s->n_pages; p++) {
        s->k_moved[p] = key_page(&s->job, p, head);
        s->v_moved[p] = value_page(&s->job, p, head);
    }
    one.n_heads = 1;
    one.k_pages = s->k_moved;
    one.v_pages = s->v_moved;
    one.q += head * one.n_group * one.q_head_stride;
    one.out += head * one.n_group * one.out_head_stride;
    return one;
}

/* The same rows and heads, each by itself. */
static void run_one_by_one(scene *s, const qn_kernels *k)
{
    for (size_t i = 0; i < s->job.n_rows * s->job.n_heads * s->job.n_group; i++) {
        size_t r = i % s->job.n_rows, h = i / s->job.n_rows;
        qn_attend_job one = job_of_head(s, h / s->job.n_group);
        one.n_rows = one.n_group = 1;
        one.position += (uint32_t)r;
        one.q += r * one.q_row_stride + h % s->job.n_group * one.q_head_stride;
        one.out += r * one.out_row_stride + h % s->job.n_group * one.out_head_stride;
        k->attend(&one, s->scratch);
    }
}

static void a_row_does_not_depend_on_its_company(void **state)
{
    const qn_kernels *tables[MOST_TABLES];
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        scene s;
        draw_scene(&s, 2000 + seed, seed % 20 ? 300 : 2100);
        for (size_t i = 0, n_tables = all_tables(tables); i < n_tables; i++) {
            float *want = run(&s, tables[i]);
            memset(s.out, 0x5a, s.n_out * sizeof(float));
            run_one_by_one(&s, tables[i]);
            assert_memory_equal(s.out, want, s.n_out * sizeof(float));
            qn_free(want);
        }
        tear_down(&s);
    }
}

static bool sees(const qn_attend_job *job, size_t r, uint32_t j)
{
    uint32_t i = job->position + (uint32_t)r;
    return j <= i && (job->window == 0 || i - j < job->window);
}

/* The query that a quantized key meets: as activations, or as it is. */
static void true_q(const qn_attend_job *job, const float *q, double *to)
{
    float padded[256] = {0};
    qn_act act[2];
    memcpy(padded, q, job->k_dim * sizeof *q);
    if (qn_kv_is_quantized(job->k_type))
        qn_quantize((job->k_dim + 31) / 32 * 32, padded, act);
    for (size_t d = 0; d < job->k_dim; d++)
        to[d] = qn_kv_is_quantized(job->k_type) ? (double)act->d[d / 32] * act->q[d]
                                                : (double)padded[d];
}

static double true_score(const qn_attend_job *job, size_t head, const double *q, uint32_t j)
{
    double s = 0;
    for (size_t d = 0; d < job->k_dim; d++)
        s += q[d] * (double)qn_kv_key(job->k_type, key_page(job, j / QN_PAGE_TOKENS, head),
                                      job->k_dim, j % QN_PAGE_TOKENS, d);
    s *= (double)job->scale;
    return job->softcap > 0 ? (double)job->softcap * tanh(s / (double)job->softcap) : s;
}

/* The largest difference of a row of out from softmax(q k) v in f64, one head. */
static double error_of(const qn_attend_job *job, size_t r, size_t h)
{
    const float *q = job->q + r * job->q_row_stride + h * job->q_head_stride;
    const float *out = job->out + r * job->out_row_stride + h * job->out_head_stride;
    double sum = 0, y[256] = {0}, worst = 0, exact_q[256];
    true_q(job, q, exact_q);
    for (uint32_t j = 0; j <= job->position + r; j++) {
        double p = sees(job, r, j) ? exp(true_score(job, h / job->n_group, exact_q, j)) : 0;
        sum += p;
        for (size_t d = 0; p > 0 && d < job->v_dim; d++)
            y[d] += p * (double)qn_kv_value(job->v_type,
                                            value_page(job, j / QN_PAGE_TOKENS, h / job->n_group),
                                            job->v_dim, j % QN_PAGE_TOKENS, d);
    }
    for (size_t d = 0; d < job->v_dim; d++)
        worst = fmax(worst, isfinite(out[d]) ? fabs(y[d] / sum - (double)out[d]) : 1e9);
    return worst;
}

static double worst_error(const qn_attend_job *job)
{
    double worst = 0;
    for (size_t r = 0; r < job->n_rows; r++)
        for (size_t h = 0; h < job->n_heads * job->n_group; h++)
            worst = fmax(worst, error_of(job, r, h));
    return worst;
}

static void the_reference_is_attention(void **state)
{
    double worst[2] = {0, 0}; /* of float values, and of quantized ones: weights of 15 bits */
    (void)state;
    for (uint64_t seed = 0; seed < 160; seed++) {
        scene s;
        draw_scene(&s, 3000 + seed, seed % 20 ? 300 : 4300);
        qn_attend(&s.job, s.scratch);
        double *w = &worst[qn_kv_is_quantized(s.job.v_type)];
        *w = fmax(*w, worst_error(&s.job));
        tear_down(&s);
    }
    print_message("# largest error %.2g, quantized %.2g, of values up to 2\n", worst[0], worst[1]);
    assert_true(worst[0] < 2e-6);
    assert_true(worst[1] < 1e-4);
}

/* --- class T: ADR 010 in plain C --- */

/* sum + the products of n values, of each two the second first. */
static float add_pairs(size_t n, const float *a, const float *b, float sum)
{
    for (size_t i = 0; i < n; i++)
        sum = qn_test_add_product(sum, a[i ^ 1], b[i ^ 1]);
    return sum;
}

/* Of each 32 the even and the odd products by themselves, then together to those before. */
static float add_tiles(size_t n, const float *a, const float *b)
{
    float sum = 0;
    for (size_t at = 0; at < n; at += 32) {
        float two[2] = {0};
        for (size_t i = at; i < at + 32; i++)
            two[i % 2] = qn_test_add_product(two[i % 2], a[i], b[i]);
        sum = qn_test_flush(sum + qn_test_flush(two[0] + two[1]));
    }
    return sum;
}

static float class_t_score(const qn_attend_job *job, bool tiles, const float *q, const void *page,
                           size_t slot)
{
    float x[258] = {0}, key[258] = {0};
    for (size_t d = 0; d < job->k_dim; d++) {
        x[d] = qn_test_to_bf16(q[d]);
        key[d] = qn_kv_key(job->k_type, page, job->k_dim, slot, d);
    }
    float s =
        tiles ? add_tiles(job->k_dim, x, key) : add_pairs((job->k_dim + 1) / 2 * 2, x, key, 0);
    s *= job->scale;
    return job->softcap > 0 ? job->softcap * qn_tanh(s / job->softcap) : s;
}

/* Of a pair of positions that is seen in part the other is zero. */
static float class_t_value(const qn_attend_job *job, bool tiles, const void *page, size_t d,
                           const float *p, size_t first, size_t last, float acc, float c)
{
    float x[QN_PAGE_TOKENS] = {0}, v[QN_PAGE_TOKENS] = {0};
    size_t begin = first / 2 * 2;
    for (size_t j = first; j <= last; j++) {
        x[j] = qn_test_to_bf16(p[j]);
        v[j] = qn_kv_value(job->v_type, page, job->v_dim, j, d);
    }
    return tiles ? fmaf(acc, c, add_tiles(QN_PAGE_TOKENS, x, v))
                 : add_pairs(last / 2 * 2 + 2 - begin, x + begin, v + begin, acc * c);
}

/* part: m, l and acc. */
static void class_t_page(const qn_attend_job *job, bool tiles, size_t t, uint32_t page, float *part)
{
    float s[QN_PAGE_TOKENS], sum[16] = {0}, m = part[0];
    size_t first, last;
    if (!qn_attend_slots(job, qn_attend_position(job, t), page, &first, &last))
        return;
    for (size_t j = first; j <= last; j++) {
        s[j] = class_t_score(job, tiles, qn_attend_q(job, 0, t), job->k_pages[page], j);
        m = s[j] > m ? s[j] : m;
    }
    float c = qn_exp(part[0] - m);
    for (size_t j = first; j <= last; j++) {
        s[j] = qn_exp(s[j] - m);
        sum[j % 16] += s[j];
    }
    part[0] = m;
    part[1] = fmaf(part[1], c, qn_fold_f32(sum));
    for (size_t d = 0; d < job->v_dim; d++)
        part[2 + d] =
            class_t_value(job, tiles, job->v_pages[page], d, s, first, last, part[2 + d], c);
}

static void class_t_join(size_t v_dim, float *part, const float *next)
{
    float m = next[0] > part[0] ? next[0] : part[0];
    float a = qn_exp(part[0] - m), b = qn_exp(next[0] - m);
    part[0] = m;
    for (size_t d = 1; d < 2 + v_dim; d++)
        part[d] = fmaf(next[d], b, part[d] * a);
}

static void class_t_row(const qn_attend_job *job, bool tiles, size_t t, float *out)
{
    uint32_t last = qn_attend_position(job, t) / QN_PAGE_TOKENS;
    float all[2 + 256] = {0}, part[2 + 256];
    bool any = false;
    for (uint32_t page = 0; page <= last; page++) {
        if (page % QN_SPAN_PAGES == 0)
            memset(part, 0, sizeof part), part[0] = -INFINITY;
        class_t_page(job, tiles, t, page, part);
        if ((page % QN_SPAN_PAGES != QN_SPAN_PAGES - 1 && page != last) || part[1] == 0)
            continue;
        if (any)
            class_t_join(job->v_dim, all, part);
        else
            memcpy(all, part, sizeof all);
        any = true;
    }
    for (size_t d = 0; d < job->v_dim; d++)
        out[d] = all[2 + d] * (1 / all[1]);
}

/* The rows of the first head of many scenes. Heads that do not fill tiles are of class E there. */
static void check_class_t(const qn_kernels *k, bool has_tiles)
{
    size_t n_compared = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        scene s;
        float want[256];
        draw_scene(&s, 5000 + seed, seed % 16 ? 300 : 4300);
        bool is_float = !qn_kv_is_quantized(s.job.k_type) && !qn_kv_is_quantized(s.job.v_type);
        bool tiles = has_tiles && s.job.k_dim % 32 == 0 && s.job.v_dim % 16 == 0;
        is_float &= s.job.k_type == QN_KV_F16 || s.job.v_type == QN_KV_F16;
        is_float &= tiles || !has_tiles;
        if (is_float)
            k->attend(&s.job, s.scratch);
        for (size_t t = 0; is_float && t < s.job.n_rows * s.job.n_group; t++) {
            class_t_row(&s.job, tiles, t, want);
            assert_memory_equal(qn_attend_out(&s.job, 0, t), want, s.job.v_dim * sizeof *want);
            n_compared++;
        }
        tear_down(&s);
    }
    assert_true(n_compared > 500);
}

static void vdpbf16ps_attends_as_the_definition_says(void **state)
{
    (void)state;
    if (!qn_cpu_has(QN_CPU_AVX512BF16))
        QN_SKIP("this machine lacks AVX512-BF16");
    check_class_t(qn_test_vdpbf16ps(), false);
}

static void tiles_attend_as_the_definition_says(void **state)
{
    (void)state;
    if (!qn_test_emulated_amx())
        QN_SKIP("this machine lacks AVX512-BF16");
    check_class_t(qn_test_emulated_amx(), true);
    if (qn_cpu_has(QN_CPU_AMX))
        check_class_t(qn_kernels_fastest(QN_CPU_AMX), true);
}

/* Rounding makes a score as wrong as its terms are large, and the sum by as much again. */
static void errors_of_class_t_stay_within_the_bound(void **state)
{
    const qn_kernels *tables[MOST_TABLES];
    size_t n_tables = all_tables(tables);
    (void)state;
    for (size_t i = 0; i < n_tables; i++) {
        double worst = 0;
        if (tables[i]->level < QN_CPU_AVX512BF16)
            continue;
        for (uint64_t seed = 0; seed < 100; seed++) {
            scene s;
            draw_scene(&s, 3000 + seed, seed % 20 ? 300 : 4300);
            tables[i]->attend(&s.job, s.scratch);
            worst = fmax(worst, worst_error(&s.job));
            tear_down(&s);
        }
        print_message("# %s: largest error %.2g of values up to 2\n",
                      qn_cpu_level_name(tables[i]->level), worst);
        assert_true(worst < 0.0125);
    }
}

/* The comparison above would see any of these. */
static void the_truth_notices_each_property(void **state)
{
    scene s = {.seed = 77};
    (void)state;
    s.job = (qn_attend_job){.k_dim = 64,
                            .v_dim = 64,
                            .n_heads = 1,
                            .n_rows = 5,
                            .n_group = 2,
                            .position = 200,
                            .window = 70,
                            .scale = 0.125f,
                            .softcap = 5};
    set_up(&s);
    for (int change = 0; change < 6; change++) {
        qn_attend_job right = s.job;
        qn_attend(&s.job, s.scratch);
        assert_true(worst_error(&right) < 2e-6);
        right.window += change == 0;
        right.window -= change == 1;
        right.position -= change == 2;
        right.scale *= change == 3 ? 1.001f : 1;
        right.softcap *= change == 4 ? 1.001f : 1;
        right.q += change == 5 ? right.q_head_stride : 0;
        right.n_group -= change == 5;
        assert_true(worst_error(&right) > 1e-5);
    }
    tear_down(&s);
}

/* Slots outside the window and after the last row, and whole pages there. */
static void poison(scene *s)
{
    uint32_t low =
        s->job.window && s->job.position >= s->job.window ? s->job.position - s->job.window + 1 : 0;
    float bad[256];
    for (size_t i = 0; i < QN_COUNT(bad); i++)
        bad[i] = i % 2 ? NAN : -INFINITY;
    for (uint32_t j = 0; j < s->n_pages * QN_PAGE_TOKENS; j++) {
        if (j >= low && j < s->job.position + s->job.n_rows)
            continue;
        uint32_t page = j / QN_PAGE_TOKENS, slot = j % QN_PAGE_TOKENS;
        for (size_t h = 0; h < s->job.n_heads; h++) {
            qn_kv_append_k(s->job.k_type, key_page(&s->job, page, h), slot, 1, s->job.k_dim, bad,
                           0);
            qn_kv_append_v(s->job.v_type, value_page(&s->job, page, h), slot, 1, s->job.v_dim, bad,
                           0);
        }
    }
}

static void what_no_row_sees_has_no_effect(void **state)
{
    const qn_kernels *tables[MOST_TABLES];
    float *want[MOST_TABLES];
    size_t n_tables = all_tables(tables);
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        scene s;
        draw_scene(&s, 4000 + seed, 300);
        for (size_t i = 0; i < n_tables; i++)
            want[i] = run(&s, tables[i]);
        poison(&s);
        for (uint32_t p = 0; s.job.window && p + 2 < s.job.position / QN_PAGE_TOKENS; p++)
            if ((p + 1) * QN_PAGE_TOKENS + s.job.window <= s.job.position) {
                qn_test_guarded_free((void *)s.k_pages[p], k_bytes(&s.job));
                s.k_pages[p] = NULL;
            }
        for (size_t i = 0; i < n_tables; i++) {
            float *got = run(&s, tables[i]);
            assert_memory_equal(got, want[i], s.n_out * sizeof(float));
            qn_free(got);
            qn_free(want[i]);
        }
        for (uint32_t p = 0; p < s.n_pages; p++)
            if (!s.k_pages[p])
                s.k_pages[p] = qn_test_guarded(k_bytes(&s.job));
        tear_down(&s);
    }
}

/* Position 62, which rows 2 to 8 see, holds x: in its key, or in its value. */
static void check_bad(const qn_kernels *k, bool in_value, float x)
{
    scene s = {.seed = 78};
    float row[80];
    s.job = (qn_attend_job){.n_heads = 1,
                            .k_dim = 64,
                            .v_dim = 80,
                            .n_rows = 9,
                            .n_group = 2,
                            .position = 60,
                            .scale = 0.125f};
    set_up(&s);
    float *want = run(&s, k);
    for (size_t d = 0; d < QN_COUNT(row); d++)
        row[d] = x;
    if (in_value)
        qn_kv_append_v(s.job.v_type, (void *)s.v_pages[0], 62, 1, 80, row, 80);
    else
        qn_kv_append_k(s.job.k_type, (void *)s.k_pages[0], 62, 1, 64, row, 64);
    float *got = run(&s, k);
    assert_memory_equal(got, want, 2 * s.job.out_row_stride * sizeof(float));
    for (size_t r = 2; r < 9; r++)
        assert_true(in_value ? !(fabsf(got[r * s.job.out_row_stride]) < 1e30f)
                             : x > 1e38f || isnan(got[r * s.job.out_row_stride]));
    qn_free(got);
    qn_free(want);
    tear_down(&s);
}

static void nan_and_infinity_stay_in_the_rows_that_see_them(void **state)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY, 3e38f};
    const qn_kernels *tables[MOST_TABLES];
    size_t n_tables = all_tables(tables);
    (void)state;
    for (size_t i = 0; i < QN_COUNT(bad) * n_tables; i++)
        for (int in_value = 0; in_value < 2; in_value++)
            check_bad(tables[i / QN_COUNT(bad)], in_value, bad[i % QN_COUNT(bad)]);
}

QN_TEST_MAIN(cmocka_unit_test(every_level_equals_the_reference),
             cmocka_unit_test(spans_joined_equal_the_whole),
             cmocka_unit_test(a_row_does_not_depend_on_its_company),
             cmocka_unit_test(the_reference_is_attention),
             cmocka_unit_test(vdpbf16ps_attends_as_the_definition_says),
             cmocka_unit_test(tiles_attend_as_the_definition_says),
             cmocka_unit_test(errors_of_class_t_stay_within_the_bound),
             cmocka_unit_test(the_truth_notices_each_property),
             cmocka_unit_test(what_no_row_sees_has_no_effect),
             cmocka_unit_test(nan_and_infinity_stay_in_the_rows_that_see_them))
