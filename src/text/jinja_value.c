/* text/jinja_value.c - what Python's values can do: truth, equality, order, hash, length,
 * iteration.
 *
 * Invariant: whatever walks into values counts a level of depth and a step for each, so neither a
 * deep nor a widely shared structure can make it run away. */
#include "text/jinja_int.h"
#include "text/jinja_node.h"

#include "base/checked.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Failing, spending, memory */

void qn_jfail(qn_jstate *r, qn_status status, const char *format, ...)
{
    char text[sizeof r->err->text + 64]; /* more than is kept, so that a cut shows */
    va_list args;
    if (r->status != QN_OK)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    r->status = qn_fail(r->err, status, "template line %u: %s", r->line, text);
    r->failed_line = r->line;
}

bool qn_jspend(qn_jstate *r, uint64_t n_steps)
{
    r->n_steps += n_steps;
    if (r->n_steps > r->n_most_steps)
        qn_jfail(r, QN_ELIMIT, "the template takes more than %" PRIu64 " steps", r->n_most_steps);
    return r->status == QN_OK;
}

void *qn_jtake_memory(qn_jstate *r, size_t n, size_t n_bytes)
{
    if (r->status != QN_OK)
        return NULL;
    void *p = qn_region_take(&r->memory, n, n_bytes);
    if (!p && r->memory.n_limit - r->memory.n_taken < r->memory.n_limit / 2)
        qn_jfail(r, QN_ELIMIT, "the rendering needs more than %zu bytes", r->memory.n_limit);
    else if (!p)
        qn_jfail(r, QN_ENOMEM, "no memory for the rendering");
    return p;
}

bool qn_jdown(qn_jstate *r)
{
    if (++r->depth > qn_template_max.n_run_depth)
        qn_jfail(r, QN_ELIMIT, "nested deeper than %u levels", qn_template_max.n_run_depth);
    return qn_jspend(r, 1);
}

/* Undefined values */

static qn_jval absent(qn_jstate *r, qn_jabsent why)
{
    qn_jabsent *a = qn_jtake_memory(r, 1, sizeof *a);
    if (a)
        *a = why;
    return J_VALUE(J_UNDEFINED, absent, a);
}

qn_jval qn_jundefined(qn_jstate *r, const char *sentence)
{
    return absent(r, (qn_jabsent){.name = qn_str_of(sentence), .why = J_ABSENT_SENTENCE});
}

qn_jval qn_jundefined_name(qn_jstate *r, qn_str name)
{
    return absent(r, (qn_jabsent){.name = name, .why = J_ABSENT_NAME});
}

qn_jval qn_jundefined_parameter(qn_jstate *r, qn_str name)
{
    return absent(r, (qn_jabsent){.name = name, .why = J_ABSENT_PARAMETER});
}

qn_jval qn_jundefined_item(qn_jstate *r, qn_jval of, qn_str key)
{
    return absent(r, (qn_jabsent){.name = key, .of = qn_jtype_name(of), .why = J_ABSENT_ITEM});
}

qn_jval qn_jundefined_attribute(qn_jstate *r, qn_jval of, qn_str name, bool unsafe)
{
    return absent(r, (qn_jabsent){.name = name,
                                  .of = qn_jtype_name(of),
                                  .why = unsafe ? J_ABSENT_UNSAFE : J_ABSENT_ATTRIBUTE});
}

/* The module that Python names before a type which is none of its own. */
static const char *module_of(const char *type)
{
    static const struct {
        const char *type, *module;
    } rows[] = {{"Markup", "markupsafe."},
                {"Cycler", "jinja2.utils."},
                {"Joiner", "jinja2.utils."},
                {"Macro", "jinja2.runtime."},
                {"LoopContext", "jinja2.runtime."},
                {"TemplateDict", "transformers.utils.chat_template_utils."},
                {"TemplateNamespace", "transformers.utils.chat_template_utils."}};
    for (size_t i = 0; i < QN_COUNT(rows); i++)
        if (strcmp(type, rows[i].type) == 0)
            return rows[i].module;
    return "";
}

