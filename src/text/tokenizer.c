/* text/tokenizer.c - building a tokenizer from its source; cutting a text at special tokens. */
#include "text/tokenizer.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "text/vocab.h"

static const qn_text_model *const models[] = {
#define X(name, model) &model,
#include "text/models.def"
#undef X
};

static const qn_text_model *model_named(qn_str name)
{
    for (size_t i = 0; i < QN_COUNT(models); i++)
        if (qn_str_is(name, models[i]->name))
            return models[i];
    return NULL;
}

void qn_ids_append(qn_ids *out, size_t n, const uint32_t *ids)
{
    if (out->failed || n == 0)
        return;
    if (out->n_capacity - out->n < n) {
        size_t wanted = out->n_capacity + out->n_capacity / 2 + n + 64;
        uint32_t *grown = qn_realloc(out->ids, wanted, sizeof *ids);
        if (!grown) {
            out->failed = true;
            return;
        }
        out->ids = grown, out->n_capacity = wanted;
    }
    memcpy(out->ids + out->n, ids, n * sizeof *ids);
    out->n += n;
}

void qn_ids_clear(qn_ids *out)
{
    out->n = 0, out->failed = false;
}

void qn_ids_release(qn_ids *out)
{
    qn_free(out->ids);
    *out = (qn_ids){0};
}

/* Texts that end a generation whatever the file says. Source: formats.md 3 (llama.cpp). */
static const char *const end_names[] = {
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<\uFF5Cend\u2581of\u2581sentence\uFF5C>", /* full-width bars, U+2581 */
};

static void add_end(qn_tokenizer_info *info, uint32_t id)
{
    size_t at = 0;
    while (at < info->n_eog && info->eog[at] < id)
        at++;
    if (id == QN_NO_TOKEN || (at < info->n_eog && info->eog[at] == id) ||
        info->n_eog == QN_VOCAB_MAX_EOG)
        return;
    memmove(&info->eog[at + 1], &info->eog[at], (info->n_eog - at) * sizeof info->eog[0]);
    info->eog[at] = id;
    info->n_eog++;
}

static uint32_t control_named(const qn_tokenizer *t, const char *name)
{
    uint32_t id = qn_token_named(t, strlen(name), name);
    qn_token_kind kind = qn_token_kind_of(t, id);
    return kind == QN_TOKEN_CONTROL || kind == QN_TOKEN_USER ? id : QN_NO_TOKEN;
}

/* In a harmony vocabulary <|end|> closes a message, not the turn. */
static void find_ends(qn_tokenizer *t, const qn_vocab_source *source)
{
    bool harmony = control_named(t, "<|return|>") != QN_NO_TOKEN &&
                   control_named(t, "<|call|>") != QN_NO_TOKEN;
    add_end(&t->info, t->info.eos);
    for (size_t i = 0; i < source->n_eog; i++)
        add_end(&t->info, source->eog[i]);
    for (size_t i = 0; i < QN_COUNT(end_names); i++)
        if (!harmony || strcmp(end_names[i], "<|end|>") != 0)
            add_end(&t->info, control_named(t, end_names[i]));
}

static qn_status check_lists(const qn_vocab_source *source, qn_error *err)
{
    const qn_texts *tokens = &source->tokens, *merges = &source->merges;
    QN_FAIL_IF(tokens->n == 0, err, QN_EFORMAT, "the vocabulary has no tokens");
    QN_FAIL_IF(tokens->n > qn_tokenizer_max.n_tokens, err, QN_ELIMIT,
               "%zu tokens, the limit is %zu", tokens->n, qn_tokenizer_max.n_tokens);
    QN_FAIL_IF(merges->n > qn_tokenizer_max.n_merges, err, QN_ELIMIT,
               "%zu merges, the limit is %zu", merges->n, qn_tokenizer_max.n_merges);
    QN_FAIL_IF(tokens->n_bytes / 8 < tokens->n || merges->n_bytes / 8 < merges->n, err, QN_EFORMAT,
               "the lists of tokens and merges are shorter than their counts");
    QN_FAIL_IF(tokens->n_bytes > UINT32_MAX, err, QN_ELIMIT, "%zu bytes of tokens, the limit is %u",
               tokens->n_bytes, UINT32_MAX);
    QN_FAIL_IF(source->n_eog > QN_VOCAB_MAX_EOG, err, QN_ELIMIT,
               "%zu tokens that end a generation, the limit is %d", source->n_eog,
               QN_VOCAB_MAX_EOG);
    return QN_OK;
}

