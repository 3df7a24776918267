/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * batch.h - a ring as batches of packets: where each buffer is, how long its packet. For callers who see the memory as
 * bytes and offsets, as JavaScript does. Every word of the ring is read once, and an offset lies in the mapping.
 */
#ifndef NETVALE_BATCH_H
#define NETVALE_BATCH_H

#include <netvale.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the memory says about itself is read and checked once, at open: a neighbour may write rubbish there later. */
struct nv_batch_ring {
    struct netmap_ring *ring;
    uint32_t number;      /* of the ring */
    uint32_t slots;       /* at least 2 */
    uint32_t at;          /* tx: first slot of the reservation; rx: first slot not handed out yet */
    uint32_t count;       /* tx: slots in the reservation */
    uint32_t buffers;     /* buffers below this index have memory; the caller looks again for every batch */
    uint32_t buffer_size; /* bytes */
    uint64_t buffers_at;  /* bytes from the start of the mapping to buffer 0 */
};

/* One batch: `room` places in each array. */
struct nv_batch_arrays {
    uint32_t *offsets;
    uint16_t *lengths, *flags;
    size_t room;
};

/*
 * Describe packets that were not handed out yet, from place `count` of the arrays on, as many as there is room for.
 * Slots with impossible buffers are left out. Returns the new count. `base`: start of the mapping.
 */
size_t nv_batch_gather(struct nv_batch_ring *r, const char *base, struct nv_batch_arrays a, size_t count);

/* Free slots that the ring shows, from its head on. */
uint32_t nv_batch_space(const struct nv_batch_ring *r);

/*
 * Reserve free slots, as long as there are any and the arrays hold fewer than `want`, from place `count` on. Returns
 * the new count.
 */
size_t nv_batch_reserve(struct nv_batch_ring *r, struct nv_batch_arrays a, size_t count, size_t want);

/* Fill the first `take` reserved slots with lengths and flags (NS_MOREFRAG) from place `from` on, and move head there.
 */
void nv_batch_fill(struct nv_batch_ring *r, struct nv_batch_arrays a, size_t from, uint32_t take);

#ifdef __cplusplus
}
#endif

#endif
