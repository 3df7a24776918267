/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prio.c - strict priority: a flow queue's weight is its level, 0 to 63, and a packet leaves only when no lower level
 * has any. The queues of one level are served in order of arrival, as if they were one, as dummynet does.
 *
 * One heap by level and number of arrival of the head.
 */
#include <string.h>

#include "emulation/sched.h"
#include "emulation/sched/roster.h"

enum { LEVEL_SHIFT = 57, LAST_LEVEL = 63 }; /* keys stay less than 2^63 apart */

struct prio {
    struct heap heap;
    struct roster members;
    uint64_t order; /* of the packet that arrived last, in 64 bits; 0: none has */
};

struct prio_node {
    uint64_t level;
    uint32_t id, pad;
};
_Static_assert(sizeof(struct prio_node) <= EMU_NODE_WORDS * sizeof(uint64_t), "fits into a flow");

static struct prio *prio_of(struct emu_sched *sched)
{
    return (struct prio *)(void *)sched;
}

static struct prio_node *node_of(struct emu_flow *flow)
{
    return (struct prio_node *)(void *)flow->node;
}

static uint64_t level_of(struct emu_share share)
{
    return share.weight < LAST_LEVEL ? share.weight : LAST_LEVEL;
}

/* A packet's number of arrival counts in 32 bits; those that wait are less than 2^31 behind or ahead of the last. */
static uint64_t order_of(const struct prio *p, const struct nv_emu_packet *packet)
{
    return p->order + (uint64_t)(int64_t)(int32_t)(packet->order - (uint32_t)p->order);
}

static void note_arrival(struct prio *p, const struct nv_emu_packet *packet)
{
    /* Begin high enough that numbers before the first do not go below 0. */
    p->order = p->order ? order_of(p, packet) : (UINT64_C(1) << 32) + packet->order;
}

static void place(struct prio *p, struct emu_flow *flow)
{
    const struct prio_node *node = node_of(flow);
    heap_push(&p->heap, p->members.place, (node->level << LEVEL_SHIFT) + order_of(p, flow->head), node->id);
}

static void take_out(struct prio *p, const struct prio_node *node)
{
    if (heap_holds(&p->heap, p->members.place, node->id))
        heap_take(&p->heap, p->members.place, p->members.place[node->id], NULL);
}

static size_t prio_size(const struct emu_fair *fair)
{
    (void)fair;
    return sizeof(struct prio);
}

static int prio_init(struct emu_sched *sched, const struct emu_fair *fair)
{
    (void)fair;
    (void)sched;
    return 0;
}

static int prio_join(struct emu_sched *sched, struct emu_flow *flow)
{
    struct prio *p = prio_of(sched);
    struct prio_node *node = node_of(flow);
    memset(flow->node, 0, sizeof(flow->node));
    int result = roster_add(&p->members, &p->heap, 1, flow, &node->id);
    if (result != 0)
        return result;
    node->level = level_of(flow->share);
    if (flow->packets) {
        note_arrival(p, flow->tail);
        place(p, flow);
    }
    return 0;
}

static void prio_leave(struct emu_sched *sched, struct emu_flow *flow)
{
    struct prio *p = prio_of(sched);
    take_out(p, node_of(flow));
    roster_remove(&p->members, node_of(flow)->id);
}

static void prio_reshare(struct emu_sched *sched, struct emu_flow *flow, struct emu_share share)
{
    struct prio *p = prio_of(sched);
    take_out(p, node_of(flow));
    node_of(flow)->level = level_of(share);
    if (flow->packets)
        place(p, flow);
}

static enum nv_emu_drop prio_enqueue(struct emu_sched *sched, struct emu_flow *flow, struct nv_emu_packet *packet,
                                     uint64_t now_ns, const struct emu_aqm_host *host)
{
    struct prio *p = prio_of(sched);
    (void)now_ns;
    (void)host;
    note_arrival(p, packet);
    flow_push(flow, packet);
    if (flow->packets == 1)
        place(p, flow);
    return NV_EMU_DROP_NONE;
}

static struct nv_emu_packet *prio_dequeue(struct emu_sched *sched, uint64_t now_ns, const struct emu_aqm_host *host,
                                          struct emu_flow **from)
{
    struct prio *p = prio_of(sched);

    while (p->heap.count) {
        struct emu_flow *flow = p->members.flows[p->heap.at[0].id];
        struct nv_emu_packet *packet = aqm_take(flow, now_ns, host);
        heap_take(&p->heap, p->members.place, 0, p->members.flows);
        if (flow->packets)
            place(p, flow);
        if (packet) {
            *from = flow;
            return packet;
        }
    }
    return NULL;
}

static void prio_fini(struct emu_sched *sched)
{
    struct prio *p = prio_of(sched);
    roster_free(&p->members, &p->heap, 1);
}

const struct emu_sched_ops emu_sched_prio = {
    .name = "prio",
    .size = prio_size,
    .init = prio_init,
    .join = prio_join,
    .leave = prio_leave,
    .reshare = prio_reshare,
    .enqueue = prio_enqueue,
    .dequeue = prio_dequeue,
    .fini = prio_fini,
};
