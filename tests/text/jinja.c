/* tests/text/jinja.c - chat templates: what Jinja2 renders, who wrote each byte, limits, faults. */
#include "tests/support/support.h"
#include "tests/support/test.h"
#include "tests/text/everything.h"

#include "base/alloc.h"
#include "base/fault.h"
#include "base/json.h"
#include "text/jinja.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 1721997296 }; /* 2024-07-26 12:34:56 */

typedef struct result {
    qn_status status;
    unsigned line;
    qn_error err;
    qn_rendered out;
} result;

static result render_bytes(qn_str source, qn_str variables)
{
    static const qn_template_string trusted[] = {{{"bos_token", 9}, {"<s>", 3}}};
    qn_template_input in = {
        .variables = variables, .n_trusted = 1, .trusted = trusted, .now_epoch = NOW};
    result r = {0};
    qn_template *t = NULL;
    r.status = qn_template_parse(&t, source.n_bytes, source.bytes, &r.line, &r.err);
    if (r.status == QN_OK) {
        r.status = qn_template_render(t, &in, &r.out, &r.err);
        r.line = r.out.line;
    }
    qn_template_release(t);
    return r;
}

static result render(const char *source, const char *variables)
{
    return render_bytes(qn_str_of(source), qn_str_of(variables));
}

static void assert_renders(const char *source, const char *variables, const char *want)
{
    result r = render(source, variables);
    if (r.status != QN_OK)
        print_message("%s: %s\n", source, r.err.text);
    assert_int_equal(r.status, QN_OK);
    assert_string_equal(r.out.text.bytes ? r.out.text.bytes : "", want);
    qn_rendered_release(&r.out);
}

static void assert_fails(const char *source, const char *variables, qn_status status,
                         const char *text)
{
    result r = render(source, variables);
    if (r.status != status || !strstr(r.err.text, text))
        print_message("%s: %d %s\n", source, (int)r.status, r.err.text);
    assert_int_equal(r.status, status);
    assert_non_null(strstr(r.err.text, text));
    assert_null(r.out.text.bytes);
    qn_rendered_release(&r.out);
}

/* The fixture: a line {"context"}, then lines {"template", "expected" or "error"}. */

typedef struct row {
    qn_str source, want; /* the wanted text, or error */
    bool fails;
} row;

/* ["template", "expected"] or ["template", null, "error"] */
static row read_call(qn_str line, qn_region *strings)
{
    row w = {0};
    qn_json j;
    qn_json_init(&j, line.n_bytes, line.bytes, strings);
    qn_json_enter(&j, QN_JSON_ARRAY);
    if (qn_json_next(&j))
        w.source = qn_json_string(&j);
    w.fails = qn_json_next(&j) && qn_json_peek(&j) == QN_JSON_NULL;
    if (w.fails)
        qn_json_null(&j);
    if (!w.fails || qn_json_next(&j))
        w.want = qn_json_string(&j);
    return w;
}

static row read_row(qn_str line, qn_region *strings)
{
    row w = {0};
    qn_json j;
    qn_str key;
    qn_json_init(&j, line.n_bytes, line.bytes, strings);
    for (qn_json_enter(&j, QN_JSON_OBJECT); qn_json_next_key(&j, &key);) {
        if (qn_str_is(key, "template"))
            w.source = qn_json_string(&j);
        else if (qn_str_is(key, "expected"))
            w.want = qn_json_string(&j);
        else if (qn_str_is(key, "context"))
            w.want = qn_json_raw(&j);
        else if (qn_str_is(key, "error"))
            w.fails = true, w.want = qn_json_string(&j);
    }
    return w;
}

/* The whole sentence of "Type: sentence", behind the line that ours names. */
static bool says(const qn_error *err, qn_str error)
{
    const char *ours = strstr(err->text, ": "),
               *theirs = memmem(error.bytes, error.n_bytes, ": ", 2);
    const char *place =
        memmem(error.bytes, error.n_bytes, " (<template>", 12); /* in Jinja2's code */
    const char *end = place ? place : error.bytes + error.n_bytes;
    size_t n = theirs ? (size_t)(end - theirs) - 2 : 0;
    return ours && theirs && strlen(ours + 2) == n && memcmp(ours + 2, theirs + 2, n) == 0;
}

