/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * switch.h - the control page of a VALE switch: who is attached, and which address was seen where.
 *
 * The file "switch.NAME" exists while ports are attached. Ports come and go under the directory's lock, with a
 * new epoch each time; the learning table is written by senders without a lock, one 64-bit word an entry.
 */
#ifndef NETVALE_SWITCH_H
#define NETVALE_SWITCH_H

#include "port/world.h"

#define NV_SWITCH_MAGIC  0x314853575456564eull
#define NV_LEARN_BITS    10
#define NV_LEARN_ENTRIES (1u << NV_LEARN_BITS)

struct nv_switch {
    uint64_t magic;
    uint32_t layout;
    uint32_t spare;
    uint32_t epoch __attribute__((aligned(64))); /* changes with every attach and detach */
    nv_token port[NV_SWITCH_PORTS];
    uint64_t learnt[NV_LEARN_ENTRIES] __attribute__((aligned(64))); /* address << 16 | port + 1; 0: empty */
};

#define NV_GROUP_BIT (1ull << 16) /* of an address in the upper 48 bits: broadcast or multicast */

/* Multiplicative hash (Knuth) of an address in the upper 48 bits; the product's top bits are the good ones. */
static inline uint32_t nv_learn_hash(uint64_t address)
{
    return (uint32_t)((address * 0x9e3779b97f4a7c15ull) >> (64 - NV_LEARN_BITS));
}

/* Map the switch, making it when `create` says so. Directory locked by lockfd. NULL with err. */
struct nv_switch *nv_switch_map(struct nv_world *w, int lockfd, const char *name, bool create, struct nv_error *err);
void nv_switch_unmap(struct nv_switch *sw);

/* Put a port on the switch: its index, or -ENOSPC. Directory locked, as below. */
int nv_switch_attach(struct nv_switch *sw, nv_token port);

/* Take a port off, wherever it stands, and forget its addresses. Returns how many ports are left. */
unsigned nv_switch_detach(struct nv_switch *sw, nv_token port);

/* Have every sender look up its receivers anew. Directory locked; attach and detach do it themselves. */
void nv_switch_changed(struct nv_switch *sw);

/* File name of a switch into buf[64]. */
void nv_switch_file(char *buf, const char *name);

#endif
