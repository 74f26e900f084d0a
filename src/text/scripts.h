/* text/scripts.h - scripts as Hugging Face's pre-tokenizer UnicodeScripts knows them. */
#pragma once

#include "base/types.h"

/* The number of a character's script; 0: of none, as spaces and what was not assigned. */
uint32_t qn_script_of(uint32_t code);
