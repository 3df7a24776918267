/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frames.h - what kinds share that hand whole frames to the kernel and take them from it: a frame out of its slots,
 * counting what was sent, entering what came into the port's own delivery queue, into which nobody else puts anything.
 */
#ifndef NETVALE_PORTS_FRAMES_H
#define NETVALE_PORTS_FRAMES_H

#include "port/port.h"

#include <sys/uio.h>

#define NV_FRAME_MIN_BYTES 14u    /* an Ethernet header */
#define NV_FRAME_MAX_BYTES 65535u /* of an interface: its longest MTU and its header */

/* A frame that stands in slots of a tx ring. */
struct nv_out_frame {
    struct iovec iov[NETMAP_MAX_FRAGS];
    int pieces;
    uint64_t bytes;   /* of all its slots, also when it is wrong */
    uint32_t next;    /* the slot behind it */
    enum nv_drop bad; /* NV_DROP_COUNT: nothing is wrong */
};

/* The frame that begins at slot `from`; head: where the application's slots end. A bad slot is mended. */
void nv_frame_gather(struct nv_port *p, struct nv_txq *tx, uint32_t from, uint32_t head, struct nv_out_frame *frame);

/* What a txsync did, to be counted at its end. */
struct nv_out_count {
    struct nv_completion all, good;
};

/* One frame more: `why` NV_DROP_COUNT: it was taken. */
void nv_frame_count(struct nv_txq *tx, struct nv_out_count *count, uint64_t bytes, enum nv_drop why);

/* The end of a txsync that took all slots before `head`. */
void nv_frames_sent(struct nv_txq *tx, const struct nv_out_count *count, uint32_t head);

/*
 * Write a frame into the queue's buffers from position pos on, which must be free. Returns its slots, described in
 * entry[].
 */
uint32_t nv_frame_write(struct nv_port *p, const struct nv_queue *q, uint32_t pos, const uint8_t *data, uint32_t length,
                        uint64_t *entry);

/* Enter n slots into the delivery queue, described in entry[] without a lease's number. */
void nv_frames_enter(struct nv_port *p, struct nv_rxq *rx, const uint64_t *entry, uint32_t n);

#endif
