/* base/region.h - memory for things that are parsed piece by piece and freed all at once.
 *
 * A region grows by chunks up to n_limit bytes; a failed take sticks and is checked once. */
#pragma once

#include "base/status.h"

typedef struct qn_region {
    struct qn_region_chunk *chunk; /* newest first */
    size_t n_taken, n_limit;
    bool failed;
} qn_region;

/* An empty region that may hold n_limit bytes in all; allocates nothing yet. */
qn_region qn_region_of(size_t n_limit);
void qn_region_release(qn_region *r);

/* n things of n_bytes each, zeroed, aligned to 16; NULL on failure (no memory, limit, overflow). */
void *qn_region_take(qn_region *r, size_t n, size_t n_bytes);

/* A copy of n_bytes with a zero byte behind it. */
char *qn_region_copy(qn_region *r, size_t n_bytes, const void *bytes);

/* The sentence for a region that failed: out of memory, or `what` above its limit. */
qn_status qn_region_fail(const qn_region *r, const char *what, qn_error *err);
