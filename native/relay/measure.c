/* SPDX-License-Identifier: BSD-2-Clause */
/* measure.c - see measure.h. */
#include "relay/measure.h"

static bool is_way(const uint64_t *word, const struct relay_way *way)
{
    return word[NV_RELAY_MEASURE_NUMBER] == way->number && word[NV_RELAY_MEASURE_KIND] == (uint64_t)way->kind &&
           word[NV_RELAY_MEASURE_RULE] == way->rule && word[NV_RELAY_MEASURE_FROM] == way->from;
}

unsigned relay_measure_find(struct relay_measures *measures, const struct relay_way *way)
{
    uint16_t *hint = &measures->hint[(way->number * 31 + way->rule * 7 + (unsigned)way->kind * 2 + way->from) & 255];
    unsigned group = 0;

    if (*hint && is_way(measures->area + (*hint - 1u) * NV_RELAY_MEASURE_WORDS, way))
        return *hint - 1u;
    for (; group < NV_RELAY_MEASURE_GROUPS; group++) {
        uint64_t *word = measures->area + group * NV_RELAY_MEASURE_WORDS;
        if (is_way(word, way))
            break;
        if (word[NV_RELAY_MEASURE_NUMBER] == 0) {
            if (group < NV_RELAY_MEASURE_TIMED)
                nv_histogram_reset(&measures->delay[group]);
            relay_measure_set(&word[NV_RELAY_MEASURE_KIND], way->kind);
            relay_measure_set(&word[NV_RELAY_MEASURE_RULE], way->rule);
            relay_measure_set(&word[NV_RELAY_MEASURE_FROM], way->from);
            __atomic_store_n(&word[NV_RELAY_MEASURE_NUMBER], way->number, __ATOMIC_RELEASE);
            break;
        }
    }
    if (group < NV_RELAY_MEASURE_GROUPS)
        *hint = (uint16_t)(group + 1);
    return group;
}

static void add(uint64_t *word, uint64_t more)
{
    relay_measure_set(word, relay_measure_get(word) + more);
}

void relay_measure(struct relay_measures *measures, struct relay_run *run, uint64_t now_ns)
{
    uint64_t *word = measures->area + run->group * NV_RELAY_MEASURE_WORDS;
    uint64_t *min = &word[NV_RELAY_MEASURE_DELAY_MIN], *max = &word[NV_RELAY_MEASURE_DELAY_MAX];

    if (run->packets && run->group < NV_RELAY_MEASURE_GROUPS) {
        if (relay_measure_get(&word[NV_RELAY_MEASURE_PACKETS]) == 0) {
            relay_measure_set(&word[NV_RELAY_MEASURE_FIRST_NS], now_ns);
            relay_measure_set(&word[NV_RELAY_MEASURE_FIRST_BYTES], run->first_bytes);
        }
        add(&word[NV_RELAY_MEASURE_PACKETS], run->packets);
        add(&word[NV_RELAY_MEASURE_BYTES], run->bytes);
        relay_measure_set(&word[NV_RELAY_MEASURE_LAST_NS], now_ns);
        if (run->delays) {
            if (relay_measure_get(&word[NV_RELAY_MEASURE_DELAYS]) == 0 || run->min < relay_measure_get(min))
                relay_measure_set(min, run->min);
            if (run->max > relay_measure_get(max))
                relay_measure_set(max, run->max);
            add(&word[NV_RELAY_MEASURE_DELAY_SUM], run->sum);
            add(&word[NV_RELAY_MEASURE_DELAYS], run->delays);
            if (run->group < NV_RELAY_MEASURE_TIMED)
                nv_histogram_note(&measures->delay[run->group], run->delays, run->exact_sum, run->exact_min,
                                  run->exact_max);
        }
    }
    *run = (struct relay_run){.group = run->group};
}
