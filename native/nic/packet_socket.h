/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packet_socket.h - packet(7) sockets of one interface: a ring of received frames that this process maps, and a socket
 * to send by. The host keeps its traffic; what it sends itself is not seen.
 *
 * The ring is TPACKET_V2: it gives each frame as it comes. (TPACKET_V3 costs less a packet when many come and holds a
 * lone frame back for up to a millisecond, whatever its timer says: measured on Linux 6.18.) A frame longer than a
 * place of the ring is handed out whole through the socket. What the kernel keeps beside the frame (VLAN tag, checksum
 * to be filled in, size of segments) comes with it.
 */
#ifndef NETVALE_NIC_PACKET_SOCKET_H
#define NETVALE_NIC_PACKET_SOCKET_H

#include "memory/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define NV_PACKET_LONGEST 65549u /* an Ethernet header and the longest IP packet, which offloads make */

struct nv_packet_plan {
    const char *name; /* of the interface, for messages */
    uint32_t ifindex;
    uint32_t frames;  /* places of the ring, at least 16 */
    uint32_t room;    /* bytes of a frame that a place holds at least */
    uint16_t group;   /* sockets with the same number share what comes, by flow; 0: this one gets all */
    bool promiscuous; /* goes with the socket */
};

struct nv_packet_socket {
    int fd, send_fd;
    uint8_t *ring;
    size_t ring_size;
    uint32_t frame_size, block_frames, block_size, frames, at;
    uint64_t drops; /* that were read so far */
    void *longest;  /* NV_PACKET_LONGEST bytes for a frame that does not fit its place */
};

/* A received frame. */
struct nv_packet_frame {
    const uint8_t *data;
    uint32_t length;    /* bytes at data */
    uint32_t lost;      /* bytes of it that are nowhere any more: memory of the socket was used up */
    uint16_t tpid, tci; /* a VLAN tag that was taken out; tpid 0: none */
    bool checksum;      /* to be filled in: over [checksum_start, end), stored checksum_offset behind the start */
    uint16_t checksum_start, checksum_offset;
    uint16_t segment; /* bytes of payload that each segment is to have; 0: it is one packet */
    uint64_t time_ns; /* since 1970, of the kernel's clock */
};

/* 0 or -errno with err: EPERM with the capability that is missing, ENODEV. */
int nv_packet_open(struct nv_packet_socket *s, const struct nv_packet_plan *plan, struct nv_error *err);
void nv_packet_close(struct nv_packet_socket *s);

/* The next frame, valid until nv_packet_done. False: there is none. */
bool nv_packet_next(struct nv_packet_socket *s, struct nv_packet_frame *frame);

/* Its place is the kernel's again. */
void nv_packet_done(struct nv_packet_socket *s);

/*
 * Send up to n frames (sendmmsg(2)). Returns how many were taken, or when the first was not, -errno: ENOBUFS (no room;
 * also: no carrier), EMSGSIZE, EINVAL (shorter than an Ethernet header), ENETDOWN, ENXIO (the interface went).
 */
int nv_packet_send(const struct nv_packet_socket *s, struct mmsghdr *messages, unsigned n);

/* Frames that had no room in the ring, since it was opened. */
uint64_t nv_packet_drops(struct nv_packet_socket *s);

/* What the kernel has against the socket since the last call, which poll(2) shows as POLLERR once: 0, -ENETDOWN,
 * -ENXIO. */
int nv_packet_error(const struct nv_packet_socket *s);

#endif
