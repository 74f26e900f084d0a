/* text/vocab.h - inside a tokenizer: its tables, the kinds of model, the scratch. Not for callers.
 *
 * Invariant: tables lie in one block, sized by the same lay_out that takes them, and never change
 * after qn_tokenizer_from_source. Token texts are kept as the bytes they stand for: byte-level
 * characters decoded, U+2581 of SentencePiece as the space it means. */
#pragma once

#include <string.h>

#include "base/arena.h"
#include "base/reader.h"
#include "text/pretokenize.h"
#include "text/rules.h"
#include "text/tokenizer.h"
#include "text/trie.h"

#define QN_NO_RANK UINT32_MAX

typedef struct qn_tokenizer_limits {
    size_t n_tokens, n_merges, n_token_bytes, n_special_bytes, n_text_bytes, n_probes;
} qn_tokenizer_limits;
extern const qn_tokenizer_limits qn_tokenizer_max;

typedef struct qn_pair { /* a slot of the merge table; zeros: empty, whose rank is QN_NO_RANK */
    uint32_t left, right, rank_and_1, id;
} qn_pair;

/* A kind of tokenizer: a row of models.def. */
typedef struct qn_text_model {
    const char *name;
    uint32_t bos, eos, unk; /* where the file states none */
    bool add_bos, add_eos, add_space_prefix;
    bool needs_pre, needs_scores, has_merges;
    bool has_ranks;    /* ids ascend by rank, and a piece that is a token is not merged */
    bool has_scores;   /* that add up: t->scores */
    bool takes_merges; /* instead of scores, where the rules come from tokenizer.json */
    bool has_marks;    /* U+2581 in a text is a space */
    bool drops_bytes;  /* bytes without a token are left out, as the reference does */
    /* The bytes that a token's text stands for; at most as many as the text has. */
    size_t (*spell)(const qn_tokenizer *t, uint8_t *bytes, qn_token_kind kind, size_t n,
                    const uint8_t *text);
    /* After vocabulary and special tokens are in place. */
    qn_status (*build)(qn_tokenizer *t, const qn_vocab_source *source, qn_error *err);
    /* Appends the ids of a word that is not remembered. */
    qn_status (*word)(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n, const uint8_t *word,
                      qn_ids *out, qn_error *err);
    /* BPE: the first symbol of a piece: its id (or QN_NO_TOKEN) and length. */
    size_t (*symbol)(const qn_tokenizer *t, const uint8_t *p, const uint8_t *end, uint32_t *id);
    /* Appends the ids of a stretch between special tokens, which the model cuts by itself. */
    qn_status (*encode)(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n,
                        const uint8_t *text, qn_ids *out, qn_error *err);
    /* Appends the ids of a piece that the rules have cut; no byte at or behind end is read. */
    qn_status (*piece)(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n,
                       const uint8_t *piece, const uint8_t *end, qn_ids *out, qn_error *err);
} qn_text_model;

#define X(name, model) extern const qn_text_model model;
#include "text/models.def"
#undef X

typedef struct qn_special_set {
    uint32_t *ids; /* ascending by name */
    size_t n;
    uint32_t from[257];                         /* by first byte */
    bool first_of_any[256], first_of_user[256]; /* a special, a user token begins so */
} qn_special_set;

typedef struct qn_special_name {
    uint32_t id;
    qn_str text;
} qn_special_name;

