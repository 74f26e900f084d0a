/* cli/machine_limits.c - the best of several passes of kernel/limits.h. */
#include "cli/machine_limits.h"

#include "base/clock.h"
#include "kernel/limits.h"

#include <string.h>
#include <sys/mman.h>

enum { PASSES = 5, LOOPS = 400000, LEAST_BYTES = 64 << 20, HUGE_PAGE = 2 << 20 };

typedef struct team {
    const qn_limit_work *work;
    const uint8_t *bytes;
    size_t n_bytes, n_streams;
    enum { READ, INT8, F32, BF16 } what;
    int64_t result[QN_POOL_MOST]; /* so that nothing is left out */
} team;

static void work(void *context, size_t member, size_t n_members)
{
    team *t = context;
    size_t part = t->n_bytes / n_members / 4096 * 4096;
    switch (t->what) {
    case READ:
        t->result[member] = t->work->read(part, t->bytes + member * part, t->n_streams);
        return;
    case INT8: t->result[member] = t->work->int8(LOOPS); return;
    case F32: t->result[member] = t->work->f32(LOOPS); return;
    case BF16: t->result[member] = t->work->bf16(LOOPS); return;
    }
}

/* Seconds of the fastest pass. */
static double fastest(qn_pool *pool, team *t)
{
    double least = 0;
    for (int i = 0; i < PASSES; i++) {
        uint64_t begin = qn_clock_ns();
        qn_pool_run(pool, work, t);
        double seconds = 1e-9 * (double)(qn_clock_ns() - begin);
        least = i == 0 || seconds < least ? seconds : least;
    }
    return least > 0 ? least : 1e-9;
}

static double read_speed(qn_pool *pool, team *t)
{
    double most = 0;
    t->what = READ;
    for (t->n_streams = 1; t->n_streams <= 32; t->n_streams *= 2)
        most = QN_MAX(most, (double)t->n_bytes / fastest(pool, t));
    return most;
}

static qn_status measure_reading(qn_pool *pool, team *t, double *on_4k, double *on_2m,
                                 qn_error *err)
{
    size_t n = t->n_bytes + HUGE_PAGE;
    uint8_t *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    QN_FAIL_IF(p == MAP_FAILED, err, QN_ENOMEM, "no %zu bytes to measure reading with", n);
    t->bytes = p + (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
    madvise(p, n, MADV_NOHUGEPAGE);
    memset(p, 1, n);
    *on_4k = read_speed(pool, t);
    madvise(p, n, MADV_DONTNEED);
    madvise(p, n, MADV_HUGEPAGE);
    memset(p, 1, n);
    *on_2m = read_speed(pool, t);
    munmap(p, n);
    return QN_OK;
}

qn_status qn_machine_measure(qn_machine_limits *l, size_t n_threads, size_t n_bytes,
                             qn_cpu_level level, qn_error *err)
{
    qn_pool *pool;
    team t = {.work = qn_limit_work_at(level), .n_bytes = QN_MAX(n_bytes, (size_t)LEAST_BYTES)};
    double n = (double)n_threads * LOOPS;
    QN_TRY(qn_pool_open(&pool, n_threads, err));
    t.what = INT8;
    l->int8 = n * (double)t.work->n_int8 / fastest(pool, &t);
    t.what = F32;
    l->f32 = n * (double)t.work->n_f32 / fastest(pool, &t);
    l->bf16 = 0;
    t.what = BF16;
    if (t.work->bf16)
        l->bf16 = n * (double)t.work->n_bf16 / fastest(pool, &t);
    qn_status st = measure_reading(pool, &t, &l->read_4k, &l->read_2m, err);
    qn_pool_close(pool);
    return st;
}
