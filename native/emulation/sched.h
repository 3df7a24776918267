/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sched.h - what a scheduler is: a table of operations on one instance. One file per algorithm in sched/.
 *
 * An instance serves one link. It never looks at a clock by itself and never drops unless it is one of the fq_
 * kinds, which keep queues of their own and do their own queue management. All calls come from one thread.
 *
 * With an fq_ kind a flow queue's `packets` and `bytes` count what waits, but its list (`head`) is empty: its packets
 * are in the instance, by flow_hash, and come back to the list when the flow queue leaves.
 */
#ifndef NETVALE_EMULATION_SCHED_H
#define NETVALE_EMULATION_SCHED_H

#include "emulation/aqm.h"
#include "emulation/flow.h"

struct emu_sched; /* an instance: each algorithm has its own structure behind this name */

/* Of the fq_ kinds. */
struct emu_fair {
    uint32_t quantum; /* bytes, 1..9000: 1514 */
    uint32_t limit;   /* packets over all queues, 1..20480: 10240 */
    uint32_t flows;   /* queues packets are hashed to, 1..65536: 1024 */
    union emu_aqm_params params;
    uint64_t perturb; /* key of that hash */
};

struct emu_sched_ops {
    const char *name; /* "wf2q+" as in `sched N config type` */

    /* Size of an instance in bytes; the core gives that much zeroed memory to init. */
    size_t (*size)(const struct emu_fair *fair);

    /* fair: NULL unless it is an fq_ kind. 0 or -errno. */
    int (*init)(struct emu_sched *sched, const struct emu_fair *fair);

    /* A flow queue joins (empty or with packets that waited under another scheduler): 0, or -ENOMEM and it has not
     * joined. It leaves: with packets still in it when its queue is deleted; the core then takes them. Neither may be
     * NULL. */
    int (*join)(struct emu_sched *sched, struct emu_flow *flow);
    void (*leave)(struct emu_sched *sched, struct emu_flow *flow);

    /* flow->share is about to become `share`; the flow may be waiting. */
    void (*reshare)(struct emu_sched *sched, struct emu_flow *flow, struct emu_share share);

    /*
     * A packet arrives for `flow`: append it (flow_push) and note that the flow waits. Returns 0; the fq_ kinds may
     * return a drop reason instead, and then the packet stays the caller's; `drop` (aqm.h) takes other victims.
     */
    enum nv_emu_drop (*enqueue)(struct emu_sched *sched, struct emu_flow *flow, struct nv_emu_packet *packet,
                                uint64_t now_ns, const struct emu_aqm_host *host);

    /*
     * The packet that goes onto the link next, taken out of its flow with aqm_take (aqm.h), so that CoDel may drop
     * heads; NULL: none waits. *from: its flow queue (for counters). It is also called when the link is free and none
     * waits, before the next arrival at the latest: all is idle then, and fair schedulers begin anew.
     */
    struct nv_emu_packet *(*dequeue)(struct emu_sched *sched, uint64_t now_ns, const struct emu_aqm_host *host,
                                     struct emu_flow **from);

    /* Free what init allocated; no flow is left. May be NULL. */
    void (*fini)(struct emu_sched *sched);
};

extern const struct emu_sched_ops emu_sched_fifo, emu_sched_wf2q, emu_sched_rr, emu_sched_qfq, emu_sched_prio,
    emu_sched_fq_codel, emu_sched_fq_pie;

#endif
