/* SPDX-License-Identifier: BSD-2-Clause */
/* random.h - xoshiro256** 1.0 (D. Blackman, S. Vigna), seeded through splitmix64: same seed, same numbers. */
#ifndef NETVALE_PACKET_RANDOM_H
#define NETVALE_PACKET_RANDOM_H

#include <stdint.h>

struct nv_random {
    uint64_t s[4];
};

/* Next number of splitmix64; also a good mixing function of a single value. */
static inline uint64_t nv_splitmix64(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Start sequence number `sequence` of a seed; different sequences are independent for our purposes. */
static inline void nv_random_seed(struct nv_random *r, uint64_t seed, uint64_t sequence)
{
    uint64_t state = seed;
    state = nv_splitmix64(&state) ^ (sequence * UINT64_C(0xd1342543de82ef95));
    for (unsigned i = 0; i < 4; i++)
        r->s[i] = nv_splitmix64(&state);
}

/* 64 random bits. */
static inline uint64_t nv_random_next(struct nv_random *r)
{
    uint64_t *s = r->s, result = s[1] * 5, t = s[1] << 17;

    result = (result << 7 | result >> 57) * 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = s[3] << 45 | s[3] >> 19;
    return result;
}

/* Scale 32 random bits to 0..span-1 (span up to 2^32) by multiplication (D. Lemire, 2019), bias below span/2^32. */
static inline uint32_t nv_random_scale(uint32_t bits, uint64_t span)
{
    return (uint32_t)((bits * span) >> 32);
}

#endif
