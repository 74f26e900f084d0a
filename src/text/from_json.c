/* text/from_json.c - a tokenizer from Hugging Face's tokenizer.json and the files beside it.
 *
 * The vocabulary is gathered in the order of the file, then laid out by id as GGUF's lists are.
 * Source: Hugging Face tokenizers 0.23. */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/decimal.h"
#include "text/beside.h"
#include "text/bytes.h"
#include "text/json_part.h"
#include "text/vocab.h"

typedef struct entry { /* of the model's vocabulary */
    qn_str text;
    uint32_t id;
} entry;

typedef struct added {
    int64_t id;
    qn_str content;
    bool single_word, lstrip, rstrip, normalized, special;
} added;

typedef struct by_id {
    qn_str text;
    uint8_t kind, strips; /* kind 0: no such id */
} by_id;

enum { MOST_POWER = 308 };

typedef struct reading {
    qn_json j;
    qn_region strings;
    qn_json_reading parts;
    qn_str normalizer, pre_tokenizer, post_processor, decoder, added_tokens;
    bool has_model;
    qn_str type, unk_token, prefix, suffix; /* of the model */
    bool fuse_unk, byte_fallback, ignore_merges;
    int64_t unk_id, n_word_most;
    double dropout;
    size_t n_entries, n_entries_room, n_added, n_added_room, n_scores, n_scores_room, n_ids;
    entry *entries;
    added *added;
    double *scores;
    double powers[MOST_POWER + 1]; /* of ten */
    by_id *ids;
    qn_buf merges, tokens;
    size_t n_merges;
    bool pairs;
    uint8_t *kinds, *strips;
} reading;

enum { STRING_BYTES = 256 << 20 };

static qn_status room(void **list, size_t *n_room, size_t n, size_t size, qn_error *err)
{
    return qn_scratch_room(list, n_room, n, size, err);
}

/* The model. */

static qn_status add_entry(reading *r, qn_str text, int64_t id, qn_error *err)
{
    QN_FAIL_IF(id < 0 || (size_t)id >= qn_tokenizer_max.n_tokens, err, QN_ELIMIT,
               "the id %" PRId64 " of a token; ids lie below %zu", id, qn_tokenizer_max.n_tokens);
    QN_TRY(room((void **)&r->entries, &r->n_entries_room, r->n_entries + 1, sizeof(entry), err));
    r->entries[r->n_entries++] = (entry){text, (uint32_t)id};
    r->n_ids = QN_MAX(r->n_ids, (size_t)id + 1);
    return QN_OK;
}

static qn_status read_map(reading *r, qn_error *err)
{
    qn_json *j = &r->j;
    qn_str key;
    for (qn_json_enter(j, QN_JSON_OBJECT); qn_json_next_key(j, &key);) {
        int64_t id = qn_json_i64(j);
        if (j->status == QN_OK)
            QN_TRY(add_entry(r, key, id, err));
    }
    return qn_json_check(j, err);
}

static void fill_powers(double powers[MOST_POWER + 1])
{
    for (int i = 0; i <= MOST_POWER; i++) {
        char text[8];
        int n = snprintf(text, sizeof text, "1e%d", i);
        (void)qn_decimal_to_f64((size_t)n, text, &powers[i]);
    }
}

/* A score as the reference reads it: digits as a 64-bit number, divided or multiplied by a power of
 * ten. That rounds twice, and decides between ways to cut a word whose scores are equal. Source:
 * serde_json's f64_from_parts. */
