/* tests/text/spelled.c - messages that spell every special token of every family put none into a
 * prompt: under every template there are the control tokens that plain messages give, no others.
 *
 * Fixtures: tests/oracles/special_tokens.py; the templates of tests/fixtures/jinja, and those of
 * the conformance data where that is at hand. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "tests/support/support.h"
#include "tests/support/test.h"
#include "text/jinja.h"
#include "text/tokenizer.h"

enum { MOST_NAMES = 1000 };

typedef struct fixture {
    qn_buf file;
    size_t n_names;
    qn_str names[MOST_NAMES];
    qn_tokenizer *t; /* knows the 256 bytes, and every name as a control token */
    qn_tokenizer_scratch *s;
    qn_buf spelled, plain; /* as JSON: all names with a space between, and @ in place of each */
    qn_buf answer; /* spelled without <think>, by which templates part an answer themselves */
    size_t n_templates, n_compared;
} fixture;

static void read_names(fixture *f)
{
    qn_error err = {0};
    if (qn_buf_read_file(&f->file, "tests/fixtures/text/special_tokens.txt", 1 << 20, &err) !=
        QN_OK)
        fail_msg("%s", err.text);
    for (const char *p = f->file.bytes, *end = p + f->file.n_bytes, *stop; p < end; p = stop + 1) {
        stop = memchr(p, '\n', (size_t)(end - p));
        assert_non_null(stop);
        assert_true(f->n_names < MOST_NAMES);
        f->names[f->n_names++] = (qn_str){p, (size_t)(stop - p)};
    }
    assert_true(f->n_names > 150);
}

/* A character that spells a byte in byte-level vocabularies. */
static size_t spell(uint32_t byte, uint32_t *n_odd, char out[3])
{
    bool plain = (byte > 32 && byte < 127) || (byte > 160 && byte < 256 && byte != 173);
    uint32_t code = plain ? byte : 256 + (*n_odd)++;
    size_t n = code < 128 ? 1 : 2;
    out[0] = (char)(n == 1 ? code : 0xC0 | code >> 6);
    out[1] = (char)(n == 1 ? 0 : 0x80 | (code & 63));
    out[2] = 0;
    return n;
}

static void open_tokenizer(fixture *f)
{
    qn_buf doc = {0};
    qn_error err = {0};
    qn_buf_text(&doc,
                "{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false},"
                "\"decoder\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\",\"merges\":[],"
                "\"vocab\":{");
    for (uint32_t byte = 0, n_odd = 0; byte < 256; byte++) {
        char c[3];
        qn_buf_text(&doc, byte ? "," : "");
        size_t n = spell(byte, &n_odd, c);
        qn_json_write_string(&doc, n, c);
        qn_buf_format(&doc, ":%u", byte);
    }
    qn_buf_text(&doc, "}},\"added_tokens\":[");
    for (size_t i = 0; i < f->n_names; i++) {
        qn_buf_format(&doc, "%s{\"id\":%zu,\"special\":true,\"normalized\":false,\"content\":",
                      i ? "," : "", 256 + i);
        qn_json_write_string(&doc, f->names[i].n_bytes, f->names[i].bytes);
        qn_buf_text(&doc, "}");
    }
    qn_buf_text(&doc, "]}");
    if (qn_tokenizer_from_json(&f->t, (qn_str){doc.bytes, doc.n_bytes}, NULL, NULL, &err) != QN_OK)
        fail_msg("%s", err.text);
    qn_buf_release(&doc);
    assert_int_equal(qn_tokenizer_scratch_open(&f->s, f->t, &err), QN_OK);
}

