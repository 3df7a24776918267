/* SPDX-License-Identifier: BSD-2-Clause */
/* two_processes.h - run a sender in a child process and a receiver in this one, and time what arrives. */
#ifndef NETVALE_BENCH_TWO_PROCESSES_H
#define NETVALE_BENCH_TWO_PROCESSES_H

#include "bench.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Words both processes see. */
struct duo_control {
    _Alignas(128) uint32_t stop; /* the child leaves its loop when set */
    uint32_t ready;              /* whoever the other waits for has opened its port */
};

static inline bool duo_stopped(const struct duo_control *control)
{
    return __atomic_load_n(&control->stop, __ATOMIC_RELAXED);
}

static inline void duo_stop(struct duo_control *control)
{
    __atomic_store_n(&control->stop, 1, __ATOMIC_RELAXED);
}

static inline void duo_set_ready(struct duo_control *control)
{
    __atomic_store_n(&control->ready, 1, __ATOMIC_RELEASE);
}

static inline void duo_await_ready(const struct duo_control *control)
{
    const uint64_t limit = bench_ns() + 5000000000u;
    while (!__atomic_load_n(&control->ready, __ATOMIC_ACQUIRE)) {
        if (bench_ns() > limit)
            bench_fail("the other process was not ready after 5 seconds");
        sched_yield();
    }
}

struct duo {
    void (*child)(struct duo_control *control, void *arg);                    /* until duo_stopped */
    double (*parent)(struct duo_control *control, void *arg, double seconds); /* returns the figure */
    void *arg;
    bool one_core; /* both on the first processor, instead of the first two */
};

/* Fork the child, run the parent's side here, stop and reap the child. Returns the parent's figure. */
static inline double duo_run(const struct duo *duo, double seconds)
{
    struct duo_control *control = bench_shared(sizeof(*control));
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        bench_fail("cannot tell the processors: %s", strerror(errno));
    const pid_t parent = getpid(), child = fork();
    if (child < 0)
        bench_fail("cannot fork: %s", strerror(errno));
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(EXIT_FAILURE);
        bench_pin(&allowed, duo->one_core ? 0 : 1);
        duo->child(control, duo->arg);
        _exit(EXIT_SUCCESS);
    }
    bench_pin(&allowed, 0);
    const double value = duo->parent(control, duo->arg, seconds);
    duo_stop(control);
    int status;
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
        bench_fail("the other process failed (status %d)", status);
    if (sched_setaffinity(0, sizeof(allowed), &allowed) != 0)
        bench_fail("cannot leave the processor: %s", strerror(errno));
    munmap(control, sizeof(*control));
    return value;
}

#endif
