/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * view.h - what one tx ring knows of its switch: the other ports' queues and buffers, as mapped here.
 *
 * Looked up anew when the switch's epoch changes; the forwarding code then only follows pointers.
 */
#ifndef NETVALE_VIEW_H
#define NETVALE_VIEW_H

#include "port/port.h"
#include "vale/switch.h"

#define NV_VALE_RINGS 16u

struct nv_peer {
    nv_token token; /* 0: nobody */
    uint16_t rings;
    bool exchange; /* both ends in one region and willing: leave the buffer there instead of copying */
    char *bufs;    /* buffer 0 of its region */
    struct nv_region *region;
    struct nv_queue *queue[NV_VALE_RINGS];
};

/*
 * Slots looked at before anything is delivered. Small, so that headers and slots are still in the first cache
 * when they are copied (buffers 2 KB apart share few of its sets); large enough to share a reservation.
 */
#define NV_FORWARD_BATCH 128u
#define NV_BATCH_SLOTS   (NV_FORWARD_BATCH + NETMAP_MAX_FRAGS) /* a long packet may begin in the last place */
#define NV_FLOOD         NV_SWITCH_PORTS                       /* destination: everybody else */

/* Packets of a batch that go to one place, in the order they were sent. */
struct nv_list {
    const uint16_t *at; /* where each begins in the batch */
    uint32_t packets, slots;
};

/*
 * The batch. A packet of several fragments has them one behind the other; as in the ring, all but the last say
 * NS_MOREFRAG.
 */
struct nv_batch {
    uint64_t slot[NV_BATCH_SLOTS];  /* as read from the ring: checked, never read again */
    uint16_t index[NV_BATCH_SLOTS]; /* of the slot in the ring */
    uint16_t dst[NV_BATCH_SLOTS];   /* of the packet that begins here: a port, or NV_FLOOD */
    uint32_t slots;
    bool chains;             /* packets of several slots are among them */
    uint64_t packets, bytes; /* taken from the ring, dropped ones included */
};

struct nv_view {
    struct nv_switch *sw;
    uint32_t epoch;
    uint16_t self; /* our port on the switch */
    uint16_t count;
    uint16_t present[NV_SWITCH_PORTS]; /* the other ports, `count` of them */
    struct nv_peer peer[NV_SWITCH_PORTS];
    struct nv_batch batch;
    uint64_t slot[NV_BATCH_SLOTS]; /* those of the batch that go to one port, gathered */
    uint16_t index[NV_BATCH_SLOTS];
    uint32_t buf[NV_BATCH_SLOTS]; /* the empty buffers of the lease they are put into */
    /* sorting a batch with several destinations: one list each, the flooded packets in the last */
    struct nv_list list[NV_SWITCH_PORTS + 1];
    uint16_t used[NV_SWITCH_PORTS + 1];
    uint16_t order[NV_FORWARD_BATCH];
};

/* Bring the view up to date. Takes the process lock, maps regions; only after an attach or detach. */
void nv_view_refresh(struct nv_port *port, struct nv_view *view, uint32_t epoch);
void nv_view_clear(struct nv_port *port, struct nv_view *view);

/* forward.c: take slots [from, to) of the ring and deliver them. */
void nv_vale_forward(struct nv_port *port, struct nv_txq *tx, uint32_t from, uint32_t to);

#endif
