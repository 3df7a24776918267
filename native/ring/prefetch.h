/* SPDX-License-Identifier: BSD-2-Clause */
/* prefetch.h - asking for a cache line before it is needed; any address will do. */
#ifndef NETVALE_PREFETCH_H
#define NETVALE_PREFETCH_H

static inline void nv_prefetch(const void *at)
{
    __builtin_prefetch(at);
}

/* For writing: takes the line away from the core that has it. */
static inline void nv_prefetch_write(void *at)
{
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*(char *)at)); /* a no-op on processors without it */
#else
    __builtin_prefetch(at, 1);
#endif
}

#endif
