/* SPDX-License-Identifier: BSD-2-Clause */
/* aqm_rig.h - one flow queue under queue management: packets arrive and leave at given instants, and all is counted. */
#ifndef NETVALE_TEST_AQM_RIG_H
#define NETVALE_TEST_AQM_RIG_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "check.h"
#include "emulation/aqm.h"
#include "packet/random.h"

#define MS UINT64_C(1000000)

enum { AQM_PACKETS = 1 << 14 };

struct aqm_rig {
    struct emu_flow flow;
    union emu_aqm_params params;
    struct nv_emu_packet packets[AQM_PACKETS];
    uint32_t next, order;
    uint64_t in, out, dropped_in, dropped_out, marked;
    uint32_t last_dropped; /* order of the packet that was dropped last, by either */
    struct nv_random random;
    struct emu_aqm_host host;
};

static inline uint64_t aqm_rig_random(void *arg)
{
    return nv_random_next(&((struct aqm_rig *)arg)->random);
}

static inline void aqm_rig_drop(void *arg, struct emu_flow *flow, struct nv_emu_packet *packet, enum nv_emu_drop reason)
{
    struct aqm_rig *r = arg;
    CHECK(flow == &r->flow && reason == flow->management->reason);
    r->dropped_out++;
    r->last_dropped = packet->order;
}

static inline struct aqm_rig *aqm_rig_open(const struct emu_aqm_ops *ops, const union emu_aqm_params *params,
                                           uint64_t seed)
{
    struct aqm_rig *r = calloc(1, sizeof(*r));
    r->params = *params;
    r->flow.management = ops;
    r->flow.aqm_params = &r->params;
    r->host = (struct emu_aqm_host){.arg = r, .random = aqm_rig_random, .drop = aqm_rig_drop};
    nv_random_seed(&r->random, seed, 1);
    return r;
}

/* A packet arrives. Returns what was decided; a packet that is kept waits. */
static inline enum emu_aqm_verdict aqm_rig_put(struct aqm_rig *r, uint32_t length, uint8_t flags, uint64_t now_ns)
{
    struct nv_emu_packet *packet = &r->packets[r->next++ % AQM_PACKETS];
    CHECK(r->flow.packets < AQM_PACKETS - 1);
    *packet = (struct nv_emu_packet){.length = length, .flags = flags, .time_ns = now_ns, .order = r->order++};
    r->in++;
    enum emu_aqm_verdict verdict = EMU_AQM_KEEP;
    if (r->flow.management->arrive)
        verdict = r->flow.management->arrive(&r->flow, packet, now_ns, &r->host);
    CHECK(verdict != EMU_AQM_MARK || flags & NV_EMU_ECT);
    r->marked += verdict == EMU_AQM_MARK;
    if (verdict == EMU_AQM_DROP) {
        r->dropped_in++;
        r->last_dropped = packet->order;
    } else {
        flow_push(&r->flow, packet);
    }
    return verdict;
}

/* The next packet, or NULL. in = out + drops + waiting. */
static inline struct nv_emu_packet *aqm_rig_get(struct aqm_rig *r, uint64_t now_ns)
{
    struct nv_emu_packet *packet = aqm_take(&r->flow, now_ns, &r->host);
    r->out += packet != NULL;
    CHECK(r->in == r->out + r->dropped_in + r->dropped_out + r->flow.packets);
    return packet;
}

#endif
