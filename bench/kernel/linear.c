/* bench/kernel/linear.c - what linear products reach of the limits of one core.
 *
 * Prints, for each encoding, level and number of rows, microseconds of a pass over a matrix that
 * does not fit in the cache, its GB/s of weights, its TOPS, and the shares of what the same core
 * reads and multiplies at most, measured beside it, for each
 * encoding anew. Options: --json, --packed (weights as packed.h has them), and --encoding, --level,
 * --rows, --mib, --n-in, --repeat with a value. Pin it to a core with taskset. */
#include "kernel/linear.h"
#include "base/alloc.h"
#include "bench/timing.h"
#include "kernel/f16.h"
#include "kernel/limits.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MAX_REPEAT = 101 };

typedef struct options {
    bool json, packed;
    qn_encoding encoding; /* QN_NO_ENCODING: all */
    int level;            /* -1: all */
    size_t n_rows;        /* 0: 1, 4, 16 and 512 */
    size_t n_mib, n_in, n_repeat;
} options;

typedef struct limits {
    double read_gbps, int8_tops, f32_tflops, bf16_tflops;
} limits;

enum { LOOPS = 2000000 };

static volatile int64_t sink;

/* The median of several runs of a loop. */
static double time_loop(int64_t (*loop)(size_t), size_t n_repeat)
{
    double t[MAX_REPEAT];
    for (size_t i = 0; i < n_repeat; i++) {
        double start = bench_seconds(CLOCK_MONOTONIC);
        sink += loop(LOOPS);
        t[i] = bench_seconds(CLOCK_MONOTONIC) - start;
    }
    return bench_median(n_repeat, t);
}

/* The best of the ways of reading, each the median of several passes, and the peaks. */
static limits measure(size_t n_bytes, const uint8_t *bytes, size_t n_repeat)
{
    const qn_limit_work *work = qn_limit_work_at(qn_cpu_best());
    limits l = {0};
    double t[MAX_REPEAT];
    for (size_t way = 0; way < QN_READ_WAYS; way++) {
        for (size_t i = 0; i < n_repeat; i++) {
            double start = bench_seconds(CLOCK_MONOTONIC);
            sink += work->read(n_bytes, bytes, way);
            t[i] = bench_seconds(CLOCK_MONOTONIC) - start;
        }
        l.read_gbps = QN_MAX(l.read_gbps, 1e-9 * (double)n_bytes / bench_median(n_repeat, t));
    }
    l.int8_tops = 2e-12 * LOOPS * (double)work->n_int8 / time_loop(work->int8, n_repeat);
    l.f32_tflops = 2e-12 * LOOPS * (double)work->n_f32 / time_loop(work->f32, n_repeat);
    if (work->bf16)
        l.bf16_tflops = 2e-12 * LOOPS * (double)work->n_bf16 / time_loop(work->bf16, n_repeat);
    return l;
}

/* Memory in 4 KiB pages, as a mapped file has them. */
static void *take_pages(size_t n_bytes)
{
    void *p = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || madvise(p, n_bytes, MADV_NOHUGEPAGE) != 0) {
        fprintf(stderr, "cannot map %zu bytes\n", n_bytes);
        exit(1);
    }
    return p;
}

typedef struct job {
    const qn_kernels *k;
    qn_matrix w;
    size_t n_rows;
    const uint8_t *act;
    const float *x;
    float *y;
    void *scratch;
} job;

/* One pass over the matrix, or the part of it that fits in a second; seconds of a whole pass. */
static double run(const job *j)
{
    double start = bench_seconds(CLOCK_MONOTONIC), elapsed = 0;
    size_t o = 0, step = 1024;
    while (o < j->w.n_out && elapsed < 0.5) {
        size_t end = QN_MIN(o + step, j->w.n_out);
        if (qn_encoding_is_quantized(j->w.encoding))
            qn_linear_i8(j->k, &j->w, o, end, j->n_rows, j->act, j->y, step, j->scratch);
        else
            qn_linear_f32(j->k, &j->w, o, end, j->n_rows, j->x, j->w.n_in, j->y, step, j->scratch);
        o = end;
        elapsed = bench_seconds(CLOCK_MONOTONIC) - start;
    }
    return elapsed * (double)j->w.n_out / (double)o;
}

static void report(const options *opt, const limits *l, const job *j, double *t)
{
    double best = t[0], s = bench_median(opt->n_repeat, t);
    for (size_t i = 0; i < opt->n_repeat; i++)
        best = QN_MIN(best, t[i]);
    bool i8 = qn_encoding_is_quantized(j->w.encoding);
    double gbps = 1e-9 * (double)(j->w.n_out * j->w.n_row_bytes) / s;
    double tops = 2e-12 * (double)(j->w.n_out * j->w.n_in * j->n_rows) / s;
    bool bf16 = j->w.encoding == QN_BF16 && j->k->bf16_mul;
    double peak = i8 ? l->int8_tops : bf16 ? l->bf16_tflops : l->f32_tflops;
    const char *format =
        opt->json ? "{\"encoding\":\"%s\",\"level\":\"%s\",\"rows\":%zu,\"us\":{\"min\":%.1f,"
                    "\"median\":%.1f},\"gbps\":%.2f,\"tops\":%.4f,\"fraction_of_read\":%.3f,"
                    "\"fraction_of_peak\":%.3f}\n"
                  : "%-6s %-10s %4zu rows %10.1f us best %10.1f us %7.2f GB/s %7.4f TOPS "
                    "%6.3f of read %6.3f of peak\n";
    printf(format, qn_encoding_name(j->w.encoding), qn_cpu_level_name(j->k->level), j->n_rows,
           1e6 * best, 1e6 * s, gbps, tops, l->read_gbps > 0 ? gbps / l->read_gbps : 0,
           peak > 0 ? tops / peak : 0);
    fflush(stdout);
}

