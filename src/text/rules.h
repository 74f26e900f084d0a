/* text/rules.h - what stands around a model: how text is normalized and cut before it, what is put
 * before and behind its ids, and how their texts join.
 *
 * The steps are those of Hugging Face's tokenizers, whose source decides; each is a row of data
 * that runs on one buffer after the other. Where a vocabulary spells a space as U+2581, both are
 * kept as a space inside: the step that would write U+2581 reads it instead, and a token that
 * spells a true space is never found, so nothing is confused. */
#pragma once

#include "base/region.h"
#include "text/pretokenize.h"
#include "text/regex.h"
#include "text/tokenizer.h"

typedef struct qn_charsmap { /* SentencePiece's precompiled rules; the bytes are the owner's */
    const uint8_t *units;    /* [n_units] little-endian u32, a double array */
    size_t n_units, n_texts;
    const char *texts; /* [n_texts], pieces that end in a zero byte */
} qn_charsmap;

typedef enum qn_normal_kind {
    QN_NFC,
    QN_NFD,
    QN_NFKC,
    QN_NFKD,
    QN_LOWERCASE,
    QN_STRIP_ACCENTS,
    QN_STRIP_ENDS,  /* flags: QN_AT_LEFT, QN_AT_RIGHT */
    QN_REPLACE,     /* pattern by content */
    QN_REPLACE_ALL, /* what regex matches by content */
    QN_PREPEND,     /* content, to a text that is not empty */
    QN_CLEAN,       /* Bert: control characters go, white space becomes a space */
    QN_SPACE_HAN,   /* Bert: spaces around Chinese characters */
    QN_STRIP_MN,    /* Bert: decomposed and without nonspacing marks */
    QN_NMT,
    QN_CHARSMAP,     /* by whole characters, as Hugging Face */
    QN_CHARSMAP_SPM, /* by longest match, as SentencePiece */
    QN_ONE_SPACE,    /* SentencePiece: no spaces at the ends, one between */
    QN_MARKS,        /* U+2581 becomes a space */
    QN_STRIP_CHARS,  /* content, one character: up to n_first at the start, n_last at the end */
} qn_normal_kind;

enum { QN_AT_LEFT = 1, QN_AT_RIGHT = 2 };

typedef struct qn_normal { /* a step of normalization */
    qn_normal_kind kind;
    unsigned flags;
    qn_str pattern, content;
    size_t n_first, n_last;
    qn_regex *regex;
    qn_charsmap map;
} qn_normal;

typedef enum qn_cut_kind {
    QN_CUT_SCAN,  /* a hand scanner */
    QN_CUT_REGEX, /* an unknown pattern */
    QN_CUT_TEXT,  /* a fixed text */
    QN_CUT_CLASS, /* a single character of a class: flags, a qn_cut_class */
    QN_CUT_MARKS, /* Metaspace: U+2581 is a space; flags: qn_cut_marks */
    QN_CUT_SPACE, /* a space before a piece that has none */
    QN_CUT_BYTES, /* bytes become the characters that spell them, for the steps behind */
    QN_CUT_FIXED, /* every flags characters */
} qn_cut_kind;

typedef enum qn_cut_class { QN_CLASS_SPACE, QN_CLASS_NUMBER, QN_CLASS_PUNCTUATION } qn_cut_class;

enum { QN_MARKS_FIRST = 1, QN_MARKS_ALWAYS = 2, QN_MARKS_SPLIT = 4 };

typedef enum qn_cut_behavior {
    QN_CUT_ISOLATED,
    QN_CUT_REMOVED,
    QN_CUT_WITH_PREVIOUS,
    QN_CUT_WITH_NEXT,
    QN_CUT_CONTIGUOUS,
} qn_cut_behavior;

typedef struct qn_cut_step {
    qn_cut_kind kind;
    qn_cut_behavior behavior;
    bool inverted; /* what does not match counts as what matches, and the reverse */
    unsigned flags;
    qn_cut_pattern *scan;
    qn_regex *regex;
    qn_str text;
} qn_cut_step;

typedef enum qn_joining { /* how the texts of ids join */
                          QN_JOIN_PLAIN,
                          QN_JOIN_STRIP,     /* one space at the start of the text goes */
                          QN_JOIN_METASPACE, /* every space of the first token goes */
                          QN_JOIN_SPACES,    /* a space between tokens */
                          QN_JOIN_WORDPIECE, /* a space before tokens that do not continue a word */
                          QN_JOIN_SUFFIX, /* a space behind tokens that end a word, but the last */
                          QN_JOIN_CTC,    /* the same token in a row once */
} qn_joining;

