/* SPDX-License-Identifier: BSD-2-Clause */
/* thread.c - see thread.h. */
#include "live/thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

int nv_thread_start(pthread_t *thread, void *(*run)(void *), void *arg, struct nv_error *err)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(thread, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error ? nv_fail(err, error, "cannot start a thread: %s", strerror(error)) : 0;
}

int nv_thread_settle(const char *name, int cpu, struct nv_error *err)
{
    cpu_set_t set;

    prctl(PR_SET_NAME, name);
    prctl(PR_SET_TIMERSLACK, 1UL);
    if (cpu < 0)
        return 0;
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    int error = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
    return error ? nv_fail(err, error, "cannot run on processor %d: %s", cpu, strerror(error)) : 0;
}