static void bench_rows(const options *opt, const limits *l, job *j)
{
    static const size_t n_rows[] = {1, 4, 16, 512};
    double t[MAX_REPEAT];
    for (size_t i = 0; i < QN_COUNT(n_rows); i++) {
        if (opt->n_rows && i > 0)
            break;
        j->n_rows = opt->n_rows ? opt->n_rows : n_rows[i];
        for (size_t r = 0; r < opt->n_repeat; r++)
            t[r] = run(j);
        report(opt, l, j, t);
    }
}

/* Random bytes are weights of any encoding, with the scales made ordinary. */
static void bench_encoding(const options *opt, const limits *l, qn_encoding e, uint8_t *bytes)
{
    size_t n_max = opt->n_rows ? opt->n_rows : 512;
    size_t row_bytes = opt->n_in / qn_encoding_block(e) * qn_encoding_block_bytes(e);
    job j = {.w = {e, bytes, opt->n_in, (opt->n_mib << 20) / row_bytes / 32 * 32, row_bytes,
                   opt->packed && qn_encoding_is_quantized(e)}};
    float *x = qn_alloc_aligned(n_max * opt->n_in * sizeof *x);
    uint8_t *act = qn_alloc_aligned(n_max * qn_act_bytes(opt->n_in));
    j.y = qn_alloc_aligned(n_max * 1024 * sizeof(float));
    j.scratch =
        qn_alloc_aligned(qn_linear_scratch_bytes(e, qn_encoding_is_quantized(e), opt->n_in));
    for (size_t i = 0; i < n_max * opt->n_in; i++)
        x[i] = (float)(qn_test_random(1, i) % 255) - 127;
    for (size_t r = 0; r < n_max; r++)
        qn_kernels_at(QN_CPU_REF)
            ->quantize(opt->n_in, x + r * opt->n_in, act + r * qn_act_bytes(opt->n_in));
    j.x = x, j.act = act;
    for (int level = 0; level < QN_CPU_N_LEVELS; level++)
        if ((opt->level < 0 ? level != QN_CPU_REF : level == opt->level) &&
            qn_cpu_has((qn_cpu_level)level)) {
            j.k = qn_kernels_fastest((qn_cpu_level)level);
            bench_rows(opt, l, &j);
        }
    qn_free(x), qn_free(act), qn_free(j.y), qn_free(j.scratch);
}

static options parse(int argc, char **argv)
{
    options o = {.level = -1, .n_mib = 256, .n_in = 4096, .n_repeat = 7};
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        qn_cpu_level level;
        if (strcmp(name, "--json") == 0) {
            o.json = true;
            continue;
        }
        if (strcmp(name, "--packed") == 0) {
            o.packed = true;
            continue;
        }
        i++;
        if (strcmp(name, "--encoding") == 0)
            o.encoding = qn_encoding_from_name(value);
        else if (strcmp(name, "--level") == 0 && qn_cpu_level_from_name(value, &level))
            o.level = (int)level;
        else if (strcmp(name, "--rows") == 0)
            o.n_rows = strtoul(value, NULL, 10);
        else if (strcmp(name, "--mib") == 0)
            o.n_mib = strtoul(value, NULL, 10);
        else if (strcmp(name, "--n-in") == 0)
            o.n_in = strtoul(value, NULL, 10);
        else if (strcmp(name, "--repeat") == 0)
            o.n_repeat = QN_MIN(strtoul(value, NULL, 10), (unsigned long)MAX_REPEAT);
        else {
            fprintf(stderr, "linear: no option %s %s\n", name, value);
            exit(2);
        }
    }
    return o;
}

static void print_limits(const options *opt, const limits *l)
{
    printf(opt->json ? "{\"read_gbps\":%.2f,\"int8_tops\":%.4f,\"f32_tflops\":%.4f,"
                       "\"bf16_tflops\":%.4f}\n"
                     : "limits of one core: read %.2f GB/s, int8 %.4f TOPS, f32 %.4f TFLOPS, "
                       "bf16 %.4f TFLOPS\n",
           l->read_gbps, l->int8_tops, l->f32_tflops, l->bf16_tflops);
}

int main(int argc, char **argv)
{
    options opt = parse(argc, argv);
    size_t n_bytes = opt.n_mib << 20;
    uint8_t *bytes = take_pages(n_bytes);
    for (size_t i = 0; i < n_bytes; i += 8) { /* finite as floats: no exponent of all ones */
        uint64_t word = (qn_test_random(2, i) & 0xbfbfbfbfbfbfbfbf) | 0x2020202020202020;
        memcpy(bytes + i, &word, 8);
    }
    for (qn_encoding e = QN_NO_ENCODING + 1; e < QN_N_ENCODINGS; e++)
        if (opt.encoding == QN_NO_ENCODING || opt.encoding == e) {
            limits l = measure(n_bytes, bytes, opt.n_repeat);
            print_limits(&opt, &l);
            bench_encoding(&opt, &l, e, bytes);
        }
    munmap(bytes, n_bytes);
    return 0;
}
