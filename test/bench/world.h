/* SPDX-License-Identifier: BSD-2-Clause */
/* world.h - ports for a benchmark: a directory of their own, frames in their buffers, filling, walking, teaching. */
#ifndef NETVALE_BENCH_WORLD_H
#define NETVALE_BENCH_WORLD_H

#include "bench.h"
#include "frames.h"

#include <ftw.h>
#include <netvale.h>
#include <net/netmap_user.h>
#include <unistd.h>

static char world_dir[] = "/dev/shm/netvale-bench-XXXXXX";
static pid_t world_maker;

static inline int world_remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static inline void world_remove(void)
{
    if (getpid() == world_maker)
        nftw(world_dir, world_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Make the directory all ports of this program live in; it goes when the program ends. Call once, from main. */
static inline void world_make(void)
{
    if (!mkdtemp(world_dir))
        bench_fail("cannot make %s: %s", world_dir, strerror(errno));
    world_maker = getpid();
    atexit(world_remove);
}

static inline struct nv_port *world_open(const char *name)
{
    const struct nv_open_options options = {.dir = world_dir};
    struct nv_port *port;
    struct nv_error error;
    if (nv_open(name, &options, &port, &error) != 0)
        bench_fail("%s", error.message);
    return port;
}

/* What a sync returned, when it must not fail. */
static inline void world_check(const struct nv_port *port, int result)
{
    if (result < 0)
        bench_fail("%s: %s", nv_name(port), strerror(-result));
}

static inline void world_txsync(struct nv_port *port)
{
    world_check(port, nv_txsync(port, 0));
}

static inline void world_rxsync(struct nv_port *port)
{
    world_check(port, nv_rxsync(port, 0));
}

/* Write the mixed frames of frames.h into every buffer of a ring. */
static inline void world_write_frames(struct netmap_ring *ring, uint32_t length)
{
    for (uint32_t i = 0; i < ring->num_slots; i++)
        frame_write((uint8_t *)NETMAP_BUF(ring, ring->slot[i].buf_idx), length, i);
}

/* Slots from `at` to the end of the ring, at most n. */
static inline uint32_t world_straight(const struct netmap_ring *ring, uint32_t at, uint32_t n)
{
    return n < ring->num_slots - at ? n : ring->num_slots - at;
}

/* Fill up to n slots of a tx ring with lengths; the buffers hold frames already. Returns how many. */
static inline uint32_t world_fill(struct netmap_ring *ring, uint32_t n, uint32_t length)
{
    const uint32_t space = nm_ring_space(ring);
    uint32_t head = ring->head, left = n = n < space ? n : space;
    while (left > 0) {
        const uint32_t run = world_straight(ring, head, left);
        struct netmap_slot *slot = &ring->slot[head];
        for (uint32_t i = 0; i < run; i++)
            memcpy(&slot[i].len, &length, sizeof(length)); /* length, and flags 0: one store */
        head = head + run == ring->num_slots ? 0 : head + run;
        left -= run;
    }
    ring->head = ring->cur = head;
    return n;
}

/* Walk all that arrived in an rx ring and give it back; adds the lengths to *bytes. Returns the packets. */
static inline uint32_t world_walk(struct netmap_ring *ring, uint64_t *bytes)
{
    const uint32_t space = nm_ring_space(ring);
    uint32_t at = ring->head, left = space;
    uint64_t sum = 0;
    while (left > 0) {
        const uint32_t run = world_straight(ring, at, left);
        const struct netmap_slot *slot = &ring->slot[at];
        for (uint32_t i = 0; i < run; i++)
            sum += slot[i].len;
        at = at + run == ring->num_slots ? 0 : at + run;
        left -= run;
    }
    ring->head = ring->cur = at;
    *bytes += sum;
    return space;
}

/* Send one frame by itself. */
static inline void world_send(struct nv_port *port, uint64_t destination, uint64_t source)
{
    struct netmap_ring *ring = nv_txring(port, 0);
    if (world_fill(ring, 1, FRAME_SHORT) != 1)
        bench_fail("%s: no room for one frame", nv_name(port));
    const uint32_t sent = (ring->head ? ring->head : ring->num_slots) - 1;
    frame_compose((uint8_t *)NETMAP_BUF(ring, ring->slot[sent].buf_idx), FRAME_SHORT, destination, source);
    world_txsync(port);
}

static inline uint32_t world_drain(struct nv_port *port)
{
    uint64_t bytes = 0;
    world_rxsync(port);
    const uint32_t packets = world_walk(nv_rxring(port, 0), &bytes);
    world_rxsync(port);
    return packets;
}

/*
 * Teach the switch that the destinations of frames.h live at `b` and the sources at `a`, and prove it: a third port
 * must not see a frame from a source to a destination. Leaves all rings empty.
 */
static inline void world_teach(struct nv_port *a, struct nv_port *b, const char *third)
{
    for (uint32_t i = 0; i < FRAME_ADDRESSES; i++) {
        world_send(b, FRAME_BROADCAST, frame_destination(i));
        world_drain(a);
    }
    struct nv_port *c = world_open(third);
    for (uint32_t i = 0; i < FRAME_ADDRESSES * FRAME_ADDRESSES; i++) {
        world_send(a, frame_destination(i % FRAME_ADDRESSES), frame_source(i / FRAME_ADDRESSES));
        if (world_drain(b) != 1)
            bench_fail("a frame to address %u did not arrive", i % FRAME_ADDRESSES);
    }
    const uint32_t flooded = world_drain(c);
    if (flooded > 0)
        bench_fail("%u frames or more went to a port that has none of the addresses", flooded);
    nv_close(c);
}

#endif
