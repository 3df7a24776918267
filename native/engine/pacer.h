/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pacer.h - which packets are due at a given time.
 *
 * The pacer never reads a clock: time comes in as an argument, so it runs on a virtual clock too. A profile is a list
 * of steps, constant or linear; N(t), the integral of the rate, is computed from the start each time in exact 128-bit
 * arithmetic, so nothing adds up over weeks. Packet k departs at the first nanosecond t with N(t) >= k. When several
 * workers share a profile, worker i of w sends the packets k with k mod w = i.
 *
 * What the sender could not send in time it makes up for at 5/4 of the rate, so that no window of W seconds
 * has more than burst + 5/4 * rate * W packets; what is a second late is given up and counted as missed.
 */
#ifndef NETVALE_ENGINE_PACER_H
#define NETVALE_ENGINE_PACER_H

#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

#define NV_RATE_MAX UINT64_C(1000000000)               /* packets per second */
#define NV_RAMP_MAX (UINT64_C(3) * 86400 * 1000000000) /* longest linear step: its arithmetic fits 128 bits */

struct nv_pacer {
    const struct nv_rate_step *steps; /* kept by the caller */
    size_t count, at;                 /* steps; the one that holds the latest time asked for */
    uint64_t at_ns;                   /* when step `at` began */
    unsigned __int128 at_units;       /* twice the integral of the rate up to there, in packets * 10^-9 */
    uint64_t start_ns, sent, missed;
    uint64_t index, workers;
    uint64_t hold_ns; /* making up for lateness: nothing before this time */
    uint32_t burst;
};

/* Start at start_ns as worker `index` of `workers`. steps as nv_plan_check lets them pass, count over 0, burst over 0.
 */
void nv_pacer_init(struct nv_pacer *p, const struct nv_rate_step *steps, size_t count, uint32_t burst, uint64_t index,
                   uint64_t workers, uint64_t start_ns);

/* How many packets to send now, at most the burst; 0: none yet. now_ns never goes back. */
uint32_t nv_pacer_due(struct nv_pacer *p, uint64_t now_ns);

/* `packets` of those that were due were handed over at now_ns. */
void nv_pacer_sent(struct nv_pacer *p, uint32_t packets, uint64_t now_ns);

/* When the next packet may depart; UINT64_MAX: never. */
uint64_t nv_pacer_next(const struct nv_pacer *p);

/* The profile's rate at now_ns, of all workers together, packets per second. */
uint64_t nv_pacer_rate(struct nv_pacer *p, uint64_t now_ns);

#endif
