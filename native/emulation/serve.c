/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * serve.c - the link: who is next, how long it is on the air, when it leaves.
 *
 * The link is kept as the exact instant at which it is free: free_ns and free_rest/bandwidth nanoseconds. What is
 * served is put on the delay line at once, with its departure, so a path needs no event but its line's first departure:
 * as long as packets wait, one is on the air, and that one is on the line. Only queue management that may drop what it
 * takes out asks for service at the exact instant.
 *
 * Burst: an idle link may lag behind the clock by the time the burst takes at the bandwidth, and no more; packets leave
 * at once until it has caught up. So what a packet leaves of the credit is there for the next one, whenever it comes,
 * and idle time adds to it: a token bucket, kept as one instant (the GCRA of ITU-T I.371).
 */
#include "emulation/line.h"

/* The link has nothing to do until now_ns and begins then, or earlier by its burst credit. */
static void start_at(struct emu_path *path, const struct emu_link *link, uint64_t now_ns)
{
    uint64_t earliest_ns = emu_earliest(link, now_ns);
    if (path->free_ns < earliest_ns) {
        path->free_ns = earliest_ns;
        path->free_rest = 0;
    }
}

/* Add what `bits` take at the bandwidth: exact, by an estimate in floating point that is then corrected. */
static inline void add_bits(struct emu_path *path, const struct emu_link *link, uint64_t bits)
{
    uint64_t amount = bits * UINT64_C(1000000000) + path->free_rest, bandwidth = link->bandwidth;
    uint64_t ns = (uint64_t)((double)amount * link->inverse);
    int64_t rest = (int64_t)(amount - ns * bandwidth);
    if (rest < 0) {
        ns--;
        rest += (int64_t)bandwidth;
    } else if ((uint64_t)rest >= bandwidth) {
        ns++;
        rest -= (int64_t)bandwidth;
    }
    if ((uint64_t)rest >= bandwidth) {
        ns = amount / bandwidth;
        rest = (int64_t)(amount % bandwidth);
    }
    path->free_ns += ns;
    path->free_rest = (uint64_t)rest;
}

/* When a packet has gone out through a trace, which carries IP packets: `mac` bytes of it do not count. UINT64_MAX:
 * never. */
static uint64_t air_by_trace(struct emu_path *path, struct emu_plan *plan, uint32_t length, uint32_t mac,
                             uint64_t now_ns)
{
    const struct nv_emu_impairments *impair = &plan->link.impair;
    length = emu_impair_cost(impair, length > mac ? length - mac : 0);
    if (plan->trace_start == UINT64_MAX)
        plan->trace_start = now_ns;
    path->free_ns = emu_impair_trace(path->impaired, impair, plan->trace_start, now_ns, length);
    path->free_rest = 0;
    return path->free_ns;
}

/* Put the packet on the air; returns when it is off again. */
static uint64_t air(const struct nv_emu *emu, struct emu_path *path, struct nv_emu_packet *packet, uint64_t now_ns)
{
    struct emu_plan *plan = path->plan;
    const struct emu_link *link = &plan->link;
    uint32_t length = packet->length;
    if (link->impair.trace_count)
        return air_by_trace(path, plan, length, emu->options.mac_bytes, now_ns);
    if (link->does & LINK_COSTS)
        length = emu_impair_cost(&link->impair, length);
    if (link->bandwidth)
        add_bits(path, link, (uint64_t)length * 8);
    if (link->profile_count) {
        uint32_t draw = nv_random_scale((uint32_t)(nv_random_next(&plan->random) >> 32), link->profile_count);
        path->free_ns += link->profile_ns[draw];
        if (draw >= link->profile_loss_level)
            packet->drop = NV_EMU_DROP_PROFILE;
    }
    uint64_t off_ns = path->free_ns + (path->free_rest > 0);
    return off_ns > now_ns ? off_ns : now_ns;
}

void emu_transmit(struct nv_emu *emu, struct emu_path *path, struct emu_queue *queue, struct nv_emu_packet *packet,
                  uint64_t now_ns)
{
    struct emu_plan *plan = path->plan;
    const struct emu_link *link = &plan->link;
    uint64_t at = now_ns, arrival_ns = packet->time_ns;
    if (link->does & LINK_AIR)
        at = air(emu, path, packet, now_ns);
    if (at == UINT64_MAX) {
        packet->time_ns = at;
    } else if (link->does & LINK_SHAPES) {
        at = emu_impair_shape(path->impaired, &link->impair, at, link->delay_ns, packet);
        packet->time_ns = at;
    } else {
        packet->time_ns = at + link->delay_ns;
    }
    if (packet->time_ns >= path->last_ns)
        path->last_ns = packet->time_ns;
    else if (link->does & LINK_REORDERS)
        emu->totals.reordered++;
    else
        packet->time_ns = path->last_ns;
    if (at != UINT64_MAX)
        queue->delay_ns += packet->time_ns - arrival_ns;
    line_put(path, packet);
}

/* The packet that has its turn, taken out, and in *queue where it waited; NULL: what waited was dropped. */
static struct nv_emu_packet *choose(struct nv_emu *emu, struct emu_path *path, uint64_t at, struct emu_queue **queue)
{
    struct emu_queue *single = path->flags & PATH_SINGLE ? path->queues : NULL;
    *queue = single;
    if (single && !single->flow.management) {
        path->waiting--;
        return flow_pop(&single->flow);
    }
    struct emu_flow *from = NULL;
    emu->serving = path;
    emu->serving_ns = at;
    struct nv_emu_packet *packet =
        single ? aqm_take(&single->flow, at, &emu->host) : path->plan->ops->dequeue(path->sched, at, &emu->host, &from);
    if (packet)
        path->waiting--;
    if (!single)
        *queue = emu_queue_of(from);
    return packet;
}

void emu_serve(struct nv_emu *emu, struct emu_path *path, uint64_t now_ns, uint64_t floor_ns)
{
    while (path->waiting) {
        uint64_t at = path->free_ns + (path->free_rest > 0);
        if (at > now_ns)
            return;
        if (at < floor_ns)
            at = floor_ns;
        struct emu_queue *queue;
        struct nv_emu_packet *packet = choose(emu, path, at, &queue);
        if (!packet)
            return;
        emu_transmit(emu, path, queue, packet, at);
    }
}

/* A packet has arrived at an idle link. */
void emu_begin(struct nv_emu *emu, struct emu_path *path, uint64_t now_ns)
{
    start_at(path, &path->plan->link, now_ns);
    emu_serve(emu, path, now_ns, now_ns);
}

void emu_arm(struct nv_emu *emu, struct emu_path *path)
{
    uint64_t time = UINT64_MAX;
    uint32_t order = emu->order;
    if (path->head) {
        time = path->head->time_ns;
        order = path->head->order;
    }
    if (path->waiting && path->plan->eager) {
        uint64_t at = path->free_ns + (path->free_rest > 0);
        if (at < time)
            time = at;
    }
    struct wheel_node *node = &emu->wheel.nodes[path->number];
    if (node->where != WHEEL_NONE) {
        if (node->time == time && node->order == order)
            return;
        wheel_remove(&emu->wheel, path->number);
    }
    if (time != UINT64_MAX)
        wheel_add(&emu->wheel, path->number, time, order);
}

void emu_lose(struct nv_emu *emu, struct nv_emu_packet *packet, enum nv_emu_drop reason, uint64_t time_ns)
{
    packet->drop = (uint8_t)reason;
    packet->time_ns = time_ns;
    line_put(emu->losses, packet);
    emu_arm(emu, emu->losses);
}
