/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * longest.h - which of many queues has the most bytes: constant cost for each change, and about the square root of
 * their number when it is asked, which is only when a limit is exceeded.
 *
 * Queues are in blocks; each block has a bound that no queue in it exceeds, raised at once and lowered when looked at.
 */
#ifndef NETVALE_EMULATION_SCHED_LONGEST_H
#define NETVALE_EMULATION_SCHED_LONGEST_H

#include <stdint.h>

enum { LONGEST_BLOCK = 256, LONGEST_BLOCKS = 256 };

struct longest {
    uint64_t *bytes; /* by queue */
    uint32_t count;  /* queues, at most LONGEST_BLOCK * LONGEST_BLOCKS */
    uint64_t bounds[LONGEST_BLOCKS];
};

static inline void longest_add(struct longest *l, uint32_t queue, uint32_t bytes)
{
    l->bytes[queue] += bytes;
    if (l->bytes[queue] > l->bounds[queue / LONGEST_BLOCK])
        l->bounds[queue / LONGEST_BLOCK] = l->bytes[queue];
}

static inline void longest_subtract(struct longest *l, uint32_t queue, uint32_t bytes)
{
    l->bytes[queue] -= bytes;
}

/* The queue with the most bytes, the first of equals. */
static inline uint32_t longest_find(struct longest *l)
{
    const uint32_t blocks = (l->count + LONGEST_BLOCK - 1) / LONGEST_BLOCK;
    for (;;) {
        uint32_t block = 0;
        for (uint32_t i = 1; i < blocks; i++)
            if (l->bounds[i] > l->bounds[block])
                block = i;
        uint32_t first = block * LONGEST_BLOCK, most = first;
        uint32_t end = l->count - first < LONGEST_BLOCK ? l->count : first + LONGEST_BLOCK;
        for (uint32_t i = first + 1; i < end; i++)
            if (l->bytes[i] > l->bytes[most])
                most = i;
        if (l->bytes[most] == l->bounds[block])
            return most;
        l->bounds[block] = l->bytes[most];
    }
}

#endif