static qn_status check_id(const char *name, uint32_t id, uint32_t n_tokens, qn_error *err)
{
    QN_FAIL_IF(id != QN_NO_TOKEN && id >= n_tokens, err, QN_EFORMAT,
               "the %s token is %u, but there are %u tokens", name, id, n_tokens);
    return QN_OK;
}

/* Where the file states none, the model's usual id, if there is such a token. */
static uint32_t stated(uint32_t id, uint32_t usual, uint32_t n_tokens)
{
    return id != QN_NO_TOKEN ? id : usual < n_tokens ? usual : QN_NO_TOKEN;
}

/* Converters write "default", or nothing, where they did not know the model's own pattern. */
static qn_status check_pre(const qn_vocab_source *source, const qn_pretokenizer *pre, qn_error *err)
{
    char shown[QN_SHOWN];
    bool unsaid = !source->pre.n_bytes || qn_str_is(source->pre, "default");
    QN_FAIL_IF(
        !pre && unsaid, err, QN_EUNSUPPORTED,
        "the file does not say how a text is cut (pre-tokenizer %s); convert the model again",
        source->pre.n_bytes ? "default" : "(none named)");
    QN_FAIL_IF(!pre, err, QN_EUNSUPPORTED, "pre-tokenizer %s is not supported",
               qn_str_show(shown, source->pre));
    return QN_OK;
}

static qn_status choose(qn_tokenizer *t, const qn_vocab_source *source, qn_error *err)
{
    char shown[QN_SHOWN];
    const qn_text_model *m = model_named(source->model);
    QN_FAIL_IF(!m, err, QN_EUNSUPPORTED, "tokenizer model %s is not supported",
               qn_str_show(shown, source->model));
    const qn_pretokenizer *pre = m->needs_pre ? qn_pretokenizer_named(source->pre) : NULL;
    if (m->needs_pre && !source->rules)
        QN_TRY(check_pre(source, pre, err));
    QN_FAIL_IF(m->needs_scores && !source->scores && !(m->takes_merges && t->hf), err, QN_EFORMAT,
               "a tokenizer of model \"%s\" needs scores", m->name);
    QN_TRY(check_lists(source, err));
    uint32_t n = (uint32_t)source->tokens.n;
    bool guess = !t->hf;
    t->model = m, t->pre = pre;
    t->ignore_merges = guess ? m->has_ranks || (pre && pre->ignore_merges) : t->hf->ignore_merges;
    t->drops_bytes = guess ? m->drops_bytes : source->unk == QN_NO_TOKEN;
    t->info = (qn_tokenizer_info){
        .n_tokens = n,
        .bos = guess ? stated(source->bos, m->bos, n) : source->bos,
        .eos = guess ? stated(source->eos, m->eos, n) : source->eos,
        .unk = guess ? stated(source->unk, m->unk, n) : source->unk,
        .pad = source->pad,
        .add_bos = source->add_bos < 0 ? m->add_bos || (pre && pre->add_bos) : source->add_bos > 0,
        .add_eos = source->add_eos < 0 ? m->add_eos : source->add_eos > 0,
        .add_space_prefix =
            source->add_space_prefix < 0 ? m->add_space_prefix : source->add_space_prefix > 0,
        .model = m->name,
        .pre = pre ? pre->name : "",
    };
    QN_TRY(check_id("bos", source->bos, n, err));
    QN_TRY(check_id("eos", source->eos, n, err));
    QN_TRY(check_id("unknown", source->unk, n, err));
    QN_TRY(check_id("padding", source->pad, n, err));
    for (size_t i = 0; i < source->n_eog; i++)
        QN_TRY(check_id("end-of-generation", source->eog[i], n, err));
    return QN_OK;
}

