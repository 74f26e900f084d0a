/* cli/ids.h - token ids that a user wrote: a JSON array, {"ids":[...]}, or numbers between spaces
 * and commas. */
#pragma once

#include "base/str.h"
#include "text/tokenizer.h"

/* Appends them; a sentence says which is none. */
qn_status qn_read_ids(qn_str text, qn_ids *ids, qn_error *err);
