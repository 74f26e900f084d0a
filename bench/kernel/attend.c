/* bench/kernel/attend.c - what attention reaches of the limits of one core.
 *
 * Prefill: 512 rows of a group of heads on the last 512 positions of a context; its multiplications
 * (only of keys that a row sees) as a share of the f32 fma peak of the level's registers. Decode:
 * one row over kv heads that do not fit in the cache, each page's keys before its values and pages
 * in order (or, with --shuffled, anywhere); its bytes as a share of what the core reads in the same
 * order. A limit is measured right after each run, in
 * the same process and on the same memory, and a share is the median of these pairs, so that a
 * noisy neighbour slows both. Options: --json, and --level, --repeat, --mib, --only prefill|decode
 * with a value; --huge puts the pages into 2 MiB pages. Pin it to a core with taskset. */
#include "base/alloc.h"
#include "kernel/kernels.h"
#include "kernel/limits.h"
#include "tests/support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { MAX_REPEAT = 101, MAX_PAGES = 1 << 16 };

typedef struct options {
    bool json, huge, shuffled;
    int level; /* -1: all */
    const char *only;
    size_t n_repeat, n_mib;
} options;

typedef struct bench {
    options opt;
    size_t n_streams; /* side by side, as reading is fastest */
    size_t n_bytes;
    uint8_t *bytes;
    const void *k_pages[MAX_PAGES], *v_pages[MAX_PAGES]; /* of the shape at hand */
    size_t n_pages, n_page_bytes;
    float *q, *out;
} bench;

/* Of this thread alone: what shares the core takes no part. */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { LOOPS = 200000 };

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

static volatile uint64_t sink;

/* GB/s of reading the memory once, as n_streams equal parts side by side. */
static double read_gbps(const bench *b, size_t n_streams)
{
    double start = now();
    sink += (uint64_t)qn_limit_work_at(qn_cpu_best())->read(b->n_bytes, b->bytes, n_streams);
    return 1e-9 * (double)b->n_bytes / (now() - start);
}

/* GB/s of reading the pages in their order. */
static double read_pages_gbps(const bench *b)
{
    double start = now();
    for (size_t i = 0; i < b->n_pages; i++)
        sink += read_page(2 * b->n_page_bytes, b->k_pages[i], b->k_pages[(i + 1) % b->n_pages]);
    return 1e-9 * (double)(b->n_pages * 2 * b->n_page_bytes) / (now() - start);
}

