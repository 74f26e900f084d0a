/* tests/text/tokenizer_threads.c - threads that encode with one tokenizer at once. */
#include "tests/support/test.h"
#include "tests/support/vocab_file.h"

#include "base/alloc.h"

#include <pthread.h>

typedef struct shared {
    const qn_tokenizer *t;
    size_t n; /* ids of all texts */
} shared;

static void *encode_often(void *argument)
{
    static const char text[] = "the mill grinds the grain 12345 <tool> \xE4\xB8\xAD\xE6\x96\x87";
    shared *to = argument;
    qn_tokenizer_scratch *s;
    qn_error err;
    qn_ids ids = {0};
    if (qn_tokenizer_scratch_open(&s, to->t, &err) != QN_OK)
        return NULL;
    for (size_t i = 0; i < 500; i++) {
        qn_ids_clear(&ids);
        if (qn_tokenize(to->t, s, sizeof text - 1 - i % 20, text, 0, &ids, &err) == QN_OK)
            to->n += ids.n;
    }
    qn_ids_release(&ids);
    qn_tokenizer_scratch_close(s);
    return NULL;
}

static void threads_share_a_tokenizer(void **state)
{
    (void)state;
    qn_tokenizer *t = qn_test_vocab_open_as("tests/fixtures/text/bpe.vocab", NULL);
    pthread_t thread[4];
    shared s[4];
    for (size_t i = 0; i < 4; i++) {
        s[i] = (shared){.t = t};
        assert_int_equal(pthread_create(&thread[i], NULL, encode_often, &s[i]), 0);
    }
    for (size_t i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    for (size_t i = 0; i < 4; i++)
        assert_true(s[i].n > 0 && s[i].n == s[0].n);
    qn_tokenizer_release(t);
    assert_int_equal(qn_alloc_live(), 0);
}

QN_TEST_MAIN(cmocka_unit_test(threads_share_a_tokenizer))
