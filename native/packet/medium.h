/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * medium.h - packets as a link sees them: how much of it they take, whether they may be marked (ECN, RFC 3168), and
 * what it does to their bytes. One place for links live and on files.
 */
#ifndef NETVALE_PACKET_MEDIUM_H
#define NETVALE_PACKET_MEDIUM_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum nv_carried_how {
    NV_CARRIED_LAYER3 = 1, /* the link carries IP packets: it counts no MAC header */
    NV_CARRIED_RAW = 2,    /* the bytes begin with the IP header; else with a MAC header and perhaps VLAN tags */
};

/* A packet's bytes: `length` are here, `missing` more were on the wire (a capture that was cut). */
struct nv_carried {
    uint8_t *data;
    uint32_t length, missing;
    uint32_t how; /* enum nv_carried_how */
};

/*
 * Bytes that a link counts. At layer 2 the whole frame. At layer 3 the IP packet as long as its header says, without
 * MAC header and tags, nor what Ethernet filled up to its shortest frame (or a driver left behind); a header that
 * cannot be true, or says 0 where something follows (segments that hardware would cut, jumbograms), and packets that
 * are not IP count with all there is.
 */
static inline uint32_t nv_carried_length(const struct nv_carried *packet);

/* Whether the sender lets congestion be marked. */
static inline bool nv_carried_ect(const struct nv_carried *packet);

/* Set "congestion experienced" in the IP header; the IPv4 header checksum stays right. Nothing when it has none. */
void nv_carried_mark(const struct nv_carried *packet);

/* Flip bit `bit` of what the link carries, counted from its first byte's highest; nothing when it is missing. */
void nv_carried_corrupt(const struct nv_carried *packet, uint32_t bit);

/* The two above for packets that are not like most. */
uint32_t nv_carried_ip_length(const struct nv_carried *packet);
bool nv_carried_any_ect(const struct nv_carried *packet);

static inline uint32_t nv_carried_length(const struct nv_carried *packet)
{
    return packet->how & NV_CARRIED_LAYER3 ? nv_carried_ip_length(packet) : packet->length + packet->missing;
}

static inline bool nv_carried_ect(const struct nv_carried *packet)
{
    const uint8_t *data = packet->data;
    bool plain = packet->length >= 34 && !(packet->how & NV_CARRIED_RAW);
    if (plain && data[12] == 0x08 && data[13] == 0x00 && data[14] >> 4 == 4)
        return data[15] & 3; /* ECT(0), ECT(1), or marked already */
    return nv_carried_any_ect(packet);
}

#ifdef __cplusplus
}
#endif

#endif
