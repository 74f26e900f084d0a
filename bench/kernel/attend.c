/* bench/kernel/attend.c - what attention reaches of the limits of one core.
 *
 * Prefill: 512 rows of a group of heads on the last 512 positions of a context; its multiplications
 * (only of keys that a row sees) as a share of the f32 fma peak of the level's registers. Decode:
 * one row over kv heads that do not fit in the cache, each page's keys before its values and pages
 * in order (or, with --shuffled, anywhere; or, with --heads N, as the engine has them: the same
 * page of all heads side by side, a job being N neighbours); its bytes as a share of what the core
 * reads in the same order, with --heads in the order of memory. With --threads 2 decode's heads are
 * dealt to two threads, against what both read. A limit is measured right after each run, in the
 * same process and on the same memory, and a share is the median of these pairs, so that a noisy
 * neighbour slows both. Options: --json, and --level, --repeat, --mib, --threads, --kv TYPE, --only
 * prefill|decode, --context, --group and --dim (one of each instead of all) with a value; --huge
 * puts the pages into 2 MiB pages. Pin one thread to a core
 * with taskset. */
#include "base/alloc.h"
#include "base/pool.h"
#include "bench/timing.h"
#include "kernel/kernels.h"
#include "kernel/limits.h"
#include "tests/support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MAX_REPEAT = 101, MAX_PAGES = 1 << 16 };

typedef struct options {
    bool json, huge, shuffled;
    int level; /* -1: all */
    const char *only;
    qn_kv_type kv;
    size_t n_repeat, n_mib, n_threads, context, group, dim; /* the last three: 0 is all */
    size_t n_heads; /* 0: pages of one head after the other */
} options;

typedef struct bench {
    options opt;
    size_t way; /* that reads fastest */
    size_t n_bytes;
    uint8_t *bytes;
    const void *k_pages[MAX_PAGES], *v_pages[MAX_PAGES]; /* of the shape at hand */
    size_t n_pages, n_page_bytes;
    float *q, *out;
    qn_pool *pool; /* NULL: one thread */
} bench;

/* Of one thread alone, so that what shares the core takes no part; of several, by the wall. */
static clockid_t clock_of_all = CLOCK_THREAD_CPUTIME_ID;

enum { LOOPS = 200000 };

static volatile uint64_t sink;

/* One run of bytes, while the next comes near. */
static uint64_t read_page(size_t n_bytes, const uint8_t *bytes, const uint8_t *next)
{
    typedef uint64_t lanes __attribute__((vector_size(64), aligned(1), may_alias));
    lanes sum = {0};
    for (size_t at = 0; at < n_bytes; at += 64) {
        __builtin_prefetch(next + at);
        sum ^= *(const lanes *)(const void *)(bytes + at);
    }
    return sum[0] ^ sum[1] ^ sum[2] ^ sum[3] ^ sum[4] ^ sum[5] ^ sum[6] ^ sum[7];
}

typedef struct reading { /* by all threads, each its part */
    const bench *b;
    size_t way; /* QN_READ_WAYS: pages in their order */
} reading;

static void read_part(void *context, size_t index, size_t n)
{
    const reading *r = context;
    const bench *b = r->b;
    if (r->way < QN_READ_WAYS) {
        sink += (uint64_t)qn_limit_work_at(qn_cpu_best())
                    ->read(b->n_bytes / n, b->bytes + b->n_bytes / n * index, r->way);
        return;
    }
    for (size_t i = b->n_pages * index / n; i < b->n_pages * (index + 1) / n; i++)
        sink += read_page(2 * b->n_page_bytes, b->k_pages[i], b->k_pages[(i + 1) % b->n_pages]);
}

/* GB/s of reading the memory once. */
static double read_gbps(const bench *b, size_t way)
{
    reading r = {b, way};
    size_t n_bytes = way < QN_READ_WAYS ? b->n_bytes : b->n_pages * 2 * b->n_page_bytes;
    double start = bench_seconds(clock_of_all);
    if (b->pool)
        qn_pool_run(b->pool, read_part, &r);
    else
        read_part(&r, 0, 1);
    return 1e-9 * (double)n_bytes / (bench_seconds(clock_of_all) - start);
}

/* GFLOPS of fma on registers, as wide as the level's. */
static double peak_gflops(qn_cpu_level level)
{
    const qn_limit_work *work = qn_limit_work_at(level);
    double start = bench_seconds(clock_of_all);
    sink += (uint64_t)work->f32(LOOPS);
    return 2e-9 * LOOPS * (double)work->n_f32 / (bench_seconds(clock_of_all) - start);
}

