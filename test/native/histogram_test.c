/* SPDX-License-Identifier: BSD-2-Clause */
/* histogram_test.c - buckets, percentiles against sorted data, merging. */
#include "check.h"

#include <math.h>

#include "engine/histogram.h"
#include "packet/random.h"

static struct nv_random rng;

static void buckets_tile_the_values(void)
{
    for (uint32_t i = 0; i < NV_HISTOGRAM_BUCKETS; i++) {
        uint64_t low = nv_histogram_low(i), high = nv_histogram_high(i);
        CHECK(nv_histogram_index(low) == i && nv_histogram_index(high) == i, "bucket %u: %lu..%lu", i, low, high);
        CHECK(i == 0 ? low == 0 : low == nv_histogram_high(i - 1) + 1);
        CHECK((high - low) * 64 <= low, "bucket %u is too wide", i);
    }
    CHECK(nv_histogram_high(NV_HISTOGRAM_BUCKETS - 1) == NV_HISTOGRAM_MAX);
    CHECK(nv_histogram_index(NV_HISTOGRAM_MAX + 1) == NV_HISTOGRAM_BUCKETS - 1);
    CHECK(nv_histogram_index(UINT64_MAX) == NV_HISTOGRAM_BUCKETS - 1);
    CHECK(sizeof(struct nv_histogram) == NV_HISTOGRAM_WORDS * sizeof(uint64_t));
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Values over the whole span: as many small as large ones. */
static uint64_t draw(void)
{
    uint64_t bits = nv_random_next(&rng);
    return bits >> (24 + bits % 40);
}

static void percentiles_match_sorted_data(void)
{
    static uint64_t data[20000];
    static struct nv_histogram h;
    static const double percents[] = {0, 1, 10, 25, 50, 75, 90, 99, 99.9, 99.99, 100};
    for (unsigned round = 0; round < 10; round++) {
        size_t count = round == 0 ? 1 : round == 1 ? 7 : sizeof(data) / sizeof(data[0]);
        double sum = 0;
        nv_histogram_reset(&h);
        for (size_t i = 0; i < count; i++) {
            data[i] = draw();
            sum += (double)data[i];
            nv_histogram_record(&h, data[i]);
        }
        qsort(data, count, sizeof(data[0]), compare);
        for (size_t p = 0; p < sizeof(percents) / sizeof(percents[0]); p++) {
            size_t rank = (size_t)ceil(percents[p] / 100 * (double)count);
            uint64_t exact = data[rank ? rank - 1 : 0], got = nv_histogram_percentile(&h, percents[p]);
            CHECK(got >= exact && got - exact <= exact / 64, "p%g of %zu: %lu, exactly %lu", percents[p], count, got,
                  exact);
        }
        CHECK(h.count == count && h.min == data[0] && h.max == data[count - 1]);
        CHECK(fabs(nv_histogram_mean(&h) - sum / (double)count) <= 1e-9 * sum);
        CHECK(nv_histogram_percentile(&h, 100) == h.max);
    }
}

static void merged_equals_one(void)
{
    static struct nv_histogram parts[3], merged, whole;
    nv_histogram_reset(&merged);
    nv_histogram_reset(&whole);
    for (unsigned p = 0; p < 3; p++) {
        nv_histogram_reset(&parts[p]);
        for (unsigned i = 0; i < 1000 * p; i++) { /* the first stays empty */
            uint64_t value = draw();
            nv_histogram_record(&parts[p], value);
            nv_histogram_record(&whole, value);
        }
        nv_histogram_merge(&merged, &parts[p]);
    }
    CHECK(memcmp(&merged, &whole, sizeof(whole)) == 0);
}

static void empty_and_beyond(void)
{
    static struct nv_histogram h;
    nv_histogram_reset(&h);
    CHECK(nv_histogram_percentile(&h, 50) == 0 && nv_histogram_mean(&h) == 0);
    nv_histogram_record(&h, UINT64_C(1) << 50);
    CHECK(h.max == UINT64_C(1) << 50 && nv_histogram_percentile(&h, 50) == h.max);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"buckets_tile_the_values", buckets_tile_the_values},
        {"percentiles_match_sorted_data", percentiles_match_sorted_data},
        {"merged_equals_one", merged_equals_one},
        {"empty_and_beyond", empty_and_beyond},
    };
    nv_random_seed(&rng, 5, 5);
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
