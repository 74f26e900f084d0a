/* base/buf.c - growing bytes, by doubling. */
#include "base/buf.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Room for n_more bytes and the zero behind them. */
static bool reserve(qn_buf *b, size_t n_more)
{
    size_t n;
    if (b->failed || !qn_add(b->n_bytes, n_more, &n) || !qn_add(n, 1, &n) ||
        (b->n_limit && n - 1 > b->n_limit)) {
        b->failed = true;
        return false;
    }
    if (n <= b->n_capacity)
        return true;
    n = QN_MAX(n, QN_MAX(b->n_capacity * 2, (size_t)64));
    char *p = qn_realloc(b->bytes, n, 1);
    b->failed = !p;
    if (!p)
        return false;
    b->bytes = p;
    b->n_capacity = n;
    return true;
}

void qn_buf_append(qn_buf *b, size_t n_bytes, const void *bytes)
{
    if (!reserve(b, n_bytes))
        return;
    if (n_bytes)
        memcpy(b->bytes + b->n_bytes, bytes, n_bytes);
    b->n_bytes += n_bytes;
    b->bytes[b->n_bytes] = 0;
}

void qn_buf_byte(qn_buf *b, char byte)
{
    qn_buf_append(b, 1, &byte);
}

void qn_buf_text(qn_buf *b, const char *text)
{
    qn_buf_append(b, strlen(text), text);
}

void qn_buf_format(qn_buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n >= 0 && reserve(b, (size_t)n)) {
        vsnprintf(b->bytes + b->n_bytes, (size_t)n + 1, format, again);
        b->n_bytes += (size_t)n;
    }
    va_end(again);
}

void qn_buf_clear(qn_buf *b)
{
    b->n_bytes = 0;
    b->failed = false;
    if (b->bytes)
        b->bytes[0] = 0;
}

void qn_buf_release(qn_buf *b)
{
    qn_free(b->bytes);
    *b = (qn_buf){.n_limit = b->n_limit};
}

qn_status qn_buf_read_fd(qn_buf *b, int fd, const char *name, size_t n_limit, qn_error *err)
{
    for (;;) {
        QN_FAIL_IF(!reserve(b, 1 << 16), err, QN_ENOMEM, "%s: no memory to read it", name);
        ssize_t n = qn_fault_point() ? (errno = EIO, -1) : read(fd, b->bytes + b->n_bytes, 1 << 16);
        if (n < 0 && errno == EINTR)
            continue;
        QN_FAIL_IF(n < 0, err, QN_EIO, "%s: cannot read it: %s", name, strerror(errno));
        b->n_bytes += (size_t)n;
        b->bytes[b->n_bytes] = 0;
        QN_FAIL_IF(b->n_bytes > n_limit, err, QN_ELIMIT, "%s: longer than the limit of %zu bytes",
                   name, n_limit);
        if (n == 0)
            return QN_OK;
    }
}

qn_status qn_buf_read_file(qn_buf *b, const char *path, size_t n_limit, qn_error *err)
{
    int fd = qn_fault_point() ? (errno = EIO, -1) : open(path, O_RDONLY | O_CLOEXEC);
    QN_FAIL_IF(fd < 0, err, errno == ENOENT ? QN_ENOTFOUND : QN_EIO, "%s: cannot open it: %s", path,
               strerror(errno));
    qn_status status = qn_buf_read_fd(b, fd, path, n_limit, err);
    close(fd);
    return status;
}

void qn_buf_reserve(qn_buf *b, size_t n_bytes)
{
    if (n_bytes > b->n_bytes)
        (void)reserve(b, n_bytes - b->n_bytes);
}

void qn_buf_drop(qn_buf *b, size_t n_bytes)
{
    if (n_bytes == 0)
        return;
    b->n_bytes -= n_bytes;
    memmove(b->bytes, b->bytes + n_bytes, b->n_bytes + 1);
}
