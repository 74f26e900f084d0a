/* tests/support/vocab_file.h - tokenizers from tests/oracles/vocab_file.py's files, and vectors. */
#pragma once

#include "tests/support/vocab_read.h"

/* A tokenizer from such a file; fails the running test when it cannot be made. */
qn_tokenizer *qn_test_vocab_open(const char *path);

/* The same under another pre-tokenizer. */
qn_tokenizer *qn_test_vocab_open_as(const char *path, const char *pre);

typedef struct qn_test_counts {
    size_t n_encoded, n_decoded, n_wrong, n_left_out;
} qn_test_counts;

enum {
    QN_TEST_HUGGING_FACE = 1, /* decoded text has U+FFFD where bytes are not UTF-8 */
    QN_TEST_NO_NFC = 2,       /* leave out texts that do not come back: NFC changes them */
    QN_TEST_NO_TEMPLATE = 4,  /* leave out rows with the post-processor's tokens */
};

/* Holds t to every row of a JSON-lines file: {text|hex, ids, parse_special, add_special, decoded,
 * decoded_skip} or {decode_only, ids, decoded, decoded_skip}; prints the first mismatches. Rows
 * without parse_special that hold an id from first_added on are left out: the oracle removed the
 * special tokens, which moved the others. */
qn_test_counts qn_test_vectors(const qn_tokenizer *t, const char *path, unsigned flags,
                               uint32_t first_added);
