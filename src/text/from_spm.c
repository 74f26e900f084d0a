/* text/from_spm.c - a tokenizer from SentencePiece's tokenizer.model, a protocol buffer.
 *
 * Fields that matter: ModelProto.pieces (1), trainer_spec (2), normalizer_spec (3); of a piece its
 * text (1), score (2), type (3); of the trainer model_type (3), byte_fallback (35), the ids of unk,
 * bos, eos and pad (40 to 43), what unk decodes to (44); of the normalizer its rules (2),
 * add_dummy_prefix (3), remove_extra_whitespaces (4), escape_whitespaces (5). Source:
 * sentencepiece_model.proto. */
#include "base/alloc.h"
#include "base/reader.h"
#include "text/rules.h"
#include "text/vocab.h"

typedef struct field { /* one field of a message */
    uint32_t number, wire;
    uint64_t value;   /* of a number; a float's bits */
    qn_reader inside; /* of a text or message */
} field;

typedef struct reading {
    qn_buf tokens, kinds, scores;
    size_t n;
    uint64_t model_type;
    int64_t unk, bos, eos, pad;
    bool dummy_prefix, one_space, escapes;
    qn_str charsmap, unk_text;
} reading;

static uint64_t read_varint(qn_reader *r)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = qn_read_u8(r);
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80))
            return value;
    }
    r->failed = true;
    return 0;
}

/* The next field; false at the end and on failure. */
static bool next_field(qn_reader *r, field *f)
{
    if (qn_reader_left(r) == 0)
        return false;
    uint64_t tag = read_varint(r);
    *f = (field){.number = (uint32_t)(tag >> 3), .wire = tag & 7};
    if (f->wire == 0) {
        f->value = read_varint(r);
    } else if (f->wire == 1) {
        f->value = qn_read_u64(r);
    } else if (f->wire == 5) {
        f->value = qn_read_u32(r);
    } else if (f->wire == 2) {
        uint64_t n = read_varint(r);
        const uint8_t *bytes = qn_read_bytes(r, n);
        f->inside = (qn_reader){.bytes = bytes, .n_bytes = bytes ? (size_t)n : 0};
    } else {
        r->failed = true;
    }
    return !r->failed;
}

static void append_u32(qn_buf *list, uint32_t v)
{
    uint8_t bytes[] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    qn_buf_append(list, 4, bytes);
}

static qn_status read_piece(reading *x, qn_reader r, qn_error *err)
{
    qn_str text = {0};
    uint64_t kind = QN_TOKEN_NORMAL;
    uint32_t score = 0;
    for (field f; next_field(&r, &f);) {
        if (f.number == 1 && f.wire == 2)
            text = (qn_str){(const char *)f.inside.bytes, f.inside.n_bytes};
        else if (f.number == 2 && f.wire == 5)
            score = (uint32_t)f.value;
        else if (f.number == 3 && f.wire == 0)
            kind = f.value;
    }
    QN_FAIL_IF(r.failed || !text.bytes, err, QN_EFORMAT, "piece %zu is cut short or no piece",
               x->n);
    QN_FAIL_IF(kind < QN_TOKEN_NORMAL || kind > QN_TOKEN_BYTE, err, QN_EFORMAT,
               "piece %zu: no such type: %" PRIu64, x->n, kind);
    QN_FAIL_IF(x->n == qn_tokenizer_max.n_tokens, err, QN_ELIMIT, "more than %zu pieces",
               qn_tokenizer_max.n_tokens);
    append_u32(&x->tokens, (uint32_t)text.n_bytes);
    append_u32(&x->tokens, 0);
    qn_buf_append(&x->tokens, text.n_bytes, text.bytes);
    append_u32(&x->kinds, (uint32_t)kind);
    append_u32(&x->scores, score);
    x->n++;
    return QN_OK;
}

static void read_trainer(reading *x, qn_reader *r)
{
    for (field f; next_field(r, &f);) {
        int64_t id = (int32_t)(uint32_t)f.value;
        if (f.wire == 2 && f.number == 44)
            x->unk_text = (qn_str){(const char *)f.inside.bytes, f.inside.n_bytes};
        if (f.wire != 0)
            continue;
        switch (f.number) {
        case 3: x->model_type = f.value; break;
        case 40: x->unk = id; break;
        case 41: x->bos = id; break;
        case 42: x->eos = id; break;
        case 43: x->pad = id; break;
        default: break;
        }
    }
}

static void read_normalizer(reading *x, qn_reader *r)
{
    for (field f; next_field(r, &f);) {
        if (f.number == 2 && f.wire == 2)
            x->charsmap = (qn_str){(const char *)f.inside.bytes, f.inside.n_bytes};
        else if (f.number == 3 && f.wire == 0)
            x->dummy_prefix = f.value;
        else if (f.number == 4 && f.wire == 0)
            x->one_space = f.value;
        else if (f.number == 5 && f.wire == 0)
            x->escapes = f.value;
    }
}

