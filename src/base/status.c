/* base/status.c - error sentences, cut visibly and on a character boundary. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char cut_mark[] = "[...]";

/* Ends an overfull text in the mark, without leaving half of a UTF-8 sequence before it. */
static void mark_cut(char *text, size_t n_capacity)
{
    size_t at = n_capacity - sizeof cut_mark;
    while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80)
        at--;
    memcpy(text + at, cut_mark, sizeof cut_mark);
}

qn_status qn_fail(qn_error *err, qn_status status, const char *format, ...)
{
    if (!err)
        return status;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    if (n >= (int)sizeof err->text)
        mark_cut(err->text, sizeof err->text);
    err->status = status;
    return status;
}

qn_status qn_fail_in(qn_error *err, const char *where)
{
    if (!err)
        return QN_EFORMAT;
    char text[sizeof err->text];
    int n = snprintf(text, sizeof text, "%s: %s", where, err->text);
    if (n >= (int)sizeof text)
        mark_cut(text, sizeof text);
    memcpy(err->text, text, sizeof text);
    return err->status;
}

int qn_status_exit_code(qn_status status)
{
    static const int codes[] = {
#define X(status, exit_code) [status] = exit_code,
#include "base/status.def"
#undef X
    };
    return (size_t)status < QN_COUNT(codes) ? codes[status] : 1;
}
