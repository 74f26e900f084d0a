/* model/families.h - the families there are, one declaration a row of families.def. */
#pragma once

#include "model/spec.h"

// clang-format off
#define X(family) extern const qn_family family;
#include "model/families.def"
#undef X
// clang-format on