static uint8_t *take_pages(size_t n_bytes, bool huge)
{
    void *p =
        mmap(NULL, n_bytes + (2 << 20), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || madvise(p, n_bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) != 0) {
        fprintf(stderr, "cannot map %zu bytes\n", n_bytes);
        exit(1);
    }
    return (uint8_t *)(((uintptr_t)p + (2 << 20) - 1) & ~(uintptr_t)((2 << 20) - 1));
}

/* Page p of head h is p * n_heads + h instead of h * n_per_head + p. */
static size_t apart(size_t n_pages, size_t n_per_head, size_t i)
{
    size_t n_heads = n_pages / n_per_head;
    return i < n_heads * n_per_head ? i % n_per_head * n_heads + i / n_per_head : i;
}

/* Cuts the memory into pages of keys, each followed by its values. */
static void deal_pages(bench *b, size_t dim, size_t context)
{
    size_t n_per_head = (context + QN_PAGE_TOKENS - 1) / QN_PAGE_TOKENS;
    b->n_page_bytes = qn_kv_page_bytes(b->opt.kv, dim);
    b->n_pages = QN_MIN(b->n_bytes / b->n_page_bytes / 2, (size_t)MAX_PAGES);
    for (size_t i = 0; i < b->n_pages; i++) {
        size_t j = b->opt.shuffled ? qn_test_random(4, i) % (i + 1) : i;
        b->k_pages[i] = b->k_pages[j];
        b->k_pages[j] = b->bytes + i * 2 * b->n_page_bytes;
    }
    for (size_t i = 0; b->opt.n_heads > 0 && i < b->n_pages; i++)
        b->k_pages[i] = b->bytes + apart(b->n_pages, n_per_head, i) * 2 * b->n_page_bytes;
    for (size_t i = 0; i < b->n_pages; i++)
        b->v_pages[i] = (const uint8_t *)b->k_pages[i] + b->n_page_bytes;
    if (!qn_kv_is_quantized(b->opt.kv))
        return;
    for (size_t i = 0; i < 2 * b->n_pages; i++) { /* scales of bytes from -2 to 2 */
        uint16_t *scale = (uint16_t *)(void *)(b->bytes + i * b->n_page_bytes);
        for (size_t j = 0; j < qn_kv_groups(dim) * QN_PAGE_TOKENS; j++)
            scale[j] = b->opt.kv == QN_KV_Q8_0 ? 0x3c81 : 0x3e08;
    }
}

typedef struct shape {
    size_t n_rows, n_group, dim, context;
} shape;

/* The job on the context's pages from page `from` of the deal on. */
static qn_attend_job job_of(const bench *b, shape s, size_t from)
{
    return (qn_attend_job){
        .k_pages = b->k_pages + from,
        .v_pages = b->v_pages + from,
        .n_heads = 1,
        .head_bytes = 2 * b->n_page_bytes,
        .k_type = b->opt.kv,
        .v_type = b->opt.kv,
        .n_rows = s.n_rows,
        .n_group = s.n_group,
        .position = (uint32_t)(s.context - s.n_rows),
        .k_dim = s.dim,
        .v_dim = s.dim,
        .scale = 1 / sqrtf((float)s.dim),
        .q = b->q,
        .q_row_stride = s.n_group * s.dim,
        .q_head_stride = s.dim,
        .out = b->out,
        .out_row_stride = s.n_group * s.dim,
        .out_head_stride = s.dim,
    };
}

typedef struct work { /* of all threads */
    const bench *b;
    const qn_kernels *k;
    shape s;
    size_t n_jobs;
    uint8_t *scratch; /* of thread t: at t * n_scratch */
    size_t n_scratch;
} work;

static void run_part(void *context, size_t index, size_t n)
{
    const work *w = context;
    size_t step = (w->s.context + QN_PAGE_TOKENS - 1) / QN_PAGE_TOKENS;
    size_t end = w->n_jobs * (index + 1) / n;
    for (size_t i = w->n_jobs * index / n, n_heads; i < end; i += n_heads) {
        qn_attend_job job = job_of(w->b, w->s, i * step);
        n_heads = QN_MAX(QN_MIN(w->b->opt.n_heads, end - i), (size_t)1);
        job.n_heads = n_heads;
        job.out += index * n_heads * w->s.n_rows * w->s.n_group * w->s.dim;
        w->k->attend(&job, w->scratch + index * w->n_scratch);
    }
}

