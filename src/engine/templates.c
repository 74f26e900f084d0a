/* engine/templates.c - gathers templates, chooses one, and says which and why. */
#include "engine/templates.h"

#include "base/json.h"
#include "base/sha256.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_PATH = 4096, MOST_BYTES = 64 << 20 };

static qn_status add(qn_templates *x, qn_str name, qn_str source, const char *where, bool of_file,
                     qn_error *err)
{
    QN_FAIL_IF(x->n == QN_MOST_TEMPLATES, err, QN_ELIMIT, "more than %d chat templates",
               QN_MOST_TEMPLATES);
    qn_named_template *t = &x->list[x->n];
    *t = (qn_named_template){.of_file = of_file};
    t->name = (qn_str){qn_region_copy(&x->memory, name.n_bytes, name.bytes), name.n_bytes};
    t->source = (qn_str){qn_region_copy(&x->memory, source.n_bytes, source.bytes), source.n_bytes};
    t->where = qn_region_copy(&x->memory, strlen(where), where);
    if (x->memory.failed)
        return qn_region_fail(&x->memory, "the chat templates", err);
    x->n++;
    if (qn_template_parse(&t->parsed, source.n_bytes, source.bytes, &t->line, &t->wrong) == QN_OK)
        return QN_OK;
    (void)qn_fail_in(&t->wrong, t->where);
    if (t->wrong.status != QN_ENOMEM)
        return QN_OK;
    *err = t->wrong;
    return QN_ENOMEM;
}

static qn_status find_in_gguf(qn_templates *x, const qn_gguf *g, qn_error *err)
{
    static const char key[] = "tokenizer.chat_template";
    qn_gguf_array names = {0};
    qn_str source = {0};
    QN_TRY(qn_gguf_maybe_string(g, key, &source, err));
    if (source.bytes)
        QN_TRY(add(x, qn_str_of("default"), source, key, true, err));
    QN_TRY(qn_gguf_maybe_strings(g, "tokenizer.chat_templates", &names, err));
    for (size_t i = 0; i < names.n; i++) {
        char one[256];
        qn_str name = qn_gguf_array_string(&names, i);
        source = (qn_str){0};
        int n = snprintf(one, sizeof one, "%s.%.*s", key, (int)QN_MIN(name.n_bytes, (size_t)200),
                         name.bytes);
        if (n > 0 && (size_t)n < sizeof one)
            QN_TRY(qn_gguf_maybe_string(g, one, &source, err));
        if (source.bytes)
            QN_TRY(add(x, name, source, one, true, err));
    }
    return QN_OK;
}

