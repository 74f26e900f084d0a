/* base/arena.c - bump allocation out of one mapped block. */
#include "base/arena.h"

#include "base/checked.h"
#include "base/fault.h"

#include <sys/mman.h>

qn_status qn_arena_init(qn_arena *a, size_t n_bytes, qn_error *err)
{
    *a = (qn_arena){0};
    size_t n = n_bytes ? n_bytes : 1;
    void *p = qn_fault_point() ? MAP_FAILED
                               : mmap(NULL, n, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    QN_FAIL_IF(p == MAP_FAILED, err, QN_ENOMEM,
               "no memory for a block of %zu bytes; lower the context or the number of sequences",
               n_bytes);
    (void)madvise(p, n, MADV_HUGEPAGE); /* a wish: pages of keys and values lie far apart */
    *a = (qn_arena){.bytes = p, .n_bytes = n, .mapped = true};
    return QN_OK;
}

qn_status qn_arena_init_huge(qn_arena *a, size_t n_bytes, qn_error *err)
{
    enum { PAGE = 2 << 20 };
    QN_TRY(qn_arena_init(a, n_bytes + PAGE, err));
    a->n_skip = (PAGE - (uintptr_t)a->bytes % PAGE) % PAGE;
    a->bytes += a->n_skip;
    a->n_bytes -= a->n_skip;
    (void)madvise(a->bytes, n_bytes, MADV_HUGEPAGE);
    return QN_OK;
}

void qn_arena_release(qn_arena *a)
{
    if (a->mapped)
        munmap(a->bytes - a->n_skip, a->n_bytes + a->n_skip);
    *a = (qn_arena){0};
}

void qn_arena_prefer_large_pages(const qn_arena *a)
{
    if (a->mapped)
        (void)madvise(a->bytes, a->n_bytes, MADV_HUGEPAGE);
}

void *qn_arena_take(qn_arena *a, size_t n, size_t n_bytes)
{
    size_t start, n_total, end;
    if (a->failed || !qn_mul(n, n_bytes, &n_total) || !qn_round_up(a->n_used, 64, &start) ||
        !qn_add(start, n_total, &end) || (!a->counts_only && end > a->n_bytes)) {
        a->failed = true;
        return NULL;
    }
    a->n_used = end;
    return a->counts_only ? NULL : a->bytes + start;
}
