/* text/jinja_time.c - strftime in the C locale. Source: Python 3.11's datetime.strftime,
 * glibc 2.36.
 *
 * The calendar is the proleptic Gregorian one, for the years 1 to 9999. Flags, widths and the
 * modifiers E and O are glibc's: a conversion that it does not know stays as it is written. */
#include "text/jinja_value.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

typedef struct moment {
    int64_t epoch;
    int year, month, day, hour, minute, second, weekday,
        yearday; /* month, day 1...; weekday 0: Sunday */
} moment;

static const char *const weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};

static bool leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && leap(year));
}

static moment moment_of(int64_t epoch)
{
    const int64_t first = -62135596800, last = 253402300799; /* years 1 to 9999 */
    moment m = {.epoch = QN_MIN(QN_MAX(epoch, first), last), .year = 1, .month = 1};
    int64_t seconds = m.epoch - first, day = seconds / 86400;
    seconds %= 86400;
    m.weekday = (int)((day + 1) % 7); /* 1 January of year 1 was a Monday */
    m.year += (int)(day / 146097) * 400;
    day %= 146097;
    while (day >= 365 + leap(m.year)) {
        day -= 365 + leap(m.year);
        m.year++;
    }
    m.yearday = (int)day;
    while (day >= days_in(m.year, m.month))
        day -= days_in(m.year, m.month++);
    m.day = (int)day + 1;
    m.hour = (int)(seconds / 3600);
    m.minute = (int)(seconds / 60 % 60);
    m.second = (int)(seconds % 60);
    return m;
}

/* ISO 8601: the week with the year's first Thursday is its first. */
static void iso_week(const moment *m, int *year, int *week)
{
    int weekday = (m->weekday + 6) % 7; /* 0: Monday */
    int thursday = m->yearday - weekday + 3;
    *year = m->year;
    if (thursday < 0) {
        --*year;
        thursday += 365 + leap(*year);
    } else if (thursday >= 365 + leap(*year)) {
        thursday -= 365 + leap(*year);
        ++*year;
    }
    *week = thursday / 7 + 1;
}

/* Between % and a letter: flags, a width, a modifier. */
typedef struct conversion {
    char pad; /* 0: the letter's own */
    bool upper, other_case;
    int width; /* 0: none */
    char modifier, letter;
} conversion;

/* A text, padded, in the case that is asked for. */
static void add_text(qn_jbuild *b, const conversion *c, size_t n, const char *text, bool lower)
{
    qn_jbuild_repeat(b, c->width - (int)n, c->pad == '0' ? '0' : ' ');
    for (size_t i = 0; i < n && !qn_jfailed(b->r); i++) {
        char letter = lower      ? (char)tolower((unsigned char)text[i])
                      : c->upper ? (char)toupper((unsigned char)text[i])
                                 : text[i];
        qn_jbuild_add(b, 1, (unsigned char)text[i] < 128 ? &letter : text + i, J_TRUSTED);
    }
}

static void add_number(qn_jbuild *b, conversion c, int value, int n_digits)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%d", value);
    int n_missing = c.pad == '-' ? 0 : QN_MAX(n_digits, c.width) - n;
    qn_jbuild_repeat(b, n_missing, c.pad == '_' ? ' ' : '0');
    c.width = n_missing > 0 ? 0 : c.width;
    add_text(b, &c, (size_t)n, text, false);
}

/* The letters whose value is a number. */
static bool print_number(qn_jbuild *b, const moment *m, conversion c)
{
    int iso_year, week, hour12 = m->hour % 12 ? m->hour % 12 : 12;
    iso_week(m, &iso_year, &week);
    const struct {
        char letter, pad; /* _ where spaces are usual */
        int value, n_digits;
        const char *modifiers; /* allowed */
    } rows[] = {
        {'d', 0, m->day, 2, "O"},
        {'e', '_', m->day, 2, "O"},
        {'m', 0, m->month, 2, "O"},
        {'y', 0, m->year % 100, 2, "EO"},
        {'Y', 0, m->year, 1, "E"},
        {'C', 0, m->year / 100, 2, "EO"},
        {'H', 0, m->hour, 2, "O"},
        {'k', '_', m->hour, 2, "O"},
        {'I', 0, hour12, 2, "O"},
        {'l', '_', hour12, 2, "O"},
        {'M', 0, m->minute, 2, "O"},
        {'S', 0, m->second, 2, "O"},
        {'j', 0, m->yearday + 1, 3, "O"},
        {'u', 0, m->weekday ? m->weekday : 7, 1, "EO"},
        {'w', 0, m->weekday, 1, "O"},
        {'U', 0, (m->yearday + 7 - m->weekday) / 7, 2, "O"},
        {'W', 0, (m->yearday + 7 - (m->weekday + 6) % 7) / 7, 2, "O"},
        {'V', 0, week, 2, "O"},
        {'G', 0, iso_year, 1, "O"},
        {'g', 0, iso_year % 100, 2, "O"},
    };
    for (size_t i = 0; i < QN_COUNT(rows); i++) {
        if (rows[i].letter != c.letter)
            continue;
        if (c.modifier && !strchr(rows[i].modifiers, c.modifier))
            return false;
        c.pad = rows[i].pad && c.pad != '0' && c.pad != '-' ? rows[i].pad : c.pad;
        add_number(b, c, rows[i].value, rows[i].n_digits);
        return true;
    }
    return false;
}

