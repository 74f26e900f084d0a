/* base/region.c - chunks of doubling size; an old chunk never moves. */
#include "base/region.h"

#include "base/alloc.h"
#include "base/checked.h"

#include <string.h>

enum { FIRST_CHUNK = 4096, LARGEST_CHUNK = 1 << 22 };

typedef struct qn_region_chunk {
    struct qn_region_chunk *older;
    size_t n_used, n_bytes;
    _Alignas(16) uint8_t bytes[];
} chunk;

qn_region qn_region_of(size_t n_limit)
{
    return (qn_region){.n_limit = n_limit};
}

void qn_region_release(qn_region *r)
{
    while (r->chunk) {
        chunk *older = r->chunk->older;
        qn_free(r->chunk);
        r->chunk = older;
    }
    *r = (qn_region){.n_limit = r->n_limit};
}

static bool grow(qn_region *r, size_t n_needed)
{
    size_t n = r->chunk ? QN_MIN(r->chunk->n_bytes * 2, (size_t)LARGEST_CHUNK) : FIRST_CHUNK;
    n = QN_MAX(n, n_needed);
    chunk *c = qn_alloc(sizeof *c + n);
    if (!c)
        return false;
    *c = (chunk){.older = r->chunk, .n_bytes = n};
    r->chunk = c;
    return true;
}

void *qn_region_take(qn_region *r, size_t n, size_t n_bytes)
{
    size_t n_total;
    if (r->failed || !qn_mul(n, n_bytes, &n_total) || !qn_round_up(n_total, 16, &n_total) ||
        n_total > r->n_limit - r->n_taken ||
        ((!r->chunk || n_total > r->chunk->n_bytes - r->chunk->n_used) && !grow(r, n_total))) {
        r->failed = true;
        return NULL;
    }
    void *p = r->chunk->bytes + r->chunk->n_used;
    r->chunk->n_used += n_total;
    r->n_taken += n_total;
    return memset(p, 0, n_total);
}

char *qn_region_copy(qn_region *r, size_t n_bytes, const void *bytes)
{
    size_t n;
    char *p = qn_add(n_bytes, 1, &n) ? qn_region_take(r, n, 1) : NULL;
    if (p && n_bytes)
        memcpy(p, bytes, n_bytes);
    return p;
}

qn_status qn_region_fail(const qn_region *r, const char *what, qn_error *err)
{
    if (r->n_limit - r->n_taken < FIRST_CHUNK)
        return qn_fail(err, QN_ELIMIT, "%s needs more than its limit of %zu bytes", what,
                       r->n_limit);
    return qn_fail(err, QN_ENOMEM, "no memory for %s", what);
}
