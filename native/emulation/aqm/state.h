/* SPDX-License-Identifier: BSD-2-Clause */
/* state.h - a queue management's own words of a flow queue, and what several algorithms share. */
#ifndef NETVALE_EMULATION_AQM_STATE_H
#define NETVALE_EMULATION_AQM_STATE_H

#include "emulation/aqm.h"

/* The words seen as the algorithm's structure. */
#define AQM_STATE(type, flow)                                                                                          \
    ({                                                                                                                 \
        _Static_assert(sizeof(type) <= EMU_AQM_WORDS * sizeof(uint64_t), "fits into a flow");                          \
        (type *)(void *)(flow)->aqm;                                                                                   \
    })

/* A random number in [0, 1). */
static inline double aqm_random(const struct emu_aqm_host *host)
{
    return (double)(host->random(host->arg) >> 11) * 0x1p-53;
}

/* A congestion signal for an arriving packet: a mark in place of a drop where the packet can carry one (RFC 3168). */
static inline enum emu_aqm_verdict aqm_signal(const struct nv_emu_packet *packet, bool ecn)
{
    return ecn && packet->flags & NV_EMU_ECT ? EMU_AQM_MARK : EMU_AQM_DROP;
}

#endif
