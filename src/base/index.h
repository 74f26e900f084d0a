/* base/index.h - finds by name in an array of structs that each begin with a qn_str, its name.
 *
 * Open addressing over a keyed hash: names from outside cannot make it slow. It holds numbers of
 * elements, not pointers, so the array may move between calls; it allocates once, at init. */
#pragma once

#include "base/region.h"
#include "base/str.h"

typedef struct qn_index {
    uint32_t *slots; /* number of an element, plus 1 */
    size_t mask, n_left;
    size_t stride; /* size of one struct */
} qn_index;

/* Room for n_most elements (below 2^31); the memory is the region's. False when that fails. */
bool qn_index_init(qn_index *x, qn_region *memory, size_t n_most, size_t stride);

/* Adds element i of things, at most n_most of them; false when one of its name is there already. */
bool qn_index_add(qn_index *x, const void *things, uint32_t i);

/* The element of that name, or NULL; also for a zeroed index. */
const void *qn_index_find(const qn_index *x, const void *things, qn_str name);
