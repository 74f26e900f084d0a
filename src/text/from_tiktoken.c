/* text/from_tiktoken.c - a tokenizer from tiktoken's files of lines "base64 rank".
 *
 * Such a file states neither its pattern nor its special tokens. Both are known for the published
 * ones (tiktokens.def): by the file's name, by the class that the tokenizer_config.json beside it
 * names, or by the number of ranks; and that config may name the special tokens. */
#include <stdio.h>

#include "text/beside.h"
#include "text/ranks.h"

enum { MOST_ITEMS = 40, MOST_MARKS = 1 << 16 };

typedef enum how {
    ONE_NAME,
    ENDING_NAME,
    NUMBERED,
    BY_OWN_ID,
    NEXT_ID,
    FROM_CONFIG,
    BEFORE_TEXT
} how;

typedef struct item { /* of a row: a name or several */
    how how;
    const char *name;
    uint32_t from, n;
} item;

typedef struct known { /* a row of tiktokens.def */
    const char *file;
    size_t n_ranks;
    const char *maker;
    qn_cut_pattern *scan;
    bool nfc;
    item items[MOST_ITEMS]; /* ends in one without a name and n */
} known;

// clang-format off
#define ONE(name) {ONE_NAME, name, 0, 1}
#define END(name) {ENDING_NAME, name, 0, 1}
#define SERIES(name, from, n) {NUMBERED, name, from, n}
#define BY_ID(name, n) {BY_OWN_ID, name, 0, n}
#define NEXT(id) {NEXT_ID, "", id, 0}
#define CONFIG {FROM_CONFIG, "", 0, 0}
#define BEFORE(name) {BEFORE_TEXT, name, 0, 0}
static const known all_known[] = {
#define X(file, n_ranks, maker, scan, nfc, ...) {file, n_ranks, maker, scan, nfc, {__VA_ARGS__}},
#include "text/tiktokens.def"
#undef X
};
// clang-format on

typedef struct mark { /* a special token; no name: its id is a rank's, or stands for nothing */
    qn_str name;
    bool ends, stays;
} mark;

typedef struct marks {
    mark *at; /* [n], from the id first */
    size_t first, n;
} marks;

static bool is_of(const known *k, const qn_tiktoken_file *f, size_t n_ranks)
{
    size_t n_file = strlen(k->file), n_maker = strlen(k->maker);
    if (k->n_ranks && k->n_ranks != n_ranks)
        return false;
    if (n_file && !(f->name && strncmp(f->name, k->file, n_file) == 0))
        return false;
    return !n_maker ||
           (f->config && memmem(f->config->bytes, f->config->n_bytes, k->maker, n_maker));
}

static const known *find(const qn_tiktoken_file *f, size_t n_ranks)
{
    for (size_t i = 0; i < QN_COUNT(all_known); i++)
        if (is_of(&all_known[i], f, n_ranks))
            return &all_known[i];
    return NULL;
}

/* Special tokens. */

static qn_status put(qn_ranks *r, marks *m, size_t id, mark x, qn_error *err)
{
    char shown[QN_SHOWN];
    QN_FAIL_IF(id < m->first || id - m->first >= MOST_MARKS, err, QN_EFORMAT,
               "the special token %s has the id %zu, allowed are %zu to %zu",
               qn_str_show(shown, x.name), id, m->first, m->first + MOST_MARKS - 1);
    const char *own = qn_region_copy(&r->strings, x.name.n_bytes, x.name.bytes);
    if (!own)
        return qn_region_fail(&r->strings, "the special tokens", err);
    x.name.bytes = own;
    m->at[id - m->first] = x;
    m->n = QN_MAX(m->n, id - m->first + 1);
    return QN_OK;
}

static qn_status put_items(qn_ranks *r, marks *m, const known *k, qn_error *err)
{
    size_t id = m->first;
    for (const item *x = k->items; x->name; x++) {
        id = x->how == NEXT_ID ? x->from : id;
        for (uint32_t i = 0; i < x->n; i++, id++) {
            char text[80];
            size_t number = x->how == NUMBERED ? x->from + i : id;
            bool numbered = x->how == NUMBERED || x->how == BY_OWN_ID;
            if (numbered)
                snprintf(text, sizeof text, "%s%zu|>", x->name, number);
            QN_TRY(put(r, m, id,
                       (mark){qn_str_of(numbered ? text : x->name), x->how == ENDING_NAME, false},
                       err));
        }
    }
    return QN_OK;
}

typedef struct added { /* an element of added_tokens_decoder */
    qn_str content;
    bool special;
} added;

