/* SPDX-License-Identifier: BSD-2-Clause */
/* hash.c - see hash.h. */
#include "emulation/hash.h"

#include <stdlib.h>

#include "emulation/slab.h"

void emu_hash_put(struct emu_hash *table, uint32_t hash, uint32_t number)
{
    uint32_t at = hash & table->mask;
    while (table->cells[at].ref)
        at = (at + 1) & table->mask;
    table->cells[at] = (struct emu_hash_cell){hash, number + 1};
    table->used++;
}

bool emu_hash_room(struct emu_hash *table)
{
    if (table->cells && 2 * (table->used + 1) <= table->mask + 1)
        return true;
    uint32_t size = table->cells ? 2 * (table->mask + 1) : 64;
    struct emu_hash bigger = {emu_zeroed(size * sizeof *bigger.cells), size - 1, 0, table->spent};
    if (!bigger.cells)
        return false;
    for (uint32_t i = 0; table->cells && i <= table->mask; i++)
        if (table->cells[i].ref)
            emu_hash_put(&bigger, table->cells[i].hash, table->cells[i].ref - 1);
    *table->spent += (size - (table->cells ? table->mask + 1 : 0)) * sizeof *bigger.cells;
    free(table->cells);
    *table = bigger;
    return true;
}

void emu_hash_cut(struct emu_hash *table, uint32_t hash, uint32_t number)
{
    uint32_t at = hash & table->mask;
    while (table->cells[at].ref != number + 1)
        at = (at + 1) & table->mask;
    table->used--;
    /* Cells behind it that would no longer be reached move up. */
    for (uint32_t next = at;;) {
        next = (next + 1) & table->mask;
        if (!table->cells[next].ref)
            break;
        uint32_t home = table->cells[next].hash & table->mask;
        if (((next - home) & table->mask) < ((next - at) & table->mask))
            continue;
        table->cells[at] = table->cells[next];
        at = next;
    }
    table->cells[at].ref = 0;
}

void emu_hash_fini(struct emu_hash *table)
{
    free(table->cells);
    table->cells = NULL;
}
