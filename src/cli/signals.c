/* cli/signals.c - one number, set by the handler. */
#include "cli/signals.h"

#include <signal.h>

static volatile sig_atomic_t noted;

static void note(int signal_number)
{
    noted = signal_number;
}

static void set(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = (int)(SA_RESETHAND | SA_RESTART)};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void qn_signals_watch(void)
{
    noted = 0;
    set(note);
}

void qn_signals_unwatch(void)
{
    set(SIG_DFL);
}

int qn_signal_noted(void)
{
    return noted;
}

qn_status qn_signals_check(qn_error *err)
{
    QN_FAIL_IF(noted, err, QN_ECANCELLED, "cancelled");
    return QN_OK;
}
