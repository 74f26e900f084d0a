/* base/fault.c - the countdown behind fault points. */
#include "base/fault.h"

#include <stdatomic.h>

static atomic_uint left;   /* 0: disarmed */
static atomic_bool fired;

void qn_fault_arm(unsigned n)
{
    atomic_store(&fired, false);
    atomic_store(&left, n);
}

bool qn_fault_disarm(void)
{
    atomic_store(&left, 0);
    return atomic_exchange(&fired, false);
}

bool qn_fault_point(void)
{
    unsigned n = atomic_load_explicit(&left, memory_order_relaxed);
    while (n > 0) {
        if (!atomic_compare_exchange_weak(&left, &n, n - 1))
            continue;
        if (n == 1)
            atomic_store(&fired, true);
        return n == 1;
    }
    return false;
}