void qn_jwhy_undefined(qn_jval v, size_t n, char *text)
{
    char shown[QN_SHOWN];
    const qn_jabsent *a = v.absent;
    if (!a || a->why == J_ABSENT_SENTENCE) {
        snprintf(text, n, "%s", a ? a->name.bytes : "an undefined value is used");
        return;
    }
    bool none = a->of && strcmp(a->of, "NoneType") == 0;
    const char *of = none ? "None" : a->of, *object = none ? "" : " object";
    const char *name = qn_str_show(shown, a->name), *module = of ? module_of(of) : "";
    switch (a->why) {
    case J_ABSENT_NAME: snprintf(text, n, "'%s' is undefined", name); break;
    case J_ABSENT_PARAMETER: snprintf(text, n, "parameter '%s' was not provided", name); break;
    case J_ABSENT_UNSAFE:
        snprintf(text, n, "access to attribute '%s' of '%s' object is unsafe.", name, a->of);
        break;
    case J_ABSENT_ITEM:
        snprintf(text, n, "%s%s%s has no element %s", module, of, object, name);
        break;
    default: snprintf(text, n, "'%s%s%s' has no attribute '%s'", module, of, object, name);
    }
}

qn_jval qn_jrefuse_undefined(qn_jstate *r, qn_jval v)
{
    char text[sizeof r->err->text];
    qn_jwhy_undefined(v, sizeof text, text);
    qn_jfail(r, QN_EARGUMENT, "%s", text);
    return v;
}

/* Lists */

qn_jlist *qn_jlist_new(qn_jstate *r, size_t n_capacity)
{
    qn_jlist *list = qn_jtake_memory(r, 1, sizeof *list);
    if (!list)
        return &r->no_items;
    list->v = n_capacity ? qn_jtake_memory(r, n_capacity, sizeof *list->v) : NULL;
    list->n_capacity = list->v ? n_capacity : 0;
    return list;
}

void qn_jlist_push(qn_jstate *r, qn_jlist *list, qn_jval v)
{
    if (!qn_jspend(r, 1))
        return;
    if (list->n == list->n_capacity) {
        size_t n = QN_MAX((size_t)4, list->n_capacity * 2);
        qn_jval *more = qn_jtake_memory(r, n, sizeof *more);
        if (!more)
            return;
        if (list->n)
            memcpy(more, list->v, list->n * sizeof *more);
        list->v = more;
        list->n_capacity = n;
    }
    list->v[list->n++] = v;
}

qn_jval qn_jlist_value(qn_jlist *list)
{
    return J_VALUE(J_LIST, list, list);
}

qn_jval qn_jtuple2(qn_jstate *r, qn_jval a, qn_jval b)
{
    qn_jlist *list = qn_jlist_new(r, 2);
    qn_jlist_push(r, list, a);
    qn_jlist_push(r, list, b);
    return J_VALUE(J_TUPLE, list, list);
}

qn_jlist *qn_jlist_of(qn_jstate *r, qn_jval v)
{
    qn_jlist *list = qn_jlist_new(r, 0);
    qn_jiter *it = qn_jiterate(r, v);
    for (qn_jval item; qn_jnext(r, it, &item);)
        qn_jlist_push(r, list, item);
    return list;
}

qn_jlist *qn_jlist_range(qn_jstate *r, const qn_jlist *list, size_t begin, size_t end)
{
    qn_jlist *part = qn_jlist_new(r, end > begin ? end - begin : 0);
    for (size_t i = begin; i < end && !qn_jfailed(r); i++)
        qn_jlist_push(r, part, list->v[i]);
    return part;
}

/* Names */

/* Of a global. */
static const char *function_type(const char *name)
{
    bool made = strcmp(name, "cycler") == 0 || strcmp(name, "joiner") == 0 ||
                strcmp(name, "namespace") == 0;
    return made ? "type" : strcmp(name, "dict") == 0 ? "TemplateDict" : "function";
}

const char *qn_jtype_name(qn_jval v)
{
    static const char *const names[] = {[J_MISSING] = "nothing",
                                        [J_UNDEFINED] = "Undefined",
                                        [J_NONE] = "NoneType",
                                        [J_BOOL] = "bool",
                                        [J_INT] = "int",
                                        [J_BIG] = "int",
                                        [J_DOUBLE] = "float",
                                        [J_LIST] = "list",
                                        [J_TUPLE] = "tuple",
                                        [J_DICT] = "dict",
                                        [J_RANGE] = "range",
                                        [J_SPACE] = "TemplateNamespace",
                                        [J_METHOD] = "builtin_function_or_method",
                                        [J_MACRO] = "Macro",
                                        [J_LOOP] = "LoopContext",
                                        [J_CYCLER] = "Cycler",
                                        [J_JOINER] = "Joiner"};
    switch (v.kind) {
    case J_ITERATOR: return v.iter->type;
    case J_VIEW:
        return v.view->what == 'k'   ? "dict_keys"
               : v.view->what == 'v' ? "dict_values"
                                     : "dict_items";
    case J_FUNCTION: return function_type(v.native->name);
    case J_STR: return v.s->markup ? "Markup" : "str";
    default: return names[v.kind];
    }
}

