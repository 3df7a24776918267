/* SPDX-License-Identifier: BSD-2-Clause */
/* ethtool.h - the part of an interface's facts that the ethtool ioctl gives; in the calling thread's namespace. */
#ifndef NETVALE_NIC_ETHTOOL_H
#define NETVALE_NIC_ETHTOOL_H

#include "nic/nic.h"

/* Fill driver, channels, rings and features of nic->name; what the interface does not tell stays zero. 0 or -errno. */
int nv_ethtool_ask(struct nv_nic *nic);

/* As nv_nic_set_feature, here. */
int nv_ethtool_set(const char *name, const char *feature, bool on, struct nv_error *err);

#endif
