/* base/alloc.c - counted, failable heap memory. */
#include "base/alloc.h"

#include "base/checked.h"
#include "base/fault.h"

#include <stdatomic.h>
#include <stdlib.h>

static atomic_size_t n_live, n_calls;

static bool refused(void)
{
    atomic_fetch_add_explicit(&n_calls, 1, memory_order_relaxed);
    return qn_fault_point();
}

static void *counted(void *p)
{
    if (p)
        atomic_fetch_add_explicit(&n_live, 1, memory_order_relaxed);
    return p;
}

void *qn_alloc(size_t n_bytes)
{
    return refused() ? NULL : counted(malloc(n_bytes ? n_bytes : 1));
}

void *qn_alloc_zeroed(size_t n, size_t n_bytes)
{
    return refused() ? NULL : counted(calloc(n ? n : 1, n_bytes ? n_bytes : 1));
}

void *qn_alloc_aligned(size_t n_bytes)
{
    void *p = NULL;
    size_t n_rounded;
    if (refused() || !qn_round_up(n_bytes ? n_bytes : 1, 64, &n_rounded))
        return NULL;
    return posix_memalign(&p, 64, n_rounded) == 0 ? counted(p) : NULL;
}

void *qn_realloc(void *p, size_t n, size_t n_bytes)
{
    size_t n_total;
    if (refused() || !qn_mul(n, n_bytes, &n_total))
        return NULL;
    void *moved = realloc(p, n_total ? n_total : 1);
    return p ? moved : counted(moved);
}

void qn_free(void *p)
{
    if (p)
        atomic_fetch_sub_explicit(&n_live, 1, memory_order_relaxed);
    free(p);
}

size_t qn_alloc_live(void)
{
    return atomic_load(&n_live);
}

size_t qn_alloc_calls(void)
{
    return atomic_load(&n_calls);
}
