/* text/jinja_format.c - str % values, str.format and its format specifications, as Python 3 has
 * them.
 *
 * Pieces of the format and strings put into it keep their origin; numbers count as the format's. */
#include "text/jinja_int.h"
#include "text/jinja_tables.h"

#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_NESTED = 2, FLOAT_ROOM = 350 /* digits of the largest double, and signs */ };

/* How one value is to look; what % calls flags is here too. */
typedef struct spec {
    char fill[4]; /* n_fill bytes of it; 0: the default of the type */
    size_t n_fill;
    char align; /* < > ^ = or 0 */
    char sign;  /* + - or space, 0 as - */
    bool alternate, zero, no_minus_zero;
    char grouping;            /* , _ or 0 */
    int64_t width, precision; /* precision < 0: none */
    int64_t n_least;          /* digits of an integer */
    char type;                /* 0: none */
} spec;

static qn_jval refuse(qn_jstate *r, const char *why)
{
    qn_jfail(r, QN_EARGUMENT, "%s", why);
    return qn_jnone();
}

/* Numbers into digits */

typedef struct digits {
    char sign;      /* 0: none */
    char prefix[3]; /* 0x and the like */
    char *text;     /* of the number without sign */
    size_t n_whole; /* of text: what groups are made in */
} digits;

static char sign_of(bool negative, char wanted)
{
    return (char)(negative ? '-' : wanted == '+' || wanted == ' ' ? wanted : 0);
}

/* False where there is no memory for that many. */
static bool take_room(qn_jstate *r, digits *d, size_t n)
{
    if (n > qn_template_max.n_repeat)
        qn_jfail(r, QN_ELIMIT, "more than %zu digits", qn_template_max.n_repeat);
    d->text = qn_jspend(r, n / 16) ? qn_jtake_memory(r, n + 1, 1) : NULL;
    return d->text != NULL;
}

static void print_int(qn_jstate *r, digits *d, qn_jval value, const spec *s)
{
    char type = (char)(s->type ? s->type : 'd');
    unsigned base = type == 'b' ? 2 : type == 'o' ? 8 : (type | 32) == 'x' ? 16 : 10;
    size_t n;
    const char *text = qn_jint_digits(r, value, base, type == 'X', &n);
    size_t n_zeros = (size_t)s->n_least > n ? (size_t)s->n_least - n : 0;
    if (!take_room(r, d, n + n_zeros))
        return;
    memset(d->text, '0', n_zeros);
    memcpy(d->text + n_zeros, text, n);
    d->text[n_zeros + n] = 0;
    d->n_whole = n + n_zeros;
    d->sign = sign_of(qn_jint_negative(value), s->sign);
    if (s->alternate && base != 10)
        snprintf(d->prefix, sizeof d->prefix, "0%c", type);
}

static size_t leading_digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* The zeros at the end of the mantissa, and a point then left bare, taken out of "d.ddde+x". */
static void drop_zeros(char *text)
{
    char *e = strchr(text, 'e'), *end = e;
    while (e && end > text + 1 && end[-1] == '0')
        end--;
    if (e && end > text && end[-1] == '.')
        memmove(end - 1, e, strlen(e) + 1);
    else if (e && memchr(text, '.', (size_t)(e - text)))
        memmove(end, e, strlen(e) + 1);
}

/* Without a type a float looks as by repr; with a precision as by g, but with a digit behind the
 * point. */
static void print_plain(char *text, size_t n_text, double f, const spec *s)
{
    int precision = (int)QN_MAX(s->precision, (int64_t)1);
    if (s->precision < 0 || isnan(f) || isinf(f)) {
        qn_jprint_double(fabs(f), text);
        return;
    }
    snprintf(text, n_text, s->alternate ? "%#.*e" : "%.*e", precision - 1, fabs(f));
    const char *e = strchr(text, 'e');
    int64_t exponent = 0;
    for (const char *p = e ? e + 2 : ""; *p; p++)
        exponent = exponent * 10 + (*p - '0');
    if (e && e[1] == '+' && exponent >= precision - 1)
        s->alternate ? (void)0 : drop_zeros(text);
    else
        snprintf(text, n_text, s->alternate ? "%#.*g" : "%.*g", precision, fabs(f));
    if (!text[leading_digits(text)])
        snprintf(text + strlen(text), 3, ".0");
}

static bool is_zero(const char *text)
{
    return strspn(text, "0.") == strcspn(text, "eE%");
}

