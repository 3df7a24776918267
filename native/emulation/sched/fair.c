/* SPDX-License-Identifier: BSD-2-Clause */
/* fair.c - queues by flow, new and old, and the drops from the longest (RFC 8290). */
#include "emulation/sched/fair.h"

#include <errno.h>
#include <string.h>

#include "emulation/sched/longest.h"
#include "packet/random.h"

enum { BATCH = 64, MERGE_LEVELS = 32 };

enum { IDLE, NEW, OLD, LISTS };

/* The words of a queue: struct emu_flow with a node of ours. */
struct node {
    struct emu_flow *next; /* in its list */
    int64_t deficit;       /* bytes it may still send in this round */
    uint64_t list;         /* which it is in */
};
_Static_assert(sizeof(struct node) <= EMU_NODE_WORDS * sizeof(uint64_t), "fits into a flow");

struct list {
    struct emu_flow *head, *tail;
};

struct fair {
    struct list lists[LISTS]; /* of queues; IDLE is empty: who is in no other list */
    struct emu_flow *queues;
    struct longest longest;
    uint32_t packets, limit, quantum;
    uint64_t perturb;
    union emu_aqm_params params;
};

static struct fair *fair_of(struct emu_sched *sched)
{
    return (struct fair *)(void *)sched;
}

static struct node *node_of(struct emu_flow *queue)
{
    return (struct node *)(void *)queue->node;
}

/* ---- lists of queues --------------------------------------------------------------------------- */

static void append(struct fair *f, unsigned list, struct emu_flow *queue)
{
    struct list *l = &f->lists[list];
    node_of(queue)->next = NULL;
    node_of(queue)->list = list;
    if (l->head)
        node_of(l->tail)->next = queue;
    else
        l->head = queue;
    l->tail = queue;
}

static struct emu_flow *remove_first(struct fair *f, unsigned list)
{
    struct list *l = &f->lists[list];
    struct emu_flow *queue = l->head;
    l->head = node_of(queue)->next;
    node_of(queue)->list = IDLE;
    return queue;
}

/* ---- packets ----------------------------------------------------------------------------------- */

static uint32_t number_of(const struct fair *f, const struct emu_flow *queue)
{
    return (uint32_t)(queue - f->queues);
}

static struct emu_flow *queue_for(const struct fair *f, const struct nv_emu_packet *packet)
{
    uint64_t mixed = packet->flow_hash ^ f->perturb;
    return &f->queues[nv_random_scale((uint32_t)(nv_splitmix64(&mixed) >> 32), f->longest.count)];
}

/* A packet goes into its queue: it counts for the flow queue it came through, and remembers that. */
static void put(struct fair *f, struct emu_flow *queue, struct emu_flow *flow, struct nv_emu_packet *packet)
{
    packet->owner = flow;
    flow_push(queue, packet);
    flow->packets++;
    flow->bytes += packet->length;
    f->packets++;
    longest_add(&f->longest, number_of(f, queue), packet->length);
    if (node_of(queue)->list == IDLE) {
        node_of(queue)->deficit = f->quantum;
        append(f, NEW, queue);
    }
}

/* A packet has been taken out of its queue. Returns the flow queue that it came through. */
static struct emu_flow *account(struct fair *f, const struct emu_flow *queue, const struct nv_emu_packet *packet)
{
    struct emu_flow *flow = packet->owner;
    flow->packets--;
    flow->bytes -= packet->length;
    f->packets--;
    longest_subtract(&f->longest, number_of(f, queue), packet->length);
    return flow;
}

/* What queue management in a queue sees of the host. */
struct inner {
    struct fair *fair;
    const struct emu_aqm_host *host;
};

static uint64_t inner_random(void *arg)
{
    const struct inner *inner = arg;
    return inner->host->random(inner->host->arg);
}

static void inner_drop(void *arg, struct emu_flow *queue, struct nv_emu_packet *packet, enum nv_emu_drop reason)
{
    const struct inner *inner = arg;
    struct emu_flow *flow = account(inner->fair, queue, packet);
    inner->host->drop(inner->host->arg, flow, packet, reason);
}

/* Drop half of the longest queue, BATCH packets at most, one at least (RFC 8290, section 4.1.3). */
static void drop_from_longest(struct fair *f, const struct inner *inner)
{
    struct emu_flow *queue = &f->queues[longest_find(&f->longest)];
    uint32_t count = queue->packets / 2;
    count = count < 1 ? 1 : count > BATCH ? BATCH : count;
    while (count-- > 0)
        inner_drop((void *)(uintptr_t)inner, queue, flow_pop(queue), NV_EMU_DROP_QUEUE_FULL);
}

/* ---- operations -------------------------------------------------------------------------------- */

