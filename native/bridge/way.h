/* SPDX-License-Identifier: BSD-2-Clause */
/* way.h - one direction of a bridge: the rings it moves packets between, and what it counted. */
#ifndef NETVALE_BRIDGE_WAY_H
#define NETVALE_BRIDGE_WAY_H

#include "bridge/bridge.h"
#include "engine/slots.h"

#define NV_WAY_RINGS 256u

struct nv_way {
    struct nv_port *from, *to;
    unsigned first_rx, rx_rings, first_tx, tx_rings;
    struct nv_slots *rx, *tx; /* rx_rings and tx_rings of them */
    uint32_t burst;
    bool exchange;
    bool held;  /* in the last turn the other port had no room for what there was */
    bool lines; /* buffers of both begin on cache lines and are whole ones */
    uint64_t stat[NV_BRIDGE_FIELD_COUNT];
    struct nv_port_stats start; /* of `to`, before anything was sent */
    uint64_t *words;            /* its group of the page */
};

/* Look at both ports' rings. 0 or -errno with err: EINVAL, one has no ring for this way. */
int nv_way_open(struct nv_way *way, struct nv_port *from, struct nv_port *to, bool copy, struct nv_error *err);
void nv_way_close(struct nv_way *way);

/* One turn over all rings: how many packets were moved; or -errno, what nv_gone says of either port. */
int nv_way_turn(struct nv_way *way);

/* Write the counters where others read them. */
void nv_way_publish(struct nv_way *way);

#endif