static double score_of(const double powers[MOST_POWER + 1], qn_str text)
{
    uint64_t digits = 0;
    int64_t exponent = 0, stated = 0;
    bool behind = false, negative = false;
    size_t i = 0;
    for (; i < text.n_bytes && text.bytes[i] != 'e' && text.bytes[i] != 'E'; i++) {
        uint64_t digit = (uint64_t)(text.bytes[i] - '0'), next;
        negative |= text.bytes[i] == '-';
        behind |= text.bytes[i] == '.';
        if (digit > 9)
            continue;
        bool fits = !__builtin_mul_overflow(digits, 10u, &next) &&
                    !__builtin_add_overflow(next, digit, &next);
        digits = fits ? next : digits;
        exponent += fits && behind ? -1 : !fits && !behind ? 1 : 0;
    }
    bool down = i + 1 < text.n_bytes && text.bytes[i + 1] == '-';
    for (i++; i < text.n_bytes; i++)
        if (text.bytes[i] >= '0' && text.bytes[i] <= '9' && stated < 10000)
            stated = stated * 10 + (text.bytes[i] - '0');
    exponent += down ? -stated : stated;
    double value = (double)digits;
    for (; exponent < -MOST_POWER && value > 0; exponent += MOST_POWER)
        value /= powers[MOST_POWER];
    double power = powers[QN_MIN(exponent < 0 ? -exponent : exponent, MOST_POWER)];
    value = exponent < 0 ? value / power : value * power;
    return negative ? -value : value;
}

/* [[piece, score], ...] */
static qn_status read_scored(reading *r, qn_error *err)
{
    qn_json *j = &r->j;
    fill_powers(r->powers);
    for (qn_json_enter(j, QN_JSON_ARRAY); qn_json_next(j);) {
        qn_str text = {0};
        double score = NAN;
        qn_json_enter(j, QN_JSON_ARRAY);
        for (size_t i = 0; qn_json_next(j); i++) {
            if (i == 0)
                text = qn_json_string(j);
            else if (i == 1 && qn_json_peek(j) == QN_JSON_NUMBER)
                score = score_of(r->powers, qn_json_raw(j));
        }
        QN_TRY(qn_json_check(j, err));
        QN_FAIL_IF(!text.bytes || !isfinite(score), err, QN_EFORMAT,
                   "piece %zu of the vocabulary is not [text, score]", r->n_scores);
        QN_TRY(room((void **)&r->scores, &r->n_scores_room, r->n_scores + 1, sizeof(double), err));
        QN_TRY(add_entry(r, text, (int64_t)r->n_scores, err));
        r->scores[r->n_scores++] = score;
    }
    return qn_json_check(j, err);
}

