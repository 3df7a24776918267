/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decode.h - read the headers of a frame: Ethernet, stacked VLAN tags, IPv4 with options, IPv6 with extension headers,
 * UDP, TCP, ICMP. No byte at or beyond `len` is read, whatever the lengths in the packet claim.
 */
#ifndef NETVALE_PACKET_DECODE_H
#define NETVALE_PACKET_DECODE_H

#include <stddef.h>
#include <stdint.h>

#define NV_DECODE_TAGS 8u /* VLAN tags looked through */

enum nv_decode_flags {
    NV_DECODED_LINK = 1u << 0,      /* MAC addresses and EtherType are there */
    NV_DECODED_IP = 1u << 1,        /* a whole IP header (and IPv6 extension headers) */
    NV_DECODED_TRANSPORT = 1u << 2, /* a whole UDP, TCP or ICMP header: l4, payload */
    NV_DECODED_FRAGMENT = 1u << 3,  /* an IP fragment; of others than the first only the IP header is decoded */
    NV_DECODED_CUT = 1u << 4,       /* the frame ends before a length in it says, or inside a header */
    NV_DECODED_BAD = 1u << 5,       /* an impossible length or version in a header */
};

struct nv_decoded {
    uint32_t flags;                     /* enum nv_decode_flags */
    uint8_t tags, ip_version, protocol; /* ip_version 0: not IP; protocol: the last header's */
    uint16_t tci[NV_DECODE_TAGS];       /* outermost first */
    uint16_t type;                      /* EtherType behind the tags, host order */
    uint32_t l3, l4, payload;           /* offsets from the frame's start */
    uint32_t payload_len;               /* as the headers say; what is there when NV_DECODED_CUT */
    uint32_t end;                       /* where the IP packet ends; behind it is padding */
    uint16_t src_port, dst_port;        /* UDP, TCP; ICMP echo: identifier, sequence number */
};

/* Decode what can be decoded; returns out->flags. */
uint32_t nv_decode(const uint8_t *frame, uint32_t len, struct nv_decoded *out);

enum nv_checksum_faults {
    NV_BAD_IP_CHECKSUM = 1u << 0,
    NV_BAD_TRANSPORT_CHECKSUM = 1u << 1,
};

/*
 * Which checksums of a decoded, uncut frame are wrong. An IPv4 UDP checksum of 0 means none was sent; that is fine.
 * Fragments' transport checksums are not looked at.
 */
uint32_t nv_decode_check(const uint8_t *frame, const struct nv_decoded *d);

/* "10.0.0.1:1234 > 10.1.0.1:1234 UDP 18" and the like; returns the length as snprintf does. */
int nv_decode_text(const uint8_t *frame, const struct nv_decoded *d, char *out, size_t size);

/*
 * A frame as text, as pkt-gen -X has it: a line about the slot, one of what was decoded, then 16 bytes a
 * line in hexadecimal and as characters. Writes at most `size` bytes with the final 0 and returns the length as
 * snprintf does. NV_DUMP_SIZE(len) is always enough.
 */
#define NV_DUMP_SIZE(len) (512u + ((size_t)(len) / 16 + 1) * 80)
int nv_dump(const uint8_t *data, uint32_t len, uint32_t vnet_len, const char *ring, uint32_t slot, uint32_t buf_idx,
            uint16_t flags, char *out, size_t size);

#endif