static void print_float(qn_jstate *r, digits *d, double f, const spec *s)
{
    static const char types[] = "eEfFgG";
    char format[8] = "%.*f", type = (char)(s->type == '%' ? 'f' : s->type == 'n' ? 'g' : s->type);
    int precision = s->precision < 0 ? 6 : (int)s->precision;
    size_t n_text = (size_t)precision + FLOAT_ROOM;
    if (!take_room(r, d, n_text))
        return;
    bool negative = signbit(f) && !isnan(f);
    f = s->type == '%' ? f * 100 : f;
    if (!s->type)
        print_plain(d->text, n_text, f, s);
    else if (isnan(f) || isinf(f))
        snprintf(d->text, n_text, "%s", isnan(f) ? "nan" : "inf");
    else if (strchr(types, type)) {
        snprintf(format, sizeof format, "%%%s.*%c", s->alternate ? "#" : "", type);
        snprintf(d->text, n_text, format, precision, fabs(f)); // NOLINT: made above
    }
    for (char *p = d->text; *p && (type == 'F' || type == 'E' || type == 'G'); p++)
        *p = (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p);
    d->sign = sign_of(negative && !(s->no_minus_zero && is_zero(d->text)), s->sign);
    d->n_whole = leading_digits(d->text);
    if (s->type == '%')
        snprintf(d->text + strlen(d->text), 2, "%%");
}

/* Padding */

static void fill(qn_jbuild *b, int64_t n, const spec *s, char otherwise)
{
    if (n > (int64_t)qn_template_max.n_repeat)
        qn_jfail(b->r, QN_ELIMIT, "more than %zu characters of padding", qn_template_max.n_repeat);
    for (int64_t i = 0; i < n && qn_jspend(b->r, 1); i++)
        qn_jbuild_add(b, s->n_fill ? s->n_fill : 1, s->n_fill ? s->fill : &otherwise, J_TRUSTED);
}

static int64_t left_share(int64_t n, int align)
{
    return align == '<' ? 0 : align == '^' ? n / 2 : n;
}

/* The whole part with separators, and zeros before it up to n_least places in all. */
static void add_grouped(qn_jbuild *b, const digits *d, const spec *s, int64_t n_least)
{
    int64_t group = s->grouping == '_' && s->type && strchr("boxX", s->type) ? 4 : 3;
    int64_t n = (int64_t)d->n_whole, n_digits = n;
    if (!s->grouping) {
        fill(b, n_least - n, &(spec){0}, '0');
        qn_jbuild_text(b, d->text);
        return;
    }
    while (n_digits + (n_digits - 1) / group < n_least && qn_jspend(b->r, 1))
        n_digits++;
    for (int64_t i = n_digits; i > 0 && qn_jspend(b->r, 1); i--) {
        qn_jbuild_add(b, 1, i > n ? "0" : &d->text[n - i], J_TRUSTED);
        if (i > 1 && (i - 1) % group == 0)
            qn_jbuild_add(b, 1, &s->grouping, J_TRUSTED);
    }
    qn_jbuild_text(b, d->text + d->n_whole);
}

static void pad_number(qn_jbuild *b, const digits *d, const spec *s)
{
    int64_t n_text = (int64_t)strlen(d->text),
            group = s->grouping == '_' && s->type && strchr("boxX", s->type) ? 4 : 3;
    int64_t n_separators = s->grouping && d->n_whole ? ((int64_t)d->n_whole - 1) / group : 0;
    int64_t n_head = (d->sign != 0) + (int64_t)strlen(d->prefix);
    int64_t n = s->width - n_text - n_separators - n_head;
    bool zeros = s->align == '=' && s->n_fill == 1 && s->fill[0] == '0';
    int64_t left = s->align == '=' ? 0 : left_share(n, s->align ? s->align : '>');
    fill(b, left, s, ' ');
    if (d->sign)
        qn_jbuild_add(b, 1, &d->sign, J_TRUSTED);
    qn_jbuild_text(b, d->prefix);
    if (s->align == '=' && !zeros)
        fill(b, n, s, ' ');
    add_grouped(b, d, s, zeros && n > 0 ? (int64_t)d->n_whole + n_separators + n : 0);
    if (s->align != '=')
        fill(b, n - left, s, ' ');
}

static void pad_text(qn_jbuild *b, qn_jstr *text, const spec *s)
{
    if (s->precision >= 0 && (uint64_t)s->precision < text->n_chars)
        text = qn_jslice_bytes(b->r, text, 0, qn_jchar_at(b->r, text, (size_t)s->precision));
    int64_t n = s->width - (int64_t)text->n_chars, left = left_share(n, s->align ? s->align : '<');
    fill(b, left, s, ' ');
    qn_jbuild_str(b, text);
    fill(b, n - left, s, ' ');
}

