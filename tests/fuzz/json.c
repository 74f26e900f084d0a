/* tests/fuzz/json.c - any bytes: checked, read, written, read again, and read by a table. */
#include "base/json.h"
#include "base/alloc.h"
#include "tests/support/json_copy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void require(bool condition)
{
    if (!condition)
        __builtin_trap();
}

/* A failure speaks, in one line, of a place inside the text. */
static bool ok(qn_status status, const qn_error *err)
{
    require(status == QN_OK || (err->status == status && err->text[0]));
    require(status == QN_OK || qn_str_is((qn_str){err->text, 5}, "line ") ||
            qn_str_is((qn_str){err->text, 6}, "field "));
    return status == QN_OK;
}

static bool checked(size_t n_bytes, const char *bytes)
{
    qn_json j;
    qn_error err = {0};
    qn_json_init(&j, n_bytes, bytes, NULL);
    return ok(qn_json_end(&j, &err), &err);
}

static bool copied(size_t n_bytes, const char *bytes, qn_buf *out)
{
    qn_json j;
    qn_error err = {0};
    qn_region strings = qn_region_of(n_bytes * 17 + 16);
    qn_json_init(&j, n_bytes, bytes, &strings);
    qn_test_json_copy(&j, out);
    bool done = ok(qn_json_end(&j, &err), &err);
    qn_region_release(&strings);
    return done;
}

typedef struct record {
    qn_str model, messages, any, options;
    int64_t n;
    double t;
    bool stream;
} record;

// clang-format off
static const qn_json_field fields[] = {
    {"model", QN_JSON_STRING, 1, 16, offsetof(record, model), 0},
    {"n", QN_JSON_INT, 0, 1 << 20, offsetof(record, n), QN_JSON_REQUIRED},
    {"t", QN_JSON_NUMBER, 0, 2, offsetof(record, t), QN_JSON_NULLABLE},
    {"stream", QN_JSON_BOOL, 0, 0, offsetof(record, stream), 0},
    {"messages", QN_JSON_ARRAY, 0, 0, offsetof(record, messages), 0},
    {"options", QN_JSON_OBJECT, 0, 0, offsetof(record, options), 0},
    {"any", QN_JSON_ANY, 0, 0, offsetof(record, any), 0},
    {0},
};
// clang-format on

static void read_table(size_t n_bytes, const char *bytes, bool strict)
{
    qn_json j, sub;
    qn_error err = {0};
    record r = {0};
    qn_buf ignored = {0}, text = {0};
    qn_region strings = qn_region_of(n_bytes * 17 + 16);
    qn_json_init(&j, n_bytes, bytes, &strings);
    qn_status status = strict ? qn_json_read_fields(&j, fields, &r, &err)
                              : qn_json_read_known_fields(&j, fields, &r, &ignored, &err);
    require(ok(status, &err) == (qn_json_check(&j, NULL) == QN_OK));
    if (status == QN_OK && r.messages.n_bytes) {
        qn_json_init_raw(&sub, &j, r.messages);
        for (qn_json_enter(&sub, QN_JSON_ARRAY); qn_json_next(&sub);)
            if (qn_json_peek(&sub) == QN_JSON_STRING)
                qn_json_append(&sub, &text);
            else if (qn_json_peek(&sub) == QN_JSON_NUMBER)
                (void)qn_json_i64(&sub);
            else if (qn_json_peek(&sub) == QN_JSON_ARRAY && qn_json_enter(&sub, QN_JSON_ARRAY))
                qn_json_leave(&sub);
        ok(qn_json_end(&sub, &err), &err);
    }
    qn_buf_release(&text);
    qn_buf_release(&ignored);
    qn_region_release(&strings);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    const char *text = (const char *)bytes;
    qn_buf once = {0}, twice = {0};
    bool valid = checked(n_bytes, text);
    if (copied(n_bytes, text, &once)) {
        require(valid);
        require(copied(once.n_bytes, once.bytes, &twice));
        require(
            qn_str_equal((qn_str){once.bytes, once.n_bytes}, (qn_str){twice.bytes, twice.n_bytes}));
    }
    qn_buf_release(&once);
    qn_buf_release(&twice);
    read_table(n_bytes, text, true);
    read_table(n_bytes, text, false);
    require(qn_alloc_live() == 0);
    return 0;
}
