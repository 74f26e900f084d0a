/* engine/huge.c - one block for all tensors, some of them packed; the program's pointers are moved
 * to it. */
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
    const qn_model *m;
    uint8_t *to;
} copying;

static bool is_of(const qn_matrix *w, const qn_tensor *t)
{
    return w->bytes == t->bytes && qn_encoding_is_quantized(w->encoding);
}

/* Whether a tensor is a matrix that the program multiplies by, or several. */
static bool is_packed(const qn_model *m, const qn_tensor *t)
{
    const qn_program *p = &m->program;
    for (const qn_op *op = p->ops; m->weights == QN_WEIGHTS_PACKED && op < p->ops + p->n_ops; op++)
        if (is_of(&op->matrix, t) || is_of(&op->up, t))
            return true;
    return false;
}

typedef struct range {
    size_t first, end;
} range;

static range share_of(size_t n, size_t member, size_t n_members)
{
    return (range){n * member / n_members, n * (member + 1) / n_members};
}

/* A member's share of a tensor's matrices. */
static void pack_tensor(const qn_tensor *t, uint8_t *to, size_t member, size_t n_members)
{
    size_t n_out = t->dim[1], n_matrices = t->dim[2], n_row = t->n_bytes / (n_out * n_matrices);
    size_t n_each = (n_out + QN_PACKED_OUTPUTS - 1) / QN_PACKED_OUTPUTS;
    range mine = share_of(n_each * n_matrices, member, n_members);
    for (size_t i = mine.first; i < mine.end; i++) {
        size_t o = i % n_each * QN_PACKED_OUTPUTS, at = (i / n_each * n_out + o) * n_row;
        qn_pack(t->encoding, t->dim[0], QN_MIN(n_out - o, (size_t)QN_PACKED_OUTPUTS), t->bytes + at,
                to + at);
    }
}

static void copy_share(void *context, size_t member, size_t n_members)
{
    const copying *c = context;
    uint64_t at = 0;
    for (size_t i = 0; i < c->m->gguf.n_tensors; i++) {
        const qn_tensor *t = &c->m->gguf.tensors[i];
        range mine = share_of(t->n_bytes, member, n_members);
        if (is_packed(c->m, t))
            pack_tensor(t, c->to + at, member, n_members);
        else
            memcpy(c->to + at + mine.first, t->bytes + mine.first, mine.end - mine.first);
        at = next_start(at, t);
    }
}

/* The tensor whose first byte p is, and where its copy lies; NULL when it is none's. */
static const qn_tensor *tensor_at(const qn_model *m, const void *p, const uint8_t **copy)
{
    *copy = m->huge.bytes;
    for (const qn_tensor *t = m->gguf.tensors; t < m->gguf.tensors + m->gguf.n_tensors; t++) {
        if (p == t->bytes)
            return t;
        *copy = m->huge.bytes + next_start((uint64_t)(*copy - m->huge.bytes), t);
    }
    return NULL;
}

static void move_matrix(const qn_model *m, qn_matrix *w)
{
    const uint8_t *copy;
    const qn_tensor *t = tensor_at(m, w->bytes, &copy);
    if (!t)
        return;
    w->is_packed = is_packed(m, t);
    w->bytes = copy;
}

static void move_program(qn_model *m)
{
    for (qn_op *op = m->program.ops; op < m->program.ops + m->program.n_ops; op++) {
        const uint8_t *copy;
        move_matrix(m, &op->matrix);
        move_matrix(m, &op->up);
        if (tensor_at(m, op->weights, &copy))
            op->weights = (const void *)copy;
    }
}

qn_status qn_huge_load(qn_model *m, size_t n_threads, qn_error *err)
{
    uint64_t n_bytes = qn_huge_bytes(m), available = qn_machine_memory();
    qn_pool *pool;
    QN_FAIL_IF(n_bytes > available, err, QN_EFIT,
               "--weights %s needs %" PRIu64 " MiB and %" PRIu64
               " MiB are available; leave it out to use the mapped file",
               m->weights == QN_WEIGHTS_PACKED ? "packed" : "huge", n_bytes >> 20, available >> 20);
    QN_TRY(qn_pool_open(&pool, n_threads, err));
    qn_status st = qn_arena_init_huge(&m->huge, n_bytes, err);
    if (st == QN_OK) {
        copying c = {m, m->huge.bytes};
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
