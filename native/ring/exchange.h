/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exchange.h - moving packets between rings of one region without copying: buffers change places.
 *
 * Out: the sender's buffer x is entered into a leased position of a delivery queue, and the queue's empty buffer y
 * of that position becomes the sender's, and its slots name it (in). A sender that loses its lease takes back what it
 * entered (undo).
 *
 * If the sender dies before it published, the receiver finds the lease open: y is its own again, x is freed. If it
 * dies after, y carries the dead port's token and is swept. Each step leaves every buffer with an owner who knows
 * of it, or who is dead.
 */
#ifndef NETVALE_EXCHANGE_H
#define NETVALE_EXCHANGE_H

#include "port/port.h"

/* A buffer goes to the receiver for another: the entry first, so that whoever finds the lease open knows. */
static inline void nv_exchange_one(uint32_t *owner, nv_token from, nv_token to, uint64_t *full, uint64_t entry,
                                   uint32_t empty)
{
    __atomic_store_n(full, entry, __ATOMIC_RELAXED);
    __atomic_store_n(&owner[nv_entry_buf(entry)], to, __ATOMIC_RELEASE);
    __atomic_store_n(&owner[empty], from, __ATOMIC_RELAXED);
}

/*
 * Enter slots (words of 8 bytes; `stride` 2: those of a ring, 1: a copy of them) into `full` in exchange for the
 * buffers empty[], as long as each is a packet of one slot with nothing wrong. Returns how many of n were, and adds
 * their bytes.
 */
static inline uint32_t nv_exchange_out(const struct nv_port *p, nv_token to, uint32_t seq, uint64_t *full,
                                       const uint32_t *empty, const uint64_t *slot, uint32_t n, uint32_t stride,
                                       uint64_t *bytes)
{
    const uint32_t limit = nv_port_backed(p) - NV_FIRST_BUF, token = p->token;
    const uint64_t single = nv_entry_single(seq);
    uint32_t *owner = p->region->buf_owner;
    const uint64_t *first = full, *end = full + n;
    uint64_t sum = 0;
    for (; full != end; full++, empty++, slot += stride) {
        uint64_t word = stride == 1 ? *slot : nv_shared_load(slot);
        /* Rare flags above the length make it too large: one comparison for both. */
        uint32_t length = (uint32_t)(word >> 32) & ((uint32_t)(NS_MOREFRAG | NS_INDIRECT) << 16 | 0xffff);
        uint32_t buf = nv_slot_buf(word);
        if (__builtin_expect(length > NV_BUF_SIZE || buf - NV_FIRST_BUF >= limit, 0))
            break;
        if (__builtin_expect(__atomic_load_n(&owner[buf], __ATOMIC_RELAXED) != token, 0) && !nv_port_owns(p, buf))
            break;
        NV_STEP("copy");
        nv_exchange_one(owner, token, to, full, single | buf | (uint64_t)length << 32,
                        __atomic_load_n(empty, __ATOMIC_RELAXED));
        sum += length;
    }
    *bytes += sum;
    return (uint32_t)(full - first);
}

/* Slots at[0..n) get the buffers empty[0..n). */
static inline void nv_exchange_in(const uint32_t *empty, struct netmap_slot *at, uint32_t n)
{
    for (const uint32_t *end = empty + n; empty != end; empty++, at++) {
        __atomic_store_n(&at->buf_idx, __atomic_load_n(empty, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
        __atomic_store_n(&at->flags, NS_BUF_CHANGED, __ATOMIC_RELAXED);
    }
}

#endif
