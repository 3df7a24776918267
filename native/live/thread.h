/* SPDX-License-Identifier: BSD-2-Clause */
/* thread.h - what every thread needs that moves frames between ports: its start, a name, a processor, exact sleeps,
 * relaxing. */
#ifndef NETVALE_LIVE_THREAD_H
#define NETVALE_LIVE_THREAD_H

#include "memory/error.h"

#include <pthread.h>

/* Start a thread that takes no signals: those are the caller's threads'. 0 or -errno with err. */
int nv_thread_start(pthread_t *thread, void *(*run)(void *), void *arg, struct nv_error *err);

/*
 * Called by a thread for itself: its name (15 characters at most), sleeps that end when asked and not up to 50 us
 * later, and the processor it runs on; cpu -1: any. 0 or -errno with err: there is no such processor, or it may not be
 * used.
 */
int nv_thread_settle(const char *name, int cpu, struct nv_error *err);

/* A moment of spinning: the other hyper-thread of the core gets more of it. */
static inline void nv_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
