/* tests/text/jinja_data.c - chat templates render as Jinja2 renders them: published templates over
 * many conversations, when the folder of conformance data is there. */
#include "tests/support/support.h"
#include "tests/support/test.h"

#include "base/json.h"
#include "text/jinja.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 1721997296 }; /* 2024-07-26 12:34:56 */

typedef struct tally { /* rows, texts that differ, errors that are missing, too many, or worded
                        * otherwise */
    size_t n_rows, n_text, n_error, n_worded;
} tally;

/* Renders; the error's sentence when it fails. */
static bool render(const qn_template *t, qn_str variables, qn_rendered *out, qn_error *err)
{
    qn_template_input in = {.variables = variables, .now_epoch = NOW};
    return qn_template_render(t, &in, out, err) == QN_OK;
}

static void show(const char *what, qn_str name, qn_str context, const qn_error *err)
{
    print_message("%s: %.*s with %.*s %s\n", what, (int)name.n_bytes, name.bytes,
                  (int)QN_MIN(context.n_bytes, (size_t)80), context.bytes, err->text);
}

static void show_difference(qn_str got, qn_str want)
{
    size_t at = 0;
    while (at < got.n_bytes && at < want.n_bytes && got.bytes[at] == want.bytes[at])
        at++;
    size_t from = at > 40 ? at - 40 : 0;
    print_message("   got  ...%.*s\n   want ...%.*s\n", (int)QN_MIN(got.n_bytes - from, (size_t)90),
                  got.bytes + from, (int)QN_MIN(want.n_bytes - from, (size_t)90),
                  want.bytes + from);
}

/* The sentence of "error: ..." or "exception: Type: ...". */
static qn_str sentence_of(qn_str error)
{
    size_t n_colons = error.n_bytes > 10 && memcmp(error.bytes, "exception:", 10) == 0 ? 2 : 1;
    for (size_t i = 0; i < n_colons; i++) {
        const char *colon = memmem(error.bytes, error.n_bytes, ": ", 2);
        if (colon)
            error = (qn_str){colon + 2, error.n_bytes - (size_t)(colon + 2 - error.bytes)};
    }
    return error;
}

static bool ends_in(const char *text, qn_str sentence)
{
    size_t n = strlen(text);
    return n >= sentence.n_bytes &&
           memcmp(text + n - sentence.n_bytes, sentence.bytes, sentence.n_bytes) == 0;
}

static void compare(tally *sum, const qn_template *t, qn_str name, qn_str variables,
                    const qn_str *want, qn_str error, qn_error err)
{
    qn_rendered out = {0};
    bool ok = t && render(t, variables, &out, &err);
    sum->n_rows++;
    if (!want && ok) {
        sum->n_error++;
        show("no error", name, variables, &err);
    } else if (want && !ok) {
        sum->n_error++;
        show("error", name, variables, &err);
    } else if (!ok && error.n_bytes && !ends_in(err.text, sentence_of(error))) {
        sum->n_worded++;
        show(error.bytes, name, variables, &err);
    } else if (ok && !qn_str_equal((qn_str){out.text.bytes, out.text.n_bytes}, *want)) {
        sum->n_text++;
        show("differs", name, variables, &err);
        show_difference((qn_str){out.text.bytes, out.text.n_bytes}, *want);
    }
    qn_rendered_release(&out);
}

/* The text of the member of that name of a JSON object; empty when there is none. */
static qn_str member(qn_str object, const char *name, qn_region *strings)
{
    qn_json j;
    qn_str key, found = {"", 0};
    qn_json_init(&j, object.n_bytes, object.bytes, strings);
    for (qn_json_enter(&j, QN_JSON_OBJECT); qn_json_next_key(&j, &key);)
        if (qn_str_is(key, name))
            found = qn_json_raw(&j);
    return found;
}

static qn_str string_of(qn_str raw, qn_region *strings)
{
    qn_json j;
    qn_json_init(&j, raw.n_bytes, raw.bytes, strings);
    return qn_json_string(&j);
}

static bool read_data(qn_buf *b, const char *name)
{
    char path[4096];
    qn_error err = {0};
    const char *data = qn_test_data();
    snprintf(path, sizeof path, "%s/templates/%s", data ? data : "", name);
    return data && qn_buf_read_file(b, path, 1 << 28, &err) == QN_OK;
}

/* Calls row for each line. */
static void each_line(const qn_buf *b, tally *sum, void (*row)(tally *, qn_str, void *), void *more)
{
    for (const char *at = b->bytes, *end = b->bytes + b->n_bytes; at < end;) {
        const char *nl = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((nl ? nl : end) - at);
        if (n)
            row(sum, (qn_str){at, n}, more);
        at += n + 1;
    }
}