static qn_status read_model(reading *x, size_t n_bytes, const uint8_t *bytes, qn_error *err)
{
    qn_reader r = {.bytes = bytes, .n_bytes = n_bytes};
    bool whole = true;
    for (field f; next_field(&r, &f);) {
        if (f.wire != 2)
            continue;
        if (f.number == 1)
            QN_TRY(read_piece(x, f.inside, err));
        else if (f.number == 2)
            read_trainer(x, &f.inside), whole &= !f.inside.failed;
        else if (f.number == 3)
            read_normalizer(x, &f.inside), whole &= !f.inside.failed;
    }
    QN_FAIL_IF(r.failed || !whole, err, QN_EFORMAT,
               "it is cut short, or no SentencePiece model; download the file again");
    QN_FAIL_IF(x->n == 0, err, QN_EFORMAT, "a SentencePiece model without pieces");
    QN_FAIL_IF(x->model_type != 1 && x->model_type != 2, err, QN_EUNSUPPORTED,
               "a SentencePiece model of type %" PRIu64 "; 1 (unigram) and 2 (bpe) are supported",
               x->model_type);
    QN_FAIL_IF(!x->escapes, err, QN_EUNSUPPORTED,
               "a SentencePiece model that does not escape spaces is not supported");
    QN_FAIL_IF(x->tokens.failed || x->kinds.failed || x->scores.failed, err, QN_ENOMEM,
               "no memory for %zu pieces", x->n);
    return QN_OK;
}

static qn_status make_rules(const reading *x, qn_rules *r, qn_error *err)
{
    r->has_marks = r->starts_once = r->is_single = true;
    r->unk_text = qn_str_of(" \u2047 ");
    r->joining = x->dummy_prefix || x->one_space ? QN_JOIN_STRIP : QN_JOIN_PLAIN;
    r->strips_each = x->one_space;
    if (x->unk_text.n_bytes) {
        r->unk_text.bytes = qn_region_copy(&r->memory, x->unk_text.n_bytes, x->unk_text.bytes);
        r->unk_text.n_bytes = x->unk_text.n_bytes;
        if (!r->unk_text.bytes)
            return qn_region_fail(&r->memory, "the text of the unknown token", err);
    }
    if (x->charsmap.n_bytes) {
        const char *own = qn_region_copy(&r->memory, x->charsmap.n_bytes, x->charsmap.bytes);
        if (!own)
            return qn_region_fail(&r->memory, "the precompiled character map", err);
        qn_normal *step = &r->normals[r->n_normals++];
        step->kind = QN_CHARSMAP_SPM;
        QN_TRY(qn_charsmap_read(&step->map, x->charsmap.n_bytes, (const uint8_t *)own, err));
    }
    if (x->one_space)
        r->normals[r->n_normals++].kind = QN_ONE_SPACE;
    return QN_OK;
}

static uint32_t id_or_none(int64_t id)
{
    return id < 0 ? QN_NO_TOKEN : (uint32_t)id;
}

static qn_status build(qn_tokenizer **t, const reading *x, qn_error *err)
{
    qn_vocab_source source = QN_VOCAB_SOURCE;
    source.model = qn_str_of(x->model_type == 1 ? "t5" : "llama");
    source.tokens = (qn_texts){x->n, x->tokens.n_bytes, (const uint8_t *)x->tokens.bytes};
    source.kinds = (const uint8_t *)x->kinds.bytes;
    source.scores = (const uint8_t *)x->scores.bytes;
    source.unk = id_or_none(x->unk), source.bos = id_or_none(x->bos);
    source.eos = id_or_none(x->eos), source.pad = id_or_none(x->pad);
    source.add_space_prefix = x->dummy_prefix;
    source.add_bos = x->model_type == 2 && x->bos >= 0; /* what the families that use it add */
    source.add_eos = x->model_type == 1 && x->eos >= 0;
    source.rules = qn_rules_new();
    QN_FAIL_IF(!source.rules, err, QN_ENOMEM, "no memory for a tokenizer");
    qn_status st = make_rules(x, source.rules, err);
    if (st == QN_OK)
        return qn_tokenizer_from_source(t, &source, err);
    qn_rules_release(source.rules);
    return st;
}

qn_status qn_tokenizer_from_spm(qn_tokenizer **t, size_t n_bytes, const uint8_t *bytes,
                                qn_error *err)
{
    reading x = {.model_type = 1,
                 .unk = 0,
                 .bos = 1,
                 .eos = 2,
                 .pad = -1,
                 .dummy_prefix = true,
                 .one_space = true,
                 .escapes = true};
    *t = NULL;
    qn_status st = read_model(&x, n_bytes, bytes, err);
    if (st == QN_OK)
        st = build(t, &x, err);
    qn_buf_release(&x.tokens);
    qn_buf_release(&x.kinds);
    qn_buf_release(&x.scores);
    return st;
}
