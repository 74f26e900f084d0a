/* text/normalize.c - the steps of normalization, each from one buffer into the other.
 *
 * What is not well-formed UTF-8 passes through every step unchanged and separates what stands
 * around it. A step that would change nothing leaves the text where it is. Source: Hugging Face
 * tokenizers 0.23 (src/normalizers) and the Unicode version its parts know (older.def). */
#include <utf8proc.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "text/jinja_text.h"
#include "text/older.h"
#include "text/rules.h"
#include "text/vocab.h"

typedef struct job { /* a step at work */
    const qn_normal *step;
    qn_rules_scratch *s;
    const uint8_t *text, *end;
    qn_buf *out;
    bool wrote; /* out is the result; else it is [text, end) */
    qn_error *err;
} job;

static void put(job *j, const uint8_t *from, const uint8_t *to)
{
    j->wrote = true;
    qn_buf_append(j->out, (size_t)(to - from), from);
}

static void put_str(job *j, qn_str text)
{
    j->wrote = true;
    qn_buf_append(j->out, text.n_bytes, text.bytes);
}

static void put_code(job *j, uint32_t code)
{
    char bytes[4];
    j->wrote = true;
    qn_buf_append(j->out, qn_utf8_encode(code, bytes), bytes);
}

/* Unicode normalization. */

static bool is_inert(uint32_t code)
{
    return code > 0x7FC && qn_older_inert(code);
}

static uint8_t class_of(int32_t code)
{
    if (is_inert((uint32_t)code))
        return 0;
    return (uint8_t)utf8proc_get_property(code)->combining_class;
}

static size_t decompose_one(uint32_t code, bool compatible, int32_t out[32])
{
    int boundary = 0;
    unsigned options = UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0u);
    out[0] = (int32_t)code;
    if (is_inert(code))
        return 1;
    ssize_t n =
        utf8proc_decompose_char((int32_t)code, out, 32, (utf8proc_option_t)options, &boundary);
    return n < 1 || n > 32 ? 1 : (size_t)n;
}

/* Whether the character may move before or melt into what stands before it. */
static bool joins_back(uint32_t code, bool compatible)
{
    int32_t first[32];
    if (code < 0x300 || code == UINT32_MAX)
        return false;
    decompose_one(code, compatible, first);
    if (is_inert((uint32_t)first[0]))
        return false;
    const utf8proc_property_t *p = utf8proc_get_property(first[0]);
    bool jamo = first[0] >= 0x1161 && first[0] <= 0x11C2;
    return p->combining_class || jamo || (p->comb_index != UINT16_MAX && p->comb_index >= 0x8000);
}

/* Whether normalization may change anything at this character. */
static bool is_touched(uint32_t code, qn_normal_kind kind)
{
    if (code < 0xA0 || (code < 0x300 && kind == QN_NFC) || code == UINT32_MAX)
        return false;
    if (code >= 0x4E00 && code < 0xA000)
        return false;
    if (code >= 0xAC00 && code <= 0xD7A3)
        return kind == QN_NFD || kind == QN_NFKD;
    if (code >= 0x1100 && code < 0x1200)
        return true;
    if (is_inert(code))
        return false;
    const utf8proc_property_t *p = utf8proc_get_property((int32_t)code);
    return p->combining_class || p->decomp_seqindex != UINT16_MAX ||
           (p->comb_index != UINT16_MAX && p->comb_index >= 0x8000);
}

/* Sorts marks by their class, equal ones staying in order: by merging, n log n. */
static void order_run(size_t n, int32_t *codes, int32_t *room)
{
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t at = 0; at < n; at += 2 * width) {
            size_t middle = QN_MIN(at + width, n), end = QN_MIN(at + 2 * width, n);
            size_t a = at, b = middle, k = at;
            while (a < middle || b < end) {
                bool left = b == end || (a < middle && class_of(codes[a]) <= class_of(codes[b]));
                room[k++] = left ? codes[a++] : codes[b++];
            }
        }
        memcpy(codes, room, n * sizeof *codes);
    }
}

static void order(size_t n, int32_t *codes, int32_t *room)
{
    for (size_t i = 0, end; i < n; i = end + 1) {
        for (end = i; end < n && class_of(codes[end]);)
            end++;
        if (end - i > 1)
            order_run(end - i, codes + i, room);
    }
}

