/* model/kv.h - keys and values, in pages of 64 positions.
 *
 * Layers that see the same positions form a group (all of the past, or a window); a page of a group
 * holds those positions for every layer of the group: per layer and head K, then V, as
 * kernel/kv.h lays them out. A sequence owns a chain of pages
 * per group. A full page may be published under a name that says everything that decides its bits;
 * who looks the name up shares the page. A page nobody refers to stays findable until its memory is
 * needed, least recently used first.
 *
 * Invariant: a published page is never written again. One thread at a time, except that the members
 * of a step write disjoint rows. */
#pragma once

#include "base/arena.h"
#include "kernel/attend.h"

enum { QN_MOST_KV_GROUPS = 2 };
#define QN_NO_PAGE UINT32_MAX

typedef struct qn_page_name {
    uint64_t word[2]; /* of a cryptographic hash; all zero: none */
} qn_page_name;

typedef struct qn_kv_shape { /* what a program needs */
    qn_kv_type k_type, v_type;
    uint32_t n_heads, k_dim, v_dim;
    uint32_t n_groups;
    struct {
        uint32_t n_layers;
        uint32_t window; /* 0: sees all of the past */
    } group[QN_MOST_KV_GROUPS];
} qn_kv_shape;

typedef struct qn_page {
    uint32_t n_refs;
    uint32_t newer, older; /* in the list of idle pages, else unused */
    uint32_t next;         /* in its bucket of names */
    qn_page_name name;
} qn_page;

typedef struct qn_kv_group {
    uint8_t *bytes; /* [n_pages][page_bytes] */
    size_t page_bytes, layer_bytes, k_head_bytes, v_head_bytes;
    uint32_t n_pages, n_buckets; /* n_buckets: a power of two */
    qn_page *pages;
    uint32_t *buckets;       /* name -> page, QN_NO_PAGE at the end of a chain */
    uint32_t oldest, newest; /* idle pages: n_refs is 0 */
} qn_kv_group;

typedef struct qn_kv {
    qn_kv_shape shape;
    qn_kv_group group[QN_MOST_KV_GROUPS];
} qn_kv;

/* Bytes of one position in all groups: what a sequence adds per token before its window is full. */
size_t qn_kv_token_bytes(const qn_kv_shape *shape);

/* Takes the memory of n_pages[g] pages per group; false when a size overflows. Call it first on a
 * counting arena, then on the real one, then qn_kv_reset. */
bool qn_kv_lay_out(qn_kv *kv, qn_arena *a, const qn_kv_shape *shape, const uint32_t *n_pages);
void qn_kv_reset(qn_kv *kv);

/* Pages that a sequence of n_tokens needs in group g when steps have at most n_rows rows. */
uint32_t qn_kv_pages_for(const qn_kv_shape *shape, uint32_t g, uint32_t n_tokens, uint32_t n_rows);

/* An exclusive page (n_refs 1), taking the least recently used idle one; QN_NO_PAGE when none is.
 */
uint32_t qn_kv_acquire(qn_kv *kv, uint32_t g);
void qn_kv_retain(qn_kv *kv, uint32_t g, uint32_t page);
void qn_kv_release(qn_kv *kv, uint32_t g, uint32_t page);

/* Names a full page, unless the name is taken. */
void qn_kv_publish(qn_kv *kv, uint32_t g, uint32_t page, qn_page_name name);
/* The page of this name, or QN_NO_PAGE; takes no reference. */
uint32_t qn_kv_find(const qn_kv *kv, uint32_t g, qn_page_name name);

/* Where page p of group g holds K and V of one layer and head. */
void *qn_kv_k(const qn_kv *kv, uint32_t g, uint32_t page, uint32_t layer, uint32_t head);
void *qn_kv_v(const qn_kv *kv, uint32_t g, uint32_t page, uint32_t layer, uint32_t head);
size_t qn_kv_head_bytes(const qn_kv *kv, uint32_t g); /* from a head's page to the next head's */

typedef struct qn_chain {              /* the pages of one sequence */
    uint32_t n_tokens;                 /* positions written */
    uint32_t n_most;                   /* pages that fit in each array */
    uint32_t *page[QN_MOST_KV_GROUPS]; /* [n_most]; QN_NO_PAGE: not held */
} qn_chain;

bool qn_chain_lay_out(qn_chain *c, qn_arena *a, const qn_kv_shape *shape, uint32_t n_tokens);
void qn_chain_reset(qn_chain *c, const qn_kv_shape *shape);

/* Holds pages for positions n_tokens to n_tokens + n_rows - 1, and lets go of those that have left
 * a window. QN_EFIT when the pool has no page left. */
qn_status qn_chain_reserve(qn_chain *c, qn_kv *kv, uint32_t n_rows, qn_error *err);
/* Lets go of every page, also of those that a failed reserve took. */
void qn_chain_clear(qn_chain *c, qn_kv *kv);
