/* text/json_rules.c - the components of a tokenizer.json become rules.
 *
 * Source: Hugging Face tokenizers 0.23, whose types and defaults these are. */
#include "base/alloc.h"
#include "text/base64.h"
#include "text/json_part.h"
#include "text/patterns.h"

enum { MOST_DEPTH = 4 };

#define TEXT(name)                                                                                 \
    {                                                                                              \
#name, QN_JSON_STRING, 0, 0, offsetof(qn_json_part, name), QN_JSON_NULLABLE                \
    }
#define FLAG(name)                                                                                 \
    {                                                                                              \
#name, QN_JSON_BOOL, 0, 0, offsetof(qn_json_part, name), QN_JSON_NULLABLE                  \
    }
#define COUNT(name, least)                                                                         \
    {                                                                                              \
#name, QN_JSON_INT, least, 1 << 20, offsetof(qn_json_part, name), QN_JSON_NULLABLE         \
    }
#define LIST(name)                                                                                 \
    {                                                                                              \
#name, QN_JSON_ARRAY, 0, 0, offsetof(qn_json_part, name), QN_JSON_NULLABLE                 \
    }

static const qn_json_field fields[] = {
    {"type", QN_JSON_STRING, 1, 64, offsetof(qn_json_part, type), QN_JSON_REQUIRED},
    TEXT(content),
    TEXT(prepend),
    TEXT(replacement),
    TEXT(prepend_scheme),
    TEXT(behavior),
    {"precompiled_charsmap", QN_JSON_STRING, 0, 0, offsetof(qn_json_part, charsmap),
     QN_JSON_NULLABLE},
    TEXT(prefix),
    TEXT(suffix),
    TEXT(delimiter),
    TEXT(pad_token),
    {"word_delimiter_token", QN_JSON_STRING, 0, 0, offsetof(qn_json_part, delimiter_token),
     QN_JSON_NULLABLE},
    {"pattern", QN_JSON_OBJECT, 0, 0, offsetof(qn_json_part, pattern), 0},
    LIST(normalizers),
    LIST(pretokenizers),
    LIST(processors),
    LIST(decoders),
    LIST(single),
    {"special_tokens", QN_JSON_OBJECT, 0, 0, offsetof(qn_json_part, special_tokens), 0},
    LIST(cls),
    LIST(sep),
    FLAG(clean_text),
    FLAG(handle_chinese_chars),
    FLAG(lowercase),
    FLAG(strip_left),
    FLAG(strip_right),
    FLAG(invert),
    FLAG(add_prefix_space),
    FLAG(use_regex),
    FLAG(individual_digits),
    FLAG(split),
    FLAG(cleanup),
    {"strip_accents", QN_JSON_BOOL, 0, 0, offsetof(qn_json_part, strip_accents), QN_JSON_NULLABLE},
    COUNT(start, 0),
    COUNT(stop, 0),
    COUNT(length, 1),
    {0},
};

qn_status qn_json_part_read(qn_json_reading *r, qn_str text, qn_json_part *part, qn_error *err)
{
    qn_json j;
    *part = (qn_json_part){.use_regex = true,
                           .split = true,
                           .cleanup = true,
                           .add_prefix_space = true,
                           .clean_text = true,
                           .handle_chinese_chars = true,
                           .lowercase = true,
                           .length = 5,
                           .prefix = qn_str_of("##"),
                           .suffix = qn_str_of("</w>"),
                           .replacement = qn_str_of(QN_MARK),
                           .pad_token = qn_str_of("<pad>"),
                           .delimiter_token = qn_str_of("|")};
    qn_json_init_raw(&j, r->document, text);
    QN_TRY(qn_json_read_known_fields(&j, fields, part, NULL, err));
    qn_json_init_raw(&j, r->document, text);
    qn_str key;
    for (qn_json_enter(&j, QN_JSON_OBJECT); qn_json_next_key(&j, &key);)
        if (qn_str_is(key, "strip_accents"))
            part->says_strip_accents = qn_json_peek(&j) == QN_JSON_BOOL;
    return qn_json_end(&j, err);
}

