/* text/special.c - finds control and user tokens in text: the longest one at each place.
 *
 * The tokens lie in order of their bytes, so those that agree with the text so far are one range,
 * which each further byte narrows by binary search. */
#include "text/vocab.h"

typedef struct name { /* a token's bytes */
    const uint8_t *bytes;
    size_t n;
} name;

static name name_of(const qn_tokenizer *t, uint32_t id)
{
    size_t low = 0, high = t->n_names;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->names[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < t->n_names && t->names[low].id == id)
        return (name){(const uint8_t *)t->names[low].text.bytes, t->names[low].text.n_bytes};
    return (name){t->bytes + t->start[id], t->start[id + 1] - t->start[id]};
}

qn_str qn_token_name(const qn_tokenizer *t, uint32_t id)
{
    name x = name_of(t, id);
    return (qn_str){(const char *)x.bytes, x.n};
}

qn_status qn_special_note(qn_tokenizer *t, uint32_t id, qn_str spelled, qn_error *err)
{
    const uint8_t *text = (const uint8_t *)spelled.bytes;
    size_t n = spelled.n_bytes;
    qn_rules_scratch s = {0};
    qn_status st = QN_OK;
    if (t->strips[id] & QN_TOKEN_NORMALIZED)
        st = qn_normalize(t->rules->n_normals, t->rules->normals, &s, &n, &text, err);
    char *own = st == QN_OK ? qn_region_copy(&t->rules->memory, n, text) : NULL;
    qn_rules_scratch_release(&s);
    if (st != QN_OK)
        return st;
    if (!own)
        return qn_region_fail(&t->rules->memory, "the names of added tokens", err);
    t->names[t->n_names++] = (qn_special_name){id, {own, n}};
    return QN_OK;
}

static int compare(const qn_tokenizer *t, uint32_t a, uint32_t b)
{
    name x = name_of(t, a), y = name_of(t, b);
    int by_bytes = memcmp(x.bytes, y.bytes, QN_MIN(x.n, y.n));
    if (by_bytes)
        return by_bytes;
    return x.n != y.n ? (x.n < y.n ? -1 : 1) : (a < b ? -1 : 1);
}

static void sift(const qn_tokenizer *t, uint32_t *ids, size_t n, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && compare(t, ids[child + 1], ids[child]) > 0)
            child++;
        if (compare(t, ids[at], ids[child]) >= 0)
            return;
        uint32_t swap = ids[at];
        ids[at] = ids[child], ids[child] = swap;
    }
}

/* A heap sort: no recursion, no memory, no bad case. */
static void sort(const qn_tokenizer *t, uint32_t *ids, size_t n)
{
    for (size_t i = n / 2; i--;)
        sift(t, ids, n, i);
    for (size_t i = n; i-- > 1;) {
        uint32_t swap = ids[0];
        ids[0] = ids[i], ids[i] = swap;
        sift(t, ids, i, 0);
    }
}

/* Sorts the set whose ids lie at from, and notes how its tokens begin. */
static void build_set(qn_tokenizer *t, qn_special_set *set, uint32_t *ids, size_t n)
{
    sort(t, ids, n);
    set->ids = ids, set->n = n;
    for (size_t i = 0; i < n; i++) {
        uint8_t first = name_of(t, ids[i]).bytes[0];
        set->from[first + 1]++;
        set->first_of_any[first] = true;
        set->first_of_user[first] |= t->kinds[ids[i]] == QN_TOKEN_USER;
    }
    for (size_t b = 0; b < 256; b++)
        set->from[b + 1] += set->from[b];
}

/* Tokens without a name are found nowhere; those of the normalized text go behind the others. */
static size_t partition(qn_tokenizer *t)
{
    size_t n = 0, n_raw = 0;
    for (size_t i = 0; i < t->n_special; i++)
        if (name_of(t, t->special[i]).n)
            t->special[n++] = t->special[i];
    t->n_special = n;
    for (size_t i = 0; i < n; i++) {
        uint32_t id = t->special[i];
        if (t->strips[id] & QN_TOKEN_NORMALIZED)
            continue;
        t->special[i] = t->special[n_raw];
        t->special[n_raw++] = id;
    }
    return n_raw;
}