/* Composes and writes; what is newer than the rules stays apart. */
static void compose(job *j, size_t n, int32_t *codes)
{
    for (size_t i = 0, to; i < n; i = to + 1) {
        for (to = i; to < n && !is_inert((uint32_t)codes[to]);)
            to++;
        ssize_t left = utf8proc_normalize_utf32(codes + i, (ssize_t)(to - i),
                                                UTF8PROC_COMPOSE | UTF8PROC_STABLE);
        for (ssize_t k = 0; k < left; k++)
            put_code(j, (uint32_t)codes[i + (size_t)k]);
        if (to < n)
            put_code(j, (uint32_t)codes[to]);
    }
}

/* Normalizes a character and those that join it. */
static qn_status normalize_run(job *j, const uint8_t *p, const uint8_t *end)
{
    qn_normal_kind kind = j->step->kind;
    size_t n = 0;
    for (qn_char c; p < end; p += c.n_bytes) {
        QN_TRY(qn_scratch_room((void **)&j->s->codes, &j->s->n_codes, 2 * (n + 32),
                               sizeof *j->s->codes, j->err));
        c = qn_char_at(p, end);
        n += decompose_one(c.code, kind == QN_NFKC || kind == QN_NFKD, j->s->codes + n);
    }
    order(n, j->s->codes, j->s->codes + n);
    if (kind == QN_NFC || kind == QN_NFKC)
        compose(j, n, j->s->codes);
    else
        for (size_t i = 0; i < n; i++)
            put_code(j, (uint32_t)j->s->codes[i]);
    return QN_OK;
}

/* The first character from p on that is touched, or end; *before: the one before it. */
static const uint8_t *next_touched(const job *j, const uint8_t *p, const uint8_t **before)
{
    *before = p;
    while (p < j->end) {
        const uint8_t *at = p;
        if (*p < 0x80) {
            while (p < j->end && *p < 0x80)
                p++;
            *before = p - 1;
            continue;
        }
        qn_char c = qn_char_decode(p, j->end);
        if (is_touched(c.code, j->step->kind))
            return p;
        p += c.n_bytes;
        *before = at;
    }
    return p;
}

static qn_status unicode(job *j)
{
    bool compatible = j->step->kind == QN_NFKC || j->step->kind == QN_NFKD;
    const uint8_t *p = j->text, *before, *from = next_touched(j, p, &before);
    while (from < j->end) {
        qn_char c = qn_char_at(from, j->end);
        const uint8_t *to = from + c.n_bytes;
        if (joins_back(c.code, compatible) && qn_char_at(before, j->end).code != UINT32_MAX)
            from = before;
        while (to < j->end && (c = qn_char_at(to, j->end), joins_back(c.code, compatible)))
            to += c.n_bytes;
        put(j, p, from);
        QN_TRY(normalize_run(j, from, to));
        p = to;
        from = next_touched(j, p, &before);
    }
    if (p > j->text)
        put(j, p, j->end);
    return QN_OK;
}

/* Character by character. */

enum { SAME = 4 }; /* the character stays */

typedef size_t one_step(uint32_t code, uint32_t out[3]); /* how many code points it becomes */

static qn_status each(job *j, one_step *change)
{
    const uint8_t *kept = j->text;
    for (const uint8_t *p = j->text; p < j->end;) {
        uint32_t codes[3];
        qn_char c = qn_char_at(p, j->end);
        size_t n = c.code == UINT32_MAX ? SAME : change(c.code, codes);
        if (n != SAME) {
            put(j, kept, p);
            for (size_t i = 0; i < n; i++)
                put_code(j, codes[i]);
            kept = p + c.n_bytes;
        }
        p += c.n_bytes;
    }
    if (kept > j->text)
        put(j, kept, j->end);
    return QN_OK;
}

static size_t lowercase(uint32_t code, uint32_t out[3])
{
    size_t n = qn_older_lower(code, out);
    return n == 1 && out[0] == code ? SAME : n;
}

static size_t strip_accent(uint32_t code, uint32_t out[3])
{
    (void)out;
    return code >= 0x300 && qn_older_mark(code) ? 0 : SAME;
}

static size_t strip_mn(uint32_t code, uint32_t out[3])
{
    (void)out;
    return code >= 0x300 && qn_older_mn(code) ? 0 : SAME;
}

static size_t clean(uint32_t code, uint32_t out[3])
{
    out[0] = ' ';
    if (code == ' ' || (code > ' ' && code < 0x7F))
        return SAME;
    bool space = qn_unicode_class(code) & QN_SPACE,
         kept = code == '\t' || code == '\n' || code == '\r';
    if (code == 0 || code == 0xFFFD || (!kept && qn_older_other(code)))
        return 0;
    return space ? 1 : SAME;
}

