/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * aqm.h - active queue management of one flow queue: RED, GRED, CoDel, PIE. One file per algorithm in aqm/.
 *
 * State is in flow->aqm, parameters are shared by all flow queues of one `queue`. Times are nanoseconds and the
 * caller's: no algorithm reads a clock. Randomness comes from the host's generator, so that a seed repeats a run.
 */
#ifndef NETVALE_EMULATION_AQM_H
#define NETVALE_EMULATION_AQM_H

#include "emulation/flow.h"

struct emu_red { /* red, gred; probabilities and the weight in 0..1 */
    double weight, max_probability;
    double min_threshold, max_threshold; /* packets, or bytes when the queue's limit is in bytes */
    bool gentle, bytes, ecn;
    uint32_t average_packet; /* bytes: 512, for the idle correction */
    uint32_t max_packet;     /* bytes: 1500 */
    uint64_t bandwidth;      /* bit/s of the link; 0: unlimited, no idle correction */
};

struct emu_codel { /* RFC 8289 */
    uint64_t target_ns, interval_ns;
    bool ecn;
};

struct emu_pie { /* RFC 8033 */
    uint64_t target_ns, update_ns, max_burst_ns;
    double alpha, beta, max_ecn;
    bool ecn, cap_drop, derandomize, on_off, departure_rate;
    bool bytes;     /* the queue's limit is in bytes */
    uint64_t limit; /* of the queue, packets or bytes: on_off wakes PIE at a third of it; 0: always awake */
};

union emu_aqm_params {
    struct emu_red red;
    struct emu_codel codel;
    struct emu_pie pie;
};

/* What the core lends to queue management and schedulers. */
struct emu_aqm_host {
    void *arg;
    uint64_t (*random)(void *arg); /* 64 random bits */
    /* A packet that had waited in `flow` is dropped: it has been taken out and is the core's again. */
    void (*drop)(void *arg, struct emu_flow *flow, struct nv_emu_packet *packet, enum nv_emu_drop reason);
};

/* What becomes of an arriving packet. */
enum emu_aqm_verdict { EMU_AQM_KEEP, EMU_AQM_MARK, EMU_AQM_DROP };

struct emu_aqm_ops {
    const char *name;
    enum nv_emu_drop reason; /* under which its drops are counted */

    /* Before an arriving packet is appended. MARK only when the packet can be marked (NV_EMU_ECT). NULL: keep. */
    enum emu_aqm_verdict (*arrive)(struct emu_flow *flow, const struct nv_emu_packet *packet, uint64_t now_ns,
                                   const struct emu_aqm_host *host);

    /* Take the next packet out, dropping or marking as the algorithm says. NULL: none left. NULL member: flow_pop. */
    struct nv_emu_packet *(*take)(struct emu_flow *flow, uint64_t now_ns, const struct emu_aqm_host *host);
};

extern const struct emu_aqm_ops emu_aqm_red, emu_aqm_gred, emu_aqm_codel, emu_aqm_pie;

/* The next packet of a flow queue through its queue management. NULL: it dropped all that was left. */
static inline struct nv_emu_packet *aqm_take(struct emu_flow *flow, uint64_t now_ns, const struct emu_aqm_host *host)
{
    if (flow->management && flow->management->take)
        return flow->management->take(flow, now_ns, host);
    return flow->packets ? flow_pop(flow) : NULL;
}

#endif
