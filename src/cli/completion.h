/* cli/completion.h - completion scripts for shells, made from the tables of commands and options.
 */
#pragma once

#include "base/buf.h"

typedef enum qn_shell { QN_BASH, QN_ZSH, QN_FISH } qn_shell;

/* Appends the script for one shell. */
void qn_completion(qn_shell shell, qn_buf *out);
