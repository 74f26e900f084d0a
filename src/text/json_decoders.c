/* text/json_decoders.c - the decoders of a tokenizer.json become rules: steps on the text of each
 * token, then one way in which texts join. Source: Hugging Face tokenizers 0.23 (src/decoders). */
#include "text/json_part.h"

static qn_status join_as(qn_json_reading *r, qn_joining joining, qn_error *err)
{
    QN_FAIL_IF(r->rules->joining != QN_JOIN_PLAIN, err, QN_EUNSUPPORTED,
               "two decoders that both join words are not supported");
    r->rules->joining = joining;
    return QN_OK;
}

/* A step on the text of each token, which must still be alone and not yet bytes. */
static qn_status add_shown(qn_json_reading *r, qn_normal step, qn_error *err)
{
    qn_rules *x = r->rules;
    QN_FAIL_IF(r->fuses || r->reads_bytes || r->joins_bytes || x->joining != QN_JOIN_PLAIN, err,
               QN_EUNSUPPORTED, "a decoder that changes texts behind one that joins them");
    QN_FAIL_IF(x->n_shows == QN_RULES_STEPS, err, QN_ELIMIT, "more than %d steps of decoding",
               QN_RULES_STEPS);
    x->shows[x->n_shows++] = step;
    return QN_OK;
}

static qn_status show_as(qn_json_reading *r, const char *pattern, const char *content,
                         qn_error *err)
{
    return add_shown(r,
                     (qn_normal){.kind = QN_REPLACE,
                                 .pattern = qn_str_of(pattern),
                                 .content = qn_str_of(content)},
                     err);
}

static qn_status read_decoder_replace(qn_json_reading *r, qn_json_part *part, qn_error *err)
{
    qn_normal step = {.kind = QN_REPLACE, .content = part->content};
    bool is_regex = false;
    QN_TRY(qn_json_part_pattern(r, part->pattern, &step.pattern, &is_regex, err));
    if (!is_regex && qn_str_is(step.pattern, QN_MARK) && qn_str_is(part->content, " ")) {
        QN_FAIL_IF(r->rules->n_shows, err, QN_EUNSUPPORTED,
                   "a decoder that changes texts before U+2581 is a space");
        r->unmarks = true;
        return QN_OK;
    }
    QN_TRY(qn_json_part_copy(r, &step.content, err));
    QN_TRY(add_shown(r, step, err));
    qn_normal *own = &r->rules->shows[r->rules->n_shows - 1];
    if (!is_regex)
        return QN_OK;
    own->kind = QN_REPLACE_ALL;
    return qn_regex_compile(&own->regex, own->pattern, err);
}

/* The same at the start of the whole text, else what each token begins and ends with. */
static qn_status read_decoder_strip(qn_json_reading *r, qn_json_part *part, qn_error *err)
{
    qn_normal step = {.kind = QN_STRIP_CHARS,
                      .content = part->content,
                      .n_first = (size_t)part->start,
                      .n_last = (size_t)part->stop};
    if (!part->start && !part->stop)
        return QN_OK;
    if (r->fuses && qn_str_is(part->content, " ") && part->start == 1 && !part->stop)
        return join_as(r, QN_JOIN_STRIP, err);
    QN_FAIL_IF(!part->content.n_bytes, err, QN_EFORMAT, "a decoder Strip without its content");
    QN_TRY(qn_json_part_copy(r, &step.content, err));
    return add_shown(r, step, err);
}

/* The padding goes, and where it cleans up, spaces before punctuation and the word delimiter. */
static qn_status read_ctc(qn_json_reading *r, qn_json_part *part, qn_error *err)
{
    static const char *const cleaned[][2] = {
        {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
        {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
        {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
    qn_normal pad = {.kind = QN_REPLACE, .pattern = part->pad_token},
              delimiter = {
                  .kind = QN_REPLACE, .pattern = part->delimiter_token, .content = qn_str_of(" ")};
    QN_TRY(qn_json_part_copy(r, &pad.pattern, err));
    QN_TRY(qn_json_part_copy(r, &delimiter.pattern, err));
    if (pad.pattern.n_bytes)
        QN_TRY(add_shown(r, pad, err));
    for (size_t i = 0; part->cleanup && i < QN_COUNT(cleaned); i++)
        QN_TRY(show_as(r, cleaned[i][0], cleaned[i][1], err));
    if (part->cleanup && delimiter.pattern.n_bytes)
        QN_TRY(add_shown(r, delimiter, err));
    return join_as(r, QN_JOIN_CTC, err);
}

static qn_status read_decoder_marks(qn_json_reading *r, const qn_json_part *part, qn_error *err)
{
    bool never = !part->add_prefix_space || qn_str_is(part->prepend_scheme, "never");
    QN_FAIL_IF(!qn_str_is(part->replacement, QN_MARK), err, QN_EUNSUPPORTED,
               "Metaspace with another character than U+2581 is not supported");
    QN_FAIL_IF(r->rules->n_shows, err, QN_EUNSUPPORTED,
               "a decoder that changes texts before U+2581 is a space");
    r->unmarks = true;
    return never ? QN_OK : join_as(r, QN_JOIN_METASPACE, err);
}

qn_status qn_json_decoder_part(qn_json_reading *r, qn_str text, size_t depth, qn_error *err)
{
    qn_json_part part;
    QN_TRY(qn_json_part_read(r, text, &part, err));
    r->has_decoder = true;
    if (qn_str_is(part.type, "Sequence"))
        return qn_json_part_list(r, part.decoders, depth, qn_json_decoder_part, err);
    r->fuses |= qn_str_is(part.type, "Fuse");
    if (qn_str_is(part.type, "Fuse"))
        return QN_OK;
    if (qn_str_is(part.type, "Replace"))
        return read_decoder_replace(r, &part, err);
    r->reads_bytes |= qn_str_is(part.type, "ByteFallback");
    r->joins_bytes |= qn_str_is(part.type, "ByteLevel");
    if (qn_str_is(part.type, "ByteFallback") || qn_str_is(part.type, "ByteLevel"))
        return QN_OK;
    if (qn_str_is(part.type, "Strip"))
        return read_decoder_strip(r, &part, err);
    if (qn_str_is(part.type, "CTC"))
        return read_ctc(r, &part, err);
    if (qn_str_is(part.type, "Metaspace"))
        return read_decoder_marks(r, &part, err);
    if (qn_str_is(part.type, "WordPiece")) {
        r->rules->join_text = part.prefix, r->rules->cleans = part.cleanup;
        QN_TRY(qn_json_part_copy(r, &r->rules->join_text, err));
        return join_as(r, QN_JOIN_WORDPIECE, err);
    }
    if (!qn_str_is(part.type, "BPEDecoder"))
        return qn_json_part_unsupported("decoder", part.type, err);
    r->rules->join_text = part.suffix;
    QN_TRY(qn_json_part_copy(r, &r->rules->join_text, err));
    return join_as(r, QN_JOIN_SUFFIX, err);
}
