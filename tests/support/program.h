/* tests/support/program.h - runs the program under test and keeps what it said. */
#pragma once

#include "base/str.h"

enum { QN_PROGRAM_KEEP = 1 << 16 };

typedef struct qn_program_run {
    int rc;          /* exit status, or 128 + the signal that ended it */
    qn_str out, err; /* end in a zero byte; valid until the next run but one */
} qn_program_run;

/* Runs quern beside this test program with words up to NULL after its name: the input is what it
 * reads, NULL is none. QUERN_*, XDG_CONFIG_HOME and HOME of the test's environment are not passed
 * on, except QUERN_CACHE's folder of models; words that begin with "NAME=" go to the environment
 * while they stand before all others. */
qn_program_run qn_program_run_with(const char *input, const char *const *words);
#define QN_RUN(input, ...) qn_program_run_with((input), (const char *const[]){__VA_ARGS__, NULL})

/* The same with standard output going to a path instead; out is then empty. */
qn_program_run qn_program_run_into(const char *path, const char *const *words);

/* The same with standard output a pipe that nobody reads. */
qn_program_run qn_program_run_unread(const char *const *words);

/* The same with standard output a pipe that is all but full: once the program has written something
 * and waits, it gets the signal, and only then is the pipe read. */
qn_program_run qn_program_run_signalled(int signal_number, const char *const *words);

/* The path of the program. */
const char *qn_program_path(void);
