/* text/jinja_context.c - the variables of a rendering: JSON becomes values, as json.loads has it.
 *
 * Strings are not trusted. A "role" is, where it is one of the usual words: templates put it inside
 * of control tokens, and it spells none by itself. */
#include "text/jinja_int.h"

#include "base/decimal.h"
#include "base/json.h"

#include <string.h>

static const char *const roles[] = {"system",        "user",       "assistant", "tool",
                                    "developer",     "function",   "model",     "ipython",
                                    "tool_response", "observation"};

static qn_jval read_value(qn_jstate *r, qn_json *j, qn_str key);

static qn_jval read_string(qn_jstate *r, qn_json *j, qn_str key)
{
    qn_str s = qn_json_string(j);
    unsigned origin = 0;
    for (size_t i = 0; qn_str_is(key, "role") && i < QN_COUNT(roles); i++)
        origin |= qn_str_is(s, roles[i]) ? J_TRUSTED : 0;
    return qn_jstr_value(qn_jstr_new(r, s.n_bytes, s.bytes, origin));
}

/* An int when it is written as one: 3 and 3.0 differ in Python. */
static qn_jval read_number(qn_jstate *r, qn_json *j)
{
    qn_str raw = qn_json_raw(j);
    bool minus = raw.n_bytes && raw.bytes[0] == '-';
    double f = 0;
    if (raw.n_bytes == 0)
        return qn_jnone(); /* the reader has refused it */
    for (size_t at = minus; at < raw.n_bytes; at++) {
        if (raw.bytes[at] >= '0' && raw.bytes[at] <= '9')
            continue;
        if (!qn_decimal_to_f64(raw.n_bytes, raw.bytes, &f))
            f = minus ? -__builtin_inf() : __builtin_inf();
        return qn_jdouble(f);
    }
    return qn_jint_parse(r, raw.n_bytes - minus, raw.bytes + minus, 10, minus);
}

static qn_jval read_array(qn_jstate *r, qn_json *j)
{
    qn_jlist *list = qn_jlist_new(r, 0);
    qn_json_enter(j, QN_JSON_ARRAY);
    while (!qn_jfailed(r) && qn_json_next(j))
        qn_jlist_push(r, list, read_value(r, j, (qn_str){"", 0}));
    return qn_jlist_value(list);
}

static qn_jdict *read_object(qn_jstate *r, qn_json *j)
{
    qn_jdict *d = qn_jdict_new(r);
    qn_str key;
    qn_json_enter(j, QN_JSON_OBJECT);
    while (!qn_jfailed(r) && qn_json_next_key(j, &key)) {
        qn_jval name = qn_jstr_value(qn_jstr_new(r, key.n_bytes, key.bytes, 0));
        qn_jdict_set(r, d, name, read_value(r, j, key));
    }
    return d;
}

/* The JSON reader bounds the depth. */
static qn_jval read_value(qn_jstate *r, qn_json *j, qn_str key)
{
    qn_jval v = qn_jnone();
    if (qn_jdown(r)) {
        switch (qn_json_peek(j)) {
        case QN_JSON_STRING: v = read_string(r, j, key); break;
        case QN_JSON_NUMBER: v = read_number(r, j); break;
        case QN_JSON_BOOL: v = qn_jbool(qn_json_bool(j)); break;
        case QN_JSON_ARRAY: v = read_array(r, j); break;
        case QN_JSON_OBJECT: v = J_VALUE(J_DICT, dict, read_object(r, j)); break;
        default: qn_json_null(j);
        }
    }
    r->depth--;
    return v;
}

static void add_trusted(qn_jstate *r, const qn_template_string *s)
{
    qn_jstr *name = qn_jstr_new(r, s->name.n_bytes, s->name.bytes, J_TRUSTED);
    qn_jstr *value = qn_jstr_new(r, s->value.n_bytes, s->value.bytes, J_TRUSTED);
    if (!qn_jfailed(r) && !qn_jdict_find_str(r, r->variables, s->name))
        qn_jdict_set(r, r->variables, qn_jstr_value(name), qn_jstr_value(value));
}

bool qn_jread_variables(qn_jstate *r, const qn_template_input *in)
{
    static const qn_template_limits *const max = &qn_template_max;
    qn_json j;
    if (in->variables.n_bytes > max->n_variables)
        qn_jfail(r, QN_ELIMIT, "the variables take more than %zu bytes", max->n_variables);
    qn_json_init(&j, in->variables.n_bytes, in->variables.bytes, &r->memory);
    r->variables = read_object(r, &j);
    if (!qn_jfailed(r)) {
        qn_error err = {0};
        if (qn_json_end(&j, &err) != QN_OK)
            qn_jfail(r, err.status, "the variables are no JSON object: %s", err.text);
    }
    for (size_t i = 0; i < in->n_trusted && !qn_jfailed(r); i++)
        add_trusted(r, &in->trusted[i]);
    return !qn_jfailed(r);
}