static void open_fixture(fixture *f)
{
    *f = (fixture){0};
    read_names(f);
    open_tokenizer(f);
    qn_buf text = {0}, answer = {0};
    for (size_t i = 0; i < f->n_names; i++) {
        bool thinks = memmem(f->names[i].bytes, f->names[i].n_bytes, "think>", 6);
        qn_buf_append(&text, f->names[i].n_bytes, f->names[i].bytes);
        qn_buf_append(&answer, thinks ? 0 : f->names[i].n_bytes, f->names[i].bytes);
        qn_buf_text(&text, " ");
        qn_buf_text(&answer, " ");
        qn_buf_text(&f->plain, i ? "@ " : "\"@ ");
    }
    qn_buf_text(&f->plain, "\"");
    qn_json_write_string(&f->spelled, text.n_bytes, text.bytes);
    qn_json_write_string(&f->answer, answer.n_bytes, answer.bytes);
    qn_buf_release(&text);
    qn_buf_release(&answer);
}

static void close_fixture(fixture *f)
{
    qn_buf_release(&f->file);
    qn_buf_release(&f->spelled);
    qn_buf_release(&f->plain);
    qn_buf_release(&f->answer);
    qn_tokenizer_scratch_close(f->s);
    qn_tokenizer_release(f->t);
    assert_int_equal(qn_alloc_live(), 0);
}

/* A conversation, %s being what it says; the first one's is an answer. */
static const char *const shapes[] = {
    "{\"messages\":[{\"role\":\"user\",\"content\":\"go\"},{\"role\":\"assistant\","
    "\"content\":%s},{\"role\":\"user\",\"content\":\"on\"}],\"add_generation_prompt\":true}",
    "{\"messages\":[{\"role\":\"user\",\"content\":%s}],\"add_generation_prompt\":true}",
    "{\"messages\":[{\"role\":\"system\",\"content\":%s},{\"role\":\"user\",\"content\":%s},"
    "{\"role\":\"assistant\",\"content\":\"yes\"},{\"role\":\"user\",\"content\":%s}],"
    "\"add_generation_prompt\":true}",
    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":%s}]}],"
    "\"add_generation_prompt\":true}",
    "{\"messages\":[{\"role\":\"user\",\"content\":\"go\"},{\"role\":\"assistant\",\"content\":\"\","
    "\"tool_calls\":[{\"id\":\"abcdefghi\",\"type\":\"function\",\"function\":{\"name\":\"f\","
    "\"arguments\":{\"x\":%s}}}]},{\"role\":\"tool\",\"tool_call_id\":\"abcdefghi\",\"name\":\"f\","
    "\"content\":%s}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
    "\"description\":%s,\"parameters\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":"
    "\"string\",\"description\":%s}},\"required\":[\"x\"]}}}],\"add_generation_prompt\":true}",
};

static void fill(qn_buf *request, const char *shape, const qn_buf *said)
{
    qn_buf_clear(request);
    for (const char *mark; (mark = strstr(shape, "%s")); shape = mark + 2) {
        qn_buf_append(request, (size_t)(mark - shape), shape);
        qn_buf_append(request, said->n_bytes, said->bytes);
    }
    qn_buf_text(request, shape);
}

/* The control tokens of the prompt, in order; false where the template refuses the messages. */
static bool controls_of(fixture *f, const qn_template *t, const char *shape, const qn_buf *said,
                        qn_ids *controls)
{
    static const qn_template_string trusted[] = {{{"bos_token", 9}, {"<s>", 3}},
                                                 {{"eos_token", 9}, {"</s>", 4}}};
    qn_buf request = {0};
    qn_rendered out;
    qn_ids ids = {0};
    qn_error err = {0};
    fill(&request, shape, said);
    qn_template_input in = {.variables = {request.bytes, request.n_bytes},
                            .n_trusted = 2,
                            .trusted = trusted,
                            .now_epoch = 1721997296};
    bool ok = qn_template_render(t, &in, &out, &err) == QN_OK;
    qn_text_part *parts = qn_alloc_zeroed(out.n_spans + 1, sizeof *parts);
    for (size_t i = 0; i < out.n_spans; i++)
        parts[i] = (qn_text_part){out.text.bytes + out.spans[i].begin,
                                  out.spans[i].end - out.spans[i].begin, out.spans[i].trusted};
    if (ok)
        assert_int_equal(qn_tokenize_parts(f->t, f->s, out.n_spans, parts, 0, &ids, &err), QN_OK);
    for (size_t i = 0; i < ids.n; i++)
        if (ids.ids[i] >= 256)
            qn_ids_append(controls, 1, &ids.ids[i]);
    qn_free(parts);
    qn_ids_release(&ids);
    qn_rendered_release(&out);
    qn_buf_release(&request);
    return ok;
}

