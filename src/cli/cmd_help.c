/* cli/cmd_help.c - `quern help [COMMAND]`: the tables of commands and options, for people, programs
 * and shells. */
#include "base/json.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/completion.h"
#include "cli/nearest.h"
#include "cli/out.h"

#include <stdio.h>

enum { KEY_COMPLETION = 0x1000 };

typedef struct help_args {
    const char *command;
    bool json, completes;
    qn_shell shell;
} help_args;

static const struct argp_option options[] = {
    {"json", 'j', NULL, 0, "Print the commands and their options as JSON", 0},
    {"completion", KEY_COMPLETION, "SHELL", 0, "Print a completion script: bash, zsh or fish", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    static const char *const shells[] = {"bash", "zsh", "fish", NULL};
    help_args *a = state->input;
    switch (key) {
    case 'j': a->json = true; return 0;
    case KEY_COMPLETION:
        a->completes = true;
        a->shell = (qn_shell)qn_arg_choice(state, "--completion", arg, shells);
        return 0;
    case ARGP_KEY_ARG:
        if (a->command)
            argp_error(state, "one COMMAND at a time, not also '%s'", arg);
        a->command = arg;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp qn_help_argp = {.options = options,
                                  .parser = parse,
                                  .args_doc = "[COMMAND]",
                                  .doc = "List the commands, or explain one."};

static void write_option(void *context, const struct argp_option *o)
{
    qn_buf *out = context;
    qn_buf_text(out, out->bytes[out->n_bytes - 1] == '[' ? "{\"name\":" : ",{\"name\":");
    qn_json_write_text(out, o->name);
    qn_buf_text(out, ",\"short\":");
    if (o->key > ' ' && o->key < 0x7f)
        qn_json_write_string(out, 1, (char[1]){(char)o->key});
    else
        qn_buf_text(out, "null");
    qn_buf_text(out, ",\"value\":");
    if (o->arg)
        qn_json_write_text(out, o->arg);
    else
        qn_buf_text(out, "null");
    qn_buf_text(out, ",\"help\":");
    qn_json_write_text(out, o->doc);
    qn_buf_byte(out, '}');
}

static void write_json(qn_buf *out)
{
    qn_buf_text(out, "{\"commands\":[");
    for (size_t i = 0; qn_command_at(i); i++) {
        const qn_command *c = qn_command_at(i);
        qn_buf_text(out, i ? ",{\"name\":" : "{\"name\":");
        qn_json_write_text(out, c->name);
        qn_buf_text(out, ",\"summary\":");
        qn_json_write_text(out, c->summary);
        qn_buf_text(out, ",\"options\":[");
        qn_args_each(c->argp, write_option, out);
        qn_buf_text(out, "]}");
    }
    qn_buf_text(out, "]}\n");
}

static void list_commands(qn_buf *out)
{
    qn_buf_text(out, "quern runs open-weight language models on your own hardware.\n\n"
                     "usage: quern COMMAND [OPTION...] [MODEL] ...\n\n");
    for (size_t i = 0; qn_command_at(i); i++)
        qn_buf_format(out, "  %-10s %s\n", qn_command_at(i)->name, qn_command_at(i)->summary);
    qn_buf_text(out, "\n`quern help COMMAND` explains one, `man quern` all.\n");
}

static qn_status explain(const char *name, qn_error *err)
{
    char title[64];
    const qn_command *c = qn_command_named(name);
    QN_FAIL_IF(!c, err, QN_EARGUMENT, "there is no command '%s'; `quern help` lists them", name);
    snprintf(title, sizeof title, "quern %s", c->name);
    argp_help(c->argp, stdout, ARGP_HELP_STD_HELP & ~(unsigned)ARGP_HELP_EXIT_OK, title);
    return QN_OK;
}

qn_status qn_cmd_help(int argc, char **argv, qn_error *err)
{
    help_args a = {0};
    qn_buf out = {0};
    QN_TRY(qn_args_parse(&qn_help_argp, argc, argv, &a, err));
    if (a.command)
        return explain(a.command, err);
    if (a.completes)
        qn_completion(a.shell, &out);
    else if (a.json)
        write_json(&out);
    else
        list_commands(&out);
    qn_out_buf(&out);
    qn_buf_release(&out);
    return QN_OK;
}
