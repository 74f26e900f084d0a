/* bench/make_model.c - writes a random-weight model of a published shape, for benches.
 *
 *     make_model SHAPE ENCODING FILE [LAYERS] */
#include "tests/support/random_model.h"

#include <stdio.h>
#include <stdlib.h>

static int usage(void)
{
    fprintf(stderr, "make_model SHAPE ENCODING FILE [LAYERS]\n"
                    "ENCODING: Q8_0, Q4_0, BF16 ... or Q4_K_M\nSHAPE:");
    for (size_t i = 0; qn_model_shape_at(i); i++)
        fprintf(stderr, " %s", qn_model_shape_at(i)->name);
    fprintf(stderr, "\n");
    return 2;
}

int main(int argc, char **argv)
{
    const qn_model_shape *s = argc > 3 ? qn_model_shape_named(argv[1]) : NULL;
    unsigned long n_layers = argc > 4 ? strtoul(argv[4], NULL, 10) : 0;
    if (!s || !qn_random_model_knows(argv[2]) || n_layers > 256)
        return usage();
    if (qn_random_model_write(argv[3], s, argv[2], (uint32_t)n_layers))
        return 0;
    perror(argv[3]);
    return 1;
}