qn_status qn_json_part_list(qn_json_reading *r, qn_str list, size_t depth, qn_json_part_each *read,
                            qn_error *err)
{
    qn_json j;
    QN_FAIL_IF(!list.bytes, err, QN_EFORMAT, "a Sequence without its list");
    QN_FAIL_IF(depth == MOST_DEPTH, err, QN_ELIMIT, "Sequences within each other, more than %d",
               MOST_DEPTH);
    qn_json_init_raw(&j, r->document, list);
    for (qn_json_enter(&j, QN_JSON_ARRAY); qn_json_next(&j);) {
        qn_str text = qn_json_raw(&j);
        if (text.bytes)
            QN_TRY(read(r, text, depth + 1, err));
    }
    return qn_json_end(&j, err);
}

qn_status qn_json_part_copy(qn_json_reading *r, qn_str *text, qn_error *err)
{
    const char *own = qn_region_copy(&r->rules->memory, text->n_bytes, text->bytes);
    if (!own)
        return qn_region_fail(&r->rules->memory, "the rules of the tokenizer", err);
    text->bytes = own;
    return QN_OK;
}

qn_status qn_json_part_unsupported(const char *what, qn_str type, qn_error *err)
{
    char shown[QN_SHOWN];
    return qn_fail(err, QN_EUNSUPPORTED, "%s %s is not supported", what, qn_str_show(shown, type));
}

/* {"String": text} or {"Regex": text}. */
qn_status qn_json_part_pattern(qn_json_reading *r, qn_str raw, qn_str *text, bool *is_regex,
                               qn_error *err)
{
    qn_json j;
    qn_str key;
    size_t n = 0;
    QN_FAIL_IF(!raw.bytes, err, QN_EFORMAT, "a component without its pattern");
    qn_json_init_raw(&j, r->document, raw);
    for (qn_json_enter(&j, QN_JSON_OBJECT); qn_json_next_key(&j, &key); n++) {
        *is_regex = qn_str_is(key, "Regex");
        QN_FAIL_IF(!*is_regex && !qn_str_is(key, "String"), err, QN_EFORMAT,
                   "a pattern that is neither String nor Regex");
        *text = qn_json_string(&j);
    }
    QN_TRY(qn_json_end(&j, err));
    QN_FAIL_IF(n != 1 || text->n_bytes == 0, err, QN_EFORMAT, "a pattern without its text");
    return qn_json_part_copy(r, text, err);
}

/* Normalizers. */

static qn_status add_normal(qn_json_reading *r, qn_normal step, qn_error *err)
{
    QN_FAIL_IF(r->rules->n_normals == QN_RULES_STEPS, err, QN_ELIMIT,
               "more than %d steps of normalization", QN_RULES_STEPS);
    r->rules->normals[r->rules->n_normals++] = step;
    return QN_OK;
}

static qn_status add_kind(qn_json_reading *r, qn_normal_kind kind, qn_error *err)
{
    return add_normal(r, (qn_normal){.kind = kind}, err);
}

static qn_status read_replace(qn_json_reading *r, qn_json_part *part, qn_error *err)
{
    qn_normal step = {.kind = QN_REPLACE};
    bool is_regex = false;
    QN_TRY(qn_json_part_pattern(r, part->pattern, &step.pattern, &is_regex, err));
    step.content = part->content;
    QN_TRY(qn_json_part_copy(r, &step.content, err));
    QN_TRY(add_normal(r, step, err));
    qn_normal *own = &r->rules->normals[r->rules->n_normals - 1];
    if (!is_regex)
        return QN_OK;
    own->kind = QN_REPLACE_ALL;
    return qn_regex_compile(&own->regex, own->pattern, err);
}

static qn_status read_charsmap(qn_json_reading *r, qn_str text, qn_error *err)
{
    qn_normal step = {.kind = QN_CHARSMAP};
    if (text.n_bytes == 0)
        return QN_OK;
    uint8_t *bytes = qn_region_take(&r->rules->memory, text.n_bytes, 1);
    if (!bytes)
        return qn_region_fail(&r->rules->memory, "the precompiled character map", err);
    size_t n = qn_base64_decode(bytes, text);
    QN_FAIL_IF(n == SIZE_MAX, err, QN_EFORMAT, "the precompiled character map is not base64");
    QN_TRY(qn_charsmap_read(&step.map, n, bytes, err));
    return add_normal(r, step, err);
}

