/* SPDX-License-Identifier: BSD-2-Clause */
/* frames.h - the frames every benchmark sends: 64 source and 64 destination addresses, mixed, over zeroed payload. */
#ifndef NETVALE_BENCH_FRAMES_H
#define NETVALE_BENCH_FRAMES_H

#include <stdint.h>
#include <string.h>

#define FRAME_ADDRESSES 64u
#define FRAME_SHORT     60u
#define FRAME_LONG      1514u
#define FRAME_BROADCAST 0xffffffffffffu

/* An even spread of 32-bit values over a counter (the finisher of MurmurHash3). */
static inline uint32_t frame_mix(uint32_t x)
{
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    return x ^ x >> 16;
}

/* The i-th of 256 unicast addresses 02:ROLE:00:00:00:i, in the low 48 bits as it is read from memory. */
static inline uint64_t frame_address(uint32_t role, uint32_t i)
{
    return 0x02u | role << 8 | (uint64_t)i << 40;
}

static inline uint64_t frame_source(uint32_t i)
{
    return frame_address(0xaa, i);
}

static inline uint64_t frame_destination(uint32_t i)
{
    return frame_address(0xbb, i);
}

/* Write a whole Ethernet frame of `length` bytes: destination, source, type 0x88b5 (for local experiments), payload. */
static inline void frame_compose(uint8_t *to, uint32_t length, uint64_t destination, uint64_t source)
{
    memset(to, 0, length);
    memcpy(to, &destination, 6);
    memcpy(to + 6, &source, 6);
    to[12] = 0x88;
    to[13] = 0xb5;
}

/* The frame for the i-th buffer of a ring: addresses chosen evenly and in no order a predictor could learn early. */
static inline void frame_write(uint8_t *to, uint32_t length, uint32_t i)
{
    const uint32_t mixed = frame_mix(i);
    frame_compose(to, length, frame_destination(mixed % FRAME_ADDRESSES), frame_source(mixed >> 16 & 63));
}

#endif