qn_jlist *qn_junpack(qn_jstate *r, qn_jval v, size_t n)
{
    if (!qn_jiterable(v))
        qn_jfail(r, QN_EARGUMENT, "cannot unpack non-iterable %s object", qn_jtype_name(v));
    qn_jlist *list = qn_jlist_new(r, n);
    qn_jiter *it = qn_jiterate(r, v);
    for (qn_jval item; list->n <= n && qn_jnext(r, it, &item);)
        qn_jlist_push(r, list, item);
    if (list->n < n)
        qn_jfail(r, QN_EARGUMENT, "not enough values to unpack (expected %zu, got %zu)", n,
                 list->n);
    if (list->n > n)
        qn_jfail(r, QN_EARGUMENT, "too many values to unpack (expected %zu)", n);
    return qn_jfailed(r) ? NULL : list;
}

bool qn_jlength(qn_jstate *r, qn_jval v, int64_t *n)
{
    switch (v.kind) {
    case J_UNDEFINED: return *n = 0, true;
    case J_STR: return *n = (int64_t)v.s->n_chars, true;
    case J_LIST:
    case J_TUPLE: return *n = (int64_t)v.list->n, true;
    case J_DICT: return *n = (int64_t)v.dict->n, true;
    case J_VIEW: return *n = (int64_t)v.view->dict->n, true;
    case J_RANGE: return *n = v.range->n, true;
    case J_LOOP: return *n = qn_jloop_length(r, v.loop), true;
    default: return false;
    }
}

bool qn_jtruth(qn_jstate *r, qn_jval v)
{
    int64_t n;
    switch (v.kind) {
    case J_MISSING:
    case J_UNDEFINED:
    case J_NONE: return false;
    case J_BOOL: return v.b;
    case J_INT: return v.i != 0;
    case J_DOUBLE: return v.f != 0;
    default: return !qn_jlength(r, v, &n) || n != 0;
    }
}

bool qn_jsame(qn_jval a, qn_jval b)
{
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case J_NONE: return true;
    case J_BOOL: return a.b == b.b;
    case J_INT: return a.i == b.i;
    case J_BIG: return a.big == b.big;
    case J_DOUBLE: return a.f == b.f;
    default: return a.s == b.s;
    }
}

/* Equality and order */

static int compare_numbers(qn_jval a, qn_jval b)
{
    if (a.kind == J_DOUBLE && b.kind == J_DOUBLE)
        return isnan(a.f) || isnan(b.f) ? 2 : (a.f > b.f) - (a.f < b.f);
    if (a.kind == J_DOUBLE) {
        int c = qn_jint_compare_double(b, a.f);
        return c == 2 ? 2 : -c;
    }
    return b.kind == J_DOUBLE ? qn_jint_compare_double(a, b.f) : qn_jint_compare(a, b);
}

static int compare_strings(qn_jstate *r, qn_jstr *a, qn_jstr *b)
{
    qn_str x = qn_jbytes(r, a), y = qn_jbytes(r, b);
    size_t n = QN_MIN(x.n_bytes, y.n_bytes);
    int c = n ? memcmp(x.bytes, y.bytes, n) : 0; /* as code points: UTF-8 keeps their order */
    qn_jspend(r, n / 64);
    return c ? (c > 0) - (c < 0) : (x.n_bytes > y.n_bytes) - (x.n_bytes < y.n_bytes);
}

static bool equal_lists(qn_jstate *r, const qn_jlist *a, const qn_jlist *b)
{
    bool equal = a->n == b->n;
    for (size_t i = 0; i < a->n && i < b->n && equal && !qn_jfailed(r); i++)
        equal = qn_jequal(r, a->v[i], b->v[i]);
    return equal;
}

static bool equal_dicts(qn_jstate *r, const qn_jdict *a, const qn_jdict *b)
{
    bool equal = a->n == b->n;
    for (size_t i = 0; i < a->n && equal && !qn_jfailed(r); i++) {
        qn_jval *other = qn_jdict_find(r, b, a->pair[i].key);
        equal = other && qn_jequal(r, a->pair[i].value, *other);
    }
    return equal;
}

