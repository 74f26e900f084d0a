/* base/pool.h - a fixed team of threads that run one function together.
 *
 * The caller is member 0. Members wait by spinning briefly, then asleep, so an idle team costs
 * nothing and a busy one pays no system call between steps. */
#pragma once

#include "base/status.h"

typedef struct qn_pool qn_pool;

/* work(context, member, n_members), once per member, at the same time. */
typedef void qn_pool_work(void *context, size_t member, size_t n_members);

enum { QN_POOL_MOST = 256 };

/* Starts n_members - 1 threads (n_members is 1 to QN_POOL_MOST); owned until qn_pool_close. */
qn_status qn_pool_open(qn_pool **pool, size_t n_members, qn_error *err);
void qn_pool_close(qn_pool *pool); /* takes NULL */

/* Runs work on every member and returns when the last has finished. One caller at a time. */
void qn_pool_run(qn_pool *pool, qn_pool_work *work, void *context);

/* Inside work: returns once every member has come here; writes before it are seen after it. */
void qn_pool_barrier(qn_pool *pool);