static bool is_file(const char *folder, const char *name, char path[MOST_PATH])
{
    struct stat st;
    int n = snprintf(path, MOST_PATH, "%s/%s", folder, name);
    return n > 0 && n < MOST_PATH && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static qn_status add_path(qn_templates *x, qn_str name, const char *path, const char *where,
                          qn_error *err)
{
    qn_buf text = {0};
    qn_status st = qn_buf_read_file(&text, path, qn_template_max.n_source, err);
    if (st == QN_OK)
        st = add(x, name, (qn_str){text.bytes ? text.bytes : "", text.n_bytes}, where, false, err);
    qn_buf_release(&text);
    return st;
}

/* additional_chat_templates/NAME.jinja */
static qn_status find_additional(qn_templates *x, const char *folder, qn_error *err)
{
    char path[MOST_PATH], where[512];
    int n = snprintf(path, sizeof path, "%s/additional_chat_templates", folder);
    DIR *d = n > 0 && (size_t)n < sizeof path ? opendir(path) : NULL;
    qn_status st = QN_OK;
    for (struct dirent *e = d ? readdir(d) : NULL; e && st == QN_OK; e = readdir(d)) {
        size_t n_name = strlen(e->d_name);
        if (n_name <= 6 || strcmp(e->d_name + n_name - 6, ".jinja") != 0)
            continue;
        snprintf(where, sizeof where, "additional_chat_templates/%s", e->d_name);
        if (is_file(folder, where, path))
            st = add_path(x, (qn_str){e->d_name, n_name - 6}, path, where, err);
    }
    if (d)
        closedir(d);
    return st;
}

/* chat_template is a text, or a list of {name, template}. */
static qn_status read_config(qn_templates *x, const qn_buf *text, qn_error *err)
{
    static const char where[] = "tokenizer_config.json";
    qn_json j;
    qn_str key, field;
    qn_json_init(&j, text->n_bytes, text->bytes, &x->memory);
    for (qn_json_enter(&j, QN_JSON_OBJECT); qn_json_next_key(&j, &key);) {
        if (!qn_str_is(key, "chat_template"))
            continue;
        if (qn_json_peek(&j) == QN_JSON_STRING)
            QN_TRY(add(x, qn_str_of("default"), qn_json_string(&j), where, false, err));
        else if (qn_json_peek(&j) == QN_JSON_ARRAY)
            for (qn_json_enter(&j, QN_JSON_ARRAY); qn_json_next(&j);) {
                qn_str name = qn_str_of("default"), source = {"", 0};
                for (qn_json_enter(&j, QN_JSON_OBJECT); qn_json_next_key(&j, &field);) {
                    if (qn_str_is(field, "name"))
                        name = qn_json_string(&j);
                    else if (qn_str_is(field, "template"))
                        source = qn_json_string(&j);
                }
                QN_TRY(qn_json_check(&j, err));
                QN_TRY(add(x, name, source, where, false, err));
            }
    }
    return qn_json_end(&j, err);
}

static qn_status find_in_folder(qn_templates *x, const char *folder, qn_error *err)
{
    char path[MOST_PATH];
    qn_buf text = {0};
    if (is_file(folder, "chat_template.jinja", path))
        QN_TRY(add_path(x, qn_str_of("default"), path, "chat_template.jinja", err));
    QN_TRY(find_additional(x, folder, err));
    if (!is_file(folder, "tokenizer_config.json", path))
        return QN_OK;
    qn_status st = qn_buf_read_file(&text, path, MOST_BYTES, err);
    if (st == QN_OK && read_config(x, &text, err) != QN_OK)
        st = qn_fail_in(err, "tokenizer_config.json");
    qn_buf_release(&text);
    return st;
}

qn_status qn_templates_find(qn_templates *x, const qn_gguf *g, const char *path, qn_error *err)
{
    struct stat st;
    char folder[MOST_PATH];
    bool is_folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    const char *slash = is_folder ? path + strlen(path) : strrchr(path, '/');
    int n = snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1,
                     slash ? path : ".");
    *x = (qn_templates){.memory = qn_region_of(MOST_BYTES)};
    qn_status found = g ? find_in_gguf(x, g, &x->wrong) : QN_OK;
    if (found == QN_OK && n > 0 && (size_t)n < sizeof folder)
        found = find_in_folder(x, folder, &x->wrong);
    if (found != QN_ENOMEM)
        return QN_OK;
    *err = x->wrong;
    return found;
}

void qn_templates_release(qn_templates *x)
{
    for (size_t i = 0; i < x->n; i++)
        qn_template_release(x->list[i].parsed);
    qn_region_release(&x->memory);
    x->n = 0;
}

static const qn_named_template *named(const qn_templates *x, qn_str name, bool of_file)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->list[i].of_file == of_file && qn_str_equal(x->list[i].name, name))
            return &x->list[i];
    return NULL;
}

static const qn_named_template *either(const qn_templates *x, const char *name)
{
    const qn_named_template *t = named(x, qn_str_of(name), true);
    return t ? t : named(x, qn_str_of(name), false);
}

