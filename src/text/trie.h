/* text/trie.h - the tokens of a vocabulary as a tree of bytes.
 *
 * Nodes lie in the order of their depth, so that the children of each stand in one row, ascending
 * by byte, and behind those of the node before it. Node 0 is the root. */
#pragma once

#include "base/arena.h"

typedef struct qn_tokenizer qn_tokenizer;

#define QN_TRIE_NONE UINT32_MAX

typedef struct qn_trie {
    qn_arena arena;
    uint32_t *first; /* [n + 1]: node i's children are first[i] .. first[i + 1] */
    uint32_t *id;    /* [n]: the token that ends there, or QN_NO_TOKEN */
    uint8_t *byte;   /* [n]: by which its parent leads to it */
    uint32_t root[256];
    size_t n;
} qn_trie;

/* Of the tokens that a model may produce. */
qn_status qn_trie_build(qn_trie *x, const qn_tokenizer *t, qn_error *err);
void qn_trie_release(qn_trie *x);

/* The child of a node by a byte, or QN_TRIE_NONE. */
static inline uint32_t qn_trie_child(const qn_trie *x, uint32_t node, uint8_t byte)
{
    if (node == 0)
        return x->root[byte];
    for (uint32_t i = x->first[node], end = x->first[node + 1]; i < end; i++)
        if (x->byte[i] >= byte)
            return x->byte[i] == byte ? i : QN_TRIE_NONE;
    return QN_TRIE_NONE;
}
