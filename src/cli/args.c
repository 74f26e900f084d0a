/* cli/args.c - options of the config file and the environment become words before those typed. */
#include "cli/args.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/region.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/input.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_GIVEN = 128, CONFIG_BYTES = 1 << 20, STRING_BYTES = 8 << 20 };

typedef struct given {
    const char *word; /* "--name=value" or "--name" */
    const char *from; /* "QUERN_TOP_K", or "config:3" with the whole path */
} given;

static struct {
    qn_region strings; /* lives until the program ends: options point into it */
    size_t n;
    given list[MOST_GIVEN];
} before;

void qn_args_each(const struct argp *argp, qn_option_visit *visit, void *context)
{
    for (const struct argp_option *o = argp->options; o && (o->name || o->key || o->doc); o++)
        if (o->name && !(o->flags & (OPTION_HIDDEN | OPTION_ALIAS | OPTION_DOC)))
            visit(context, o);
    for (const struct argp_child *c = argp->children; c && c->argp; c++)
        qn_args_each(c->argp, visit, context);
}

typedef struct lookup {
    qn_str name;
    const struct argp_option *found;
} lookup;

static void match(void *context, const struct argp_option *option)
{
    lookup *l = context;
    if (qn_str_is(l->name, option->name))
        l->found = option;
}

static const struct argp_option *find(const struct argp *argp, qn_str name)
{
    lookup l = {.name = name};
    qn_args_each(argp, match, &l);
    return l.found;
}

static bool is_any(const char *value, const char *const *words)
{
    for (; *words; words++)
        if (strcasecmp(value, *words) == 0)
            return true;
    return false;
}

/* Puts an option before the words typed. */
static qn_status give(const struct argp_option *option, const char *value, const char *from,
                      qn_error *err)
{
    static const char *const yes[] = {"1", "true", "yes", "on", NULL};
    static const char *const no[] = {"0", "false", "no", "off", "", NULL};
    if (!option->arg && is_any(value, no))
        return QN_OK;
    QN_FAIL_IF(!option->arg && !is_any(value, yes), err, QN_EARGUMENT,
               "%s: --%s is either 1 or 0, not '%s'", from, option->name, value);
    QN_FAIL_IF(before.n == MOST_GIVEN, err, QN_EARGUMENT, "%s: more than %d options are given",
               from, MOST_GIVEN);
    qn_buf word = {0};
    qn_buf_format(&word, "--%s%s%s", option->name, option->arg ? "=" : "",
                  option->arg ? value : "");
    const char *kept = qn_region_copy(&before.strings, word.n_bytes, word.bytes);
    qn_buf_release(&word);
    from = qn_region_copy(&before.strings, strlen(from), from);
    QN_FAIL_IF(before.strings.failed || !kept, err, QN_ENOMEM, "out of memory for the options");
    before.list[before.n++] = (given){.word = kept, .from = from};
    return QN_OK;
}

/* The config file: "option = value" lines, "# remarks", and [command] before lines for one. */

static qn_str trim(qn_str s)
{
    while (s.n_bytes && isspace((unsigned char)s.bytes[0]))
        s.bytes++, s.n_bytes--;
    while (s.n_bytes && isspace((unsigned char)s.bytes[s.n_bytes - 1]))
        s.n_bytes--;
    return s;
}

static bool known_somewhere(qn_str name)
{
    for (size_t i = 0; qn_command_at(i); i++)
        if (find(qn_command_at(i)->argp, name))
            return true;
    return false;
}

typedef struct config_line {
    const struct argp *argp;
    const char *where; /* file:line */
    bool applies;      /* no section yet, or that of this command */
} config_line;

static qn_status read_option(const config_line *c, qn_str line, qn_error *err)
{
    char shown[QN_SHOWN];
    const char *sign = memchr(line.bytes, '=', line.n_bytes);
    QN_FAIL_IF(!sign, err, QN_EARGUMENT, "%s: '%s' is not of the form option = value", c->where,
               qn_str_show(shown, line));
    qn_str name = trim((qn_str){line.bytes, (size_t)(sign - line.bytes)});
    qn_str text = trim((qn_str){sign + 1, (size_t)(line.bytes + line.n_bytes - sign - 1)});
    const struct argp_option *o = find(c->argp, name);
    QN_FAIL_IF(!o && !known_somewhere(name), err, QN_EARGUMENT, "%s: there is no option '%s'",
               c->where, qn_str_show(shown, name));
    if (!o || !c->applies)
        return QN_OK;
    const char *value = qn_region_copy(&before.strings, text.n_bytes, text.bytes);
    QN_FAIL_IF(!value, err, QN_ENOMEM, "out of memory for the options");
    return give(o, value, c->where, err);
}

static qn_status read_lines(const qn_buf *file, const char *path, const struct argp *argp,
                            const char *command, qn_error *err)
{
    char where[600];
    config_line c = {.argp = argp, .where = where, .applies = true};
    size_t number = 1;
    for (const char *at = file->bytes, *end = at + file->n_bytes; at < end; number++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        qn_str line = trim((qn_str){at, (size_t)(stop - at)});
        at = stop + 1;
        snprintf(where, sizeof where, "%s:%zu", path, number);
        if (line.n_bytes == 0 || line.bytes[0] == '#')
            continue;
        if (line.bytes[0] != '[') {
            QN_TRY(read_option(&c, line, err));
            continue;
        }
        QN_FAIL_IF(line.bytes[line.n_bytes - 1] != ']', err, QN_EARGUMENT,
                   "%s: a section is written [command]", where);
        qn_str section = {line.bytes + 1, line.n_bytes - 2};
        c.applies = qn_str_is(section, command);
    }
    return QN_OK;
}

