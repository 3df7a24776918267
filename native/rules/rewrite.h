/* SPDX-License-Identifier: BSD-2-Clause */
/* rewrite.h - change header fields in place and keep the checksums right (RFC 1624). */
#ifndef NETVALE_RULES_REWRITE_H
#define NETVALE_RULES_REWRITE_H

#include "rules/packet.h"

/* Put a new 16-bit value at `at` and correct the checksum at `sum` for it. */
void rewrite_u16(uint8_t *at, uint16_t value, uint8_t *sum);
/* The same for 32 bits; either sum may be NULL. */
void rewrite_u32(uint8_t *at, uint32_t value, uint8_t *sum, uint8_t *sum2);

/* Set the DSCP (0..63) of an IPv4 or IPv6 packet. True if it was another. */
bool rewrite_dscp(struct rules_view *view, unsigned dscp);

/* Lower the MSS option of a TCP SYN to at most mss. True if it was lowered. */
bool rewrite_mss(struct rules_view *view, uint16_t mss);

/* CRC32c (Castagnoli) of bytes, as SCTP has it, least significant byte first in the packet. */
uint32_t rewrite_crc32c(const uint8_t *bytes, uint32_t length);

#endif