static bool equal_inside(qn_jstate *r, qn_jval a, qn_jval b)
{
    if (qn_jis_number(a) && qn_jis_number(b))
        return compare_numbers(a, b) == 0;
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case J_UNDEFINED:
    case J_NONE: return true;
    case J_STR: return a.s->n_bytes == b.s->n_bytes && compare_strings(r, a.s, b.s) == 0;
    case J_LIST:
    case J_TUPLE: return equal_lists(r, a.list, b.list);
    case J_DICT: return equal_dicts(r, a.dict, b.dict);
    case J_RANGE:
        return a.range->n == b.range->n &&
               (a.range->n == 0 || (a.range->start == b.range->start &&
                                    (a.range->n == 1 || a.range->step == b.range->step)));
    case J_METHOD:
        return a.method->native == b.method->native && qn_jsame(a.method->self, b.method->self);
    default: return qn_jsame(a, b);
    }
}

bool qn_jequal(qn_jstate *r, qn_jval a, qn_jval b)
{
    bool equal = qn_jdown(r) && equal_inside(r, a, b);
    r->depth--;
    return equal;
}

static int compare_lists(qn_jstate *r, const qn_jlist *a, const qn_jlist *b, const char *op)
{
    for (size_t i = 0; i < a->n && i < b->n && !qn_jfailed(r); i++)
        if (!qn_jequal(r, a->v[i], b->v[i]))
            return qn_jcompare(r, a->v[i], b->v[i], op);
    return (a->n > b->n) - (a->n < b->n);
}

static int compare_inside(qn_jstate *r, qn_jval a, qn_jval b, const char *op)
{
    if (qn_jis_number(a) && qn_jis_number(b))
        return compare_numbers(a, b);
    if (a.kind == J_UNDEFINED || b.kind == J_UNDEFINED) {
        qn_jrefuse_undefined(r, a.kind == J_UNDEFINED ? a : b);
        return 2;
    }
    if (a.kind == J_STR && b.kind == J_STR)
        return compare_strings(r, a.s, b.s);
    if ((a.kind == J_LIST || a.kind == J_TUPLE) && a.kind == b.kind)
        return compare_lists(r, a.list, b.list, op);
    qn_jfail(r, QN_EARGUMENT, "'%s' not supported between instances of '%s' and '%s'", op,
             qn_jtype_name(a), qn_jtype_name(b));
    return 2;
}

int qn_jcompare(qn_jstate *r, qn_jval a, qn_jval b, const char *op)
{
    int c = qn_jdown(r) ? compare_inside(r, a, b, op) : 2;
    r->depth--;
    return c;
}

/* Hashes: of a number by its value, so that 1, 1.0 and True are one key. */

static uint64_t mix(uint64_t h)
{
    h = (h ^ h >> 32) * 0xD6E8FEB86659FD93u;
    h = (h ^ h >> 32) * 0xD6E8FEB86659FD93u;
    return h ^ h >> 32;
}

static uint64_t hash_bytes(qn_str s)
{
    uint64_t h = 0x9E3779B97F4A7C15u ^ s.n_bytes, word;
    size_t i = 0;
    for (; i + 8 <= s.n_bytes; i += 8) {
        memcpy(&word, s.bytes + i, 8);
        h = mix(h ^ word) * 0x9FB21C651E98DF25u;
    }
    for (word = 0; i < s.n_bytes; i++)
        word = word << 8 | (uint8_t)s.bytes[i];
    return mix(h ^ word);
}

static uint64_t hash_double(double f)
{
    uint64_t bits;
    if (f >= -9223372036854775808.0 && f < 9223372036854775808.0 && (double)(int64_t)f == f)
        return mix((uint64_t)(int64_t)f);
    memcpy(&bits, &f, sizeof bits);
    return mix(bits);
}

static uint64_t hash_inside(qn_jstate *r, qn_jval v)
{
    uint64_t h = 0x1234567;
    switch (v.kind) {
    case J_BOOL:
    case J_INT: return mix((uint64_t)qn_jas_int(v));
    case J_BIG: return mix(qn_jint_hash(v));
    case J_DOUBLE: return hash_double(v.f);
    case J_STR: qn_jspend(r, v.s->n_bytes / 64); return hash_bytes(qn_jbytes(r, v.s));
    case J_TUPLE:
        for (size_t i = 0; i < v.list->n && !qn_jfailed(r); i++)
            h = mix(h ^ qn_jhash(r, v.list->v[i])) + i;
        return h;
    case J_LIST:
    case J_DICT:
    case J_VIEW: qn_jfail(r, QN_EARGUMENT, "unhashable type: '%s'", qn_jtype_name(v)); return 0;
    default: return h + v.kind; /* equal values have equal hashes; few ask for these */
    }
}