static const qn_json_field added_fields[] = {
    {"content", QN_JSON_STRING, 1, 512, offsetof(added, content), QN_JSON_REQUIRED},
    {"special", QN_JSON_BOOL, 0, 0, offsetof(added, special), 0},
    {0},
};

/* A decimal number, or SIZE_MAX. */
static size_t number_of(qn_str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n_bytes; i++) {
        unsigned digit = (unsigned)text.bytes[i] - '0';
        if (digit > 9 || i == 9)
            return SIZE_MAX;
        n = n * 10 + digit;
    }
    return text.n_bytes ? n : SIZE_MAX;
}

/* added_tokens_decoder: {"id": {"content", "special"}, ...}; what is not special stays in a text
 * that special tokens are left out of. */
static qn_status put_added(qn_ranks *r, marks *m, qn_json *j, qn_error *err)
{
    char shown[QN_SHOWN];
    qn_str key;
    for (qn_json_enter(j, QN_JSON_OBJECT); qn_json_next_key(j, &key);) {
        qn_json one;
        added a = {0};
        qn_str raw = qn_json_raw(j);
        QN_TRY(qn_json_check(j, err));
        qn_json_init_raw(&one, j, raw);
        QN_TRY(qn_json_read_known_fields(&one, added_fields, &a, NULL, err));
        QN_FAIL_IF(number_of(key) == SIZE_MAX, err, QN_EFORMAT,
                   "the id %s of an added token is not a number", qn_str_show(shown, key));
        QN_TRY(put(r, m, number_of(key), (mark){a.content, false, !a.special}, err));
    }
    return qn_json_check(j, err);
}

static qn_status put_config(qn_ranks *r, marks *m, qn_str config, qn_error *err)
{
    qn_json j;
    qn_str key;
    qn_json_init(&j, config.n_bytes, config.bytes, &r->strings);
    for (qn_json_enter(&j, QN_JSON_OBJECT); qn_json_next_key(&j, &key);)
        if (qn_str_is(key, "added_tokens_decoder"))
            QN_TRY(put_added(r, m, &j, err));
    return qn_json_end(&j, err);
}

static qn_status gather(qn_ranks *r, marks *m, const known *k, const qn_tiktoken_file *f,
                        qn_error *err)
{
    if (k->items[0].how == NEXT_ID)
        m->first = k->items[0].from;
    m->at = qn_region_take(&r->strings, MOST_MARKS, sizeof *m->at);
    if (!m->at)
        return qn_region_fail(&r->strings, "the special tokens", err);
    QN_FAIL_IF(k->items[0].how == FROM_CONFIG && !f->config, err, QN_EUNSUPPORTED,
               "the special tokens of this file stand in the tokenizer_config.json beside it; "
               "name the directory that holds both");
    QN_TRY(put_items(r, m, k, err));
    if (f->config && put_config(r, m, *f->config, err) != QN_OK)
        return qn_fail_in(err, "tokenizer_config.json");
    return QN_OK;
}

static const mark *mark_at(const marks *m, size_t id)
{
    bool in = id >= m->first && id - m->first < m->n;
    return in && m->at[id - m->first].name.bytes ? &m->at[id - m->first] : NULL;
}

/* Those whose ids come next. */
static void add_marks(qn_ranks *r, const marks *m)
{
    for (const mark *x; (x = mark_at(m, r->n));) {
        if (x->ends && r->source.n_eog < QN_VOCAB_MAX_EOG)
            r->source.eog[r->source.n_eog++] = (uint32_t)r->n;
        qn_ranks_add_special(r, x->stays ? QN_TOKEN_STAYS : 0, x->name);
    }
}

/* Ranks. */

static qn_status add_line(qn_ranks *r, const marks *m, size_t n_line, qn_str line, qn_error *err)
{
    const char *space = memchr(line.bytes, ' ', line.n_bytes);
    const char *end = line.bytes + line.n_bytes;
    QN_FAIL_IF(!space || space + 1 == end, err, QN_EFORMAT, "line %zu is not a token and its rank",
               n_line);
    size_t rank = number_of((qn_str){space + 1, (size_t)(end - space - 1)});
    QN_FAIL_IF(rank == SIZE_MAX, err, QN_EFORMAT, "line %zu: the rank is not a number", n_line);
    if (rank != r->n)
        add_marks(r, m);
    QN_FAIL_IF(rank != r->n, err, QN_EFORMAT, "line %zu: its rank is %zu, not %zu", n_line, rank,
               r->n);
    return qn_ranks_add_base64(r, (qn_str){line.bytes, (size_t)(space - line.bytes)}, err);
}

