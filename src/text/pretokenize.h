/* text/pretokenize.h - cuts text into the pieces that byte-level BPE merges within.
 *
 * A pre-tokenizer is a sequence of up to QN_CUT_STAGES patterns, each applied inside the pieces of
 * the former, as Hugging Face's Sequence of Splits does. A pattern is a hand-written scanner: it
 * looks at each byte a bounded number of times and keeps no stack. */
#pragma once

#include "base/str.h"
#include "text/unicode.h"

enum { QN_CUT_STAGES = 6 };

/* Bytes of the match that begins at p < end, or 0 and in *skip the bytes, at least 1, within which
 * none begins. Never looks beyond end. A pattern that matches everywhere leaves *skip alone. */
typedef size_t qn_cut_pattern(const uint8_t *p, const uint8_t *end, size_t *skip);

typedef struct qn_pretokenizer { /* a row of pretokenizers.def */
    const char *name;
    bool ignore_merges; /* a piece that is a token as a whole is not merged */
    bool add_bos;       /* where the file does not say */
    bool nfc; /* text is brought to NFC first, as the model was trained; GGUF does not say */
    qn_cut_pattern *stages[QN_CUT_STAGES + 1]; /* ends in NULL */
} qn_pretokenizer;

/* The row of that name, or NULL. */
const qn_pretokenizer *qn_pretokenizer_named(qn_str name);

typedef struct qn_cut {
    const qn_pretokenizer *pre;
    const uint8_t *at, *end;
    const uint8_t *stage_end[QN_CUT_STAGES]; /* of the piece that stage k is in */
} qn_cut;

void qn_cut_init(qn_cut *c, const qn_pretokenizer *pre, size_t n, const uint8_t *text);

/* Bytes of the next piece, which begins at c->at before the call; 0 at the end. */
size_t qn_cut_next(qn_cut *c);

// clang-format off
qn_cut_pattern qn_cut_gpt2, qn_cut_llama3, qn_cut_cl100k, qn_cut_qwen2, qn_cut_qwen35, qn_cut_gpt4o, qn_cut_tekken,
    qn_cut_digit, qn_cut_number, qn_cut_word, qn_cut_digits3, qn_cut_kana_or_han, qn_cut_deepseek3,
    qn_cut_newline, qn_cut_letters_llm, qn_cut_punctuation_llm, qn_cut_last_spaces,
    qn_cut_cjk_llm, qn_cut_letters_coder, qn_cut_punctuation_coder, qn_cut_punctuation, qn_cut_numbers,
    qn_cut_three_digits, qn_cut_bloom, qn_cut_line, qn_cut_minicpm5, qn_cut_ufakzeka, qn_cut_seed,
    qn_cut_exaone_moe, qn_cut_youtu, qn_cut_youtu_scripts, qn_cut_kimi, qn_cut_jais_spaces, qn_cut_whole_number, qn_cut_odd_digits, qn_cut_thousands, qn_cut_before_thousands, qn_cut_by_thousands, qn_cut_spark, qn_cut_script,
    qn_cut_sentinel, qn_cut_image, qn_cut_indent, qn_cut_mark;
// clang-format on