uint64_t qn_jhash(qn_jstate *r, qn_jval v)
{
    uint64_t h = qn_jdown(r) ? hash_inside(r, v) : 0;
    r->depth--;
    return h;
}

/* Dictionaries */

qn_jdict *qn_jdict_new(qn_jstate *r)
{
    qn_jdict *d = qn_jtake_memory(r, 1, sizeof *d);
    return d ? d : &r->no_pairs;
}

static qn_jpair *find(qn_jstate *r, const qn_jdict *d, qn_jval key, uint64_t hash)
{
    if (!d->index) {
        for (size_t i = 0; i < d->n && qn_jspend(r, 1); i++)
            if (d->pair[i].hash == hash && qn_jequal(r, d->pair[i].key, key))
                return &d->pair[i];
        return NULL;
    }
    size_t mask = 2 * d->n_capacity - 1;
    for (size_t at = hash & mask; d->index[at] && qn_jspend(r, 1); at = (at + 1) & mask) {
        qn_jpair *p = &d->pair[d->index[at] - 1];
        if (p->hash == hash && qn_jequal(r, p->key, key))
            return p;
    }
    return NULL;
}

static void insert(qn_jdict *d, size_t pair)
{
    size_t mask = 2 * d->n_capacity - 1, at = d->pair[pair].hash & mask;
    while (d->index[at])
        at = (at + 1) & mask;
    d->index[at] = (uint32_t)pair + 1;
}

/* Twice the room, a power of two, and an index for it. */
static bool grow(qn_jstate *r, qn_jdict *d)
{
    size_t n = QN_MAX((size_t)4, d->n_capacity * 2);
    if (n > UINT32_MAX / 2)
        qn_jfail(r, QN_ELIMIT, "a dictionary of more than %zu keys", d->n);
    qn_jpair *pair = qn_jtake_memory(r, n, sizeof *pair);
    uint32_t *index = n > 8 ? qn_jtake_memory(r, 2 * n, sizeof *index) : NULL;
    if (qn_jfailed(r))
        return false;
    if (d->n)
        memcpy(pair, d->pair, d->n * sizeof *pair);
    d->pair = pair;
    d->index = index;
    d->n_capacity = n;
    for (size_t i = 0; index && i < d->n; i++)
        insert(d, i);
    return qn_jspend(r, d->n);
}

void qn_jdict_set(qn_jstate *r, qn_jdict *d, qn_jval key, qn_jval value)
{
    uint64_t hash = qn_jhash(r, key);
    qn_jpair *old = find(r, d, key, hash);
    if (old)
        old->value = value;
    if (old || qn_jfailed(r) || (d->n == d->n_capacity && !grow(r, d)))
        return;
    d->pair[d->n++] = (qn_jpair){key, value, hash};
    if (d->index)
        insert(d, d->n - 1);
}

qn_jval *qn_jdict_find(qn_jstate *r, const qn_jdict *d, qn_jval key)
{
    qn_jpair *p = find(r, d, key, qn_jhash(r, key));
    return p && !qn_jfailed(r) ? &p->value : NULL;
}

qn_jval *qn_jdict_find_str(qn_jstate *r, const qn_jdict *d, qn_str key)
{
    qn_jstr s = {.n_bytes = key.n_bytes, .bytes = key.bytes};
    return qn_jdict_find(r, d, qn_jstr_value(&s));
}

/* Iteration */

static bool next_nothing(qn_jstate *r, qn_jiter *it, qn_jval *item)
{
    (void)r, (void)it, (void)item;
    return false;
}

static bool next_in_list(qn_jstate *r, qn_jiter *it, qn_jval *item)
{
    const qn_jlist *list = it->source.list;
    (void)r;
    if (it->at >= list->n)
        return false;
    *item = list->v[it->reversed ? list->n - 1 - it->at : it->at];
    it->at++;
    return true;
}

