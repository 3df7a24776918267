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

#define NV_FORWARD_BATCH 1024u /* slots looked at before anything is delivered; NM_BDG_BATCH */
#define NV_LIST_END      0xffffu

/* The packets of a batch that go to one place, in order: indices into the batch linked by next[]. */
struct nv_list {
    uint16_t head, tail;
    uint32_t packets, slots;
};

/* One packet of the batch; a packet of several fragments has its first here and the others behind it. */
struct nv_pending {
    uint64_t slot;  /* as read from the ring: checked, never read again */
    uint16_t index; /* of the slot in the ring */
    uint16_t next;
    uint16_t frags;
    uint16_t spare;
};

struct nv_view {
    struct nv_switch *sw;
    uint32_t epoch;
    uint16_t self; /* our port on the switch */
    uint16_t count;
    uint16_t present[NV_SWITCH_PORTS]; /* the other ports, `count` of them */
    uint64_t last_source;              /* address of ours that is in the table for sure */
    struct nv_peer peer[NV_SWITCH_PORTS];
    struct nv_list list[NV_SWITCH_PORTS];
    struct nv_list flood;
    uint16_t touched[NV_SWITCH_PORTS];
    struct nv_pending pending[NV_FORWARD_BATCH + NETMAP_MAX_FRAGS];
};

/* Bring the view up to date. Takes the process lock, maps regions; only after an attach or detach. */
void nv_view_refresh(struct nv_port *port, struct nv_view *view, uint32_t epoch);
void nv_view_clear(struct nv_port *port, struct nv_view *view);

/* forward.c: take slots [from, to) of the ring and deliver them. */
void nv_vale_forward(struct nv_port *port, struct nv_txq *tx, uint32_t from, uint32_t to);

#endif