static bool row_is_right(const row *w, qn_str variables)
{
    result r = render_bytes(w->source, variables);
    qn_str got = {r.out.text.bytes ? r.out.text.bytes : "", r.out.text.n_bytes};
    bool right = w->fails ? r.status != QN_OK && r.err.text[0] && says(&r.err, w->want)
                          : r.status == QN_OK && qn_str_equal(got, w->want);
    if (!right)
        print_message("%.*s\n   %s\n   got  %.*s\n   want %.*s\n", (int)w->source.n_bytes,
                      w->source.bytes, r.err.text, (int)got.n_bytes, got.bytes,
                      (int)w->want.n_bytes, w->want.bytes ? w->want.bytes : "an error");
    qn_rendered_release(&r.out);
    return right;
}

static qn_str next_line(const qn_buf *b, size_t *at)
{
    const char *begin = b->bytes + *at, *end = memchr(begin, '\n', b->n_bytes - *at);
    size_t n = end ? (size_t)(end - begin) : b->n_bytes - *at;
    *at += n + 1;
    return (qn_str){begin, n};
}

/* Every filter, test, global, method and operator, with right and wrong arguments. */
static void every_call_answers_as_with_jinja2(void **state)
{
    qn_buf b = {0};
    qn_error err = {0};
    qn_region strings = qn_region_of(1 << 26);
    size_t at = 0, n_rows = 0, n_wrong = 0;
    (void)state;
    assert_int_equal(qn_buf_read_file(&b, "tests/fixtures/jinja_calls.jsonl", 1 << 24, &err),
                     QN_OK);
    qn_str variables = read_row(next_line(&b, &at), &strings).want;
    for (; at < b.n_bytes; n_rows++) {
        row w = read_call(next_line(&b, &at), &strings);
        n_wrong += !row_is_right(&w, variables);
    }
    print_message("# jinja_calls.jsonl: %zu rows, %zu mismatches\n", n_rows, n_wrong);
    qn_region_release(&strings);
    qn_buf_release(&b);
    assert_true(n_rows > 2000);
    assert_int_equal(n_wrong, 0);
}

static void every_feature_renders_as_with_jinja2(void **state)
{
    qn_buf b = {0};
    qn_error err = {0};
    qn_region strings = qn_region_of(1 << 26);
    size_t at = 0, n_rows = 0, n_wrong = 0;
    (void)state;
    assert_int_equal(qn_buf_read_file(&b, "tests/fixtures/jinja_cases.jsonl", 1 << 24, &err),
                     QN_OK);
    qn_str variables = read_row(next_line(&b, &at), &strings).want;
    for (; at < b.n_bytes; n_rows++) {
        row w = read_row(next_line(&b, &at), &strings);
        n_wrong += !row_is_right(&w, variables);
    }
    print_message("# jinja_cases.jsonl: %zu rows, %zu mismatches\n", n_rows, n_wrong);
    qn_region_release(&strings);
    qn_buf_release(&b);
    assert_true(n_rows > 300);
    assert_int_equal(n_wrong, 0);
}

/* Origins */

/* Writes the text with [ ] around what is not trusted. */
static void marked(const qn_rendered *out, size_t n, char *text)
{
    size_t at = 0;
    for (size_t i = 0; i < out->n_spans; i++) {
        const qn_span *s = &out->spans[i];
        at += (size_t)snprintf(text + at, n - at, s->trusted ? "%.*s" : "[%.*s]",
                               (int)(s->end - s->begin), out->text.bytes + s->begin);
    }
}

