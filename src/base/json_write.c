/* base/json_write.c - JSON values as text. */
#include "base/json.h"

#include "base/decimal.h"
#include "base/utf8.h"

#include <math.h>

static void write_escape(qn_buf *b, uint32_t code)
{
    static const char named[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
    const char *name = memchr(named, (int)code, sizeof named - 1);
    if (name)
        qn_buf_format(b, "\\%c", names[name - named]);
    else
        qn_buf_format(b, "\\u%04x", code);
}

/* The bytes, from `at` on, that stand for themselves. */
static size_t plain_run(size_t n_bytes, const char *bytes, size_t at)
{
    size_t start = at;
    while (at < n_bytes && (unsigned char)bytes[at] >= 0x20 && (unsigned char)bytes[at] < 0x80 &&
           bytes[at] != '"' && bytes[at] != '\\')
        at++;
    return at - start;
}

void qn_json_write_string(qn_buf *b, size_t n_bytes, const char *bytes)
{
    qn_buf_byte(b, '"');
    for (size_t at = 0, n; at < n_bytes; at += n) {
        uint32_t code;
        n = plain_run(n_bytes, bytes, at);
        if (n > 0) {
            qn_buf_append(b, n, bytes + at);
            continue;
        }
        n = qn_utf8_decode(n_bytes - at, bytes + at, &code);
        if (n == 1)
            write_escape(b, code);
        else if (n > 1)
            qn_buf_append(b, n, bytes + at);
        else
            qn_buf_text(b, "\xEF\xBF\xBD");
        n = QN_MAX(n, (size_t)1);
    }
    qn_buf_byte(b, '"');
}

void qn_json_write_text(qn_buf *b, const char *text)
{
    qn_json_write_string(b, strlen(text), text);
}

void qn_json_write_i64(qn_buf *b, int64_t value)
{
    qn_buf_format(b, "%" PRId64, value);
}

void qn_json_write_u64(qn_buf *b, uint64_t value)
{
    qn_buf_format(b, "%" PRIu64, value);
}

void qn_json_write_f64(qn_buf *b, double value)
{
    char text[QN_DECIMAL];
    if (isfinite(value))
        qn_buf_append(b, qn_decimal_from_f64(value, text), text);
    else
        qn_buf_text(b, "null");
}
