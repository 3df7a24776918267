/* SPDX-License-Identifier: BSD-2-Clause */
/* measure.c - see measure.h. */
#include "relay/measure.h"

unsigned relay_measure_find(uint64_t *area, enum nv_emu_kind kind, unsigned number)
{
    unsigned group = 0;

    for (; group < NV_RELAY_MEASURE_GROUPS; group++) {
        uint64_t *word = area + group * NV_RELAY_MEASURE_WORDS;
        if (word[NV_RELAY_MEASURE_NUMBER] == number && word[NV_RELAY_MEASURE_KIND] == (uint64_t)kind)
            break;
        if (word[NV_RELAY_MEASURE_NUMBER] == 0) {
            relay_measure_set(&word[NV_RELAY_MEASURE_KIND], kind);
            __atomic_store_n(&word[NV_RELAY_MEASURE_NUMBER], number, __ATOMIC_RELEASE);
            break;
        }
    }
    return group;
}

static void add(uint64_t *word, uint64_t more)
{
    relay_measure_set(word, relay_measure_get(word) + more);
}

void relay_measure(uint64_t *area, struct relay_run *run, uint64_t now_ns)
{
    uint64_t *word = area + run->group * NV_RELAY_MEASURE_WORDS;
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
        }
    }
    *run = (struct relay_run){.group = run->group};
}