static void append_text(qn_buf *list, qn_str text)
{
    uint64_t n = text.n_bytes;
    uint8_t bytes[8];
    for (size_t i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(n >> 8 * i);
    qn_buf_append(list, 8, bytes);
    qn_buf_append(list, text.n_bytes, text.bytes);
}

/* "left right", of which a text with a space has its own writing: ["left", "right"]. */
static qn_status read_merge(reading *r, qn_error *err)
{
    qn_json *j = &r->j;
    bool pair = qn_json_peek(j) == QN_JSON_ARRAY;
    if (r->n_merges++ == 0)
        r->pairs = pair;
    if (j->status == QN_OK && pair != r->pairs)
        return qn_json_fail(j, err, "merges are texts and pairs in one list");
    if (!pair) {
        append_text(&r->merges, qn_json_string(j));
        return qn_json_check(j, err);
    }
    size_t n = 0;
    for (qn_json_enter(j, QN_JSON_ARRAY); qn_json_next(j); n++)
        append_text(&r->merges, qn_json_string(j));
    QN_TRY(qn_json_check(j, err));
    QN_FAIL_IF(n != 2, err, QN_EFORMAT, "merge %zu has %zu texts", r->n_merges - 1, n);
    return QN_OK;
}

static qn_status read_merges(reading *r, qn_error *err)
{
    for (qn_json_enter(&r->j, QN_JSON_ARRAY); qn_json_next(&r->j);)
        QN_TRY(read_merge(r, err));
    QN_TRY(qn_json_check(&r->j, err));
    QN_FAIL_IF(r->n_merges > qn_tokenizer_max.n_merges, err, QN_ELIMIT,
               "%zu merges, the limit is %zu", r->n_merges, qn_tokenizer_max.n_merges);
    return QN_OK;
}

static const qn_json_field model_fields[] = {
    {"type", QN_JSON_STRING, 0, 64, offsetof(reading, type), QN_JSON_NULLABLE},
    {"unk_token", QN_JSON_STRING, 0, 0, offsetof(reading, unk_token), QN_JSON_NULLABLE},
    {"continuing_subword_prefix", QN_JSON_STRING, 0, 0, offsetof(reading, prefix),
     QN_JSON_NULLABLE},
    {"end_of_word_suffix", QN_JSON_STRING, 0, 0, offsetof(reading, suffix), QN_JSON_NULLABLE},
    {"fuse_unk", QN_JSON_BOOL, 0, 0, offsetof(reading, fuse_unk), QN_JSON_NULLABLE},
    {"byte_fallback", QN_JSON_BOOL, 0, 0, offsetof(reading, byte_fallback), QN_JSON_NULLABLE},
    {"ignore_merges", QN_JSON_BOOL, 0, 0, offsetof(reading, ignore_merges), QN_JSON_NULLABLE},
    {"unk_id", QN_JSON_INT, 0, UINT32_MAX, offsetof(reading, unk_id), QN_JSON_NULLABLE},
    {"max_input_chars_per_word", QN_JSON_INT, 1, 1 << 30, offsetof(reading, n_word_most),
     QN_JSON_NULLABLE},
    {"dropout", QN_JSON_NUMBER, 0, 1, offsetof(reading, dropout), QN_JSON_NULLABLE},
    {0},
};

/* A small member of the model by its row of the table. */
static void read_model_field(reading *r, qn_str key)
{
    for (const qn_json_field *f = model_fields; f->name; f++) {
        char *where = (char *)r + f->where;
        if (!qn_str_is(key, f->name) || qn_json_null(&r->j))
            continue;
        switch (f->type) {
        case QN_JSON_STRING: *(qn_str *)(void *)where = qn_json_string(&r->j); return;
        case QN_JSON_BOOL: *(bool *)(void *)where = qn_json_bool(&r->j); return;
        case QN_JSON_INT: *(int64_t *)(void *)where = qn_json_i64(&r->j); return;
        default: *(double *)(void *)where = qn_json_f64(&r->j); return;
        }
    }
}

static qn_status read_model(reading *r, qn_error *err)
{
    qn_str key;
    QN_FAIL_IF(r->has_model, err, QN_EFORMAT, "two models in one file");
    r->has_model = true;
    for (qn_json_enter(&r->j, QN_JSON_OBJECT); qn_json_next_key(&r->j, &key);) {
        if (qn_str_is(key, "vocab"))
            QN_TRY(qn_json_peek(&r->j) == QN_JSON_ARRAY ? read_scored(r, err) : read_map(r, err));
        else if (qn_str_is(key, "merges"))
            QN_TRY(read_merges(r, err));
        else
            read_model_field(r, key);
    }
    return qn_json_check(&r->j, err);
}

/* The document. */

static qn_status read_document(reading *r, qn_error *err)
{
    struct {
        const char *name;
        qn_str *text;
    } parts[] = {{"normalizer", &r->normalizer},
                 {"pre_tokenizer", &r->pre_tokenizer},
                 {"post_processor", &r->post_processor},
                 {"decoder", &r->decoder},
                 {"added_tokens", &r->added_tokens}};
    qn_str key;
    for (qn_json_enter(&r->j, QN_JSON_OBJECT); qn_json_next_key(&r->j, &key);) {
        if (qn_str_is(key, "model"))
            QN_TRY(read_model(r, err) == QN_OK ? QN_OK : qn_fail_in(err, "model"));
        for (size_t i = 0; i < QN_COUNT(parts); i++)
            if (qn_str_is(key, parts[i].name))
                *parts[i].text = qn_json_raw(&r->j);
    }
    QN_TRY(qn_json_end(&r->j, err));
    QN_FAIL_IF(!r->has_model || !r->n_entries, err, QN_EFORMAT,
               "no model with a vocabulary; is it a tokenizer.json?");
    return QN_OK;
}

static const qn_json_field added_fields[] = {
    {"id", QN_JSON_INT, 0, UINT32_MAX, offsetof(added, id), QN_JSON_REQUIRED},
    {"content", QN_JSON_STRING, 0, 0, offsetof(added, content), QN_JSON_REQUIRED},
    {"single_word", QN_JSON_BOOL, 0, 0, offsetof(added, single_word), 0},
    {"lstrip", QN_JSON_BOOL, 0, 0, offsetof(added, lstrip), 0},
    {"rstrip", QN_JSON_BOOL, 0, 0, offsetof(added, rstrip), 0},
    {"normalized", QN_JSON_BOOL, 0, 0, offsetof(added, normalized), 0},
    {"special", QN_JSON_BOOL, 0, 0, offsetof(added, special), 0},
    {0},
};

static qn_status read_added(reading *r, qn_error *err)
{
    qn_json list;
    if (!r->added_tokens.bytes || qn_str_is(r->added_tokens, "null"))
        return QN_OK;
    qn_json_init_raw(&list, &r->j, r->added_tokens);
    for (qn_json_enter(&list, QN_JSON_ARRAY); qn_json_next(&list);) {
        qn_json one;
        qn_str text = qn_json_raw(&list);
        QN_TRY(qn_json_check(&list, err));
        QN_TRY(room((void **)&r->added, &r->n_added_room, r->n_added + 1, sizeof(added), err));
        added *a = &r->added[r->n_added++];
        *a = (added){.normalized = true};
        qn_json_init_raw(&one, &r->j, text);
        QN_TRY(qn_json_read_known_fields(&one, added_fields, a, NULL, err));
        QN_FAIL_IF((size_t)a->id >= qn_tokenizer_max.n_tokens, err, QN_ELIMIT,
                   "the id %" PRId64 " of an added token; ids lie below %zu", a->id,
                   qn_tokenizer_max.n_tokens);
        r->n_ids = QN_MAX(r->n_ids, (size_t)a->id + 1);
    }
    return qn_json_end(&list, err);
}

/* Whether the model could never meet the text of its own token. */
static bool is_unreachable(const qn_rules *x, qn_str text)
{
    uint8_t bytes[256];
    if (x->has_marks)
        return memchr(text.bytes, ' ', text.n_bytes) != NULL;
    if (!x->byte_level)
        return false;
    for (size_t at = 0; at < text.n_bytes;) { /* in stretches that end at a character */
        size_t n = QN_MIN(text.n_bytes - at, sizeof bytes);
        while (at + n < text.n_bytes && n > 1 && ((uint8_t)text.bytes[at + n] & 0xC0) == 0x80)
            n--;
        if (qn_bytes_decode(bytes, n, (const uint8_t *)text.bytes + at) == SIZE_MAX)
            return true;
        at += n;
    }
    return false;
}

static bool is_byte_token(const reading *r, qn_str text)
{
    return (r->byte_fallback || r->parts.reads_bytes) && text.n_bytes == 6 &&
           memcmp(text.bytes, "<0x", 3) == 0 && text.bytes[5] == '>';
}

static qn_status place_entries(reading *r, qn_error *err)
{
    char shown[QN_SHOWN];
    const qn_rules *x = r->parts.rules;
    for (size_t i = 0; i < r->n_entries; i++) {
        by_id *to = &r->ids[r->entries[i].id];
        QN_FAIL_IF(to->kind, err, QN_EFORMAT, "the id %u stands for two texts, one is %s",
                   r->entries[i].id, qn_str_show(shown, r->entries[i].text));
        bool byte = is_byte_token(r, r->entries[i].text);
        *to = (by_id){.text = r->entries[i].text,
                      .kind = byte ? QN_TOKEN_BYTE : QN_TOKEN_NORMAL,
                      .strips = is_unreachable(x, r->entries[i].text) ? QN_TOKEN_OUTSIDE : 0};
    }
    return QN_OK;
}

static qn_status place_added(reading *r, qn_error *err)
{
    char shown[QN_SHOWN];
    for (size_t i = 0; i < r->n_added; i++) {
        const added *a = &r->added[i];
        by_id *to = &r->ids[a->id];
        QN_FAIL_IF(to->kind && !qn_str_equal(to->text, a->content), err, QN_EFORMAT,
                   "the added token %s has the id %" PRId64 ", which the vocabulary gives another",
                   qn_str_show(shown, a->content), a->id);
        unsigned strips = to->kind ? to->strips : QN_TOKEN_OUTSIDE;
        strips |= (a->lstrip ? QN_TOKEN_LSTRIP : 0u) | (a->rstrip ? QN_TOKEN_RSTRIP : 0u) |
                  (a->single_word ? QN_TOKEN_SINGLE_WORD : 0u) |
                  (a->normalized ? QN_TOKEN_NORMALIZED : 0u);
        *to = (by_id){.text = a->content,
                      .kind = a->special ? QN_TOKEN_CONTROL : QN_TOKEN_USER,
                      .strips = (uint8_t)strips};
    }
    return QN_OK;
}

static uint32_t id_of(const reading *r, qn_str text)
{
    for (size_t id = 0; text.bytes && id < r->n_ids; id++)
        if (r->ids[id].text.bytes && qn_str_equal(r->ids[id].text, text))
            return (uint32_t)id;
    return QN_NO_TOKEN;
}

/* The lists of the source, by id. */
static qn_status lay_out(reading *r, qn_vocab_source *source, qn_error *err)
{
    r->kinds = qn_alloc_zeroed(r->n_ids, 4);
    r->strips = qn_alloc_zeroed(r->n_ids, 1);
    QN_FAIL_IF(!r->kinds || !r->strips, err, QN_ENOMEM, "no memory for %zu tokens", r->n_ids);
    for (size_t id = 0; id < r->n_ids; id++) {
        by_id *x = &r->ids[id];
        append_text(&r->tokens, x->text);
        r->kinds[4 * id] = x->kind ? x->kind : QN_TOKEN_UNUSED;
        r->strips[id] = x->strips;
    }
    QN_FAIL_IF(r->tokens.failed || r->merges.failed, err, QN_ENOMEM,
               "no memory for the texts of %zu tokens", r->n_ids);
    source->tokens = (qn_texts){r->n_ids, r->tokens.n_bytes, (const uint8_t *)r->tokens.bytes};
    source->merges = (qn_texts){r->pairs ? 2 * r->n_merges : r->n_merges, r->merges.n_bytes,
                                (const uint8_t *)r->merges.bytes};
    source->merges_are_pairs = r->pairs;
    source->kinds = r->kinds, source->strips = r->strips;
    source->unk = r->unk_id >= 0 && r->n_scores ? (uint32_t)r->unk_id : id_of(r, r->unk_token);
    return QN_OK;
}

static qn_status spread_scores(reading *r, qn_vocab_source *source, qn_error *err)
{
    if (!r->n_scores)
        return QN_OK;
    QN_TRY(room((void **)&r->scores, &r->n_scores_room, r->n_ids, sizeof(double), err));
    for (size_t id = r->n_scores; id < r->n_ids; id++)
        r->scores[id] = 0;
    source->scores = (const uint8_t *)r->scores; /* of the machine's own order, which is little */
    source->scores_are_f64 = true;
    return QN_OK;
}

static qn_status choose_model(reading *r, qn_vocab_source *source, qn_error *err)
{
    static const struct {
        const char *type, *model;
    } known[] = {{"Unigram", "t5"}, {"WordPiece", "bert"}, {"WordLevel", "wordlevel"}};
    char shown[QN_SHOWN];
    qn_rules *x = r->parts.rules;
    source->model = qn_str_of(x->byte_level ? "gpt2" : "llama");
    if (qn_str_is(r->type, "BPE"))
        return QN_OK;
    if (!r->type.bytes && (r->n_merges || r->n_scores)) { /* older files name no type */
        source->model = r->n_scores ? qn_str_of("t5") : source->model;
        return QN_OK;
    }
    for (size_t i = 0; r->type.bytes && i < QN_COUNT(known); i++) {
        if (qn_str_is(r->type, known[i].type)) {
            source->model = qn_str_of(known[i].model);
            return QN_OK;
        }
    }
    return qn_fail(err, QN_EUNSUPPORTED, "tokenizer model %s is not supported",
                   r->type.bytes ? qn_str_show(shown, r->type) : "(none named)");
}

static qn_status copy_affix(reading *r, qn_str from, qn_str *to, qn_error *err)
{
    QN_FAIL_IF(from.n_bytes > QN_AFFIX_BYTES, err, QN_ELIMIT,
               "a prefix or suffix of %zu bytes, the limit is %d", from.n_bytes, QN_AFFIX_BYTES);
    if (!from.n_bytes)
        return QN_OK;
    to->bytes = qn_region_copy(&r->parts.rules->memory, from.n_bytes, from.bytes);
    to->n_bytes = from.n_bytes;
    if (!to->bytes)
        return qn_region_fail(&r->parts.rules->memory, "the rules of the tokenizer", err);
    return QN_OK;
}

static qn_status read_rules(reading *r, qn_vocab_source *source, qn_error *err)
{
    qn_rules *x = r->parts.rules;
    x->is_hf = true;
    r->parts.document = &r->j;
    r->parts.add_space_prefix = 0;
    QN_TRY(qn_json_normalizer(&r->parts, r->normalizer, err));
    QN_TRY(qn_json_pre_tokenizer(&r->parts, r->pre_tokenizer, err));
    QN_TRY(qn_json_post_processor(&r->parts, r->post_processor, err));
    QN_TRY(qn_json_decoder(&r->parts, r->decoder, err));
    QN_TRY(qn_json_settle(&r->parts, err));
    QN_FAIL_IF(
        r->dropout > 0, err, QN_EUNSUPPORTED,
        "a tokenizer that leaves out merges at random (dropout) has no ids to be equal to; set "
        "its dropout to null");
    x->ignore_merges = r->ignore_merges, x->splits_unknown = !r->fuse_unk;
    x->falls_back = r->byte_fallback;
    x->n_word_most = (size_t)r->n_word_most;
    QN_TRY(copy_affix(r, r->prefix, &x->prefix, err));
    QN_TRY(copy_affix(r, r->suffix, &x->suffix, err));
    source->add_space_prefix = r->parts.add_space_prefix;
    return choose_model(r, source, err);
}

/* The files beside it. */

static uint32_t id_beside(const reading *r, const qn_beside *b, qn_beside_token which)
{
    return id_of(r, b->names[which]);
}

/* Without a template of its own, the flags put tokens around a text, as in transformers. */
static void add_flagged(qn_rules *x, const qn_beside *b, const qn_vocab_source *source)
{
    bool bare = !x->n_before && !x->n_after;
    if (bare && b->add_bos > 0 && source->bos != QN_NO_TOKEN)
        x->before[x->n_before++] = source->bos;
    if (bare && b->add_eos > 0 && source->eos != QN_NO_TOKEN)
        x->after[x->n_after++] = source->eos;
}

static void add_eog(const reading *r, qn_vocab_source *source, int64_t id)
{
    if (id >= 0 && (uint64_t)id < r->n_ids && source->n_eog < QN_VOCAB_MAX_EOG)
        source->eog[source->n_eog++] = (uint32_t)id;
}

static qn_status check_around(const reading *r, qn_error *err)
{
    const qn_rules *x = r->parts.rules;
    for (size_t i = 0; i < x->n_before + x->n_after; i++) {
        uint32_t id = i < x->n_before ? x->before[i] : x->after[i - x->n_before];
        QN_FAIL_IF(id >= r->n_ids, err, QN_EFORMAT,
                   "post_processor: it adds the token %u, but there are %zu", id, r->n_ids);
    }
    return QN_OK;
}

static qn_status read_beside(reading *r, const qn_str *config, const qn_str *generation,
                             qn_vocab_source *source, qn_error *err)
{
    qn_rules *x = r->parts.rules;
    qn_beside b;
    QN_TRY(check_around(r, err));
    QN_TRY(qn_beside_read(&b, config, generation, &r->strings, err));
    source->bos = id_beside(r, &b, QN_BESIDE_BOS), source->eos = id_beside(r, &b, QN_BESIDE_EOS);
    source->pad = id_beside(r, &b, QN_BESIDE_PAD);
    if (source->unk == QN_NO_TOKEN)
        source->unk = id_beside(r, &b, QN_BESIDE_UNK);
    add_flagged(x, &b, source);
    for (size_t i = 0; i < b.n_eog; i++)
        add_eog(r, source, b.eog[i]);
    if (source->bos == QN_NO_TOKEN && x->n_before)
        source->bos = x->before[0];
    if (source->eos == QN_NO_TOKEN && x->n_after)
        source->eos = x->after[x->n_after - 1];
    source->add_bos = x->n_before > 0, source->add_eos = x->n_after > 0;
    return QN_OK;
}

static qn_status read_all(reading *r, qn_str json, const qn_str *config, const qn_str *generation,
                          qn_vocab_source *source, qn_error *err)
{
    qn_json_init(&r->j, json.n_bytes, json.bytes, &r->strings);
    QN_TRY(read_document(r, err));
    QN_TRY(read_added(r, err));
    QN_TRY(read_rules(r, source, err));
    r->ids = qn_alloc_zeroed(r->n_ids, sizeof *r->ids);
    QN_FAIL_IF(!r->ids, err, QN_ENOMEM, "no memory for %zu tokens", r->n_ids);
    QN_TRY(place_entries(r, err));
    QN_TRY(place_added(r, err));
    QN_TRY(lay_out(r, source, err));
    QN_TRY(spread_scores(r, source, err));
    return read_beside(r, config, generation, source, err);
}

static void release(reading *r)
{
    qn_free(r->entries);
    qn_free(r->added);
    qn_free(r->scores);
    qn_free(r->ids);
    qn_free(r->kinds);
    qn_free(r->strips);
    qn_buf_release(&r->merges);
    qn_buf_release(&r->tokens);
    qn_region_release(&r->strings);
}

qn_status qn_tokenizer_from_json(qn_tokenizer **t, qn_str json, const qn_str *config,
                                 const qn_str *generation, qn_error *err)
{
    reading r = {.strings = qn_region_of(STRING_BYTES), .unk_id = -1, .n_word_most = 100};
    qn_vocab_source source = QN_VOCAB_SOURCE;
    *t = NULL;
    r.parts.rules = qn_rules_new();
    QN_FAIL_IF(!r.parts.rules, err, QN_ENOMEM, "no memory for a tokenizer");
    qn_status st = read_all(&r, json, config, generation, &source, err);
    if (st == QN_OK) {
        source.rules = r.parts.rules;
        st = qn_tokenizer_from_source(t, &source, err);
    } else {
        qn_rules_release(r.parts.rules);
    }
    release(&r);
    return st;
}
