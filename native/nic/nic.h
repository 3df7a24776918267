/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nic.h - what a network interface of the kernel can do and how it is set: offloads, queues, rings, XDP, and the other
 * end of a veth pair. Asked by ethtool's ioctl, route netlink and the netdev family of generic netlink (Linux 6.3);
 * what a kernel does not know is left at zero.
 *
 * An interface of another network namespace is asked by a thread that enters it: the namespace of the caller's other
 * threads stays as it is.
 */
#ifndef NETVALE_NIC_H
#define NETVALE_NIC_H

#include "memory/error.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#define NV_NIC_FEATURES     96u /* features at most; Linux 6.18 has 64 */
#define NV_NIC_FEATURE_NAME 32u /* bytes of a name, as ethtool has it, with its 0 */
#define NV_NIC_PATH         64u

struct nv_nic_feature {
    char name[NV_NIC_FEATURE_NAME]; /* the kernel's: "rx-gro", "tx-tcp-segmentation" */
    bool active, available;         /* it is on; it may be changed */
};

/* Bits of xdp_features: enum netdev_xdp_act of linux/netdev.h. */
enum nv_nic_xdp {
    NV_NIC_XDP_BASIC = 1,
    NV_NIC_XDP_REDIRECT = 2,
    NV_NIC_XDP_NDO_XMIT = 4,
    NV_NIC_XDP_ZEROCOPY = 8,
    NV_NIC_XDP_HW_OFFLOAD = 16,
    NV_NIC_XDP_RX_SG = 32,
    NV_NIC_XDP_NDO_XMIT_SG = 64,
};

/* How a program is attached: IFLA_XDP_ATTACHED. */
enum nv_nic_attached { NV_NIC_NO_XDP, NV_NIC_XDP_NATIVE, NV_NIC_XDP_GENERIC, NV_NIC_XDP_HARDWARE, NV_NIC_XDP_SEVERAL };

struct nv_nic {
    char name[IFNAMSIZ];
    uint32_t index, mtu, min_mtu, max_mtu;
    uint32_t flags;                                      /* IFF_UP, IFF_LOOPBACK, ... */
    bool carrier;                                        /* of a lower layer: IFF_LOWER_UP */
    uint8_t mac[6];                                      /* zeros when it has none of Ethernet */
    bool ethernet;                                       /* frames have an Ethernet header */
    char kind[16];                                       /* "veth", "tun", "bridge"; "" for hardware */
    char driver[32];                                     /* ethtool's; "" when it has none */
    uint32_t tx_queues, rx_queues;                       /* that the device has */
    uint32_t channels, max_channels;                     /* in use: the larger of rx and combined; 0: not told */
    uint32_t rx_ring, max_rx_ring, tx_ring, max_tx_ring; /* descriptors; 0: not told */
    bool xdp_known;                                      /* the kernel says what XDP can do here */
    uint32_t xdp_features;                               /* enum nv_nic_xdp; without xdp_known 0 */
    uint32_t xdp_zc_segments;                            /* descriptors of a frame in zero copy */
    enum nv_nic_attached attached;
    uint32_t program; /* id of the attached XDP program */
    uint32_t promiscuity;
    uint32_t features;
    struct nv_nic_feature feature[NV_NIC_FEATURES];
    /* The interface this one is tied to (a veth's other end): its index, and a path of its namespace for setns(2); ""
     * for the same namespace. peer_index 0: none. peer_hidden: in a namespace that no process and no name shows. */
    uint32_t peer_index;
    bool peer_hidden;
    char peer_netns[NV_NIC_PATH];
};

/*
 * Ask about the interface `name` (or, with NULL, about `index`) of the namespace at the path `netns` (NULL: the
 * caller's). 0 or -errno with err: ENODEV; EPERM where the namespace may not be entered.
 */
int nv_nic_ask(const char *netns, const char *name, uint32_t index, struct nv_nic *nic, struct nv_error *err);

/*
 * Switch a feature, by the kernel's name, on or off. 0 or -errno with err: ENODEV, EPERM, EOPNOTSUPP when it is fixed
 * or unknown, EBUSY when the kernel took the request and something else keeps it as it was.
 */
int nv_nic_set_feature(const char *netns, const char *name, const char *feature, bool on, struct nv_error *err);

#endif
