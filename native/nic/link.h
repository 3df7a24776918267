/* SPDX-License-Identifier: BSD-2-Clause */
/* link.h - the part of an interface's facts that netlink gives; in the calling thread's namespace. */
#ifndef NETVALE_NIC_LINK_H
#define NETVALE_NIC_LINK_H

#include "nic/nic.h"

/* Fill what route netlink knows of nic->name, or with an empty name of nic->index. *netns_id is the peer's namespace as
 * the kernel numbers it here, -1: this one. 0 or -errno. */
int nv_link_ask(struct nv_nic *nic, int *netns_id);

/* Fill xdp_known, xdp_features and xdp_zc_segments; left at zero where the kernel has no such family. */
void nv_link_ask_xdp(struct nv_nic *nic);

/* A path of the namespace with this number: of those with a name and of the processes'. False: none shows it. */
bool nv_link_find_netns(int netns_id, char path[NV_NIC_PATH]);

#endif