static size_t space_han(uint32_t code, uint32_t out[3])
{
    static const struct {
        uint32_t first, last;
    } han[] = {{0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},   {0x20000, 0x2A6DF},
               {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0x2F800, 0x2FA1F}};
    for (size_t i = 0; code >= 0x3400 && i < QN_COUNT(han); i++) {
        if (code >= han[i].first && code <= han[i].last) {
            out[0] = out[2] = ' ', out[1] = code;
            return 3;
        }
    }
    return SAME;
}

static size_t nmt(uint32_t code, uint32_t out[3])
{
    static const uint16_t spaces[] = {9,      10,     12,     13,     0x1680,
                                      0x200B, 0x200C, 0x200D, 0x200E, 0x200F,
                                      0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD};
    out[0] = ' ';
    if (code >= ' ' && code < 0x7F)
        return SAME;
    for (size_t i = 0; i < QN_COUNT(spaces); i++)
        if (code == spaces[i])
            return 1;
    return (code >= 1 && code <= 0x1F) || code == 0x7F || code == 0x8F || code == 0x9F ? 0 : SAME;
}

static size_t unmark(uint32_t code, uint32_t out[3])
{
    out[0] = ' ';
    return code == 0x2581 ? 1 : SAME;
}

/* The rest. */

static qn_status strip_ends(job *j)
{
    const uint8_t *from = j->text, *to = from;
    while (j->step->flags & QN_AT_LEFT && from < j->end) {
        qn_char c = qn_char_at(from, j->end);
        if (!(c.class & QN_SPACE))
            break;
        from += c.n_bytes;
    }
    for (const uint8_t *p = from; p < j->end;) {
        qn_char c = qn_char_at(p, j->end);
        p += c.n_bytes;
        if (!(c.class & QN_SPACE) || !(j->step->flags & QN_AT_RIGHT))
            to = p;
    }
    to = QN_MAX(to, from);
    j->text = from, j->end = to; /* in place */
    return QN_OK;
}

static qn_status replace(job *j)
{
    const qn_str *pattern = &j->step->pattern, *content = &j->step->content;
    const uint8_t *p = j->text, *found;
    while ((found = memmem(p, (size_t)(j->end - p), pattern->bytes, pattern->n_bytes))) {
        put(j, p, found);
        put_str(j, *content);
        p = found + pattern->n_bytes;
    }
    if (p > j->text)
        put(j, p, j->end);
    return QN_OK;
}

static qn_status replace_all(job *j)
{
    size_t n = (size_t)(j->end - j->text), at = 0, begin, end;
    const uint8_t *shadow;
    QN_TRY(qn_rules_shadow(j->s, n, j->text, &shadow, j->err));
    for (bool behind = false;; behind = true, at = end) {
        QN_TRY(qn_regex_find(j->step->regex, j->s->regex, n, shadow, at, behind, &begin, &end,
                             j->err));
        if (begin == QN_NO_MATCH)
            break;
        put(j, j->text + at, j->text + begin);
        put_str(j, j->step->content);
    }
    if (j->wrote)
        put(j, j->text + at, j->end);
    return QN_OK;
}

static qn_status prepend(job *j)
{
    put_str(j, j->step->content);
    put(j, j->text, j->end);
    return QN_OK;
}

/* The end of the character that a reader sees at p: a base and what joins it. */
static const uint8_t *cluster_end(const uint8_t *p, const uint8_t *end)
{
    int32_t state = 0;
    qn_char c = qn_char_at(p, end), next;
    for (p += c.n_bytes; p < end && c.code != UINT32_MAX; p += next.n_bytes, c = next) {
        next = qn_char_at(p, end);
        bool plain = c.code < 128 && next.code < 128 && c.code != '\r';
        if (plain || next.code == UINT32_MAX ||
            utf8proc_grapheme_break_stateful((int32_t)c.code, (int32_t)next.code, &state))
            break;
    }
    return p;
}

/* Writes what the rules make of [p, end) as a whole; false where they say nothing. */
static bool map_whole(job *j, const uint8_t *p, const uint8_t *end, const uint8_t **kept)
{
    size_t n_used;
    const char *made = qn_charsmap_find(&j->step->map, true, p, end, &n_used);
    if (!made)
        return false;
    put(j, *kept, p);
    put_str(j, qn_str_of(made));
    *kept = end;
    return true;
}

/* Hugging Face: what a reader sees as one, up to 5 bytes, by its first rule; else its characters.
 * The rest of it is lost, as there. */
