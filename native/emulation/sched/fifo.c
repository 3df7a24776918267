/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fifo.c - first in, first out over several flow queues. (A FIFO with one queue needs no scheduler: serve.c.)
 *
 * A ring notes which flow each arrival belongs to, and the packet's number; where queue management has taken the packet
 * away meanwhile, the note is passed over.
 */
#include <errno.h>
#include <stdlib.h>

#include "emulation/sched.h"

struct note {
    struct emu_flow *flow;
    uint32_t order;
};

/* Notes between the one that has its turn and those whose flow, and whose flow's packets, are fetched. */
enum { AHEAD_FLOW = 12, AHEAD_PACKET = 6 };

struct fifo {
    struct note *ring;
    uint32_t room, head, count; /* room: a power of two */
};

static size_t fifo_size(const struct emu_fair *fair)
{
    (void)fair;
    return sizeof(struct fifo);
}

static int fifo_init(struct emu_sched *sched, const struct emu_fair *fair)
{
    struct fifo *fifo = (struct fifo *)sched;
    (void)fair;
    fifo->room = 64;
    fifo->ring = malloc(fifo->room * sizeof *fifo->ring);
    return fifo->ring ? 0 : -ENOMEM;
}

static void fifo_fini(struct emu_sched *sched)
{
    free(((struct fifo *)sched)->ring);
}

static void put(struct fifo *fifo, struct emu_flow *flow, const struct nv_emu_packet *packet)
{
    struct note *note = &fifo->ring[(fifo->head + fifo->count++) & (fifo->room - 1)];
    note->flow = flow;
    note->order = packet->order;
}

static struct note *first(struct fifo *fifo)
{
    return &fifo->ring[fifo->head & (fifo->room - 1)];
}

/*
 * A ring with room for `more` notes, the present ones in it merged with those of `flow` (or NULL), whose packets are
 * in order too. false: no memory, nothing has changed.
 */
static bool remake(struct fifo *fifo, uint32_t more, struct emu_flow *flow)
{
    struct fifo bigger = {.room = fifo->room};
    while (bigger.room < fifo->count + more)
        bigger.room *= 2;
    bigger.ring = malloc(bigger.room * sizeof *bigger.ring);
    if (!bigger.ring)
        return false;
    const struct nv_emu_packet *packet = flow ? flow->head : NULL;
    while (packet || fifo->count) {
        if (packet && (!fifo->count || (int32_t)(packet->order - first(fifo)->order) < 0)) {
            put(&bigger, flow, packet);
            packet = packet->next;
        } else {
            bigger.ring[bigger.count++] = *first(fifo);
            fifo->head++;
            fifo->count--;
        }
    }
    free(fifo->ring);
    fifo->ring = bigger.ring;
    fifo->room = bigger.room;
    fifo->count = bigger.count;
    fifo->head = 0;
    return true;
}

static int fifo_join(struct emu_sched *sched, struct emu_flow *flow)
{
    return flow->packets && !remake((struct fifo *)sched, flow->packets, flow) ? -ENOMEM : 0;
}

static void fifo_leave(struct emu_sched *sched, struct emu_flow *flow)
{
    struct fifo *fifo = (struct fifo *)sched;
    uint32_t mask = fifo->room - 1, kept = 0;
    for (uint32_t i = 0; i < fifo->count; i++) {
        struct note one = fifo->ring[(fifo->head + i) & mask];
        if (one.flow != flow)
            fifo->ring[(fifo->head + kept++) & mask] = one;
    }
    fifo->count = kept;
}

static void fifo_reshare(struct emu_sched *sched, struct emu_flow *flow, struct emu_share share)
{
    (void)sched, (void)flow, (void)share;
}

static enum nv_emu_drop fifo_enqueue(struct emu_sched *sched, struct emu_flow *flow, struct nv_emu_packet *packet,
                                     uint64_t now_ns, const struct emu_aqm_host *host)
{
    struct fifo *fifo = (struct fifo *)sched;
    (void)now_ns, (void)host;
    if (fifo->count == fifo->room && !remake(fifo, fifo->room, NULL))
        return NV_EMU_DROP_NO_MEMORY;
    put(fifo, flow, packet);
    flow_push(flow, packet);
    return NV_EMU_DROP_NONE;
}

/* Fetch what the next turns will touch: the ring knows whose they are. A flow that has left has no notes. (Always
 * inline: the compiler leaves out calls of a function that only prefetches.) */
static inline __attribute__((always_inline)) void look_ahead(const struct fifo *fifo)
{
    const uint32_t mask = fifo->room - 1;
    if (fifo->count <= AHEAD_FLOW)
        return;
    const struct emu_flow *flow = fifo->ring[(fifo->head + AHEAD_PACKET) & mask].flow;
    __builtin_prefetch(fifo->ring[(fifo->head + AHEAD_FLOW) & mask].flow, 1);
    __builtin_prefetch(flow->head, 1);
    __builtin_prefetch(flow->tail, 1);
}

/* The flow that has its turn; NULL: none. */
static struct emu_flow *turn(struct fifo *fifo)
{
    look_ahead(fifo);
    while (fifo->count) {
        struct note one = *first(fifo);
        fifo->head++;
        fifo->count--;
        if (one.flow->packets && one.flow->head->order == one.order)
            return one.flow;
    }
    return NULL;
}

static struct nv_emu_packet *fifo_dequeue(struct emu_sched *sched, uint64_t now_ns, const struct emu_aqm_host *host,
                                          struct emu_flow **from)
{
    struct fifo *fifo = (struct fifo *)sched;
    while ((*from = turn(fifo))) {
        struct nv_emu_packet *packet = aqm_take(*from, now_ns, host);
        if (packet)
            return packet;
    }
    return NULL;
}

const struct emu_sched_ops emu_sched_fifo = {
    .name = "fifo",
    .size = fifo_size,
    .init = fifo_init,
    .join = fifo_join,
    .leave = fifo_leave,
    .reshare = fifo_reshare,
    .enqueue = fifo_enqueue,
    .dequeue = fifo_dequeue,
    .fini = fifo_fini,
};
