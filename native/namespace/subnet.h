/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * subnet.h - addresses for an emulated link and for everything behind it.
 *
 * A link gets a block of addresses that nobody in the caller's namespace uses: a /16 of 100.64.0.0/10 (RFC 6598, as
 * mahimahi does) and a /48 of fd00::/8 (RFC 4193, random). The link itself has the block's first four addresses: the
 * outside .1, the inside .2. The rest is for links of links: a caller who is himself behind a link finds his own block
 * by its route and takes a sixteenth of it, so that blocks nest and every route is one line.
 */
#ifndef NETVALE_SUBNET_H
#define NETVALE_SUBNET_H

#include "memory/error.h"
#include "namespace/netlink.h"

enum nv_subnet_end { NV_SUBNET_OUTSIDE = 1, NV_SUBNET_INSIDE = 2 };

struct nv_subnet {
    struct nv_prefix v4, v6; /* the blocks */
    bool has_v6;             /* the caller's namespace has IPv6 */
    bool nested;             /* the caller is behind a link himself */
};

/* Choose free blocks, as the caller's namespace sees it. 0, -ENOSPC (none is free, or links nest too deep), -errno. */
int nv_subnet_choose(struct nv_subnet *out, struct nv_error *err);

/*
 * The Ethernet address of one end: the same on every link, there are no others on it. Both ends know them from the
 * beginning, so that the first packet does not wait for an answer that has to cross the link, twice.
 */
const uint8_t *nv_subnet_mac(enum nv_subnet_end end);

/* The address of one end of the link, with the link's own prefix length (/30, /126). */
struct nv_prefix nv_subnet_end(const struct nv_prefix *block, enum nv_subnet_end end);

#endif
