/* text/cut.c - cuts a text into pieces by steps, each inside the pieces of the former.
 *
 * Within a piece a step finds segments that match and segments between; its behavior joins them
 * into new pieces. Source: Hugging Face tokenizers 0.23 (src/pre_tokenizers, normalizer.rs). */
#include "base/alloc.h"
#include "base/utf8.h"
#include "text/bytes.h"
#include "text/older.h"
#include "text/rules.h"
#include "text/vocab.h"

qn_rules *qn_rules_new(void)
{
    qn_rules *r = qn_alloc_zeroed(1, sizeof *r);
    if (r)
        r->memory = qn_region_of(QN_RULES_BYTES);
    return r;
}

void qn_rules_release(qn_rules *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n_normals; i++)
        qn_regex_release(r->normals[i].regex);
    for (size_t i = 0; i < r->n_shows; i++)
        qn_regex_release(r->shows[i].regex);
    for (size_t i = 0; i < r->n_cuts; i++)
        qn_regex_release(r->cuts[i].regex);
    qn_region_release(&r->memory);
    qn_free(r);
}

size_t qn_rules_n_bytes(const qn_rules *r)
{
    size_t n = sizeof *r + r->memory.n_taken;
    for (size_t i = 0; i < r->n_normals; i++)
        n += r->normals[i].regex ? qn_regex_n_bytes(r->normals[i].regex) : 0;
    for (size_t i = 0; i < r->n_shows; i++)
        n += r->shows[i].regex ? qn_regex_n_bytes(r->shows[i].regex) : 0;
    for (size_t i = 0; i < r->n_cuts; i++)
        n += r->cuts[i].regex ? qn_regex_n_bytes(r->cuts[i].regex) : 0;
    return n;
}

void qn_rules_scratch_release(qn_rules_scratch *s)
{
    qn_buf_release(&s->text[0]);
    qn_buf_release(&s->text[1]);
    qn_buf_release(&s->kept);
    qn_buf_release(&s->mapped);
    qn_free(s->codes);
    qn_free(s->pieces);
    qn_free(s->cut);
    qn_free(s->segments);
    qn_regex_scratch_close(s->regex);
    *s = (qn_rules_scratch){0};
}

qn_buf *qn_rules_other(qn_rules_scratch *s, const uint8_t *text)
{
    const qn_buf *first = &s->text[0];
    uintptr_t at = (uintptr_t)text, from = (uintptr_t)first->bytes;
    bool in_first = from && at >= from && at <= from + first->n_bytes;
    qn_buf *other = &s->text[in_first ? 1 : 0];
    qn_buf_clear(other);
    other->n_limit = 0;
    return other;
}

/* What a pattern sees for a character: U+180E, which PCRE2 takes for a space, and what is newer
 * than its Unicode 14, as a character of the same class and length; a stray byte as SUB. */
static uint32_t like(qn_char c)
{
    static const struct {
        uint32_t class, three, four; /* a representative of 3 and of 4 bytes */
    } same[] = {{QN_LU, 0xA7B6, 0x10400}, {QN_LL, 0xA7B7, 0x10428}, {QN_LM, 0xA7F8, 0x16F93},
                {QN_LO, 0xA7F7, 0x10450}, {QN_MN, 0x1DC0, 0x1D167}, {QN_MC, 0xA823, 0x11000},
                {QN_ND, 0xA620, 0x104A0}, {QN_NL, 0x2160, 0x10140}, {QN_NO, 0x2080, 0x10107},
                {QN_PO, 0xA60D, 0x10100}, {QN_PD, 0x2010, 0x10EAD}, {QN_SO, 0xA490, 0x1D000},
                {QN_SM, 0x2200, 0x1D6C1}, {QN_SC, 0x20A0, 0x11FDD}, {QN_SK, 0xA700, 0x1F3FB},
                {QN_CF, 0x200B, 0x1D173}};
    if (c.code == UINT32_MAX)
        return 0x1A;
    if (c.code == 0x180E)
        return 0x200B;
    if (c.code == 0x2B739 || (c.code >= 0x2EBF0 && c.code <= 0x2EE5D) ||
        (c.code >= 0x31350 && c.code <= 0x323AF))
        return 0x20000; /* Han */
    for (size_t i = 0; i < QN_COUNT(same); i++)
        if (c.class & same[i].class)
            return c.n_bytes == 4 ? same[i].four : c.n_bytes == 3 ? same[i].three : c.code;
    return c.code;
}