struct qn_tokenizer {
    qn_arena arena;
    qn_tokenizer_info info;
    const qn_text_model *model;
    const qn_pretokenizer *pre;
    qn_pretokenizer own_pre; /* made of the rules' stages */
    qn_rules *rules;         /* or NULL; the tokenizer's own */
    const qn_rules *hf;      /* the same where they come from a tokenizer.json, which states all */
    bool ignore_merges, drops_bytes;
    uint32_t *start; /* [n_tokens + 1]: id's bytes are bytes[start[id]] .. bytes[start[id + 1]] */
    uint8_t *bytes, *kinds, *strips;
    uint64_t *slots;             /* bytes -> id: high half of the hash, id + 1; 0 is empty */
    size_t slot_mask, n_longest; /* of the tokens a merge may yield */
    bool has_twins;              /* some of them have the same bytes */
    uint32_t *ranks;             /* [n_tokens] or NULL: smaller merges first */
    uint32_t byte_id[256];       /* a byte that is spelled out */
    uint32_t symbol_id[256];     /* a symbol of one byte, before merging */
    qn_pair *pairs;              /* of byte-level BPE */
    size_t pair_mask;
    qn_trie trie;   /* of what the model may produce, where it looks for the longest or best */
    double *scores; /* [n_tokens], of Unigram */
    double unk_score;
    uint8_t *glue; /* [65536], of SentencePiece: not 0 at a * 256 + b: bytes a, b in a row may be
                    * inside a token, so text is not cut between them */
    uint32_t *special; /* control, unknown and user tokens */
    size_t n_special, n_special_room;
    qn_special_set sets[2]; /* those looked for in the text, and in the normalized text */
    qn_special_name *names; /* ascending by id: tokens whose name is not what they stand for */
    size_t n_names;
    const qn_str *shown; /* [n_tokens], where a decoder changes each text, or NULL */
    bool has_spaces;     /* a user token begins with a space, and U+2581 counts as one */
};

enum { QN_WORD_BYTES = 24, QN_WORD_IDS = 8, QN_N_WORDS = 1 << 14 };

typedef struct qn_word { /* a remembered piece; n_bytes 0: empty */
    uint64_t key[QN_WORD_BYTES / 8];
    uint32_t ids[QN_WORD_IDS];
    uint8_t n_bytes, n_ids;
} qn_word;

typedef struct qn_symbol { /* of a piece that is being merged */
    uint32_t prev, next, start, id;
    uint32_t rank, merged; /* of this and the next one; QN_NO_RANK: they do not merge */
} qn_symbol;

typedef struct qn_node { /* the best way to a place in a word */
    double score;
    uint32_t from, id; /* the last token on it; from UINT32_MAX: there is none yet */
    uint32_t next;     /* on the best way to the end */
} qn_node;

struct qn_tokenizer_scratch {
    const qn_tokenizer *t;
    qn_arena arena;
    qn_word *words; /* [QN_N_WORDS], in pairs found by hash, the fresher one first */
    qn_symbol *symbols;
    uint64_t *heap;
    uint8_t *joined, *spaced;
    qn_node *nodes; /* of Unigram, one for each byte of the word and one more */
    qn_rules_scratch rules;
    bool at_start;             /* the stretch at hand begins the text */
    bool unknown, had_unknown; /* the last id, some id of the piece, is the unknown token */
    size_t n_symbols, n_heap, n_joined, n_spaced, n_nodes; /* what there is room for */
};

static inline uint64_t qn_load_u64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* The next text of a list, in place, without a call for each; NULL where the list is too short. */
static inline const char *qn_text_next(qn_reader *r, size_t *n)
{
    const uint8_t *p = r->bytes + r->at;
    uint64_t length = r->n_bytes - r->at < 8 ? UINT64_MAX : qn_load_u64(p);
    *n = 0;
    if (r->n_bytes - r->at < 8 || length > r->n_bytes - r->at - 8) {
        r->failed = true;
        return NULL;
    }
    r->at += 8 + (size_t)length;
    *n = (size_t)length;
    return (const char *)p + 8;
}

static inline uint64_t qn_text_mix(uint64_t h)
{
    h *= 0x9E3779B97F4A7C15u;
    h ^= h >> 32;
    h *= 0xD1B54A32D192ED03u;
    return h ^ h >> 29;
}

static inline uint64_t qn_load_few(size_t n, const uint8_t *p) /* n from 1 to 8, no byte beyond */
{
    uint32_t low = p[0], high = p[n - 1];
    if (n < 4)
        return low | (uint64_t)p[n / 2] << 8 | (uint64_t)high << 16;
    memcpy(&low, p, 4);
    memcpy(&high, p + n - 4, 4);
    return low | (uint64_t)high << 32;
}

