/* SPDX-License-Identifier: BSD-2-Clause */
/* enqueue.c - packets arrive: loss, limits, queue management, the scheduler. */
#include "emulation/line.h"

_Static_assert(NV_EMU_DROP_BER - NV_EMU_DROP_LIST == NV_EMU_LOSS_BER - NV_EMU_LOSS_LIST, "a reason for each model");

enum { AHEAD = 8 }; /* packets of a batch whose queues are brought into the cache before they are needed */

/* random() < p * 2^31, as dummynet compares. */
static bool chance(struct nv_random *random, uint32_t threshold)
{
    return (uint32_t)(nv_random_next(random) >> 33) < threshold;
}

/* plr, or the Gilbert-Elliott model: loss by state, then perhaps a change of state. */
static bool lost(struct emu_set *set, struct emu_flow *flow)
{
    if (!set->config.gilbert)
        return chance(&set->random, set->plr);
    bool bad = flow->state & QUEUE_BAD;
    bool lost = chance(&set->random, bad ? set->bad : set->good);
    if (chance(&set->random, bad ? set->to_good : set->to_bad))
        flow->state ^= QUEUE_BAD;
    return lost;
}

/* Limit and queue management of a flow queue. */
static enum nv_emu_drop admit(struct nv_emu *emu, struct emu_set *set, struct emu_queue *queue,
                              struct nv_emu_packet *packet, uint64_t now_ns)
{
    const struct emu_flow *flow = &queue->flow;
    if (flow->packets >= set->max_packets || flow->bytes > set->max_bytes)
        return NV_EMU_DROP_QUEUE_FULL;
    if (!flow->management || !flow->management->arrive)
        return NV_EMU_DROP_NONE;
    emu->serving = queue->path;
    emu->serving_ns = now_ns;
    switch (flow->management->arrive(&queue->flow, packet, now_ns, &emu->host)) {
    case EMU_AQM_DROP:
        return flow->management->reason;
    case EMU_AQM_MARK:
        packet->flags |= NV_EMU_MARKED;
        break;
    case EMU_AQM_KEEP:
        break;
    }
    return NV_EMU_DROP_NONE;
}

/* A packet that was not lost before the queue joins it, or goes straight onto a free link. */
static enum nv_emu_drop join(struct nv_emu *emu, struct emu_queue *queue, struct nv_emu_packet *packet, uint64_t now_ns)
{
    struct emu_path *path = queue->path;
    const struct emu_plan *plan = path->plan;
    bool fair = plan->config.type >= NV_EMU_FQ_CODEL;
    bool idle = path->waiting == 0;
    struct nv_emu_packet *head = path->head;

    packet->time_ns = now_ns;
    packet->order = emu->order++;
    if (!fair) {
        enum nv_emu_drop drop = admit(emu, queue->set, queue, packet, now_ns);
        if (drop)
            return drop;
    }
    if (idle && path->flags & PATH_SINGLE && !queue->flow.management && !(plan->link.does & LINK_AIR)) {
        emu_transmit(emu, path, queue, packet, now_ns);
    } else {
        if (path->flags & PATH_SINGLE) {
            flow_push(&queue->flow, packet);
        } else {
            emu->serving = path;
            emu->serving_ns = now_ns;
            if (idle && path->free_ns + (path->free_rest > 0) <= now_ns) {
                struct emu_flow *none; /* the link found nothing to send: with that schedulers begin anew */
                plan->ops->dequeue(path->sched, now_ns, &emu->host, &none);
            }
            path->waiting++; /* before the scheduler, which may drop others */
            enum nv_emu_drop drop = plan->ops->enqueue(path->sched, &queue->flow, packet, now_ns, &emu->host);
            if (drop) {
                path->waiting--;
                return drop;
            }
            path->waiting--;
        }
        path->waiting++;
        if (idle)
            emu_begin(emu, path, now_ns);
    }
    if (path->head != head || plan->eager)
        emu_arm(emu, path);
    return NV_EMU_DROP_NONE;
}

