/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xdp_program.h - the XDP program that hands an interface's frames to AF_XDP sockets, one for each receive queue. A
 * queue without a socket goes on to the host. Loaded by bpf(2) itself and attached through a BPF link, which goes with
 * the last descriptor of it, whatever its process dies of.
 */
#ifndef NETVALE_NIC_XDP_PROGRAM_H
#define NETVALE_NIC_XDP_PROGRAM_H

#include "memory/error.h"

#include <stdbool.h>
#include <stdint.h>

struct nv_xdp_program {
    int map; /* XSKMAP: queue -> socket */
    int program;
    int link;       /* -1: not attached yet */
    bool fragments; /* it takes frames of several buffers */
    bool native;    /* of the driver; else generic */
};

/* Load for queues 0..queues - 1. 0 or -errno with err, EPERM with the capability that is missing. */
int nv_xdp_load(struct nv_xdp_program *x, const char *name, uint32_t queues, struct nv_error *err);

/* Hand queue's frames to the socket `fd`, which must be bound: between the two frames would be lost without a count. */
int nv_xdp_set_socket(const struct nv_xdp_program *x, const char *name, uint32_t queue, int fd, struct nv_error *err);

enum nv_xdp_mode { NV_XDP_BEST, NV_XDP_NATIVE, NV_XDP_GENERIC };

/*
 * Attach: native where the driver can, else generic (BEST), or as asked. The last thing to be done, for frames come
 * from here on. 0 or -errno with err: EBUSY with who is attached, as far as it can be known.
 */
int nv_xdp_attach(struct nv_xdp_program *x, const char *name, uint32_t ifindex, enum nv_xdp_mode mode,
                  struct nv_error *err);

/* Detach and unload; fine for one that was never loaded, if it is all -1. */
void nv_xdp_unload(struct nv_xdp_program *x);

#endif
