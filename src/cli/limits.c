/* cli/limits.c - one list for all parsers' tables. */
#include "cli/limits.h"

#include "base/json.h"

#include <string.h>

typedef struct limit {
    const char *parser, *name;
    uint64_t most;
} limit;

static void write_one(qn_buf *out, bool json, const limit *l, const char *previous)
{
    bool begins = strcmp(l->parser, previous) != 0;
    if (!json) {
        qn_buf_format(out, "%-10s %-28s %" PRIu64 "\n", l->parser, l->name, l->most);
        return;
    }
    if (begins)
        qn_buf_format(out, "%s\"%s\":{", *previous ? "}," : "", l->parser);
    qn_buf_format(out, "%s\"%s\":%" PRIu64, begins ? "" : ",", l->name, l->most);
}

void qn_limits_write(qn_buf *out, bool json)
{
    const limit limits[] = {
        {"json", "depth", QN_JSON_MAX_DEPTH},
    };
    const char *previous = "";
    qn_buf_text(out, json ? "{" : "");
    for (size_t i = 0; i < QN_COUNT(limits); i++) {
        write_one(out, json, &limits[i], previous);
        previous = limits[i].parser;
    }
    qn_buf_text(out, json ? "}}\n" : "");
}
