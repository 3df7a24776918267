/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * region.h - a region: shared memory with interfaces, rings and buffers, known by a memory id.
 *
 * Two files. "region.N.data" is what programs map, in netmap's layout: interfaces, rings, buffers; nothing
 * read from it is trusted. "region.N.control" holds the truth: who owns which object, the rings' real
 * positions, the delivery queues. An owner of 0 means free, so taking and giving back is one
 * compare-and-swap and a process that dies leaves nothing half done; what a dead owner held is found by
 * its token (sweep).
 */
#ifndef NETVALE_REGION_H
#define NETVALE_REGION_H

#include "memory/dir.h"
#include "ring/queue.h"

#define NV_CONTROL_MAGIC 0x314c5254434e56ull /* "VNCTRL1" */
#define NV_BUF_SIZE      2048u
#define NV_FIRST_BUF     2u /* 0 and 1 are reserved, as in netmap */

/* Counters of one ring; written only by the thread that syncs it. */
struct nv_ring_stats {
    uint64_t packets, bytes;
    uint64_t copies, delivered, delivered_bytes;
    uint64_t wakeups, resets;
    uint64_t drops[NV_DROP_COUNT];
};

/*
 * The truth about one ring, in control. `queue` is used by rx rings only. What is told in pairs is stored in one piece,
 * so that an heir (turn.h) knows how far one that died had come.
 */
struct nv_ring_ctl {
    uint32_t hwcur; /* slots: [hwcur, hwtail) belongs to the application */
    uint32_t sent;  /* pipe tx: sequence number behind the last lease that hwcur has passed */
    uint32_t hwtail;
    uint32_t shown;       /* rx: sequence number behind the last lease that hwtail has passed */
    uint32_t completed;   /* pipe tx: position up to which packets were counted as released */
    nv_token peer;        /* pipe tx: the other end that those positions belong to */
    uint32_t released;    /* rx: what hwcur becomes .. */
    uint32_t released_at; /* .. once the queue's `refill` is this */
    uint64_t turn;        /* which opener is in here: turn.h */
    uint64_t turned_away; /* syncs that found another opener staying in here */
    struct nv_ring_stats stats __attribute__((aligned(64)));
    struct nv_queue queue;
};

struct nv_geometry {
    uint32_t if_total, if_size;
    uint32_t ring_total, ring_size; /* ring_size limits the slots of a ring */
    uint32_t buf_total, buf_size;
};

struct nv_control {
    uint64_t magic;
    uint32_t layout;
    uint32_t mem_id;
    uint64_t data_size, control_size;
    uint64_t ring_offset, buf_offset;                                        /* in data */
    uint64_t if_owner_at, ring_owner_at, buf_owner_at, buf_place_at, ctl_at; /* in control */
    uint32_t ctl_size;                                                       /* of one nv_ring_ctl with its queue */
    struct nv_geometry geometry;
    uint32_t backed;   /* buffers below this index have memory */
    uint32_t buf_hint; /* where the search for a free buffer starts */
    uint32_t shared;   /* more than one port was made here */
};

/* A mapped region. Shared by all ports of the process; counted. */
struct nv_region {
    struct nv_region *next;
    int dirfd; /* of the world; borrowed */
    unsigned refs;
    uint16_t mem_id;
    uint64_t ino; /* of control: tells a new region of the same id from an old one */
    struct nv_control *control;
    char *data;
    size_t data_size, control_size;
    char *bufs;          /* buffer 0 */
    uint32_t *buf_owner; /* by buffer index */
    uint32_t *buf_place; /* by buffer index: where it last entered a queue, nv_place */
    nv_token *ring_owner;
    uint32_t *if_owner;
};

/* Geometry of a port's own region, netmap's formula, and of a region shared with @N, netmap's global pool. */
struct nv_geometry nv_geometry_private(uint32_t tx_rings, uint32_t rx_rings, uint32_t tx_slots, uint32_t rx_slots,
                                       uint32_t extra_bufs);
struct nv_geometry nv_geometry_shared(void);

/* Make the files of a region. Directory locked. 0 or -errno with err. */
int nv_region_create(int dirfd, uint16_t mem_id, const struct nv_geometry *geometry, struct nv_error *err);

/* Map and check a region. NULL with err: -ENOENT, -EPROTO (another layout: names both), -EPERM. */
struct nv_region *nv_region_map(int dirfd, uint16_t mem_id, struct nv_error *err);
void nv_region_unmap(struct nv_region *region);

static inline struct nv_ring_ctl *nv_region_ctl(const struct nv_region *r, uint32_t ring)
{
    return (struct nv_ring_ctl *)((char *)r->control + r->control->ctl_at + (size_t)ring * r->control->ctl_size);
}
static inline struct netmap_ring *nv_region_ring(const struct nv_region *r, uint32_t ring)
{
    return (struct netmap_ring *)(r->data + r->control->ring_offset + (size_t)ring * r->control->geometry.ring_size);
}
static inline struct netmap_if *nv_region_if(const struct nv_region *r, uint32_t index)
{
    return (struct netmap_if *)(r->data + (size_t)index * r->control->geometry.if_size);
}
static inline char *nv_region_buf(const struct nv_region *r, uint32_t index)
{
    return r->bufs + (size_t)index * NV_BUF_SIZE;
}

/*
 * Where a buffer entered a delivery queue as an empty one: ring object and position, as much of it as there is room
 * for. A place says nothing about what became of the buffer since; whoever wants to know looks there (nv_queue_holds).
 */
#define NV_PLACE_BITS 18
static inline uint32_t nv_place(uint32_t ring, uint32_t pos)
{
    return (ring + 1) << NV_PLACE_BITS | (pos & ((1u << NV_PLACE_BITS) - 1));
}

/* Does the delivery queue of the ring where the buffer was last entered still hold it as an empty one? */
bool nv_region_queued(const struct nv_region *r, uint32_t buf);

/*
 * Take n buffers for `owner`, giving them memory; any process may at any time. Returns how many were
 * taken (fewer when the region or shared memory is full: then *error says which).
 */
uint32_t nv_region_take_bufs(struct nv_region *r, nv_token owner, uint32_t *out, uint32_t n, int *error);

/* Are rings first .. first + count - 1 in the region, and this owner's? */
bool nv_region_has_rings(const struct nv_region *r, uint32_t first, uint32_t count, nv_token owner);

/* Take `count` rings in a row, or one interface, for owner. Directory locked. Index, or -ENOMEM / -ENOSPC. */
int nv_region_take_rings(struct nv_region *r, nv_token owner, uint32_t count);
int nv_region_take_if(struct nv_region *r, uint32_t owner);

/* Move every buffer of owner `from` to owner `to` (0: free). */
void nv_region_give_bufs(struct nv_region *r, nv_token from, nv_token to);

/* Lay out rings `first`.. of a port in data and control. bufs: rings * slots buffer indices. */
void nv_region_init_ring(struct nv_region *r, uint32_t index, unsigned ring_id, bool rx, uint32_t slots,
                         const uint32_t *bufs, nv_token owner);

/* Names of a region's files, into buf[32]. */
void nv_region_file(char *buf, uint16_t mem_id, const char *part);

#endif
