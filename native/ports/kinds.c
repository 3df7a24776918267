/* SPDX-License-Identifier: BSD-2-Clause */
/* kinds.c - the list of all kinds of port. A kind is a file of this room and a line here. */
#include "ports/kinds.h"
#include "port/name.h"

/* In the order of their numbers in shared memory: a new one goes to the end, and NV_LAYOUT rises. */
const struct nv_kind *const nv_kinds[] = {
    &nv_kind_vale,   &nv_kind_pipe, &nv_kind_null,   &nv_kind_tap,
    &nv_kind_netmap, &nv_kind_xdp,  &nv_kind_packet, &nv_kind_pcap,
};
const unsigned nv_kind_count = sizeof(nv_kinds) / sizeof(nv_kinds[0]);

const struct nv_kind *nv_kind_asked(const struct nv_name *name)
{
    return name->pipe == NV_PIPE_NONE ? name->kind : &nv_kind_pipe;
}

/* Names of netmap's and ours whose ports are not in this build. */
const struct nv_kind nv_kind_netmap = {
    .name = "netmap", .prefix = "netmap", .flags = NV_KIND_DEFAULT | NV_KIND_PIPES | NV_KIND_HOST | NV_KIND_LINK};
const struct nv_kind nv_kind_xdp = {.name = "xdp", .prefix = "xdp", .flags = NV_KIND_HOST | NV_KIND_LINK};
