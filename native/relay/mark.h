/* SPDX-License-Identifier: BSD-2-Clause */
/* mark.h - what a link does to a packet's bytes: congestion experienced (RFC 3168), a flipped bit. */
#ifndef NETVALE_RELAY_MARK_H
#define NETVALE_RELAY_MARK_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the sender lets congestion be marked (ECT, RFC 3168): looks at the first bytes only, through one VLAN tag. */
bool relay_can_mark(const uint8_t *frame, uint32_t length);

/* Set CE in the IPv4 or IPv6 header of a frame; the IPv4 header checksum stays right. Nothing when it has none. */
void relay_mark_ce(uint8_t *frame, uint32_t length);

/* Flip bit `bit` of the frame, counted from the first byte's highest bit; taken modulo the frame's bits. */
void relay_corrupt(uint8_t *frame, uint32_t length, uint32_t bit);

#endif
