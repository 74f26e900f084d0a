/* text/jinja_print.c - str() and repr() of values, as Python 3 prints them.
 *
 * A string keeps the origin of its bytes; a number, True, False or None by itself counts as the
 * template's, since it has no choice of spelling; what holds other values is not trusted. */
#include "base/decimal.h"
#include "base/utf8.h"
#include "text/jinja_int.h"
#include "text/jinja_node.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The digits of "d.ddde+x" and the like; *exponent is that of the first one. */
static size_t split_digits(size_t n, const char *text, char digits[QN_DECIMAL], int *exponent)
{
    size_t n_digits = 0, n_whole = 0;
    int e = 0, sign = 1, n_zeros = 0;
    bool fraction = false, scale = false;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        bool digit = c >= '0' && c <= '9';
        if (scale && digit)
            e = e * 10 + (c - '0');
        else if (c == 'e' || c == 'E')
            scale = true;
        else if (digit && (n_digits || c != '0'))
            digits[n_digits++] = c, n_whole += !fraction;
        else if (digit && fraction)
            n_zeros++; /* before the first digit */
        sign = c == '-' && scale ? -1 : sign;
        fraction |= c == '.';
    }
    *exponent = sign * e + (n_whole ? (int)n_whole - 1 : -1 - n_zeros);
    while (n_digits > 1 && digits[n_digits - 1] == '0')
        n_digits--;
    return n_digits;
}

/* Whether n digits of that exponent read back to f. */
static bool reads_back(size_t n, const char *digits, int exponent, double f)
{
    char text[QN_DECIMAL + 16];
    double back;
    int n_text = snprintf(text, sizeof text, "%.*se%d", (int)n, digits, exponent - (int)n + 1);
    return qn_decimal_to_f64((size_t)n_text, text, &back) && back == f;
}

/* The next larger number of as many digits; false when that carries over the first one. */
static bool count_up(size_t n, char *digits)
{
    while (n > 0 && digits[n - 1] == '9')
        digits[--n] = '0';
    if (n > 0)
        digits[n - 1]++;
    return n > 0;
}

/* The shortest digits that read back to f, finite and positive. For a normal double, 15 to 17
 * digits as the decimal module finds them, except that next to a power of two the 16 digits above
 * may do; a subnormal one may need fewer than 15. */
static size_t digits_of(double f, char digits[QN_DECIMAL], int *exponent)
{
    char text[QN_DECIMAL], fewer[QN_DECIMAL];
    size_t n = split_digits(qn_decimal_from_f64(f, text), text, digits, exponent);
    size_t n_most = f < 0x1p-1022 ? n : n == 17 ? 17 : 0;
    for (size_t n_few = f < 0x1p-1022 ? 1 : 16; n_few < n_most; n_few++) {
        for (size_t i = 0; i < 2; i++) {
            bool up = (digits[n_few] >= '5') == (i == 0); /* the nearer one first */
            memcpy(fewer, digits, n_few);
            if (up && !count_up(n_few, fewer)) { /* nines: one and zeros, of the next exponent */
                if (!reads_back(1, "1", *exponent + 1, f))
                    continue;
                digits[0] = '1';
                ++*exponent;
                return 1;
            }
            if (!reads_back(n_few, fewer, *exponent, f))
                continue;
            memcpy(digits, fewer, n_few);
            return n_few;
        }
    }
    return n;
}

size_t qn_jprint_double(double f, char out[40])
{
    char digits[QN_DECIMAL];
    char *p = out;
    int e = 0;
    if (isnan(f) || isinf(f))
        return (size_t)snprintf(out, 40, "%s", isnan(f) ? "nan" : f > 0 ? "inf" : "-inf");
    if (signbit(f))
        *p++ = '-';
    if (f == 0)
        return (size_t)snprintf(p, 8, "0.0") + (size_t)(p - out);
    size_t n = digits_of(fabs(f), digits, &e);
    if (e < -4 || e >= 16) {
        *p++ = digits[0];
        if (n > 1)
            *p++ = '.';
        memcpy(p, digits + 1, n - 1);
        p += n - 1;
        return (size_t)(p - out) + (size_t)snprintf(p, 8, "e%c%02d", e < 0 ? '-' : '+', abs(e));
    }
    if (e < 0)
        p += snprintf(p, 8, "%.*s", 1 - e, "0.0000");
    for (int i = 0; i < (int)n || i <= e; i++) {
        if (i == e + 1 && e >= 0)
            *p++ = '.';
        *p++ = i < (int)n ? digits[i] : '0';
    }
    if (e >= (int)n - 1)
        *p++ = '.', *p++ = '0';
    *p = 0;
    return (size_t)(p - out);
}