/* Whether the request has a list of that name with something in it. */
static bool has_list(qn_str request, const char *name)
{
    qn_json j;
    qn_str key;
    bool found = false;
    qn_region strings = qn_region_of(1 << 20);
    qn_json_init(&j, request.n_bytes, request.bytes, &strings);
    if (qn_json_peek(&j) == QN_JSON_OBJECT)
        for (qn_json_enter(&j, QN_JSON_OBJECT); qn_json_next_key(&j, &key);)
            if (qn_str_is(key, name) && qn_json_peek(&j) == QN_JSON_ARRAY)
                for (qn_json_enter(&j, QN_JSON_ARRAY); qn_json_next(&j);)
                    found = true;
    qn_region_release(&strings);
    return found;
}

const qn_named_template *qn_templates_choose(const qn_templates *x, qn_str request,
                                             const char **reason)
{
    static const struct {
        const char *list, *name, *reason;
    } rules[] = {{"tools", "tool_use", "the request has tools"},
                 {"documents", "rag", "the request has documents"}};
    for (size_t i = 0; i < QN_COUNT(rules); i++) {
        const qn_named_template *t = either(x, rules[i].name);
        if (!t || !has_list(request, rules[i].list))
            continue;
        *reason = rules[i].reason;
        return t;
    }
    *reason = x->n > 1 ? "no other one is for this request" : "it is the only one";
    return either(x, "default");
}

qn_status qn_templates_get(const qn_templates *x, qn_str request, const qn_named_template **t,
                           const char **reason, qn_error *err)
{
    *t = NULL;
    if (x->wrong.status != QN_OK)
        return qn_fail(err, x->wrong.status, "%s", x->wrong.text);
    *t = qn_templates_choose(x, request, reason);
    QN_FAIL_IF(!*t, err, QN_EUNSUPPORTED,
               "the model has no chat template; it completes plain text, with --raw");
    if (!(*t)->parsed)
        return qn_fail(err, (*t)->wrong.status, "%s", (*t)->wrong.text);
    return QN_OK;
}

static void write_names(const qn_templates *x, bool json, qn_buf *out)
{
    for (size_t i = 0, n = 0; i < x->n; i++) {
        const qn_named_template *t = &x->list[i];
        if (!t->of_file && named(x, t->name, true))
            continue;
        qn_buf_text(out, n++ ? json ? "," : ", " : "");
        if (json)
            qn_json_write_string(out, t->name.n_bytes, t->name.bytes);
        else
            qn_buf_append(out, t->name.n_bytes, t->name.bytes);
    }
}

void qn_templates_explain(const qn_templates *x, const qn_named_template *chosen,
                          const char *reason, bool json, qn_buf *out)
{
    char hash[65], other[65];
    const qn_named_template *beside = chosen->of_file ? named(x, chosen->name, false) : NULL;
    bool same = beside && qn_str_equal(beside->source, chosen->source);
    qn_sha256_hex(chosen->source.n_bytes, chosen->source.bytes, hash);
    if (beside)
        qn_sha256_hex(beside->source.n_bytes, beside->source.bytes, other);
    if (!json) {
        qn_buf_format(out, "template    %.*s, since %s\navailable   ", (int)chosen->name.n_bytes,
                      chosen->name.bytes, reason);
        write_names(x, false, out);
        qn_buf_format(out, "\nfrom        %s\nsha256      %s\n", chosen->where, hash);
        if (beside)
            qn_buf_format(out, "repository  %s, %s%s\n", beside->where,
                          same ? "the same" : "differs: ", same ? "" : other);
        return;
    }
    qn_buf_text(out, "{\"template\":");
    qn_json_write_string(out, chosen->name.n_bytes, chosen->name.bytes);
    qn_buf_text(out, ",\"reason\":");
    qn_json_write_text(out, reason);
    qn_buf_text(out, ",\"available\":[");
    write_names(x, true, out);
    qn_buf_text(out, "],\"from\":");
    qn_json_write_text(out, chosen->where);
    qn_buf_format(out, ",\"sha256\":\"%s\"", hash);
    if (beside) {
        qn_buf_text(out, ",\"repository\":{\"from\":");
        qn_json_write_text(out, beside->where);
        qn_buf_format(out, ",\"sha256\":\"%s\",\"same\":%s}", other, same ? "true" : "false");
    }
    qn_buf_text(out, "}\n");
}