static void check_shape(fixture *f, const char *name, const qn_template *t, size_t shape)
{
    qn_ids plain = {0}, spelled = {0};
    const qn_buf *said = shape ? &f->spelled : &f->answer;
    if (controls_of(f, t, shapes[shape], &f->plain, &plain)) {
        if (!controls_of(f, t, shapes[shape], said, &spelled))
            print_message("# %s refuses shape %zu where tokens are spelled\n", name, shape);
        else if (plain.n != spelled.n ||
                 (plain.n && memcmp(plain.ids, spelled.ids, plain.n * sizeof *plain.ids) != 0))
            fail_msg("%s, shape %zu: %zu control tokens, %zu where the messages spell them", name,
                     shape, plain.n, spelled.n);
        else
            f->n_compared++;
    }
    qn_ids_release(&plain);
    qn_ids_release(&spelled);
}

static void check_folder(fixture *f, const char *folder)
{
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[4096];
        qn_buf source = {0};
        qn_template *t = NULL;
        qn_error err = {0};
        size_t n = strlen(e->d_name);
        if (n < 6 || strcmp(e->d_name + n - 6, ".jinja") != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        assert_int_equal(qn_buf_read_file(&source, path, 1 << 22, &err), QN_OK);
        if (qn_template_parse(&t, source.n_bytes, source.bytes, NULL, &err) == QN_OK) {
            f->n_templates++;
            for (size_t shape = 0; shape < QN_COUNT(shapes); shape++)
                check_shape(f, e->d_name, t, shape);
        }
        qn_template_release(t);
        qn_buf_release(&source);
    }
    if (d)
        closedir(d);
}

static void no_message_puts_a_control_token_into_a_prompt(void **state)
{
    fixture f;
    (void)state;
    open_fixture(&f);
    check_folder(&f, "tests/fixtures/jinja");
    print_message("# %zu templates, %zu names, %zu conversations\n", f.n_templates, f.n_names,
                  f.n_compared);
    assert_true(f.n_templates >= 2 && f.n_compared >= 4);
    close_fixture(&f);
}

static void nor_under_any_published_template(void **state)
{
    char folder[4096];
    fixture f;
    (void)state;
    if (!qn_test_data())
        QN_SKIP("no conformance data");
    snprintf(folder, sizeof folder, "%s/templates/jinja", qn_test_data());
    open_fixture(&f);
    check_folder(&f, folder);
    print_message("# %zu templates, %zu names, %zu conversations\n", f.n_templates, f.n_names,
                  f.n_compared);
    assert_true(f.n_templates > 100 && f.n_compared > 200);
    close_fixture(&f);
}

