/* text/jinja_call.c - calls: arguments find their parameters, or Python's complaint about them.
 *
 * Source: what CPython 3.11 says of functions written in Python and in C. */
#include "text/jinja_node.h"

#include <stdio.h>
#include <string.h>

enum { MAX_NAMES = 400 };

/* The names that arguments can have, divided by spaces. */
static const char *parameters_of(const qn_jnative *native)
{
    const char *bar = strchr(native->signature, '|');
    return bar ? bar + 1 + (bar[1] == ' ') : native->signature;
}

static qn_str name_of(const qn_jnative *native)
{
    bool own = strchr(native->signature, '|');
    return own ? (qn_str){native->signature, strcspn(native->signature, " ")}
               : qn_str_of(native->name);
}

static size_t count_words(const char *p, const char *end)
{
    size_t n = 0;
    for (bool inside = false; p < end && *p; p++) {
        n += *p != ' ' && !inside;
        inside = *p != ' ';
    }
    return n;
}

/* Parameters before the bar, which are always given. */
static size_t count_hidden(const qn_jnative *native)
{
    const char *bar = strchr(native->signature, '|');
    return bar ? count_words(native->signature, bar) - 1 : 0;
}

static size_t count_parameters(const qn_jnative *native)
{
    const char *p = parameters_of(native);
    return count_words(p, p + strlen(p));
}

static qn_str word_at(const char *p, size_t i)
{
    for (; i > 0; i--)
        p += strcspn(p, " ") + 1;
    return (qn_str){p, strcspn(p, " ")};
}

static bool has_word(const char *p, const char *end, qn_str name)
{
    for (; p < end; p += strcspn(p, " |") + 1)
        if (qn_str_equal(name, (qn_str){p, strcspn(p, " |")}))
            return true;
    return false;
}

