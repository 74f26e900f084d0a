/* base/pool.c - generation counters for the start and the end of a run, and a counting barrier.
 *
 * Each wait spins SPINS times and then sleeps on the counter with a futex; who changes a counter
 * wakes its sleepers only if there are any. */
#include "base/pool.h"

#include "base/alloc.h"
#include "base/fault.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* About 50 us: longer than the gap between two steps of a decode, shorter than a time slice. */
enum { SPINS = 2000 };

typedef struct gate {
    _Alignas(64) atomic_uint generation;
    atomic_uint n_asleep;
} gate;

typedef struct member {
    qn_pool *pool;
    size_t index;
    pthread_t thread;
} member;

struct qn_pool {
    size_t n_members, n_started;
    qn_pool_work *work;
    void *context;
    atomic_bool closes;
    gate start, done, meeting;
    _Alignas(64) atomic_uint n_met;
    atomic_uint n_left; /* members still at work */
    member members[];
};

static inline void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void gate_wait(gate *g, unsigned seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&g->generation, memory_order_acquire) != seen)
            return;
        relax();
    }
    atomic_fetch_add(&g->n_asleep, 1);
    while (atomic_load(&g->generation) == seen)
        syscall(SYS_futex, &g->generation, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
    atomic_fetch_sub(&g->n_asleep, 1);
}

static void gate_open(gate *g)
{
    atomic_fetch_add(&g->generation, 1);
    if (atomic_load(&g->n_asleep) > 0)
        syscall(SYS_futex, &g->generation, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void *serve(void *argument)
{
    member *m = argument;
    qn_pool *pool = m->pool;
    for (unsigned seen = 0;; seen++) {
        gate_wait(&pool->start, seen);
        if (atomic_load(&pool->closes))
            return NULL;
        pool->work(pool->context, m->index, pool->n_members);
        if (atomic_fetch_sub(&pool->n_left, 1) == 1)
            gate_open(&pool->done);
    }
}

static qn_status start_threads(qn_pool *pool, qn_error *err)
{
    for (size_t i = 1; i < pool->n_members; i++) {
        member *m = &pool->members[i];
        *m = (member){.pool = pool, .index = i};
        int rc = qn_fault_point() ? EAGAIN : pthread_create(&m->thread, NULL, serve, m);
        QN_FAIL_IF(rc != 0, err, QN_EIO, "cannot start thread %zu of %zu: %s; use fewer --threads",
                   i + 1, pool->n_members, strerror(rc));
        pool->n_started = i;
    }
    return QN_OK;
}

qn_status qn_pool_open(qn_pool **pool, size_t n_members, qn_error *err)
{
    *pool = NULL;
    QN_FAIL_IF(n_members < 1 || n_members > QN_POOL_MOST, err, QN_EARGUMENT,
               "%zu threads: the least is 1, the most %d", n_members, QN_POOL_MOST);
    size_t n_bytes = sizeof(qn_pool) + n_members * sizeof(member);
    qn_pool *p = qn_alloc_aligned(n_bytes);
    QN_FAIL_IF(!p, err, QN_ENOMEM, "no memory for %zu threads", n_members);
    memset(p, 0, n_bytes);
    p->n_members = n_members;
    if (start_threads(p, err) != QN_OK) {
        qn_pool_close(p);
        return QN_EIO;
    }
    *pool = p;
    return QN_OK;
}

void qn_pool_close(qn_pool *pool)
{
    if (!pool)
        return;
    atomic_store(&pool->closes, true);
    gate_open(&pool->start);
    for (size_t i = 1; i <= pool->n_started; i++)
        pthread_join(pool->members[i].thread, NULL);
    qn_free(pool);
}

void qn_pool_run(qn_pool *pool, qn_pool_work *work, void *context)
{
    if (pool->n_members == 1) {
        work(context, 0, 1);
        return;
    }
    pool->work = work;
    pool->context = context;
    unsigned seen = atomic_load(&pool->done.generation);
    atomic_store(&pool->n_left, (unsigned)pool->n_members - 1);
    gate_open(&pool->start);
    work(context, 0, pool->n_members);
    gate_wait(&pool->done, seen);
}

void qn_pool_barrier(qn_pool *pool)
{
    if (pool->n_members == 1)
        return;
    unsigned seen = atomic_load_explicit(&pool->meeting.generation, memory_order_acquire);
    if (atomic_fetch_add(&pool->n_met, 1) + 1 < pool->n_members) {
        gate_wait(&pool->meeting, seen);
        return;
    }
    atomic_store(&pool->n_met, 0);
    gate_open(&pool->meeting);
}
