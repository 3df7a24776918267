/* SPDX-License-Identifier: BSD-2-Clause */
/* kinds.h - the members of the list in kinds.c: for that list, and for tests that name a kind. */
#ifndef NETVALE_PORTS_KINDS_H
#define NETVALE_PORTS_KINDS_H

#include "port/kind.h"

extern const struct nv_kind nv_kind_vale, nv_kind_pipe, nv_kind_null, nv_kind_tap, nv_kind_netmap, nv_kind_xdp,
    nv_kind_packet, nv_kind_pcap;

#endif
