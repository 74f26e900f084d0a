/* model/kv.c - page pools: an idle list in order of last use, and a hash of names. */
#include "model/kv.h"

#include "base/checked.h"

#include <string.h>

size_t qn_kv_token_bytes(const qn_kv_shape *shape)
{
    size_t n = 0;
    for (uint32_t g = 0; g < shape->n_groups; g++)
        n += (size_t)shape->group[g].n_layers * shape->n_heads *
             (qn_kv_page_bytes(shape->k_type, shape->k_dim) +
              qn_kv_page_bytes(shape->v_type, shape->v_dim)) /
             QN_PAGE_TOKENS;
    return n;
}

static bool lay_out_group(qn_kv *kv, qn_arena *a, uint32_t g, uint32_t n_pages)
{
    qn_kv_group *group = &kv->group[g];
    const qn_kv_shape *s = &kv->shape;
    size_t n_bytes;
    *group = (qn_kv_group){.n_pages = n_pages, .n_buckets = 64};
    group->k_head_bytes = qn_kv_page_bytes(s->k_type, s->k_dim);
    group->v_head_bytes = qn_kv_page_bytes(s->v_type, s->v_dim);
    group->layer_bytes = s->n_heads * (group->k_head_bytes + group->v_head_bytes);
    group->page_bytes = s->group[g].n_layers * group->layer_bytes;
    while (group->n_buckets < n_pages)
        group->n_buckets *= 2;
    if (n_pages == QN_NO_PAGE || !qn_mul(n_pages, group->page_bytes, &n_bytes))
        return false;
    QN_TAKE(a, group->bytes, n_bytes);
    QN_TAKE(a, group->pages, n_pages);
    QN_TAKE(a, group->buckets, group->n_buckets);
    return !a->failed;
}

bool qn_kv_lay_out(qn_kv *kv, qn_arena *a, const qn_kv_shape *shape, const uint32_t *n_pages)
{
    kv->shape = *shape;
    for (uint32_t g = 0; g < shape->n_groups; g++)
        if (!lay_out_group(kv, a, g, n_pages[g]))
            return false;
    return true;
}

/* Puts an idle page behind all others. */
static void list_add(qn_kv_group *g, uint32_t page)
{
    g->pages[page].older = g->newest;
    g->pages[page].newer = QN_NO_PAGE;
    if (g->newest != QN_NO_PAGE)
        g->pages[g->newest].newer = page;
    else
        g->oldest = page;
    g->newest = page;
}

static void list_remove(qn_kv_group *g, uint32_t page)
{
    uint32_t older = g->pages[page].older, newer = g->pages[page].newer;
    if (older != QN_NO_PAGE)
        g->pages[older].newer = newer;
    else
        g->oldest = newer;
    if (newer != QN_NO_PAGE)
        g->pages[newer].older = older;
    else
        g->newest = older;
}

void qn_kv_reset(qn_kv *kv)
{
    for (uint32_t i = 0; i < kv->shape.n_groups; i++) {
        qn_kv_group *g = &kv->group[i];
        memset(g->buckets, 0xFF, g->n_buckets * sizeof *g->buckets);
        g->oldest = g->newest = QN_NO_PAGE;
        for (uint32_t p = 0; p < g->n_pages; p++) {
            g->pages[p] = (qn_page){.next = QN_NO_PAGE};
            list_add(g, p);
        }
    }
}

uint32_t qn_kv_pages_for(const qn_kv_shape *shape, uint32_t g, uint32_t n_tokens, uint32_t n_rows)
{
    uint32_t all = (n_tokens + QN_PAGE_TOKENS - 1) / QN_PAGE_TOKENS,
             window = shape->group[g].window;
    if (window == 0)
        return all;
    /* A window and a step can each begin and end inside a page. */
    uint64_t held = ((uint64_t)window + n_rows + QN_PAGE_TOKENS - 1) / QN_PAGE_TOKENS + 1;
    return (uint32_t)QN_MIN(held, (uint64_t)all);
}

static bool is_named(qn_page_name n)
{
    return n.word[0] != 0 || n.word[1] != 0;
}

static uint32_t *bucket_of(const qn_kv_group *g, qn_page_name name)
{
    return &g->buckets[name.word[0] & (g->n_buckets - 1)];
}

uint32_t qn_kv_find(const qn_kv *kv, uint32_t g, qn_page_name name)
{
    const qn_kv_group *group = &kv->group[g];
    uint32_t p = *bucket_of(group, name);
    while (p != QN_NO_PAGE && memcmp(&group->pages[p].name, &name, sizeof name) != 0)
        p = group->pages[p].next;
    return p;
}

void qn_kv_publish(qn_kv *kv, uint32_t g, uint32_t page, qn_page_name name)
{
    qn_kv_group *group = &kv->group[g];
    if (is_named(group->pages[page].name) || qn_kv_find(kv, g, name) != QN_NO_PAGE)
        return;
    uint32_t *bucket = bucket_of(group, name);
    group->pages[page].name = name;
    group->pages[page].next = *bucket;
    *bucket = page;
}

