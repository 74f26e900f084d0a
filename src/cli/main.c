/* cli/main.c - finds the command, and turns how it went into a sentence and an exit code. */
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/nearest.h"
#include "cli/out.h"
#include "cli/signals.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* argp prints --help and exits by itself, so the end of standard output is looked at here. */
static void close_output(void)
{
    qn_error err;
    if (qn_out_end(&err) == QN_OK)
        return;
    qn_say("%s", err.text);
    _exit(qn_status_exit_code(err.status));
}

static int no_command(const char *name)
{
    const qn_command *best = NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 0; qn_command_at(i); i++) {
        size_t d = qn_edit_distance(name, qn_command_at(i)->name);
        if (d < least)
            least = d, best = qn_command_at(i);
    }
    if (best && qn_is_near(name, least))
        qn_say("there is no command '%s'; the nearest is '%s', `quern help` lists all", name,
               best->name);
    else
        qn_say("there is no command '%s'; `quern help` lists them", name);
    return qn_status_exit_code(QN_EARGUMENT);
}

static int run(const qn_command *command, int argc, char **argv)
{
    char name[64];
    qn_error err = {0};
    snprintf(name, sizeof name, "quern %s", command->name);
    argv[0] = name;
    qn_status st = command->run(argc, argv, &err);
    if (qn_out_lost() && (st == QN_OK || st == QN_ECANCELLED))
        st = qn_out_end(&err);
    if (st != QN_OK && st != QN_ECANCELLED)
        qn_say("%s", err.text);
    return qn_status_exit_code(st) + (st == QN_ECANCELLED ? qn_signal_noted() : 0);
}

int main(int argc, char **argv)
{
    static char *help[] = {"help", NULL}, *version[] = {"version", NULL};
    setlocale(LC_CTYPE, ""); /* line editing; numbers stay as in C */
    signal(SIGPIPE, SIG_IGN);
    atexit(close_output);
    argp_err_exit_status = qn_status_exit_code(QN_EARGUMENT);
    if (argc < 2) {
        qn_say("give a command; `quern help` lists them");
        return qn_status_exit_code(QN_EARGUMENT);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return run(qn_command_named("help"), 1, help);
    if (strcmp(argv[1], "--version") == 0)
        return run(qn_command_named("version"), 1, version);
    const qn_command *command = qn_command_named(argv[1]);
    return command ? run(command, argc - 1, argv + 1) : no_command(argv[1]);
}
