/* cli/nearest.h - the word that somebody probably meant. */
#pragma once

#include "base/types.h"

enum { QN_NEAREST_WORD = 128 }; /* longer words are near to nothing */

/* Single characters to insert, remove, replace or swap with their neighbour to make b out of a. */
size_t qn_edit_distance(const char *a, const char *b);

/* Whether a distance is small enough for a word to be a slip of the other. */
bool qn_is_near(const char *word, size_t distance);
