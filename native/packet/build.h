/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * build.h - write headers into a buffer, outermost first. Each function writes its header at p and returns
 * where the next one goes; the caller sees to the room. Numbers are in host order, addresses as on the wire.
 */
#ifndef NETVALE_PACKET_BUILD_H
#define NETVALE_PACKET_BUILD_H

#include <stdint.h>

#include "packet/headers.h"

/* Ethernet header, `tags` VLAN tags (tci outermost first; 802.1ad outside of 802.1Q) and the EtherType. */
uint8_t *nv_build_ethernet(uint8_t *p, const uint8_t dst[6], const uint8_t src[6], const uint16_t *tci, unsigned tags,
                           uint16_t type);

struct nv_ip_fields {
    uint8_t src[16], dst[16]; /* IPv4: the first four bytes */
    uint8_t protocol, ttl, tos;
    uint16_t id;       /* IPv4 identification */
    uint16_t fragment; /* IPv4 flags and offset, NV_IPV4_DF */
    uint32_t flow;     /* IPv6 flow label, 20 bits */
};

/* IPv4 header (RFC 791) with its checksum, or IPv6 header (RFC 8200), for `payload` bytes that follow. */
uint8_t *nv_build_ipv4(uint8_t *p, const struct nv_ip_fields *ip, uint16_t payload);
uint8_t *nv_build_ipv6(uint8_t *p, const struct nv_ip_fields *ip, uint16_t payload);

/* UDP (RFC 768) for `payload` bytes, TCP (RFC 9293), echo (RFC 792, RFC 4443); checksum 0: see nv_build_finish. */
uint8_t *nv_build_udp(uint8_t *p, uint16_t sport, uint16_t dport, uint16_t payload);
uint8_t *nv_build_tcp(uint8_t *p, uint16_t sport, uint16_t dport, uint32_t seq, uint32_t ack, uint8_t flags,
                      uint16_t window);
uint8_t *nv_build_echo(uint8_t *p, uint8_t type, uint16_t id, uint16_t seq);

/*
 * Offset of the checksum in a transport header: UDP 6, TCP 16, ICMP 2; 0 for other protocols.
 */
unsigned nv_checksum_offset(uint8_t protocol);

/*
 * The right checksum, in memory order, for the transport header and data at l4, `len` bytes, under the IP
 * header at ip, whatever its checksum field holds now. UDP's 0 is 0xffff as RFC 768 has it.
 */
uint16_t nv_transport_checksum(const uint8_t *ip, uint8_t protocol, const uint8_t *l4, uint32_t len);

/* Put that checksum in its place; nothing for protocols without one. */
void nv_build_finish(const uint8_t *ip, uint8_t protocol, uint8_t *l4, uint32_t len);

#endif
