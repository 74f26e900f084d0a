/* text/json_part.h - a component of a tokenizer.json: what its object may say, of any kind. */
#pragma once

#include "base/json.h"
#include "text/rules.h"

typedef struct qn_json_part {
    qn_str type, content, prepend, replacement, prepend_scheme, behavior, charsmap, prefix, suffix,
        delimiter, pad_token, delimiter_token;
    qn_str pattern, normalizers, pretokenizers, processors, decoders; /* JSON text */
    qn_str single, special_tokens, cls, sep;
    bool clean_text, handle_chinese_chars, lowercase, strip_left, strip_right, invert;
    bool add_prefix_space, use_regex, individual_digits, split, cleanup;
    bool strip_accents, says_strip_accents;
    int64_t start, stop, length;
} qn_json_part;

typedef struct qn_json_reading { /* of the components, in any order */
    qn_rules *rules;
    qn_json *document; /* lends its strings */
    bool maps_bytes;   /* the normalizer is ByteLevel */
    bool unmarks;      /* the decoder makes spaces of U+2581 */
    bool reads_bytes;  /* and bytes of <0xXX> */
    bool joins_bytes;  /* and bytes of byte characters */
    bool fuses;        /* behind which a decoder sees the text as a whole */
    bool has_decoder;
    int add_space_prefix; /* for the vocabulary's source */
} qn_json_reading;

#define QN_MARK "\xE2\x96\x81" /* U+2581 */

/* Reads a component's object. */
qn_status qn_json_part_read(qn_json_reading *r, qn_str text, qn_json_part *part, qn_error *err);

/* Calls `read` for each element of a JSON array, depth Sequences deep. */
typedef qn_status qn_json_part_each(qn_json_reading *r, qn_str text, size_t depth, qn_error *err);
qn_status qn_json_part_list(qn_json_reading *r, qn_str list, size_t depth, qn_json_part_each *read,
                            qn_error *err);

/* Makes the text the rules' own. */
qn_status qn_json_part_copy(qn_json_reading *r, qn_str *text, qn_error *err);

/* {"String": text} or {"Regex": text}, which becomes the rules' own. */
qn_status qn_json_part_pattern(qn_json_reading *r, qn_str raw, qn_str *text, bool *is_regex,
                               qn_error *err);

/* Fails: "what type is not supported". */
qn_status qn_json_part_unsupported(const char *what, qn_str type, qn_error *err);

/* One decoder, which may be a Sequence. */
qn_json_part_each qn_json_decoder_part;

/* Each reads one value of the document, which may be null. */
qn_status qn_json_normalizer(qn_json_reading *r, qn_str text, qn_error *err);
qn_status qn_json_pre_tokenizer(qn_json_reading *r, qn_str text, qn_error *err);
qn_status qn_json_post_processor(qn_json_reading *r, qn_str text, qn_error *err);
qn_status qn_json_decoder(qn_json_reading *r, qn_str text, qn_error *err);

/* After all of them: decides on marks, bytes and scanners, or says what does not fit together. */
qn_status qn_json_settle(qn_json_reading *r, qn_error *err);
