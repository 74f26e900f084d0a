/* text/trie.c - sorts the tokens by their bytes, then lays the tree out level by level. */
#include "text/trie.h"

#include "base/alloc.h"
#include "text/vocab.h"

typedef struct key { /* a token by its first 8 bytes, in the order of bytes */
    uint64_t head;
    uint32_t id;
} key;

typedef struct range { /* of keys that agree in the bytes of a node */
    uint32_t low, high;
} range;

typedef struct job {
    const qn_tokenizer *t;
    qn_trie *trie;
    key *keys, *room;
    range *ranges; /* of the nodes */
    size_t n_keys;
} job;

static size_t length(const qn_tokenizer *t, uint32_t id)
{
    return t->start[id + 1] - t->start[id];
}

static uint64_t head_of(size_t n, const uint8_t *p)
{
    uint64_t head = 0;
    for (size_t i = 0; i < 8; i++)
        head = head << 8 | (i < n ? p[i] : 0);
    return head;
}

static bool comes_first(const qn_tokenizer *t, const key *a, const key *b)
{
    if (a->head != b->head)
        return a->head < b->head;
    size_t na = length(t, a->id), nb = length(t, b->id);
    int order = memcmp(t->bytes + t->start[a->id], t->bytes + t->start[b->id], QN_MIN(na, nb));
    return order ? order < 0 : na <= nb;
}

static void sort(job *j)
{
    size_t n = j->n_keys;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t at = 0; at < n; at += 2 * width) {
            size_t middle = QN_MIN(at + width, n), end = QN_MIN(at + 2 * width, n);
            for (size_t a = at, b = middle, k = at; k < end; k++) {
                bool left = b == end || (a < middle && comes_first(j->t, &j->keys[a], &j->keys[b]));
                j->room[k] = left ? j->keys[a++] : j->keys[b++];
            }
        }
        key *swap = j->keys;
        j->keys = j->room, j->room = swap;
    }
}

/* Nodes: the root, and for each key the bytes that it does not share with the one before. */
static size_t count_nodes(const job *j)
{
    size_t n = 1;
    for (size_t i = 0; i < j->n_keys; i++) {
        uint32_t id = j->keys[i].id, before = i ? j->keys[i - 1].id : id;
        const uint8_t *p = j->t->bytes + j->t->start[id], *q = j->t->bytes + j->t->start[before];
        size_t n_same = 0, n_most = i ? QN_MIN(length(j->t, id), length(j->t, before)) : 0;
        while (n_same < n_most && p[n_same] == q[n_same])
            n_same++;
        n += length(j->t, id) - n_same;
    }
    return n;
}

static bool lay_out(qn_trie *x, qn_arena *a)
{
    QN_TAKE(a, x->first, x->n + 1);
    QN_TAKE(a, x->id, x->n);
    QN_TAKE(a, x->byte, x->n + 16);
    return !a->failed;
}

static void fill(job *j)
{
    qn_trie *x = j->trie;
    const qn_tokenizer *t = j->t;
    size_t n = 1, depth = 0, level_end = 1;
    j->ranges[0] = (range){0, (uint32_t)j->n_keys};
    for (size_t i = 0; i < x->n; i++) {
        if (i == level_end)
            depth++, level_end = n;
        uint32_t low = j->ranges[i].low, high = j->ranges[i].high;
        x->first[i] = (uint32_t)n, x->id[i] = QN_NO_TOKEN;
        for (; low < high && length(t, j->keys[low].id) == depth; low++)
            x->id[i] = j->keys[low].id; /* of twins the later one */
        while (low < high) {
            uint8_t byte = t->bytes[t->start[j->keys[low].id] + depth];
            uint32_t next = low + 1;
            while (next < high && t->bytes[t->start[j->keys[next].id] + depth] == byte)
                next++;
            j->ranges[n] = (range){low, next};
            x->byte[n++] = byte;
            low = next;
        }
    }
    x->first[x->n] = (uint32_t)n;
    memset(x->root, 0xFF, sizeof x->root);
    for (uint32_t i = x->first[0]; i < x->first[1]; i++)
        x->root[x->byte[i]] = i;
}

static qn_status build(job *j, qn_error *err)
{
    const qn_tokenizer *t = j->t;
    for (uint32_t id = 0; id < t->info.n_tokens; id++)
        if (length(t, id) && qn_vocab_produces(t, id))
            j->keys[j->n_keys++] = (key){head_of(length(t, id), t->bytes + t->start[id]), id};
    sort(j);
    j->trie->n = count_nodes(j);
    qn_arena sum = {.counts_only = true};
    QN_FAIL_IF(!lay_out(j->trie, &sum), err, QN_ELIMIT, "%zu bytes of tokens are too many",
               j->trie->n);
    QN_TRY(qn_arena_init(&j->trie->arena, sum.n_used, err));
    (void)lay_out(j->trie, &j->trie->arena);
    j->ranges = qn_alloc_zeroed(j->trie->n, sizeof *j->ranges);
    QN_FAIL_IF(!j->ranges, err, QN_ENOMEM, "no memory for %zu bytes of tokens", j->trie->n);
    fill(j);
    return QN_OK;
}

qn_status qn_trie_build(qn_trie *x, const qn_tokenizer *t, qn_error *err)
{
    job j = {.t = t, .trie = x};
    j.keys = qn_alloc_zeroed(t->info.n_tokens, sizeof *j.keys);
    j.room = qn_alloc_zeroed(t->info.n_tokens, sizeof *j.room);
    qn_status st = j.keys && j.room
                       ? build(&j, err)
                       : qn_fail(err, QN_ENOMEM, "no memory for %u tokens", t->info.n_tokens);
    qn_free(j.keys);
    qn_free(j.room);
    qn_free(j.ranges);
    return st;
}

void qn_trie_release(qn_trie *x)
{
    qn_arena_release(&x->arena);
    *x = (qn_trie){0};
}
