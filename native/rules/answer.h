/* SPDX-License-Identifier: BSD-2-Clause */
/* answer.h - packets the engine makes itself: ICMP errors, TCP and SCTP resets, keep-alives. */
#ifndef NETVALE_RULES_ANSWER_H
#define NETVALE_RULES_ANSWER_H

#include "rules/packet.h"

#define ANSWER_MAX 1600u /* bytes of the largest answer: an ICMPv6 error is at most 1280 + MAC header */

/*
 * Make the answer of UNREACH, UNREACH6, RESET, RESET6, ABORT or ABORT6 to the packet in out (ANSWER_MAX bytes).
 * Returns its length, 0 when the packet must not be answered: an ICMP error, a multicast or broadcast, a later
 * fragment, a reset to a reset, or a packet of the other family or protocol.
 */
uint32_t answer_make(const struct rules_view *view, unsigned opcode, uint32_t code, uint32_t mtu, uint8_t *out);

/* What a keep-alive needs to know of a TCP connection, seen from the side it pretends to come from. */
struct answer_tcp {
    uint8_t family;
    uint8_t src[16], dst[16]; /* IPv4 in the first 4 bytes */
    uint16_t sport, dport;
    uint32_t seq, ack;
    const uint8_t *mac; /* MAC header with its VLAN tags */
    uint32_t mac_bytes; /* of it; 0: none */
};

/* A TCP keep-alive: an empty ACK one behind. Returns its length. */
uint32_t answer_keepalive(const struct answer_tcp *tcp, uint8_t *out);

#endif
