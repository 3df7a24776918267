/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * measure.h - what pipes and queues really gave, to be set beside what they promise: one group of words in the relay's
 * page for each rule that sends packets to a pipe or queue, and each direction. Times are those of sending; those of
 * the links' exact departures go into a histogram beside it.
 */
#ifndef NETVALE_RELAY_MEASURE_H
#define NETVALE_RELAY_MEASURE_H

#include <stdint.h>

#include "emulation/emulation.h"
#include "engine/histogram.h"

/* Words of a group. Delays are from arrival at the relay to sending, with one_pass only. */
#define NV_RELAY_MEASURES(X)                                                                                           \
    X(NUMBER, "number") /* of the pipe or queue; 0: the group is not in use, and so are those behind it */             \
    X(KIND, "kind")     /* enum nv_emu_kind */                                                                         \
    X(RULE, "rule")     /* its number */                                                                               \
    X(FROM, "from")     /* port the packets come from */                                                               \
    X(PACKETS, "packets")                                                                                              \
    X(BYTES, "bytes")                                                                                                  \
    X(FIRST_NS, "first_ns") /* of sending */                                                                           \
    X(LAST_NS, "last_ns")                                                                                              \
    X(FIRST_BYTES, "first_bytes") /* of the first packet: it was on the link before first_ns */                        \
    X(DELAYS, "delays")           /* packets whose delay is known */                                                   \
    X(DELAY_MIN, "delay_min_ns")                                                                                       \
    X(DELAY_MAX, "delay_max_ns")                                                                                       \
    X(DELAY_SUM, "delay_sum_ns")

#define NV_RELAY_MEASURE_ENUM(id, name) NV_RELAY_MEASURE_##id,
enum nv_relay_measure { NV_RELAY_MEASURES(NV_RELAY_MEASURE_ENUM) NV_RELAY_MEASURE_COUNT };
#undef NV_RELAY_MEASURE_ENUM

#define NV_RELAY_MEASURE_LOST_AT 16u /* word of a group at which its losses begin: by enum nv_emu_drop */
#define NV_RELAY_MEASURE_WORDS   48u
#define NV_RELAY_MEASURE_GROUPS  256u /* what would need more is not measured */
#define NV_RELAY_MEASURE_TIMED   64u  /* groups that have a histogram of delays: the first */

/* What packets are told apart by. */
struct relay_way {
    enum nv_emu_kind kind;
    uint32_t number, rule, from;
};

/* All groups of a relay. */
struct relay_measures {
    uint64_t *area;             /* words of the page */
    struct nv_histogram *delay; /* NV_RELAY_MEASURE_TIMED: from arrival to exact departure */
    uint16_t hint[256];         /* group + 1 that a way of this hash had last */
};

/* The group of a way, made on first use. NV_RELAY_MEASURE_GROUPS: there are too many. */
unsigned relay_measure_find(struct relay_measures *measures, const struct relay_way *way);

/* Others read the words at any time: there is one writer, so relaxed loads and stores do. */
static inline uint64_t relay_measure_get(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline void relay_measure_set(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/* Packets of one group in a row, all sent at one time, that are entered together. */
struct relay_run {
    unsigned group;
    uint32_t first_bytes; /* of the first */
    uint64_t packets, bytes;
    uint64_t delays, sum, min, max;           /* delays that are known */
    uint64_t exact_sum, exact_min, exact_max; /* of these packets, by the links' clock */
};

/* They were sent at now_ns. The run is empty then. */
void relay_measure(struct relay_measures *measures, struct relay_run *run, uint64_t now_ns);

/* A packet of the group was lost. */
static inline void relay_measure_lost(struct relay_measures *measures, unsigned group, enum nv_emu_drop reason)
{
    uint64_t *word = measures->area + group * NV_RELAY_MEASURE_WORDS + NV_RELAY_MEASURE_LOST_AT + reason;
    if (group < NV_RELAY_MEASURE_GROUPS)
        relay_measure_set(word, relay_measure_get(word) + 1);
}

/* One more packet was sent, delay_ns after its arrival (UINT64_MAX: not known), exact_ns by the links' clock. */
static inline void relay_run_add(struct relay_measures *measures, struct relay_run *run, uint32_t bytes,
                                 uint64_t delay_ns, uint64_t exact_ns)
{
    if (run->packets++ == 0) {
        run->first_bytes = bytes;
        run->min = run->exact_min = UINT64_MAX;
    }
    run->bytes += bytes;
    if (delay_ns == UINT64_MAX)
        return;
    run->delays++;
    run->sum += delay_ns;
    run->min = delay_ns < run->min ? delay_ns : run->min;
    run->max = delay_ns > run->max ? delay_ns : run->max;
    run->exact_sum += exact_ns;
    run->exact_min = exact_ns < run->exact_min ? exact_ns : run->exact_min;
    run->exact_max = exact_ns > run->exact_max ? exact_ns : run->exact_max;
    if (run->group < NV_RELAY_MEASURE_TIMED)
        nv_histogram_put(&measures->delay[run->group], exact_ns);
}

#endif
