/* text/jinja_str.c - strings of a rendering: where each byte came from, joining without copying,
 * and texts under construction.
 *
 * Invariants: bytes are well-formed UTF-8; a join is a node, made flat once when it is read, so
 * that n appends cost n; marks rise and end at n_bytes. */
#include "base/checked.h"
#include "base/utf8.h"
#include "text/jinja_node.h"

#include <string.h>

bool qn_jis_space(uint32_t code)
{
    return (code >= 9 && code <= 13) || (code >= 28 && code <= 32) || code == 0x85 ||
           code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
           code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

size_t qn_jcount_chars(size_t n_bytes, const char *bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < n_bytes; i++)
        n += ((unsigned char)bytes[i] & 0xC0) != 0x80;
    return n;
}

static qn_jstr *empty(qn_jstate *r)
{
    static const qn_jstr none = {.bytes = "", .origin = J_TRUSTED};
    qn_jstr *s = qn_jtake_memory(r, 1, sizeof *s);
    if (s)
        *s = none;
    return s ? s : &r->nothing;
}

qn_jstr *qn_jstr_new(qn_jstate *r, size_t n_bytes, const char *bytes, unsigned origin)
{
    qn_jstr *s = empty(r);
    if (qn_jfailed(r) || n_bytes == 0)
        return s;
    s->n_bytes = n_bytes;
    s->n_chars = qn_jcount_chars(n_bytes, bytes);
    s->bytes = bytes;
    s->origin = (uint8_t)origin;
    qn_jspend(r, n_bytes / 64);
    return s;
}

qn_jstr *qn_jstr_copy(qn_jstate *r, size_t n_bytes, const char *bytes, unsigned origin)
{
    char *copy = qn_jtake_memory(r, n_bytes + 1, 1);
    if (!copy)
        return empty(r);
    if (n_bytes)
        memcpy(copy, bytes, n_bytes);
    return qn_jstr_new(r, n_bytes, copy, origin);
}

qn_jval qn_jtext(qn_jstate *r, const char *text)
{
    return qn_jstr_value(qn_jstr_new(r, strlen(text), text, J_TRUSTED));
}

qn_jval qn_jstr_value(qn_jstr *s)
{
    return J_VALUE(J_STR, s, s);
}

/* Writes the leaves of a rope; `pending` has room for its depth. */
static void join(qn_jbuild *b, qn_jstr *rope, qn_jstr **pending)
{
    size_t n = 0;
    pending[n++] = rope;
    while (n > 0) {
        qn_jstr *s = pending[--n];
        if (s->bytes) {
            qn_jbuild_piece(b, s, 0, s->n_bytes);
            continue;
        }
        pending[n++] = s->right; /* the left one next: what waits is one per level */
        pending[n++] = s->left;
    }
}

static void flatten(qn_jstate *r, qn_jstr *s)
{
    qn_jstr **pending = qn_jtake_memory(r, (size_t)s->n_depth + 2, sizeof(void *));
    qn_jbuild b = qn_jbuild_begin(r);
    b.n_limit = SIZE_MAX;
    if (pending)
        join(&b, s, pending);
    qn_jstr *flat = qn_jbuild_end(&b);
    if (qn_jfailed(r)) {
        *s = (qn_jstr){.bytes = "", .origin = J_TRUSTED};
        return;
    }
    s->marks = flat->marks;
    s->n_marks = flat->n_marks;
    s->origin = flat->origin;
    s->bytes = flat->bytes;
    s->left = s->right = NULL;
    s->n_depth = 0;
}

qn_str qn_jbytes(qn_jstate *r, qn_jstr *s)
{
    if (!s->bytes)
        flatten(r, s);
    return (qn_str){s->bytes, s->n_bytes};
}

qn_jstr *qn_jconcat(qn_jstate *r, qn_jstr *a, qn_jstr *b)
{
    if (a->n_bytes == 0 || b->n_bytes == 0)
        return a->n_bytes == 0 ? b : a;
    qn_jstr *s = empty(r);
    if (qn_jfailed(r))
        return s;
    *s = (qn_jstr){.n_bytes = a->n_bytes + b->n_bytes,
                   .n_chars = a->n_chars + b->n_chars,
                   .left = a,
                   .right = b,
                   .n_depth = 1 + QN_MAX(a->n_depth, b->n_depth),
                   .markup = a->markup};
    if (s->n_bytes > qn_template_max.n_memory)
        qn_jfail(r, QN_ELIMIT, "a string of more than %zu bytes", qn_template_max.n_memory);
    return s;
}

qn_jstr *qn_jslice_bytes(qn_jstate *r, qn_jstr *s, size_t begin, size_t end)
{
    qn_str all = qn_jbytes(r, s);
    if (begin == 0 && end == all.n_bytes)
        return s;
    qn_jstr *piece;
    if (s->n_marks) {
        qn_jbuild b = qn_jbuild_begin(r);
        qn_jbuild_piece(&b, s, begin, end);
        piece = qn_jbuild_end(&b);
    } else {
        piece = qn_jstr_new(r, end - begin, all.bytes + begin, s->origin);
    }
    piece->markup = s->markup;
    return piece;
}

