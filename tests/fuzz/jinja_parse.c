/* tests/fuzz/jinja_parse.c - any bytes as a chat template. */
#include "base/alloc.h"
#include "text/jinja.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    qn_template *t;
    qn_error err = {0};
    unsigned line = 0;
    size_t n_live = qn_alloc_live();
    if (qn_template_parse(&t, n_bytes, (const char *)bytes, &line, &err) == QN_OK) {
        qn_template_release(t);
    } else if (t || !err.text[0] || err.status == QN_OK) {
        abort();
    }
    if (qn_alloc_live() != n_live)
        abort();
    return 0;
}