static qn_status read_bert(qn_json_reading *r, const qn_json_part *part, qn_error *err)
{
    bool strips = part->says_strip_accents ? part->strip_accents : part->lowercase;
    if (part->clean_text)
        QN_TRY(add_kind(r, QN_CLEAN, err));
    if (part->handle_chinese_chars)
        QN_TRY(add_kind(r, QN_SPACE_HAN, err));
    if (strips) {
        QN_TRY(add_kind(r, QN_NFD, err));
        QN_TRY(add_kind(r, QN_STRIP_MN, err));
    }
    return part->lowercase ? add_kind(r, QN_LOWERCASE, err) : QN_OK;
}

static const struct {
    const char *type;
    qn_normal_kind kind;
} plain_normals[] = {{"NFC", QN_NFC},
                     {"NFD", QN_NFD},
                     {"NFKC", QN_NFKC},
                     {"NFKD", QN_NFKD},
                     {"Lowercase", QN_LOWERCASE},
                     {"StripAccents", QN_STRIP_ACCENTS},
                     {"Nmt", QN_NMT}};

static qn_status read_normalizer(qn_json_reading *r, qn_str text, size_t depth, qn_error *err)
{
    qn_json_part part;
    QN_TRY(qn_json_part_read(r, text, &part, err));
    QN_FAIL_IF(r->maps_bytes, err, QN_EUNSUPPORTED, "a normalizer behind ByteLevel");
    for (size_t i = 0; i < QN_COUNT(plain_normals); i++)
        if (qn_str_is(part.type, plain_normals[i].type))
            return add_kind(r, plain_normals[i].kind, err);
    if (qn_str_is(part.type, "Sequence"))
        return qn_json_part_list(r, part.normalizers, depth, read_normalizer, err);
    if (qn_str_is(part.type, "Replace"))
        return read_replace(r, &part, err);
    if (qn_str_is(part.type, "Precompiled"))
        return read_charsmap(r, part.charsmap, err);
    if (qn_str_is(part.type, "BertNormalizer"))
        return read_bert(r, &part, err);
    if (qn_str_is(part.type, "Strip")) {
        unsigned sides =
            (part.strip_left ? QN_AT_LEFT : 0u) | (part.strip_right ? QN_AT_RIGHT : 0u);
        return add_normal(r, (qn_normal){.kind = QN_STRIP_ENDS, .flags = sides}, err);
    }
    if (qn_str_is(part.type, "Prepend")) {
        QN_TRY(qn_json_part_copy(r, &part.prepend, err));
        return add_normal(r, (qn_normal){.kind = QN_PREPEND, .content = part.prepend}, err);
    }
    if (!qn_str_is(part.type, "ByteLevel"))
        return qn_json_part_unsupported("normalizer", part.type, err);
    r->maps_bytes = true;
    return QN_OK;
}

/* Pre-tokenizers. */

static qn_status add_cut(qn_json_reading *r, qn_cut_step step, qn_error *err)
{
    QN_FAIL_IF(r->rules->n_cuts == QN_RULES_STEPS, err, QN_ELIMIT, "more than %d steps of cutting",
               QN_RULES_STEPS);
    r->rules->cuts[r->rules->n_cuts++] = step;
    return QN_OK;
}

static qn_status read_behavior(qn_str text, qn_cut_behavior usual, qn_cut_behavior *behavior,
                               qn_error *err)
{
    static const char *const names[] = {
        [QN_CUT_ISOLATED] = "Isolated",
        [QN_CUT_REMOVED] = "Removed",
        [QN_CUT_WITH_PREVIOUS] = "MergedWithPrevious",
        [QN_CUT_WITH_NEXT] = "MergedWithNext",
        [QN_CUT_CONTIGUOUS] = "Contiguous",
    };
    *behavior = usual;
    if (!text.bytes)
        return QN_OK;
    for (size_t i = 0; i < QN_COUNT(names); i++) {
        if (qn_str_is(text, names[i])) {
            *behavior = (qn_cut_behavior)i;
            return QN_OK;
        }
    }
    return qn_json_part_unsupported("the behavior", text, err);
}

/* The scanners of a known pattern; false where they say less than the step wants to know. */
static qn_status add_known(qn_json_reading *r, const qn_pattern *known, qn_cut_step step,
                           bool *added, qn_error *err)
{
    bool kept = step.inverted && step.behavior == QN_CUT_REMOVED; /* what matches is */
    if (kept && known->kind == QN_PATTERN_ALL)
        step.inverted = false, step.behavior = QN_CUT_ISOLATED;
    *added = known->kind != QN_PATTERN_CUTS || step.behavior == QN_CUT_ISOLATED;
    step.kind = QN_CUT_SCAN;
    for (size_t i = 0; *added && known->stages[i]; i++) {
        step.scan = known->stages[i];
        QN_TRY(add_cut(r, step, err));
    }
    return QN_OK;
}

