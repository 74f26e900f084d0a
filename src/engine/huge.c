/* engine/huge.c - one block for all tensors; the program's pointers are moved to it. */
#include "engine/huge.h"

#include "base/checked.h"
#include "base/machine.h"
#include "base/pool.h"

#include <string.h>

enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20 };

/* Where the tensor behind one that begins at `at` begins. */
static uint64_t next_start(uint64_t at, const qn_tensor *t)
{
    return at + (t->n_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

uint64_t qn_huge_bytes(const qn_model *m)
{
    uint64_t n = 0;
    for (size_t i = 0; i < m->gguf.n_tensors; i++)
        n = next_start(n, &m->gguf.tensors[i]);
    return (n + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

typedef struct copying {
    const qn_gguf *g;
    uint8_t *to;
    size_t n_bytes;
} copying;

/* A member's share: whole large pages, touched first by the thread that fills them. */
static void copy_share(void *context, size_t member, size_t n_members)
{
    const copying *c = context;
    uint64_t n_pages = c->n_bytes / HUGE_PAGE, at = 0;
    uint64_t begin = n_pages * member / n_members * HUGE_PAGE;
    uint64_t end = n_pages * (member + 1) / n_members * HUGE_PAGE;
    for (size_t i = 0; i < c->g->n_tensors; i++) {
        const qn_tensor *t = &c->g->tensors[i];
        uint64_t first = QN_MAX(at, begin), last = QN_MIN(at + t->n_bytes, end);
        if (first < last)
            memcpy(c->to + first, t->bytes + (first - at), last - first);
        at = next_start(at, t);
    }
}

/* Where the copy of a tensor's bytes lies; p itself when it is no tensor's first byte. */
static const void *moved(const qn_model *m, const void *p)
{
    uint64_t at = 0;
    for (size_t i = 0; i < m->gguf.n_tensors; i++) {
        const qn_tensor *t = &m->gguf.tensors[i];
        if (p == t->bytes)
            return m->huge.bytes + at;
        at = next_start(at, t);
    }
    return p;
}

static void move_program(qn_model *m)
{
    for (qn_op *op = m->program.ops; op < m->program.ops + m->program.n_ops; op++) {
        op->matrix.bytes = moved(m, op->matrix.bytes);
        op->up.bytes = moved(m, op->up.bytes);
        op->weights = moved(m, op->weights);
    }
}

qn_status qn_huge_load(qn_model *m, size_t n_threads, qn_error *err)
{
    uint64_t n_bytes = qn_huge_bytes(m), available = qn_machine_memory();
    qn_pool *pool;
    QN_FAIL_IF(n_bytes > available, err, QN_EFIT,
               "--weights huge needs %" PRIu64 " MiB and %" PRIu64
               " MiB are available; leave it out to use the mapped file",
               n_bytes >> 20, available >> 20);
    QN_TRY(qn_pool_open(&pool, n_threads, err));
    qn_status st = qn_arena_init_huge(&m->huge, n_bytes, err);
    if (st == QN_OK) {
        copying c = {&m->gguf, m->huge.bytes, n_bytes};
        qn_pool_run(pool, copy_share, &c);
        if (qn_gguf_torn(&m->gguf)) {
            qn_arena_release(&m->huge);
            st = qn_fail(err, QN_EIO, "%s: the file was changed while it was read", m->path);
        }
    }
    qn_pool_close(pool);
    if (st == QN_OK)
        move_program(m);
    return st;
}
