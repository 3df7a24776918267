/* SPDX-License-Identifier: BSD-2-Clause */
/* slots.c - find or hand out slots, with a hash table made for the occasion. */
#include "rules/slots.h"

#include <errno.h>
#include <stdlib.h>

#define TAKEN 0x80000000u /* in the table: a rule of this program has the slot */

static uint32_t *place(uint32_t *table, uint32_t mask, const uint32_t *ids, uint32_t id)
{
    uint32_t at = id * 2654435761u & mask;
    while (table[at] && ids[(table[at] & ~TAKEN) - 1] != id)
        at = (at + 1) & mask;
    return &table[at];
}

int slots_assign(struct rules_slots *slots, const struct nv_rules_rule *rules, uint32_t count, uint32_t *out,
                 uint32_t *twice)
{
    uint32_t size = 16, spare = 0, wanted = slots->count + count;
    while (size < 2 * wanted)
        size *= 2;
    if (wanted > slots->room) {
        uint32_t *ids = realloc(slots->ids, wanted * sizeof(*ids));
        if (!ids)
            return -ENOMEM;
        slots->ids = ids;
        slots->room = wanted;
    }
    uint32_t *table = calloc(size, sizeof(*table));
    if (!table)
        return -ENOMEM;
    for (uint32_t slot = 0; slot < slots->count; slot++) {
        if (slots->ids[slot])
            *place(table, size - 1, slots->ids, slots->ids[slot]) = slot + 1;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t *found = place(table, size - 1, slots->ids, rules[i].id);
        if (*found & TAKEN) {
            free(table);
            *twice = i;
            return -EEXIST;
        }
        if (!*found) {
            while (spare < slots->count && slots->ids[spare])
                spare++;
            if (spare == slots->count)
                slots->count++;
            slots->ids[spare] = rules[i].id;
            *found = spare + 1;
        }
        out[i] = *found - 1;
        *found |= TAKEN;
    }
    free(table);
    return 0;
}