static qn_status read_split(qn_json_reading *r, const qn_json_part *part, qn_error *err)
{
    qn_cut_step step = {.kind = QN_CUT_TEXT, .inverted = part->invert};
    bool is_regex = false, added = false;
    QN_TRY(read_behavior(part->behavior, QN_CUT_ISOLATED, &step.behavior, err));
    QN_TRY(qn_json_part_pattern(r, part->pattern, &step.text, &is_regex, err));
    const qn_pattern *known = is_regex ? qn_pattern_known(step.text) : NULL;
    if (known)
        QN_TRY(add_known(r, known, step, &added, err));
    if (added)
        return QN_OK;
    QN_TRY(add_cut(r, step, err));
    if (!is_regex)
        return QN_OK;
    r->rules->cuts[r->rules->n_cuts - 1].kind = QN_CUT_REGEX;
    return qn_regex_compile(&r->rules->cuts[r->rules->n_cuts - 1].regex, step.text, err);
}

static qn_status read_metaspace(qn_json_reading *r, const qn_json_part *part, qn_error *err)
{
    unsigned flags = part->split ? QN_MARKS_SPLIT : 0;
    qn_str scheme = part->prepend_scheme;
    QN_FAIL_IF(!qn_str_is(part->replacement, QN_MARK), err, QN_EUNSUPPORTED,
               "Metaspace with another character than U+2581 is not supported");
    if (!part->add_prefix_space || (scheme.bytes && qn_str_is(scheme, "never")))
        flags |= 0;
    else if (!scheme.bytes || qn_str_is(scheme, "always"))
        flags |= QN_MARKS_ALWAYS;
    else if (qn_str_is(scheme, "first"))
        flags |= QN_MARKS_FIRST;
    else
        return qn_json_part_unsupported("the prepend_scheme", scheme, err);
    return add_cut(r, (qn_cut_step){.kind = QN_CUT_MARKS, .flags = flags}, err);
}

static qn_status read_byte_level(qn_json_reading *r, const qn_json_part *part, qn_error *err)
{
    if (part->add_prefix_space)
        QN_TRY(add_cut(r, (qn_cut_step){.kind = QN_CUT_SPACE}, err));
    if (part->use_regex)
        QN_TRY(add_cut(r, (qn_cut_step){.kind = QN_CUT_SCAN, .scan = qn_cut_gpt2}, err));
    r->rules->byte_level = true;
    return add_cut(r, (qn_cut_step){.kind = QN_CUT_BYTES}, err);
}

static qn_status add_class(qn_json_reading *r, qn_cut_class class, qn_cut_behavior behavior,
                           qn_error *err)
{
    return add_cut(r, (qn_cut_step){.kind = QN_CUT_CLASS, .flags = class, .behavior = behavior},
                   err);
}

static qn_status read_small_cut(qn_json_reading *r, qn_json_part *part, qn_error *err)
{
    if (qn_str_is(part->type, "Digits") && part->individual_digits)
        return add_cut(r, (qn_cut_step){.kind = QN_CUT_SCAN, .scan = qn_cut_digit}, err);
    if (qn_str_is(part->type, "UnicodeScripts"))
        return add_cut(r,
                       (qn_cut_step){.kind = QN_CUT_SCAN,
                                     .scan = qn_cut_script,
                                     .behavior = QN_CUT_REMOVED,
                                     .inverted = true},
                       err);
    if (qn_str_is(part->type, "Digits"))
        return add_class(r, QN_CLASS_NUMBER, QN_CUT_CONTIGUOUS, err);
    if (qn_str_is(part->type, "WhitespaceSplit"))
        return add_class(r, QN_CLASS_SPACE, QN_CUT_REMOVED, err);
    if (qn_str_is(part->type, "Whitespace"))
        return add_cut(r,
                       (qn_cut_step){.kind = QN_CUT_SCAN,
                                     .scan = qn_cut_word,
                                     .behavior = QN_CUT_REMOVED,
                                     .inverted = true},
                       err);
    if (qn_str_is(part->type, "BertPreTokenizer")) {
        QN_TRY(add_class(r, QN_CLASS_SPACE, QN_CUT_REMOVED, err));
        return add_class(r, QN_CLASS_PUNCTUATION, QN_CUT_ISOLATED, err);
    }
    if (qn_str_is(part->type, "FixedLength"))
        return add_cut(r, (qn_cut_step){.kind = QN_CUT_FIXED, .flags = (unsigned)part->length},
                       err);
    if (qn_str_is(part->type, "CharDelimiterSplit") && part->delimiter.n_bytes) {
        QN_TRY(qn_json_part_copy(r, &part->delimiter, err));
        return add_cut(
            r,
            (qn_cut_step){.kind = QN_CUT_TEXT, .text = part->delimiter, .behavior = QN_CUT_REMOVED},
            err);
    }
    return qn_json_part_unsupported("pre-tokenizer", part->type, err);
}

