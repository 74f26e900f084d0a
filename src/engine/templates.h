/* engine/templates.h - the chat templates that a model comes with, and which one a request gets:
 * the one place that knows, for all who render.
 *
 * A GGUF file holds them under keys; the repository it came from has chat_template.jinja,
 * additional_chat_templates/NAME.jinja, or tokenizer_config.json. Those of the file are used, and
 * those of the repository where the file has none. */
#pragma once

#include "base/buf.h"
#include "base/region.h"
#include "base/str.h"
#include "text/jinja.h"
#include "weights/gguf.h"

enum { QN_MOST_TEMPLATES = 32 };

typedef struct qn_named_template {
    qn_str name; /* "default", "tool_use", "rag", ... */
    qn_str source;
    const char *where;   /* a key, or a file */
    bool of_file;        /* of the GGUF file, not of the repository */
    qn_template *parsed; /* NULL: it is broken; wrong says how, line where */
    qn_error wrong;
    unsigned line;
} qn_named_template;

typedef struct qn_templates {
    qn_region memory;
    qn_error wrong; /* with the files that hold them; its status is QN_OK where nothing is */
    size_t n;
    qn_named_template list[QN_MOST_TEMPLATES];
} qn_templates;

/* Gathers and parses the templates of a GGUF file (NULL: none) and of the folder that is or holds
 * path. Fails for want of memory only: what is broken is told to those who ask for a template. *x
 * is the caller's to release in both outcomes; it never changes after, so threads may share it. */
qn_status qn_templates_find(qn_templates *x, const qn_gguf *g, const char *path, qn_error *err);
void qn_templates_release(qn_templates *x);

/* The template for a request (JSON): tool_use where it has tools, rag where it has documents, else
 * default; NULL when there is none. *reason is why. */
const qn_named_template *qn_templates_choose(const qn_templates *x, qn_str request,
                                             const char **reason);

/* The same; without one, or with a broken one (*t is that), or where not all could be gathered, it
 * fails. */
qn_status qn_templates_get(const qn_templates *x, qn_str request, const qn_named_template **t,
                           const char **reason, qn_error *err);

/* Appends what was chosen and why, as JSON or as lines. */
void qn_templates_explain(const qn_templates *x, const qn_named_template *chosen,
                          const char *reason, bool json, qn_buf *out);
