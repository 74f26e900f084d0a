/* bench/kernel/experts.c - a layer of experts beside dense products of the same operations.
 *
 * The shape is Qwen3-30B-A3B's: 2048 inputs, 128 experts of 768, 8 for each row. Prints, for each
 * encoding and number of rows, milliseconds and TOPS of the experts (grouping, gate, up,
 * activation, quantization, down, weighted sum) and of the bare products of a dense feed-forward of
 * 8 x 768, which multiplies as often; for one row also GB/s of weights, beside what the team reads
 * at most from the same memory. Options: --json; --small: weights in pages of 4 KiB; --skew S:
 * logits S times as uneven as random; --encoding, --level, --rows, --threads, --repeat with a
 * value. */
#include "kernel/experts.h"
#include "base/alloc.h"
#include "base/pool.h"
#include "bench/timing.h"
#include "kernel/limits.h"
#include "kernel/route.h"
#include "tests/support/blocks.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { N_IN = 2048, N_FF = 768, N_EXPERTS = 128, N_USED = 8, N_DENSE = N_USED * N_FF };
enum { MAX_REPEAT = 101 };

typedef struct options {
    bool json;
    qn_encoding encoding; /* QN_NO_ENCODING: Q8_0, Q4_0, Q4_K, Q6_K */
    qn_cpu_level level;
    size_t n_rows; /* 0: 1, 64, 512 and 2048 */
    size_t n_threads, n_repeat;
    double skew;
} options;

typedef struct choice {
    uint32_t ids[N_USED];
    float weights[N_USED];
} choice;

typedef struct layer { /* feed-forward of experts, or a dense one as if of one expert */
    qn_matrix gate, up, down;
} layer;

typedef struct job {
    const qn_kernels *k;
    qn_pool *pool;
    size_t n_rows, n_threads;
    layer experts, dense;
    choice *choices;
    uint8_t *act, *hidden_act;
    float *hidden, *y;
    uint8_t *scratch; /* of each member */
    size_t scratch_bytes;
    size_t n_bytes; /* of the experts' weights */
    size_t way;     /* that a member reads in */
} job;

static void *must(void *p)
{
    if (!p) {
        fprintf(stderr, "experts: no memory\n");
        exit(1);
    }
    return p;
}

/* --- one pass, by all members --- */

static void quantize_slots(const job *j, size_t n_slots, size_t n_in, size_t member, size_t n)
{
    for (size_t i = n_slots * member / n; i < n_slots * (member + 1) / n; i++)
        j->k->quantize(n_in, j->hidden + i * n_in, j->hidden_act + i * qn_act_bytes(n_in));
}

static void run_experts(void *context, size_t member, size_t n)
{
    const job *j = context;
    uint8_t *scratch = j->scratch + member * j->scratch_bytes;
    qn_experts e = {.kernels = j->k,
                    .matrix = j->experts.gate,
                    .n_experts = N_EXPERTS,
                    .n_used = N_USED,
                    .n_rows = j->n_rows,
                    .choices = (const void *)j->choices,
                    .choices_stride = sizeof *j->choices,
                    .is_act = true,
                    .x = j->act,
                    .x_stride = qn_act_bytes(N_IN),
                    .y = j->hidden,
                    .y_stride = N_FF};
    qn_experts_gate(&e, &j->experts.up, QN_GATE_SILU, member, n, scratch);
    qn_pool_barrier(j->pool);
    quantize_slots(j, j->n_rows * N_USED, N_FF, member, n);
    qn_pool_barrier(j->pool);
    e.matrix = j->experts.down;
    e.x = j->hidden_act;
    e.x_stride = qn_act_bytes(N_FF);
    e.y = j->y;
    e.y_stride = N_IN;
    qn_experts_sum(&e, member, n, scratch);
}

static void multiply(const job *j, const qn_matrix *m, const uint8_t *x, float *y, size_t member,
                     size_t n)
{
    size_t g = m->n_out / QN_LINEAR_GRANULE, o = g * member / n * QN_LINEAR_GRANULE;
    size_t end = g * (member + 1) / n * QN_LINEAR_GRANULE;
    if (o < end)
        qn_linear_i8(j->k, m, o, end, j->n_rows, x, y + o, m->n_out,
                     j->scratch + member * j->scratch_bytes);
}

static void run_dense(void *context, size_t member, size_t n)
{
    const job *j = context;
    multiply(j, &j->dense.gate, j->act, j->hidden, member, n);
    multiply(j, &j->dense.up, j->act, j->hidden, member, n);
    qn_pool_barrier(j->pool);
    multiply(j, &j->dense.down, j->hidden_act, j->y, member, n);
}

static volatile int64_t sink; /* keeps the reading */

static void run_read(void *context, size_t member, size_t n)
{
    const job *j = context;
    size_t part = j->n_bytes / 3 / n / 4096 * 4096;
    const uint8_t *const weights[] = {j->experts.gate.bytes, j->experts.up.bytes,
                                      j->experts.down.bytes};
    for (size_t i = 0; i < QN_COUNT(weights); i++)
        sink += qn_limit_work_at(j->k->level)->read(part, weights[i] + member * part, j->way);
}