static bool next_in_str(qn_jstate *r, qn_jiter *it, qn_jval *item)
{
    qn_str all = qn_jbytes(r, it->source.s);
    size_t end = it->at + 1;
    if (it->at >= all.n_bytes)
        return false;
    while (end < all.n_bytes && ((unsigned char)all.bytes[end] & 0xC0) == 0x80)
        end++;
    size_t cursor = 0;
    unsigned origin = qn_jorigin(it->source.s, it->at, &cursor);
    qn_jspend(r, cursor);
    *item = qn_jstr_value(qn_jstr_new(r, end - it->at, all.bytes + it->at, origin));
    it->at = end;
    return true;
}

static bool next_in_dict(qn_jstate *r, qn_jiter *it, qn_jval *item)
{
    bool is_dict = it->source.kind == J_DICT;
    const qn_jdict *d = is_dict ? it->source.dict : it->source.view->dict;
    char what = is_dict ? 'k' : it->source.view->what;
    if (it->at >= d->n)
        return false;
    const qn_jpair *p = &d->pair[it->reversed ? d->n - 1 - it->at : it->at];
    *item = what == 'k' ? p->key : what == 'v' ? p->value : qn_jtuple2(r, p->key, p->value);
    it->at++;
    return true;
}

static bool next_in_range(qn_jstate *r, qn_jiter *it, qn_jval *item)
{
    const qn_jrange *range = it->source.range;
    (void)r;
    if ((int64_t)it->at >= range->n)
        return false;
    int64_t at = it->reversed ? range->n - 1 - (int64_t)it->at : (int64_t)it->at;
    *item = qn_jint(range->start + at * range->step);
    it->at++;
    return true;
}

static bool next_in_loop(qn_jstate *r, qn_jiter *it, qn_jval *item)
{
    qn_jval current;
    if (!qn_jloop_next(r, it->source.loop, &current))
        return false;
    *item = qn_jtuple2(r, current, it->source);
    return true;
}

bool qn_jiterable(qn_jval v)
{
    return v.kind == J_UNDEFINED || (v.kind >= J_STR && v.kind <= J_ITERATOR) || v.kind == J_LOOP;
}

qn_jiter *qn_jiterate(qn_jstate *r, qn_jval v)
{
    static bool (*const nexts[])(qn_jstate *, qn_jiter *, qn_jval *) = {
        [J_UNDEFINED] = next_nothing, [J_STR] = next_in_str,   [J_LIST] = next_in_list,
        [J_TUPLE] = next_in_list,     [J_DICT] = next_in_dict, [J_VIEW] = next_in_dict,
        [J_RANGE] = next_in_range,    [J_LOOP] = next_in_loop};
    if (v.kind == J_ITERATOR)
        return v.iter;
    if (v.kind >= QN_COUNT(nexts) || !nexts[v.kind]) {
        qn_jfail(r, QN_EARGUMENT, "'%s' object is not iterable", qn_jtype_name(v));
        return &r->no_more;
    }
    qn_jiter *it = qn_jtake_memory(r, 1, sizeof *it);
    if (!it)
        return &r->no_more;
    *it = (qn_jiter){.next = nexts[v.kind], .source = v, .type = "iterator"};
    return it;
}

bool qn_jnext(qn_jstate *r, qn_jiter *it, qn_jval *item)
{
    bool more = !it->ended && qn_jdown(r) && it->next(r, it, item) && !qn_jfailed(r);
    if (!it->ended)
        r->depth--;
    it->ended = !more;
    return more;
}

/* Membership */

static bool contains_text(qn_jstate *r, qn_jstr *all, qn_jval part)
{
    if (part.kind != J_STR) {
        qn_jfail(r, QN_EARGUMENT, "'in <string>' requires string as left operand, not %s",
                 qn_jtype_name(part));
        return false;
    }
    qn_str a = qn_jbytes(r, all), b = qn_jbytes(r, part.s);
    qn_jspend(r, a.n_bytes / 64);
    return b.n_bytes == 0 || memmem(a.bytes, a.n_bytes, b.bytes, b.n_bytes);
}

bool qn_jcontains(qn_jstate *r, qn_jval container, qn_jval item)
{
    if (container.kind == J_STR)
        return contains_text(r, container.s, item);
    if (container.kind == J_DICT)
        return qn_jdict_find(r, container.dict, item) != NULL;
    if (!qn_jiterable(container)) {
        qn_jfail(r, QN_EARGUMENT, "argument of type '%s' is not iterable",
                 qn_jtype_name(container));
        return false;
    }
    qn_jiter *it = qn_jiterate(r, container);
    for (qn_jval v; qn_jnext(r, it, &v);)
        if (qn_jsame(v, item) || qn_jequal(r, v, item))
            return true;
    return false;
}
