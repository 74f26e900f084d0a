/* text/ranks.h - what the readers of vocabularies whose tokens merge by rank share: tokens in the
 * order of their ids, spelled in base64, and special tokens whose names may say what they are for.
 */
#pragma once

#include "base/region.h"
#include "text/vocab.h"

typedef struct qn_ranks {
    qn_buf tokens, kinds, strips;
    size_t n;
    qn_region strings;
    qn_vocab_source source;
} qn_ranks;

/* The next id. */
void qn_ranks_add(qn_ranks *r, qn_token_kind kind, unsigned strips, size_t n, const void *bytes);
void qn_ranks_add_special(qn_ranks *r, unsigned strips, qn_str name);
qn_status qn_ranks_add_base64(qn_ranks *r, qn_str text, qn_error *err);

/* Fails where there are too many. */
qn_status qn_ranks_check(const qn_ranks *r, qn_error *err);

/* Reads by `read`, whose `file` is handed on, and makes the tokenizer of what it added. */
typedef qn_status qn_ranks_read(qn_ranks *r, const void *file, qn_error *err);
qn_status qn_ranks_make(qn_tokenizer **t, const void *file, qn_ranks_read *read, qn_error *err);