static void print_escape(qn_jbuild *b, uint32_t code, unsigned origin)
{
    char text[16];
    const char *short_form = code == '\n'   ? "\\n"
                             : code == '\r' ? "\\r"
                             : code == '\t' ? "\\t"
                                            : NULL;
    int n;
    if (short_form)
        n = snprintf(text, sizeof text, "%s", short_form);
    else if (code < 0x100)
        n = snprintf(text, sizeof text, "\\x%02x", code);
    else if (code < 0x10000)
        n = snprintf(text, sizeof text, "\\u%04x", code);
    else
        n = snprintf(text, sizeof text, "\\U%08x", code);
    qn_jbuild_add(b, (size_t)n, text, origin);
}

/* 'text', or "text" where that saves escapes. */
static void repr_string(qn_jbuild *b, qn_jstr *s)
{
    qn_str all = qn_jbytes(b->r, s);
    bool has_single = memchr(all.bytes, '\'', all.n_bytes),
         has_double = memchr(all.bytes, '"', all.n_bytes);
    char quote = has_single && !has_double ? '"' : '\'';
    size_t plain = 0, cursor = 0;
    qn_jbuild_add(b, 1, &quote, 0);
    for (size_t at = 0, n; at < all.n_bytes && !qn_jfailed(b->r); at += n) {
        uint32_t code;
        n = qn_utf8_decode(all.n_bytes - at, all.bytes + at, &code);
        bool slash = code == '\\' || code == (uint32_t)quote;
        if (n == 0)
            break;
        if (!slash && qn_jis_printable(code))
            continue;
        unsigned origin = qn_jorigin(s, at, &cursor);
        qn_jbuild_piece(b, s, plain, at);
        if (slash)
            qn_jbuild_add(b, 1, "\\", origin);
        else
            print_escape(b, code, origin);
        plain = slash ? at : at + n;
    }
    qn_jbuild_piece(b, s, plain, all.n_bytes);
    qn_jbuild_add(b, 1, &quote, 0);
}

static void add(qn_jbuild *b, const char *text)
{
    qn_jbuild_add(b, strlen(text), text, 0);
}

static void repr_list(qn_jbuild *b, const qn_jlist *list, const char *open, const char *close)
{
    add(b, open);
    for (size_t i = 0; i < list->n && !qn_jfailed(b->r); i++) {
        if (i)
            add(b, ", ");
        qn_jrepr(b, list->v[i]);
    }
    add(b, close);
}

static void repr_pairs(qn_jbuild *b, const qn_jdict *d)
{
    add(b, "{");
    for (size_t i = 0; i < d->n && !qn_jfailed(b->r); i++) {
        if (i)
            add(b, ", ");
        qn_jrepr(b, d->pair[i].key);
        add(b, ": ");
        qn_jrepr(b, d->pair[i].value);
    }
    add(b, "}");
}

static void repr_view(qn_jbuild *b, qn_jval v)
{
    char what = v.view->what;
    qn_jlist *items = qn_jlist_of(b->r, v);
    add(b, what == 'k' ? "dict_keys(" : what == 'v' ? "dict_values(" : "dict_items(");
    repr_list(b, items, "[", "])");
}

void qn_jprint_big(qn_jbuild *b, qn_jval v, unsigned origin)
{
    size_t n;
    const char *digits = qn_jint_digits(b->r, v, 10, false, &n);
    qn_jbuild_add(b, qn_jint_negative(v), "-", origin);
    qn_jbuild_add(b, n, digits, origin);
}