/* GFLOPS of fma on registers, as wide as the level's. */
static double peak_gflops(qn_cpu_level level)
{
    const qn_limit_work *work = qn_limit_work_at(level);
    double start = now();
    sink += (uint64_t)work->f32(LOOPS);
    return 2e-9 * LOOPS * (double)work->n_f32 / (now() - start);
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

/* Cuts the memory into pages of keys, each followed by its values. */
static void deal_pages(bench *b, size_t dim)
{
    b->n_page_bytes = qn_kv_page_bytes(QN_KV_F16, dim);
    b->n_pages = QN_MIN(b->n_bytes / b->n_page_bytes / 2, (size_t)MAX_PAGES);
    for (size_t i = 0; i < b->n_pages; i++) {
        size_t j = b->opt.shuffled ? qn_test_random(4, i) % (i + 1) : i;
        b->k_pages[i] = b->k_pages[j];
        b->k_pages[j] = b->bytes + i * 2 * b->n_page_bytes;
    }
    for (size_t i = 0; i < b->n_pages; i++)
        b->v_pages[i] = (const uint8_t *)b->k_pages[i] + b->n_page_bytes;
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
        .k_type = QN_KV_F16,
        .v_type = QN_KV_F16,
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

/* Seconds of one job: prefill alone, decode as the mean over all heads in memory. */
static double run(const bench *b, const qn_kernels *k, shape s, void *scratch)
{
    size_t step = (s.context + QN_PAGE_TOKENS - 1) / QN_PAGE_TOKENS, n_jobs = 0, from = 0;
    size_t n_most = s.n_rows == 1 ? b->n_pages / step : 1;
    double start = now();
    do {
        qn_attend_job job = job_of(b, s, from);
        k->attend(&job, scratch);
        from += step;
    } while (++n_jobs < n_most);
    return (now() - start) / (double)n_jobs;
}

typedef struct sample {
    double us[MAX_REPEAT], rate[MAX_REPEAT], limit[MAX_REPEAT], share[MAX_REPEAT];
} sample;

static double median(size_t n, double *x)
{
    qsort(x, n, sizeof *x, compare);
    return x[n / 2];
}

static void report(const bench *b, const qn_kernels *k, shape s, sample *m)
{
    size_t n = b->opt.n_repeat;
    double us = median(n, m->us), share = median(n, m->share);
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
           s.n_rows == 1 ? "gbps" : "gflops", median(n, m->rate), median(n, m->limit), m->share[0],
           share, m->share[n - 1]);
    fflush(stdout);
}

static void bench_shape(bench *b, const qn_kernels *k, shape s)
{
    static sample m;
    double n_keys = 0;
    void *scratch = qn_alloc_aligned(qn_attend_scratch_bytes(s.dim, s.dim));
    for (size_t r = 0; r < s.n_rows; r++)
        n_keys += (double)(s.context - s.n_rows + r + 1);
    deal_pages(b, s.dim);
    (void)run(b, k, s, scratch);
    for (size_t i = 0; i < b->opt.n_repeat; i++) {
        double seconds = run(b, k, s, scratch);
        bool decode = s.n_rows == 1;
        m.us[i] = 1e6 * seconds;
        m.rate[i] = decode ? 4e-9 * (double)(s.context * s.dim) / seconds
                           : 4e-9 * n_keys * (double)(s.n_group * s.dim) / seconds;
        m.limit[i] = !decode           ? peak_gflops(k->level)
                     : b->opt.shuffled ? read_pages_gbps(b)
                                       : read_gbps(b, b->n_streams);
        m.share[i] = m.rate[i] / m.limit[i];
    }
    report(b, k, s, &m);
    qn_free(scratch);
}

/* The number of streams that reads fastest, of the best of three passes each. */
static void choose_streams(bench *b)
{
    double most = 0;
    for (size_t n = 1; n <= 16; n *= 2)
        for (size_t i = 0; i < 3; i++) {
            double gbps = read_gbps(b, n);
            if (gbps > most) {
                most = gbps;
                b->n_streams = n;
            }
        }
}

static void bench_level(bench *b, const qn_kernels *k)
{
    static const size_t dims[] = {64, 128}, groups[] = {4, 8}, contexts[] = {512, 1024, 2048};
    bool prefill = !b->opt.only || strcmp(b->opt.only, "prefill") == 0;
    bool decode = !b->opt.only || strcmp(b->opt.only, "decode") == 0;
    for (size_t d = 0; prefill && d < QN_COUNT(dims); d++)
        for (size_t g = 0; g < QN_COUNT(groups); g++)
            for (size_t c = 0; c < QN_COUNT(contexts); c++)
                bench_shape(b, k, (shape){512, groups[g], dims[d], contexts[c]});
    if (prefill)
        bench_shape(b, k, (shape){512, 4, 256, 2048});
    for (size_t g = 1; decode && g <= 8; g *= 2) {
        bench_shape(b, k, (shape){1, g, 64, 8192});
        bench_shape(b, k, (shape){1, g, 128, 8192});
    }
    if (decode)
        bench_shape(b, k, (shape){1, 4, 256, 8192});
}

static options parse(int argc, char **argv)
{
    options o = {.level = -1, .n_repeat = 7, .n_mib = 256};
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
    choose_streams(&b);
    for (int level = QN_CPU_AVX2; level < QN_CPU_N_LEVELS; level++)
        if (level == b.opt.level ||
            (b.opt.level < 0 && (level == QN_CPU_AVX2 || level == QN_CPU_AVX512) &&
             qn_cpu_has((qn_cpu_level)level)))
            bench_level(&b, qn_kernels_at((qn_cpu_level)level));
    qn_free(b.q);
    qn_free(b.out);
    return 0;
}
