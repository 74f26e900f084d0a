/* text/tokenizer.h - text to token ids and back, exactly as the model was trained to see it.
 *
 * A tokenizer is built once, never changes and is shared by threads; each thread brings its own
 * scratch, whose memory is reused, so a repeated call allocates nothing.
 *
 * Invariants: text from outside never becomes a control token unless its part says parse_special;
 * a vocabulary with all 256 bytes, unless it normalizes text, gives back any bytes exactly; every
 * call is O(n log n) in the bytes of text. */
#pragma once

#include "base/buf.h"
#include "base/str.h"

typedef struct qn_gguf qn_gguf;
typedef struct qn_rules qn_rules;
typedef struct qn_tokenizer qn_tokenizer;
typedef struct qn_tokenizer_scratch qn_tokenizer_scratch;

#define QN_NO_TOKEN UINT32_MAX

typedef enum qn_token_kind { /* the numbers of GGUF's tokenizer.ggml.token_type */
                             QN_TOKEN_NORMAL = 1,
                             QN_TOKEN_UNKNOWN, /* stands for what the vocabulary cannot spell */
                             QN_TOKEN_CONTROL, /* only from trusted text, or added by the engine */
                             QN_TOKEN_USER, /* added whole words: found in any text before the model
                                               runs */
                             QN_TOKEN_UNUSED, /* padding of the embedding table; never produced */
                             QN_TOKEN_BYTE,   /* one byte, <0xXX> */
} qn_token_kind;

enum {                           /* what an added token demands */
       QN_TOKEN_LSTRIP = 1,      /* swallows white space before it */
       QN_TOKEN_RSTRIP = 2,      /* and behind it */
       QN_TOKEN_SINGLE_WORD = 4, /* found only where no letter or digit touches it */
       QN_TOKEN_NORMALIZED = 8,  /* looked for in the normalized text */
       QN_TOKEN_OUTSIDE = 16,    /* the model does not know it: only found as a whole */
       QN_TOKEN_STAYS = 32,      /* a control token that a reader sees: QN_DETOKENIZE_SKIP_SPECIAL
                                  * leaves it in */
};

/* n texts one behind the other, each a little-endian u64 length and that many bytes: the layout of
 * a GGUF string array, so that a file's own bytes are read in place. */
typedef struct qn_texts {
    size_t n, n_bytes;
    const uint8_t *bytes;
} qn_texts;

enum { QN_VOCAB_MAX_EOG = 64 };

/* What a tokenizer is made from, whatever file it came from. Nothing of it is kept but rules. */
typedef struct qn_vocab_source {
    qn_str model;                /* a row of text/models.def: "gpt2", "llama" */
    qn_str pre;                  /* a row of text/pretokenizers.def; only byte-level BPE reads it */
    qn_texts tokens;             /* the text of id 0, 1, ... as the file spells it */
    const uint8_t *scores;       /* [n] little-endian f32 of any alignment, or NULL */
    bool scores_are_f64;         /* f64 instead */
    const uint8_t *kinds;        /* [n] little-endian i32, qn_token_kind; NULL: all normal */
    qn_texts merges;             /* "left right", best first */
    bool merges_are_pairs;       /* left, right, left, right, ... */
    const uint8_t *strips;       /* [n] QN_TOKEN_LSTRIP and so on, or NULL */
    qn_rules *rules;             /* what stands around the model, or NULL; the tokenizer takes it,
                                  * also when it fails */
    uint32_t bos, eos, unk, pad; /* QN_NO_TOKEN: not stated */
    size_t n_eog;                /* further ids that end a generation, */
    uint32_t eog[QN_VOCAB_MAX_EOG];         /* beside eos and those known by their text */
    int add_bos, add_eos, add_space_prefix; /* 0, 1, or -1: the model's default */
} qn_vocab_source;

/* A source with nothing stated. */
#define QN_VOCAB_SOURCE                                                                            \
    ((qn_vocab_source){.bos = QN_NO_TOKEN,                                                         \
                       .eos = QN_NO_TOKEN,                                                         \
                       .unk = QN_NO_TOKEN,                                                         \
                       .pad = QN_NO_TOKEN,                                                         \
                       .add_bos = -1,                                                              \
                       .add_eos = -1,                                                              \
                       .add_space_prefix = -1})

typedef struct qn_tokenizer_info {
    uint32_t n_tokens;
    uint32_t bos, eos, unk, pad; /* QN_NO_TOKEN: none */
    uint32_t n_unspelled; /* of the 256 bytes: those no token spells. Byte-level BPE leaves them
                           * out, as the reference does; others put unk */
    size_t n_eog;
    uint32_t eog[QN_VOCAB_MAX_EOG]; /* ascending: every id that ends a generation */
    bool add_bos, add_eos, add_space_prefix;
    const char *model, *pre; /* pre is "" where the model has none */
} qn_tokenizer_info;

typedef struct qn_ids { /* ids that grow; release with qn_ids_release */
    uint32_t *ids;
    size_t n, n_capacity;
    bool failed; /* an append found no memory; sticks until cleared */
} qn_ids;

void qn_ids_append(qn_ids *out, size_t n, const uint32_t *ids);
void qn_ids_clear(qn_ids *out); /* keeps the memory */
void qn_ids_release(qn_ids *out);

/* On QN_OK *t is released by qn_tokenizer_release (which takes NULL); on failure *t is NULL. */
qn_status qn_tokenizer_from_source(qn_tokenizer **t, const qn_vocab_source *source, qn_error *err);
qn_status qn_tokenizer_from_gguf(qn_tokenizer **t, const qn_gguf *g, qn_error *err);

