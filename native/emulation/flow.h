/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow.h - packets that wait, and the flow queues they wait in.
 *
 * A flow queue holds the packets of one mask value of one `queue` (or of one `pipe`). It belongs to one scheduler
 * instance. The core (emulation.c and its neighbours) checks loss and limits, lets the queue management decide
 * (aqm.h), appends, and tells the scheduler (sched.h), which chooses whose head leaves next.
 */
#ifndef NETVALE_EMULATION_FLOW_H
#define NETVALE_EMULATION_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulation/emulation.h"

struct emu_sched_ops;
struct emu_aqm_ops;
union emu_aqm_params;

/* What a flow queue's scheduler needs to know about it; from `queue N config`. */
struct emu_share {
    uint32_t weight; /* WF2Q+ 1..100, RR and QFQ 1..65536; PRIO: the level, 0 is served first */
    uint32_t lmax;   /* bytes: QFQ's largest packet, RR's quantum for one unit of weight */
};

enum { EMU_NODE_WORDS = 12, EMU_AQM_WORDS = 12 };

/* Best allocated on a multiple of 64 bytes: what a scheduler needs for each packet is in the first cache line then. */
struct emu_flow {
    struct nv_emu_packet *head, *tail;
    uint64_t bytes;                       /* waiting */
    uint32_t packets;                     /* waiting */
    uint32_t state;                       /* the core's */
    const struct emu_aqm_ops *management; /* NULL: drop-tail */
    uint64_t node[EMU_NODE_WORDS];        /* the scheduler's own (sched.h), which clears it in join */
    struct emu_share share;
    const union emu_aqm_params *aqm_params;
    uint64_t aqm[EMU_AQM_WORDS]; /* the queue management's own (aqm.h); zero when the flow is made */
};

static inline void flow_push(struct emu_flow *flow, struct nv_emu_packet *packet)
{
    packet->next = NULL;
    if (flow->head)
        flow->tail->next = packet;
    else
        flow->head = packet;
    flow->tail = packet;
    flow->packets++;
    flow->bytes += packet->length;
}

/* Take the head off. The flow must not be empty. */
static inline struct nv_emu_packet *flow_pop(struct emu_flow *flow)
{
    struct nv_emu_packet *packet = flow->head;
    flow->head = packet->next;
    flow->packets--;
    flow->bytes -= packet->length;
    return packet;
}

#endif
