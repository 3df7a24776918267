/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * qfq_groups.h - the data of QFQ (qfq.c): groups of flow queues with similar slots, the sets that groups are in, the
 * circular calendar of slots in a group. All costs are constant.
 */
#ifndef NETVALE_EMULATION_SCHED_QFQ_GROUPS_H
#define NETVALE_EMULATION_SCHED_QFQ_GROUPS_H

#include "emulation/sched.h"

enum {
    FRACTION = 30,         /* bits behind the point in times */
    FIRST_SLOT_SHIFT = 22, /* slot length of group 0 */
    GROUPS = 32,
    SLOTS = 32,
    MAX_WEIGHT = 1 << 16
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

static inline struct qfq *qfq_of(struct emu_sched *sched)
{
    return (struct qfq *)(void *)sched;
}

static inline struct qfq_node *node_of(struct emu_flow *flow)
{
    return (struct qfq_node *)(void *)flow->node;
}

static inline bool after(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) > 0;
}

static inline unsigned shift_of(uint32_t group)
{
    return FIRST_SLOT_SHIFT + group;
}

static inline uint64_t round_down(uint64_t time, uint32_t group)
{
    return time >> shift_of(group) << shift_of(group);
}

static inline uint32_t first_of(uint32_t map)
{
    return (uint32_t)__builtin_ctz(map);
}

/* Groups of `map` from index `from` on. */
static inline uint32_t from_group(uint32_t map, uint32_t from)
{
    return from < GROUPS ? map >> from << from : 0;
}

/* ---- groups ------------------------------------------------------------------------------------ */

/* The smallest group whose slots are as long as the time of a longest packet. */
static inline uint32_t group_for(uint32_t inverse, uint32_t lmax)
{
    uint64_t slots = (((uint64_t)lmax * inverse) - 1) >> FIRST_SLOT_SHIFT; /* rounded up, less 1 */
    uint32_t index = slots ? 64 - (uint32_t)__builtin_clzll(slots) : 0;
    return index < GROUPS ? index : GROUPS - 1;
}

static inline void set_shares(struct qfq_node *node, struct emu_share share, uint32_t longest)
{
    uint32_t weight = share.weight < 1 ? 1 : share.weight > MAX_WEIGHT ? MAX_WEIGHT : share.weight;
    node->inverse = (uint32_t)(ONE / weight);
    node->lmax = share.lmax > longest ? share.lmax : longest;
    if (node->lmax < 1)
        node->lmax = 1;
    node->group = group_for(node->inverse, node->lmax);
}

/* Which set a group belongs in: is it eligible, is it blocked by one behind it. */
static inline unsigned state_of(const struct qfq *q, uint32_t index)
{
    const struct group *g = &q->groups[index];
    unsigned state = after(g->s, q->v) ? INELIGIBLE : 0;
    uint32_t behind = from_group(q->sets[ER], index + 1);
    if (behind && after(g->f, q->groups[first_of(behind)].f))
        state |= BLOCKED;
    return state;
}

static inline void clear_group(struct qfq *q, uint32_t index)
{
    for (unsigned set = 0; set < SETS; set++)
        q->sets[set] &= ~(1u << index);
}

static inline void set_group(struct qfq *q, uint32_t index, uint64_t s)
{
    struct group *g = &q->groups[index];
    g->s = s;
    g->f = s + (UINT64_C(2) << shift_of(index));
    q->sets[state_of(q, index)] |= 1u << index;
}

static inline void move_groups(struct qfq *q, uint32_t map, unsigned from, unsigned to)
{
    q->sets[to] |= q->sets[from] & map;
    q->sets[from] &= ~map;
}

/* A group that finished at old_f has gone on: those before it that it alone blocked are ready. */
static inline void unblock(struct qfq *q, uint32_t index, uint64_t old_f)
{
    uint32_t behind = from_group(q->sets[ER], index + 1);
    if (behind && !after(q->groups[first_of(behind)].f, old_f))
        return;
    uint32_t before = (1u << index) - 1;
    move_groups(q, before, EB, ER);
    move_groups(q, before, IB, IR);
}

/* V has gone on from old_v: the groups with a slot boundary in between are eligible. */
static inline void update_eligible(struct qfq *q, uint64_t old_v)
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
static inline void slot_insert(struct group *g, struct emu_flow *flow, uint64_t start)
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

static inline void slot_remove(struct group *g, struct emu_flow *flow)
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
static inline uint32_t slot_scan(struct group *g)
{
    uint32_t offset = first_of(g->full);
    g->front = (g->front + offset) % SLOTS;
    g->full >>= offset;
    return offset;
}

#endif