static void add_number(qn_jbuild *b, qn_jval v, const spec *s)
{
    digits d = {0};
    bool is_float = v.kind == J_DOUBLE || (s->type && strchr("eEfFgG%", s->type));
    double f = is_float ? qn_jas_double(b->r, v) : 0;
    if (is_float && !qn_jfailed(b->r))
        print_float(b->r, &d, f, s);
    else if (!qn_jfailed(b->r))
        print_int(b->r, &d, v, s);
    if (!qn_jfailed(b->r))
        pad_number(b, &d, s);
}

static void add_character(qn_jbuild *b, qn_jval v, const spec *s)
{
    char text[4];
    int64_t code = qn_jis_small(v) ? qn_jas_int(v) : -1;
    bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    size_t n = code >= 0 && code <= 0x10FFFF ? qn_utf8_encode((uint32_t)code, text) : 0;
    if (v.kind == J_STR && v.s->n_chars == 1)
        pad_text(b, v.s, s);
    else if (n && !surrogate)
        pad_text(b, qn_jstr_copy(b->r, n, text, 0), s);
    else if (surrogate)
        qn_jfail(b->r, QN_EUNSUPPORTED, "half of a surrogate pair is not supported");
    else if (qn_jis_int(v))
        refuse(b->r, "%c arg not in range(0x110000)");
    else
        refuse(b->r, "%c requires int or char");
}

/* format(v, spec) */

/* The number at *at, which moves behind it; -1 when none is there. */
static int64_t read_number(qn_jstate *r, qn_str s, size_t *at, const char *too_large)
{
    int64_t n = -1;
    for (; *at < s.n_bytes && s.bytes[*at] >= '0' && s.bytes[*at] <= '9'; ++*at) {
        n = QN_MAX(n, (int64_t)0) * 10 + (s.bytes[*at] - '0');
        if (n > INT32_MAX) {
            refuse(r, too_large);
            return -1;
        }
    }
    return n;
}

static bool is_align(qn_str s, size_t at)
{
    return at < s.n_bytes && s.bytes[at] && strchr("<>=^", s.bytes[at]);
}

static bool take(qn_str s, size_t *at, const char *any, char *found)
{
    if (*at >= s.n_bytes || !s.bytes[*at] || !strchr(any, s.bytes[*at]))
        return false;
    *found = s.bytes[(*at)++];
    return true;
}

static const char many_digits[] = "Too many decimal digits in format string";

static void check_grouping(qn_jstate *r, const spec *p)
{
    bool numeric = !p->type || strchr("deEfFgG%", p->type);
    bool powers = p->type && strchr("boxX", p->type);
    if (p->grouping && !numeric && !(powers && p->grouping == '_'))
        qn_jfail(r, QN_EARGUMENT, "Cannot specify '%c' with '%c'.", p->grouping, p->type);
}

