/* cli/cli.h - the commands of the program, one row of commands.def and one file each.
 *
 * A command parses its own arguments, prints results with cli/out.h and returns how it went; main
 * prints the sentence of a failure and turns the status into the exit code. */
#pragma once

#include "base/status.h"

#include <argp.h>

#define QN_VERSION "0.1.0"

typedef struct qn_command {
    const char *name;
    const struct argp *argp;
    qn_status (*run)(int argc, char **argv, qn_error *err); /* argv[0]: "quern NAME" */
    const char *summary;
} qn_command;

/* The commands in the order of commands.def; NULL past the last. */
const qn_command *qn_command_at(size_t i);
const qn_command *qn_command_named(const char *name); /* NULL: there is none */

// clang-format off
#define X(name, table, function, summary) \
    extern const struct argp table; \
    qn_status function(int argc, char **argv, qn_error *err);
#include "cli/commands.def"
#undef X
// clang-format on