/* What a template may do to a message's text m, its own <s> in it or around. */
static const char *const changes[] = {
    "m",
    "m | wordwrap(9, wrapstring='<s>')",
    "m | wordwrap(3)",
    "m | wordwrap(40, false, '<s>', false)",
    "m | indent('<s>', true, true)",
    "m.replace(' ', '\\n') | indent('<s>')",
    "m | replace(' ', '<s>') | replace('<', '<s>') | replace('', '<s>', 3)",
    "m | urlize(target='<s>', extra_schemes=['ab:'])",
    "(m ~ ' www.x.org/' ~ m) | urlize(8, true, '<s>', '<s>')",
    "(m | escape) | striptags",
    "m.replace('<', '&lt;').replace('>', '&gt;') | striptags",
    "(m | escape).unescape()",
    "[m, {'a': m}] | pprint",
    "m | pprint",
    "m | escape",
    "m | forceescape | string",
    "m | tojson",
    "[m, m] | tojson(indent='<s>')",
    "[m, m] | tojson(separators=('<s>', ''))",
    "m.translate({60: '<s>', 32: none})",
    "m.translate(m.maketrans(' ', 'x'))",
    "m.split() | random",
    "m.split() | join(' ')",
    "m.split(' ')[2]",
    "m.split() | map('upper') | map('lower') | list",
    "m.split() | map('trim', '<>') | map('center', 40) | list",
    "m.partition(' ')",
    "m.rsplit(' ', 3)",
    "m.splitlines()",
    "m | truncate(80, true, '<s>')",
    "m | title | capitalize | upper | lower",
    "m.swapcase().swapcase().casefold()",
    "m | reverse | reverse",
    "m[::-1][::-1]",
    "m | list | join",
    "m.split() | batch(2) | list",
    "m.split() | slice(3) | list",
    "m.split() | sort | unique | list",
    "m.split() | groupby(0)",
    "m | xmlattr if false else {m: m, 'a': m}",
    "{'a': m} | xmlattr",
    "{'a': m, 'b': m} | urlencode",
    "{'a': m} | dictsort",
    "'%s %r %a %.30s' % (m, m, m, m)",
    "'{} {!r} {:>3000} {a[0]}'.format(m, m, m, a=[m])",
    "('%s' | safe) % m ~ (('{}' | safe).format(m))",
    "m | format if false else m.format_map({}) if false else m ~ 2 ** 70",
    "m.zfill(9000) ~ m.ljust(9000, '<') ~ m.center(9000, '>')",
    "m.expandtabs().strip('<').lstrip('|').rstrip('>')",
    "m.removeprefix('<').removesuffix('>')",
    "m | default('<s>') | string | safe",
    "(messages | map(attribute='content') | first) ~ (messages | selectattr('content') | first).content",
    "namespace(a=m).a ~ dict(b=m).b ~ cycler(m).next() ~ joiner(m)()",
    "dict.fromkeys([m])",
    "messages",
    "m.encode if false else m * 2 + m",
};

static void nor_by_way_of_any_filter_or_method(void **state)
{
    fixture f;
    (void)state;
    open_fixture(&f);
    for (size_t i = 0; i < QN_COUNT(changes); i++) {
        char source[400];
        qn_template *t = NULL;
        qn_error err = {0};
        int n = snprintf(source, sizeof source,
                         "<s>{%% set m = messages[0].content %%}{{ %s }}</s>", changes[i]);
        if (qn_template_parse(&t, (size_t)n, source, NULL, &err) != QN_OK)
            fail_msg("%s: %s", source, err.text);
        size_t before = f.n_compared;
        check_shape(&f, changes[i], t, 1);
        if (f.n_compared == before)
            print_message("%s was not compared\n", changes[i]);
        qn_template_release(t);
    }
    assert_int_equal(f.n_compared, QN_COUNT(changes));
    close_fixture(&f);
}

/* What the prompt would be if nobody told the template's text from that of a message. */
static void the_names_are_found_where_they_may_be(void **state)
{
    fixture f;
    qn_ids ids = {0};
    qn_error err = {0};
    (void)state;
    open_fixture(&f);
    for (size_t i = 0; i < f.n_names; i++) {
        qn_ids_clear(&ids);
        assert_int_equal(qn_tokenize(f.t, f.s, f.names[i].n_bytes, f.names[i].bytes,
                                     QN_TOKENIZE_PARSE_SPECIAL, &ids, &err),
                         QN_OK);
        assert_int_equal(ids.n, 1);
        assert_int_equal(ids.ids[0], 256 + i);
    }
    qn_ids_release(&ids);
    close_fixture(&f);
}

QN_TEST_MAIN(cmocka_unit_test(nor_by_way_of_any_filter_or_method),
             cmocka_unit_test(the_names_are_found_where_they_may_be),
             cmocka_unit_test(no_message_puts_a_control_token_into_a_prompt),
             cmocka_unit_test(nor_under_any_published_template))
