/* cli/signals.h - SIGINT and SIGTERM are noted, and long work looks for them between steps.
 *
 * A second signal before the first was dealt with ends the process at once. */
#pragma once

#include "base/status.h"

/* Notes signals from here; forgets one that was noted. */
void qn_signals_watch(void);

/* Gives SIGINT and SIGTERM back their default, which ends the process. */
void qn_signals_unwatch(void);

/* The signal that was noted, or 0. */
int qn_signal_noted(void);

/* QN_ECANCELLED when one was noted. */
qn_status qn_signals_check(qn_error *err);