qn_status qn_rules_shadow(qn_rules_scratch *s, size_t n, const uint8_t *text,
                          const uint8_t **shadow, qn_error *err)
{
    const uint8_t *end = text + n, *kept = text;
    if (!s->regex)
        QN_TRY(qn_regex_scratch_open(&s->regex, err));
    qn_regex_begin(s->regex, n);
    qn_buf_clear(&s->mapped);
    for (const uint8_t *p = text; p < end;) {
        qn_char c = qn_char_at(p, end);
        if (c.code >= 0x897 &&
            (c.code == UINT32_MAX || c.code == 0x180E || qn_older_newer(c.code))) {
            char bytes[4];
            qn_buf_append(&s->mapped, (size_t)(p - kept), kept);
            qn_buf_append(&s->mapped, qn_utf8_encode(like(c), bytes), bytes);
            kept = p + c.n_bytes;
        }
        p += c.n_bytes;
    }
    *shadow = text;
    if (kept > text) {
        qn_buf_append(&s->mapped, (size_t)(end - kept), kept);
        *shadow = (const uint8_t *)s->mapped.bytes;
    }
    QN_FAIL_IF(s->mapped.failed, err, QN_ENOMEM, "no memory to cut %zu bytes of text", n);
    return QN_OK;
}

bool qn_cut_class_has(qn_cut_class class, qn_char c)
{
    switch (class) {
    case QN_CLASS_SPACE: return c.class & QN_SPACE;
    case QN_CLASS_NUMBER: return qn_char_is_numeric(c);
    case QN_CLASS_PUNCTUATION: return c.code != UINT32_MAX && qn_older_punctuation(c.code);
    }
    return false;
}

typedef struct job { /* a step at work on a text */
    const qn_cut_step *step;
    qn_rules_scratch *s;
    const uint8_t *text, *seen;        /* seen: what a pattern sees of it */
    size_t n, from, n_segments, n_cut; /* from: where the piece at hand begins, a text of its own */
    qn_error *err;
} job;

static qn_status room(job *j, qn_piece **list, size_t *n_room, size_t n)
{
    return qn_scratch_room((void **)list, n_room, n, sizeof **list, j->err);
}

/* A segment of the piece at hand; a match may be empty, which cuts nevertheless. */
static qn_status note(job *j, size_t begin, size_t end, bool match)
{
    if (begin == end && !match)
        return QN_OK;
    QN_TRY(room(j, &j->s->segments, &j->s->n_segments, j->n_segments + 1));
    j->s->segments[j->n_segments++] = (qn_piece){begin * 2 + (match != j->step->inverted), end};
    return QN_OK;
}

static qn_status keep(job *j, size_t begin, size_t end)
{
    QN_TRY(room(j, &j->s->cut, &j->s->n_cut, j->n_cut + 1));
    j->s->cut[j->n_cut++] = (qn_piece){begin, end};
    return QN_OK;
}

/* The next match of a pattern, in the piece alone, which is a text of its own. */
static qn_status next_of_regex(job *j, size_t at, size_t end, size_t *begin, size_t *stop)
{
    QN_TRY(qn_regex_find(j->step->regex, j->s->regex, end - j->from, j->seen + j->from,
                         at - j->from, j->n_segments > 0, begin, stop, j->err));
    bool none = *begin == QN_NO_MATCH;
    *begin = none ? end : *begin + j->from, *stop = none ? end : *stop + j->from;
    return QN_OK;
}

