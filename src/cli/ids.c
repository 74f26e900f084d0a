/* cli/ids.c - reads ids. */
#include "cli/ids.h"

#include "base/json.h"

#include <ctype.h>

static qn_status read_id_array(qn_json *j, qn_ids *ids, qn_error *err)
{
    qn_json_enter(j, QN_JSON_ARRAY);
    while (qn_json_next(j)) {
        int64_t id = qn_json_i64(j);
        if (id < 0 || id > UINT32_MAX)
            return qn_json_fail(j, err, "an id is not a number from 0 to %u", UINT32_MAX);
        qn_ids_append(ids, 1, &(uint32_t){(uint32_t)id});
    }
    return qn_json_check(j, err);
}

static qn_status read_json_ids(qn_str text, qn_ids *ids, qn_error *err)
{
    qn_json j;
    qn_str array = {0};
    const qn_json_field fields[] = {{"ids", QN_JSON_ARRAY, 0, 0, 0, QN_JSON_REQUIRED}, {0}};
    qn_json_init(&j, text.n_bytes, text.bytes, NULL);
    if (qn_json_peek(&j) == QN_JSON_OBJECT) {
        QN_TRY(qn_json_read_fields(&j, fields, &array, err));
        qn_json sub;
        qn_json_init_raw(&sub, &j, array);
        QN_TRY(read_id_array(&sub, ids, err));
    } else {
        QN_TRY(read_id_array(&j, ids, err));
    }
    return qn_json_end(&j, err);
}

static bool is_gap(char c)
{
    return c == ',' || isspace((unsigned char)c);
}

static qn_status read_plain_ids(qn_str text, qn_ids *ids, qn_error *err)
{
    char shown[QN_SHOWN];
    for (size_t at = 0; at < text.n_bytes;) {
        if (is_gap(text.bytes[at])) {
            at++;
            continue;
        }
        uint64_t id = 0;
        size_t begin = at;
        for (; at < text.n_bytes && !is_gap(text.bytes[at]); at++) {
            unsigned digit = (unsigned)text.bytes[at] - '0';
            id = digit > 9 ? UINT64_MAX >> 1 : QN_MIN(10 * id + digit, (uint64_t)UINT32_MAX + 1);
        }
        QN_FAIL_IF(id > UINT32_MAX, err, QN_EARGUMENT, "'%s' is not a token id",
                   qn_str_show(shown, (qn_str){text.bytes + begin, at - begin}));
        qn_ids_append(ids, 1, &(uint32_t){(uint32_t)id});
    }
    return QN_OK;
}

qn_status qn_read_ids(qn_str text, qn_ids *ids, qn_error *err)
{
    size_t at = 0;
    while (at < text.n_bytes && isspace((unsigned char)text.bytes[at]))
        at++;
    bool json = at < text.n_bytes && (text.bytes[at] == '[' || text.bytes[at] == '{');
    QN_TRY(json ? read_json_ids(text, ids, err) : read_plain_ids(text, ids, err));
    QN_FAIL_IF(ids->failed, err, QN_ENOMEM, "out of memory for the ids");
    return QN_OK;
}
