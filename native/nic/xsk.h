/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xsk.h - an AF_XDP socket: one queue of an interface, its four rings, and memory that it shares with others.
 *
 * Chunks are unaligned and NV_XSK_HEAD bytes longer than a buffer, and a buffer is filled in at its address less these
 * bytes: the kernel leaves 256 bytes before a frame, so that the frame begins where the buffer does and may be as long
 * as it (measured on Linux 6.18). Addresses are offsets into the memory. The 256 bytes before a buffer are not written.
 *
 * One thread for the fill and rx rings, one for the tx and completion rings.
 */
#ifndef NETVALE_NIC_XSK_H
#define NETVALE_NIC_XSK_H

#include "memory/error.h"

#include <linux/if_xdp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NV_XSK_HEAD 256u

/* Of linux/if_xdp.h from Linux 6.6 on, which older headers lack. */
#define NV_XDP_USE_SG            (1u << 4)
#define NV_XDP_PKT_CONTD         (1u << 0)
#define NV_XDP_MAX_TX_SKB_BUDGET 9
#define NV_XSK_FRAGMENTS_MAX     17u /* descriptors of a frame; a 19th makes the kernel drop it */

/* A ring shared with the kernel. Numbers rise without wrapping at its size. */
struct nv_xsk_ring {
    uint32_t *producer, *consumer, *flags;
    void *entries; /* struct xdp_desc (rx, tx) or uint64_t (fill, completion) */
    uint32_t mask; /* entries less one */
    uint32_t mine; /* our own end of it, published by nv_xsk_publish */
    uint32_t seen; /* the kernel's end when it was last looked at */
    void *map;
    size_t map_size;
};

struct nv_xsk {
    int fd;
    bool zero_copy, fragments;
    struct nv_xsk_ring fill, completion, rx, tx;
};

struct nv_xsk_plan {
    const char *name; /* of the interface, for messages */
    uint32_t ifindex, queue;
    void *memory; /* page aligned; all of it is pinned */
    size_t memory_size;
    uint32_t buffer_size;        /* 2048 to 3840 */
    uint32_t rx_slots, tx_slots; /* powers of two; 0: none of these */
    int share;                   /* another socket over the same memory, which stays open till this one is; -1: none */
    bool fragments;              /* frames of several buffers, if the kernel can */
};

/*
 * Make the socket and its rings; not bound yet. 0 or -errno with err: EPERM, ENOBUFS (RLIMIT_MEMLOCK), EINVAL when the
 * queue is not one of the interface's.
 */
int nv_xsk_open(struct nv_xsk *x, const struct nv_xsk_plan *plan, struct nv_error *err);

/*
 * Bind it. A queue whose last user has just gone is EBUSY for some 30 ms: that is waited out, up to patience_ns. 0 or
 * -errno with err.
 */
int nv_xsk_bind(struct nv_xsk *x, const struct nv_xsk_plan *plan, int64_t patience_ns, struct nv_error *err);

/* Unmap the rings first: they would keep the queue. */
void nv_xsk_close(struct nv_xsk *x);

/* ---- rings: look, work on entries, publish -------------------------------------------------------------------------
 */

/* Entries of a ring that the kernel fills (rx, completion) which can be taken, from ring->mine on. */
static inline uint32_t nv_xsk_filled(struct nv_xsk_ring *ring)
{
    ring->seen = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
    return ring->seen - ring->mine;
}

/* Free entries of a ring that we fill (fill, tx), from ring->mine on. */
static inline uint32_t nv_xsk_room(struct nv_xsk_ring *ring)
{
    ring->seen = __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
    return ring->mask + 1 - (ring->mine - ring->seen);
}

static inline struct xdp_desc *nv_xsk_desc(const struct nv_xsk_ring *ring, uint32_t at)
{
    return (struct xdp_desc *)ring->entries + (at & ring->mask);
}

static inline uint64_t *nv_xsk_address(const struct nv_xsk_ring *ring, uint32_t at)
{
    return (uint64_t *)ring->entries + (at & ring->mask);
}

/* What was taken from rx or completion is the kernel's again. */
static inline void nv_xsk_consumed(struct nv_xsk_ring *ring)
{
    __atomic_store_n(ring->consumer, ring->mine, __ATOMIC_RELEASE);
}

/* What was put into fill or tx is the kernel's now. */
static inline void nv_xsk_produced(struct nv_xsk_ring *ring)
{
    __atomic_store_n(ring->producer, ring->mine, __ATOMIC_RELEASE);
}

/* The offset where a received frame begins: the address itself in its low 48 bits, what was added in the high 16. */
static inline uint64_t nv_xsk_offset(uint64_t address)
{
    return (address & ((UINT64_C(1) << XSK_UNALIGNED_BUF_OFFSET_SHIFT) - 1)) +
           (address >> XSK_UNALIGNED_BUF_OFFSET_SHIFT);
}

/*
 * Make the kernel send what is in the tx ring. 0; -EAGAIN: its budget or the completion ring is used up, call again
 * after taking completions; -EBUSY: the frame it took last was dropped (no carrier, too short or too long), and is
 * completed; -ENETDOWN, -ENXIO: the interface is down, or gone for this socket.
 */
int nv_xsk_kick(const struct nv_xsk *x);

/* Look whether the interface is still there, which poll(2) never tells. 0, -ENETDOWN or -ENXIO. */
int nv_xsk_alive(const struct nv_xsk *x);

/* Frames that the kernel could not deliver to this socket since it was opened. */
uint64_t nv_xsk_drops(const struct nv_xsk *x);

#endif
