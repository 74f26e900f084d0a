/* cli/nearest.c - optimal string alignment distance, three rows at a time. */
#include "cli/nearest.h"

#include <string.h>

static size_t step(const char *a, const char *b, size_t i, size_t j,
                   size_t row[3][QN_NEAREST_WORD + 1])
{
    size_t d = row[1][j - 1] + (a[i - 1] != b[j - 1]);
    d = QN_MIN(d, row[1][j] + 1);
    d = QN_MIN(d, row[2][j - 1] + 1);
    if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d = QN_MIN(d, row[0][j - 2] + 1);
    return d;
}

size_t qn_edit_distance(const char *a, const char *b)
{
    size_t n_a = strlen(a), n_b = strlen(b);
    if (n_a > QN_NEAREST_WORD || n_b > QN_NEAREST_WORD)
        return QN_MAX(n_a, n_b);
    size_t row[3][QN_NEAREST_WORD + 1] = {{0}}; /* of i - 2, i - 1 and i */
    for (size_t j = 0; j <= n_b; j++)
        row[2][j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        memmove(row[0], row[1], 2 * sizeof row[0]);
        row[2][0] = i;
        for (size_t j = 1; j <= n_b; j++)
            row[2][j] = step(a, b, i, j, row);
    }
    return row[2][n_b];
}

bool qn_is_near(const char *word, size_t distance)
{
    return distance <= 1 + strlen(word) / 4;
}