/* Count a packet that is the emulator's now. */
static enum nv_emu_drop arrive(struct nv_emu *emu, struct emu_queue *queue, struct nv_emu_packet *packet,
                               uint64_t now_ns)
{
    struct emu_set *set = queue->set;
    struct emu_path *path = queue->path;
    const struct emu_link *link = &path->plan->link;
    enum nv_emu_drop drop = NV_EMU_DROP_NONE;
    bool twice = false;

    if (path->waiting) {
        emu_serve(emu, path, now_ns, 0);
        if (path->plan->eager)
            emu_arm(emu, path);
    }
    queue->seen_ns = now_ns;
    queue->packets++;
    queue->bytes += packet->length;
    if (set->lossy && lost(set, &queue->flow)) {
        drop = set->config.gilbert ? NV_EMU_DROP_GEMODEL : NV_EMU_DROP_PLR;
    } else if (link->does & LINK_LOSES) {
        if (emu_impair_loses(path->impaired, &link->impair, packet->length))
            drop = (enum nv_emu_drop)(NV_EMU_DROP_LIST + (link->impair.loss - NV_EMU_LOSS_LIST));
        else
            twice = !(packet->flags & NV_EMU_COPY) && emu->options.copy &&
                    emu_impair_duplicates(path->impaired, &link->impair);
    }
    struct nv_emu_packet *copy = twice ? emu->options.copy(emu->options.arg, packet) : NULL;
    if (!drop)
        drop = join(emu, queue, packet, now_ns);
    if (drop) {
        emu_queue_drop(queue, packet, drop);
        if (set->config.no_error)
            packet->flags |= NV_EMU_NO_ERROR;
    }
    if (copy) {
        copy->flags = (uint8_t)((copy->flags & NV_EMU_ECT) | NV_EMU_COPY);
        copy->drop = NV_EMU_DROP_NONE;
        emu->totals.duplicated++;
        emu->totals.waiting++;
        enum nv_emu_drop reason = arrive(emu, queue, copy, now_ns);
        if (reason)
            emu_lose(emu, copy, reason, now_ns);
    }
    return drop;
}

static struct emu_set *set_of(struct nv_emu *emu, unsigned kind, unsigned number)
{
    return kind <= NV_EMU_QUEUE && number < EMU_NUMBERS ? emu->sets[kind][number] : NULL;
}

/* The queue of a packet; its id and hash were found before when the set is masked. */
static struct emu_queue *queue_of(struct nv_emu *emu, struct emu_set *set, const struct emu_id *id, uint32_t hash,
                                  const struct nv_emu_key *key)
{
    static const struct emu_id none;
    struct emu_queue *queue = set->masked ? emu_find_queue(emu, set, id, hash) : set->only;
    if (queue)
        return queue;
    return set->masked ? emu_make_queue(emu, set, id, key, hash) : emu_make_queue(emu, set, &none, key, 0);
}

/* A hash of the whole key, for schedulers that tell flows apart themselves. */
static uint64_t flow_hash(const struct nv_emu *emu, const struct nv_emu_key *key)
{
    if (!key)
        return 0;
    uint64_t words[6] = {key->src[0],
                         key->src[1],
                         key->dst[0],
                         key->dst[1],
                         (uint64_t)key->src_port << 16 | key->dst_port,
                         (uint64_t)key->flow_id << 16 | (uint64_t)key->family << 8 | key->proto};
    return sip_hash(&emu->key, words, 6);
}

static enum nv_emu_drop offer(struct nv_emu *emu, struct emu_set *set, const struct emu_id *id, uint32_t hash,
                              const struct nv_emu_send *send, uint64_t now_ns)
{
    struct nv_emu_packet *packet = send->packet;
    enum nv_emu_drop drop = NV_EMU_DROP_NO_PIPE;

    emu->totals.offered++;
    emu->totals.offered_bytes += packet->length;
    packet->flags &= NV_EMU_ECT;
    packet->drop = NV_EMU_DROP_NONE;
    if (set && set->plan) {
        struct emu_queue *queue = queue_of(emu, set, id, hash, send->key);
        if (set->plan->config.type >= NV_EMU_FQ_CODEL)
            packet->flow_hash = flow_hash(emu, send->key);
        drop = queue ? arrive(emu, queue, packet, now_ns) : NV_EMU_DROP_NO_MEMORY;
    }
    if (drop) {
        emu->totals.drops[drop]++;
        packet->drop = (uint8_t)drop;
        packet->time_ns = now_ns;
    } else {
        emu->totals.waiting++;
    }
    return drop;
}

static void clock_to(struct nv_emu *emu, uint64_t now_ns)
{
    if (now_ns > emu->now_ns)
        emu->now_ns = now_ns;
}