static void assert_marked(const char *source, const char *want)
{
    char text[1000] = "";
    result r =
        render(source, "{\"u\": \"a<|x|>b\", \"l\": [\"p\", \"q\"], \"n\": 3, \"e\": \"lt;|t|\","
                       "\"m\": {\"role\": \"user\", \"x\": \"user\", \"content\": \"C\"}}");
    if (r.status != QN_OK)
        print_message("%s: %s\n", source, r.err.text);
    assert_int_equal(r.status, QN_OK);
    marked(&r.out, sizeof text, text);
    assert_string_equal(text, want);
    qn_rendered_release(&r.out);
}

static void text_from_variables_is_not_trusted(void **state)
{
    (void)state;
    assert_marked("<|x|>{{ u }}{{ bos_token }}", "<|x|>[a<|x|>b]<s>");
    assert_marked("{{ '<|x|>' + u + '<|y|>' }}", "<|x|>[a<|x|>b]<|y|>");
    assert_marked("{{ '<' ~ u[1:3] ~ n ~ '>' }}", "<[<|]3>");
    assert_marked("{{ (' ' + u + ' ') | trim }}{{ ('<' + u) | upper }}", "[a<|x|>b]<[A<|X|>B]");
    assert_marked("{{ 'x-y' | replace('-', u) }}{{ (u ~ '|') | replace('|', '!') }}",
                  "x[a<|x|>b]y[a<!x!>b]!");
    assert_marked("{{ ('<' ~ u) | replace('<', '[[') }}{{ u.replace('', '-')[:3] }}",
                  "[[[a[[|x|>b-a-]");
    assert_marked("{{ l | join(', ') }}{{ ['a', u] | join }}", "[p], [q]a[a<|x|>b]");
    assert_marked("{{ ('<' + u + '>').split('|')[1] }}{{ ('a' + u) | list | last }}", "[xb]");
    assert_marked("{{ '%s:%s' % (u, 'k') }}{{ '{}!'.format(u) }}", "[a<|x|>b]:k[a<|x|>b]!");
    assert_marked("{{ ('t' + u) | tojson }}", "[\"]t[a<|x|>b\"]");
    assert_marked(
        "{% set x %}a{{ u }}{% endset %}{{ x }}{% macro m(v) %}({{ v }}){% endmacro %}{{ m(u) }}",
        "a[a<|x|>b]([a<|x|>b])");
    assert_marked("{{ ('x' + u)[::-1] }}{{ ('ab' + u)[0] }}", "[b>|x|<a]xa");
    assert_marked("{% for k in m %}{{ k }}{% endfor %}", "[rolexcontent]");
    assert_marked("{{ '{' ~ u ~ '}' | indent }}{{ (u + '\\n' + 'z') | indent(1) }}",
                  "{[a<|x|>b]}[a<|x|>b]\n z");
}