/* Seconds of one job: prefill alone, decode as the mean over all heads in memory. */
static double run(const bench *b, const qn_kernels *k, shape s, uint8_t *scratch, size_t n_scratch)
{
    size_t step = (s.context + QN_PAGE_TOKENS - 1) / QN_PAGE_TOKENS;
    work w = {b, k, s, s.n_rows == 1 ? b->n_pages / step : 1, scratch, n_scratch};
    double start = bench_seconds(clock_of_all);
    if (b->pool)
        qn_pool_run(b->pool, run_part, &w);
    else
        run_part(&w, 0, 1);
    return (bench_seconds(clock_of_all) - start) / (double)w.n_jobs;
}

typedef struct sample {
    double us[MAX_REPEAT], rate[MAX_REPEAT], limit[MAX_REPEAT], share[MAX_REPEAT];
} sample;

static void report(const bench *b, const qn_kernels *k, shape s, sample *m)
{
    size_t n = b->opt.n_repeat;
    double us = bench_median(n, m->us), share = bench_median(n, m->share);
    const char *format =
        b->opt.json
            ? "{\"test\":\"%s\",\"level\":\"%s\",\"rows\":%zu,\"group\":%zu,\"head_dim\":%zu,"
              "\"context\":%zu,\"us\":{\"min\":%.1f,\"median\":%.1f,\"max\":%.1f},"
              "\"%s\":%.2f,\"limit\":%.2f,\"fraction_of_limit\":{\"min\":%.3f,"
              "\"median\":%.3f,\"max\":%.3f}}\n"
            : "%-7s %-6s rows %3zu group %zu dim %3zu context %5zu: us min %8.1f median %8.1f max "
              "%8.1f, %s %6.2f of %6.2f, share min %.3f median %.3f max %.3f\n";
    printf(format, s.n_rows == 1 ? "decode" : "prefill", qn_cpu_level_name(k->level), s.n_rows,
           s.n_group, s.dim, s.context, m->us[0], us, m->us[n - 1],
           s.n_rows == 1 ? "gbps" : "gflops", bench_median(n, m->rate), bench_median(n, m->limit),
           m->share[0], share, m->share[n - 1]);
    fflush(stdout);
}

static void bench_shape(bench *b, const qn_kernels *k, shape s)
{
    static sample m;
    double n_keys = 0;
    size_t n_scratch = (qn_attend_scratch_bytes(s.dim, s.dim) + 63) / 64 * 64;
    uint8_t *scratch = qn_alloc_aligned(n_scratch * b->opt.n_threads);
    for (size_t r = 0; r < s.n_rows; r++)
        n_keys += (double)(s.context - s.n_rows + r + 1);
    deal_pages(b, s.dim, s.context);
    (void)run(b, k, s, scratch, n_scratch);
    for (size_t i = 0; i < b->opt.n_repeat; i++) {
        double seconds = run(b, k, s, scratch, n_scratch);
        bool decode = s.n_rows == 1;
        m.us[i] = 1e6 * seconds;
        m.rate[i] = decode ? 2e-9 * (double)(s.context / QN_PAGE_TOKENS * b->n_page_bytes) / seconds
                           : 4e-9 * n_keys * (double)(s.n_group * s.dim) / seconds;
        m.limit[i] =
            !decode ? peak_gflops(k->level) : read_gbps(b, b->opt.shuffled ? QN_READ_WAYS : b->way);
        m.share[i] = m.rate[i] / m.limit[i];
    }
    report(b, k, s, &m);
    qn_free(scratch);
}

/* The way that reads fastest, of the best of three passes each. */
static void choose_way(bench *b)
{
    double most = 0;
    for (size_t way = 0; way < QN_READ_WAYS; way++)
        for (size_t i = 0; i < 3; i++) {
            double gbps = read_gbps(b, way);
            if (gbps > most) {
                most = gbps;
                b->way = way;
            }
        }
}

/* Whether an option asks for this value. */
static bool wanted(size_t asked, size_t value)
{
    return asked == 0 || asked == value;
}

