/* tests/support/json_copy.c - a JSON value from reader to writer, without recursion. */
#include "tests/support/json_copy.h"

static void copy_scalar(qn_json *j, qn_json_type type, qn_buf *out)
{
    qn_json_number n;
    qn_str s;
    switch (type) {
    case QN_JSON_NULL: qn_buf_text(out, qn_json_null(j) ? "null" : "?"); break;
    case QN_JSON_BOOL: qn_buf_text(out, qn_json_bool(j) ? "true" : "false"); break;
    case QN_JSON_NUMBER:
        n = qn_json_read_number(j);
        if (n.is_int)
            qn_json_write_i64(out, n.i64);
        else
            qn_json_write_f64(out, n.f64);
        break;
    case QN_JSON_STRING:
        s = qn_json_string(j);
        qn_json_write_string(out, s.n_bytes, s.bytes);
        break;
    default: break;
    }
}

void qn_test_json_copy(qn_json *j, qn_buf *out)
{
    bool object[QN_JSON_MAX_DEPTH], more = true;
    size_t depth = 0;
    for (;;) {
        qn_json_type type = more ? qn_json_peek(j) : QN_JSON_NONE;
        if (type == QN_JSON_ARRAY || type == QN_JSON_OBJECT) {
            if (!qn_json_enter(j, type))
                return;
            object[depth++] = type == QN_JSON_OBJECT;
            qn_buf_byte(out, type == QN_JSON_OBJECT ? '{' : '[');
        } else {
            copy_scalar(j, type, out);
        }
        if (depth == 0)
            return;
        qn_str key;
        bool first = out->n_bytes > 0 && strchr("[{", out->bytes[out->n_bytes - 1]);
        more = object[depth - 1] ? qn_json_next_key(j, &key) : qn_json_next(j);
        if (more && !first)
            qn_buf_byte(out, ',');
        if (more && object[depth - 1]) {
            qn_json_write_string(out, key.n_bytes, key.bytes);
            qn_buf_byte(out, ':');
        }
        if (!more)
            qn_buf_byte(out, object[--depth] ? '}' : ']');
        if (qn_json_check(j, NULL) != QN_OK || (!more && depth == 0))
            return;
    }
}
