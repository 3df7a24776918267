/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reass.h - put IPv4 fragments together (RFC 791; overlaps are not put together but dropped, as RFC 5722 wants
 * it for IPv6). Under the engine's shared_lock.
 */
#ifndef NETVALE_RULES_REASS_H
#define NETVALE_RULES_REASS_H

#include "rules/eval.h"

enum { REASS_DATAGRAMS = 1024, REASS_FRAGMENTS = 64, REASS_SECONDS = 30 };

enum reass_result {
    REASS_NONE,  /* not a fragment */
    REASS_HELD,  /* kept */
    REASS_WHOLE, /* eval->packet has the whole datagram now */
    REASS_DROP,  /* overlapping, lying, too many: eval->reason says why; the datagram is given up */
};

/* Take the packet. A whole datagram's memory belongs to the worker until its next batch. */
enum reass_result rules_reass(struct rules_eval *eval);

struct rules_reass *rules_reass_new(void);
void rules_reass_free(struct rules_reass *reass);
/* Free what was put together in the last batch. */
void rules_reass_release(struct nv_rules_worker *worker);

#endif