static double seconds(const job *j, qn_pool_work *work, size_t n_repeat)
{
    double t[MAX_REPEAT];
    qn_pool_run(j->pool, work, (void *)(uintptr_t)j);
    for (size_t i = 0; i < n_repeat; i++) {
        double start = bench_seconds(CLOCK_MONOTONIC);
        qn_pool_run(j->pool, work, (void *)(uintptr_t)j);
        t[i] = bench_seconds(CLOCK_MONOTONIC) - start;
    }
    return bench_median(n_repeat, t);
}

/* Reading all weights, the best of the ways. */
static double seconds_of_reading(job *j, size_t n_repeat)
{
    double best = 1e9;
    for (j->way = 0; j->way < QN_READ_WAYS; j->way++) {
        double s = seconds(j, run_read, n_repeat);
        best = QN_MIN(best, s);
    }
    return best;
}

/* One row whose experts change with every pass, so that no weights are left in a cache. */
static double seconds_of_a_row(job *j, size_t n_repeat)
{
    double t[MAX_REPEAT];
    for (size_t i = 0; i < n_repeat; i++) {
        double start = bench_seconds(CLOCK_MONOTONIC);
        for (size_t p = 0; p < N_EXPERTS / N_USED; p++) {
            for (uint32_t e = 0; e < N_USED; e++)
                j->choices[0].ids[e] = (uint32_t)p + e * N_EXPERTS / N_USED;
            qn_pool_run(j->pool, run_experts, j);
        }
        t[i] = (bench_seconds(CLOCK_MONOTONIC) - start) / (N_EXPERTS / N_USED);
    }
    return bench_median(n_repeat, t);
}

/* --- what is multiplied --- */

/* Weights lie in large pages, as a mapped file has them (docs/speed/015-large-pages.md). */
static bool small_pages;

static qn_matrix make_matrices(qn_encoding e, size_t n, size_t n_out, size_t n_in, uint64_t seed,
                               size_t *n_bytes)
{
    uint64_t size = 0, row = 0;
    if (!qn_encoding_size(e, n * n_out * n_in, &size) || !qn_encoding_size(e, n_in, &row))
        must(NULL);
    uint8_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || madvise(p, size, small_pages ? MADV_NOHUGEPAGE : MADV_HUGEPAGE) != 0)
        must(NULL);
    qn_test_random_weights(e, n * n_out * n_in, seed, 0.02f, p);
    *n_bytes += size;
    return (qn_matrix){e, p, n_in, n_out, row, false};
}

static void drop_matrices(const qn_matrix *m, size_t n)
{
    munmap((void *)(uintptr_t)m->bytes, n * m->n_out * m->n_row_bytes);
}

static layer make_layer(qn_encoding e, size_t n, size_t n_ff, size_t *n_bytes)
{
    return (layer){make_matrices(e, n, n_ff, N_IN, 1, n_bytes),
                   make_matrices(e, n, n_ff, N_IN, 2, n_bytes),
                   make_matrices(e, n, N_IN, n_ff, 3, n_bytes)};
}

static void drop_layer(const layer *l, size_t n)
{
    drop_matrices(&l->gate, n);
    drop_matrices(&l->up, n);
    drop_matrices(&l->down, n);
}

static void choose(job *j, size_t n_rows, double skew)
{
    for (size_t r = 0; r < n_rows; r++) {
        float logits[N_EXPERTS];
        for (size_t i = 0; i < N_EXPERTS; i++)
            logits[i] = (float)((double)(qn_test_random(r, i) % 4096) / 4096 +
                                skew * (double)(qn_test_random(77, i) % 4096) / 4096);
        qn_route(j->k, N_EXPERTS, logits, N_USED, true, j->choices[r].ids, j->choices[r].weights);
    }
}

static void make_rows(job *j, size_t n_rows, double skew)
{
    j->choices = must(qn_alloc_aligned(n_rows * sizeof *j->choices));
    j->act = must(qn_alloc_aligned(n_rows * qn_act_bytes(N_IN)));
    j->hidden = must(qn_alloc_aligned(n_rows * N_DENSE * sizeof(float)));
    j->hidden_act = must(qn_alloc_aligned(n_rows * N_USED * qn_act_bytes(N_FF)));
    j->y = must(qn_alloc_aligned(n_rows * N_IN * sizeof(float)));
    j->scratch_bytes = qn_experts_scratch_bytes(N_EXPERTS, N_USED, n_rows, N_DENSE,
                                                qn_linear_scratch_bytes(QN_Q8_0, true, N_DENSE));
    j->scratch = must(qn_alloc_aligned(j->n_threads * j->scratch_bytes));
    for (size_t r = 0; r < n_rows; r++) {
        float x[N_IN];
        for (size_t i = 0; i < N_IN; i++)
            x[i] = (float)(qn_test_random(5, r * N_IN + i) % 511) / 256 - 1;
        j->k->quantize(N_IN, x, j->act + r * qn_act_bytes(N_IN));
    }
    for (size_t i = 0; i < n_rows * N_DENSE; i++)
        j->hidden[i] = (float)(qn_test_random(6, i) % 511) / 256 - 1;
    quantize_slots(j, n_rows, N_DENSE, 0, 1);
    choose(j, n_rows, skew);
}