static void unname(qn_kv_group *g, uint32_t page)
{
    if (!is_named(g->pages[page].name))
        return;
    uint32_t *at = bucket_of(g, g->pages[page].name);
    while (*at != page)
        at = &g->pages[*at].next;
    *at = g->pages[page].next;
    g->pages[page].name = (qn_page_name){0};
    g->pages[page].next = QN_NO_PAGE;
}

uint32_t qn_kv_acquire(qn_kv *kv, uint32_t g)
{
    qn_kv_group *group = &kv->group[g];
    uint32_t page = group->oldest;
    if (page == QN_NO_PAGE)
        return QN_NO_PAGE;
    list_remove(group, page);
    unname(group, page);
    group->pages[page].n_refs = 1;
    return page;
}

void qn_kv_retain(qn_kv *kv, uint32_t g, uint32_t page)
{
    qn_kv_group *group = &kv->group[g];
    if (group->pages[page].n_refs++ == 0)
        list_remove(group, page);
}

void qn_kv_release(qn_kv *kv, uint32_t g, uint32_t page)
{
    qn_kv_group *group = &kv->group[g];
    if (--group->pages[page].n_refs == 0)
        list_add(group, page);
}

size_t qn_kv_head_bytes(const qn_kv *kv, uint32_t g)
{
    return kv->group[g].k_head_bytes + kv->group[g].v_head_bytes;
}

void *qn_kv_k(const qn_kv *kv, uint32_t g, uint32_t page, uint32_t layer, uint32_t head)
{
    const qn_kv_group *group = &kv->group[g];
    return group->bytes + page * group->page_bytes + layer * group->layer_bytes +
           head * qn_kv_head_bytes(kv, g);
}

/* Right behind the keys of the head: attention reads both as one run. */
void *qn_kv_v(const qn_kv *kv, uint32_t g, uint32_t page, uint32_t layer, uint32_t head)
{
    return (uint8_t *)qn_kv_k(kv, g, page, layer, head) + kv->group[g].k_head_bytes;
}

bool qn_chain_lay_out(qn_chain *c, qn_arena *a, const qn_kv_shape *shape, uint32_t n_tokens)
{
    *c = (qn_chain){.n_most = (n_tokens + QN_PAGE_TOKENS - 1) / QN_PAGE_TOKENS};
    for (uint32_t g = 0; g < shape->n_groups; g++)
        QN_TAKE(a, c->page[g], c->n_most);
    return !a->failed;
}

void qn_chain_reset(qn_chain *c, const qn_kv_shape *shape)
{
    c->n_tokens = 0;
    for (uint32_t g = 0; g < shape->n_groups; g++)
        memset(c->page[g], 0xFF, c->n_most * sizeof *c->page[g]);
}

static void let_go(qn_chain *c, qn_kv *kv, uint32_t g, uint32_t i)
{
    if (c->page[g][i] != QN_NO_PAGE)
        qn_kv_release(kv, g, c->page[g][i]);
    c->page[g][i] = QN_NO_PAGE;
}

/* Pages wholly before what position n_tokens can see. */
static void leave_window(qn_chain *c, qn_kv *kv, uint32_t g)
{
    uint32_t window = kv->shape.group[g].window;
    if (window == 0 || c->n_tokens < window)
        return;
    uint32_t first = (c->n_tokens - window + 1) / QN_PAGE_TOKENS;
    for (uint32_t i = first; i > 0 && c->page[g][i - 1] != QN_NO_PAGE; i--)
        let_go(c, kv, g, i - 1);
}

qn_status qn_chain_reserve(qn_chain *c, qn_kv *kv, uint32_t n_rows, qn_error *err)
{
    uint64_t end = (uint64_t)c->n_tokens + n_rows;
    QN_FAIL_IF(end > (uint64_t)c->n_most * QN_PAGE_TOKENS, err, QN_EFIT,
               "%llu tokens do not fit in a context of %u; raise -c", (unsigned long long)end,
               c->n_most * QN_PAGE_TOKENS);
    for (uint32_t g = 0; g < kv->shape.n_groups; g++) {
        leave_window(c, kv, g);
        for (uint32_t i = c->n_tokens / QN_PAGE_TOKENS; i * (uint64_t)QN_PAGE_TOKENS < end; i++) {
            if (c->page[g][i] != QN_NO_PAGE)
                continue;
            c->page[g][i] = qn_kv_acquire(kv, g);
            QN_FAIL_IF(c->page[g][i] == QN_NO_PAGE, err, QN_EFIT,
                       "the KV pages are all in use; raise -c or run fewer sequences");
        }
    }
    return QN_OK;
}

void qn_chain_clear(qn_chain *c, qn_kv *kv)
{
    for (uint32_t g = 0; g < kv->shape.n_groups; g++)
        for (uint32_t i = 0; i < c->n_most; i++)
            let_go(c, kv, g, i);
    c->n_tokens = 0;
}
