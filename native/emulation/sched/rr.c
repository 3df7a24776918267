/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rr.c - deficit round robin (M. Shreedhar, G. Varghese, 1995), as dummynet's RR: in each round a waiting flow queue
 * may send weight * lmax bytes.
 *
 * The waiting queues form a ring. The one in turn sends while its credit lasts; when its head is longer, it gets
 * another quantum of credit and goes behind all others. A queue that has emptied stays in turn until the next call,
 * keeping its credit if a packet arrives by then.
 */
#include <string.h>

#include "emulation/sched.h"

struct rr {
    struct emu_flow *turn; /* NULL: none waits */
};

struct rr_node {
    struct emu_flow *next; /* in the ring; NULL: not in it */
    uint64_t credit;       /* bytes it may still send; less than its head plus a quantum, so it never wraps */
    uint64_t quantum;
    struct emu_flow *prev;
};
_Static_assert(sizeof(struct rr_node) <= EMU_NODE_WORDS * sizeof(uint64_t), "fits into a flow");

static struct rr *rr_of(struct emu_sched *sched)
{
    return (struct rr *)(void *)sched;
}

static struct rr_node *node_of(struct emu_flow *flow)
{
    return (struct rr_node *)(void *)flow->node;
}

static uint64_t quantum_of(struct emu_share share)
{
    uint64_t quantum = (uint64_t)share.weight * share.lmax;
    return quantum ? quantum : 1;
}

/* Last in the ring: before the one in turn. */
static void append(struct rr *rr, struct emu_flow *flow)
{
    struct rr_node *node = node_of(flow);
    node->credit = node->quantum;
    if (!rr->turn) {
        rr->turn = node->next = node->prev = flow;
        return;
    }
    node->next = rr->turn;
    node->prev = node_of(rr->turn)->prev;
    node_of(node->prev)->next = flow;
    node_of(rr->turn)->prev = flow;
}

static void take_out(struct rr *rr, struct emu_flow *flow)
{
    struct rr_node *node = node_of(flow);
    if (node->next == flow) {
        rr->turn = NULL;
    } else {
        node_of(node->next)->prev = node->prev;
        node_of(node->prev)->next = node->next;
        if (rr->turn == flow)
            rr->turn = node->next;
    }
    node->next = NULL;
}

static size_t rr_size(const struct emu_fair *fair)
{
    (void)fair;
    return sizeof(struct rr);
}

static int rr_init(struct emu_sched *sched, const struct emu_fair *fair)
{
    (void)fair;
    rr_of(sched)->turn = NULL;
    return 0;
}

static int rr_join(struct emu_sched *sched, struct emu_flow *flow)
{
    memset(flow->node, 0, sizeof(flow->node));
    node_of(flow)->quantum = quantum_of(flow->share);
    if (flow->packets)
        append(rr_of(sched), flow);
    return 0;
}

static void rr_leave(struct emu_sched *sched, struct emu_flow *flow)
{
    if (node_of(flow)->next)
        take_out(rr_of(sched), flow);
}

static void rr_reshare(struct emu_sched *sched, struct emu_flow *flow, struct emu_share share)
{
    struct rr_node *node = node_of(flow);
    (void)sched;
    node->quantum = quantum_of(share);
    if (node->credit > node->quantum)
        node->credit = node->quantum;
}

static enum nv_emu_drop rr_enqueue(struct emu_sched *sched, struct emu_flow *flow, struct nv_emu_packet *packet,
                                   uint64_t now_ns, const struct emu_aqm_host *host)
{
    (void)now_ns;
    (void)host;
    flow_push(flow, packet);
    if (!node_of(flow)->next)
        append(rr_of(sched), flow);
    return NV_EMU_DROP_NONE;
}

static struct nv_emu_packet *rr_dequeue(struct emu_sched *sched, uint64_t now_ns, const struct emu_aqm_host *host,
                                        struct emu_flow **from)
{
    struct rr *rr = rr_of(sched);
    struct emu_flow *flow;

    while ((flow = rr->turn)) {
        struct rr_node *node = node_of(flow);
        if (!flow->packets) {
            take_out(rr, flow);
            continue;
        }
        if (flow->head->length > node->credit) {
            node->credit += node->quantum;
            rr->turn = node->next;
            continue;
        }
        __builtin_prefetch(node->next);
        struct nv_emu_packet *packet = aqm_take(flow, now_ns, host);
        if (!packet)
            continue;
        /* Queue management may have dropped the head and brought out a longer packet. */
        node->credit -= packet->length < node->credit ? packet->length : node->credit;
        __builtin_prefetch(flow->head);
        *from = flow;
        return packet;
    }
    return NULL;
}

const struct emu_sched_ops emu_sched_rr = {
    .name = "rr",
    .size = rr_size,
    .init = rr_init,
    .join = rr_join,
    .leave = rr_leave,
    .reshare = rr_reshare,
    .enqueue = rr_enqueue,
    .dequeue = rr_dequeue,
};
