/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fill.h - puts generated packets into the slots of tx rings.
 *
 * Of each slot it remembers which buffer it wrote and how far, so that a buffer that is still there is not
 * written again: prepared packets only need length and flags, others only the bytes that differ. A slot that
 * says NS_BUF_CHANGED, or holds another buffer than last time, is written anew.
 */
#ifndef NETVALE_ENGINE_FILL_H
#define NETVALE_ENGINE_FILL_H

#include "engine/slots.h"
#include "engine/worker.h"
#include "packet/generator.h"

/* What was written into a slot's buffer. */
struct nv_written {
    uint32_t buffer; /* its index; 0: nothing yet */
    uint32_t bytes;
};

struct nv_fill_ring {
    unsigned id;
    struct nv_slots slots;
    struct nv_written *written; /* one for each slot */
    uint8_t *own;               /* with indirect buffers: the frames, one for each slot */
};

struct nv_fill {
    struct nv_worker *w;
    struct nv_generator generator;
    struct nv_fill_ring *ring;
    unsigned rings;
    bool prepared, rubbish, indirect, dump;
    uint32_t piece; /* most bytes a slot takes */
    uint32_t frags; /* slots of the longest packet; over 1: packets are cut into pieces */
    uint8_t *whole; /* a packet before it is cut */
};

/*
 * Set up for the plan's traffic on the worker's tx rings. 0 and *out, or -errno with *err filled: -EINVAL when
 * packets do not fit the port's buffers and rings.
 */
int nv_fill_new(struct nv_worker *w, struct nv_fill **out, struct nv_error *err);
void nv_fill_free(struct nv_fill *f);

/*
 * Put up to `most` packets into ring number `r` of the worker's, and move its head behind them. Returns how many
 * packets there was room for; those of them that rules denied (w->filter's outcomes tell) are not in the ring. cur goes
 * to tail when there was no room for more, so that waiting for POLLOUT waits for progress.
 */
uint32_t nv_fill_slots(struct nv_fill *f, unsigned r, uint32_t most);

#endif
