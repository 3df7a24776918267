/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * qfq.c - quick fair queueing (F. Checconi, L. Rizzo, P. Valente, QFQ: efficient packet scheduling with tight
 * guarantees, IEEE/ACM Transactions on Networking 2013): WF2Q+'s guarantee up to a constant, at constant cost.
 *
 * Flow queues with about the same lmax/weight form a group, whose slot length is that value rounded up to a power of 2.
 * Start times are rounded down to slots, so a group keeps its queues in 32 slots of a circular calendar. Groups are in
 * one of four sets, by whether they are eligible (S <= V) or not and ready or blocked by a group of higher index that
 * would finish earlier; the first group that is eligible and ready is the next, found by one bit instruction.
 *
 * V grows by length/sum of weights, but the sum counts as LEAST_SUM at least, and a flow queue that has been idle
 * starts at V, as a new one does. So the order is dummynet's (where V grows by length/131072); the guarantee, three
 * slots of the own and a longest packet, is for shares of that sum, so weights that add up to LEAST_SUM or more have it
 * in full. To start at V alone would let a queue that empties after each packet have more than its share for ever: one
 * that has had more than its weight's part of all bytes, by more than SLACK of its longest packets, starts where it
 * finished.
 *
 * Unlike the original, lmax is not bounded: a longer packet moves its flow queue to the group that it needs, before it
 * is served, so the guarantee holds for jumbo frames too.
 */
#include <string.h>

#include "emulation/sched/qfq_groups.h"

enum {
    LEAST_SUM = 1024, /* of weights, that V goes by */
    SLACK = 16        /* packets of lmax that a queue may have had beyond its share */
};

/* ---- flow queues ------------------------------------------------------------------------------- */

/* Whether a queue that comes back has had so much more than its share that it cannot be as a new one. */
static bool overdrawn(const struct qfq *q, struct qfq_node *node)
{
    if (node->epoch != q->epoch) {
        node->surplus = 0;
    } else {
        uint64_t had = node->surplus + (node->f - node->began), since = q->bytes - node->bytes;
        uint64_t share = since >> (64 - FRACTION) ? UINT64_MAX : (since << FRACTION) / q->weights;
        node->surplus = had > share ? had - share : 0;
    }
    node->epoch = q->epoch;
    node->bytes = q->bytes;
    return node->surplus > (uint64_t)SLACK * node->lmax * node->inverse;
}

/*
 * When a queue that gets its first packets starts: at V, but not before the group that would block it finishes, so that
 * the order of ready groups holds; or where it finished. That is never too far ahead: it was eligible when served.
 */
static uint64_t start_of(const struct qfq *q, struct qfq_node *node)
{
    if (overdrawn(q, node) && after(node->f, q->v))
        return node->f;
    uint32_t behind = from_group(q->sets[ER], node->group);
    if (behind && after(round_down(node->f, node->group), q->groups[first_of(behind)].f))
        return q->groups[first_of(behind)].f;
    return q->v;
}

/* A queue with packets takes its place. */
static void activate(struct qfq *q, struct emu_flow *flow)
{
    struct qfq_node *node = node_of(flow);
    struct group *g = &q->groups[node->group];
    uint64_t s = start_of(q, node), rounded = round_down(s, node->group);

    node->began = s;
    node->f = s + (uint64_t)flow->head->length * node->inverse;
    if (g->full && !after(g->s, s)) {
        slot_insert(g, flow, rounded);
        return;
    }
    if (g->full) { /* make room before the first slot */
        uint64_t distance = (g->s - rounded) >> shift_of(node->group);
        uint32_t slots = distance < SLOTS ? (uint32_t)distance : SLOTS - 1;
        g->full <<= slots;
        g->front = (g->front - slots) % SLOTS;
        clear_group(q, node->group);
    } else if (!q->sets[ER] && after(rounded, q->v)) {
        q->v = rounded;
    }
    set_group(q, node->group, rounded);
    slot_insert(g, flow, rounded);
}

/* A queue leaves its place whatever it is: all sets are made anew, from the last group on. */
static void deactivate(struct qfq *q, struct emu_flow *flow)
{
    struct qfq_node *node = node_of(flow);
    struct group *g = &q->groups[node->group];
    slot_remove(g, flow);
    if (g->full)
        g->s += (uint64_t)slot_scan(g) << shift_of(node->group);
    memset(q->sets, 0, sizeof(q->sets));
    for (uint32_t index = GROUPS; index-- > 0;)
        if (q->groups[index].full)
            set_group(q, index, q->groups[index].s);
    update_eligible(q, q->v);
}

/* The queue's packets are longer than it was made for. */
static void lengthen(struct qfq_node *node, uint32_t length)
{
    node->lmax = length;
    node->group = group_for(node->inverse, length);
}

/* ---- operations -------------------------------------------------------------------------------- */

static void add_weight(struct qfq *q, int64_t inverse_sign, uint32_t inverse)
{
    q->weights += (uint64_t)inverse_sign * (ONE / inverse);
    q->step = ONE / (q->weights > LEAST_SUM ? q->weights : LEAST_SUM);
}

