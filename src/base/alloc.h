/* base/alloc.h - the only place that calls malloc.
 *
 * Every call passes a fault point and is counted, so tests can fail each one and show that steady
 * state makes none. Safe from any thread. */
#pragma once

#include "base/types.h"

/* n_bytes of memory, or NULL (also on 0 bytes less than possible); freed with qn_free. */
void *qn_alloc(size_t n_bytes);

/* Zeroed memory for n things of n_bytes each; NULL when the product overflows. */
void *qn_alloc_zeroed(size_t n, size_t n_bytes);

/* Memory aligned to 64 bytes (one cache line, one AVX-512 vector). */
void *qn_alloc_aligned(size_t n_bytes);

/* Resizes to n things of n_bytes each; on failure NULL, and p is unchanged and still the caller's. */
void *qn_realloc(void *p, size_t n, size_t n_bytes);

/* Takes NULL as well. */
void qn_free(void *p);

/* Blocks not yet freed, and calls that asked for memory since the program began. */
size_t qn_alloc_live(void);
size_t qn_alloc_calls(void);