/* The last of a specification: its type, one character. */
static void read_type(qn_jstate *r, qn_str s, size_t at, qn_jval of, spec *p)
{
    size_t n = 0;
    char c;
    if (at < s.n_bytes)
        qn_jcode_at(s, at, &n);
    if (at + n < s.n_bytes)
        qn_jfail(r, QN_EARGUMENT, "Invalid format specifier '%.*s' for object of type '%s'",
                 (int)QN_MIN(s.n_bytes, (size_t)200), s.bytes, qn_jtype_name(of));
    else if (n > 1)
        qn_jfail(r, QN_EARGUMENT, "Unknown format code '\\x%x' for object of type '%s'",
                 qn_jcode_at(s, at, &n), qn_jtype_name(of));
    else if (take(s, &at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ%", &c))
        p->type = c;
    else if (at < s.n_bytes)
        qn_jfail(r, QN_EARGUMENT, "Unknown format code '%c' for object of type '%s'", s.bytes[at],
                 qn_jtype_name(of));
    check_grouping(r, p);
}

static spec read_spec(qn_jstate *r, qn_str s, qn_jval of)
{
    spec p = {.precision = -1, .width = -1};
    size_t at = 0, n_fill = 0;
    char c;
    if (s.n_bytes)
        qn_jcode_at(s, 0, &n_fill);
    if (s.n_bytes && is_align(s, n_fill)) {
        memcpy(p.fill, s.bytes, n_fill);
        p.n_fill = n_fill;
        at = n_fill;
    }
    take(s, &at, "<>=^", &p.align);
    take(s, &at, "+- ", &p.sign);
    p.no_minus_zero = take(s, &at, "z", &c);
    p.alternate = take(s, &at, "#", &c);
    p.zero = !p.n_fill && take(s, &at, "0", &c);
    p.width = read_number(r, s, &at, many_digits);
    if (take(s, &at, ",_", &p.grouping) && take(s, &at, ",_", &c))
        c == p.grouping ? qn_jfail(r, QN_EARGUMENT, "Cannot specify '%c' with '%c'.", c, c)
                        : qn_jfail(r, QN_EARGUMENT, "Cannot specify both ',' and '_'.");
    if (take(s, &at, ".", &c) && (p.precision = read_number(r, s, &at, many_digits)) < 0)
        refuse(r, "Format specifier missing precision");
    read_type(r, s, at, of, &p);
    return p;
}

static void refuse_type(qn_jstate *r, qn_jval v, char type)
{
    qn_jfail(r, QN_EARGUMENT, "Unknown format code '%c' for object of type '%s'", type,
             qn_jtype_name(v));
}

static void format_string(qn_jbuild *b, qn_jval v, spec p)
{
    qn_jstate *r = b->r;
    if (p.type && p.type != 's')
        refuse_type(r, v, p.type);
    else if (p.sign)
        refuse(r, p.sign == ' ' ? "Space not allowed in string format specifier"
                                : "Sign not allowed in string format specifier");
    else if (p.no_minus_zero)
        refuse(r, "Negative zero coercion (z) not allowed in string format specifier");
    else if (p.alternate)
        refuse(r, "Alternate form (#) not allowed in string format specifier");
    else if (p.align == '=')
        refuse(r, "'=' alignment not allowed in string format specifier");
    else if (p.grouping)
        qn_jfail(r, QN_EARGUMENT, "Cannot specify '%c' with 's'.", p.grouping);
    if (p.zero && !p.n_fill)
        p.fill[0] = '0', p.n_fill = 1;
    if (!qn_jfailed(r))
        pad_text(b, v.s, &p);
}

/* What an int cannot have. */
static void check_int(qn_jstate *r, qn_jval v, const spec *p)
{
    bool as_float = p->type && strchr("eEfFgG%", p->type);
    if (p->type && !strchr("bcdoxXneEfFgG%", p->type))
        refuse_type(r, v, p->type);
    else if (as_float)
        return;
    else if (p->precision >= 0)
        refuse(r, "Precision not allowed in integer format specifier");
    else if (p->no_minus_zero)
        refuse(r, "Negative zero coercion (z) not allowed in integer format specifier");
    else if (p->type == 'c' && p->sign)
        refuse(r, "Sign not allowed with integer format specifier 'c'");
    else if (p->type == 'c' && p->alternate)
        refuse(r, "Alternate form (#) not allowed with integer format specifier 'c'");
}

static void format_number(qn_jbuild *b, qn_jval v, spec p)
{
    if (v.kind != J_DOUBLE)
        check_int(b->r, v, &p);
    else if (p.type && !strchr("eEfFgGn%", p.type))
        refuse_type(b->r, v, p.type);
    if (p.zero && !p.align)
        p.align = '=';
    if (p.zero && !p.n_fill)
        p.fill[0] = '0', p.n_fill = 1;
    if (v.kind != J_DOUBLE && p.type == 'n')
        p.type = 'd';
    if (qn_jfailed(b->r))
        return;
    if (p.type == 'c' && v.kind == J_BIG) {
        refuse(b->r, "Python int too large to convert to C long");
    } else if (p.type == 'c') {
        p.align = (char)(p.align ? p.align : '>');
        p.align = (char)(p.align == '=' ? '>' : p.align);
        add_character(b, v, &p);
    } else {
        add_number(b, v, &p);
    }
}

static void format_value(qn_jbuild *b, qn_jval v, qn_jstr *specification)
{
    qn_str s = qn_jbytes(b->r, specification);
    if (s.n_bytes == 0) {
        qn_jprint(b, v);
        return;
    }
    if (v.kind != J_STR && !qn_jis_number(v))
        qn_jfail(b->r, QN_EARGUMENT, "unsupported format string passed to %s.__format__",
                 qn_jtype_name(v));
    if (qn_jfailed(b->r))
        return;
    spec p = read_spec(b->r, s, v);
    if (qn_jfailed(b->r))
        return;
    if (v.kind == J_STR)
        format_string(b, v, p);
    else
        format_number(b, v, p);
}

/* str.format */

typedef struct formatter {
    qn_jstate *r;
    qn_jcall *c;
    qn_jval mapping; /* of format_map; J_MISSING: of format */
    int64_t n_auto;  /* automatic numbers so far; -1: numbers are written */
} formatter;

static qn_jval numbered(formatter *f, int64_t at)
{
    bool mapped = f->mapping.kind != J_MISSING;
    if (at < 0 || mapped || (uint64_t)at >= f->c->n_positional)
        return refuse(f->r, "tuple index out of range");
    return f->c->positional[at];
}

/* mapping[name], in Python. */
static qn_jval mapped(qn_jstate *r, qn_jval mapping, qn_str name)
{
    char shown[QN_SHOWN];
    qn_jval *v = mapping.kind == J_DICT ? qn_jdict_find_str(r, mapping.dict, name) : NULL;
    if (v)
        return *v;
    switch (mapping.kind) {
    case J_UNDEFINED: return qn_jrefuse_undefined(r, mapping);
    case J_DICT: qn_jfail(r, QN_EARGUMENT, "'%s'", qn_str_show(shown, name)); break;
    case J_STR: qn_jfail(r, QN_EARGUMENT, "string indices must be integers, not 'str'"); break;
    case J_LIST:
    case J_TUPLE:
    case J_RANGE:
        qn_jfail(r, QN_EARGUMENT, "%s indices must be integers or slices, not str",
                 qn_jtype_name(mapping));
        break;
    default: qn_jfail(r, QN_EARGUMENT, "'%s' object is not subscriptable", qn_jtype_name(mapping));
    }
    return qn_jnone();
}

static qn_jval named(formatter *f, qn_str name)
{
    char shown[QN_SHOWN];
    if (f->mapping.kind != J_MISSING)
        return mapped(f->r, f->mapping, name);
    for (size_t i = 0; i < f->c->n_keyword; i++)
        if (qn_str_equal(f->c->keyword[i].name, name))
            return f->c->keyword[i].value;
    qn_jfail(f->r, QN_EARGUMENT, "'%s'", qn_str_show(shown, name));
    return qn_jnone();
}

/* A number that a field or an item is named by; -1: it is none. */
static int64_t number_of(formatter *f, qn_str name)
{
    size_t at = 0;
    int64_t n = read_number(f->r, name, &at, many_digits);
    return at == name.n_bytes ? n : -1;
}

/* The argument, by the name before the first "." or "[". */
static qn_jval first_value(formatter *f, qn_str field, qn_str name)
{
    static const char switches[] =
        "cannot switch from manual field specification to automatic field numbering";
    int64_t number = number_of(f, name);
    if (field.n_bytes == 0)
        return f->n_auto < 0 ? refuse(f->r, switches) : numbered(f, f->n_auto++);
    if (number >= 0 && name.n_bytes == field.n_bytes) {
        if (f->n_auto > 0)
            return refuse(f->r, switches);
        f->n_auto = -1;
    }
    return number >= 0 ? numbered(f, number) : named(f, name);
}

/* One ".attribute" or "[item]" from *at on. */
static qn_jval next_value(formatter *f, qn_jval v, qn_str s, size_t *at)
{
    bool item = s.bytes[*at] == '[';
    size_t begin = *at + 1, end = begin;
    if (!item && s.bytes[*at] != '.')
        return refuse(f->r, "Only '.' or '[' may follow ']' in format field specifier");
    while (end < s.n_bytes &&
           (item ? s.bytes[end] != ']' : s.bytes[end] != '.' && s.bytes[end] != '['))
        end++;
    qn_str key = {s.bytes + begin, end - begin};
    if (item && end == s.n_bytes)
        return refuse(f->r, "Missing ']' in format string");
    if (key.n_bytes == 0)
        return refuse(f->r, "Empty attribute in format string");
    *at = end + item;
    int64_t index = item ? number_of(f, key) : -1;
    if (qn_jfailed(f->r))
        return v;
    if (!item)
        return qn_jattribute(f->r, v, key);
    qn_jstr *name = qn_jstr_new(f->r, key.n_bytes, key.bytes, 0);
    return qn_jitem(f->r, v, index >= 0 ? qn_jint(index) : qn_jstr_value(name));
}

/* The value that "name.attribute[item]" means. */
static qn_jval field_value(formatter *f, qn_str s)
{
    size_t at = 0;
    while (at < s.n_bytes && s.bytes[at] != '.' && s.bytes[at] != '[')
        at++;
    qn_jval v = first_value(f, s, (qn_str){s.bytes, at});
    while (at < s.n_bytes && !qn_jfailed(f->r))
        v = next_value(f, v, s, &at);
    return v;
}

static void format_all(formatter *f, qn_jbuild *b, qn_jstr *s, size_t begin, size_t end, int level);

typedef struct field {
    size_t name_end, spec, spec_end, end; /* end: behind the closing brace */
    uint32_t conversion;                  /* 0: none */
} field;

/* The end of a specification, in which braces are balanced; false: it has none. */
static bool read_field_spec(qn_str s, size_t at, size_t end, field *f)
{
    size_t level = 1;
    f->spec = at;
    for (; at < end; at++) {
        level += s.bytes[at] == '{';
        if (s.bytes[at] == '}' && --level == 0)
            break;
    }
    f->spec_end = at;
    f->end = at + 1;
    return at < end;
}

/* Reads the field that begins behind "{"; NULL, or what is wrong with it. */
static const char *read_field(qn_str s, size_t at, size_t end, field *f)
{
    *f = (field){0};
    for (; at < end && s.bytes[at] != '}' && s.bytes[at] != ':' && s.bytes[at] != '!'; at++) {
        if (s.bytes[at] == '{')
            return "unexpected '{' in field name";
        if (s.bytes[at] == '[')
            while (at + 1 < end && s.bytes[++at] != ']')
                ;
    }
    f->name_end = f->spec = f->spec_end = at;
    f->end = at + 1;
    if (at >= end)
        return "expected '}' before end of string";
    if (s.bytes[at] == '}')
        return NULL;
    if (s.bytes[at] == '!') {
        size_t n;
        if (at + 1 >= end)
            return "end of string while looking for conversion specifier";
        f->conversion = qn_jcode_at(s, at + 1, &n);
        at += 1 + n;
        f->end = at + 1;
        if (at < end && s.bytes[at] == '}')
            return NULL;
        if (at < end && s.bytes[at] != ':')
            return "expected ':' after conversion specifier";
    }
    return read_field_spec(s, QN_MIN(at + 1, end), end, f) ? NULL : "unmatched '{' in format spec";
}

/* A representation with what is not ASCII as escapes. */
static qn_jstr *ascii(qn_jstate *r, qn_jstr *s)
{
    qn_jbuild b = qn_jbuild_begin(r);
    qn_str all = qn_jbytes(r, s);
    size_t cursor = 0, n;
    for (size_t at = 0; at < all.n_bytes && qn_jspend(r, 1); at += n) {
        char text[16];
        uint32_t code = qn_jcode_at(all, at, &n);
        const char *how = code < 128       ? "%c"
                          : code < 0x100   ? "\\x%02x"
                          : code < 0x10000 ? "\\u%04x"
                                           : "\\U%08x";
        int n_text = snprintf(text, sizeof text, how, code); // NOLINT: one of these
        qn_jbuild_add(&b, (size_t)n_text, text, qn_jorigin(s, at, &cursor));
    }
    return qn_jbuild_end(&b);
}

static qn_jval convert(formatter *f, qn_jval v, uint32_t how)
{
    char text[5] = "";
    qn_jbuild b = qn_jbuild_begin(f->r);
    if (how == 0)
        return v;
    if (how == 's')
        return qn_jstr_value(qn_jstr_of(f->r, v));
    if (how != 'r' && how != 'a') {
        qn_utf8_encode(how, text);
        qn_jfail(f->r, QN_EARGUMENT, "Unknown conversion specifier %s", text);
        return v;
    }
    qn_jrepr(&b, v);
    qn_jstr *s = qn_jbuild_end(&b);
    return qn_jstr_value(how == 'a' ? ascii(f->r, s) : s);
}

static void format_field(formatter *f, qn_jbuild *b, qn_jstr *s, qn_str name, const field *part,
                         int level)
{
    qn_jval v = field_value(f, name);
    v = qn_jfailed(f->r) ? v : convert(f, v, part->conversion);
    qn_jbuild specification = qn_jbuild_begin(f->r);
    if (!qn_jfailed(f->r))
        format_all(f, &specification, s, part->spec, part->spec_end, level + 1);
    if (qn_jfailed(f->r))
        return;
    if (!s->markup || (v.kind == J_STR && v.s->markup)) {
        format_value(b, v, qn_jbuild_end(&specification));
        return;
    }
    qn_jbuild plain = qn_jbuild_begin(f->r); /* markup escapes what is put into it */
    format_value(&plain, v, qn_jbuild_end(&specification));
    qn_jbuild_str(b, qn_jescape(f->r, qn_jbuild_end(&plain)));
}

static void format_all(formatter *f, qn_jbuild *b, qn_jstr *s, size_t begin, size_t end, int level)
{
    qn_str all = qn_jbytes(f->r, s);
    size_t plain = begin;
    if (level > MAX_NESTED)
        refuse(f->r, "Max string recursion exceeded");
    for (size_t at = begin; at < end && !qn_jfailed(f->r);) {
        char c = all.bytes[at++];
        field part;
        if (c != '{' && c != '}')
            continue;
        bool twice = at < end && all.bytes[at] == c;
        qn_jbuild_piece(b, s, plain, at - !twice); /* of two braces one stays */
        plain = at += twice;
        if (twice)
            continue;
        const char *wrong = c == '}'    ? "Single '}' encountered in format string"
                            : at == end ? "Single '{' encountered in format string"
                                        : read_field(all, at, end, &part);
        if (wrong) {
            refuse(f->r, wrong);
            return;
        }
        format_field(f, b, s, (qn_str){all.bytes + at, part.name_end - at}, &part, level);
        qn_jspend(f->r, 1 + (part.end - at) / 64);
        plain = at = part.end;
    }
    qn_jbuild_piece(b, s, plain, end);
}

static qn_jval format(qn_jstate *r, qn_jval self, qn_jcall *c, qn_jval mapping)
{
    formatter f = {.r = r, .c = c, .mapping = mapping};
    qn_jbuild b = qn_jbuild_begin(r);
    qn_jbytes(r, self.s);
    format_all(&f, &b, self.s, 0, self.s->n_bytes, 0);
    qn_jstr *s = qn_jbuild_end(&b);
    s->markup = self.s->markup;
    return qn_jstr_value(s);
}

qn_jval qn_jm_format(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    return format(r, self, c, (qn_jval){0});
}

qn_jval qn_jm_format_map(qn_jstate *r, qn_jval self, qn_jcall *c)
{
    return format(r, self, c, c->v[0]);
}

/* str % values */

typedef struct percent {
    qn_jstate *r;
    bool escapes; /* the format is markup */
    qn_jval args;
    size_t n_used;
} percent;

static qn_jval next_argument(percent *p)
{
    size_t at = p->n_used++;
    if (p->args.kind == J_TUPLE && at < p->args.list->n)
        return p->args.list->v[at];
    if (p->args.kind != J_TUPLE && at == 0)
        return p->args;
    return refuse(p->r, "not enough arguments for format string");
}

/* (name) of a mapping, at *at. */
static qn_jval mapped_argument(percent *p, qn_str s, size_t *at)
{
    size_t begin = ++*at, level = 1;
    bool mapping = p->args.kind == J_DICT || p->args.kind == J_LIST || p->args.kind == J_RANGE ||
                   p->args.kind == J_UNDEFINED;
    if (!mapping)
        return refuse(p->r, "format requires a mapping");
    for (; *at < s.n_bytes; ++*at) {
        level += s.bytes[*at] == '(';
        if (s.bytes[*at] == ')' && --level == 0)
            break;
    }
    if (*at == s.n_bytes)
        return refuse(p->r, "incomplete format key");
    qn_str key = {s.bytes + begin, *at - begin};
    ++*at;
    return mapped(p->r, p->args, key);
}

static void read_flags(qn_str s, size_t *at, spec *p)
{
    for (char c; take(s, at, "-+ #0", &c);) {
        if (c == '-')
            p->align = '<';
        else if (c == '#')
            p->alternate = true;
        else if (c == '0')
            p->zero = true;
        else
            p->sign = (char)(p->sign == '+' ? '+' : c);
    }
}

static int64_t star_or_number(percent *p, qn_str s, size_t *at, bool is_width)
{
    char c;
    if (!take(s, at, "*", &c))
        return read_number(p->r, s, at, is_width ? "width too big" : "precision too big");
    qn_jval v = next_argument(p);
    if (v.kind == J_BIG ||
        (qn_jis_small(v) && (qn_jas_int(v) > INT32_MAX || qn_jas_int(v) < -INT32_MAX)))
        refuse(p->r, is_width ? "Python int too large to convert to C ssize_t"
                              : "Python int too large to convert to C int");
    else if (!qn_jis_small(v))
        refuse(p->r, "* wants int");
    if (qn_jfailed(p->r))
        return -1;
    return qn_jas_int(v);
}

/* The value as %d and the like take it. */
static qn_jval integral(percent *p, qn_jval v, char type)
{
    bool only_int = type == 'o' || (type | 32) == 'x';
    if (v.kind == J_UNDEFINED && !only_int)
        qn_jrefuse_undefined(p->r, v);
    else if (v.kind == J_DOUBLE && !only_int && isfinite(v.f))
        return qn_jint_of_double(p->r, trunc(v.f));
    else if (v.kind == J_DOUBLE && !only_int)
        qn_jfail(p->r, QN_EARGUMENT, "cannot convert float %s to integer",
                 isnan(v.f) ? "NaN" : "infinity");
    else if (!qn_jis_int(v))
        qn_jfail(p->r, QN_EARGUMENT, "%%%c format: %s is required, not %s", type,
                 only_int ? "an integer" : "a real number", qn_jtype_name(v));
    return qn_jis_int(v) ? v : qn_jint(0);
}

static void add_text(percent *p, qn_jbuild *b, qn_jval v, spec *s)
{
    qn_jbuild text = qn_jbuild_begin(p->r);
    if (s->type == 's')
        qn_jprint(&text, v);
    else
        qn_jrepr(&text, v);
    if (!s->align)
        s->align = '>';
    qn_jstr *shown = qn_jbuild_end(&text);
    bool is_markup = s->type == 's' && v.kind == J_STR && v.s->markup;
    shown = s->type == 'a' ? ascii(p->r, shown) : shown;
    pad_text(b, p->escapes && !is_markup ? qn_jescape(p->r, shown) : shown, s);
}

static void add_converted(percent *p, qn_jbuild *b, qn_jval v, spec *s)
{
    if (s->zero && s->align != '<')
        s->align = '=', s->fill[0] = '0', s->n_fill = 1;
    if (strchr("sra", s->type)) {
        s->align = (char)(s->align == '=' ? 0 : s->align);
        s->n_fill = 0;
        add_text(p, b, v, s);
    } else if (s->type == 'c') {
        s->align = (char)(s->align == '<' ? '<' : '>');
        s->precision = -1;
        s->n_fill = 0;
        add_character(b, v, s);
    } else if (strchr("diuoxX", s->type)) {
        v = integral(p, v, s->type);
        s->type = (char)(strchr("iu", s->type) ? 'd' : s->type);
        s->n_least = QN_MAX(s->precision, (int64_t)0);
        s->precision = -1;
        if (!qn_jfailed(p->r))
            add_number(b, v, s);
    } else if (v.kind == J_UNDEFINED) {
        qn_jrefuse_undefined(p->r, v);
    } else if (!qn_jis_number(v)) {
        qn_jfail(p->r, QN_EARGUMENT, "must be real number, not %s", qn_jtype_name(v));
    } else {
        double f = qn_jas_double(p->r, v);
        if (!qn_jfailed(p->r))
            add_number(b, qn_jdouble(f), s);
    }
}

/* The character and its place, counted in characters. */
static void refuse_conversion(qn_jstate *r, qn_str s, size_t at)
{
    size_t n;
    uint32_t code = qn_jcode_at(s, at, &n);
    bool shown = code >= 31 && code < 127;
    qn_jfail(r, QN_EARGUMENT, "unsupported format character '%c' (0x%x) at index %zu",
             shown ? (char)code : '?', code, qn_jcount_chars(at, s.bytes));
}

static void add_conversion(percent *p, qn_jbuild *b, qn_str s, size_t *at)
{
    spec how = {.precision = -1, .width = -1};
    qn_jval v = {0};
    char c;
    if (take(s, at, "%", &c)) {
        qn_jbuild_text(b, "%");
        return;
    }
    if (*at < s.n_bytes && s.bytes[*at] == '(')
        v = mapped_argument(p, s, at);
    read_flags(s, at, &how);
    how.width = star_or_number(p, s, at, true);
    if (how.width < -1)
        how.align = '<', how.width = -how.width;
    if (take(s, at, ".", &c)) {
        int64_t n_digits = star_or_number(p, s, at, false);
        how.precision = QN_MAX(n_digits, (int64_t)0);
    }
    take(s, at, "hlL", &c);
    if (*at >= s.n_bytes)
        refuse(p->r, "incomplete format");
    if (qn_jfailed(p->r))
        return;
    v = v.kind == J_MISSING ? next_argument(p) : v;
    if (!take(s, at, "diouxXeEfFgGcrsa", &how.type))
        refuse_conversion(p->r, s, *at);
    if (!qn_jfailed(p->r))
        add_converted(p, b, v, &how);
}

qn_jval qn_jpercent(qn_jstate *r, qn_jstr *format, qn_jval args)
{
    percent p = {.r = r, .args = args, .escapes = format->markup};
    qn_str s = qn_jbytes(r, format);
    qn_jbuild b = qn_jbuild_begin(r);
    size_t plain = 0;
    for (size_t at = 0; at < s.n_bytes && !qn_jfailed(r);) {
        if (s.bytes[at++] != '%')
            continue;
        qn_jbuild_piece(&b, format, plain, at - 1);
        add_conversion(&p, &b, s, &at);
        plain = at;
    }
    qn_jbuild_piece(&b, format, plain, s.n_bytes);
    /* what has items by key may be left over */
    bool mapping = args.kind == J_DICT || args.kind == J_LIST || args.kind == J_UNDEFINED ||
                   args.kind == J_RANGE;
    size_t n_args = args.kind == J_TUPLE ? args.list->n : mapping ? 0 : 1;
    if (p.n_used < n_args)
        refuse(r, "not all arguments converted during string formatting");
    qn_jstr *done = qn_jbuild_end(&b);
    done->markup = format->markup;
    return qn_jstr_value(done);
}
