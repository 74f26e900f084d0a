/* engine/mask.h - which tokens of a prompt the model said: those of {% generation %} blocks.
 *
 * Source: transformers' apply_chat_template with return_assistant_tokens_mask: a token counts when
 * a byte of it lies inside. */
#pragma once

#include "text/jinja.h"
#include "text/tokenizer.h"

/* Whether anything of the rendering lies in such a block. */
bool qn_has_generation(const qn_rendered *rendered);

/* Sets said[i] for each of the ids that qn_chat_ids made of the rendering. False where they cannot
 * be laid against the text, since the tokenizer has changed it; said then means nothing. */
bool qn_generation_mask(const qn_tokenizer *t, const qn_rendered *rendered, size_t n,
                        const uint32_t ids[], bool said[]);