/* The rules' scanners as a pre-tokenizer of this tokenizer alone. */
static void take_stages(qn_tokenizer *t)
{
    if (!t->rules || t->pre)
        return;
    t->own_pre = (qn_pretokenizer){.name = ""};
    for (size_t i = 0; i < t->rules->n_stages; i++)
        t->own_pre.stages[i] = t->rules->stages[i];
    t->pre = &t->own_pre;
}

/* What GGUF leaves unsaid about a pre-tokenizer. */
static qn_status add_nfc(qn_tokenizer *t, qn_error *err)
{
    if (t->rules || !t->pre || !t->pre->nfc)
        return QN_OK;
    t->rules = qn_rules_new();
    QN_FAIL_IF(!t->rules, err, QN_ENOMEM, "no memory for a tokenizer");
    t->rules->normals[t->rules->n_normals++].kind = QN_NFC;
    return QN_OK;
}

static qn_status build(qn_tokenizer *t, const qn_vocab_source *source, qn_error *err)
{
    qn_arena sum = {.counts_only = true};
    t->rules = source->rules;
    t->hf = t->rules && t->rules->is_hf ? t->rules : NULL;
    QN_TRY(choose(t, source, err));
    take_stages(t);
    QN_TRY(add_nfc(t, err));
    QN_FAIL_IF(!qn_vocab_lay_out(t, &sum, source), err, QN_ELIMIT,
               "the tables of %zu tokens exceed the address space", source->tokens.n);
    QN_TRY(qn_arena_init(&t->arena, sum.n_used, err));
    qn_arena_prefer_large_pages(&t->arena);
    (void)qn_vocab_lay_out(t, &t->arena, source);
    QN_TRY(qn_vocab_build(t, source, err));
    QN_TRY(t->model->build(t, source, err));
    find_ends(t, source);
    QN_TRY(qn_shown_build(t, err));
    for (size_t b = 0; b < 256; b++)
        t->info.n_unspelled += t->byte_id[b] == QN_NO_TOKEN && t->symbol_id[b] == QN_NO_TOKEN;
    return QN_OK;
}

qn_status qn_tokenizer_from_source(qn_tokenizer **out, const qn_vocab_source *source, qn_error *err)
{
    *out = NULL;
    qn_tokenizer *t = qn_alloc_zeroed(1, sizeof *t);
    if (!t) {
        qn_rules_release(source->rules);
        return qn_fail(err, QN_ENOMEM, "no memory for a tokenizer");
    }
    qn_status st = build(t, source, err);
    if (st == QN_OK)
        *out = t;
    else
        qn_tokenizer_release(t);
    return st;
}

void qn_tokenizer_release(qn_tokenizer *t)
{
    if (!t)
        return;
    qn_rules_release(t->rules);
    qn_trie_release(&t->trie);
    qn_arena_release(&t->arena);
    qn_free(t);
}

const qn_tokenizer_info *qn_tokenizer_about(const qn_tokenizer *t)
{
    return &t->info;
}

size_t qn_tokenizer_n_bytes(const qn_tokenizer *t)
{
    return sizeof *t + t->arena.n_bytes + t->trie.arena.n_bytes +
           (t->rules ? qn_rules_n_bytes(t->rules) : 0);
}

static bool lay_out_scratch(qn_tokenizer_scratch *s, qn_arena *a)
{
    QN_TAKE(a, s->words, QN_N_WORDS);
    return !a->failed;
}

size_t qn_tokenizer_scratch_n_bytes(void)
{
    qn_tokenizer_scratch s = {0};
    qn_arena sum = {.counts_only = true};
    (void)lay_out_scratch(&s, &sum);
    return sizeof s + sum.n_used;
}

qn_status qn_tokenizer_scratch_open(qn_tokenizer_scratch **out, const qn_tokenizer *t,
                                    qn_error *err)
{
    *out = NULL;
    qn_tokenizer_scratch *s = qn_alloc_zeroed(1, sizeof *s);
    QN_FAIL_IF(!s, err, QN_ENOMEM, "no memory to tokenize with");
    s->t = t;
    qn_status st = qn_arena_init(&s->arena, qn_tokenizer_scratch_n_bytes() - sizeof *s, err);
    if (st != QN_OK) {
        qn_tokenizer_scratch_close(s);
        return st;
    }
    (void)lay_out_scratch(s, &s->arena);
    *out = s;
    return QN_OK;
}