/* A packet's set, id and hash, with the queue on its way into the cache. */
struct aim {
    struct emu_set *set;
    struct emu_id id;
    uint32_t hash;
    struct emu_queue *queue; /* perhaps: found by hash alone */
};

static void aim(struct nv_emu *emu, const struct nv_emu_send *send, struct aim *aim)
{
    struct emu_set *set = set_of(emu, send->kind, send->number);
    __builtin_prefetch(send->packet, 1);
    aim->set = set;
    if (!set || !set->masked)
        return;
    emu_mask_key(&set->mask, send->key, send->number, &aim->id);
    aim->hash = emu_hash_queue(emu, set, &aim->id);
    if (emu->queue_table.cells)
        __builtin_prefetch(&emu->queue_table.cells[aim->hash & emu->queue_table.mask]);
}

static bool any(const void *arg, uint32_t number)
{
    (void)arg;
    (void)number;
    return true;
}

/* Bring into the cache what arrive() will touch, one dependent access a step: the queue, its path, the path's event. */
static void approach(struct nv_emu *emu, struct aim *aim, unsigned step)
{
    if (!aim->set || !aim->set->masked)
        return;
    if (step == 0) {
        uint32_t ref = emu_hash_find(&emu->queue_table, aim->hash, any, NULL);
        aim->queue = ref ? slab_at(&emu->queues, ref - 1) : NULL;
        if (aim->queue) {
            __builtin_prefetch(&aim->queue->flow, 1);
            __builtin_prefetch(aim->queue->word, 1);
        }
        return;
    }
    /* a queue that went away meanwhile has no path */
    struct emu_path *path = aim->queue ? aim->queue->path : NULL;
    if (!path)
        return;
    if (step == 1) {
        __builtin_prefetch(path, 1);
        __builtin_prefetch(&path->queues, 1);
    } else {
        __builtin_prefetch(&emu->wheel.nodes[path->number], 1);
        __builtin_prefetch(path->tail, 1);
    }
}

unsigned nv_emu_enqueue_batch(struct nv_emu *emu, uint64_t now_ns, struct nv_emu_send *sends, unsigned count)
{
    enum { STEPS = 3, RING = (STEPS + 1) * AHEAD };
    struct aim ring[RING] = {0};
    unsigned taken = 0;

    pthread_mutex_lock(&emu->lock);
    clock_to(emu, now_ns);
    /* without masks nothing is far away */
    const unsigned steps = emu->masked ? STEPS : 0, lead = steps ? steps * AHEAD : AHEAD;
    for (unsigned i = 0; i < count + lead; i++) {
        if (i < count)
            aim(emu, &sends[i], &ring[i % RING]);
        for (unsigned step = 0; step < steps; step++) {
            unsigned at = i - (step + 1) * AHEAD + 1;
            if (at < count)
                approach(emu, &ring[at % RING], step);
        }
        if (i < lead)
            continue;
        struct nv_emu_send *send = &sends[i - lead];
        const struct aim *at = &ring[(i - lead) % RING];
        send->drop = (uint8_t)offer(emu, at->set, &at->id, at->hash, send, now_ns);
        taken += send->drop == NV_EMU_DROP_NONE;
    }
    pthread_mutex_unlock(&emu->lock);
    return taken;
}

enum nv_emu_drop nv_emu_enqueue(struct nv_emu *emu, uint64_t now_ns, enum nv_emu_kind kind, unsigned number,
                                struct nv_emu_packet *packet, const struct nv_emu_key *key)
{
    struct nv_emu_send send = {.packet = packet, .key = key, .number = (uint16_t)number, .kind = (uint8_t)kind};
    struct aim at = {0};
    if (number >= EMU_NUMBERS)
        send.number = 0; /* no object has it */
    pthread_mutex_lock(&emu->lock);
    clock_to(emu, now_ns);
    aim(emu, &send, &at);
    enum nv_emu_drop drop = offer(emu, at.set, &at.id, at.hash, &send, now_ns);
    pthread_mutex_unlock(&emu->lock);
    return drop;
}

bool nv_emu_wants_key(struct nv_emu *emu, enum nv_emu_kind kind, unsigned number)
{
    return kind <= NV_EMU_QUEUE && number < EMU_NUMBERS &&
           __atomic_load_n(&emu->wants_key[kind][number], __ATOMIC_RELAXED);
}
