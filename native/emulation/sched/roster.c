/* SPDX-License-Identifier: BSD-2-Clause */
/* roster.c - numbers of flow queues and memory of heaps. */
#include "emulation/sched/roster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Entries before at[0], so that at[1] begins a cache line. */
enum { HEAP_LEAD = 3, CACHE_LINE = 64, FIRST_SIZE = 13 };

static struct heap_entry *heap_base(const struct heap *heap)
{
    return heap->at ? heap->at - HEAP_LEAD : NULL;
}

static int heap_grow(struct heap *heap, uint32_t size)
{
    size_t bytes = (size + HEAP_LEAD) * sizeof(struct heap_entry);
    struct heap_entry *base = aligned_alloc(CACHE_LINE, (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
    if (!base)
        return -ENOMEM;
    if (heap->count)
        memcpy(base + HEAP_LEAD, heap->at, heap->count * sizeof(struct heap_entry));
    free(heap_base(heap));
    heap->at = base + HEAP_LEAD;
    return 0;
}

/* Half-done growth is harmless: what has grown stays larger than it need be. */
static int roster_grow(struct roster *roster, struct heap *heaps, unsigned heap_count)
{
    uint32_t size = roster->size ? 2 * roster->size : FIRST_SIZE;
    for (unsigned i = 0; i < heap_count; i++)
        if (heap_grow(&heaps[i], size) != 0)
            return -ENOMEM;
    struct emu_flow **flows = realloc(roster->flows, size * sizeof(*flows));
    if (!flows)
        return -ENOMEM;
    roster->flows = flows;
    uint32_t *place = realloc(roster->place, size * sizeof(*place));
    if (!place)
        return -ENOMEM;
    roster->place = place;
    for (uint32_t id = roster->size; id < size; id++)
        place[id] = id + 1;
    roster->size = size;
    return 0;
}

int roster_add(struct roster *roster, struct heap *heaps, unsigned heap_count, struct emu_flow *flow, uint32_t *id)
{
    if (roster->free == roster->size && roster_grow(roster, heaps, heap_count) != 0)
        return -ENOMEM;
    *id = roster->free;
    roster->free = roster->place[*id];
    roster->flows[*id] = flow;
    return 0;
}

void roster_remove(struct roster *roster, uint32_t id)
{
    roster->flows[id] = NULL;
    roster->place[id] = roster->free;
    roster->free = id;
}

void roster_free(struct roster *roster, struct heap *heaps, unsigned heap_count)
{
    for (unsigned i = 0; i < heap_count; i++)
        free(heap_base(&heaps[i]));
    free(roster->flows);
    free(roster->place);
}
