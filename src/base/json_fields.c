/* base/json_fields.c - objects read by a table, which is the schema. */
#include "base/json.h"

#include <assert.h>
#include <stdio.h>

enum { MAX_FIELDS = 128 };

/* The row for a key, or NULL. */
static const qn_json_field *find(const qn_json_field *fields, qn_str key)
{
    for (; fields->name; fields++)
        if (qn_str_is(key, fields->name))
            return fields;
    return NULL;
}

static bool within(const qn_json_field *f, double value)
{
    return (f->least == 0 && f->most == 0) || (value >= f->least && value <= f->most);
}

static qn_status read_number(qn_json *j, const qn_json_field *f, void *to, qn_error *err)
{
    qn_json_number n = qn_json_read_number(j);
    QN_TRY(qn_json_check(j, err));
    if (f->type == QN_JSON_INT && !n.is_int)
        return qn_json_fail(j, err, "must be an integer");
    if (!within(f, n.f64))
        return qn_json_fail(j, err, "must be from %.15g to %.15g", f->least, f->most);
    if (f->type == QN_JSON_INT)
        *(int64_t *)to = n.i64;
    else
        *(double *)to = n.f64;
    return QN_OK;
}

static qn_status read_string(qn_json *j, const qn_json_field *f, qn_str *to, qn_error *err)
{
    qn_str s = qn_json_string(j);
    QN_TRY(qn_json_check(j, err));
    if (!within(f, (double)s.n_bytes))
        return qn_json_fail(j, err, "must have %.15g to %.15g bytes, has %zu", f->least, f->most,
                            s.n_bytes);
    *to = s;
    return QN_OK;
}

static qn_status read_value(qn_json *j, const qn_json_field *f, void *to, qn_error *err)
{
    switch (f->type) {
    case QN_JSON_INT:
    case QN_JSON_NUMBER: return read_number(j, f, to, err);
    case QN_JSON_STRING: return read_string(j, f, to, err);
    case QN_JSON_BOOL: *(bool *)to = qn_json_bool(j); break;
    default: {
        qn_json_type found = qn_json_peek(j);
        if (f->type != QN_JSON_ANY && found != QN_JSON_NONE && found != f->type)
            return qn_json_fail(j, err, "must be an %s",
                                f->type == QN_JSON_ARRAY ? "array" : "object");
        *(qn_str *)to = qn_json_raw(j);
    }
    }
    return qn_json_check(j, err);
}

static qn_status read_member(qn_json *j, const qn_json_field *f, void *object, qn_error *err)
{
    if ((f->flags & QN_JSON_NULLABLE) && qn_json_null(j))
        return QN_OK;
    if (read_value(j, f, (char *)object + f->where, err) == QN_OK)
        return QN_OK;
    char where[160];
    snprintf(where, sizeof where, "field \"%s\"", f->name);
    return qn_fail_in(err, where);
}

static void note_ignored(qn_buf *ignored, qn_str key)
{
    if (!ignored)
        return;
    if (ignored->n_bytes > 0)
        qn_buf_text(ignored, ", ");
    qn_buf_append(ignored, key.n_bytes, key.bytes);
}

static qn_status read_members(qn_json *j, const qn_json_field *fields, void *object, bool strict,
                              bool seen[MAX_FIELDS], qn_buf *ignored, qn_error *err)
{
    qn_str key;
    char shown[QN_SHOWN];
    qn_json_enter(j, QN_JSON_OBJECT);
    while (qn_json_next_key(j, &key)) {
        const qn_json_field *f = find(fields, key);
        if (!f && strict)
            return qn_json_fail(j, err, "unknown field \"%s\"", qn_str_show(shown, key));
        if (!f) {
            note_ignored(ignored, key);
            continue;
        }
        if (seen[f - fields])
            return qn_json_fail(j, err, "field \"%s\" stands twice", f->name);
        seen[f - fields] = true;
        QN_TRY(read_member(j, f, object, err));
    }
    return qn_json_check(j, err);
}

static qn_status read_fields(qn_json *j, const qn_json_field *fields, void *object, bool strict,
                             qn_buf *ignored, qn_error *err)
{
    bool seen[MAX_FIELDS] = {0};
    QN_TRY(read_members(j, fields, object, strict, seen, ignored, err));
    for (const qn_json_field *f = fields; f->name; f++) {
        assert(f - fields < MAX_FIELDS);
        if ((f->flags & QN_JSON_REQUIRED) && !seen[f - fields])
            return qn_json_fail(j, err, "field \"%s\" is missing", f->name);
    }
    return QN_OK;
}

qn_status qn_json_read_fields(qn_json *j, const qn_json_field *fields, void *object, qn_error *err)
{
    return read_fields(j, fields, object, true, NULL, err);
}

qn_status qn_json_read_known_fields(qn_json *j, const qn_json_field *fields, void *object,
                                    qn_buf *ignored, qn_error *err)
{
    return read_fields(j, fields, object, false, ignored, err);
}