void qn_tokenizer_scratch_close(qn_tokenizer_scratch *s)
{
    if (!s)
        return;
    qn_arena_release(&s->arena);
    qn_free(s->symbols);
    qn_free(s->heap);
    qn_free(s->joined);
    qn_free(s->spaced);
    qn_free(s->nodes);
    qn_rules_scratch_release(&s->rules);
    qn_free(s);
}

const uint8_t *qn_token_bytes(const qn_tokenizer *t, uint32_t id, size_t *n_bytes)
{
    bool exists = id < t->info.n_tokens;
    if (exists && t->shown) {
        *n_bytes = t->shown[id].n_bytes;
        return (const uint8_t *)t->shown[id].bytes;
    }
    if (exists && t->strips[id] & QN_TOKEN_NORMALIZED) { /* shown as it is found */
        qn_str name = qn_token_name(t, id);
        *n_bytes = name.n_bytes;
        return (const uint8_t *)name.bytes;
    }
    *n_bytes = exists ? t->start[id + 1] - t->start[id] : 0;
    return exists ? t->bytes + t->start[id] : NULL;
}

qn_token_kind qn_token_kind_of(const qn_tokenizer *t, uint32_t id)
{
    return id < t->info.n_tokens ? (qn_token_kind)t->kinds[id] : QN_TOKEN_UNUSED;
}

bool qn_token_ends(const qn_tokenizer *t, uint32_t id)
{
    for (size_t i = 0; i < t->info.n_eog; i++)
        if (t->info.eog[i] == id)
            return true;
    return false;
}

uint32_t qn_token_named(const qn_tokenizer *t, size_t n_bytes, const void *text)
{
    const uint8_t *p = text;
    if (n_bytes == 0)
        return QN_NO_TOKEN;
    for (size_t i = 0; i < QN_COUNT(t->sets); i++) {
        size_t n_found;
        uint32_t id = qn_special_find(t, &t->sets[i], p, p + n_bytes, p + n_bytes, &n_found);
        if (id != QN_NO_TOKEN && n_found == n_bytes)
            return id;
    }
    return qn_vocab_find(t, n_bytes, p);
}

/* A text being cut: parts joined, and how far from here control tokens may reach. */
typedef struct cutter {
    const qn_tokenizer *t;
    qn_tokenizer_scratch *s;
    const qn_special_set *set;           /* the tokens that are looked for */
    const uint8_t *text, *end, *trusted; /* trusted: the end of the trusted parts at the cursor */
    size_t n_parts, part;
    const qn_text_part *parts;
    const uint8_t *part_end;
} cutter;

/* Moves the part that p lies in, and the end of the trusted parts that begin with it. */
static void trust(cutter *c, const uint8_t *p)
{
    while (c->part < c->n_parts && p >= c->part_end) {
        c->part++;
        if (c->part < c->n_parts)
            c->part_end += c->parts[c->part].n_bytes;
    }
    if (p < c->trusted || c->part == c->n_parts)
        return;
    c->trusted = p;
    const uint8_t *end = c->part_end;
    for (size_t i = c->part; i < c->n_parts && c->parts[i].parse_special;) {
        c->trusted = end;
        end += ++i < c->n_parts ? c->parts[i].n_bytes : 0;
    }
}

/* Whether a letter or digit touches the n bytes at p. */
static bool touches_word(const cutter *c, const uint8_t *p, size_t n)
{
    if (p + n < c->end && qn_char_is_word(qn_char_at(p + n, c->end)))
        return true;
    if (p == c->text)
        return false;
    const uint8_t *before = p - 1;
    while (before > c->text && p - before < 4 && (*before & 0xC0) == 0x80)
        before--;
    return qn_char_is_word(qn_char_at(before, p));
}