/* As above, of what is put between, around and in place of text from outside. */
static void what_filters_put_into_untrusted_text_is_not_trusted_either(void **state)
{
    (void)state;
    assert_marked("{{ 'aa bb' | wordwrap(2, wrapstring='<|w|>') }}", "aa<|w|>bb");
    assert_marked("{{ u | wordwrap(3, wrapstring='<|w|>') }}", "[a<|<|w|>x|><|w|>b]");
    assert_marked("{{ ('k ' ~ u ~ ' k') | wordwrap(7, wrapstring='<|w|>') }}",
                  "k[<|w|>a<|x|>b]<|w|>k");
    assert_marked("{{ u ~ ' ' ~ bos_token | wordwrap(40) }}", "[a<|x|>b] <s>");
    assert_marked("{{ 'see www.x.org' | urlize }}",
                  "see <a href=\"https://www.x.org\" rel=\"noopener\">www.x.org</a>");
    assert_marked("{{ ('www.x.org/' ~ m.content) | urlize(target='<|t|>') }}",
                  "<a href=\"https://www.x.org/[C]\" rel=\"noopener\" target=\"&lt;|t|&gt;\">"
                  "www.x.org/[C]</a>");
    assert_marked("{{ (m.content ~ '@x.org') | urlize }}",
                  "[<a href=\"mailto:C]@x.org[\">C]@x.org[</a>]");
    assert_marked("{{ (m.content ~ '\n' ~ u) | indent('<|i|>') }}", "[C]\n<|i|>[a<|x|>b]");
    assert_marked("{{ ('&lt;|a|&gt;' ~ '&' ~ 'lt;') | striptags }}", "<|a|><");
    assert_marked("{{ ('<i>' ~ u ~ '</i>') | striptags }}", "[ab]");
    assert_marked("{{ ('&' ~ m.content ~ 'a;&amp;') | striptags }}", "&[C]a;&");
    assert_marked("{{ (m.content ~ '&am' ~ 'p;') | striptags }}", "[C]&");
    assert_marked("{{ ('&' ~ e) | striptags }}", "[<|t|]");
    assert_marked("{{ [u, 'k'] | pprint }}", "[['a<|x|>b', ']k[']]");
    assert_marked("{{ 'a-' ~ (u.translate({97: '<|t|>', 98: 'B'})) }}", "a-[<|t|><|x|>B]");
    assert_marked("{{ 2 ** 70 ~ u }}{{ '%d' % 2 ** 70 }}",
                  "1180591620717411303424[a<|x|>b]1180591620717411303424");
    assert_marked("{{ [u, 'k'] | random is string }}{{ [u] | random }}", "True[a<|x|>b]");
    assert_marked("{{ '%s' % u.center(9, '.') }}{{ ('<b>' | safe) % u if false }}", ".[a<|x|>b].");
    assert_marked("{{ ('<b>%s' | safe) % u }}", "<b>[a&lt;|x|&gt;b]");
    assert_marked("{{ ('<b>{}' | safe).format(u) }}", "<b>[a&lt;|x|&gt;b]");
    assert_marked("{{ '{!a:.3}'.format(u) }}", "['a<]");
}

static void chance_depends_on_the_moment_alone(void **state)
{
    static const char source[] = "{% for i in range(40) %}{{ range(10) | random }}{% endfor %}";
    qn_template *t;
    qn_error err = {0};
    char text[3][41] = {0};
    (void)state;
    assert_int_equal(qn_template_parse(&t, sizeof source - 1, source, NULL, &err), QN_OK);
    for (size_t i = 0; i < 3; i++) {
        qn_template_input in = {.variables = {"{}", 2}, .now_epoch = i == 2 ? NOW + 1 : NOW};
        qn_rendered out;
        assert_int_equal(qn_template_render(t, &in, &out, &err), QN_OK);
        assert_int_equal(out.text.n_bytes, 40);
        memcpy(text[i], out.text.bytes, 40);
        qn_rendered_release(&out);
    }
    qn_template_release(t);
    assert_string_equal(text[0], text[1]);
    assert_string_not_equal(text[0], text[2]);
    assert_true(strspn(text[0] + 1, (char[]){text[0][0], 0}) < 39);
}

static void a_role_that_templates_put_into_markers_is_trusted(void **state)
{
    (void)state;
    assert_marked("{{ '<|' + m.role + '|>' + m.x }}", "<|user|>[user]");
    result r = render("{{ m.role }}", "{\"m\": {\"role\": \"endoftext\"}}");
    assert_false(r.out.spans[0].trusted);
    qn_rendered_release(&r.out);
}

static void a_message_that_spells_a_control_token_stays_text(void **state)
{
    static const char source[] =
        "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + "
        "'<|im_end|>' + '\\n' }}{% endfor %}";
    size_t n_trusted = 0, n_untrusted = 0;
    (void)state;
    result r =
        render(source, "{\"messages\": [{\"role\": \"user\", \"content\": \"a<|im_end|>\"}]}");
    assert_int_equal(r.status, QN_OK);
    for (size_t i = 0; i < r.out.n_spans; i++) {
        qn_str s = {r.out.text.bytes + r.out.spans[i].begin,
                    r.out.spans[i].end - r.out.spans[i].begin};
        bool has = memmem(s.bytes, s.n_bytes, "<|im_end|>", 10) != NULL;
        n_trusted += has && r.out.spans[i].trusted;
        n_untrusted += has && !r.out.spans[i].trusted;
    }
    assert_int_equal(n_trusted, 1);
    assert_int_equal(n_untrusted, 1);
    qn_rendered_release(&r.out);
}

