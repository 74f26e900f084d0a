/* cli/commands.c - the table of commands. */
#include "cli/cli.h"

#include <string.h>

static const qn_command commands[] = {
// clang-format off
#define X(name, table, function, summary) {name, &table, function, summary},
#include "cli/commands.def"
#undef X
    // clang-format on
};

const qn_command *qn_command_at(size_t i)
{
    return i < QN_COUNT(commands) ? &commands[i] : NULL;
}

const qn_command *qn_command_named(const char *name)
{
    for (size_t i = 0; i < QN_COUNT(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}
