/* SPDX-License-Identifier: BSD-2-Clause */
/* deliver.h - the second half of a sender's txsync: one destination's packets at one go. */
#ifndef NETVALE_DELIVER_H
#define NETVALE_DELIVER_H

#include "vale/view.h"

/*
 * Deliver packets to switch port `port`; what finds no room is dropped by name.
 *
 * slot[], index[]: their slots one behind the other, as read from the ring, and where they stand there. `last`:
 * nobody else gets these packets, so their buffers may be exchanged.
 */
struct nv_parcel {
    const uint64_t *slot;
    const uint16_t *index;
    uint32_t packets, slots;
    bool last;
};
void nv_vale_deliver(struct nv_port *p, struct nv_txq *tx, struct nv_view *v, uint32_t port, struct nv_parcel parcel);

#endif
