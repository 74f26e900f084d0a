/* cli/input.c - standard input. */
#include "cli/input.h"

#include "cli/out.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

qn_status qn_input_file(qn_buf *text, const char *path, size_t n_limit, qn_error *err)
{
    qn_status st = qn_buf_read_file(text, path, n_limit, err);
    if (st == QN_ENOTFOUND)
        st = err->status = QN_EIO;
    return st;
}

qn_status qn_input_read(qn_buf *text, const char *path, qn_error *err)
{
    if (strcmp(path, "-") == 0)
        return qn_buf_read_fd(text, STDIN_FILENO, "standard input", QN_INPUT_BYTES, err);
    return qn_input_file(text, path, QN_INPUT_BYTES, err);
}

static qn_status read_more(qn_lines *l, qn_error *err)
{
    char chunk[16384];
    qn_out_flush();
    ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);
    QN_FAIL_IF(n < 0, err, QN_EIO, "standard input cannot be read: %s", strerror(errno));
    l->ended = l->ended || n == 0;
    qn_buf_append(&l->held, (size_t)n, chunk);
    QN_FAIL_IF(l->held.failed, err, QN_ENOMEM, "out of memory for a line of standard input");
    QN_FAIL_IF(l->held.n_bytes > QN_LINE_BYTES, err, QN_EARGUMENT,
               "a line of standard input is longer than %d bytes", QN_LINE_BYTES);
    return QN_OK;
}

/* Moves what is not used yet to the front. */
static void drop_used(qn_lines *l)
{
    if (l->at == 0)
        return;
    memmove(l->held.bytes, l->held.bytes + l->at, l->held.n_bytes - l->at);
    l->held.n_bytes -= l->at;
    l->at = 0;
}

/* Reads until the rest begins with a whole line, which ends at *end, or with all there is (NULL).
 */
static qn_status hold_line(qn_lines *l, const char **end, qn_error *err)
{
    size_t looked = l->at; /* no line ends before it */
    *end = NULL;
    for (;;) {
        if (l->held.n_bytes > looked)
            *end = memchr(l->held.bytes + looked, '\n', l->held.n_bytes - looked);
        if (*end || l->ended)
            return QN_OK;
        drop_used(l);
        looked = l->held.n_bytes;
        QN_TRY(read_more(l, err));
    }
}

qn_status qn_lines_next(qn_lines *l, qn_str *line, bool *more, qn_error *err)
{
    const char *end;
    QN_TRY(hold_line(l, &end, err));
    size_t begin = l->at, stop = end ? (size_t)(end - l->held.bytes) : l->held.n_bytes;
    *more = end || stop > begin;
    *line = (qn_str){*more ? l->held.bytes + begin : "", stop - begin};
    l->at = end ? stop + 1 : stop;
    return QN_OK;
}

void qn_lines_release(qn_lines *l)
{
    qn_buf_release(&l->held);
    *l = (qn_lines){0};
}
