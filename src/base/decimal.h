/* base/decimal.h - decimal text to double and back, exact and the same in every locale.
 *
 * Invariant: what from_f64 writes, to_f64 reads back to the same bits. */
#pragma once

#include "base/types.h"

/* The double nearest to the number (ties to even); false when it is beyond the largest double.
 * The text is [-] digits [. digits] [e|E [+-] digits], checked by the caller. */
bool qn_decimal_to_f64(size_t n_bytes, const char *text, double *value);

/* The shortest of 15 to 17 digits that reads back alike, as %g writes it; value is finite. Returns
 * the length; a zero byte follows. */
enum { QN_DECIMAL = 32 };
size_t qn_decimal_from_f64(double value, char out[QN_DECIMAL]);
