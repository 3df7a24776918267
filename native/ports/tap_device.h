/* SPDX-License-Identifier: BSD-2-Clause */
/* tap_device.h - tap interfaces of the kernel: making one, taking one that is there, setting it up. */
#ifndef NETVALE_TAP_DEVICE_H
#define NETVALE_TAP_DEVICE_H

#include <net/if.h>

#include "memory/error.h"

#define NV_TAP_QUEUES 16u

/* What an interface is made with. */
struct nv_tap_plan {
    const char *name;   /* "": the kernel chooses tapN */
    unsigned queues;    /* 1 .. NV_TAP_QUEUES; more than one makes a multi-queue interface */
    unsigned tx_length; /* frames the kernel keeps for us in each queue at least; an existing interface keeps its own */
    bool keep;          /* it stays when the last descriptor is closed (TUNSETPERSIST) */
};

/*
 * Make the interface in the caller's network namespace, or take an existing persistent tap of that name, without any
 * offload, and set it up (IFF_UP). Fills fd[queues] (non-blocking, close-on-exec) and name[IFNAMSIZ]. 0, or -errno with
 * err that says what to do: -ENOENT no /dev/net/tun, -EPERM or -EACCES no right, -EBUSY taken by somebody else,
 * -EEXIST an interface of another kind has the name. `port` begins the message.
 */
int nv_tap_create(const char *port, const struct nv_tap_plan *plan, int *fd, char *name, struct nv_error *err);

/*
 * Take a tap that somebody else set up and whose descriptor he gave us: fd[0] is a duplicate of `given`. -EBADF when it
 * is no tap, -EINVAL when its frames carry headers (IFF_NO_PI missing, IFF_VNET_HDR).
 */
int nv_tap_take(const char *port, int given, int *fd, char *name, struct nv_error *err);

#endif
