/* SPDX-License-Identifier: BSD-2-Clause */
/* clock.h - the engine's clock: CLOCK_MONOTONIC in nanoseconds, the same in every process of the machine. */
#ifndef NETVALE_ENGINE_CLOCK_H
#define NETVALE_ENGINE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NV_SECOND UINT64_C(1000000000)

static inline uint64_t nv_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * NV_SECOND + (uint64_t)ts.tv_nsec;
}

static inline uint64_t nv_now(void)
{
    return nv_clock(CLOCK_MONOTONIC);
}

#endif