static size_t qfq_size(const struct emu_fair *fair)
{
    (void)fair;
    return sizeof(struct qfq);
}

static int qfq_init(struct emu_sched *sched, const struct emu_fair *fair)
{
    (void)fair;
    qfq_of(sched)->epoch = 1; /* a queue that is new has epoch 0 */
    return 0;
}

static uint32_t head_length(const struct emu_flow *flow)
{
    return flow->packets ? flow->head->length : 0;
}

static int qfq_join(struct emu_sched *sched, struct emu_flow *flow)
{
    struct qfq *q = qfq_of(sched);
    memset(flow->node, 0, sizeof(flow->node));
    set_shares(node_of(flow), flow->share, head_length(flow));
    node_of(flow)->f = q->v;
    add_weight(q, 1, node_of(flow)->inverse);
    if (flow->packets)
        activate(q, flow);
    return 0;
}

static void qfq_leave(struct emu_sched *sched, struct emu_flow *flow)
{
    struct qfq *q = qfq_of(sched);
    if (flow->packets)
        deactivate(q, flow);
    add_weight(q, -1, node_of(flow)->inverse);
}

/* A waiting queue starts anew where its head started. */
static void qfq_reshare(struct emu_sched *sched, struct emu_flow *flow, struct emu_share share)
{
    struct qfq *q = qfq_of(sched);
    struct qfq_node *node = node_of(flow);
    if (flow->packets) {
        deactivate(q, flow);
        node->f -= (uint64_t)flow->head->length * node->inverse;
    }
    add_weight(q, -1, node->inverse);
    set_shares(node, share, head_length(flow));
    add_weight(q, 1, node->inverse);
    if (flow->packets)
        activate(q, flow);
}

static enum nv_emu_drop qfq_enqueue(struct emu_sched *sched, struct emu_flow *flow, struct nv_emu_packet *packet,
                                    uint64_t now_ns, const struct emu_aqm_host *host)
{
    (void)now_ns;
    (void)host;
    flow_push(flow, packet);
    if (flow->packets == 1) {
        if (packet->length > node_of(flow)->lmax)
            lengthen(node_of(flow), packet->length);
        activate(qfq_of(sched), flow);
    }
    return NV_EMU_DROP_NONE;
}

/* The front queue of the first ready group has sent a packet and starts at F: put it and its group where they belong.
 * Returns whether it still waits but needs another group. */
static bool advance(struct qfq *q, uint32_t index, struct emu_flow *flow)
{
    struct group *g = &q->groups[index];
    struct qfq_node *node = node_of(flow);
    const bool outgrown = head_length(flow) > node->lmax;

    if (flow->packets && !outgrown) {
        uint64_t rounded = round_down(node->f, index);
        node->f += (uint64_t)flow->head->length * node->inverse;
        if (rounded == g->s)
            return false;
        slot_remove(g, flow);
        slot_insert(g, flow, rounded);
    } else {
        slot_remove(g, flow);
    }
    uint64_t old_f = g->f;
    uint32_t later = g->full ? slot_scan(g) : 0;
    if (g->full && !later)
        return outgrown;
    q->sets[ER] &= ~(1u << index);
    if (g->full)
        set_group(q, index, g->s + ((uint64_t)later << shift_of(index)));
    unblock(q, index, old_f);
    return outgrown;
}

static struct nv_emu_packet *qfq_dequeue(struct emu_sched *sched, uint64_t now_ns, const struct emu_aqm_host *host,
                                         struct emu_flow **from)
{
    struct qfq *q = qfq_of(sched);

    while (q->sets[ER]) {
        uint32_t index = first_of(q->sets[ER]);
        struct emu_flow *flow = q->groups[index].slots[q->groups[index].front];
        struct qfq_node *node = node_of(flow);
        uint64_t old_v = q->v;

        node->f -= (uint64_t)flow->head->length * node->inverse; /* its start */
        struct nv_emu_packet *packet = aqm_take(flow, now_ns, host);
        if (packet) { /* which is another than the head that F was made for, when queue management dropped that */
            node->f += (uint64_t)packet->length * node->inverse;
            q->v += packet->length * q->step;
            q->bytes += packet->length;
        }
        if (node->next)
            __builtin_prefetch(node->next);
        bool outgrown = advance(q, index, flow);
        update_eligible(q, old_v);
        if (outgrown) {
            lengthen(node, flow->head->length);
            activate(q, flow);
        }
        if (packet) {
            __builtin_prefetch(flow->head);
            *from = flow;
            return packet;
        }
    }
    q->bytes = 0;
    q->epoch++;
    return NULL;
}

const struct emu_sched_ops emu_sched_qfq = {
    .name = "qfq",
    .size = qfq_size,
    .init = qfq_init,
    .join = qfq_join,
    .leave = qfq_leave,
    .reshare = qfq_reshare,
    .enqueue = qfq_enqueue,
    .dequeue = qfq_dequeue,
};
