/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * masquerade.h - address translation for what comes in on one interface, by nf_tables, for as long as a descriptor is
 * open.
 *
 * The table belongs to its netlink socket (NFT_TABLE_F_OWNER, Linux 5.12): the kernel removes it with the socket,
 * whatever its holder dies of.
 */
#ifndef NETVALE_MASQUERADE_H
#define NETVALE_MASQUERADE_H

/*
 * Packets that came in on `ifname` and leave by another interface get that one's address. Returns the descriptor that
 * keeps it so, or -errno: -EPERM without CAP_NET_ADMIN, -EOPNOTSUPP, -EINVAL or -ENOENT where the kernel cannot do it.
 */
int nv_masquerade(const char *ifname);

#endif
