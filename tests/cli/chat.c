/* tests/cli/chat.c - a conversation on a terminal: turns, /clear, what does not fit, interrupts,
 * and the ways to end. */
#include "tests/support/program.h"
#include "tests/support/support.h"
#include "tests/support/test.h"
#include "tests/support/tiny_chat.h"

#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

typedef struct terminal {
    pid_t pid;
    int fd;
    size_t n;
    char text[1 << 16]; /* what came since the last expect */
} terminal;

static void start(terminal *t, const char *system)
{
    struct winsize size = {.ws_row = 24, .ws_col = 200};
    const char *m = qn_test_tiny_chat("tiny.gguf", &(qn_tiny_chat){0});
    const char *program = qn_program_path();
    *t = (terminal){0};
    alarm(100); /* a program that waits for ever ends the test */
    t->pid = forkpty(&t->fd, NULL, NULL, &size);
    assert_true(t->pid >= 0);
    if (t->pid > 0)
        return;
    setenv("TERM", "dumb", 1);
    setenv("HOME", "/nonexistent", 1);
    execl(program, "quern", "run", m, "--temp", "0", "-n", "8", "--ignore-end", "--stats",
          system ? "--system" : NULL, system, NULL);
    _exit(127);
}

/* Reads until the words are there; then forgets what came up to their end. */
static void expect(terminal *t, const char *words)
{
    char *at;
    while (!(at = memmem(t->text, t->n, words, strlen(words)))) {
        ssize_t n = t->n < sizeof t->text ? read(t->fd, t->text + t->n, sizeof t->text - t->n) : 0;
        if (n <= 0)
            fail_msg("'%s' did not come: %.*s", words, (int)t->n, t->text);
        t->n += (size_t)n;
    }
    at += strlen(words);
    t->n -= (size_t)(at - t->text);
    memmove(t->text, at, t->n);
}

/* Whether the terminal still gathers lines itself: the editor shows its prompt before it ends
 * that, and an end of input typed between them is lost. */
static bool gathers_lines(const terminal *t)
{
    struct termios mode;
    assert_int_equal(tcgetattr(t->fd, &mode), 0);
    return mode.c_lflag & ICANON;
}

static void say(terminal *t, const char *line)
{
    expect(t, "> ");
    while (gathers_lines(t))
        sched_yield();
    assert_int_equal(write(t->fd, line, strlen(line)), strlen(line));
}

static void expect_end(terminal *t, int status)
{
    char rest[256];
    int s;
    while (read(t->fd, rest, sizeof rest) > 0)
        ;
    assert_int_equal(waitpid(t->pid, &s, 0), t->pid);
    assert_int_equal(s, status);
    close(t->fd);
}

static void turns_add_up_until_cleared(void **state)
{
    (void)state;
    terminal t;
    start(&t, NULL);
    expect(&t, "/clear begins");
    say(&t, "hi\n");
    expect(&t, "quern: 22 prompt tokens");
    say(&t, "\n"); /* says nothing */
    say(&t, "yo\n");
    expect(&t, "quern: 53 prompt tokens"); /* 22, the 8 that were sampled, 23 of the new turn */
    say(&t, "yo\n");
    expect(&t, "quern: 84 prompt tokens (0 cached)");
    say(&t, "yo\n");
    expect(&t, "quern: 115 prompt tokens (64 cached)");
    say(&t, "/clear\n");
    say(&t, "hi\n");
    expect(&t, "quern: 22 prompt tokens");
    say(&t, "/bye\n");
    expect_end(&t, 0);
}

static void a_system_message_stays_after_clearing(void **state)
{
    (void)state;
    terminal t;
    start(&t, "be");
    say(&t, "hi\n");
    expect(&t, "quern: 34 prompt tokens");
    say(&t, "/clear\n");
    say(&t, "hi\n");
    expect(&t, "quern: 34 prompt tokens");
    expect(&t, "finished: length");
    say(&t, "\x04"); /* the end of input */
    expect_end(&t, 0);
}

static void a_message_that_does_not_fit_is_taken_back(void **state)
{
    (void)state;
    char line[300];
    terminal t;
    memset(line, 'x', sizeof line);
    line[sizeof line - 2] = '\n';
    line[sizeof line - 1] = 0;
    start(&t, NULL);
    say(&t, line);
    expect(&t, "more than the context of 256");
    say(&t, "hi\n");
    expect(&t, "quern: 22 prompt tokens");
    say(&t, "/bye\n");
    expect_end(&t, 0);
}

static void an_interrupt_at_the_prompt_ends_the_program(void **state)
{
    (void)state;
    terminal t;
    start(&t, NULL);
    say(&t, "\x03");
    expect_end(&t, SIGINT); /* ended by the signal, which a shell tells as 130 */
}

QN_TEST_MAIN(cmocka_unit_test(turns_add_up_until_cleared),
             cmocka_unit_test(a_system_message_stays_after_clearing),
             cmocka_unit_test(a_message_that_does_not_fit_is_taken_back),
             cmocka_unit_test(an_interrupt_at_the_prompt_ends_the_program))