enum { QN_RULES_STEPS = 32, QN_RULES_AROUND = 8, QN_AFFIX_BYTES = 64 };

/* Bytes of a text that is normalized and cut; normalizing makes of n at most GROWTH * n + LEAST. */
enum { QN_RULES_TEXT = 2000000000, QN_RULES_GROWTH = 40, QN_RULES_LEAST = 1 << 24 };

struct qn_rules {
    qn_region memory; /* of every text below */
    size_t n_normals, n_cuts, n_before, n_after;
    qn_normal normals[QN_RULES_STEPS];
    size_t n_shows;
    qn_normal shows[QN_RULES_STEPS];  /* what a token's text becomes when it is decoded */
    qn_cut_step cuts[QN_RULES_STEPS]; /* none: the model cuts by itself */
    uint32_t before[QN_RULES_AROUND], after[QN_RULES_AROUND]; /* ids around a text */
    qn_joining joining;
    bool is_hf;  /* from a tokenizer.json, which states all: nothing is guessed */
    bool cleans; /* QN_JOIN_WORDPIECE: no space before punctuation */
    bool byte_level, has_marks, ignore_merges, splits_unknown, falls_back; /* to byte tokens */
    bool is_single;        /* scores add up in float, as SentencePiece's */
    bool strips_each;      /* QN_JOIN_STRIP: of each token until there is text */
    bool starts_once;      /* the space before a text stands at its start alone */
    qn_str prefix, suffix; /* of tokens that continue a word, that end one */
    qn_str unk_text;       /* what the unknown token decodes to, where that is not its name */
    qn_str join_text;      /* QN_JOIN_WORDPIECE: that prefix; QN_JOIN_SUFFIX: that suffix */
    size_t n_word_most;    /* WordPiece: characters of a word; a longer one is unknown */
    size_t n_stages;       /* the cuts as scanners: model and pretokenizer do all, fast */
    qn_cut_pattern *stages[QN_CUT_STAGES];
};

enum { QN_RULES_BYTES = 64 << 20 };

qn_rules *qn_rules_new(void);       /* empty; NULL: no memory */
void qn_rules_release(qn_rules *r); /* the object too; takes NULL */

/* Bytes that the rules hold. */
size_t qn_rules_n_bytes(const qn_rules *r);

typedef struct qn_piece { /* of the text that is being cut */
    size_t begin, end;
} qn_piece;

/* Working memory of normalizing and cutting. */
typedef struct qn_rules_scratch {
    qn_buf text[2]; /* one step reads one and writes the other */
    qn_buf kept;    /* a normalized text that is looked through */
    qn_buf mapped;
    int32_t *codes;
    qn_piece *pieces, *cut;
    qn_piece *segments;                          /* bit 0 of begin: it is a match */
    size_t n_codes, n_pieces, n_cut, n_segments; /* what there is room for */
    qn_regex_scratch *regex;
} qn_rules_scratch;

void qn_rules_scratch_release(qn_rules_scratch *s);

/* Takes *n bytes at *text through steps of normalization; they then lie in s or are those that
 * came. */
qn_status qn_normalize(size_t n_steps, const qn_normal *steps, qn_rules_scratch *s, size_t *n,
                       const uint8_t **text, qn_error *err);

/* Cuts *n bytes at *text into *n_pieces at s->pieces, places in *text, which may have changed. */
qn_status qn_cut_pieces(const qn_rules *r, qn_rules_scratch *s, bool at_start, size_t *n,
                        const uint8_t **text, size_t *n_pieces, qn_error *err);

/* Reads and checks a precompiled charsmap, in place. */
qn_status qn_charsmap_read(qn_charsmap *m, size_t n_bytes, const uint8_t *bytes, qn_error *err);

/* What the first (shortest) or the longest rule makes of the text at p, and in *n_used the bytes it
 * takes; NULL, and *n_used untouched, when there is none. */
const char *qn_charsmap_find(const qn_charsmap *m, bool first, const uint8_t *p, const uint8_t *end,
                             size_t *n_used);

/* The text as a pattern may see it: what PCRE2 does not know well is replaced by its like, of the
 * same length. It lies in s, or is the text. */
qn_status qn_rules_shadow(qn_rules_scratch *s, size_t n, const uint8_t *text,
                          const uint8_t **shadow, qn_error *err);

/* The buffer of s that does not hold the text, cleared. */
qn_buf *qn_rules_other(qn_rules_scratch *s, const uint8_t *text);

/* Whether a class holds a character. */
bool qn_cut_class_has(qn_cut_class class, qn_char c);
