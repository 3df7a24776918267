/* SPDX-License-Identifier: BSD-2-Clause */
/* slots.h - ring arithmetic, and slots' data with every number from shared memory checked. */
#ifndef NETVALE_ENGINE_SLOTS_H
#define NETVALE_ENGINE_SLOTS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <netvale.h>

#include "memory/shared.h"

static inline uint32_t nv_slots_next(uint32_t slot, uint32_t slots)
{
    return slot + 1 == slots ? 0 : slot + 1;
}

/* Slots from `from` to `to`, going round; both below slots. */
static inline uint32_t nv_slots_between(uint32_t from, uint32_t to, uint32_t slots)
{
    return to >= from ? to - from : to + slots - from;
}

/* A ring's words are shared with whoever maps it: each is read and written once, as a whole. */
static inline uint32_t nv_slots_head(const struct netmap_ring *ring)
{
    return nv_shared_load(&ring->head);
}

static inline uint32_t nv_slots_tail(const struct netmap_ring *ring)
{
    return nv_shared_load(&ring->tail);
}

/* Slots before head are done with; wake me for what lies at or behind cur. */
static inline void nv_slots_move(struct netmap_ring *ring, uint32_t head, uint32_t cur)
{
    __atomic_store_n(&ring->head, head, __ATOMIC_RELAXED);
    __atomic_store_n(&ring->cur, cur, __ATOMIC_RELAXED);
}

/* Wake me when the port gives back anything at all. */
static inline void nv_slots_want_more(struct netmap_ring *ring)
{
    __atomic_store_n(&ring->cur, nv_slots_tail(ring), __ATOMIC_RELAXED);
}

/* Set a slot's length and flags in one store. */
static inline void nv_slot_set(struct netmap_slot *slot, uint32_t len, uint32_t flags)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint32_t both = len | flags << 16;
#else
    uint32_t both = len << 16 | flags;
#endif
    memcpy(&slot->len, &both, sizeof(both));
}

/*
 * A ring as the engine looks at it: what of its description others could change is read once and kept, and a
 * buffer index is used only when that buffer lies in the mapping and has memory.
 */
struct nv_slots {
    struct netmap_ring *ring;
    uint8_t *buffers;  /* buffer 0 */
    uint32_t slots;    /* in the ring */
    uint32_t buf_size; /* bytes */
    uint32_t mapped;   /* buffers below this lie in the mapping */
    uint32_t backed;   /* buffers 2..backed-1 have memory, too */
};

/* Look which buffers have memory by now. Once a batch. */
static inline void nv_slots_refresh(struct nv_slots *s, const struct nv_port *port)
{
    uint32_t backed = nv_slots_backed(port);
    s->backed = backed < s->mapped ? backed : s->mapped;
}

/* Read a ring's description. False: it is rubbish. */
static inline bool nv_slots_open(struct nv_slots *s, const struct nv_port *port, struct netmap_ring *ring)
{
    size_t size;
    const char *memory = nv_memory(port, &size);
    size_t at = (size_t)((const char *)ring - memory);
    uint64_t buffers = at + (uint64_t)nv_shared_load(&ring->buf_ofs);

    *s = (struct nv_slots){
        .ring = ring, .slots = nv_shared_load(&ring->num_slots), .buf_size = nv_shared_load(&ring->nr_buf_size)};
    if (s->slots < 2 || s->slots > (size - at - sizeof(*ring)) / sizeof(ring->slot[0]) || buffers >= size ||
        s->buf_size < 64 || s->buf_size > 65536)
        return false;
    s->buffers = (uint8_t *)(uintptr_t)memory + buffers;
    s->mapped = (uint32_t)((size - buffers) / s->buf_size);
    nv_slots_refresh(s, port);
    return true;
}

/* Buffer, length and flags of a slot, read at once. */
static inline struct netmap_slot nv_slots_read(const struct nv_slots *s, uint32_t at)
{
    uint64_t word = nv_shared_load((const uint64_t *)(const void *)&s->ring->slot[at]);
    struct netmap_slot read;

    memcpy(&read, &word, sizeof(word));
    return read;
}

/* Bytes of a slot that was read: no more than a buffer has. */
static inline uint32_t nv_slots_len(const struct nv_slots *s, const struct netmap_slot *read)
{
    return read->len < s->buf_size ? read->len : s->buf_size;
}

/* Buffer of an index, or NULL when there is none of that number. */
static inline uint8_t *nv_slots_buffer(const struct nv_slots *s, uint32_t index)
{
    return index >= 2 && index < s->backed ? s->buffers + (uint64_t)index * s->buf_size : NULL;
}

#endif
