/* cli/out.c - standard output with its first failure kept. */
#include "cli/out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int failed_with; /* errno of the first failure */

static void note(bool fine)
{
    if (!fine && !failed_with)
        failed_with = errno ? errno : EIO;
}

void qn_out(size_t n_bytes, const void *bytes)
{
    if (!failed_with && n_bytes)
        note(fwrite(bytes, 1, n_bytes, stdout) == n_bytes);
}

void qn_out_text(const char *text)
{
    qn_out(strlen(text), text);
}

void qn_out_format(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!failed_with)
        note(vfprintf(stdout, format, args) >= 0);
    va_end(args);
}

void qn_out_buf(qn_buf *b)
{
    errno = ENOMEM;
    note(!b->failed);
    qn_out(b->n_bytes, b->bytes);
    qn_buf_clear(b);
}

void qn_out_flush(void)
{
    if (!failed_with)
        note(fflush(stdout) == 0);
}

bool qn_out_lost(void)
{
    return failed_with != 0;
}

qn_status qn_out_end(qn_error *err)
{
    static bool told;
    qn_out_flush();
    if (failed_with == 0 || failed_with == EPIPE || told)
        return QN_OK;
    told = true;
    return qn_fail(err, failed_with == ENOMEM ? QN_ENOMEM : QN_EIO,
                   "standard output cannot be written: %s; the result is incomplete",
                   strerror(failed_with));
}

/* A sentence may quote a template or a file: what would steer a terminal is shown as ?. */
static void clean(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        bool steers = (*c < 32 && *c != '\n' && *c != '\t') || *c == 127;
        bool c1 = *c == 0xC2 && c[1] >= 0x80 && c[1] < 0xA0; /* two bytes of UTF-8 */
        if (steers || c1)
            *c = '?';
        if (c1)
            *++c = '?';
    }
}

void qn_say(const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    clean(text);
    fprintf(stderr, "quern: %s\n", text);
}
