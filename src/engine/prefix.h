/* engine/prefix.h - the names of full pages: a hash of everything that decides their bits.
 *
 * A page's name is a hash of its parent's name and its token ids; the first parent, the root, is a
 * hash of the numerics id, the model's fingerprint, the KV type and the kind of activations. So two
 * sequences share a page exactly when their tokens agree from the beginning to the page's end. */
#pragma once

#include "engine/model.h"

/* numerics: of the kernels, qn_kernels.numerics. */
qn_page_name qn_prefix_root(const qn_model *m, const char *numerics);

/* The name of the page that holds these QN_PAGE_TOKENS ids. */
qn_page_name qn_prefix_next(qn_page_name parent, const uint32_t *ids);

/* Makes an empty chain hold the longest prefix of ids that the pool has whole: all pages of groups
 * that see everything, and those of each window that its last positions need. At least one id stays
 * to be run. Sets chain->n_tokens and *parent, and returns the tokens found. */
uint32_t qn_prefix_attach(qn_kv *kv, qn_chain *chain, qn_page_name *parent, uint32_t n_ids,
                          const uint32_t *ids);

/* Names the pages that became full when the chain grew from n_before tokens; advances *parent. */
void qn_prefix_publish(qn_kv *kv, const qn_chain *chain, qn_page_name *parent, uint32_t n_before,
                       const uint32_t *ids);