/* The next special token of a set from p on: where it begins, or the end. */
static const uint8_t *next_special(cutter *c, const uint8_t *p, uint32_t *id, size_t *n_bytes)
{
    const qn_special_set *set = c->set;
    *id = QN_NO_TOKEN, *n_bytes = 0;
    for (; p < c->end; p++) {
        if (!set->first_of_any[*p])
            continue;
        trust(c, p);
        if (p >= c->trusted && !set->first_of_user[*p])
            continue;
        *id = qn_special_find(c->t, set, p, c->end, c->trusted, n_bytes);
        if (*id == QN_NO_TOKEN)
            continue;
        if (!(c->t->strips[*id] & QN_TOKEN_SINGLE_WORD) || !touches_word(c, p, *n_bytes))
            break;
        p += *n_bytes - 1; /* what it would have taken is not looked at again, as in the field */
        *id = QN_NO_TOKEN;
    }
    return p;
}

static const uint8_t *strip_right(const uint8_t *from, const uint8_t *to)
{
    const uint8_t *kept = from;
    for (const uint8_t *p = from; p < to;) {
        qn_char x = qn_char_at(p, to);
        p += x.n_bytes;
        if (!(x.class & QN_SPACE))
            kept = p;
    }
    return kept;
}

static const uint8_t *strip_left(const uint8_t *from, const uint8_t *to)
{
    while (from < to) {
        qn_char x = qn_char_at(from, to);
        if (!(x.class & QN_SPACE))
            break;
        from += x.n_bytes;
    }
    return from;
}

/* A stretch without special tokens, normalized. */
static qn_status encode_plain(const cutter *c, bool at_start, size_t n, const uint8_t *text,
                              qn_ids *out, qn_error *err)
{
    const qn_tokenizer *t = c->t;
    size_t n_pieces;
    c->s->at_start = at_start;
    if (!t->rules || t->rules->n_stages || !t->rules->n_cuts)
        return t->model->encode(t, c->s, n, text, out, err);
    QN_TRY(qn_cut_pieces(t->rules, &c->s->rules, at_start, &n, &text, &n_pieces, err));
    for (size_t i = 0; i < n_pieces; i++) {
        qn_piece x = c->s->rules.pieces[i];
        c->s->unknown = false;
        QN_TRY(t->model->piece(t, c->s, x.end - x.begin, text + x.begin, text + n, out, err));
    }
    return QN_OK;
}

static qn_status encode(cutter *c, bool at_start, qn_ids *out, qn_error *err);

/* Puts the normalized text where cutting does not write. */
static void set_aside(qn_rules_scratch *s, const uint8_t *text)
{
    qn_buf *holds = qn_rules_other(s, text) == &s->text[0] ? &s->text[1] : &s->text[0];
    qn_buf swap = s->kept;
    s->kept = *holds;
    *holds = swap;
}

/* A stretch between the special tokens of the text, as c was before it looked beyond: normalized,
 * and cut at the special tokens of that. Control tokens then need the whole stretch to be trusted
 * where normalizing has moved its bytes. */
static qn_status encode_stretch(const cutter *c, bool at_start, const uint8_t *p, size_t n,
                                qn_ids *out, qn_error *err)
{
    const qn_tokenizer *t = c->t;
    const uint8_t *text = p, *stop = p + n;
    if (t->rules)
        QN_TRY(qn_normalize(t->rules->n_normals, t->rules->normals, &c->s->rules, &n, &text, err));
    if (!n || !t->sets[1].n)
        return n ? encode_plain(c, at_start, n, text, out, err) : QN_OK;
    cutter inner = *c;
    inner.set = &t->sets[1], inner.text = text, inner.end = text + n;
    if (text < p || text + n > stop) { /* it lies elsewhere now */
        trust(&inner, p);
        inner.trusted = stop <= inner.trusted ? inner.end : text;
        inner.n_parts = inner.part = 0;
        set_aside(&c->s->rules, text);
    }
    return encode(&inner, at_start, out, err);
}