/* The letters that stand for a text, with the modifiers that they may have; NULL: not one. */
static const char *word(const moment *m, char letter, char text[32], const char **modifiers)
{
    *modifiers = "";
    switch (letter) {
    case 'a': return snprintf(text, 32, "%.3s", weekdays[m->weekday]), text;
    case 'A': return weekdays[m->weekday];
    case 'b':
    case 'h': *modifiers = "O"; return snprintf(text, 32, "%.3s", months[m->month - 1]), text;
    case 'B': *modifiers = "O"; return months[m->month - 1];
    case 'p':
    case 'P': *modifiers = "EO"; return m->hour < 12 ? "AM" : "PM";
    case 's': *modifiers = "EO"; return snprintf(text, 32, "%" PRId64, m->epoch), text;
    case 'n': *modifiers = "EO"; return "\n";
    case 't': *modifiers = "EO"; return "\t";
    case '%': *modifiers = "EO"; return "%";
    default: return NULL;
    }
}

static const char *compound(char letter, const char **modifiers)
{
    *modifiers = "";
    switch (letter) {
    case 'c': *modifiers = "E"; return "%a %b %e %H:%M:%S %Y";
    case 'D': return "%m/%d/%y";
    case 'x': *modifiers = "E"; return "%m/%d/%y";
    case 'F': return "%Y-%m-%d";
    case 'R': *modifiers = "EO"; return "%H:%M";
    case 'r': *modifiers = "EO"; return "%I:%M:%S %p";
    case 'T': *modifiers = "EO"; return "%H:%M:%S";
    case 'X': *modifiers = "E"; return "%H:%M:%S";
    default: return NULL;
    }
}

/* Reads what is behind %; *at moves to the letter. */
static conversion read_conversion(size_t n_bytes, const char *format, size_t *at)
{
    conversion c = {0};
    for (; *at < n_bytes; ++*at) {
        char flag = format[*at];
        if (flag == '^')
            c.upper = true;
        else if (flag == '#')
            c.other_case = true;
        else if (flag && strchr("_-0+", flag))
            c.pad = flag;
        else
            break;
    }
    for (; *at < n_bytes && format[*at] >= '0' && format[*at] <= '9'; ++*at)
        c.width = QN_MIN(c.width * 10 + (format[*at] - '0'), 100000000);
    if (*at < n_bytes && (format[*at] == 'E' || format[*at] == 'O'))
        c.modifier = format[(*at)++];
    c.letter = *at < n_bytes ? format[*at] : 0;
    return c;
}

static void print(qn_jbuild *b, const moment *m, size_t n_bytes, const char *format,
                  unsigned origin);

/* A conversion made of others is padded and put in capitals as a whole. */
static void print_compound(qn_jbuild *b, const moment *m, const conversion *c, const char *parts)
{
    qn_jbuild whole = qn_jbuild_begin(b->r);
    print(&whole, m, strlen(parts), parts, J_TRUSTED); /* none of them holds another */
    qn_str s = qn_jbytes(b->r, qn_jbuild_end(&whole));
    add_text(b, c, s.n_bytes, s.bytes, false);
}

static bool print_word(qn_jbuild *b, const moment *m, conversion c)
{
    char text[32];
    const char *modifiers, *parts = compound(c.letter, &modifiers);
    const char *w = parts ? parts : word(m, c.letter, text, &modifiers);
    if (!w || (c.modifier && !strchr(modifiers, c.modifier)))
        return false;
    if (parts) {
        print_compound(b, m, &c, parts);
        return true;
    }
    bool half = c.letter == 'p' || c.letter == 'P';
    bool lower = c.letter == 'P' || (c.letter == 'p' && c.other_case);
    c.upper |= c.other_case && !half && strchr("aAbBh", c.letter);
    add_text(b, &c, strlen(w), w, lower);
    return true;
}

/* What Python itself puts in: of a time without a zone, neither offset nor name. */
static bool print_pythons(qn_jbuild *b, char letter)
{
    if (letter == 'f')
        qn_jbuild_text(b, "000000");
    return letter == 'f' || letter == 'z' || letter == 'Z';
}

static void print(qn_jbuild *b, const moment *m, size_t n_bytes, const char *format,
                  unsigned origin)
{
    for (size_t i = 0; i < n_bytes && qn_jspend(b->r, 1); i++) {
        size_t begin = i;
        if (format[i] != '%' || i + 1 == n_bytes) {
            qn_jbuild_add(b, 1, format + i, origin);
            continue;
        }
        i++;
        if (print_pythons(b, format[i]))
            continue;
        conversion c = read_conversion(n_bytes, format, &i);
        i = QN_MIN(i, n_bytes - 1);
        if (c.letter == 'Z') /* a time without a zone */
            add_text(b, &c, 0, "", false);
        else if (c.letter != 'z' && !print_number(b, m, c) && !print_word(b, m, c))
            add_text(b, &c, i + 1 - begin, format + begin, false);
    }
}

/* Python gives up where its buffer does not suffice. */
static bool fits(size_t n_text, size_t n_format)
{
    size_t room = 1024;
    while (room <= n_text && room < 256 * n_format)
        room *= 2;
    return n_text < room;
}

void qn_jstrftime(qn_jbuild *b, qn_jstr *format, int64_t epoch)
{
    moment m = moment_of(epoch);
    qn_str f = qn_jbytes(b->r, format);
    if (f.n_bytes && memchr(f.bytes, 0, f.n_bytes))
        qn_jfail(b->r, QN_EARGUMENT, "embedded null character");
    else
        print(b, &m, f.n_bytes, f.bytes, format->n_marks ? 0 : format->origin);
    if (!fits(b->n_bytes, f.n_bytes))
        b->n_bytes = b->n_marks = 0;
}