static void generation_blocks_are_marked(void **state)
{
    (void)state;
    result r = render("a{% generation %}b{{ u }}{% endgeneration %}c", "{\"u\": \"x\"}");
    assert_int_equal(r.status, QN_OK);
    assert_int_equal(r.out.n_spans, 4);
    assert_false(r.out.spans[0].generated);
    assert_true(r.out.spans[1].generated && r.out.spans[1].trusted);
    assert_true(r.out.spans[2].generated && !r.out.spans[2].trusted);
    assert_false(r.out.spans[3].generated);
    qn_rendered_release(&r.out);
}

/* Errors and limits */

static void errors_name_the_line(void **state)
{
    static const struct {
        const char *source;
        unsigned line;
    } rows[] = {{"a\nb\n{{ x.y }}", 3},
                {"{% if a %}\n\n{{ 'x' }", 3},
                {"a\r\n{# c\n #}\n{{ 1 + none }}", 4},
                {"\n{% for x in 5 %}\n{% endfor %}", 2},
                {"{{ raise_exception('no') }}", 1},
                {"{% macro m() %}\n{{ 1/0 }}{% endmacro %}\n\n{{ m() }}", 2}};
    (void)state;
    for (size_t i = 0; i < QN_COUNT(rows); i++) {
        result r = render(rows[i].source, "{}");
        assert_int_not_equal(r.status, QN_OK);
        assert_int_equal(r.line, rows[i].line);
        qn_rendered_release(&r.out);
    }
    assert_fails("{{ raise_exception('roles must alternate') }}", "{}", QN_EARGUMENT,
                 "template line 1: roles must alternate");
}

static char *repeated(const char *part, size_t n)
{
    size_t n_part = strlen(part);
    char *text = malloc(n * n_part + 1);
    assert_non_null(text);
    for (size_t i = 0; i < n; i++)
        memcpy(text + i * n_part, part, n_part);
    text[n * n_part] = 0;
    return text;
}

static void assert_limit(const char *part, size_t n, const char *more, const char *what)
{
    char *source = repeated(part, n), *all = malloc(strlen(source) + strlen(more) + 1);
    sprintf(all, "%s%s", source, more);
    assert_fails(all, "{}", QN_ELIMIT, what);
    free(all);
    free(source);
}