static qn_status charsmap(job *j)
{
    const uint8_t *kept = j->text;
    for (const uint8_t *p = j->text, *end; p < j->end; p = end) {
        end = cluster_end(p, j->end);
        if (end - p < 6 && map_whole(j, p, end, &kept))
            continue;
        for (size_t n; p < end; p += n) {
            n = qn_char_at(p, end).n_bytes;
            if ((size_t)(end - p) > n || kept < p)
                (void)map_whole(j, p, p + n, &kept);
        }
    }
    if (kept > j->text)
        put(j, kept, j->end);
    return QN_OK;
}

/* SentencePiece: the longest rule at each place. */
static qn_status charsmap_spm(job *j)
{
    const uint8_t *p = j->text, *kept = p;
    while (p < j->end) {
        size_t n_used = qn_char_at(p, j->end).n_bytes;
        const char *made = qn_charsmap_find(&j->step->map, false, p, j->end, &n_used);
        if (made) {
            put(j, kept, p);
            put_str(j, qn_str_of(made));
            kept = p + n_used;
        }
        p += n_used;
    }
    if (kept > j->text)
        put(j, kept, j->end);
    return QN_OK;
}

/* Spaces at the end go also where they are spelled U+2581, as in SentencePiece. */
static qn_status one_space(job *j)
{
    const uint8_t *p = j->text, *end = j->end, *kept;
    while (p < end && *p == ' ')
        p++;
    for (size_t n = 1; n; end -= n)
        n = end > p && end[-1] == ' '                                 ? 1
            : end - p >= 3 && memcmp(end - 3, "\xE2\x96\x81", 3) == 0 ? 3
                                                                      : 0;
    for (kept = p; p < end; p++) {
        if (*p != ' ' || p[1] != ' ')
            continue;
        put(j, kept, p);
        while (p[1] == ' ')
            p++;
        kept = p;
    }
    if (j->wrote)
        put(j, kept, end);
    else
        j->text = kept, j->end = end;
    return QN_OK;
}

static qn_status strip_chars(job *j)
{
    const qn_str *c = &j->step->content;
    size_t n = c->n_bytes;
    for (size_t i = 0; i < j->step->n_first && (size_t)(j->end - j->text) >= n &&
                       memcmp(j->text, c->bytes, n) == 0;
         i++)
        j->text += n;
    for (size_t i = 0; i < j->step->n_last && (size_t)(j->end - j->text) >= n &&
                       memcmp(j->end - n, c->bytes, n) == 0;
         i++)
        j->end -= n;
    return QN_OK;
}

static qn_status apply(job *j)
{
    switch (j->step->kind) {
    case QN_NFC:
    case QN_NFD:
    case QN_NFKC:
    case QN_NFKD: return unicode(j);
    case QN_LOWERCASE: return each(j, lowercase);
    case QN_STRIP_ACCENTS: return each(j, strip_accent);
    case QN_STRIP_ENDS: return strip_ends(j);
    case QN_REPLACE: return replace(j);
    case QN_REPLACE_ALL: return replace_all(j);
    case QN_PREPEND: return prepend(j);
    case QN_CLEAN: return each(j, clean);
    case QN_SPACE_HAN: return each(j, space_han);
    case QN_STRIP_MN: return each(j, strip_mn);
    case QN_NMT: return each(j, nmt);
    case QN_CHARSMAP: return charsmap(j);
    case QN_CHARSMAP_SPM: return charsmap_spm(j);
    case QN_ONE_SPACE: return one_space(j);
    case QN_MARKS: return each(j, unmark);
    case QN_STRIP_CHARS: return strip_chars(j);
    }
    return QN_OK;
}

/* A step that writes nothing has changed nothing, or only moved the ends; but one whose result is
 * empty has removed all. */
qn_status qn_normalize(size_t n_steps, const qn_normal *steps, qn_rules_scratch *s, size_t *n,
                       const uint8_t **text, qn_error *err)
{
    size_t n_most = QN_MIN(*n * QN_RULES_GROWTH + QN_RULES_LEAST, (size_t)QN_RULES_TEXT);
    for (size_t i = 0; i < n_steps && *n; i++) {
        qn_buf *out = qn_rules_other(s, *text);
        out->n_limit = n_most;
        job j = {&steps[i], s, *text, *text + *n, out, false, err};
        QN_TRY(apply(&j));
        QN_FAIL_IF(out->failed, err, out->n_bytes > n_most / 4 ? QN_ELIMIT : QN_ENOMEM,
                   "no memory to normalize %zu bytes of text, which may become %zu", *n, n_most);
        if (!j.wrote) {
            *n = (size_t)(j.end - j.text), *text = j.text;
            continue;
        }
        *text = (const uint8_t *)out->bytes, *n = out->n_bytes;
    }
    return QN_OK;
}
