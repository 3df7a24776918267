/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * measure.h - what pipes and queues really gave, to be set beside what they promise: one group of words in the relay's
 * page for each pipe or queue that packets went to. Times are those of sending, not the links' exact ones.
 */
#ifndef NETVALE_RELAY_MEASURE_H
#define NETVALE_RELAY_MEASURE_H

#include <stdint.h>

#include "emulation/emulation.h"

/* Words of a group. Delays are from arrival at the relay to sending, with one_pass only. */
#define NV_RELAY_MEASURES(X)                                                                                           \
    X(NUMBER, "number") /* of the pipe or queue; 0: the group is not in use, and so are those behind it */             \
    X(KIND, "kind")     /* enum nv_emu_kind */                                                                         \
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

#define NV_RELAY_MEASURE_WORDS  16u
#define NV_RELAY_MEASURE_GROUPS 256u /* pipes and queues beyond are not measured */

/* The group of a pipe or queue in the area, made on first use. NV_RELAY_MEASURE_GROUPS: there are too many. */
unsigned relay_measure_find(uint64_t *area, enum nv_emu_kind kind, unsigned number);

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
    uint64_t delays, sum, min, max; /* delays that are known */
};

/* They were sent at now_ns. The run is empty then. */
void relay_measure(uint64_t *area, struct relay_run *run, uint64_t now_ns);

/* One more packet was sent, delay_ns after its arrival (UINT64_MAX: not known). */
static inline void relay_run_add(struct relay_run *run, uint32_t bytes, uint64_t delay_ns)
{
    if (run->packets++ == 0) {
        run->first_bytes = bytes;
        run->min = UINT64_MAX;
    }
    run->bytes += bytes;
    if (delay_ns == UINT64_MAX)
        return;
    run->delays++;
    run->sum += delay_ns;
    run->min = delay_ns < run->min ? delay_ns : run->min;
    run->max = delay_ns > run->max ? delay_ns : run->max;
}

#endif