qn_status qn_special_build(qn_tokenizer *t, qn_error *err)
{
    for (size_t i = 0; i < t->n_special; i++) {
        size_t n = name_of(t, t->special[i]).n;
        QN_FAIL_IF(n > qn_tokenizer_max.n_special_bytes, err, QN_ELIMIT,
                   "token %u: a special token of %zu bytes, the limit is %zu", t->special[i], n,
                   qn_tokenizer_max.n_special_bytes);
    }
    size_t n_raw = partition(t);
    build_set(t, &t->sets[0], t->special, n_raw);
    build_set(t, &t->sets[1], t->special + n_raw, t->n_special - n_raw);
    t->has_spaces = t->model->has_marks && !t->hf && t->sets[0].first_of_user[' '];
    t->sets[0].first_of_any[0xE2] |= t->has_spaces;
    t->sets[0].first_of_user[0xE2] |= t->has_spaces;
    return QN_OK;
}

/* The first token in [low, high), all of which agree in depth bytes, whose next byte is at least
 * byte; one that ends at depth comes before all. */
static size_t bound(const qn_tokenizer *t, const qn_special_set *set, size_t low, size_t high,
                    size_t depth, unsigned byte)
{
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        name x = name_of(t, set->ids[middle]);
        if (x.n <= depth || x.bytes[depth] < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t find(const qn_tokenizer *t, const qn_special_set *set, const uint8_t *p,
                     const uint8_t *end, const uint8_t *trusted)
{
    uint32_t found = QN_NO_TOKEN;
    size_t low = set->from[*p], high = set->from[*p + 1];
    for (size_t depth = 1; low < high; depth++) {
        for (size_t i = low; i < high && name_of(t, set->ids[i]).n == depth; i++) {
            if (t->kinds[set->ids[i]] == QN_TOKEN_USER || p + depth <= trusted) {
                found = set->ids[i];
                break;
            }
        }
        if (p + depth == end)
            break;
        low = bound(t, set, low, high, depth, p[depth]);
        high = bound(t, set, low, high, depth, p[depth] + 1u);
    }
    return found;
}

enum { MOST_SPACES = 64 };

static size_t marks_at(const uint8_t *p, const uint8_t *end) /* 0, 1, or 2 for more */
{
    size_t n = 0;
    for (; n < 2 && end - p >= 3 && memcmp(p, "\xE2\x96\x81", 3) == 0; p += 3)
        n++;
    return n;
}

/* A user token of spaces, where a U+2581 counts as one. Two or more of them in a row are a run of
 * their own, which Hugging Face, whose vocabularies spell spaces so, finds before all else. */
static uint32_t find_spaces(const qn_tokenizer *t, const uint8_t *p, const uint8_t *end,
                            size_t *n_bytes)
{
    uint8_t spaces[MOST_SPACES];
    const uint8_t *ends[MOST_SPACES], *q = p;
    bool marks_only = marks_at(p, end) == 2;
    size_t n = 0;
    for (; n < MOST_SPACES && q < end; n++) {
        size_t n_marks = marks_at(q, end);
        bool one = *q == ' ' || n_marks == 1;
        if (marks_only ? n_marks == 0 : !one)
            break;
        q += *q == ' ' ? 1 : 3;
        spaces[n] = ' ', ends[n] = q;
    }
    uint32_t id = n ? find(t, &t->sets[0], spaces, spaces + n, spaces) : QN_NO_TOKEN;
    *n_bytes = id == QN_NO_TOKEN ? 0 : (size_t)(ends[name_of(t, id).n - 1] - p);
    return id;
}

uint32_t qn_special_find(const qn_tokenizer *t, const qn_special_set *set, const uint8_t *p,
                         const uint8_t *end, const uint8_t *trusted, size_t *n_bytes)
{
    uint32_t id = find(t, set, p, end, trusted);
    *n_bytes = id == QN_NO_TOKEN ? 0 : name_of(t, id).n;
    bool single = *p == ' ' && (p + 1 == end || (p[1] != ' ' && p[1] != 0xE2));
    if (!t->has_spaces || single || (*p != ' ' && *p != 0xE2))
        return id;
    size_t n_spaces;
    uint32_t spaces = find_spaces(t, p, end, &n_spaces);
    if (n_spaces <= *n_bytes)
        return id;
    *n_bytes = n_spaces;
    return spaces;
}
