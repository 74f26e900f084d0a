/* cli/args.h - arguments: argp tables, their twins in the environment and the config file.
 *
 * An option is taken, the later over the earlier, from the config file, from the environment
 * (--top-k: QUERN_TOP_K) and from the command line. A wrong value ends the program with status 2
 * and a sentence that says where the value came from. */
#pragma once

#include "base/status.h"

#include <argp.h>

/* Parses with the table; argv[0] is "quern COMMAND". Fails on an unreadable or wrong config file;
 * does not return on a wrong option, --help or --usage. */
qn_status qn_args_parse(const struct argp *argp, int argc, char **argv, void *input, qn_error *err);

/* For parsers: the value of an option, held to bounds; the option is spelled for the sentence. */
uint64_t qn_arg_u64(const struct argp_state *state, const char *option, const char *value,
                    uint64_t least, uint64_t most);
double qn_arg_f64(const struct argp_state *state, const char *option, const char *value,
                  double least, double most);

/* The index of value in choices (NULL at the end). */
size_t qn_arg_choice(const struct argp_state *state, const char *option, const char *value,
                     const char *const *choices);

/* A refusal in the caller's words; does not return. */
void qn_arg_refuse(const struct argp_state *state, const char *option, const char *value,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Calls visit for each option that people may give, in the order of --help, children included. */
typedef void qn_option_visit(void *context, const struct argp_option *option);
void qn_args_each(const struct argp *argp, qn_option_visit *visit, void *context);
