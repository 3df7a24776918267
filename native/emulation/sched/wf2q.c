/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wf2q.c - WF2Q+ (J. C. R. Bennett, H. Zhang, Hierarchical packet fair queueing algorithms, 1997), as dummynet has it.
 *
 * Each flow queue has a start time S and a finish time F = S + length/weight of its head, and the instance a virtual
 * time V. Of the queues with S <= V (eligible) the one with the smallest F is served; V grows by length/sum of weights,
 * and to the smallest S when none is eligible. An idle queue counts in the sum until V has passed its F.
 *
 * Times are bytes per unit of weight in fixed point, as in dummynet (28 bits), and so are its roundings: queues meet at
 * the same virtual time very often, and the order of departures then depends on them.
 */
#include <string.h>

#include "emulation/sched.h"
#include "emulation/sched/roster.h"

enum { FRACTION = 28 };
#define ONE (UINT64_C(1) << FRACTION)

/* 1/sum is rounded as in dummynet up to here; beyond, its error would be felt, and V is divided exactly. */
enum { COARSE_WEIGHTS = 1 << 14 };

enum { ELIGIBLE, EARLY, IDLE, HEAPS };

struct wf2q {
    struct heap heaps[HEAPS]; /* ELIGIBLE by F, EARLY (S > V) by S, IDLE by F */
    struct roster members;
    uint64_t v;
    uint64_t epoch;   /* counts the times when all was idle and V began anew */
    uint64_t weights; /* sum over queues that count */
    uint64_t step;    /* ONE/weights */
};

struct wf2q_node {
    uint64_t s, f;
    uint32_t inverse; /* ONE/weight */
    uint32_t id;
    uint64_t epoch; /* in which it counts; 0: its times mean nothing, it is not in the sum */
};
_Static_assert(sizeof(struct wf2q_node) <= EMU_NODE_WORDS * sizeof(uint64_t), "fits into a flow");

static struct wf2q *wf2q_of(struct emu_sched *sched)
{
    return (struct wf2q *)(void *)sched;
}

static struct wf2q_node *node_of(struct emu_flow *flow)
{
    return (struct wf2q_node *)(void *)flow->node;
}

static uint32_t inverse_of(uint32_t weight)
{
    return (uint32_t)(ONE / (weight ? weight : 1));
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return key_less(a, b) ? b : a;
}

static void add_weight(struct wf2q *w, int64_t weight)
{
    w->weights += (uint64_t)weight;
    if (w->weights)
        w->step = ONE / w->weights;
}

/* V after a packet of this length. */
static uint64_t advanced(const struct wf2q *w, uint32_t length)
{
    if (w->weights <= COARSE_WEIGHTS)
        return w->v + length * w->step;
    return w->v + ((uint64_t)length << FRACTION) / w->weights;
}

static void push(struct wf2q *w, unsigned heap, uint64_t key, uint32_t id)
{
    heap_push(&w->heaps[heap], w->members.place, key, id);
}

/* Put a waiting queue among those that are eligible, or too early. */
static void place(struct wf2q *w, const struct wf2q_node *node)
{
    if (key_less(w->v, node->s))
        push(w, EARLY, node->s, node->id);
    else
        push(w, ELIGIBLE, node->f, node->id);
}

static void take_out(struct wf2q *w, const struct wf2q_node *node)
{
    for (unsigned i = 0; i < HEAPS; i++)
        if (heap_holds(&w->heaps[i], w->members.place, node->id)) {
            heap_take(&w->heaps[i], w->members.place, w->members.place[node->id], NULL);
            return;
        }
}

/* An idle queue has got its first packets. */
static void activate(struct wf2q *w, struct emu_flow *flow)
{
    struct wf2q_node *node = node_of(flow);
    if (node->epoch != w->epoch) {
        node->epoch = w->epoch;
        node->s = w->v;
        add_weight(w, flow->share.weight);
    } else {
        heap_take(&w->heaps[IDLE], w->members.place, w->members.place[node->id], NULL);
        node->s = later(node->f, w->v);
    }
    node->f = node->s + (uint64_t)flow->head->length * node->inverse;
    if (!w->heaps[ELIGIBLE].count && !w->heaps[EARLY].count)
        w->v = later(node->s, w->v);
    place(w, node);
}

static size_t wf2q_size(const struct emu_fair *fair)
{
    (void)fair;
    return sizeof(struct wf2q);
}

static int wf2q_init(struct emu_sched *sched, const struct emu_fair *fair)
{
    (void)fair;
    wf2q_of(sched)->epoch = 1;
    return 0;
}

static int wf2q_join(struct emu_sched *sched, struct emu_flow *flow)
{
    struct wf2q *w = wf2q_of(sched);
    struct wf2q_node *node = node_of(flow);
    memset(flow->node, 0, sizeof(flow->node));
    int result = roster_add(&w->members, w->heaps, HEAPS, flow, &node->id);
    if (result != 0)
        return result;
    node->inverse = inverse_of(flow->share.weight);
    if (flow->packets)
        activate(w, flow);
    return 0;
}

