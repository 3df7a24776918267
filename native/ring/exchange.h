/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exchange.h - moving packets between rings of one region without copying: buffers change places.
 *
 * Out: the sender's buffers are entered into a leased part of a delivery queue and belong to the receiver from
 * then on. Once the lease is published the sender's slots get the queue's empty buffers (in). A sender that loses
 * its lease takes its own buffers back (undo).
 */
#ifndef NETVALE_EXCHANGE_H
#define NETVALE_EXCHANGE_H

#include "port/port.h"

/*
 * Enter slots (words of 8 bytes, `stride` words apart) into `full`, which has room for n without wrapping, as long
 * as each is a packet of one slot with nothing wrong. Returns how many were, and adds their bytes.
 */
static inline uint32_t nv_exchange_out(const struct nv_port *p, nv_token to, uint32_t seq, uint64_t *full,
                                       const uint64_t *slot, uint32_t n, uint32_t stride, uint64_t *bytes)
{
    const uint32_t limit = nv_port_backed(p) - NV_FIRST_BUF, token = p->token;
    const uint64_t single = nv_entry_single(seq);
    uint32_t *owner = p->region->buf_owner;
    const uint64_t *first = full, *end = full + n;
    uint64_t sum = 0;
    for (; full != end; full++, slot += stride) {
        uint64_t word = __atomic_load_n(slot, __ATOMIC_RELAXED);
        /* Rare flags above the length make it too large: one comparison for both. */
        uint32_t length = (uint32_t)(word >> 32) & ((uint32_t)(NS_MOREFRAG | NS_INDIRECT) << 16 | 0xffff);
        uint32_t buf = nv_slot_buf(word);
        if (__builtin_expect(length > NV_BUF_SIZE || buf - NV_FIRST_BUF >= limit, 0))
            break;
        if (__builtin_expect(__atomic_load_n(&owner[buf], __ATOMIC_RELAXED) != token, 0) && !nv_port_owns(p, buf))
            break;
        NV_STEP("copy");
        __atomic_store_n(&owner[buf], to, __ATOMIC_RELAXED);
        __atomic_store_n(full, single | buf | (uint64_t)length << 32, __ATOMIC_RELAXED);
        sum += length;
    }
    *bytes += sum;
    return (uint32_t)(full - first);
}

/* Slots at[0..n) get the buffers empty[0..n). */
static inline void nv_exchange_in(const struct nv_port *p, const uint32_t *empty, struct netmap_slot *at, uint32_t n)
{
    uint32_t *owner = p->region->buf_owner, token = p->token;
    for (const uint32_t *end = empty + n; empty != end; empty++, at++) {
        uint32_t buf = __atomic_load_n(empty, __ATOMIC_RELAXED);
        __atomic_store_n(&owner[buf], token, __ATOMIC_RELAXED);
        __atomic_store_n(&at->buf_idx, buf, __ATOMIC_RELAXED);
        __atomic_store_n(&at->flags, NS_BUF_CHANGED, __ATOMIC_RELAXED);
    }
}

#endif
