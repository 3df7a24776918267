/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * offload.h - doing what a sender left to a card: checksums that are not filled in, frames that are to be cut into
 * segments, VLAN tags kept beside the frame. What is to be done is told by virtio-net's header (virtio 1.2, 5.1.6),
 * which packet sockets, taps and guests give alike, or by finding what a host's stack leaves in the field.
 */
#ifndef NETVALE_PACKET_OFFLOAD_H
#define NETVALE_PACKET_OFFLOAD_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Compute the checksum over frame[start, length) and store it at start + offset, where the sum of the pseudo header
 * stands now. 0 is stored as 0xffff for UDP's sake (RFC 768). False: these places are not in the frame.
 */
bool nv_offload_checksum(uint8_t *frame, uint32_t length, uint32_t start, uint32_t offset);

/*
 * Fill in the checksum of TCP or UDP when it is what a stack leaves for a card: the folded sum of the pseudo header.
 * True: it was filled in. One that is right by chance with the same value (1 in 65,536) stays right, for then both are
 * the same.
 */
bool nv_offload_find_checksum(uint8_t *frame, uint32_t length);

/* Put a VLAN tag behind the addresses of a frame, in a buffer with room for 4 bytes more. Returns the new length. */
uint32_t nv_offload_tag(uint8_t *frame, uint32_t length, uint16_t tpid, uint16_t tci);

/* A frame that is being cut into segments. */
struct nv_segments {
    const uint8_t *frame;
    uint32_t length;  /* up to the end of IP's packet: no padding */
    uint32_t l3, l4;  /* offsets of its headers */
    uint32_t headers; /* bytes that each segment begins with */
    uint32_t size;    /* bytes of payload a segment */
    uint32_t at;      /* payload that was given out */
    uint32_t count;   /* segments that were */
    uint8_t protocol; /* TCP or UDP */
    bool ip6;
};

/*
 * Begin: `size` bytes of payload a segment (gso_size). False: no TCP or UDP over IP that can be cut; the frame is to be
 * refused by name.
 */
bool nv_segments_begin(struct nv_segments *s, const uint8_t *frame, uint32_t length, uint32_t size);

/*
 * Write the next segment, with lengths, identification, sequence number, flags and checksums of its own, as Linux cuts
 * them: FIN and PSH in the last one only, CWR in the first only. `out` has room for s->headers + s->size bytes. Returns
 * its length; 0: there are no more.
 */
uint32_t nv_segments_next(struct nv_segments *s, uint8_t *out);

#endif
