/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * histogram.h - log-linear histogram of nanoseconds: 64 linear buckets for each power of two.
 *
 * Bucket arithmetic after HdrHistogram (G. Tene): a value below 64 has its own bucket; above, with
 * shift = floor(log2 v) - 6, its bucket is shift * 64 + (v >> shift), which holds 2^shift values. A value is
 * thus known to 1/64. Recording costs a few instructions. All members are 64-bit words, so that a histogram
 * in a statistics page reads as an array: count, sum, min, max, then the buckets.
 */
#ifndef NETVALE_ENGINE_HISTOGRAM_H
#define NETVALE_ENGINE_HISTOGRAM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NV_HISTOGRAM_BITS    6u
#define NV_HISTOGRAM_MAX     ((UINT64_C(1) << 40) - 1) /* larger values are recorded as this, 18 minutes */
#define NV_HISTOGRAM_BUCKETS ((40u - NV_HISTOGRAM_BITS + 1u) << NV_HISTOGRAM_BITS)
#define NV_HISTOGRAM_WORDS   (4u + NV_HISTOGRAM_BUCKETS)

struct nv_histogram {
    uint64_t count, sum; /* sum of the values themselves, for the mean */
    uint64_t min, max;   /* min is UINT64_MAX while empty */
    uint64_t bucket[NV_HISTOGRAM_BUCKETS];
};

/* Bucket of a value; values beyond NV_HISTOGRAM_MAX share the last one. */
static inline uint32_t nv_histogram_index(uint64_t value)
{
    if (value > NV_HISTOGRAM_MAX)
        value = NV_HISTOGRAM_MAX;
    uint32_t shift = 63u - (uint32_t)__builtin_clzll(value | (1u << NV_HISTOGRAM_BITS)) - NV_HISTOGRAM_BITS;
    return (shift << NV_HISTOGRAM_BITS) + (uint32_t)(value >> shift);
}

/* Smallest and largest value that fall into a bucket. */
uint64_t nv_histogram_low(uint32_t index);
uint64_t nv_histogram_high(uint32_t index);

/* Empty. */
void nv_histogram_reset(struct nv_histogram *h);

/* Record one value. One writer; readers may look at any time (relaxed stores). */
void nv_histogram_record(struct nv_histogram *h, uint64_t value);

/*
 * The same for many values: each in its bucket, then once what they have in common. Between the two a reader sees a
 * count that is behind.
 */
static inline void nv_histogram_put(struct nv_histogram *h, uint64_t value)
{
    uint64_t *bucket = &h->bucket[nv_histogram_index(value)];
    __atomic_store_n(bucket, *bucket + 1, __ATOMIC_RELAXED);
}
void nv_histogram_note(struct nv_histogram *h, uint64_t count, uint64_t sum, uint64_t min, uint64_t max);

/* Add `from`, which may be in use by its writer, to `into`, which nobody else writes. */
void nv_histogram_merge(struct nv_histogram *into, const struct nv_histogram *from);

/*
 * The value that `percent` (0..100) of the recorded values do not exceed: the upper end of its bucket, at
 * most the largest recorded value. 0 when empty.
 */
uint64_t nv_histogram_percentile(const struct nv_histogram *h, double percent);

/* Mean of the recorded values; 0 when empty. */
double nv_histogram_mean(const struct nv_histogram *h);

#ifdef __cplusplus
}
#endif
#endif
