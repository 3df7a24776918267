/* SPDX-License-Identifier: BSD-2-Clause */
/* hash.c - see hash.h. */
#include "emulation/hash.h"

#include "emulation/slab.h"

enum { FIRST = 64, STEP = 16 }; /* cells; cells that move with each number put in: all have, long before it is full */

static void put(struct emu_hash *table, uint32_t hash, uint32_t ref)
{
    uint32_t at = hash & table->mask;
    while (table->cells[at].ref)
        at = (at + 1) & table->mask;
    table->cells[at] = (struct emu_hash_cell){hash, ref};
}

void emu_hash_put(struct emu_hash *table, uint32_t hash, uint32_t number)
{
    put(table, hash, number + 1);
    table->used++;
}

/* Some cells go from the old table to the new one. */
static void move(struct emu_hash *table)
{
    for (unsigned i = 0; i < STEP && table->old; i++) {
        const struct emu_hash_cell *cell = &table->old[table->moved];
        if (cell->ref && cell->ref != EMU_HASH_GONE)
            put(table, cell->hash, cell->ref);
        if (table->moved++ == table->old_mask) {
            uint64_t bytes = (uint64_t)table->moved * sizeof *table->old;
            emu_unreserve(table->old, bytes);
            *table->spent -= bytes;
            table->old = NULL;
        }
    }
}

bool emu_hash_room(struct emu_hash *table)
{
    move(table);
    if (table->cells && 2 * (table->used + 1) <= table->mask + 1)
        return true;
    uint32_t size = table->cells ? 2 * (table->mask + 1) : FIRST;
    struct emu_hash_cell *cells = emu_reserve(size * sizeof *cells);
    if (!cells)
        return false;
    *table->spent += size * sizeof *cells;
    table->old = table->cells;
    table->old_mask = table->mask;
    table->moved = 0;
    table->cells = cells;
    table->mask = size - 1;
    return true;
}

/* Take a number out of the old table. true: it was there only. */
static bool cut_old(struct emu_hash *table, uint32_t hash, uint32_t ref)
{
    uint32_t at = hash & table->old_mask;
    while (table->old[at].ref && table->old[at].ref != ref)
        at = (at + 1) & table->old_mask;
    if (!table->old[at].ref)
        return false;
    table->old[at].ref = EMU_HASH_GONE;
    return at >= table->moved;
}

void emu_hash_cut(struct emu_hash *table, uint32_t hash, uint32_t number)
{
    table->used--;
    if (table->old && cut_old(table, hash, number + 1))
        return;
    uint32_t at = hash & table->mask;
    while (table->cells[at].ref != number + 1)
        at = (at + 1) & table->mask;
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
    if (table->cells)
        emu_unreserve(table->cells, ((size_t)table->mask + 1) * sizeof *table->cells);
    if (table->old)
        emu_unreserve(table->old, ((size_t)table->old_mask + 1) * sizeof *table->old);
    table->cells = table->old = NULL;
}
