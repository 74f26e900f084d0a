/* base/index.c - linear probing at most half full. */
#include "base/index.h"

#include "base/hash.h"

#include <assert.h>

bool qn_index_init(qn_index *x, qn_region *memory, size_t n_most, size_t stride)
{
    size_t n = 4;
    assert(n_most < (UINT32_C(1) << 31));
    while (n < 2 * n_most)
        n *= 2;
    *x = (qn_index){.slots = qn_region_take(memory, n, sizeof *x->slots),
                    .mask = n - 1,
                    .n_left = n_most,
                    .stride = stride};
    return x->slots != NULL;
}

static const qn_str *name_of(const qn_index *x, const void *things, uint32_t slot)
{
    return (const qn_str *)((const char *)things + (slot - 1) * x->stride);
}

/* The slot that holds the name, or the free one where it belongs. */
static uint32_t *place(const qn_index *x, const void *things, qn_str name)
{
    size_t at = (size_t)qn_hash(name.n_bytes, name.bytes) & x->mask;
    while (x->slots[at] && !qn_str_equal(*name_of(x, things, x->slots[at]), name))
        at = (at + 1) & x->mask;
    return &x->slots[at];
}

bool qn_index_add(qn_index *x, const void *things, uint32_t i)
{
    uint32_t *slot = place(x, things, *name_of(x, things, i + 1));
    if (*slot)
        return false;
    assert(x->n_left > 0);
    x->n_left--;
    *slot = i + 1;
    return true;
}

const void *qn_index_find(const qn_index *x, const void *things, qn_str name)
{
    uint32_t slot = x->slots ? *place(x, things, name) : 0;
    return slot ? name_of(x, things, slot) : NULL;
}