static qn_status read_pre_tokenizer(qn_json_reading *r, qn_str text, size_t depth, qn_error *err)
{
    qn_json_part part;
    qn_cut_behavior behavior;
    QN_TRY(qn_json_part_read(r, text, &part, err));
    if (qn_str_is(part.type, "Sequence"))
        return qn_json_part_list(r, part.pretokenizers, depth, read_pre_tokenizer, err);
    if (qn_str_is(part.type, "Split"))
        return read_split(r, &part, err);
    if (qn_str_is(part.type, "ByteLevel"))
        return read_byte_level(r, &part, err);
    if (qn_str_is(part.type, "Metaspace"))
        return read_metaspace(r, &part, err);
    if (!qn_str_is(part.type, "Punctuation"))
        return read_small_cut(r, &part, err);
    QN_TRY(read_behavior(part.behavior, QN_CUT_ISOLATED, &behavior, err));
    return add_class(r, QN_CLASS_PUNCTUATION, behavior, err);
}

/* Post-processors: ids before and behind. */

static qn_status add_around(qn_json_reading *r, bool before, size_t n, const uint32_t *ids,
                            qn_error *err)
{
    qn_rules *x = r->rules;
    uint32_t *list = before ? x->before : x->after;
    size_t *n_list = before ? &x->n_before : &x->n_after;
    QN_FAIL_IF(n > QN_RULES_AROUND - *n_list, err, QN_ELIMIT,
               "more than %d tokens are put around a text", QN_RULES_AROUND);
    if (before) /* a later processor stands further out */
        memmove(list + n, list, *n_list * sizeof *list);
    memcpy(before ? list : list + *n_list, ids, n * sizeof *ids);
    *n_list += n;
    return QN_OK;
}

/* Appends the ids that special_tokens lists for a name. */
static qn_status find_special(qn_json_reading *r, qn_str specials, qn_str name, size_t *n,
                              uint32_t ids[QN_RULES_AROUND], qn_error *err)
{
    qn_json j;
    qn_str key, field;
    bool found = false;
    QN_FAIL_IF(!specials.bytes, err, QN_EFORMAT, "a template without its special_tokens");
    qn_json_init_raw(&j, r->document, specials);
    for (qn_json_enter(&j, QN_JSON_OBJECT); qn_json_next_key(&j, &key);) {
        if (!qn_str_equal(key, name))
            continue;
        found = true;
        for (qn_json_enter(&j, QN_JSON_OBJECT); qn_json_next_key(&j, &field);) {
            if (!qn_str_is(field, "ids"))
                continue;
            for (qn_json_enter(&j, QN_JSON_ARRAY); qn_json_next(&j);) {
                int64_t id = qn_json_i64(&j);
                QN_FAIL_IF(*n == QN_RULES_AROUND || id < 0 || id >= UINT32_MAX, err, QN_ELIMIT,
                           "a template puts too many tokens around a text");
                ids[(*n)++] = (uint32_t)id;
            }
        }
    }
    QN_TRY(qn_json_end(&j, err));
    char shown[QN_SHOWN];
    QN_FAIL_IF(!found, err, QN_EFORMAT, "the template's token %s is not in its special_tokens",
               qn_str_show(shown, name));
    return QN_OK;
}

