/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reass.h - put fragments together: IPv4 (RFC 791) for `reass` and `divert`, IPv6 (RFC 8200 4.5) for `divert`.
 *
 * A copy of what is there already is dropped and changes nothing. IPv4 fragments that overlap and agree are trimmed;
 * those that do not agree, and any that overlap in IPv6 (RFC 5722), end their datagram. Under the engine's shared_lock.
 */
#ifndef NETVALE_RULES_REASS_H
#define NETVALE_RULES_REASS_H

#include "rules/eval.h"

enum { REASS_DATAGRAMS = 1024, REASS_FRAGMENTS = 64, REASS_SECONDS = 30 };

enum reass_result {
    REASS_NONE,  /* not a fragment */
    REASS_HELD,  /* kept */
    REASS_WHOLE, /* eval->packet and the view's frame, l3 and bytes are the whole datagram's now */
    REASS_DROP,  /* eval->reason says why: a copy, a lie, no memory; all but copies give up their datagram */
};

/* Take the packet. A whole datagram's memory belongs to the worker until its next batch. */
enum reass_result rules_reass(struct rules_eval *eval);

struct rules_reass *rules_reass_new(void);
void rules_reass_free(struct rules_reass *reass);
/* Free what was put together in the last batch. */
void rules_reass_release(struct nv_rules_worker *worker);

/* ---- inside: the fragments of one datagram (reass_pieces.c) ---- */

struct fragment {
    struct fragment *next;
    uint32_t offset, length; /* of the payload, in bytes */
    uint32_t mac, header;    /* bytes in front of it: the MAC header, and all headers; of IPv6 without Fragment's */
    uint8_t bytes[];
};

struct pieces {
    struct fragment *first; /* by rising offset, none overlaps another */
    uint32_t count;
    uint32_t got;   /* bytes of the payload */
    uint32_t total; /* of all, when the last fragment was seen */
    bool last_seen;
};

enum pieces_result { PIECES_KEPT, PIECES_COPY, PIECES_CONTRADICT };

/*
 * Keep a fragment in its place; more: others follow it. `trim`: it may overlap others where their bytes agree. On
 * PIECES_KEPT it belongs to the pieces.
 */
enum pieces_result pieces_keep(struct pieces *pieces, struct fragment *fragment, bool more, bool trim);

static inline bool pieces_complete(const struct pieces *pieces)
{
    return pieces->last_seen && pieces->got == pieces->total;
}

void pieces_free(struct pieces *pieces);

#endif
