/* tests/fuzz/jinja_render.c - chat templates and their variables: the templates, a byte 30 between
 * two of them, then a zero byte and JSON. */
#include "base/alloc.h"
#include "base/utf8.h"
#include "text/jinja.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

/* The spans cover the text, side by side, and no two neighbours are alike. */
static void check(const qn_rendered *out)
{
    size_t at = 0;
    for (size_t i = 0; i < out->n_spans; i++) {
        const qn_span *s = &out->spans[i];
        if (s->begin != at || s->end <= s->begin || s->end > out->text.n_bytes)
            abort();
        if (i && s[-1].trusted == s->trusted && s[-1].generated == s->generated)
            abort();
        at = s->end;
    }
    if (at != out->text.n_bytes || qn_utf8_valid(at, out->text.bytes ? out->text.bytes : "") != at)
        abort();
}

static void render(const qn_template *t, qn_str variables)
{
    static const qn_template_string trusted[] = {{{"bos_token", 9}, {"<s>", 3}}};
    qn_template_input in = {.variables = variables,
                            .n_trusted = 1,
                            .trusted = trusted,
                            .now_epoch = 1721997296,
                            .n_steps = 100000};
    qn_rendered out;
    qn_error err = {0};
    if (qn_template_render(t, &in, &out, &err) == QN_OK)
        check(&out);
    else if (out.text.bytes || out.spans || !err.text[0] || err.status == QN_OK)
        abort();
    qn_rendered_release(&out);
}

static void parse_and_render(size_t n_bytes, const char *source, qn_str variables)
{
    qn_template *t;
    qn_error err = {0};
    if (qn_template_parse(&t, n_bytes, source, NULL, &err) == QN_OK)
        render(t, variables);
    else if (t || !err.text[0])
        abort();
    qn_template_release(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    const uint8_t *zero = n_bytes ? memchr(bytes, 0, n_bytes) : NULL;
    size_t n_source = zero ? (size_t)(zero - bytes) : n_bytes, n_live = qn_alloc_live(), end;
    qn_str variables = {"{}", 2};
    if (zero)
        variables = (qn_str){(const char *)zero + 1, n_bytes - n_source - 1};
    for (size_t at = 0; at <= n_source; at = end + 1) {
        const uint8_t *next = at < n_source ? memchr(bytes + at, 30, n_source - at) : NULL;
        end = next ? (size_t)(next - bytes) : n_source;
        parse_and_render(end - at, (const char *)bytes + at, variables);
    }
    if (qn_alloc_live() != n_live)
        abort();
    return 0;
}