static size_t rounded(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

size_t fair_size(const struct emu_fair *fair)
{
    return rounded(sizeof(struct fair)) + fair->flows * (sizeof(struct emu_flow) + sizeof(uint64_t));
}

int fair_init(struct emu_sched *sched, const struct emu_fair *fair, const struct emu_aqm_ops *management)
{
    struct fair *f = fair_of(sched);
    if (!fair->flows || fair->flows > LONGEST_BLOCK * LONGEST_BLOCKS || !fair->limit || !fair->quantum)
        return -EINVAL;
    f->queues = (struct emu_flow *)(void *)((char *)sched + rounded(sizeof(struct fair)));
    f->longest.bytes = (uint64_t *)(void *)(f->queues + fair->flows);
    f->longest.count = fair->flows;
    f->limit = fair->limit;
    f->quantum = fair->quantum;
    f->perturb = fair->perturb;
    f->params = fair->params;
    for (uint32_t i = 0; i < fair->flows; i++) {
        f->queues[i].management = management;
        f->queues[i].aqm_params = &f->params;
    }
    return 0;
}

int fair_join(struct emu_sched *sched, struct emu_flow *flow)
{
    struct fair *f = fair_of(sched);
    struct nv_emu_packet *packet = flow->head;
    flow->head = flow->tail = NULL;
    flow->packets = 0;
    flow->bytes = 0;
    while (packet) {
        struct nv_emu_packet *next = packet->next;
        put(f, queue_for(f, packet), flow, packet);
        packet = next;
    }
    return 0;
}

/* ---- leaving ----------------------------------------------------------------------------------- */

static bool earlier(const struct nv_emu_packet *a, const struct nv_emu_packet *b)
{
    return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : (int32_t)(a->order - b->order) < 0;
}

/* Two lists of packets, each in order of arrival, as one. */
static struct nv_emu_packet *merge(struct nv_emu_packet *a, struct nv_emu_packet *b)
{
    struct nv_emu_packet *merged = NULL, **end = &merged;
    while (a && b) {
        struct nv_emu_packet **first = earlier(b, a) ? &b : &a;
        *end = *first;
        *first = (*first)->next;
        end = &(*end)->next;
    }
    *end = a ? a : b;
    return merged;
}

/* Take a flow queue's packets out of a queue, in order. Their hash is lost; those of one queue get one hash again. */
static struct nv_emu_packet *extract(struct fair *f, struct emu_flow *queue, const struct emu_flow *flow)
{
    struct nv_emu_packet *taken = NULL, **end = &taken, *packet = queue->head;
    queue->head = queue->tail = NULL;
    queue->packets = 0;
    queue->bytes = 0;
    while (packet) {
        struct nv_emu_packet *next = packet->next;
        if (packet->owner == flow) {
            account(f, queue, packet);
            packet->flow_hash = number_of(f, queue);
            *end = packet;
            end = &packet->next;
        } else {
            flow_push(queue, packet);
        }
        packet = next;
    }
    *end = NULL;
    return taken;
}

void fair_leave(struct emu_sched *sched, struct emu_flow *flow)
{
    struct fair *f = fair_of(sched);
    struct nv_emu_packet *runs[MERGE_LEVELS] = {NULL}, *all = NULL; /* runs[i]: of about 2^i queues */

    if (!flow->packets)
        return;
    for (unsigned list = NEW; list <= OLD; list++)
        for (struct emu_flow *queue = f->lists[list].head; queue; queue = node_of(queue)->next) {
            struct nv_emu_packet *run = extract(f, queue, flow);
            unsigned level = 0;
            for (; level < MERGE_LEVELS - 1 && runs[level]; level++) {
                run = merge(runs[level], run);
                runs[level] = NULL;
            }
            runs[level] = merge(runs[level], run);
        }
    for (unsigned level = 0; level < MERGE_LEVELS; level++)
        all = merge(runs[level], all);
    while (all) {
        struct nv_emu_packet *next = all->next;
        flow_push(flow, all);
        all = next;
    }
}

void fair_reshare(struct emu_sched *sched, struct emu_flow *flow, struct emu_share share)
{
    (void)sched;
    (void)flow;
    (void)share; /* all are equal here */
}

enum nv_emu_drop fair_enqueue(struct emu_sched *sched, struct emu_flow *flow, struct nv_emu_packet *packet,
                              uint64_t now_ns, const struct emu_aqm_host *host)
{
    struct fair *f = fair_of(sched);
    struct emu_flow *queue = queue_for(f, packet);
    const struct inner inner = {.fair = f, .host = host};

    if (queue->management->arrive) {
        const struct emu_aqm_host inner_host = {(void *)(uintptr_t)&inner, inner_random, inner_drop};
        enum emu_aqm_verdict verdict = queue->management->arrive(queue, packet, now_ns, &inner_host);
        if (verdict == EMU_AQM_DROP)
            return queue->management->reason;
        if (verdict == EMU_AQM_MARK)
            packet->flags |= NV_EMU_MARKED;
    }
    if (f->packets >= f->limit)
        drop_from_longest(f, &inner);
    put(f, queue, flow, packet);
    return NV_EMU_DROP_NONE;
}

/* RFC 8290, section 4.2. */
struct nv_emu_packet *fair_dequeue(struct emu_sched *sched, uint64_t now_ns, const struct emu_aqm_host *host,
                                   struct emu_flow **from)
{
    struct fair *f = fair_of(sched);
    const struct inner inner = {.fair = f, .host = host};
    const struct emu_aqm_host inner_host = {(void *)(uintptr_t)&inner, inner_random, inner_drop};

    for (;;) {
        unsigned list = f->lists[NEW].head ? NEW : OLD;
        struct emu_flow *queue = f->lists[list].head;
        if (!queue)
            return NULL;
        if (node_of(queue)->deficit <= 0) {
            node_of(queue)->deficit += f->quantum;
            append(f, OLD, remove_first(f, list));
            continue;
        }
        struct nv_emu_packet *packet = aqm_take(queue, now_ns, &inner_host);
        if (!packet) {
            remove_first(f, list);
            if (list == NEW && f->lists[OLD].head)
                append(f, OLD, queue); /* so that it cannot be new again at once and starve the old */
            continue;
        }
        node_of(queue)->deficit -= packet->length;
        *from = account(f, queue, packet);
        return packet;
    }
}
