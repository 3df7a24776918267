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