static inline uint64_t qn_text_hash(size_t n, const uint8_t *p) /* n at least 1 */
{
    uint64_t h = n;
    for (; n > 8; n -= 8, p += 8)
        h = qn_text_mix(h ^ qn_load_u64(p));
    return qn_text_mix(h * 0x9E3779B97F4A7C15u ^ qn_load_few(n, p));
}

/* The id with exactly these bytes that a model may produce, or QN_NO_TOKEN. */
uint32_t qn_vocab_find(const qn_tokenizer *t, size_t n, const uint8_t *bytes);

/* What a model may put out for plain text. */
bool qn_vocab_produces(const qn_tokenizer *t, uint32_t id);

/* Whether id is a token with these bytes that a model may produce. */
bool qn_vocab_is(const qn_tokenizer *t, uint32_t id, size_t n, const uint8_t *bytes);

/* The same as find where the hash is at hand; n at least 1. */
uint32_t qn_vocab_find_hashed(const qn_tokenizer *t, uint64_t h, size_t n, const uint8_t *bytes);

/* Has the memory that a find of these bytes reads first brought near. */
static inline void qn_vocab_ask(const qn_tokenizer *t, size_t n, const uint8_t *bytes)
{
    if (n)
        __builtin_prefetch(&t->slots[(size_t)qn_text_hash(n, bytes) & t->slot_mask]);
}

/* Takes every table from the arena (or counts them). */
bool qn_vocab_lay_out(qn_tokenizer *t, qn_arena *a, const qn_vocab_source *source);

/* Fills texts, kinds, the hash, byte ids and special tokens. */
qn_status qn_vocab_build(qn_tokenizer *t, const qn_vocab_source *source, qn_error *err);

/* Orders the special tokens; the longest one of a set at p that fits, and its bytes in the text, or
 * QN_NO_TOKEN: control tokens only where they end by trusted. */
qn_status qn_special_build(qn_tokenizer *t, qn_error *err);
uint32_t qn_special_find(const qn_tokenizer *t, const qn_special_set *set, const uint8_t *p,
                         const uint8_t *end, const uint8_t *trusted, size_t *n_bytes);

/* Notes a name, normalized where the token wants that; ids ascend. */
qn_status qn_special_note(qn_tokenizer *t, uint32_t id, qn_str name, qn_error *err);

/* Reads the merges of a byte-level or character BPE into t->pairs. */
qn_status qn_merges_read(qn_tokenizer *t, const qn_vocab_source *source, qn_error *err);

/* U+2581 as spaces, and one before the text where the model wants that: *n bytes at *text, which
 * may then lie in s. */
qn_status qn_spaced(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t *n, const uint8_t **text,
                    qn_error *err);

/* A token's text as bytes: U+2581 as a space, <0xXX> as a byte. */
size_t qn_spell_marked(const qn_tokenizer *t, uint8_t *bytes, qn_token_kind kind, size_t n,
                       const uint8_t *text);

/* Appends what stands for bytes that no token spells: byte tokens, else the unknown one. */
qn_status qn_spell_unknown(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n,
                           const uint8_t *bytes, qn_ids *out, qn_error *err);

/* Makes t->shown by the rules' steps, where there are any; after everything else. */
qn_status qn_shown_build(qn_tokenizer *t, qn_error *err);

/* Notes the byte tokens. */
void qn_byte_ids(qn_tokenizer *t);

/* A word of BPE: merged from its symbols. */
qn_status qn_merge_word(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n,
                        const uint8_t *word, qn_ids *out, qn_error *err);

/* Appends the ids of one piece: remembered, or found by the model. */
qn_status qn_merge_piece(const qn_tokenizer *t, qn_tokenizer_scratch *s, size_t n,
                         const uint8_t *piece, const uint8_t *end, qn_ids *out, qn_error *err);

/* Room for n things of size bytes at *p, which has room for *n_room. */
qn_status qn_scratch_room(void **p, size_t *n_room, size_t n, size_t size, qn_error *err);
