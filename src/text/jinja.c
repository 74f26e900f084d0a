/* text/jinja.c - parsing and rendering a chat template from the outside. */
#include "text/jinja_eval.h"

#include "base/alloc.h"
#include "base/utf8.h"

#include <string.h>

const qn_template_limits qn_template_max = {
    .n_source = 1 << 20,
    .n_parsed = 64 << 20,
    .n_variables = 64 << 20,
    .n_memory = 256 << 20,
    .n_output = 64 << 20,
    .n_steps = 50000000,
    .n_parse_depth = 400,
    .n_run_depth = 1200,
    .n_range = 100000,
    .n_repeat = 1 << 20,
    .n_integer = 1 << 16,
};

static qn_status check_source(size_t n_bytes, const char *source, unsigned *line, qn_error *err)
{
    size_t n_valid = qn_utf8_valid(n_bytes, source);
    QN_FAIL_IF(n_bytes > qn_template_max.n_source, err, QN_ELIMIT,
               "the template takes more than %zu bytes", qn_template_max.n_source);
    for (size_t i = 0; i < n_valid; i++)
        *line += source[i] == '\n';
    QN_FAIL_IF(n_valid < n_bytes, err, QN_EFORMAT, "template line %u: malformed UTF-8", *line);
    return QN_OK;
}

static qn_status parse(qn_template *t, qn_str source, unsigned *line, qn_error *err)
{
    qn_jnode spare = {0};
    qn_jtoken spare_token = {0};
    qn_jparser p = {.region = &t->region, .err = err, .spare = &spare, .spare_token = &spare_token};
    qn_jinja_lex(&p, source);
    if (p.status == QN_OK)
        t->body = qn_jinja_parse(&p);
    if (p.status == QN_OK)
        qn_jinja_resolve(&p, t);
    *line = p.line;
    return p.status;
}

qn_status qn_template_parse(qn_template **t, size_t n_bytes, const char *source, unsigned *line,
                            qn_error *err)
{
    unsigned unused, checked = 1;
    line = line ? line : &unused;
    *t = NULL;
    *line = 0;
    QN_TRY(check_source(n_bytes, source, &checked, err));
    qn_template *made = qn_alloc_zeroed(1, sizeof *made);
    QN_FAIL_IF(!made, err, QN_ENOMEM, "no memory for the template");
    made->region = qn_region_of(qn_template_max.n_parsed);
    qn_status status = parse(made, (qn_str){source, n_bytes}, line, err);
    if (status == QN_OK)
        *t = made;
    else
        qn_template_release(made);
    return status;
}

void qn_template_release(qn_template *t)
{
    if (t)
        qn_region_release(&t->region);
    qn_free(t);
}

/* The text and its marks, out of the rendering's memory. */
static void hand_over(qn_jstate *r, const qn_jbuild *text, qn_rendered *out)
{
    size_t begin = 0;
    qn_buf_append(&out->text, text->n_bytes, text->bytes);
    out->spans = qn_alloc_zeroed(text->n_marks + 1, sizeof *out->spans);
    if (out->text.failed || !out->spans) {
        qn_jfail(r, QN_ENOMEM, "no memory for the rendered text");
        return;
    }
    for (size_t i = 0; i < text->n_marks; i++) {
        const qn_jmark *m = &text->marks[i];
        out->spans[out->n_spans++] =
            (qn_span){begin, m->end, (m->origin & J_TRUSTED) != 0, (m->origin & J_GENERATED) != 0};
        begin = m->end;
    }
}

qn_status qn_template_render(const qn_template *t, const qn_template_input *in, qn_rendered *out,
                             qn_error *err)
{
    qn_jstate r = {.t = t,
                   .in = in,
                   .err = err,
                   .memory = qn_region_of(qn_template_max.n_memory),
                   .nothing = {.bytes = ""},
                   .no_more = {.ended = true}};
    qn_jbuild text = qn_jbuild_begin(&r);
    r.n_most_steps = QN_MIN(in->n_steps - 1, qn_template_max.n_steps - 1) + 1; /* 0: the limit */
    *out = (qn_rendered){0};
    r.out = &text;
    if (qn_jread_variables(&r, in))
        qn_jrun(&r);
    if (!qn_jfailed(&r))
        hand_over(&r, &text, out);
    if (qn_jfailed(&r))
        qn_rendered_release(out);
    out->line = r.failed_line;
    qn_region_release(&r.memory);
    return r.status;
}

void qn_rendered_release(qn_rendered *r)
{
    qn_buf_release(&r->text);
    qn_free(r->spans);
    *r = (qn_rendered){0};
}