typedef struct published {
    qn_buf contexts;
    char name[200];
    qn_template *t;
    qn_error err;
} published;

static void open_template(published *p, qn_str name)
{
    char path[300];
    qn_buf source = {0};
    if (strlen(p->name) == name.n_bytes && memcmp(p->name, name.bytes, name.n_bytes) == 0)
        return;
    qn_template_release(p->t);
    snprintf(p->name, sizeof p->name, "%.*s", (int)name.n_bytes, name.bytes);
    snprintf(path, sizeof path, "jinja/%s.jinja", p->name);
    assert_true(read_data(&source, path));
    p->err = (qn_error){0};
    qn_template_parse(&p->t, source.n_bytes, source.bytes, NULL, &p->err);
    qn_buf_release(&source);
}

static void rendered_row(tally *sum, qn_str line, void *more)
{
    published *p = more;
    qn_region strings = qn_region_of(1 << 26);
    qn_str name = string_of(member(line, "template", &strings), &strings);
    qn_str context = string_of(member(line, "context", &strings), &strings);
    qn_str expected = member(line, "expected", &strings), want;
    char key[200];
    snprintf(key, sizeof key, "%.*s", (int)context.n_bytes, context.bytes);
    qn_str variables = member((qn_str){p->contexts.bytes, p->contexts.n_bytes}, key, &strings);
    open_template(p, name);
    if (expected.n_bytes)
        want = string_of(expected, &strings);
    size_t n_bad = sum->n_text + sum->n_error;
    qn_str error = string_of(member(line, "error", &strings), &strings);
    compare(sum, p->t, name, variables, expected.n_bytes ? &want : NULL, error, p->err);
    if (n_bad != sum->n_text + sum->n_error)
        print_message("   context %s\n", key);
    qn_region_release(&strings);
}

static void report(const char *file, const tally *sum)
{
    print_message("# %s: %zu rows, %zu other texts, %zu other errors, %zu other sentences\n", file,
                  sum->n_rows, sum->n_text, sum->n_error, sum->n_worded);
    assert_true(sum->n_rows > 0);
    assert_int_equal(sum->n_text + sum->n_error + sum->n_worded, 0);
}

static void published_templates_render_as_with_jinja2(void **state)
{
    published p = {0};
    qn_buf rows = {0};
    tally sum = {0};
    (void)state;
    if (!read_data(&rows, "rendered.jsonl") || !read_data(&p.contexts, "contexts.json"))
        QN_SKIP("no conformance data");
    each_line(&rows, &sum, rendered_row, &p);
    qn_template_release(p.t);
    qn_buf_release(&rows);
    qn_buf_release(&p.contexts);
    report("rendered.jsonl", &sum);
}

typedef struct names {
    const char *source, *variables;
} names;

/* A row with its own template; follows Jinja2 where the file's dialect differs. */
static void own_row(tally *sum, qn_str line, void *more)
{
    const names *n = more;
    qn_region strings = qn_region_of(1 << 26);
    qn_str name = string_of(member(line, "name", &strings), &strings);
    qn_str source = string_of(member(line, n->source, &strings), &strings);
    qn_str expected = member(line, "jinja2", &strings), want;
    qn_template *t = NULL;
    qn_error err = {0};
    if (expected.n_bytes)
        want = string_of(expected, &strings);
    qn_template_parse(&t, source.n_bytes, source.bytes, NULL, &err);
    compare(sum, t, name, member(line, n->variables, &strings), expected.n_bytes ? &want : NULL,
            (qn_str){"", 0}, err);
    qn_template_release(t);
    qn_region_release(&strings);
}

static void own_rows(const char *file, names n)
{
    qn_buf rows = {0};
    tally sum = {0};
    if (!read_data(&rows, file))
        QN_SKIP("no conformance data");
    each_line(&rows, &sum, own_row, &n);
    qn_buf_release(&rows);
    report(file, &sum);
}

static void single_features_render_as_with_jinja2(void **state)
{
    (void)state;
    own_rows("hf_jinja_units.jsonl", (names){"template", "context"});
}

static void older_templates_render_as_with_jinja2(void **state)
{
    (void)state;
    own_rows("hf_jinja_e2e.jsonl", (names){"chat_template", "data"});
}

QN_TEST_MAIN(cmocka_unit_test(single_features_render_as_with_jinja2),
             cmocka_unit_test(older_templates_render_as_with_jinja2),
             cmocka_unit_test(published_templates_render_as_with_jinja2))
