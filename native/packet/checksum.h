/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * checksum.h - the Internet checksum (RFC 1071) and its incremental update (RFC 1624).
 *
 * A sum is the plain sum of 16-bit words as they lie in memory (byte order does not matter to the result,
 * RFC 1071 section 2), kept in 64 bits and folded at the end. Since 2^16 is 1 modulo 0xffff, a 32-bit word
 * may be added whole instead of its halves. Checksums are in memory order: store them as they are.
 */
#ifndef NETVALE_PACKET_CHECKSUM_H
#define NETVALE_PACKET_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/*
 * Fold a sum to 16 bits; 0 only when every word was 0. Adding a number to itself with its halves swapped leaves
 * the sum of the halves, carry brought round, in the upper half.
 */
static inline uint16_t nv_sum_fold(uint64_t sum)
{
    uint32_t half = (uint32_t)((sum + (sum << 32 | sum >> 32)) >> 32);
    return (uint16_t)((half + (half << 16 | half >> 16)) >> 16);
}

/* Add a 64-bit word's four 16-bit words to a sum, without overflow for 2^30 such words. */
static inline uint64_t nv_sum_add64(uint64_t sum, uint64_t word)
{
    return sum + (word & 0xffffffff) + (word >> 32);
}

/* Sum of len bytes, an odd last one padded with a zero byte; at most 2^32 bytes. */
uint64_t nv_sum(const void *data, size_t len);

/* Checksum of len bytes whose checksum field is 0. Over correct data with its checksum in place: 0. */
uint16_t nv_checksum(const void *data, size_t len);

/*
 * RFC 1624, equation 3: the checksum after a 16-bit word of the data went from `before` to `after`, all in
 * memory order. As there, the result is never 0xffff's twin by accident: equal to a full computation
 * unless all the data is zero.
 */
static inline uint16_t nv_checksum_update16(uint16_t checksum, uint16_t before, uint16_t after)
{
    return (uint16_t)~nv_sum_fold((uint64_t)(uint16_t)~checksum + (uint16_t)~before + after);
}

/* The same for a 32-bit word at an even offset. */
static inline uint16_t nv_checksum_update32(uint16_t checksum, uint32_t before, uint32_t after)
{
    return (uint16_t)~nv_sum_fold((uint64_t)(uint16_t)~checksum + (uint32_t)~before + after);
}

/*
 * Sum of the pseudo header of an IP header at `ip` (version read from it) for `len` bytes of `protocol`.
 */
uint64_t nv_sum_pseudo(const uint8_t *ip, uint8_t protocol, uint32_t len);

#endif
