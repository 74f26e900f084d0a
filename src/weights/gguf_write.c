/* weights/gguf_write.c - the streaming writer. */
#include "weights/gguf_write.h"

#include "base/fault.h"
#include "weights/gguf_parse.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* The low n_bytes of a value, least first. */
static void put_le(qn_buf *b, size_t n_bytes, uint64_t value)
{
    for (size_t i = 0; i < n_bytes; i++)
        qn_buf_byte(b, (char)(value >> (8 * i)));
}

static void put_text(qn_buf *b, qn_str s)
{
    put_le(b, 8, s.n_bytes);
    qn_buf_append(b, s.n_bytes, s.bytes);
}

static void follow_alignment(qn_gguf_writer *w, const char *key, uint64_t value)
{
    if (strcmp(key, "general.alignment") != 0)
        return;
    assert(value > 0 && w->n_tensors == 0);
    w->alignment = value;
}

static void put_key(qn_gguf_writer *w, const char *key, qn_gguf_type type)
{
    put_text(&w->values, qn_str_of(key));
    put_le(&w->values, 4, type);
    w->n_values++;
}

void qn_gguf_put_int(qn_gguf_writer *w, const char *key, qn_gguf_type type, int64_t value)
{
    put_key(w, key, type);
    put_le(&w->values, qn_gguf_type_bytes(type), (uint64_t)value);
    follow_alignment(w, key, (uint64_t)value);
}

void qn_gguf_put_float(qn_gguf_writer *w, const char *key, qn_gguf_type type, double value)
{
    float narrow = (float)value;
    uint32_t bits32;
    uint64_t bits64;
    memcpy(&bits32, &narrow, sizeof bits32);
    memcpy(&bits64, &value, sizeof bits64);
    put_key(w, key, type);
    put_le(&w->values, qn_gguf_type_bytes(type), type == QN_GGUF_F32 ? bits32 : bits64);
}

void qn_gguf_put_string(qn_gguf_writer *w, const char *key, qn_str value)
{
    put_key(w, key, QN_GGUF_STRING);
    put_text(&w->values, value);
}

static void put_array(qn_gguf_writer *w, const char *key, qn_gguf_type type, size_t n)
{
    put_key(w, key, QN_GGUF_ARRAY);
    put_le(&w->values, 4, type);
    put_le(&w->values, 8, n);
}

void qn_gguf_put_array(qn_gguf_writer *w, const char *key, qn_gguf_type type, size_t n,
                       const void *elements)
{
    const uint8_t *p = elements;
    size_t n_bytes = qn_gguf_type_bytes(type);
    put_array(w, key, type, n);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    qn_buf_append(&w->values, n * n_bytes, p);
#else
    for (size_t i = 0; i < n; i++)
        for (size_t k = n_bytes; k-- > 0;)
            qn_buf_byte(&w->values, (char)p[i * n_bytes + k]);
#endif
}

void qn_gguf_put_strings(qn_gguf_writer *w, const char *key, size_t n, const qn_str *text)
{
    put_array(w, key, QN_GGUF_STRING, n);
    for (size_t i = 0; i < n; i++)
        put_text(&w->values, text[i]);
}

void qn_gguf_put_value(qn_gguf_writer *w, const qn_gguf_value *v)
{
    put_key(w, v->key.bytes, v->type);
    qn_buf_append(&w->values, v->raw.n_bytes, v->raw.bytes);
    follow_alignment(w, v->key.bytes, v->u64);
}

static uint64_t alignment(const qn_gguf_writer *w)
{
    return w->alignment ? w->alignment : 32;
}

static uint64_t padding(const qn_gguf_writer *w, uint64_t n)
{
    return (alignment(w) - n % alignment(w)) % alignment(w);
}

void qn_gguf_put_tensor(qn_gguf_writer *w, const char *name, uint32_t n_dims, const uint64_t *dim,
                        qn_encoding encoding)
{
    uint64_t n = 1, n_bytes = 0;
    put_text(&w->infos, qn_str_of(name));
    put_le(&w->infos, 4, n_dims);
    for (uint32_t d = 0; d < n_dims; d++) {
        put_le(&w->infos, 8, dim[d]);
        n *= dim[d];
    }
    bool whole = qn_encoding_size(encoding, n, &n_bytes);
    assert(whole);
    (void)whole;
    put_le(&w->infos, 4, qn_encoding_to_gguf(encoding));
    put_le(&w->infos, 8, w->n_data);
    qn_buf_append(&w->sizes, sizeof n_bytes, &n_bytes);
    w->n_data += n_bytes + padding(w, n_bytes);
    w->n_tensors++;
}

/* Output. */

static const char *place(const qn_gguf_writer *w)
{
    return w->path.bytes ? w->path.bytes : "memory";
}

static qn_status fail_write(const qn_gguf_writer *w, qn_error *err)
{
    return qn_fail(err, QN_EIO, "%s: cannot be written: %s", place(w), strerror(errno));
}

