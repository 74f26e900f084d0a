/* text/jinja_time.c - strftime in UTC, in the C locale. Source: Python's datetime.strftime, glibc.
 *
 * The calendar is the proleptic Gregorian one, for the years 1 to 9999. */
#include "text/jinja_value.h"

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

static void number(qn_jbuild *b, int value, int width, char pad)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%d", value);
    qn_jbuild_repeat(b, pad ? width - n : 0, pad);
    qn_jbuild_text(b, text);
}

/* The letters whose value is a number of fixed width. */
static bool print_number(qn_jbuild *b, const moment *m, char letter, char pad)
{
    int iso_year, week, hour12 = m->hour % 12 ? m->hour % 12 : 12;
    iso_week(m, &iso_year, &week);
    const struct {
        char letter, pad;
        int value, width;
    } rows[] = {
        {'d', '0', m->day, 2},
        {'e', ' ', m->day, 2},
        {'m', '0', m->month, 2},
        {'y', '0', m->year % 100, 2},
        {'Y', 0, m->year, 4},
        {'C', '0', m->year / 100, 2},
        {'H', '0', m->hour, 2},
        {'k', ' ', m->hour, 2},
        {'I', '0', hour12, 2},
        {'l', ' ', hour12, 2},
        {'M', '0', m->minute, 2},
        {'S', '0', m->second, 2},
        {'f', '0', 0, 6},
        {'j', '0', m->yearday + 1, 3},
        {'u', 0, m->weekday ? m->weekday : 7, 1},
        {'w', 0, m->weekday, 1},
        {'U', '0', (m->yearday + 7 - m->weekday) / 7, 2},
        {'W', '0', (m->yearday + 7 - (m->weekday + 6) % 7) / 7, 2},
        {'V', '0', week, 2},
        {'G', 0, iso_year, 4},
        {'g', '0', iso_year % 100, 2},
    };
    for (size_t i = 0; i < QN_COUNT(rows); i++) {
        if (rows[i].letter != letter)
            continue;
        number(b, rows[i].value, rows[i].width, pad == '-' ? 0 : pad ? pad : rows[i].pad);
        return true;
    }
    return false;
}

static const char *word(const moment *m, char letter, char text[32])
{
    switch (letter) {
    case 'a': return snprintf(text, 32, "%.3s", weekdays[m->weekday]), text;
    case 'A': return weekdays[m->weekday];
    case 'b':
    case 'h': return snprintf(text, 32, "%.3s", months[m->month - 1]), text;
    case 'B': return months[m->month - 1];
    case 'p': return m->hour < 12 ? "AM" : "PM";
    case 'P': return m->hour < 12 ? "am" : "pm";
    case 's': return snprintf(text, 32, "%" PRId64, m->epoch), text;
    case 'n': return "\n";
    case 't': return "\t";
    case '%': return "%";
    case 'z': /* a time without a zone has neither offset nor name */
    case 'Z': return "";
    default: return NULL;
    }
}

static const char *compound(char letter)
{
    switch (letter) {
    case 'c': return "%a %b %e %H:%M:%S %Y";
    case 'D':
    case 'x': return "%m/%d/%y";
    case 'F': return "%Y-%m-%d";
    case 'R': return "%H:%M";
    case 'r': return "%I:%M:%S %p";
    case 'T':
    case 'X': return "%H:%M:%S";
    default: return NULL;
    }
}

static void print(qn_jbuild *b, const moment *m, size_t n_bytes, const char *format,
                  unsigned origin)
{
    for (size_t i = 0; i < n_bytes && !qn_jfailed(b->r); i++) {
        char text[32], pad = 0;
        size_t begin = i;
        if (format[i] != '%' || i + 1 == n_bytes) {
            qn_jbuild_add(b, 1, format + i, origin);
            continue;
        }
        i++;
        if (strchr("-_0", format[i]) && format[i] && i + 1 < n_bytes)
            pad = format[i] == '_' ? ' ' : format[i], i++;
        const char *w = word(m, format[i], text), *parts = compound(format[i]);
        if (parts)
            print(b, m, strlen(parts), parts, origin); /* none of them holds another */
        else if (w)
            qn_jbuild_text(b, w);
        else if (!print_number(b, m, format[i], pad))
            qn_jbuild_add(b, i + 1 - begin, format + begin, origin);
    }
}

void qn_jstrftime(qn_jbuild *b, qn_jstr *format, int64_t epoch)
{
    moment m = moment_of(epoch);
    qn_str f = qn_jbytes(b->r, format);
    if (memchr(f.bytes, 0, f.n_bytes))
        qn_jfail(b->r, QN_EARGUMENT, "strftime_now: a zero byte in the format");
    else
        print(b, &m, f.n_bytes, f.bytes, format->n_marks ? 0 : format->origin);
}