static void wf2q_leave(struct emu_sched *sched, struct emu_flow *flow)
{
    struct wf2q *w = wf2q_of(sched);
    struct wf2q_node *node = node_of(flow);
    if (node->epoch == w->epoch) {
        take_out(w, node);
        add_weight(w, -(int64_t)flow->share.weight);
    }
    roster_remove(&w->members, node->id);
}

/* The head in service order keeps its start; its finish follows the new weight. */
static void wf2q_reshare(struct emu_sched *sched, struct emu_flow *flow, struct emu_share share)
{
    struct wf2q *w = wf2q_of(sched);
    struct wf2q_node *node = node_of(flow);
    node->inverse = inverse_of(share.weight);
    if (node->epoch != w->epoch)
        return;
    add_weight(w, (int64_t)share.weight - (int64_t)flow->share.weight);
    if (flow->packets) {
        take_out(w, node);
        node->f = node->s + (uint64_t)flow->head->length * node->inverse;
        place(w, node);
    }
}

static enum nv_emu_drop wf2q_enqueue(struct emu_sched *sched, struct emu_flow *flow, struct nv_emu_packet *packet,
                                     uint64_t now_ns, const struct emu_aqm_host *host)
{
    (void)now_ns;
    (void)host;
    flow_push(flow, packet);
    if (flow->packets == 1)
        activate(wf2q_of(sched), flow);
    return NV_EMU_DROP_NONE;
}

/* Forget one idle queue that V has passed: from now on its share belongs to the others. */
static void forget_idle(struct wf2q *w)
{
    const struct heap *idle = &w->heaps[IDLE];
    if (!idle->count || !key_less(idle->at[0].key, w->v))
        return;
    struct emu_flow *flow = w->members.flows[idle->at[0].id];
    heap_take(&w->heaps[IDLE], w->members.place, 0, NULL);
    node_of(flow)->epoch = 0;
    add_weight(w, -(int64_t)flow->share.weight);
}

/* See that one is eligible, and move those that have become so. */
static void promote(struct wf2q *w)
{
    struct heap *early = &w->heaps[EARLY];
    if (!w->heaps[ELIGIBLE].count && early->count)
        w->v = later(w->v, early->at[0].key);
    while (early->count && !key_less(w->v, early->at[0].key)) {
        uint32_t id = early->at[0].id;
        uint64_t f = node_of(w->members.flows[id])->f;
        heap_take(early, w->members.place, 0, w->members.flows);
        push(w, ELIGIBLE, f, id);
    }
}

/* What the next calls will touch. */
static void look_ahead(const struct wf2q *w)
{
    const struct heap *eligible = &w->heaps[ELIGIBLE];
    if (!eligible->count)
        return;
    __builtin_prefetch(w->members.flows[eligible->at[0].id]->head);
    for (uint32_t i = 1; i < 5 && i < eligible->count; i++)
        __builtin_prefetch(w->members.flows[eligible->at[i].id]);
}

static struct nv_emu_packet *wf2q_dequeue(struct emu_sched *sched, uint64_t now_ns, const struct emu_aqm_host *host,
                                          struct emu_flow **from)
{
    struct wf2q *w = wf2q_of(sched);
    struct heap *eligible = &w->heaps[ELIGIBLE];

    while (eligible->count || w->heaps[EARLY].count) {
        forget_idle(w);
        promote(w);
        struct emu_flow *flow = w->members.flows[eligible->at[0].id];
        struct wf2q_node *node = node_of(flow);
        struct nv_emu_packet *packet = aqm_take(flow, now_ns, host);
        heap_take(eligible, w->members.place, 0, w->members.flows);
        if (packet) { /* which is not the head that F was made for, when queue management dropped that */
            w->v = advanced(w, packet->length);
            node->s += (uint64_t)packet->length * node->inverse;
        }
        node->f = node->s;
        if (flow->packets) {
            node->f += (uint64_t)flow->head->length * node->inverse;
            place(w, node);
        } else {
            push(w, IDLE, node->f, node->id);
        }
        promote(w);
        if (packet) {
            look_ahead(w);
            *from = flow;
            return packet;
        }
    }
    /* All is idle: V begins anew, and nobody has had anything. */
    w->heaps[IDLE].count = 0;
    w->v = w->weights = 0;
    w->epoch++;
    return NULL;
}

static void wf2q_fini(struct emu_sched *sched)
{
    struct wf2q *w = wf2q_of(sched);
    roster_free(&w->members, w->heaps, HEAPS);
}

const struct emu_sched_ops emu_sched_wf2q = {
    .name = "wf2q+",
    .size = wf2q_size,
    .init = wf2q_init,
    .join = wf2q_join,
    .leave = wf2q_leave,
    .reshare = wf2q_reshare,
    .enqueue = wf2q_enqueue,
    .dequeue = wf2q_dequeue,
    .fini = wf2q_fini,
};
