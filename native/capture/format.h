/* SPDX-License-Identifier: BSD-2-Clause */
/* format.h - numbers of pcap and pcapng. */
#ifndef NETVALE_CAPTURE_FORMAT_H
#define NETVALE_CAPTURE_FORMAT_H

#include <byteswap.h>

#include "packet/bytes.h"

#define CAPTURE_SECOND UINT64_C(1000000000)

enum {
    PCAP_HEADER = 24,
    PCAP_RECORD = 16,
    PCAP_LONG_RECORD = 24, /* of the modified format: interface, protocol and packet type follow */
    BLOCK_INTERFACE = 1,
    BLOCK_OLD_PACKET = 2,
    BLOCK_SIMPLE = 3,
    BLOCK_STATISTICS = 5,
    BLOCK_PACKET = 6,
    BLOCK_SECTION = 0x0a0d0d0a,
    BYTE_ORDER_MAGIC = 0x1a2b3c4d,
    BLOCK_MAX = 1 << 24, /* a block of a known kind is not larger */
    OPTION_END = 0,
    OPTION_COMMENT = 1,
    OPTION_NAME = 2,       /* of an interface */
    OPTION_FLAGS = 2,      /* of a packet */
    OPTION_RESOLUTION = 9, /* of an interface */
    OPTION_FCS = 13,
    OPTION_OFFSET = 14,
    OPTION_RECEIVED = 4, /* of statistics */
    OPTION_DROPPED = 5,
};

/* pcap's link type: that the upper four bits say how long the frame check sequence is, in units of 16 bits. */
#define PCAP_HAS_FCS 0x04000000u

#define PCAP_MICROSECONDS 0xa1b2c3d4u
#define PCAP_NANOSECONDS  0xa1b23c4du
#define PCAP_MODIFIED     0xa1b2cd34u /* Kuznetzov's; microseconds */

/* Numbers of a file whose byte order may be the other one. */
static inline uint16_t load16(const uint8_t *p, bool swapped)
{
    uint16_t v = nv_load16(p);
    return swapped ? bswap_16(v) : v;
}

static inline uint32_t load32(const uint8_t *p, bool swapped)
{
    uint32_t v = nv_load32(p);
    return swapped ? bswap_32(v) : v;
}

static inline uint64_t load64(const uint8_t *p, bool swapped)
{
    uint64_t v = nv_load64(p);
    return swapped ? bswap_64(v) : v;
}

static inline uint8_t *store16(uint8_t *p, uint16_t v, bool swapped)
{
    nv_store16(p, swapped ? bswap_16(v) : v);
    return p + 2;
}

static inline uint8_t *store32(uint8_t *p, uint32_t v, bool swapped)
{
    nv_store32(p, swapped ? bswap_32(v) : v);
    return p + 4;
}

static inline uint8_t *store64(uint8_t *p, uint64_t v, bool swapped)
{
    nv_store64(p, swapped ? bswap_64(v) : v);
    return p + 8;
}

/* Up to a multiple of 4. */
static inline uint32_t padded(uint32_t length)
{
    return (length + 3) & ~3u;
}

#endif
