/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * roster.h - the flow queues of a scheduler instance by small numbers, and the heaps that hold those numbers.
 *
 * All memory is taken when a flow queue joins: each heap has room for all members, so packets never wait for memory.
 */
#ifndef NETVALE_EMULATION_SCHED_ROSTER_H
#define NETVALE_EMULATION_SCHED_ROSTER_H

#include "emulation/flow.h"
#include "emulation/sched/heap.h"

struct roster {
    struct emu_flow **flows; /* by number */
    uint32_t *place;         /* by number: index in the heap it is in; of a free number: the next free one */
    uint32_t size;           /* numbers there are */
    uint32_t free;           /* the first free one; size: none */
};

/* Give a flow queue a number and see that the heaps have room for it. Returns -ENOMEM when there is no memory. */
int roster_add(struct roster *roster, struct heap *heaps, unsigned heap_count, struct emu_flow *flow, uint32_t *id);

/* Its number is free again; it is in no heap. */
void roster_remove(struct roster *roster, uint32_t id);

void roster_free(struct roster *roster, struct heap *heaps, unsigned heap_count);

#endif
