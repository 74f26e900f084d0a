/* engine/prefix.c - page names are truncated SHA-256, so a stranger cannot make two alike. */
#include "engine/prefix.h"

#include "base/sha256.h"

#include <stdio.h>
#include <string.h>

static qn_page_name name_of(size_t n_bytes, const void *bytes)
{
    uint8_t digest[32];
    qn_page_name name;
    qn_sha256(n_bytes, bytes, digest);
    memcpy(&name, digest, sizeof name);
    return name;
}

qn_page_name qn_prefix_root(const qn_model *m, const char *numerics)
{
    struct {
        char numerics[sizeof((qn_kernels *)0)->numerics];
        uint8_t fingerprint[32];
        uint32_t k_type, v_type, f32_activations;
    } root = {.k_type = m->program.kv.k_type,
              .v_type = m->program.kv.v_type,
              .f32_activations = m->f32_activations};
    snprintf(root.numerics, sizeof root.numerics, "%s", numerics);
    memcpy(root.fingerprint, m->fingerprint, sizeof root.fingerprint);
    return name_of(sizeof root, &root);
}

qn_page_name qn_prefix_next(qn_page_name parent, const uint32_t *ids)
{
    struct {
        qn_page_name parent;
        uint32_t ids[QN_PAGE_TOKENS];
    } page = {.parent = parent};
    memcpy(page.ids, ids, sizeof page.ids);
    return name_of(sizeof page, &page);
}

/* The first page that a row at position n_tokens sees in group g. */
static uint32_t first_needed(const qn_kv *kv, uint32_t g, uint32_t n_tokens)
{
    uint32_t window = kv->shape.group[g].window;
    return window == 0 || n_tokens < window ? 0 : (n_tokens - window + 1) / QN_PAGE_TOKENS;
}

/* Full pages from the start for which every group without a window has a page. */
static uint32_t count_known(const qn_kv *kv, qn_page_name root, uint32_t n_most,
                            const uint32_t *ids)
{
    for (uint32_t i = 0; i < n_most; i++) {
        root = qn_prefix_next(root, ids + (size_t)i * QN_PAGE_TOKENS);
        for (uint32_t g = 0; g < kv->shape.n_groups; g++)
            if (kv->shape.group[g].window == 0 && qn_kv_find(kv, g, root) == QN_NO_PAGE)
                return i;
    }
    return n_most;
}

/* Notes in the chain where page i lies, wherever it is known. */
static void note_page(const qn_kv *kv, qn_chain *c, uint32_t i, qn_page_name name)
{
    for (uint32_t g = 0; g < kv->shape.n_groups; g++)
        c->page[g][i] = qn_kv_find(kv, g, name);
}

static bool windows_known(const qn_kv *kv, const qn_chain *c, uint32_t n_pages)
{
    for (uint32_t g = 0; g < kv->shape.n_groups; g++)
        for (uint32_t i = first_needed(kv, g, n_pages * QN_PAGE_TOKENS); i < n_pages; i++)
            if (c->page[g][i] == QN_NO_PAGE)
                return false;
    return true;
}

/* Takes references to what a sequence of n_pages needs and forgets the rest of what was noted. */
static void keep(qn_kv *kv, qn_chain *c, uint32_t n_pages, uint32_t n_noted)
{
    for (uint32_t g = 0; g < kv->shape.n_groups; g++)
        for (uint32_t i = 0; i < n_noted; i++) {
            bool needed = i < n_pages && i >= first_needed(kv, g, n_pages * QN_PAGE_TOKENS);
            if (needed)
                qn_kv_retain(kv, g, c->page[g][i]);
            else
                c->page[g][i] = QN_NO_PAGE;
        }
}

uint32_t qn_prefix_attach(qn_kv *kv, qn_chain *chain, qn_page_name *parent, uint32_t n_ids,
                          const uint32_t *ids)
{
    qn_page_name root = *parent, name = root;
    uint32_t n_known = count_known(kv, root, (n_ids - 1) / QN_PAGE_TOKENS, ids);
    for (uint32_t i = 0; i < n_known; i++) {
        name = qn_prefix_next(name, ids + (size_t)i * QN_PAGE_TOKENS);
        note_page(kv, chain, i, name);
    }
    uint32_t n_pages = n_known;
    while (n_pages > 0 && !windows_known(kv, chain, n_pages))
        n_pages--;
    keep(kv, chain, n_pages, n_known);
    for (uint32_t i = 0; i < n_pages; i++)
        *parent = qn_prefix_next(*parent, ids + (size_t)i * QN_PAGE_TOKENS);
    return chain->n_tokens = n_pages * QN_PAGE_TOKENS;
}

void qn_prefix_publish(qn_kv *kv, const qn_chain *chain, qn_page_name *parent, uint32_t n_before,
                       const uint32_t *ids)
{
    for (uint32_t i = n_before / QN_PAGE_TOKENS; i < chain->n_tokens / QN_PAGE_TOKENS; i++) {
        *parent = qn_prefix_next(*parent, ids + (size_t)i * QN_PAGE_TOKENS);
        for (uint32_t g = 0; g < kv->shape.n_groups; g++)
            if (chain->page[g][i] != QN_NO_PAGE)
                qn_kv_publish(kv, g, chain->page[g][i], *parent);
    }
}
