/* cli/models.h - what a user may write for MODEL, and the file that it means.
 *
 * A file; a directory that holds one model; or a name in the model cache,
 * ${QUERN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/quern}/models/NAME.gguf. */
#pragma once

#include "base/status.h"

enum { QN_MODEL_PATH = 4096 };

/* Writes the path of the file. QN_ENOTFOUND names what comes near. */
qn_status qn_model_find(const char *model, char path[QN_MODEL_PATH], qn_error *err);