/* The next match at or behind at, within [.., end): its begin, or end. */
static qn_status next_match(job *j, size_t at, size_t end, size_t *begin, size_t *stop)
{
    const qn_cut_step *step = j->step;
    const uint8_t *p = j->text + at, *last = j->text + end;
    *begin = *stop = end;
    switch (step->kind) {
    case QN_CUT_REGEX: return next_of_regex(j, at, end, begin, stop);
    case QN_CUT_SCAN:
        for (size_t skip = 0, n; p < last; p += skip) {
            if ((n = step->scan(p, last, &skip))) {
                *begin = (size_t)(p - j->text), *stop = *begin + n;
                break;
            }
        }
        return QN_OK;
    case QN_CUT_TEXT:
        p = memmem(p, end - at, step->text.bytes, step->text.n_bytes);
        if (p)
            *begin = (size_t)(p - j->text), *stop = *begin + step->text.n_bytes;
        return QN_OK;
    default:
        while (p < last) {
            qn_char c = qn_char_at(p, last);
            if (qn_cut_class_has((qn_cut_class)step->flags, c)) {
                *begin = (size_t)(p - j->text), *stop = *begin + c.n_bytes;
                break;
            }
            p += c.n_bytes;
        }
        return QN_OK;
    }
}

static qn_status find_segments(job *j, qn_piece piece)
{
    size_t begin, stop;
    j->n_segments = 0, j->from = piece.begin;
    for (size_t at = piece.begin; at < piece.end; at = stop) {
        QN_TRY(next_match(j, at, piece.end, &begin, &stop));
        QN_TRY(note(j, at, begin, false));
        if (begin < piece.end)
            QN_TRY(note(j, begin, stop, true));
    }
    return QN_OK;
}

/* Whether segment i joins the one before it. */
static bool joins(const job *j, size_t i)
{
    const qn_piece *x = j->s->segments;
    bool match = x[i].begin & 1, before = x[i - 1].begin & 1;
    switch (j->step->behavior) {
    case QN_CUT_CONTIGUOUS: return match == before;
    case QN_CUT_WITH_PREVIOUS: return match && !before;
    case QN_CUT_WITH_NEXT: return !match && before;
    default: return false;
    }
}

static qn_status keep_segments(job *j)
{
    for (size_t i = 0, next; i < j->n_segments; i = next) {
        const qn_piece *x = &j->s->segments[i];
        for (next = i + 1; next < j->n_segments && joins(j, next);)
            next++;
        size_t begin = x->begin / 2, end = j->s->segments[next - 1].end;
        if (begin < end && !(j->step->behavior == QN_CUT_REMOVED && x->begin & 1))
            QN_TRY(keep(j, begin, end));
    }
    return QN_OK;
}

static qn_status cut_fixed(job *j, qn_piece piece)
{
    size_t from = piece.begin, n = 0;
    for (size_t at = from; at < piece.end;) {
        at += qn_char_at(j->text + at, j->text + piece.end).n_bytes;
        if (++n % j->step->flags == 0) {
            QN_TRY(keep(j, from, at));
            from = at;
        }
    }
    return from < piece.end ? keep(j, from, piece.end) : QN_OK;
}

/* Metaspace's split: a space begins a piece; of several in a row each is one. */
static qn_status cut_spaces(job *j, qn_piece piece)
{
    size_t from = piece.begin;
    for (size_t at = from + 1; at < piece.end; at++) {
        if (j->text[at] != ' ')
            continue;
        QN_TRY(keep(j, from, at));
        from = at;
    }
    return keep(j, from, piece.end);
}

/* Steps that rewrite each piece into out. */
static void rewrite(job *j, qn_piece piece, bool first, qn_buf *out)
{
    const uint8_t *p = j->text + piece.begin, *end = j->text + piece.end;
    if (j->step->kind == QN_CUT_BYTES) {
        qn_bytes_spell(out, (size_t)(end - p), p);
        return;
    }
    bool marks = j->step->kind == QN_CUT_MARKS, spaced = *p == ' ';
    spaced |= marks && end - p >= 3 && memcmp(p, "\xE2\x96\x81", 3) == 0;
    bool wanted =
        !marks || j->step->flags & QN_MARKS_ALWAYS || (first && j->step->flags & QN_MARKS_FIRST);
    if (wanted && !spaced)
        qn_buf_byte(out, ' ');
    for (const uint8_t *mark; marks && (mark = memmem(p, (size_t)(end - p), "\xE2\x96\x81", 3));) {
        qn_buf_append(out, (size_t)(mark - p), p);
        qn_buf_byte(out, ' ');
        p = mark + 3;
    }
    qn_buf_append(out, (size_t)(end - p), p);
}

