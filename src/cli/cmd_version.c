/* cli/cmd_version.c - `quern version`. */
#include "base/json.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "engine/model.h"

static const struct argp_option options[] = {
    {"json", 'j', NULL, 0, "Print JSON", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    bool *json = state->input;
    (void)arg;
    if (key != 'j')
        return ARGP_ERR_UNKNOWN;
    *json = true;
    return 0;
}

const struct argp qn_version_argp = {
    .options = options,
    .parser = parse,
    .doc = "Print the version of quern, and that of the definition of its numbers."};

qn_status qn_cmd_version(int argc, char **argv, qn_error *err)
{
    bool json = false;
    QN_TRY(qn_args_parse(&qn_version_argp, argc, argv, &json, err));
    if (json)
        qn_out_text("{\"version\":\"" QN_VERSION "\",\"numerics\":\"" QN_NUMERICS_ID
                    "\",\"compiler\":\"" __VERSION__ "\"}\n");
    else
        qn_out_text("quern " QN_VERSION ", numerics " QN_NUMERICS_ID "\n");
    return QN_OK;
}
