/* cli/print.c - ids, bytes and failures as text. */
#include "cli/print.h"

#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void qn_print_ids(qn_buf *out, size_t n, const uint32_t *ids)
{
    qn_buf_byte(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            qn_buf_byte(out, ',');
        qn_json_write_u64(out, ids[i]);
    }
    qn_buf_byte(out, ']');
}

void qn_print_f32(qn_buf *out, float value)
{
    char text[32] = "null";
    for (int digits = 6; digits <= 9 && isfinite(value); digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    qn_buf_text(out, text);
}

void qn_print_hex(qn_buf *out, size_t n_bytes, const void *bytes)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *b = bytes;
    qn_buf_byte(out, '"');
    for (size_t i = 0; i < n_bytes; i++) {
        qn_buf_byte(out, digits[b[i] >> 4]);
        qn_buf_byte(out, digits[b[i] & 15]);
    }
    qn_buf_byte(out, '"');
}

void qn_print_error(qn_buf *out, const qn_error *err, unsigned line)
{
    qn_buf_text(out, "{\"error\":");
    qn_json_write_text(out, err->text);
    if (line)
        qn_buf_format(out, ",\"line\":%u", line);
    qn_buf_text(out, "}\n");
}

void qn_print_bytes(qn_buf *out, uint64_t n_bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    double x = (double)n_bytes;
    size_t i = 0;
    if (n_bytes < 1000) {
        qn_buf_format(out, "%" PRIu64 " B", n_bytes);
        return;
    }
    for (x /= 1000; x >= 999.95 && i + 1 < QN_COUNT(units); i++)
        x /= 1000;
    qn_buf_format(out, "%.1f %s", x, units[i]);
}
