/* cli/limits.c - one list for all parsers' tables. */
#include "cli/limits.h"

#include "base/json.h"
#include "engine/stops.h"
#include "text/jinja.h"
#include "text/regex.h"
#include "text/vocab.h"
#include "weights/gguf.h"

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
    // clang-format off
    const limit limits[] = {
        {"json", "depth", QN_JSON_MAX_DEPTH},
        {"gguf", "header_bytes", qn_gguf_max.n_header_bytes},
        {"gguf", "memory_bytes", qn_gguf_max.n_memory_bytes},
        {"gguf", "values", qn_gguf_max.n_values},
        {"gguf", "tensors", qn_gguf_max.n_tensors},
        {"gguf", "parts", qn_gguf_max.n_parts},
        {"gguf", "key_bytes", qn_gguf_max.n_key_bytes},
        {"gguf", "name_bytes", qn_gguf_max.n_name_bytes},
        {"gguf", "string_bytes", qn_gguf_max.n_string_bytes},
        {"gguf", "elements", qn_gguf_max.n_elements},
        {"gguf", "array_strings", qn_gguf_max.n_array_strings},
        {"gguf", "dims", qn_gguf_max.n_dims},
        {"gguf", "depth", qn_gguf_max.depth},
        {"gguf", "alignment", qn_gguf_max.alignment},
        {"tokenizer", "tokens", qn_tokenizer_max.n_tokens},
        {"tokenizer", "merges", qn_tokenizer_max.n_merges},
        {"tokenizer", "token_bytes", qn_tokenizer_max.n_token_bytes},
        {"tokenizer", "special_bytes", qn_tokenizer_max.n_special_bytes},
        {"tokenizer", "text_bytes", qn_tokenizer_max.n_text_bytes},
        {"tokenizer", "probes", qn_tokenizer_max.n_probes},
        {"pattern", "bytes", qn_regex_max.n_pattern},
        {"pattern", "matches", qn_regex_max.n_match},
        {"pattern", "depth", qn_regex_max.n_depth},
        {"pattern", "bytes looked at again", qn_regex_max.n_again},
        {"pattern", "heap_kib", qn_regex_max.n_heap_kib},
        {"template", "source", qn_template_max.n_source},
        {"template", "parsed", qn_template_max.n_parsed},
        {"template", "variables", qn_template_max.n_variables},
        {"template", "memory", qn_template_max.n_memory},
        {"template", "output", qn_template_max.n_output},
        {"template", "steps", qn_template_max.n_steps},
        {"template", "parse_depth", qn_template_max.n_parse_depth},
        {"template", "run_depth", qn_template_max.n_run_depth},
        {"template", "range", (uint64_t)qn_template_max.n_range},
        {"template", "repeat", qn_template_max.n_repeat},
        {"template", "integer", qn_template_max.n_integer},
        {"stops", "count", QN_MOST_STOPS},
        {"stops", "bytes", QN_LONGEST_STOP},
    };
    // clang-format on
    const char *previous = "";
    qn_buf_text(out, json ? "{" : "");
    for (size_t i = 0; i < QN_COUNT(limits); i++) {
        write_one(out, json, &limits[i], previous);
        previous = limits[i].parser;
    }
    qn_buf_text(out, json ? "}}\n" : "");
}
