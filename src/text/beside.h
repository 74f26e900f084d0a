/* text/beside.h - the files beside a tokenizer that state which tokens begin and end a text:
 * tokenizer_config.json and generation_config.json. */
#pragma once

#include "base/json.h"
#include "text/tokenizer.h"

typedef enum qn_beside_token {
    QN_BESIDE_BOS,
    QN_BESIDE_EOS,
    QN_BESIDE_UNK,
    QN_BESIDE_PAD
} qn_beside_token;

enum { QN_BESIDE_TOKENS = 4 };

typedef struct qn_beside {
    qn_str names[QN_BESIDE_TOKENS]; /* no bytes: not stated */
    int add_bos, add_eos;           /* 0, 1, or -1: not stated */
    size_t n_eog;
    int64_t eog[QN_VOCAB_MAX_EOG]; /* as the file has them, unchecked */
} qn_beside;

/* Reads both, each NULL where there is none; names lie in the texts or in strings. */
qn_status qn_beside_read(qn_beside *b, const qn_str *config, const qn_str *generation,
                         qn_region *strings, qn_error *err);