size_t qn_jchar_at(qn_jstate *r, qn_jstr *s, size_t n_chars)
{
    qn_str all = qn_jbytes(r, s);
    if (!all.bytes || s->n_chars == all.n_bytes)
        return QN_MIN(n_chars, all.n_bytes);
    size_t at = 0;
    for (; at < all.n_bytes; at++)
        if (((unsigned char)all.bytes[at] & 0xC0) != 0x80 && n_chars-- == 0)
            break;
    qn_jspend(r, at / 64);
    return at;
}

bool qn_jstr_is(qn_jstate *r, qn_jval v, const char *text)
{
    if (v.kind != J_STR || v.s->n_bytes != strlen(text))
        return false;
    qn_str all = qn_jbytes(r, v.s);
    return all.bytes && qn_str_is(all, text);
}

unsigned qn_jorigin(const qn_jstr *s, size_t at, size_t *mark)
{
    if (!s->n_marks)
        return s->origin;
    while (*mark + 1 < s->n_marks && s->marks[*mark].end <= at)
        ++*mark;
    return s->marks[*mark].origin;
}

/* Building */

qn_jbuild qn_jbuild_begin(qn_jstate *r)
{
    return (qn_jbuild){.r = r, .n_limit = qn_template_max.n_output};
}

/* A larger block for n things of n_each bytes; NULL after a failure. */
static void *larger(qn_jstate *r, const void *old, size_t n, size_t n_each, size_t *n_capacity,
                    size_t n_wanted)
{
    size_t n_new = QN_MAX(QN_MAX(*n_capacity * 2, n_wanted), n_each == 1 ? (size_t)16 : 2);
    void *p = qn_jtake_memory(r, n_new, n_each);
    if (p && old && n)
        memcpy(p, old, n * n_each);
    if (p)
        *n_capacity = n_new;
    return p;
}

static bool reserve(qn_jbuild *b, size_t n_more)
{
    size_t n;
    qn_jspend(b->r, n_more / 64);
    if (qn_jfailed(b->r))
        return false;
    if (!qn_add(b->n_bytes, n_more, &n) || n > b->n_limit) {
        qn_jfail(b->r, QN_ELIMIT, "a text of more than %zu bytes", b->n_limit);
        return false;
    }
    if (n <= b->n_capacity)
        return true;
    b->bytes = larger(b->r, b->bytes, b->n_bytes, 1, &b->n_capacity, n);
    return b->bytes != NULL;
}

static void mark(qn_jbuild *b, unsigned origin)
{
    qn_jmark *last = b->n_marks ? &b->marks[b->n_marks - 1] : NULL;
    if (last && last->origin == origin) {
        last->end = b->n_bytes;
        return;
    }
    if (b->n_marks == b->n_marks_capacity)
        b->marks = larger(b->r, b->marks, b->n_marks, sizeof *b->marks, &b->n_marks_capacity, 1);
    if (b->marks)
        b->marks[b->n_marks++] = (qn_jmark){b->n_bytes, origin};
}

void qn_jbuild_add(qn_jbuild *b, size_t n_bytes, const char *bytes, unsigned origin)
{
    if (n_bytes == 0 || !reserve(b, n_bytes))
        return;
    memcpy(b->bytes + b->n_bytes, bytes, n_bytes);
    b->n_bytes += n_bytes;
    mark(b, origin);
}

void qn_jbuild_text(qn_jbuild *b, const char *text)
{
    qn_jbuild_add(b, strlen(text), text, J_TRUSTED);
}

/* The mark that the byte at `at` lies in: pieces of a text of many marks are found in no time. */
static size_t mark_at(const qn_jstr *s, size_t at)
{
    size_t low = 0, high = s->n_marks;
    while (low + 1 < high) {
        size_t middle = (low + high) / 2;
        if (s->marks[middle - 1].end <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void qn_jbuild_piece(qn_jbuild *b, qn_jstr *s, size_t begin, size_t end)
{
    qn_str all = qn_jbytes(b->r, s);
    if (begin >= end || qn_jfailed(b->r))
        return;
    size_t cursor = mark_at(s, begin);
    for (size_t at = begin; at < end;) {
        unsigned origin = qn_jorigin(s, at, &cursor);
        size_t to = s->n_marks ? QN_MIN(end, s->marks[cursor].end) : end;
        qn_jbuild_add(b, to - at, all.bytes + at, origin);
        at = to;
    }
}

void qn_jbuild_str(qn_jbuild *b, qn_jstr *s)
{
    qn_jbuild_piece(b, s, 0, s->n_bytes);
}

void qn_jbuild_repeat(qn_jbuild *b, int64_t n, char c)
{
    if (n <= 0)
        return;
    if ((uint64_t)n > qn_template_max.n_repeat) {
        qn_jfail(b->r, QN_ELIMIT, "more than %zu bytes of padding", qn_template_max.n_repeat);
        return;
    }
    if (!reserve(b, (size_t)n))
        return;
    memset(b->bytes + b->n_bytes, c, (size_t)n);
    b->n_bytes += (size_t)n;
    mark(b, J_TRUSTED);
}

qn_jstr *qn_jbuild_end(qn_jbuild *b)
{
    if (qn_jfailed(b->r) || b->n_bytes == 0)
        return empty(b->r);
    qn_jstr *s = qn_jstr_new(b->r, b->n_bytes, b->bytes, b->marks[0].origin);
    if (b->n_marks > 1 && !qn_jfailed(b->r)) {
        s->marks = b->marks;
        s->n_marks = b->n_marks;
    }
    return s;
}
