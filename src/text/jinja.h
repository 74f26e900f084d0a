/* text/jinja.h - chat templates: a bounded interpreter of Jinja2 as transformers sets it up
 * (trim_blocks, lstrip_blocks, loop controls, generation blocks, an immutable sandbox, no
 * autoescape). Source: Jinja2 3.1, transformers' chat_template_utils.
 *
 * A template is data: it reaches nothing of the host, and every loop, string and structure that it
 * makes is held to the limits below. The rendering says for each byte whether the template (or the
 * model's own token strings) wrote it, or data from outside did, so that control tokens are looked
 * for only in what the template wrote. */
#pragma once

#include "base/buf.h"
#include "base/str.h"

typedef struct qn_template qn_template;

typedef struct qn_template_limits {
    size_t n_source, n_parsed; /* bytes of a template, and of what it parses to */
    size_t n_variables;        /* bytes of the JSON object of variables */
    size_t n_memory, n_output; /* bytes one rendering may hold, and may yield */
    uint64_t n_steps;       /* of one rendering: about one for each expression or 64 bytes moved */
    unsigned n_parse_depth; /* nesting of statements and expressions */
    unsigned n_run_depth;   /* the same while rendering, macro calls and values included */
    int64_t n_range;        /* as Jinja2's sandbox has it */
    size_t n_repeat;        /* bytes or items of a repeated string or list, or padding */
    size_t n_integer;       /* bits of an integer */
} qn_template_limits;

extern const qn_template_limits qn_template_max;

/* A stretch of the rendered text. */
typedef struct qn_span {
    size_t begin, end;
    bool trusted;   /* written by the template, or a trusted string; a number counts as that too */
    bool generated; /* inside {% generation %} */
} qn_span;

/* The spans lie side by side from 0 to text.n_bytes; neighbours differ. */
typedef struct qn_rendered {
    qn_buf text;
    size_t n_spans;
    qn_span *spans;
    unsigned line; /* of the template, where it failed; 0: nowhere in it */
} qn_rendered;

typedef struct qn_template_string {
    qn_str name, value;
} qn_template_string;

typedef struct qn_template_input {
    qn_str variables; /* a JSON object: messages, tools, add_generation_prompt ... Its strings are
                       * not trusted, except a "role" that is one of the usual role names */
    size_t n_trusted;
    const qn_template_string *trusted; /* bos_token ...: for names that variables does not set */
    int64_t now_epoch;                 /* seconds: strftime_now tells it as UTC; a caller who wants
                                        * local time adds the offset. The seed of random, too */
    uint64_t n_steps;                  /* to allow less than the limit; 0: the limit */
} qn_template_input;

/* On QN_OK *t is the caller's until qn_template_release, and needs source no more; on failure *t is
 * NULL, and *line (which may be NULL) the line of the source that err's sentence is about. */
qn_status qn_template_parse(qn_template **t, size_t n_bytes, const char *source, unsigned *line,
                            qn_error *err);
void qn_template_release(qn_template *t);

/* *out is written in both outcomes and the caller's to release. One template may be rendered by
 * many threads at once. QN_EARGUMENT: the template refuses these variables; the sentence has the
 * line and the reason. */
qn_status qn_template_render(const qn_template *t, const qn_template_input *in, qn_rendered *out,
                             qn_error *err);
void qn_rendered_release(qn_rendered *r);