static qn_status encode(cutter *c, bool at_start, qn_ids *out, qn_error *err)
{
    for (const uint8_t *p = c->text; p < c->end;) {
        uint32_t id;
        size_t n_special;
        const cutter before = *c;
        const uint8_t *special = next_special(c, p, &id, &n_special), *stop = special;
        bool found = id != QN_NO_TOKEN, first = at_start && p == c->text;
        if (found && c->t->strips[id] & QN_TOKEN_LSTRIP)
            stop = strip_right(p, special);
        if (stop > p && c->set == &c->t->sets[0])
            QN_TRY(encode_stretch(&before, first, p, (size_t)(stop - p), out, err));
        else if (stop > p)
            QN_TRY(encode_plain(c, first, (size_t)(stop - p), p, out, err));
        if (!found)
            break;
        qn_ids_append(out, 1, &id);
        p = special + n_special;
        if (c->t->strips[id] & QN_TOKEN_RSTRIP)
            p = strip_left(p, c->end);
    }
    return QN_OK;
}

static void append_around(const qn_tokenizer *t, bool before, qn_ids *out)
{
    const qn_tokenizer_info *info = &t->info;
    bool listed = t->hf || (t->rules && t->rules->n_before + t->rules->n_after);
    if (listed && before)
        qn_ids_append(out, t->rules->n_before, t->rules->before);
    else if (listed)
        qn_ids_append(out, t->rules->n_after, t->rules->after);
    else if (before && info->add_bos && info->bos != QN_NO_TOKEN)
        qn_ids_append(out, 1, &info->bos);
    else if (!before && info->add_eos && info->eos != QN_NO_TOKEN)
        qn_ids_append(out, 1, &info->eos);
}

static qn_status encode_all(cutter *c, unsigned flags, qn_ids *out, qn_error *err)
{
    bool add = flags & QN_TOKENIZE_ADD_SPECIAL;
    if (add)
        append_around(c->t, true, out);
    QN_TRY(encode(c, true, out, err));
    if (add)
        append_around(c->t, false, out);
    QN_FAIL_IF(out->failed, err, QN_ENOMEM, "no memory for %zu token ids", out->n);
    return QN_OK;
}

static qn_status join(qn_tokenizer_scratch *s, size_t n_parts, const qn_text_part *parts,
                      size_t *n_bytes, qn_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < n_parts; i++)
        QN_FAIL_IF(!qn_add(n, parts[i].n_bytes, &n) || n > qn_tokenizer_max.n_text_bytes, err,
                   QN_ELIMIT, "the text has more than %zu bytes", qn_tokenizer_max.n_text_bytes);
    *n_bytes = n;
    if (n_parts < 2)
        return QN_OK;
    QN_TRY(qn_scratch_room((void **)&s->joined, &s->n_joined, n, 1, err));
    n = 0;
    for (size_t i = 0; i < n_parts; n += parts[i++].n_bytes)
        if (parts[i].n_bytes)
            memcpy(s->joined + n, parts[i].bytes, parts[i].n_bytes);
    return QN_OK;
}

qn_status qn_tokenize_parts(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n_parts,
                            const qn_text_part *parts, unsigned flags, qn_ids *out, qn_error *err)
{
    static const uint8_t nothing[1];
    size_t n_bytes = 0, n_before = out->n;
    QN_TRY(join(s, n_parts, parts, &n_bytes, err));
    const uint8_t *text = n_bytes == 0 ? nothing : n_parts > 1 ? s->joined : parts[0].bytes;
    cutter c = {.t = t,
                .s = s,
                .set = &t->sets[0],
                .text = text,
                .end = text + n_bytes,
                .trusted = text,
                .n_parts = n_parts,
                .parts = parts,
                .part_end = text + (n_parts ? parts[0].n_bytes : 0)};
    qn_status st = encode_all(&c, flags, out, err);
    if (st != QN_OK)
        out->n = n_before, out->failed = false;
    return st;
}

qn_status qn_tokenize(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n_bytes,
                      const void *text, unsigned flags, qn_ids *out, qn_error *err)
{
    qn_text_part part = {text, n_bytes, flags & QN_TOKENIZE_PARSE_SPECIAL};
    return qn_tokenize_parts(t, s, 1, &part, flags, out, err);
}