static void what_is_above_a_limit_is_refused(void **state)
{
    const qn_template_limits *max = &qn_template_max;
    (void)state;
    assert_limit(" ", max->n_source + 1, "", "bytes");
    assert_limit("{% if 1 %}", max->n_parse_depth + 1, "", "deeper");
    assert_fails("{{ range(100001) }}", "{}", QN_ELIMIT, "range");
    assert_renders("{{ range(100000) | length }}", "{}", "100000");
    assert_fails("{{ 'x' * 1048577 }}", "{}", QN_ELIMIT, "repetition");
    assert_renders("{{ ('x' * 1048576) | length }}", "{}", "1048576");
    assert_fails("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
                 "{}", QN_ELIMIT, "steps");
    assert_fails("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "{}", QN_ELIMIT, "deeper");
    assert_fails("{% set ns = namespace(a='x' * 1000000) %}{% for i in range(30) %}"
                 "{% set ns.a = ns.a + ns.a %}{% endfor %}",
                 "{}", QN_ELIMIT, "bytes");
    assert_fails("{% set ns = namespace(a=1) %}{% for i in range(3000) %}{% set ns.a = [ns.a] %}"
                 "{% endfor %}{{ ns.a }}",
                 "{}", QN_ELIMIT, "deeper");
    assert_fails("{% set ns = namespace(a=1) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] "
                 "%}{% endfor %}{{ ns.a == ns.a + [] }}{{ ns.a | tojson }}",
                 "{}", QN_ELIMIT, "");
    assert_fails("{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}", "{}", QN_ELIMIT,
                 "deeper");
    assert_fails("{{ 2 ** 65536 }}", "{}", QN_ELIMIT, "an integer of more than 65536 bits");
    assert_renders("{{ (2 ** 65535).bit_length() }}", "{}", "65536");
    assert_fails("{{ 3 ** (3 ** 27) }}", "{}", QN_ELIMIT, "65536 bits");
    assert_fails("{% set ns = namespace(x=10) %}{% for i in range(99) %}"
                 "{% set ns.x = ns.x * ns.x %}{% endfor %}",
                 "{}", QN_ELIMIT, "65536 bits");
    assert_fails("{{ ('f' * 20000) | int(base=16) }}", "{}", QN_ELIMIT, "65536 bits");
    assert_fails("{% for i in range(100000) %}{% set x = 7 ** 23000 * 3 ** 40000 %}{% endfor %}",
                 "{}", QN_ELIMIT, "65536 bits");
    assert_fails("{% set x = 7 ** 11000 %}{% for i in range(100000) %}{% set y = x * x %}"
                 "{% endfor %}",
                 "{}", QN_ELIMIT, "steps");
    assert_fails("{{ '%.2000000f' % 1 }}", "{}", QN_ELIMIT, "digits");
    assert_fails("{{ 'x' | center(2000000) }}", "{}", QN_ELIMIT, "padding");
    assert_fails("{{ '%2000000d' % 1 }}", "{}", QN_ELIMIT, "padding");
}

static void nesting_up_to_the_limit_is_fine(void **state)
{
    size_t n = qn_template_max.n_parse_depth / 2 - 8;
    char *open = repeated("(", n), *close = repeated(")", n);
    char *source = malloc(2 * n + 100);
    (void)state;
    sprintf(source, "{{ %s1%s }}", open, close);
    assert_renders(source, "{}", "1");
    free(source);
    free(open);
    free(close);
    char *sum = repeated("1 + ", 300);
    source = malloc(strlen(sum) + 100);
    sprintf(source, "{{ %s1 }}", sum);
    assert_renders(source, "{}", "301");
    free(source);
    free(sum);
}

static void building_a_long_text_takes_linear_time(void **state)
{
    (void)state;
    /* as flat copies this would move 100,000 times 250 kB */
    assert_renders("{% set ns = namespace(t='') %}{% for i in range(100000) %}"
                   "{% set ns.t = ns.t + 'abcde' %}{% endfor %}{{ ns.t | length }}{{ ns.t[-3:] }}",
                   "{}", "500000cde");
}

/* A word of 1 MiB, a text of as many words, hyphens, brackets, dots: nothing looks at a byte often.
 */
static void long_texts_take_linear_time(void **state)
{
    static const char *const parts[] = {"x", "x ", "-", "a-", "(", "x.", "&", "@", "\\n", "<"};
    static const char *const filters[] = {"wordwrap(20)",    "wordwrap(1)", "urlize",
                                          "striptags",       "indent",      "pprint",
                                          "wordwrap(999999)"};
    const int n = QN_THREAD_SANITIZED ? 10000 : 500000; /* one thread: there is no race to find */
    (void)state;
    for (size_t i = 0; i < QN_COUNT(parts); i++) {
        for (size_t k = 0; k < QN_COUNT(filters); k++) {
            char source[200];
            snprintf(source, sizeof source, "{{ (('%s' * %d) | %s | length) >= 0 }}{{ 1 }}",
                     parts[i], n, filters[k]);
            result r = render(source, "{}"); /* within the steps, or refused by name */
            if (r.status != QN_OK)
                print_message("# %s: %s\n", source, r.err.text);
            assert_true(r.status == QN_OK);
            qn_rendered_release(&r.out);
        }
    }
}

static void an_exception_keeps_its_lines(void **state)
{
    (void)state;
    assert_fails("{{ raise_exception('one\ntwo\t' ~ u) }}", "{\"u\": \"\\u001b[2J\"}", QN_EARGUMENT,
                 "template line 1: one\ntwo\t\x1b[2J");
    char *long_text = repeated("x", 600), source[800];
    snprintf(source, sizeof source, "{{ raise_exception('%s') }}", long_text);
    assert_fails(source, "{}", QN_EARGUMENT, "xxx[...]");
    free(long_text);
}

static void bad_variables_are_refused(void **state)
{
    (void)state;
    assert_fails("x", "[]", QN_EFORMAT, "JSON object");
    assert_fails("x", "{\"a\": }", QN_EFORMAT, "JSON object");
    assert_fails("x", "{} {}", QN_EFORMAT, "JSON object");
    assert_fails("\xff", "{}", QN_EFORMAT, "UTF-8");
    assert_renders("{{ a }}{{ bos_token }}", "{\"a\": 1, \"a\": 2, \"bos_token\": \"B\"}", "2B");
}

static void the_moment_is_the_callers(void **state)
{
    static const struct {
        int64_t epoch;
        const char *want;
    } rows[] = {{0, "1970-01-01 00:00:00 4 001"},
                {951782400, "2000-02-29 00:00:00 2 060"},
                {-1, "1969-12-31 23:59:59 3 365"},
                {4107542399, "2100-02-28 23:59:59 0 059"},
                {1735689599, "2024-12-31 23:59:59 2 366"}};
    qn_template *t;
    qn_error err = {0};
    static const char source[] = "{{ strftime_now('%Y-%m-%d %H:%M:%S %w %j') }}";
    (void)state;
    assert_int_equal(qn_template_parse(&t, sizeof source - 1, source, NULL, &err), QN_OK);
    for (size_t i = 0; i < QN_COUNT(rows); i++) {
        qn_template_input in = {.variables = {"{}", 2}, .now_epoch = rows[i].epoch};
        qn_rendered out;
        assert_int_equal(qn_template_render(t, &in, &out, &err), QN_OK);
        assert_string_equal(out.text.bytes, rows[i].want);
        qn_rendered_release(&out);
    }
    qn_template_release(t);
}

/* Faults */

static void rendering_survives_the_failure_of_any_one_call(void **state)
{
    bool fired = true;
    unsigned n = 1;
    (void)state;
    for (; fired; n++) {
        qn_fault_arm(n);
        result r = render(everything, everything_needs);
        fired = qn_fault_disarm();
        assert_int_equal(r.status != QN_OK, fired);
        assert_true(!fired || r.err.text[0]);
        qn_rendered_release(&r.out);
        assert_int_equal(qn_alloc_live(), 0);
    }
    assert_true(n > 5);
}

QN_TEST_MAIN(cmocka_unit_test(every_feature_renders_as_with_jinja2),
             cmocka_unit_test(every_call_answers_as_with_jinja2),
             cmocka_unit_test(text_from_variables_is_not_trusted),
             cmocka_unit_test(what_filters_put_into_untrusted_text_is_not_trusted_either),
             cmocka_unit_test(chance_depends_on_the_moment_alone),
             cmocka_unit_test(a_role_that_templates_put_into_markers_is_trusted),
             cmocka_unit_test(a_message_that_spells_a_control_token_stays_text),
             cmocka_unit_test(generation_blocks_are_marked), cmocka_unit_test(errors_name_the_line),
             cmocka_unit_test(what_is_above_a_limit_is_refused),
             cmocka_unit_test(nesting_up_to_the_limit_is_fine),
             cmocka_unit_test(building_a_long_text_takes_linear_time),
             cmocka_unit_test(long_texts_take_linear_time),
             cmocka_unit_test(an_exception_keeps_its_lines),
             cmocka_unit_test(bad_variables_are_refused),
             cmocka_unit_test(the_moment_is_the_callers),
             cmocka_unit_test(rendering_survives_the_failure_of_any_one_call))