/* The next line from *p on without its end; empty ones are passed over, and none is left then. */
static qn_str next_line(const char **p, const char *end)
{
    while (*p < end) {
        const char *from = *p, *stop = memchr(from, '\n', (size_t)(end - from));
        stop = stop ? stop : end;
        *p = stop + (stop < end);
        size_t n = (size_t)(stop - from);
        n -= n && from[n - 1] == '\r';
        if (n)
            return (qn_str){from, n};
    }
    return (qn_str){0};
}

static qn_status add_lines(qn_ranks *r, const marks *m, qn_str lines, qn_error *err)
{
    size_t n_lines = 0;
    const char *p = lines.bytes, *end = p + lines.n_bytes;
    for (qn_str line; (line = next_line(&p, end)).n_bytes;)
        QN_TRY(add_line(r, m, ++n_lines, line, err));
    for (add_marks(r, m); r->n < m->first + m->n; add_marks(r, m))
        qn_ranks_add(r, QN_TOKEN_UNUSED, 0, 0, NULL);
    return qn_ranks_check(r, err);
}

static size_t count_lines(qn_str lines)
{
    size_t n = 0;
    const char *p = lines.bytes, *end = p + lines.n_bytes;
    while (next_line(&p, end).n_bytes)
        n++;
    return n;
}

/* The whole. */

static uint32_t id_named(const marks *m, qn_str name)
{
    for (size_t i = 0; name.bytes && i < m->n; i++)
        if (m->at[i].name.bytes && qn_str_equal(m->at[i].name, name))
            return (uint32_t)(m->first + i);
    return QN_NO_TOKEN;
}

static void take_named(const marks *m, qn_str name, uint32_t *id)
{
    uint32_t found = id_named(m, name);
    *id = found == QN_NO_TOKEN ? *id : found;
}

static qn_status take_beside(qn_ranks *r, const marks *m, const qn_tiktoken_file *f, qn_error *err)
{
    qn_beside b;
    qn_vocab_source *s = &r->source;
    QN_TRY(qn_beside_read(&b, f->config, f->generation, &r->strings, err));
    take_named(m, b.names[QN_BESIDE_BOS], &s->bos);
    take_named(m, b.names[QN_BESIDE_EOS], &s->eos);
    take_named(m, b.names[QN_BESIDE_UNK], &s->unk);
    take_named(m, b.names[QN_BESIDE_PAD], &s->pad);
    s->add_bos = b.add_bos, s->add_eos = b.add_eos;
    for (size_t i = 0; i < b.n_eog && s->n_eog < QN_VOCAB_MAX_EOG; i++)
        if (b.eog[i] >= 0 && (uint64_t)b.eog[i] < r->n)
            s->eog[s->n_eog++] = (uint32_t)b.eog[i];
    return QN_OK;
}

static qn_status take_rules(qn_ranks *r, const marks *m, const known *k, qn_error *err)
{
    qn_rules *x = r->source.rules;
    x->stages[0] = k->scan, x->n_stages = 1;
    if (k->nfc)
        x->normals[x->n_normals++].kind = QN_NFC;
    for (const item *i = k->items; i->name; i++) {
        if (i->how != BEFORE_TEXT)
            continue;
        uint32_t id = id_named(m, qn_str_of(i->name));
        QN_FAIL_IF(id == QN_NO_TOKEN, err, QN_EFORMAT,
                   "tokenizer_config.json: no special token %s, which begins every text", i->name);
        x->before[x->n_before++] = id;
    }
    return QN_OK;
}

static qn_status read_tiktoken(qn_ranks *r, const void *file, qn_error *err)
{
    const qn_tiktoken_file *f = file;
    marks m = {.first = count_lines(f->lines)};
    const known *k = find(f, m.first);
    QN_FAIL_IF(!k, err, QN_EUNSUPPORTED,
               "a tiktoken file of %zu ranks is of no known vocabulary; use its tokenizer.json",
               m.first);
    QN_TRY(gather(r, &m, k, f, err));
    QN_TRY(add_lines(r, &m, f->lines, err));
    QN_TRY(take_rules(r, &m, k, err));
    return take_beside(r, &m, f, err);
}

qn_status qn_tokenizer_from_tiktoken(qn_tokenizer **t, const qn_tiktoken_file *file, qn_error *err)
{
    return qn_ranks_make(t, file, read_tiktoken, err);
}