static qn_status rewrite_all(job *j, bool at_start, size_t *n_pieces)
{
    qn_buf *out = qn_rules_other(j->s, j->text);
    for (size_t i = 0; i < *n_pieces; i++) {
        qn_piece *x = &j->s->pieces[i];
        size_t from = out->n_bytes;
        rewrite(j, *x, at_start && x->begin == 0, out);
        *x = (qn_piece){from, out->n_bytes};
    }
    QN_FAIL_IF(out->failed, j->err, QN_ENOMEM, "no memory to cut %zu bytes of text", j->n);
    QN_FAIL_IF(out->n_bytes > QN_RULES_TEXT, j->err, QN_ELIMIT,
               "the text has more than %d bytes when it is cut", QN_RULES_TEXT);
    j->text = (const uint8_t *)out->bytes, j->n = out->n_bytes;
    return QN_OK;
}

static qn_status cut_piece(job *j, qn_piece piece)
{
    if (j->step->kind == QN_CUT_MARKS)
        return cut_spaces(j, piece);
    if (j->step->kind == QN_CUT_FIXED)
        return cut_fixed(j, piece);
    QN_TRY(find_segments(j, piece));
    return keep_segments(j);
}

static qn_status apply(job *j, bool at_start, size_t *n_pieces)
{
    qn_cut_kind kind = j->step->kind;
    bool rewrites = kind == QN_CUT_MARKS || kind == QN_CUT_SPACE || kind == QN_CUT_BYTES;
    if (rewrites)
        QN_TRY(rewrite_all(j, at_start, n_pieces));
    if (rewrites && !(kind == QN_CUT_MARKS && j->step->flags & QN_MARKS_SPLIT))
        return QN_OK;
    if (kind == QN_CUT_REGEX)
        QN_TRY(qn_rules_shadow(j->s, j->n, j->text, &j->seen, j->err));
    j->n_cut = 0;
    for (size_t i = 0; i < *n_pieces; i++)
        QN_TRY(cut_piece(j, j->s->pieces[i]));
    qn_piece *swap = j->s->pieces;
    size_t n_swap = j->s->n_pieces;
    j->s->pieces = j->s->cut, j->s->n_pieces = j->s->n_cut;
    j->s->cut = swap, j->s->n_cut = n_swap;
    *n_pieces = j->n_cut;
    return QN_OK;
}

/* Brings byte characters back to bytes. */
static qn_status unspell(job *j, size_t n_pieces)
{
    qn_buf *out = qn_rules_other(j->s, j->text);
    for (size_t i = 0; i < n_pieces; i++) {
        qn_piece *x = &j->s->pieces[i];
        size_t from = out->n_bytes;
        qn_bytes_read(out, x->end - x->begin, j->text + x->begin);
        *x = (qn_piece){from, out->n_bytes};
    }
    QN_FAIL_IF(out->failed, j->err, QN_ENOMEM, "no memory to cut %zu bytes of text", j->n);
    j->text = (const uint8_t *)out->bytes, j->n = out->n_bytes;
    return QN_OK;
}

qn_status qn_cut_pieces(const qn_rules *r, qn_rules_scratch *s, bool at_start, size_t *n,
                        const uint8_t **text, size_t *n_pieces, qn_error *err)
{
    job j = {.s = s, .text = *text, .n = *n, .err = err};
    bool spelled = false;
    QN_TRY(room(&j, &s->pieces, &s->n_pieces, 1));
    s->pieces[0] = (qn_piece){0, *n};
    *n_pieces = *n > 0;
    for (size_t i = 0; i < r->n_cuts && *n_pieces; i++) {
        j.step = &r->cuts[i], j.seen = j.text;
        spelled |= j.step->kind == QN_CUT_BYTES;
        QN_TRY(apply(&j, at_start, n_pieces));
    }
    if (spelled)
        QN_TRY(unspell(&j, *n_pieces));
    *text = j.text, *n = j.n;
    return QN_OK;
}