/* From the text of a tokenizer.json, and those of the files beside it that state which tokens begin
 * and end a text: tokenizer_config.json and generation_config.json, each NULL where there is none.
 */
qn_status qn_tokenizer_from_json(qn_tokenizer **t, qn_str json, const qn_str *config,
                                 const qn_str *generation, qn_error *err);

/* From SentencePiece's tokenizer.model, and Mistral's tekken.json. */
qn_status qn_tokenizer_from_spm(qn_tokenizer **t, size_t n_bytes, const uint8_t *bytes,
                                qn_error *err);
qn_status qn_tokenizer_from_tekken(qn_tokenizer **t, qn_str json, qn_error *err);

/* tiktoken's lines of ranks, of which the published vocabularies are known. */
typedef struct qn_tiktoken_file {
    qn_str lines;
    const char *name;                  /* the file's own, without its folder, or NULL */
    const qn_str *config, *generation; /* as for tokenizer.json */
} qn_tiktoken_file;

qn_status qn_tokenizer_from_tiktoken(qn_tokenizer **t, const qn_tiktoken_file *file, qn_error *err);

/* From a file by what it holds, or from a directory that has one of the known names; the error
 * names the file. Not from GGUF. */
qn_status qn_tokenizer_open(qn_tokenizer **t, const char *path, qn_error *err);

/* Whether that path is for qn_tokenizer_open: a directory with a file of a known name, or a file
 * that is not GGUF. */
bool qn_tokenizer_is_at(const char *path);
void qn_tokenizer_release(qn_tokenizer *t);

/* Valid as long as the tokenizer. */
const qn_tokenizer_info *qn_tokenizer_about(const qn_tokenizer *t);

/* Bytes of memory the tokenizer holds, and those of a fresh scratch, for the plan. */
size_t qn_tokenizer_n_bytes(const qn_tokenizer *t);
size_t qn_tokenizer_scratch_n_bytes(void);

/* Working memory of one thread, for one tokenizer; close takes NULL. */
qn_status qn_tokenizer_scratch_open(qn_tokenizer_scratch **s, const qn_tokenizer *t, qn_error *err);
void qn_tokenizer_scratch_close(qn_tokenizer_scratch *s);

/* The bytes that an id stands for in a text (a control token: its name); NULL when there is no
 * such id. Not a C string. */
const uint8_t *qn_token_bytes(const qn_tokenizer *t, uint32_t id, size_t *n_bytes);

/* How a text spells a token that is found before the model runs; for others their bytes. The id is
 * one of the vocabulary. */
qn_str qn_token_name(const qn_tokenizer *t, uint32_t id);
qn_token_kind qn_token_kind_of(const qn_tokenizer *t, uint32_t id); /* UNUSED when no such id */
bool qn_token_ends(const qn_tokenizer *t, uint32_t id);             /* one of info.eog */

/* The id whose text is exactly that, of any kind, or QN_NO_TOKEN: how markers are looked up. */
uint32_t qn_token_named(const qn_tokenizer *t, size_t n_bytes, const void *text);

enum {
    QN_TOKENIZE_ADD_SPECIAL = 1,   /* put bos and eos where the model wants them */
    QN_TOKENIZE_PARSE_SPECIAL = 2, /* the text is trusted: spelled control tokens become ids */
};

/* Appends the ids of text to out. On failure out holds what it held before. */
qn_status qn_tokenize(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n_bytes,
                      const void *text, unsigned flags, qn_ids *out, qn_error *err);

typedef struct qn_text_part {
    const void *bytes;
    size_t n_bytes;
    bool parse_special; /* trusted: from the template, not from a user */
} qn_text_part;

/* The same for parts that make up one text. It is cut as one text (words may cross parts), but a
 * control token is found only where all its bytes lie in trusted parts. */
qn_status qn_tokenize_parts(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n_parts,
                            const qn_text_part *parts, unsigned flags, qn_ids *out, qn_error *err);

enum {
    QN_DETOKENIZE_SKIP_SPECIAL = 1, /* control and unknown tokens yield nothing */
    QN_DETOKENIZE_CONTINUES = 2,    /* not the start of a text: a dummy prefix space stays */
    QN_DETOKENIZE_REPLACE = 4,      /* what is not UTF-8 becomes U+FFFD, as Unicode recommends */
};

/* Appends the bytes of n ids; an id beyond the vocabulary is an error. */
qn_status qn_detokenize(const qn_tokenizer *t, size_t n, const uint32_t *ids, unsigned flags,
                        qn_buf *out, qn_error *err);

/* The same, id by id, for a stream: each push appends every character that is complete, as early as
 * that is known; flush appends what is left. Plain data, nothing to release. */
typedef struct qn_decoder {
    const qn_tokenizer *t;
    unsigned flags;
    bool at_start;
    bool owes_space; /* the last token ended a word: a space, if another follows */
    uint32_t last;   /* the id before, where the same one again says nothing */
    size_t n_held;   /* bytes that begin a character */
    uint8_t held[4];
} qn_decoder;

void qn_decoder_init(qn_decoder *d, const qn_tokenizer *t, unsigned flags);
qn_status qn_decoder_push(qn_decoder *d, uint32_t id, qn_buf *out, qn_error *err);
qn_status qn_decoder_flush(qn_decoder *d, qn_buf *out, qn_error *err);
