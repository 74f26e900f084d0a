/* engine/mask.c - lays ids against the text they were cut from, and that against its spans. */
#include "engine/mask.h"

#include <string.h>

typedef struct layer {
    const qn_tokenizer *t;
    const char *text;
    size_t n, at; /* at: behind the token before */
} layer;

bool qn_has_generation(const qn_rendered *rendered)
{
    for (size_t i = 0; i < rendered->n_spans; i++)
        if (rendered->spans[i].generated)
            return true;
    return false;
}

static bool stands(const layer *l, size_t at, size_t n, const void *bytes)
{
    return n <= l->n - at && (n == 0 || memcmp(l->text + at, bytes, n) == 0);
}

/* Whether the token stands at the place; *n_used bytes of the text are its. */
static bool fits(const layer *l, size_t at, uint32_t id, size_t *n_used)
{
    size_t n;
    const uint8_t *bytes = qn_token_bytes(l->t, id, &n);
    const qn_str name = qn_token_name(l->t, id);
    bool spelled = name.n_bytes && stands(l, at, name.n_bytes, name.bytes);
    if (!spelled && !stands(l, at, n, bytes))
        return false;
    *n_used = spelled ? name.n_bytes : n;
    return true;
}

enum { MOST_UNKNOWN = 4096 };

/* An unknown token is as long as it takes for the next one to fit. */
static bool fits_unknown(const layer *l, size_t n_ids, const uint32_t *ids, size_t *n_used)
{
    size_t n_next, most = QN_MIN(l->n - l->at, (size_t)MOST_UNKNOWN);
    if (ids[0] != qn_tokenizer_about(l->t)->unk)
        return false;
    for (*n_used = 1; *n_used < most && n_ids > 1; ++*n_used)
        if (fits(l, l->at + *n_used, ids[1], &n_next))
            break;
    return *n_used <= most;
}

/* The place of the first of the ids from l->at on: itself, less a space that is put before a text,
 * or behind white space that it has swallowed. */
static bool lay(layer *l, size_t n_ids, const uint32_t *ids, size_t *begin, size_t *end)
{
    size_t n = 0, n_used = 0;
    const uint8_t *bytes = qn_token_bytes(l->t, ids[0], &n);
    *begin = l->at;
    bool found = fits(l, *begin, ids[0], &n_used);
    if (!found && n && bytes[0] == ' ' && stands(l, *begin, n - 1, bytes + 1))
        found = true, n_used = n - 1;
    for (; !found && *begin < l->n && qn_is_space(l->text[*begin]);) {
        ++*begin;
        found = fits(l, *begin, ids[0], &n_used);
    }
    if (!found) {
        *begin = l->at;
        found = fits_unknown(l, n_ids, ids, &n_used);
    }
    *end = *begin + n_used;
    return found;
}

bool qn_generation_mask(const qn_tokenizer *t, const qn_rendered *rendered, size_t n,
                        const uint32_t ids[], bool said[])
{
    layer l = {.t = t, .text = rendered->text.bytes, .n = rendered->text.n_bytes};
    size_t span = 0, begin, end;
    for (size_t i = 0; i < n; i++, l.at = end) {
        if (!lay(&l, n - i, ids + i, &begin, &end))
            return false;
        while (span < rendered->n_spans && rendered->spans[span].end <= begin)
            span++;
        said[i] = false;
        for (size_t k = span;
             k < rendered->n_spans && rendered->spans[k].begin < QN_MAX(end, begin + 1); k++)
            said[i] |= rendered->spans[k].generated;
    }
    return true;
}
