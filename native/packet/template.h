/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * template.h - what traffic looks like: addresses, sizes, headers. packet/generator.h makes packets of it; the
 * same traffic and seed make the same packets.
 */
#ifndef NETVALE_PACKET_TEMPLATE_H
#define NETVALE_PACKET_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include <netvale.h>
#include "packet/address.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NV_VLAN_MAX    4u
#define NV_FRAME_MIN   16u    /* pkt-gen's smallest -l */
#define NV_FRAME_MAX   65549u /* Ethernet header and the longest IPv4 packet */
#define NV_FRAGS_MAX   63u    /* pkt-gen's largest -F */
#define NV_STAMP_BYTES 18u    /* sequence, time and stream, at the start of the payload (packet/stamp.h) */

enum nv_size_mode {
    NV_SIZE_FIXED, /* size_max; when that is 0, 60 bytes or, where the headers and a stamp take more, as many as they do
                    */
    NV_SIZE_RANDOM, /* size_min..size_max inclusive, evenly */
    NV_SIZE_IMIX,   /* 60, 590 and 1514 bytes as 7 : 4 : 1 (simple IMIX) */
};

enum nv_prepare {
    NV_PREPARE_AUTO, /* once when the whole cycle of packets fits the ring evenly, else each */
    NV_PREPARE_ONCE, /* buffers are written once and sent again and again, as pkt-gen does by default */
    NV_PREPARE_EACH, /* every packet has the next addresses, size and checksums */
};

enum nv_traffic_flags {
    NV_TRAFFIC_RANDOM_SRC = 1u << 0, /* -z: source address and port at random (in the range, when one is given) */
    NV_TRAFFIC_RANDOM_DST = 1u << 1, /* -Z: the same for the destination */
};

/* Fill with nv_traffic_default, change what is wanted, and let nv_traffic_check say what is wrong. */
struct nv_traffic {
    /* Source MAC advances fastest, then destination MAC. A source of all zeros: an engine takes one of the port's own.
     */
    struct nv_mac_range src_mac, dst_mac;
    struct nv_ip_range src, dst; /* source port fastest, then source address, destination port, address */
    uint8_t protocol;            /* IP protocol: 17 UDP, 6 TCP, 1 ICMP echo request (58 with IPv6 is the same) */
    uint8_t ttl, tos;
    uint8_t vlans;                  /* 0..NV_VLAN_MAX tags */
    uint16_t vlan_tci[NV_VLAN_MAX]; /* priority and number, outermost first */
    uint16_t vnet_len;              /* -H: 0, 10 or 12 zero bytes before the frame; not part of the sizes */
    uint8_t size_mode;              /* enum nv_size_mode */
    uint8_t prepare;                /* enum nv_prepare */
    uint32_t size_min, size_max;    /* frame bytes without checksum: NV_FRAME_MIN..NV_FRAME_MAX (nv_traffic_fits) */
    uint16_t frags;                 /* -F: slots a packet, 1..NV_FRAGS_MAX; more where a piece would not fit */
    uint32_t frag_size;             /* -M: at most this many bytes a slot; 0: the buffer's size */
    uint32_t flows;                 /* 0: as the ranges say; N: the first N tuples again and again, widening ranges */
    uint32_t flags;                 /* enum nv_traffic_flags */
    uint64_t seed;                  /* of everything random */
};

/*
 * pkt-gen's defaults: 10.0.0.1:1234 to 10.1.0.1:1234, broadcast MAC, UDP, the default size. Version 6: fd00::1 to
 * fd01::1.
 */
void nv_traffic_default(struct nv_traffic *traffic, unsigned version);

/* Bytes of Ethernet, VLAN, IP and transport headers. */
uint32_t nv_traffic_header_bytes(const struct nv_traffic *traffic);

/* Whether every size asked for holds the headers, and a stamp. 0, or -EINVAL and the size needed in *err. */
int nv_traffic_fits(const struct nv_traffic *traffic, bool stamped, struct nv_error *err);

/* 0, or -EINVAL and what is wrong in *err (err may be NULL). */
int nv_traffic_check(const struct nv_traffic *traffic, struct nv_error *err);

#ifdef __cplusplus
}
#endif
#endif
