/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap.h - a heap of flow queues by key, smallest first, each known by a small number (roster.h).
 *
 * Four children a node, which share a cache line; keys are in the array, so that no flow is touched to compare it, and
 * the place of each number is in a table beside it, so that any can be taken out. Keys wrap: those in a heap are less
 * than 2^63 apart. Among equal keys the order is that of dummynet's binary heap as long as three are in it.
 */
#ifndef NETVALE_EMULATION_SCHED_HEAP_H
#define NETVALE_EMULATION_SCHED_HEAP_H

#include "emulation/flow.h"

struct heap_entry {
    uint64_t key;
    uint32_t id, pad;
};

struct heap {
    struct heap_entry *at; /* at[1] is on a cache line's boundary; roster.h allocates */
    uint32_t count;
};

/* a < b, for keys that wrap. */
static inline bool key_less(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) < 0;
}

/* Put an entry at `hole` or above. */
static inline void heap_rise(struct heap *h, uint32_t *place, uint32_t hole, struct heap_entry entry)
{
    while (hole > 0) {
        uint32_t parent = (hole - 1) / 4;
        if (key_less(h->at[parent].key, entry.key) || (h->at[parent].key == entry.key && hole > 4))
            break;
        h->at[hole] = h->at[parent];
        place[h->at[hole].id] = hole;
        hole = parent;
    }
    h->at[hole] = entry;
    place[entry.id] = hole;
}

static inline void heap_push(struct heap *h, uint32_t *place, uint64_t key, uint32_t id)
{
    heap_rise(h, place, h->count++, (struct heap_entry){.key = key, .id = id});
}

/* The smallest of the four children from `first`, the leftmost among equals. */
static inline uint32_t heap_least_of_four(const struct heap_entry *at, uint32_t first)
{
    uint32_t left = first + key_less(at[first + 1].key, at[first].key);
    uint32_t right = first + 2 + key_less(at[first + 3].key, at[first + 2].key);
    return key_less(at[right].key, at[left].key) ? right : left;
}

/* A flow queue has come so near the top (0): fetch what will be touched, a step ahead of what that step needs. */
static inline void heap_warm(const struct emu_flow *flow, unsigned depth)
{
    if (depth == 2)
        __builtin_prefetch(flow);
    else if (depth == 1)
        __builtin_prefetch(flow->head);
    else if (depth == 0)
        __builtin_prefetch(flow->head->next);
}

/*
 * Take out what is at `hole`: the last entry takes the place, below all children that are smaller. flows: by number,
 * all with packets; NULL: they need not be fetched.
 */
static inline void heap_take(struct heap *h, uint32_t *place, uint32_t hole, struct emu_flow *const *flows)
{
    struct heap_entry *at = h->at;
    const uint32_t end = --h->count;
    const struct heap_entry last = at[end];
    unsigned depth = 0;

    if (hole == end)
        return;
    if (hole > 0 && key_less(last.key, at[(hole - 1) / 4].key)) {
        heap_rise(h, place, hole, last);
        return;
    }
    for (uint32_t first; (first = 4 * hole + 1) < end;) {
        uint32_t least = first;
        if (first + 4 <= end) {
            __builtin_prefetch(&at[4 * first + 1]);
            __builtin_prefetch(&at[4 * first + 5]);
            __builtin_prefetch(&at[4 * first + 9]);
            __builtin_prefetch(&at[4 * first + 13]);
            least = heap_least_of_four(at, first);
        } else {
            for (uint32_t child = first + 1; child < end; child++)
                if (key_less(at[child].key, at[least].key))
                    least = child;
        }
        if (!key_less(at[least].key, last.key))
            break;
        at[hole] = at[least];
        place[at[hole].id] = hole;
        if (flows && depth < 3)
            heap_warm(flows[at[hole].id], depth++);
        hole = least;
    }
    at[hole] = last;
    place[last.id] = hole;
}

/* Whether the heap has this number. */
static inline bool heap_holds(const struct heap *h, const uint32_t *place, uint32_t id)
{
    return place[id] < h->count && h->at[place[id]].id == id;
}

#endif
