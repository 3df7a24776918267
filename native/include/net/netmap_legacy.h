/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/netmap_legacy.h - netmap's older control interface (struct nmreq), which most programs in the field still use.
 *
 * Included by net/netmap.h. The same ports, regions and rings as with NIOCCTRL; names of at most 15 characters and no
 * options. New code should use NIOCCTRL.
 */
#ifndef NET_NETMAP_LEGACY_H
#define NET_NETMAP_LEGACY_H

#include <stdint.h>
#include <sys/ioctl.h>

/*
 * Argument of NIOCREGIF and NIOCGINFO. Written back in whole, on errors too. nr_flags picks the rings with its low
 * bits (NR_REG_*); if these are 0, nr_ringid does with the bits below.
 */
struct nmreq {
    char nr_name[16];
    uint32_t nr_version;  /* NETMAP_API; below 14: EINVAL */
    uint32_t nr_offset;   /* (port) netmap_if, from the start of the mapping */
    uint32_t nr_memsize;  /* (port) bytes to map */
    uint32_t nr_tx_slots; /* as in nmreq_register */
    uint32_t nr_rx_slots;
    uint16_t nr_tx_rings;
    uint16_t nr_rx_rings;
    uint16_t nr_ringid; /* ring number, pipe number, and the NETMAP_*_RING bits */
    uint16_t nr_cmd;    /* 0: register; else NETMAP_BDG_* */
    uint16_t nr_arg1;   /* for nr_cmd; when registering a hint that is ignored */
    uint16_t nr_arg2;   /* memory id */
    uint32_t nr_arg3;   /* extra buffers; on the way out how many there were */
    uint32_t nr_flags;  /* NR_REG_* in NR_REG_MASK, and NR_MONITOR_TX ... of net/netmap.h */
    uint32_t spare2[1];
};

#define NR_REG_MASK 0xf /* nr_flags: bits that hold NR_REG_* */

/* nr_ringid */
#define NETMAP_HW_RING    0x4000 /* one ring of the port: the number is in NETMAP_RING_MASK */
#define NETMAP_SW_RING    0x2000 /* the host rings */
#define NETMAP_RING_MASK  0x0fff
#define NETMAP_NO_TX_POLL 0x1000 /* as NR_NO_TX_POLL */
#define NETMAP_DO_RX_POLL 0x8000 /* as NR_DO_RX_POLL */

/* nr_cmd */
#define NETMAP_BDG_ATTACH      1  /* put an interface into a switch; nr_arg1 NETMAP_BDG_HOST: host rings too */
#define NETMAP_BDG_DETACH      2  /* take it out */
#define NETMAP_BDG_REGOPS      3  /* reserved for the kernel */
#define NETMAP_BDG_LIST        4  /* NIOCGINFO: nr_arg1 switch, nr_arg2 port */
#define NETMAP_BDG_VNET_HDR    5  /* set the virtio-net header length to nr_arg1 */
#define NETMAP_BDG_NEWIF       6  /* create a persistent VALE port */
#define NETMAP_BDG_DELIF       7  /* destroy one */
#define NETMAP_PT_HOST_CREATE  8  /* not supported */
#define NETMAP_PT_HOST_DELETE  9  /* not supported */
#define NETMAP_BDG_POLLING_ON  10 /* start polling threads */
#define NETMAP_BDG_POLLING_OFF 11 /* stop them */
#define NETMAP_VNET_HDR_GET    12 /* get the virtio-net header length in nr_arg1 */

#define NETMAP_BDG_HOST 1 /* nr_arg1 of NETMAP_BDG_ATTACH */

/* Argument of NIOCCONFIG: opaque configuration of a switch module. */
#define NM_IFRDATA_LEN 256

struct nm_ifreq {
    char nifr_name[16];
    char data[NM_IFRDATA_LEN];
};

#define NIOCGINFO  _IOWR('i', 145, struct nmreq)    /* memory size and rings of a port, without binding it */
#define NIOCREGIF  _IOWR('i', 146, struct nmreq)    /* bind this descriptor to a port */
#define NIOCCONFIG _IOWR('i', 150, struct nm_ifreq) /* configure a switch module */

#endif
