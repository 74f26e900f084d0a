/* model/families.c - looks a family up. */
#include "model/families.h"

#include <string.h>

// clang-format off
static const qn_family *const families[] = {
#define X(family) &family,
#include "model/families.def"
#undef X
};
// clang-format on

const qn_family *qn_family_at(size_t i)
{
    return i < QN_COUNT(families) ? families[i] : NULL;
}

const qn_family *qn_family_of_gguf(const char *arch)
{
    for (size_t i = 0; i < QN_COUNT(families); i++)
        if (strcmp(families[i]->gguf_arch, arch) == 0)
            return families[i];
    return NULL;
}
