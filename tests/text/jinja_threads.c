/* tests/text/jinja_threads.c - threads that render one template at once. */
#include "tests/support/test.h"
#include "tests/text/everything.h"

#include "base/alloc.h"
#include "text/jinja.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 1721997296 }; /* 2024-07-26 12:34:56 */

typedef struct shared {
    const qn_template *t;
    bool right;
} shared;

static void *render_often(void *argument)
{
    shared *s = argument;
    qn_template_input in = {.variables = qn_str_of(everything_needs), .now_epoch = NOW};
    char *first = NULL;
    s->right = true;
    for (size_t i = 0; i < 50; i++) {
        qn_rendered out;
        qn_error err = {0};
        s->right &= qn_template_render(s->t, &in, &out, &err) == QN_OK;
        s->right &= !first || strcmp(first, out.text.bytes) == 0;
        first = first ? first : strdup(out.text.bytes);
        qn_rendered_release(&out);
    }
    free(first);
    return NULL;
}

static void threads_share_a_template(void **state)
{
    qn_template *t;
    qn_error err = {0};
    pthread_t thread[4];
    shared s[4];
    (void)state;
    assert_int_equal(qn_template_parse(&t, sizeof everything - 1, everything, NULL, &err), QN_OK);
    for (size_t i = 0; i < 4; i++) {
        s[i] = (shared){.t = t};
        assert_int_equal(pthread_create(&thread[i], NULL, render_often, &s[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
        assert_true(s[i].right);
    }
    qn_template_release(t);
    assert_int_equal(qn_alloc_live(), 0);
}

QN_TEST_MAIN(cmocka_unit_test(threads_share_a_template))
