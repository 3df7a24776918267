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

#include "emulation/sched.h"

enum {
    FRACTION = 30,         /* bits behind the point in times */
    FIRST_SLOT_SHIFT = 22, /* slot length of group 0 */
    GROUPS = 32,
    SLOTS = 32,
    MAX_WEIGHT = 1 << 16,
    LEAST_SUM = 1024,
    SLACK = 16
};
#define ONE (UINT64_C(1) << FRACTION)

/* Sets of groups: eligible and ready, ineligible and ready, eligible but blocked, ineligible and blocked. */
enum { ER, IR, EB, IB, SETS };
enum { INELIGIBLE = 1, BLOCKED = 2 };

struct group {
    uint64_t s, f;  /* rounded times of the first slot: F = S + 2 slots */
    uint32_t full;  /* which slots have queues; bit 0: the first */
    uint32_t front; /* index of the first slot */
    struct emu_flow *slots[SLOTS];
};

struct qfq {
    uint32_t sets[SETS]; /* bit maps of groups */
    uint64_t v;
    uint64_t weights; /* of all flow queues that have joined */
    uint64_t step;    /* of V, for a byte: ONE/weights, or less */
    uint64_t bytes;   /* sent since all was idle */
    uint64_t epoch;   /* counts those times */
    struct group groups[GROUPS];
};

struct qfq_node {
    uint64_t f;            /* finish time of the head; when idle: of the last packet */
    struct emu_flow *next; /* in its slot */
    uint32_t inverse;      /* ONE/weight */
    uint32_t group;
    struct emu_flow *prev; /* in its slot; NULL: the first there */
    uint32_t lmax;         /* the longest packet known of */
    uint32_t slot;         /* index of its slot */
    uint64_t began;        /* S when it got its first packets */
    uint64_t epoch, bytes; /* of the instance then */
    uint64_t surplus;      /* what it had had beyond its share then, as a time */
};
_Static_assert(sizeof(struct qfq_node) <= EMU_NODE_WORDS * sizeof(uint64_t), "fits into a flow");

static struct qfq *qfq_of(struct emu_sched *sched)
{
    return (struct qfq *)(void *)sched;
}

static struct qfq_node *node_of(struct emu_flow *flow)
{
    return (struct qfq_node *)(void *)flow->node;
}

static bool after(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) > 0;
}

static unsigned shift_of(uint32_t group)
{
    return FIRST_SLOT_SHIFT + group;
}

static uint64_t round_down(uint64_t time, uint32_t group)
{
    return time >> shift_of(group) << shift_of(group);
}

static uint32_t first_of(uint32_t map)
{
    return (uint32_t)__builtin_ctz(map);
}

/* Groups of `map` from index `from` on. */
static uint32_t from_group(uint32_t map, uint32_t from)
{
    return from < GROUPS ? map >> from << from : 0;
}

/* ---- groups ------------------------------------------------------------------------------------ */

/* The smallest group whose slots are as long as the time of a longest packet. */
static uint32_t group_for(uint32_t inverse, uint32_t lmax)
{
    uint64_t slots = (((uint64_t)lmax * inverse) - 1) >> FIRST_SLOT_SHIFT; /* rounded up, less 1 */
    uint32_t index = slots ? 64 - (uint32_t)__builtin_clzll(slots) : 0;
    return index < GROUPS ? index : GROUPS - 1;
}

static void set_shares(struct qfq_node *node, struct emu_share share, uint32_t longest)
{
    uint32_t weight = share.weight < 1 ? 1 : share.weight > MAX_WEIGHT ? MAX_WEIGHT : share.weight;
    node->inverse = (uint32_t)(ONE / weight);
    node->lmax = share.lmax > longest ? share.lmax : longest;
    if (node->lmax < 1)
        node->lmax = 1;
    node->group = group_for(node->inverse, node->lmax);
}

/* Which set a group belongs in: is it eligible, is it blocked by one behind it. */
static unsigned state_of(const struct qfq *q, uint32_t index)
{
    const struct group *g = &q->groups[index];
    unsigned state = after(g->s, q->v) ? INELIGIBLE : 0;
    uint32_t behind = from_group(q->sets[ER], index + 1);
    if (behind && after(g->f, q->groups[first_of(behind)].f))
        state |= BLOCKED;
    return state;
}

static void clear_group(struct qfq *q, uint32_t index)
{
    for (unsigned set = 0; set < SETS; set++)
        q->sets[set] &= ~(1u << index);
}

static void set_group(struct qfq *q, uint32_t index, uint64_t s)
{
    struct group *g = &q->groups[index];
    g->s = s;
    g->f = s + (UINT64_C(2) << shift_of(index));
    q->sets[state_of(q, index)] |= 1u << index;
}

static void move_groups(struct qfq *q, uint32_t map, unsigned from, unsigned to)
{
    q->sets[to] |= q->sets[from] & map;
    q->sets[from] &= ~map;
}

/* A group that finished at old_f has gone on: those before it that it alone blocked are ready. */
static void unblock(struct qfq *q, uint32_t index, uint64_t old_f)
{
    uint32_t behind = from_group(q->sets[ER], index + 1);
    if (behind && !after(q->groups[first_of(behind)].f, old_f))
        return;
    uint32_t before = (1u << index) - 1;
    move_groups(q, before, EB, ER);
    move_groups(q, before, IB, IR);
}

/* V has gone on from old_v: the groups with a slot boundary in between are eligible. */
static void update_eligible(struct qfq *q, uint64_t old_v)
{
    uint32_t ineligible = q->sets[IR] | q->sets[IB];
    if (!ineligible)
        return;
    if (!q->sets[ER]) {
        uint64_t s = q->groups[first_of(ineligible)].s;
        if (after(s, q->v))
            q->v = s;
    }
    uint64_t crossed = (q->v ^ old_v) >> FIRST_SLOT_SHIFT;
    if (crossed) {
        uint32_t highest = 63 - (uint32_t)__builtin_clzll(crossed);
        uint32_t map = highest >= GROUPS - 1 ? UINT32_MAX : (2u << highest) - 1;
        move_groups(q, map, IR, ER);
        move_groups(q, map, IB, EB);
    }
}

/* ---- slots ------------------------------------------------------------------------------------- */

/* First in its slot, as in the original. */
static void slot_insert(struct group *g, struct emu_flow *flow, uint64_t start)
{
    struct qfq_node *node = node_of(flow);
    uint64_t distance = (start - g->s) >> shift_of(node->group);
    uint32_t offset = distance < SLOTS ? (uint32_t)distance : SLOTS - 1;
    node->slot = (g->front + offset) % SLOTS;
    node->prev = NULL;
    node->next = g->slots[node->slot];
    if (node->next)
        node_of(node->next)->prev = flow;
    g->slots[node->slot] = flow;
    g->full |= 1u << offset;
}

static void slot_remove(struct group *g, struct emu_flow *flow)
{
    struct qfq_node *node = node_of(flow);
    if (node->next)
        node_of(node->next)->prev = node->prev;
    if (node->prev)
        node_of(node->prev)->next = node->next;
    else if (!(g->slots[node->slot] = node->next))
        g->full &= ~(1u << (node->slot - g->front) % SLOTS);
}

/* Make the first slot with queues the front. Returns by how many slots that is later. */
static uint32_t slot_scan(struct group *g)
{
    uint32_t offset = first_of(g->full);
    g->front = (g->front + offset) % SLOTS;
    g->full >>= offset;
    return offset;
}

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
