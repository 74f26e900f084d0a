/* cli/machine_limits.c - the best of several passes of kernel/limits.h. */
#include "cli/machine_limits.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "kernel/limits.h"

#include <string.h>
#include <sys/mman.h>

enum { PASSES = 3, LOOPS = 400000, HUGE_PAGE = 2 << 20 };
enum { LEAST_BYTES = 1 << 20, MOST_BYTES = 1 << 30, PASS_BYTES = 64 << 20 };

typedef struct buffer {
    uint8_t *mapped, *bytes; /* bytes: the first huge page's begin */
    size_t way;              /* that reads fastest; QN_READ_WAYS: not known */
} buffer;

typedef enum pass { READ, INT8, F32, BF16 } pass;

struct qn_meter {
    qn_pool *pool;
    const qn_limit_work *work;
    size_t n_threads, n_bytes;
    buffer on_4k, on_2m;
    pass what;
    const buffer *read;
    size_t way;
    int64_t result[QN_POOL_MOST]; /* so that nothing is left out */
};

/* A buffer that caches hold is read several times a pass, so that starting the team costs little.
 */
static size_t reads_of_pass(const qn_meter *m)
{
    return QN_MAX((size_t)PASS_BYTES / m->n_bytes, (size_t)1);
}

static void work(void *context, size_t member, size_t n_members)
{
    qn_meter *m = context;
    size_t part = m->n_bytes / n_members / 4096 * 4096;
    switch (m->what) {
    case READ:
        for (size_t i = 0; i < reads_of_pass(m); i++)
            m->result[member] ^= m->work->read(part, m->read->bytes + member * part, m->way);
        return;
    case INT8: m->result[member] ^= m->work->int8(LOOPS); return;
    case F32: m->result[member] ^= m->work->f32(LOOPS); return;
    case BF16: m->result[member] ^= m->work->bf16(LOOPS); return;
    }
}

/* Seconds of the fastest pass. */
static double fastest(qn_meter *m)
{
    double least = 0;
    for (int i = 0; i < PASSES; i++) {
        uint64_t begin = qn_clock_ns();
        qn_pool_run(m->pool, work, m);
        double seconds = 1e-9 * (double)(qn_clock_ns() - begin);
        least = i == 0 || seconds < least ? seconds : least;
    }
    return least > 0 ? least : 1e-9;
}

/* Bytes a second; the first time in every way. */
static double read_speed(qn_meter *m, buffer *b)
{
    const bool is_known = b->way < QN_READ_WAYS;
    double most = 0, n = (double)m->n_bytes * (double)reads_of_pass(m);
    m->what = READ;
    m->read = b;
    for (size_t way = 0; way < QN_READ_WAYS; way++) {
        if (is_known && way != b->way)
            continue;
        m->way = way;
        double speed = n / fastest(m);
        if (speed > most) {
            most = speed;
            b->way = way;
        }
    }
    return most;
}

static double multiply_speed(qn_meter *m, pass what, size_t n_products)
{
    m->what = what;
    return 2 * (double)n_products * LOOPS * (double)m->n_threads / fastest(m);
}

qn_machine_limits qn_meter_measure(qn_meter *m)
{
    return (qn_machine_limits){
        .n_bytes = m->n_bytes,
        .int8 = multiply_speed(m, INT8, m->work->n_int8),
        .f32 = multiply_speed(m, F32, m->work->n_f32),
        .bf16 = m->work->bf16 ? multiply_speed(m, BF16, m->work->n_bf16) : 0,
        .read_4k = read_speed(m, &m->on_4k),
        .read_2m = read_speed(m, &m->on_2m),
    };
}

static qn_status map_buffer(buffer *b, size_t n_bytes, int advice, qn_error *err)
{
    size_t n = n_bytes + HUGE_PAGE;
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    QN_FAIL_IF(p == MAP_FAILED, err, QN_ENOMEM, "no %zu bytes to measure reading with", n);
    b->way = QN_READ_WAYS;
    b->mapped = p;
    b->bytes = b->mapped + (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
    madvise(p, n, advice);
    memset(p, 1, n);
    return QN_OK;
}

static qn_status start(qn_meter *m, qn_error *err)
{
    QN_TRY(map_buffer(&m->on_4k, m->n_bytes, MADV_NOHUGEPAGE, err));
    QN_TRY(map_buffer(&m->on_2m, m->n_bytes, MADV_HUGEPAGE, err));
    return qn_pool_open(&m->pool, m->n_threads, err);
}

qn_status qn_meter_open(qn_meter **out, size_t n_threads, uint64_t n_bytes, qn_cpu_level level,
                        qn_error *err)
{
    qn_meter *m = *out = qn_alloc_zeroed(1, sizeof *m);
    QN_FAIL_IF(!m, err, QN_ENOMEM, "no memory to measure this machine with");
    m->work = qn_limit_work_at(level);
    m->n_threads = n_threads;
    m->n_bytes = (size_t)QN_MIN(QN_MAX(n_bytes, (uint64_t)LEAST_BYTES), (uint64_t)MOST_BYTES);
    qn_status status = start(m, err);
    if (status != QN_OK) {
        qn_meter_close(m);
        *out = NULL;
    }
    return status;
}

void qn_meter_close(qn_meter *m)
{
    if (!m)
        return;
    qn_pool_close(m->pool);
    if (m->on_4k.mapped)
        munmap(m->on_4k.mapped, m->n_bytes + HUGE_PAGE);
    if (m->on_2m.mapped)
        munmap(m->on_2m.mapped, m->n_bytes + HUGE_PAGE);
    qn_free(m);
}
