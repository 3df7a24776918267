/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * siphash.h - SipHash-1-3 (Aumasson and Bernstein, 2012) over whole 64-bit words.
 *
 * A keyed hash: who does not know the key cannot choose packets that fall into one bucket. The length is
 * fixed by each use, so the length block of the original is not hashed.
 */
#ifndef NETVALE_RULES_SIPHASH_H
#define NETVALE_RULES_SIPHASH_H

#include <stdint.h>

struct sip_key {
    uint64_t k0, k1;
};

static inline uint64_t sip_rotl(uint64_t x, int b)
{
    return x << b | x >> (64 - b);
}

#define SIP_ROUND(v0, v1, v2, v3)                                                                                      \
    do {                                                                                                               \
        v0 += v1, v1 = sip_rotl(v1, 13), v1 ^= v0, v0 = sip_rotl(v0, 32);                                              \
        v2 += v3, v3 = sip_rotl(v3, 16), v3 ^= v2;                                                                     \
        v0 += v3, v3 = sip_rotl(v3, 21), v3 ^= v0;                                                                     \
        v2 += v1, v1 = sip_rotl(v1, 17), v1 ^= v2, v2 = sip_rotl(v2, 32);                                              \
    } while (0)

static inline uint64_t sip_hash(const struct sip_key *key, const uint64_t *words, unsigned count)
{
    uint64_t v0 = key->k0 ^ 0x736f6d6570736575u, v1 = key->k1 ^ 0x646f72616e646f6du;
    uint64_t v2 = key->k0 ^ 0x6c7967656e657261u, v3 = key->k1 ^ 0x7465646279746573u;

    for (unsigned i = 0; i < count; i++) {
        v3 ^= words[i];
        SIP_ROUND(v0, v1, v2, v3);
        v0 ^= words[i];
    }
    v2 ^= 0xff;
    SIP_ROUND(v0, v1, v2, v3);
    SIP_ROUND(v0, v1, v2, v3);
    SIP_ROUND(v0, v1, v2, v3);
    return v0 ^ v1 ^ v2 ^ v3;
}

#endif