/* One element of a template's single: {"SpecialToken": {"id"}} or {"Sequence": {"id": "A"}}. */
static qn_status read_place(qn_json *j, bool *is_text, qn_str *name, qn_error *err)
{
    qn_str key, field;
    *name = (qn_str){0};
    for (qn_json_enter(j, QN_JSON_OBJECT); qn_json_next_key(j, &key);) {
        *is_text = qn_str_is(key, "Sequence");
        for (qn_json_enter(j, QN_JSON_OBJECT); qn_json_next_key(j, &field);)
            if (qn_str_is(field, "id"))
                *name = qn_json_string(j);
    }
    QN_TRY(qn_json_check(j, err));
    QN_FAIL_IF(!name->bytes, err, QN_EFORMAT, "an element of a template without its id");
    return QN_OK;
}

static qn_status read_template(qn_json_reading *r, const qn_json_part *part, qn_error *err)
{
    uint32_t ids[2][QN_RULES_AROUND];
    size_t n[2] = {0}, n_texts = 0;
    qn_json j;
    QN_FAIL_IF(!part->single.bytes, err, QN_EFORMAT, "a template without its list \"single\"");
    qn_json_init_raw(&j, r->document, part->single);
    for (qn_json_enter(&j, QN_JSON_ARRAY); qn_json_next(&j);) {
        bool is_text = false;
        qn_str name;
        QN_TRY(read_place(&j, &is_text, &name, err));
        size_t k = n_texts > 0;
        n_texts += is_text;
        if (!is_text)
            QN_TRY(find_special(r, part->special_tokens, name, &n[k], ids[k], err));
    }
    QN_TRY(qn_json_end(&j, err));
    QN_FAIL_IF(n_texts != 1, err, QN_EUNSUPPORTED, "a template with %zu places for the text",
               n_texts);
    QN_TRY(add_around(r, true, n[0], ids[0], err));
    return add_around(r, false, n[1], ids[1], err);
}

/* ["name", id] */
static qn_status read_named_id(qn_json_reading *r, qn_str raw, uint32_t *id, qn_error *err)
{
    qn_json j;
    int64_t value = -1;
    qn_json_init_raw(&j, r->document, raw);
    qn_json_enter(&j, QN_JSON_ARRAY);
    for (size_t i = 0; qn_json_next(&j); i++)
        if (i == 1)
            value = qn_json_i64(&j);
    QN_TRY(qn_json_end(&j, err));
    QN_FAIL_IF(value < 0 || value >= UINT32_MAX, err, QN_EFORMAT,
               "a post-processor's token without its id");
    *id = (uint32_t)value;
    return QN_OK;
}

static qn_status read_post_processor(qn_json_reading *r, qn_str text, size_t depth, qn_error *err)
{
    qn_json_part part;
    uint32_t cls, sep;
    QN_TRY(qn_json_part_read(r, text, &part, err));
    if (qn_str_is(part.type, "ByteLevel")) /* about offsets alone */
        return QN_OK;
    if (qn_str_is(part.type, "Sequence"))
        return qn_json_part_list(r, part.processors, depth, read_post_processor, err);
    if (qn_str_is(part.type, "TemplateProcessing"))
        return read_template(r, &part, err);
    if (!qn_str_is(part.type, "RobertaProcessing") && !qn_str_is(part.type, "BertProcessing"))
        return qn_json_part_unsupported("post-processor", part.type, err);
    QN_FAIL_IF(!part.cls.bytes || !part.sep.bytes, err, QN_EFORMAT,
               "a post-processor without cls and sep");
    QN_TRY(read_named_id(r, part.cls, &cls, err));
    QN_TRY(read_named_id(r, part.sep, &sep, err));
    QN_TRY(add_around(r, true, 1, &cls, err));
    return add_around(r, false, 1, &sep, err);
}

/* The whole. */

static qn_status read_named(qn_json_reading *r, qn_str text, const char *name,
                            qn_json_part_each *read, qn_error *err)
{
    if (!text.bytes || qn_str_is(text, "null"))
        return QN_OK;
    return read(r, text, 0, err) == QN_OK ? QN_OK : qn_fail_in(err, name);
}

qn_status qn_json_normalizer(qn_json_reading *r, qn_str text, qn_error *err)
{
    return read_named(r, text, "normalizer", read_normalizer, err);
}

qn_status qn_json_pre_tokenizer(qn_json_reading *r, qn_str text, qn_error *err)
{
    return read_named(r, text, "pre_tokenizer", read_pre_tokenizer, err);
}

