/* tests/support/program.c - one child at a time, its output in files. */
#include "tests/support/program.h"

#include "tests/support/support.h"

#include <ctype.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { MOST_WORDS = 64, MOST_ENVIRON = 512 };

static void die(const char *what)
{
    perror(what);
    abort();
}

const char *qn_program_path(void)
{
    static char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n < 0)
        die("/proc/self/exe");
    path[n] = 0;
    char *end = strstr(path, "/tests/"); /* build/VARIANT/tests/cli/NAME */
    if (!end)
        die(path);
    snprintf(end, sizeof path - (size_t)(end - path), "/quern");
    return path;
}

/* "NAME=value" with a name in capitals. */
static bool is_setting(const char *word)
{
    size_t n = 0;
    while (isupper((unsigned char)word[n]) || word[n] == '_')
        n++;
    return n > 0 && word[n] == '=';
}

static bool is_kept(const char *entry)
{
    return strncmp(entry, "QUERN_", 6) != 0 && strncmp(entry, "XDG_CONFIG_HOME=", 16) != 0;
}

/* The cache that the test sees, so that HOME can be hidden. */
static const char *cache_setting(void)
{
    static char setting[4200];
    const char *cache = getenv("QUERN_CACHE"), *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    if (cache)
        snprintf(setting, sizeof setting, "QUERN_CACHE=%s", cache);
    else if (xdg)
        snprintf(setting, sizeof setting, "QUERN_CACHE=%s/quern", xdg);
    else
        snprintf(setting, sizeof setting, "QUERN_CACHE=%s/.cache/quern", home ? home : "");
    return setting;
}

static size_t make_environ(const char *const *words, const char *list[MOST_ENVIRON])
{
    size_t n = 0, n_settings = 0;
    while (words[n_settings] && is_setting(words[n_settings]))
        list[n++] = words[n_settings++];
    list[n++] = "HOME=/nonexistent";
    list[n++] = cache_setting();
    for (char **e = environ; *e && n + 1 < MOST_ENVIRON; e++)
        if (is_kept(*e) && strncmp(*e, "HOME=", 5) != 0)
            list[n++] = *e;
    list[n] = NULL;
    return n_settings;
}

static qn_str read_back(const char *path, char kept[QN_PROGRAM_KEEP])
{
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(kept, 1, QN_PROGRAM_KEEP - 1, f) : 0;
    if (f)
        fclose(f);
    kept[n] = 0;
    return (qn_str){kept, n};
}

static int wait_for(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid)
        die("waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* out_fd is -1 to use out_path. */
static pid_t spawn(const char *in_path, const char *out_path, int out_fd, const char *err_path,
                   const char *const *words)
{
    const char *env[MOST_ENVIRON], *argv[MOST_WORDS] = {qn_program_path()};
    size_t n_settings = make_environ(words, env), n = 1;
    posix_spawn_file_actions_t actions;
    pid_t pid;
    for (const char *const *w = words + n_settings; *w && n + 1 < MOST_WORDS; w++)
        argv[n++] = *w;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, in_path, O_RDONLY, 0);
    if (out_fd >= 0)
        posix_spawn_file_actions_adddup2(&actions, out_fd, 1);
    else
        posix_spawn_file_actions_addopen(&actions, 1, out_path, O_WRONLY | O_CREAT, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, err_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (posix_spawn(&pid, argv[0], &actions, NULL, (char **)argv, (char **)env) != 0)
        die(argv[0]);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static char out_kept[2][QN_PROGRAM_KEEP], err_kept[2][QN_PROGRAM_KEEP];
static size_t turn;

static qn_program_run run(const char *input, const char *out_path, int out_fd,
                          const char *const *words)
{
    const char *in_path = input ? qn_test_file("program.in", strlen(input), input) : "/dev/null";
    const char *own_out = qn_test_file("program.out", 0, ""); /* empties it */
    const char *err_path = qn_test_file("program.err", 0, "");
    turn = 1 - turn;
    pid_t pid = spawn(in_path, out_path ? out_path : own_out, out_fd, err_path, words);
    qn_program_run r = {.rc = wait_for(pid)};
    r.out = read_back(own_out, out_kept[turn]);
    r.err = read_back(err_path, err_kept[turn]);
    return r;
}

qn_program_run qn_program_run_with(const char *input, const char *const *words)
{
    return run(input, NULL, -1, words);
}

qn_program_run qn_program_run_into(const char *path, const char *const *words)
{
    return run(NULL, path, -1, words);
}

qn_program_run qn_program_run_unread(const char *const *words)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        die("pipe");
    close(ends[0]);
    qn_program_run r = run(NULL, NULL, ends[1], words);
    close(ends[1]);
    return r;
}

enum { PIPE_BYTES = 4096, PIPE_LEFT = 6 };

static void fill(int fd)
{
    static const char bytes[PIPE_BYTES - PIPE_LEFT];
    if (fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES) != PIPE_BYTES ||
        write(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes)
        die("fill");
}

/* Until the child has written, or has ended (which its caller finds out). */
static void wait_for_output(int fd, pid_t pid)
{
    int n = 0;
    siginfo_t info = {0};
    do {
        sched_yield();
        if (ioctl(fd, FIONREAD, &n) != 0)
            die("FIONREAD");
        waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
    } while (n == PIPE_BYTES - PIPE_LEFT && info.si_pid == 0);
}

qn_program_run qn_program_run_signalled(int signal_number, const char *const *words)
{
    int ends[2];
    char bytes[PIPE_BYTES];
    const char *err_path = qn_test_file("program.err", 0, "");
    if (pipe2(ends, O_CLOEXEC) != 0)
        die("pipe");
    fill(ends[1]);
    pid_t pid = spawn("/dev/null", NULL, ends[1], err_path, words);
    close(ends[1]);
    wait_for_output(ends[0], pid);
    kill(pid, signal_number);
    while (read(ends[0], bytes, sizeof bytes) > 0)
        ;
    close(ends[0]);
    turn = 1 - turn;
    qn_program_run r = {.rc = wait_for(pid)};
    r.err = read_back(err_path, err_kept[turn]);
    return r;
}
