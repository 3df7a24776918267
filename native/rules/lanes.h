/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lanes.h - look-ups for all packets of a batch at once. Compilers make vectors of plain loops by themselves, but
 * shy away from gathering; where the processor has an instruction for that, it is used here.
 *
 * lanes is a multiple of KEYS_LANES.
 */
#ifndef NETVALE_RULES_LANES_H
#define NETVALE_RULES_LANES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __AVX512F__
#include <immintrin.h>
#endif

/* out[i] = table[at[i]], at[i] below 2^31 */
static inline void lanes_look(const uint32_t *table, const uint32_t *at, uint32_t *out, unsigned lanes)
{
#ifdef __AVX512F__
    for (unsigned i = 0; i < lanes; i += 16) {
        __m512i where = _mm512_loadu_si512(at + i);
        _mm512_storeu_si512(out + i, _mm512_i32gather_epi32(where, table, 4));
    }
#else
    for (unsigned i = 0; i < lanes; i++)
        out[i] = table[at[i]];
#endif
}

/* The same of words of 64 bits. */
static inline void lanes_look64(const uint64_t *table, const uint32_t *at, uint64_t *out, unsigned lanes)
{
#ifdef __AVX512F__
    for (unsigned i = 0; i < lanes; i += 8) {
        __m256i where = _mm256_loadu_si256((const __m256i *)(const void *)(at + i));
        _mm512_storeu_si512(out + i, _mm512_i32gather_epi64(where, table, 8));
    }
#else
    for (unsigned i = 0; i < lanes; i++)
        out[i] = table[at[i]];
#endif
}

/* out[i] &= table[at[i] * step] | always, at[i] * step below 2^31 */
static inline void lanes_and(const uint64_t *table, const uint32_t *at, unsigned step, uint64_t always, uint64_t *out,
                             unsigned lanes)
{
#ifdef __AVX512F__
    const __m512i all = _mm512_set1_epi64((long long)always);
    const __m256i steps = _mm256_set1_epi32((int)step);
    for (unsigned i = 0; i < lanes; i += 8) {
        __m256i where = _mm256_mullo_epi32(_mm256_loadu_si256((const __m256i *)(const void *)(at + i)), steps);
        __m512i found = _mm512_or_si512(_mm512_i32gather_epi64(where, table, 8), all);
        _mm512_storeu_si512(out + i, _mm512_and_si512(_mm512_loadu_si512(out + i), found));
    }
#else
    for (unsigned i = 0; i < lanes; i++)
        out[i] &= table[(size_t)at[i] * step] | always;
#endif
}

/* The bits below the lowest one that is set; all for 0. */
static inline uint64_t bits_below(uint64_t x)
{
    return ~x & (x - 1);
}

/* Number of bits set; of bits_below: the number of the lowest bit set, 64 for 0. */
static inline uint32_t bits_count(uint64_t x)
{
    return (uint32_t)__builtin_popcountll(x);
}

#endif