static void repr_number(qn_jbuild *b, qn_jval v, unsigned origin)
{
    char text[48];
    size_t n;
    if (v.kind == J_DOUBLE)
        n = qn_jprint_double(v.f, text);
    else if (v.kind == J_INT)
        n = (size_t)snprintf(text, sizeof text, "%" PRId64, v.i);
    else if (v.kind == J_BIG)
        n = 0;
    else
        n = (size_t)snprintf(text, sizeof text, "%s",
                             v.kind == J_NONE ? "None"
                             : v.b            ? "True"
                                              : "False");
    if (v.kind == J_BIG)
        qn_jprint_big(b, v, origin);
    qn_jbuild_add(b, n, text, origin);
}

static void repr_range(qn_jbuild *b, const qn_jrange *range)
{
    char text[100];
    int64_t stop = range->stop;
    int n = range->step == 1
                ? snprintf(text, sizeof text, "range(%" PRId64 ", %" PRId64 ")", range->start, stop)
                : snprintf(text, sizeof text, "range(%" PRId64 ", %" PRId64 ", %" PRId64 ")",
                           range->start, stop, range->step);
    qn_jbuild_add(b, (size_t)n, text, 0);
}

static void repr_loop(qn_jbuild *b, qn_jloop *loop)
{
    char text[80];
    int n = snprintf(text, sizeof text, "<LoopContext %" PRId64 "/%" PRId64 ">", loop->index0 + 1,
                     qn_jloop_length(b->r, loop));
    qn_jbuild_add(b, (size_t)n, text, 0);
}

static void repr_inside(qn_jbuild *b, qn_jval v, unsigned origin)
{
    switch (v.kind) {
    case J_NONE:
    case J_BOOL:
    case J_INT:
    case J_BIG:
    case J_DOUBLE: repr_number(b, v, origin); break;
    case J_STR:
        if (v.s->markup)
            add(b, "Markup(");
        repr_string(b, v.s);
        if (v.s->markup)
            add(b, ")");
        break;
    case J_LIST: repr_list(b, v.list, "[", "]"); break;
    case J_TUPLE: repr_list(b, v.list, "(", v.list->n == 1 ? ",)" : ")"); break;
    case J_DICT: repr_pairs(b, v.dict); break;
    case J_SPACE:
        add(b, "<Namespace ");
        repr_pairs(b, v.dict);
        add(b, ">");
        break;
    case J_VIEW: repr_view(b, v); break;
    case J_RANGE: repr_range(b, v.range); break;
    case J_LOOP: repr_loop(b, v.loop); break;
    case J_MACRO:
        add(b, "<Macro ");
        if (v.macro->node->kind == J_CALL_BLOCK)
            add(b, "anonymous");
        else
            repr_string(b, qn_jstr_new(b->r, v.macro->name.n_bytes, v.macro->name.bytes, 0));
        add(b, ">");
        break;
    case J_UNDEFINED: add(b, "Undefined"); break;
    default:
        add(b, "<");
        add(b, qn_jtype_name(v));
        add(b, ">");
    }
}

void qn_jrepr(qn_jbuild *b, qn_jval v)
{
    if (qn_jdown(b->r))
        repr_inside(b, v, 0);
    b->r->depth--;
}

void qn_jprint(qn_jbuild *b, qn_jval v)
{
    if (v.kind == J_STR)
        qn_jbuild_str(b, v.s);
    else if (v.kind != J_UNDEFINED && qn_jdown(b->r))
        repr_inside(b, v, J_TRUSTED);
    b->r->depth -= v.kind != J_STR && v.kind != J_UNDEFINED;
}

const char *qn_jterminated(qn_jstate *r, qn_jval v)
{
    qn_jbuild b = qn_jbuild_begin(r);
    qn_jprint(&b, v);
    qn_jbuild_add(&b, 1, "", 0);
    return qn_jbytes(r, qn_jbuild_end(&b)).bytes;
}

const char *qn_jrepr_of(qn_jstate *r, qn_jval v)
{
    qn_jbuild b = qn_jbuild_begin(r);
    qn_jrepr(&b, v);
    qn_jbuild_add(&b, 1, "", 0);
    return qn_jbytes(r, qn_jbuild_end(&b)).bytes;
}

qn_jstr *qn_jstr_of(qn_jstate *r, qn_jval v)
{
    if (v.kind == J_STR && !v.s->markup)
        return v.s;
    qn_jbuild b = qn_jbuild_begin(r);
    qn_jprint(&b, v);
    return qn_jbuild_end(&b);
}