static void bench_level(bench *b, const qn_kernels *k)
{
    static const size_t dims[] = {64, 128, 256}, groups[] = {1, 3, 4, 8},
                        contexts[] = {512, 2048, 8192, 32768};
    bool prefill = b->opt.only ? strcmp(b->opt.only, "prefill") == 0 : !b->pool;
    bool decode = !b->opt.only || strcmp(b->opt.only, "decode") == 0;
    for (size_t d = 0; d < QN_COUNT(dims); d++)
        for (size_t g = 0; g < QN_COUNT(groups); g++)
            for (size_t c = 0; c < QN_COUNT(contexts); c++) {
                if (!wanted(b->opt.dim, dims[d]) || !wanted(b->opt.group, groups[g]) ||
                    !wanted(b->opt.context, contexts[c]))
                    continue;
                if (prefill)
                    bench_shape(b, k, (shape){512, groups[g], dims[d], contexts[c]});
                if (decode && contexts[c] > 2048)
                    bench_shape(b, k, (shape){1, groups[g], dims[d], contexts[c]});
            }
}

static options parse(int argc, char **argv)
{
    options o = {.level = -1, .kv = QN_KV_F16, .n_repeat = 7, .n_mib = 256, .n_threads = 1};
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        qn_cpu_level level;
        if (strcmp(name, "--json") == 0)
            o.json = true;
        else if (strcmp(name, "--huge") == 0)
            o.huge = true;
        else if (strcmp(name, "--shuffled") == 0)
            o.shuffled = true;
        else if (strcmp(name, "--level") == 0 && qn_cpu_level_from_name(value, &level))
            o.level = (int)level, i++;
        else if (strcmp(name, "--only") == 0)
            o.only = value, i++;
        else if (strcmp(name, "--repeat") == 0)
            o.n_repeat = QN_MAX(1u, QN_MIN(strtoul(value, NULL, 10), MAX_REPEAT + 0ul)), i++;
        else if (strcmp(name, "--mib") == 0)
            o.n_mib = QN_MAX(16u, strtoul(value, NULL, 10)), i++;
        else if (strcmp(name, "--threads") == 0)
            o.n_threads = QN_MAX(1u, QN_MIN(strtoul(value, NULL, 10), 8u)), i++;
        else if (strcmp(name, "--kv") == 0 && qn_kv_type_from_name(value) < QN_N_KV_TYPES)
            o.kv = qn_kv_type_from_name(value), i++;
        else if (strcmp(name, "--heads") == 0)
            o.n_heads = QN_MIN(strtoul(value, NULL, 10), 64u), i++;
        else if (strcmp(name, "--context") == 0)
            o.context = strtoul(value, NULL, 10), i++;
        else if (strcmp(name, "--group") == 0)
            o.group = strtoul(value, NULL, 10), i++;
        else if (strcmp(name, "--dim") == 0)
            o.dim = strtoul(value, NULL, 10), i++;
        else {
            fprintf(stderr, "attend: no option %s %s\n", name, value);
            exit(2);
        }
    }
    return o;
}

int main(int argc, char **argv)
{
    static bench b;
    size_t n_q = 512 * 8 * 256;
    b.opt = parse(argc, argv);
    b.n_bytes = b.opt.n_mib << 20;
    b.bytes = take_pages(b.n_bytes, b.opt.huge);
    for (size_t i = 0; i < b.n_bytes; i += 8) { /* f16 from -2 to 2 */
        uint64_t word = qn_test_random(2, i) & 0xbfffbfffbfffbfff;
        memcpy(b.bytes + i, &word, 8);
    }
    b.q = qn_alloc_aligned(n_q * sizeof(float));
    b.out = qn_alloc_aligned(n_q * sizeof(float));
    for (size_t i = 0; i < n_q; i++)
        b.q[i] = (float)(qn_test_random(3, i) % 255) / 64 - 2;
    memset(b.out, 0, n_q * sizeof(float));
    qn_error err;
    if (b.opt.n_threads > 1) {
        clock_of_all = CLOCK_MONOTONIC;
        if (qn_pool_open(&b.pool, b.opt.n_threads, &err) != QN_OK)
            return fprintf(stderr, "attend: %s\n", err.text), 1;
    }
    choose_way(&b);
    for (int level = QN_CPU_AVX2; level < QN_CPU_N_LEVELS; level++)
        if (level == b.opt.level ||
            (b.opt.level < 0 && (level == QN_CPU_AVX2 || level == (int)qn_cpu_best()) &&
             qn_cpu_has((qn_cpu_level)level)))
            bench_level(&b, qn_kernels_fastest((qn_cpu_level)level));
    qn_pool_close(b.pool);
    qn_free(b.q);
    qn_free(b.out);
    return 0;
}