static bool config_path(size_t n, char path[n])
{
    const char *given_path = getenv("QUERN_CONFIG"), *xdg = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    if (given_path)
        snprintf(path, n, "%s", given_path);
    else if (xdg && *xdg)
        snprintf(path, n, "%s/quern/config", xdg);
    else if (home)
        snprintf(path, n, "%s/.config/quern/config", home);
    else
        return false;
    return given_path ? *given_path != 0 : access(path, F_OK) == 0;
}

static qn_status take_config(const struct argp *argp, const char *command, qn_error *err)
{
    char path[512];
    qn_buf file = {0};
    if (!config_path(sizeof path, path))
        return QN_OK;
    qn_status st = qn_input_file(&file, path, CONFIG_BYTES, err);
    if (st == QN_OK && file.n_bytes)
        st = read_lines(&file, path, argp, command, err);
    qn_buf_release(&file);
    return st;
}

typedef struct environment {
    qn_status status;
    qn_error *err;
} environment;

static void take_twin(void *context, const struct argp_option *option)
{
    environment *e = context;
    char name[64] = "QUERN_";
    size_t n = strlen(name);
    if (strcmp(option->name, "model") == 0) /* decided in qn_model_argp: it may stand for MODEL */
        return;
    for (const char *c = option->name; *c && n + 1 < sizeof name; c++)
        name[n++] = (char)(*c == '-' ? '_' : toupper((unsigned char)*c));
    const char *value = getenv(name);
    if (value && e->status == QN_OK)
        e->status = give(option, value, name, e->err);
}

qn_status qn_args_parse(const struct argp *argp, int argc, char **argv, void *input, qn_error *err)
{
    const char *space = strchr(argv[0], ' ');
    before.strings = qn_region_of(STRING_BYTES);
    QN_TRY(take_config(argp, space ? space + 1 : argv[0], err));
    environment e = {.err = err};
    qn_args_each(argp, take_twin, &e);
    QN_TRY(e.status);
    size_t n = before.n + (size_t)argc;
    char **all = qn_region_take(&before.strings, n + 1, sizeof *all);
    QN_FAIL_IF(!all, err, QN_ENOMEM, "out of memory for the arguments");
    all[0] = argv[0];
    for (size_t i = 0; i < before.n; i++)
        all[i + 1] =
            qn_region_copy(&before.strings, strlen(before.list[i].word), before.list[i].word);
    for (int i = 1; i < argc; i++)
        all[before.n + (size_t)i] = argv[i];
    for (size_t i = 0; i < before.n; i++) /* the words argp points into, for where_from */
        before.list[i].word = all[i + 1];
    QN_FAIL_IF(before.strings.failed, err, QN_ENOMEM, "out of memory for the arguments");
    error_t e2 = argp_parse(argp, (int)n, all, 0, NULL, input);
    QN_FAIL_IF(e2, err, QN_EARGUMENT, "the arguments cannot be read: %s", strerror(e2));
    return QN_OK;
}

/* Values. */

static const char *where_from(const char *value)
{
    for (size_t i = 0; i < before.n; i++) {
        const char *word = before.list[i].word;
        if (value >= word && value <= word + strlen(word))
            return before.list[i].from;
    }
    return NULL;
}

void qn_arg_refuse(const struct argp_state *state, const char *option, const char *value,
                   const char *format, ...)
{
    char text[512];
    const char *from = value ? where_from(value) : NULL;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    argp_error(state, "%s%s%s: %s", from ? from : "", from ? ": " : "", option, text);
}

uint64_t qn_arg_u64(const struct argp_state *state, const char *option, const char *value,
                    uint64_t least, uint64_t most)
{
    char *end = NULL;
    errno = 0;
    unsigned long long n = strtoull(value, &end, 10);
    if (!isdigit((unsigned char)*value) || *end)
        qn_arg_refuse(state, option, value, "'%s' is not a whole number", value);
    if (errno || n < least || n > most)
        qn_arg_refuse(state, option, value, "%s is not within %" PRIu64 " and %" PRIu64, value,
                      least, most);
    return n;
}

double qn_arg_f64(const struct argp_state *state, const char *option, const char *value,
                  double least, double most)
{
    char *end = NULL;
    double x = strtod(value, &end);
    if (end == value || *end || !isfinite(x))
        qn_arg_refuse(state, option, value, "'%s' is not a number", value);
    if (x < least || x > most)
        qn_arg_refuse(state, option, value, "%s is not within %g and %g", value, least, most);
    return x;
}

size_t qn_arg_choice(const struct argp_state *state, const char *option, const char *value,
                     const char *const *choices)
{
    qn_buf list = {0};
    for (size_t i = 0; choices[i]; i++) {
        if (strcmp(value, choices[i]) == 0) {
            qn_buf_release(&list);
            return i;
        }
        qn_buf_format(&list, "%s%s", i ? ", " : "", choices[i]);
    }
    qn_arg_refuse(state, option, value, "'%s' is none of %s", value, list.bytes ? list.bytes : "");
    qn_buf_release(&list);
    return 0;
}