qn_status qn_json_post_processor(qn_json_reading *r, qn_str text, qn_error *err)
{
    return read_named(r, text, "post_processor", read_post_processor, err);
}

qn_status qn_json_decoder(qn_json_reading *r, qn_str text, qn_error *err)
{
    return read_named(r, text, "decoder", qn_json_decoder_part, err);
}

static bool replaces_spaces(const qn_normal *x)
{
    return x->kind == QN_REPLACE && qn_str_is(x->pattern, " ") && qn_str_is(x->content, QN_MARK);
}

static bool prepends_mark(const qn_normal *x)
{
    return x->kind == QN_PREPEND && qn_str_is(x->content, QN_MARK);
}

/* A normalizer that spells spaces as marks, behind which only marks are put before the text. */
static bool find_marking(const qn_rules *x, size_t *at)
{
    size_t i = x->n_normals;
    while (i && prepends_mark(&x->normals[i - 1]))
        i--;
    if (i == 0 || !replaces_spaces(&x->normals[i - 1]))
        return false;
    *at = i - 1;
    return true;
}

/* The normalizer's marks become spaces; the usual two shapes are what the model does by itself. */
static void settle_marks(qn_json_reading *r, size_t at)
{
    qn_rules *x = r->rules;
    x->has_marks = true;
    for (size_t i = at + 1; i < x->n_normals; i++)
        x->normals[i].content = qn_str_of(" ");
    x->normals[at] = (qn_normal){.kind = QN_MARKS};
    if (x->n_cuts == 1 && x->cuts[0].kind == QN_CUT_TEXT && qn_str_is(x->cuts[0].text, " "))
        x->n_cuts = 0; /* there are no spaces left to cut at */
    bool prefix = x->n_normals == 2 && at == 1 && prepends_mark(&x->normals[0]);
    if (x->n_cuts || (x->n_normals != 1 && !prefix))
        return;
    r->add_space_prefix = prefix;
    x->n_normals = 0;
}

/* Where all cuts are scanners, the model runs them one within the other. */
static void settle_stages(qn_rules *x)
{
    size_t n = 0;
    for (; n < x->n_cuts; n++)
        if (x->cuts[n].kind != QN_CUT_SCAN || x->cuts[n].behavior != QN_CUT_ISOLATED ||
            x->cuts[n].inverted || n == QN_CUT_STAGES)
            return;
    for (size_t i = 0; i < n; i++)
        x->stages[i] = x->cuts[i].scan;
    x->n_stages = n;
}

qn_status qn_json_settle(qn_json_reading *r, qn_error *err)
{
    qn_rules *x = r->rules;
    size_t at, n_marks = 0;
    x->byte_level |= r->maps_bytes;
    if (x->n_cuts && x->cuts[x->n_cuts - 1].kind == QN_CUT_BYTES)
        x->n_cuts--; /* the model reads bytes anyway */
    QN_FAIL_IF(r->maps_bytes && x->n_cuts, err, QN_EUNSUPPORTED,
               "a pre-tokenizer behind the normalizer ByteLevel is not supported");
    if (find_marking(x, &at))
        settle_marks(r, at);
    for (size_t i = 0; i < x->n_cuts; i++) {
        QN_FAIL_IF(n_marks || (x->has_marks && x->cuts[i].kind != QN_CUT_MARKS), err,
                   QN_EUNSUPPORTED, "a pre-tokenizer that cuts marked spaces is not supported");
        n_marks += x->cuts[i].kind == QN_CUT_MARKS;
    }
    x->has_marks |= n_marks > 0;
    QN_FAIL_IF(x->has_marks && x->byte_level, err, QN_EUNSUPPORTED,
               "marked spaces in a byte-level vocabulary are not supported");
    QN_FAIL_IF(x->has_marks != r->unmarks, err, QN_EUNSUPPORTED,
               "spaces are marked by U+2581 in only one of encoding and decoding");
    QN_FAIL_IF(x->byte_level != r->joins_bytes, err, QN_EUNSUPPORTED,
               "bytes are spelled as characters in only one of encoding and decoding");
    if (!r->has_decoder)
        x->joining = QN_JOIN_SPACES;
    if (x->byte_level)
        settle_stages(x);
    return QN_OK;
}