static qn_status put_out(qn_gguf_writer *w, size_t n_bytes, const void *bytes, qn_error *err)
{
    const char *p = bytes;
    if (w->memory) {
        qn_buf_append(w->memory, n_bytes, bytes);
        QN_FAIL_IF(w->memory->failed, err, QN_ENOMEM, "no memory for a model file");
        return QN_OK;
    }
    while (n_bytes > 0) {
        ssize_t n = qn_fault_point() ? (errno = ENOSPC, -1) : write(w->fd - 1, p, n_bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_write(w, err);
        p += n;
        n_bytes -= (size_t)n;
    }
    return QN_OK;
}

static qn_status put_padding(qn_gguf_writer *w, uint64_t n, qn_error *err)
{
    static const char zeros[256];
    for (uint64_t left = padding(w, n); left > 0;) {
        size_t now = (size_t)QN_MIN(left, (uint64_t)sizeof zeros);
        QN_TRY(put_out(w, now, zeros, err));
        left -= now;
    }
    return QN_OK;
}

static void load_size(qn_gguf_writer *w)
{
    if (w->at < w->n_tensors)
        memcpy(&w->n_left, w->sizes.bytes + w->at * sizeof w->n_left, sizeof w->n_left);
}

static qn_status write_header(qn_gguf_writer *w, qn_buf *head, qn_error *err)
{
    qn_buf_text(head, "GGUF");
    put_le(head, 4, 3);
    put_le(head, 8, w->n_tensors);
    put_le(head, 8, w->n_values);
    qn_buf_append(head, w->values.n_bytes, w->values.bytes);
    qn_buf_append(head, w->infos.n_bytes, w->infos.bytes);
    QN_FAIL_IF(head->failed || w->values.failed || w->infos.failed || w->sizes.failed, err,
               QN_ENOMEM, "%s: no memory for the header of the file", place(w));
    QN_TRY(put_out(w, head->n_bytes, head->bytes, err));
    load_size(w);
    return put_padding(w, head->n_bytes, err);
}

static qn_status begin(qn_gguf_writer *w, qn_error *err)
{
    qn_buf head = {0};
    qn_status status = write_header(w, &head, err);
    qn_buf_release(&head);
    return status;
}

qn_status qn_gguf_begin_memory(qn_gguf_writer *w, qn_buf *to, qn_error *err)
{
    w->memory = to;
    return begin(w, err);
}

qn_status qn_gguf_begin(qn_gguf_writer *w, const char *path, qn_error *err)
{
    qn_buf_text(&w->path, path);
    qn_buf_format(&w->partial, "%s.partial", path);
    QN_FAIL_IF(w->path.failed || w->partial.failed, err, QN_ENOMEM, "%s: no memory to write it",
               path);
    int fd = qn_fault_point()
                 ? (errno = EACCES, -1)
                 : open(w->partial.bytes, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail_write(w, err);
    w->fd = fd + 1;
    return begin(w, err);
}

qn_status qn_gguf_write(qn_gguf_writer *w, size_t n_bytes, const void *bytes, qn_error *err)
{
    const char *p = bytes;
    while (n_bytes > 0) {
        QN_FAIL_IF(w->at == w->n_tensors, err, QN_EARGUMENT,
                   "%s: %zu bytes more than the tensors that were declared", place(w), n_bytes);
        size_t now = (size_t)QN_MIN(w->n_left, (uint64_t)n_bytes);
        QN_TRY(put_out(w, now, p, err));
        p += now;
        n_bytes -= now;
        w->n_left -= now;
        if (w->n_left > 0)
            continue;
        uint64_t n_tensor;
        memcpy(&n_tensor, w->sizes.bytes + w->at * sizeof n_tensor, sizeof n_tensor);
        QN_TRY(put_padding(w, n_tensor, err));
        w->at++;
        load_size(w);
    }
    return QN_OK;
}

static bool settle(qn_gguf_writer *w)
{
    if (qn_fault_point() || fsync(w->fd - 1) != 0)
        return false;
    int fd = w->fd - 1;
    w->fd = 0;
    return close(fd) == 0 && !qn_fault_point() && rename(w->partial.bytes, w->path.bytes) == 0;
}

qn_status qn_gguf_end(qn_gguf_writer *w, qn_error *err)
{
    QN_FAIL_IF(w->at < w->n_tensors, err, QN_EARGUMENT,
               "%s: ends before tensor %" PRIu64 " of %" PRIu64 " is written", place(w), w->at + 1,
               w->n_tensors);
    errno = EIO;
    if (!w->memory && !settle(w))
        return fail_write(w, err);
    qn_buf_release(&w->partial);
    return QN_OK;
}

void qn_gguf_writer_release(qn_gguf_writer *w)
{
    if (w->fd)
        close(w->fd - 1);
    if (w->partial.bytes)
        unlink(w->partial.bytes);
    qn_buf_release(&w->values);
    qn_buf_release(&w->infos);
    qn_buf_release(&w->sizes);
    qn_buf_release(&w->path);
    qn_buf_release(&w->partial);
    *w = (qn_gguf_writer){0};
}