static void drop_rows(job *j)
{
    qn_free(j->choices), qn_free(j->act), qn_free(j->hidden), qn_free(j->hidden_act);
    qn_free(j->y), qn_free(j->scratch);
}

/* --- output --- */

static void report_row(const options *o, const job *j, double s, double read)
{
    double gbps = 1e-9 * (double)j->n_bytes / N_EXPERTS * N_USED / s;
    double limit = 1e-9 * (double)j->n_bytes / read;
    printf(o->json ? "{\"encoding\":\"%s\",\"threads\":%zu,\"rows\":1,\"us\":%.1f,\"gbps\":%.2f,"
                     "\"read_gbps\":%.2f,\"fraction\":%.3f}\n"
                   : "%-5s %zu threads    1 row  %9.1f us %6.2f GB/s of %6.2f read: %5.3f\n",
           qn_encoding_name(j->experts.gate.encoding), j->n_threads, 1e6 * s, gbps, limit,
           gbps / limit);
}

static void report_rows(const options *o, const job *j, double s, double dense)
{
    double ops = 2e-12 * (double)j->n_rows * 3 * N_IN * N_DENSE;
    printf(o->json ? "{\"encoding\":\"%s\",\"threads\":%zu,\"rows\":%zu,\"ms\":%.2f,\"tops\":%.4f,"
                     "\"dense_ms\":%.2f,\"dense_tops\":%.4f,\"fraction\":%.3f}\n"
                   : "%-5s %zu threads %4zu rows %8.2f ms %7.4f TOPS, dense %8.2f ms %7.4f TOPS: "
                     "%5.3f\n",
           qn_encoding_name(j->experts.gate.encoding), j->n_threads, j->n_rows, 1e3 * s, ops / s,
           1e3 * dense, ops / dense, dense / s);
}

static void bench_encoding(const options *o, job *j, qn_encoding e)
{
    static const size_t counts[] = {1, 64, 512, 2048};
    size_t unused = 0;
    j->n_bytes = 0;
    j->experts = make_layer(e, N_EXPERTS, N_FF, &j->n_bytes);
    j->dense = make_layer(e, 1, N_DENSE, &unused);
    for (size_t i = 0; i < (o->n_rows ? 1 : QN_COUNT(counts)); i++) {
        j->n_rows = o->n_rows ? o->n_rows : counts[i];
        make_rows(j, j->n_rows, o->skew);
        if (j->n_rows == 1) {
            double read = seconds_of_reading(j, o->n_repeat);
            report_row(o, j, seconds_of_a_row(j, o->n_repeat), read);
        } else {
            double dense = seconds(j, run_dense, o->n_repeat);
            report_rows(o, j, seconds(j, run_experts, o->n_repeat), dense);
        }
        fflush(stdout);
        drop_rows(j);
    }
    drop_layer(&j->experts, N_EXPERTS);
    drop_layer(&j->dense, 1);
}

static options parse(int argc, char **argv)
{
    options o = {.level = qn_cpu_best(), .n_threads = 1, .n_repeat = 5};
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(name, "--json") == 0 || strcmp(name, "--small") == 0) {
            o.json |= name[2] == 'j';
            small_pages |= name[2] == 's';
            continue;
        }
        i++;
        if (strcmp(name, "--encoding") == 0)
            o.encoding = qn_encoding_from_name(value);
        else if (strcmp(name, "--level") == 0 && qn_cpu_level_from_name(value, &o.level))
            continue;
        else if (strcmp(name, "--rows") == 0)
            o.n_rows = strtoul(value, NULL, 10);
        else if (strcmp(name, "--threads") == 0)
            o.n_threads = strtoul(value, NULL, 10);
        else if (strcmp(name, "--repeat") == 0)
            o.n_repeat = QN_MIN(strtoul(value, NULL, 10), (unsigned long)MAX_REPEAT);
        else if (strcmp(name, "--skew") == 0)
            o.skew = strtod(value, NULL);
        else {
            fprintf(stderr, "experts: no option %s %s\n", name, value);
            exit(2);
        }
    }
    return o;
}

int main(int argc, char **argv)
{
    static const qn_encoding usual[] = {QN_Q8_0, QN_Q4_0, QN_Q4_K, QN_Q6_K};
    options o = parse(argc, argv);
    job j = {.k = qn_kernels_at(o.level), .n_threads = o.n_threads};
    qn_error err = {0};
    if (qn_pool_open(&j.pool, o.n_threads, &err) != QN_OK) {
        fprintf(stderr, "experts: %s\n", err.text);
        return 1;
    }
    for (size_t i = 0; i < QN_COUNT(usual); i++)
        if (o.encoding == QN_NO_ENCODING || o.encoding == usual[i])
            bench_encoding(&o, &j, usual[i]);
    qn_pool_close(j.pool);
    return 0;
}
