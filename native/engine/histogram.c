/* SPDX-License-Identifier: BSD-2-Clause */
/* histogram.c - see histogram.h. */
#include "engine/histogram.h"

#include <math.h>
#include <string.h>

static inline uint64_t load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline void store(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

uint64_t nv_histogram_low(uint32_t index)
{
    uint32_t shift = index >> NV_HISTOGRAM_BITS;

    if (shift < 2) /* the first 128 buckets hold one value each */
        return index;
    return ((uint64_t)(index & ((1u << NV_HISTOGRAM_BITS) - 1)) + (1u << NV_HISTOGRAM_BITS)) << (shift - 1);
}

uint64_t nv_histogram_high(uint32_t index)
{
    return nv_histogram_low(index + 1) - 1;
}

void nv_histogram_reset(struct nv_histogram *h)
{
    memset(h, 0, sizeof(*h));
    h->min = UINT64_MAX;
}

void nv_histogram_record(struct nv_histogram *h, uint64_t value)
{
    nv_histogram_put(h, value);
    nv_histogram_note(h, 1, value, value, value);
}

void nv_histogram_note(struct nv_histogram *h, uint64_t count, uint64_t sum, uint64_t min, uint64_t max)
{
    store(&h->count, h->count + count);
    store(&h->sum, h->sum + sum);
    if (min < h->min)
        store(&h->min, min);
    if (max > h->max)
        store(&h->max, max);
}

void nv_histogram_merge(struct nv_histogram *into, const struct nv_histogram *from)
{
    uint64_t min = load(&from->min), max = load(&from->max);

    into->count += load(&from->count);
    into->sum += load(&from->sum);
    if (min < into->min)
        into->min = min;
    if (max > into->max)
        into->max = max;
    for (uint32_t i = 0; i < NV_HISTOGRAM_BUCKETS; i++)
        into->bucket[i] += load(&from->bucket[i]);
}

uint64_t nv_histogram_percentile(const struct nv_histogram *h, double percent)
{
    double rank = ceil(percent / 100 * (double)h->count);
    uint64_t want = rank < 1 ? 1 : rank > (double)h->count ? h->count : (uint64_t)rank, seen = 0;

    if (h->count == 0)
        return 0;
    for (uint32_t i = 0; i < NV_HISTOGRAM_BUCKETS - 1; i++) {
        seen += h->bucket[i];
        if (seen >= want) {
            uint64_t high = nv_histogram_high(i);
            return high < h->max ? high : h->max;
        }
    }
    return h->max; /* the last bucket holds everything beyond, too */
}

double nv_histogram_mean(const struct nv_histogram *h)
{
    return h->count ? (double)h->sum / (double)h->count : 0;
}
