/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sched_rig.h - a scheduler instance under test: flow queues, packets that are numbered in order of arrival, a host
 * that counts drops, and a check of what holds for every scheduler at each step.
 */
#ifndef NETVALE_TEST_SCHED_RIG_H
#define NETVALE_TEST_SCHED_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "check.h"
#include "emulation/sched.h"
#include "packet/random.h"

enum { RIG_FLOWS = 64, RIG_PACKETS = 1 << 14 };

struct rig {
    const struct emu_sched_ops *ops;
    struct emu_sched *sched;
    struct emu_flow flows[RIG_FLOWS];
    bool joined[RIG_FLOWS];
    struct nv_emu_packet packets[RIG_PACKETS], *free;
    uint32_t order, waiting;
    uint32_t last_order[RIG_FLOWS]; /* of the packet of each flow that left last */
    uint64_t now_ns, in, out, dropped, drops[NV_EMU_DROP_COUNT];
    uint64_t sent[RIG_FLOWS], total; /* bytes that left */
    struct nv_random random;
    struct emu_aqm_host host;
};

static const struct emu_sched_ops *const rig_all[] = {&emu_sched_wf2q, &emu_sched_rr,       &emu_sched_qfq,
                                                      &emu_sched_prio, &emu_sched_fq_codel, &emu_sched_fq_pie};
enum { RIG_KINDS = sizeof(rig_all) / sizeof(*rig_all) };

static inline bool rig_is_fair(const struct emu_sched_ops *ops)
{
    return ops == &emu_sched_fq_codel || ops == &emu_sched_fq_pie;
}

/* 0..span-1 */
static inline uint32_t rig_dice(struct rig *r, uint32_t span)
{
    return nv_random_scale((uint32_t)(nv_random_next(&r->random) >> 32), span);
}

static inline uint64_t rig_random(void *arg)
{
    return nv_random_next(&((struct rig *)arg)->random);
}

static inline unsigned rig_index(const struct rig *r, const struct emu_flow *flow)
{
    return (unsigned)(flow - r->flows);
}

static inline void rig_free(struct rig *r, struct nv_emu_packet *packet)
{
    packet->next = r->free;
    r->free = packet;
}

static inline void rig_drop(void *arg, struct emu_flow *flow, struct nv_emu_packet *packet, enum nv_emu_drop reason)
{
    struct rig *r = arg;
    CHECK(packet->user == rig_index(r, flow), "dropped for flow %u, came for %u", rig_index(r, flow), packet->user);
    r->dropped++;
    r->drops[reason]++;
    r->waiting--;
    rig_free(r, packet);
}

static inline struct emu_fair rig_default_fair(const struct emu_sched_ops *ops)
{
    struct emu_fair fair = {.quantum = 1514, .limit = 10240, .flows = 1024, .perturb = 7};
    if (ops == &emu_sched_fq_codel)
        fair.params.codel = (struct emu_codel){.target_ns = 5000000, .interval_ns = 100000000};
    else
        fair.params.pie = (struct emu_pie){.target_ns = 15000000,
                                           .update_ns = 15000000,
                                           .max_burst_ns = 150000000,
                                           .alpha = 0.125,
                                           .beta = 1.25,
                                           .max_ecn = 0.1,
                                           .cap_drop = true,
                                           .derandomize = true};
    return fair;
}

static inline struct rig *rig_open(const struct emu_sched_ops *ops, const struct emu_fair *fair, uint64_t seed)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct emu_fair standard = rig_default_fair(ops);
    if (!fair)
        fair = &standard;
    r->ops = ops;
    r->sched = calloc(1, ops->size(fair));
    r->host = (struct emu_aqm_host){.arg = r, .random = rig_random, .drop = rig_drop};
    nv_random_seed(&r->random, seed, 1);
    for (uint32_t i = 0; i < RIG_PACKETS; i++)
        rig_free(r, &r->packets[i]);
    CHECK(ops->init(r->sched, fair) == 0);
    return r;
}

static inline void rig_join(struct rig *r, unsigned flow, uint32_t weight, uint32_t lmax)
{
    r->flows[flow].share = (struct emu_share){.weight = weight, .lmax = lmax};
    CHECK(r->ops->join(r->sched, &r->flows[flow]) == 0);
    r->joined[flow] = true;
}

static inline void rig_leave(struct rig *r, unsigned flow)
{
    r->ops->leave(r->sched, &r->flows[flow]);
    r->joined[flow] = false;
}

/* A packet of so many bytes for a flow, of that flow's hash. Returns whether it was taken. */
static inline bool rig_put_hashed(struct rig *r, unsigned flow, uint32_t length, uint64_t hash)
{
    struct nv_emu_packet *packet = r->free;
    r->free = packet->next;
    *packet = (struct nv_emu_packet){
        .time_ns = r->now_ns, .length = length, .order = r->order++, .user = (uint16_t)flow, .flow_hash = hash};
    r->in++;
    r->waiting++;
    enum nv_emu_drop reason = r->ops->enqueue(r->sched, &r->flows[flow], packet, r->now_ns, &r->host);
    if (reason == NV_EMU_DROP_NONE)
        return true;
    rig_drop(r, &r->flows[flow], packet, reason);
    return false;
}

static inline bool rig_put(struct rig *r, unsigned flow, uint32_t length)
{
    return rig_put_hashed(r, flow, length, flow);
}

/*
 * The next packet; its flow, or -1: none. Checked: none only when none waits (work conservation), packets of a flow in
 * order (in the fq_ kinds a flow is a hash, and a flow queue can have many), in = out + dropped + waiting.
 */
static inline int rig_get(struct rig *r, uint32_t *length)
{
    struct emu_flow *from = NULL;
    uint32_t before = r->waiting;
    struct nv_emu_packet *packet = r->ops->dequeue(r->sched, r->now_ns, &r->host, &from);
    if (!packet) {
        CHECK(r->waiting == 0, "%s: none leaves, %u of %u wait", r->ops->name, r->waiting, before);
        return -1;
    }
    unsigned flow = rig_index(r, from);
    CHECK(flow == packet->user && r->joined[flow]);
    CHECK(rig_is_fair(r->ops) || packet->order >= r->last_order[flow], "%s: out of order", r->ops->name);
    r->last_order[flow] = packet->order;
    r->out++;
    r->waiting--;
    r->sent[flow] += packet->length;
    r->total += packet->length;
    if (length)
        *length = packet->length;
    CHECK(r->in == r->out + r->dropped + r->waiting);
    rig_free(r, packet);
    return (int)flow;
}

/* All that waits must come out; then the instance goes. */
static inline void rig_close(struct rig *r)
{
    while (rig_get(r, NULL) >= 0)
        ;
    for (unsigned i = 0; i < RIG_FLOWS; i++)
        if (r->joined[i]) {
            CHECK(r->flows[i].packets == 0 && r->flows[i].bytes == 0 && !r->flows[i].head);
            rig_leave(r, i);
        }
    if (r->ops->fini)
        r->ops->fini(r->sched);
    free(r->sched);
    free(r);
}

#endif