/* The place of the parameter of that name, or n. */
static size_t index_of(const qn_jnative *native, size_t n, qn_str name)
{
    size_t i = 0;
    while (i < n && !qn_str_equal(name, word_at(parameters_of(native), i)))
        i++;
    return i;
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

/* Complaints; each takes what is wrong from the call. */

static void refuse_count(qn_jstate *r, const qn_jnative *native, qn_jval self, size_t n_given)
{
    size_t n_hidden = count_hidden(native), n = count_parameters(native),
           n_least = native->n_required;
    qn_str f = name_of(native);
    int n_f = (int)f.n_bytes;
    bool few = n_given < n_least;
    switch (native->style) {
    case J_PYTHON:
        n += n_hidden, n_least += n_hidden, n_given += n_hidden;
        if (n == n_least)
            qn_jfail(r, QN_EARGUMENT, "%.*s() takes %zu positional argument%s but %zu %s given",
                     n_f, f.bytes, n, plural(n), n_given, n_given == 1 ? "was" : "were");
        else
            qn_jfail(r, QN_EARGUMENT,
                     "%.*s() takes from %zu to %zu positional arguments but %zu %s given", n_f,
                     f.bytes, n_least, n, n_given, n_given == 1 ? "was" : "were");
        break;
    case J_BUILTIN_ONE:
        qn_jfail(r, QN_EARGUMENT, "%.*s() takes exactly one argument (%zu given)", n_f, f.bytes,
                 n_given + n_hidden);
        break;
    case J_OPERATOR:
        qn_jfail(r, QN_EARGUMENT, "%.*s expected %zu argument%s, got %zu", n_f, f.bytes,
                 n + n_hidden, plural(n + n_hidden), n_given + n_hidden);
        break;
    case J_METHOD_NONE:
        qn_jfail(r, QN_EARGUMENT, "%s.%s() takes no arguments (%zu given)", qn_jtype_name(self),
                 native->name, n_given);
        break;
    case J_METHOD_ONE:
        qn_jfail(r, QN_EARGUMENT, "%s.%s() takes exactly one argument (%zu given)",
                 qn_jtype_name(self), native->name, n_given);
        break;
    case J_EXPECTED:
        n = few ? n_least : n;
        qn_jfail(r, QN_EARGUMENT, "%s expected at %s %zu argument%s, got %zu", native->name,
                 few ? "least" : "most", n, plural(n), n_given);
        break;
    default:
        n = few ? n_least : n;
        qn_jfail(r, QN_EARGUMENT, "%s() takes at %s %zu argument%s (%zu given)", native->name,
                 few ? "least" : "most", n, plural(n), n_given);
    }
}

static void refuse_keyword(qn_jstate *r, const qn_jnative *native, qn_str name)
{
    char shown[QN_SHOWN];
    qn_str f = name_of(native);
    const char *bar = strchr(native->signature, '|');
    qn_str_show(shown, name);
    if (native->style == J_KEYWORDS)
        qn_jfail(r, QN_EARGUMENT, "'%s' is an invalid keyword argument for %s()", shown,
                 native->name);
    else if (native->style == J_EXPECTED) /* range, which the sandbox wraps */
        qn_jfail(r, QN_EARGUMENT, "safe_range() got an unexpected keyword argument '%s'", shown);
    else if (bar && has_word(native->signature + f.n_bytes + 1, bar, name))
        qn_jfail(r, QN_EARGUMENT, "%.*s() got multiple values for argument '%s'", (int)f.n_bytes,
                 f.bytes, shown);
    else
        qn_jfail(r, QN_EARGUMENT, "%.*s() got an unexpected keyword argument '%s'", (int)f.n_bytes,
                 f.bytes, shown);
}

static void refuse_any_keyword(qn_jstate *r, const qn_jnative *native, qn_jval self,
                               const qn_jcall *c)
{
    qn_str f = name_of(native);
    bool plain = native->style == J_TAKES || native->style == J_BUILTIN_ONE;
    const char *of = plain                         ? ""
                     : native->style == J_OPERATOR ? "_operator"
                     : native->of == J_DICT        ? "dict"
                                                   : qn_jtype_name(self);
    if (native->of == J_MISSING && native->style == J_EXPECTED)
        refuse_keyword(r, native, c->keyword[0].name);
    else
        qn_jfail(r, QN_EARGUMENT, "%s%s%.*s() takes no keyword arguments", of, *of ? "." : "",
                 (int)f.n_bytes, f.bytes);
}

static void refuse_double(qn_jstate *r, const qn_jnative *native, size_t at)
{
    qn_str f = name_of(native), p = word_at(parameters_of(native), at);
    if (native->style == J_KEYWORDS)
        qn_jfail(r, QN_EARGUMENT, "argument for %s() given by name ('%.*s') and position (%zu)",
                 native->name, (int)p.n_bytes, p.bytes, at + 1);
    else
        qn_jfail(r, QN_EARGUMENT, "%.*s() got multiple values for argument '%.*s'", (int)f.n_bytes,
                 f.bytes, (int)p.n_bytes, p.bytes);
}

/* "'a'", "'a' and 'b'", "'a', 'b', and 'c'" */
static void refuse_missing(qn_jstate *r, const qn_jnative *native, const qn_jcall *c)
{
    char names[MAX_NAMES] = "";
    qn_str f = name_of(native);
    size_t n = 0, n_done = 0, length = 0;
    for (size_t i = 0; i < native->n_required; i++)
        n += c->v[i].kind == J_MISSING;
    for (size_t i = 0; i < native->n_required && length < sizeof names; i++) {
        qn_str p = word_at(parameters_of(native), i);
        if (c->v[i].kind != J_MISSING)
            continue;
        length += (size_t)snprintf(names + length, sizeof names - length, "%s'%.*s'",
                                   n_done == 0      ? ""
                                   : n_done + 1 < n ? ", "
                                   : n == 2         ? " and "
                                                    : ", and ",
                                   (int)p.n_bytes, p.bytes);
        n_done++;
    }
    qn_jfail(r, QN_EARGUMENT, "%.*s() missing %zu required positional argument%s: %s",
             (int)f.n_bytes, f.bytes, n, plural(n), names);
}

/* Arguments by name, as a function written in Python takes them. */
static void bind_keywords(qn_jstate *r, const qn_jnative *native, qn_jcall *c, size_t n)
{
    for (size_t i = 0; i < c->n_keyword && !qn_jfailed(r); i++) {
        size_t at = index_of(native, n, c->keyword[i].name);
        if (at == n)
            refuse_keyword(r, native, c->keyword[i].name);
        else if (c->v[at].kind != J_MISSING)
            refuse_double(r, native, at);
        else
            c->v[at] = c->keyword[i].value;
    }
}

/* Markup has most of the methods of str again, written in Python: they complain as such. */
static qn_jnative of_markup(qn_jstate *r, const qn_jnative *native)
{
    static const char *const same[] = {"find",      "rfind",      "index",    "rindex",
                                       "count",     "startswith", "endswith", "encode",
                                       "maketrans", "format_map"};
    qn_jnative n = *native;
    const char *form = "Markup.%s self |%s%s", *p = native->signature;
    bool own = memcmp(native->name, "is", 2) != 0;
    for (size_t i = 0; i < QN_COUNT(same); i++)
        own &= strcmp(native->name, same[i]) != 0;
    size_t n_text = own ? strlen(form) + strlen(native->name) + strlen(p) : 0;
    char *text = own ? qn_jtake_memory(r, n_text, 1) : NULL;
    if (!text)
        return n;
    snprintf(text, n_text, "Markup.%s self |%s%s", native->name, *p ? " " : "", p);
    n.signature = text;
    n.style = J_PYTHON;
    return n;
}

static void bind(qn_jstate *r, const qn_jnative *native, qn_jval self, qn_jcall *c)
{
    size_t n = count_parameters(native), n_given = c->n_positional;
    bool named = native->style == J_PYTHON || native->style == J_KEYWORDS;
    if (c->n_keyword && !named)
        refuse_any_keyword(r, native, self, c);
    if (native->style == J_KEYWORDS && n_given + c->n_keyword > n)
        refuse_count(r, native, self, n_given + c->n_keyword);
    for (size_t i = 0; i < n_given && i < n; i++)
        c->v[i] = c->positional[i];
    if (named)
        bind_keywords(r, native, c, n);
    if (n_given > n || (n_given < native->n_required && !named))
        refuse_count(r, native, self, n_given);
    for (size_t i = 0; i < native->n_required && !qn_jfailed(r); i++)
        if (c->v[i].kind == J_MISSING)
            refuse_missing(r, native, c);
}

qn_jval qn_jcall_native(qn_jstate *r, const qn_jnative *native, qn_jval self, qn_jcall *c)
{
    if (native->signature && native->of == J_STR && self.s->markup) {
        const qn_jnative n = of_markup(r, native);
        bind(r, &n, self, c);
    } else if (native->signature) {
        bind(r, native, self, c);
    }
    return qn_jfailed(r) ? qn_jnone() : native->call(r, self, c);
}

/* The function's name behind that of its module. */
static void full_name(const qn_jnative *native, size_t n, char *text)
{
    qn_str f = native && native->signature ? name_of(native) : (qn_str){"", 0};
    if (!native)
        snprintf(text, n, "jinja2.sandbox.SandboxedEnvironment.call");
    else if (!native->signature)
        snprintf(text, n, "jinja2.filters.do_%s", native->name);
    else if (native->style != J_PYTHON)
        snprintf(text, n, "%.*s", (int)f.n_bytes, f.bytes);
    else if (memcmp(f.bytes, "_cached", QN_MIN(f.n_bytes, (size_t)7)) == 0)
        snprintf(text, n, "transformers.utils.chat_template_utils.%.*s", (int)f.n_bytes, f.bytes);
    else if (memcmp(f.bytes, "test_", QN_MIN(f.n_bytes, (size_t)5)) == 0)
        snprintf(text, n, "jinja2.tests.%.*s", (int)f.n_bytes, f.bytes);
    else if (memcmp(f.bytes, "sync_", QN_MIN(f.n_bytes, (size_t)5)) == 0)
        snprintf(text, n, "jinja2.filters.%.*s", (int)f.n_bytes - 5, f.bytes + 5);
    else
        snprintf(text, n, "%s.%.*s", memcmp(f.bytes, "do_", 3) ? "markupsafe" : "jinja2.filters",
                 (int)f.n_bytes, f.bytes);
}

void qn_jrefuse_mapping(qn_jstate *r, const qn_jnative *native, qn_jval v)
{
    char name[MAX_NAMES];
    full_name(native, sizeof name, name);
    qn_jfail(r, QN_EARGUMENT, "%s() argument after ** must be a mapping, not %s", name,
             qn_jtype_name(v));
}

void qn_jrefuse_twice(qn_jstate *r, const qn_jnative *native, qn_str key)
{
    char name[MAX_NAMES], shown[QN_SHOWN];
    full_name(native, sizeof name, name);
    qn_jfail(r, QN_EARGUMENT, "%s() got multiple values for keyword argument '%s'", name,
             qn_str_show(shown, key));
}

static qn_jval call_joiner(qn_jstate *r, qn_jcycler *joiner, const qn_jcall *c)
{
    static const qn_jnative call = {"__call__", NULL, 0, J_PYTHON, "Joiner.__call__ self |", 0};
    qn_jval none = {0};
    bool used = joiner->used;
    if (c->n_keyword)
        refuse_keyword(r, &call, c->keyword[0].name);
    else if (c->n_positional)
        refuse_count(r, &call, none, c->n_positional);
    joiner->used = true;
    return used ? joiner->separator : qn_jtext(r, "");
}

static qn_jval call_loop(qn_jstate *r, qn_jval loop, qn_jcall *c)
{
    static const qn_jnative call = {
        "__call__", NULL, 1, J_PYTHON, "LoopContext.__call__ self | iterable", 0};
    bind(r, &call, loop, c);
    return qn_jfailed(r) ? loop : qn_jcall_loop(r, loop.loop, c->v[0]);
}

qn_jval qn_jcall_value(qn_jstate *r, qn_jval callee, qn_jcall *c)
{
    switch (callee.kind) {
    case J_FUNCTION: return qn_jcall_native(r, callee.native, callee, c);
    case J_METHOD: return qn_jcall_native(r, callee.method->native, callee.method->self, c);
    case J_MACRO: return qn_jcall_macro(r, callee.macro, c);
    case J_LOOP: return call_loop(r, callee, c);
    case J_JOINER: return call_joiner(r, callee.cycler, c);
    case J_UNDEFINED: return qn_jrefuse_undefined(r, callee);
    default:
        qn_jfail(r, QN_EARGUMENT, "'%s' object is not callable", qn_jtype_name(callee));
        return qn_jnone();
    }
}
