/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash.h - numbers by hash: open addressing with linear probing, at most half full. Who compares is the caller.
 *
 * It grows without a pause: cells move to the table of twice the size a few at a time, with each number that is put in,
 * and until all have moved what is not found in the new table is looked for in the old one.
 */
#ifndef NETVALE_EMULATION_HASH_H
#define NETVALE_EMULATION_HASH_H

#include <stdbool.h>
#include <stdint.h>

struct emu_hash_cell {
    uint32_t hash;
    uint32_t ref; /* number + 1; 0: empty */
};

#define EMU_HASH_GONE UINT32_MAX /* ref in the old table: was taken out */

struct emu_hash {
    struct emu_hash_cell *cells;
    uint32_t mask; /* cells - 1 */
    uint32_t used;
    struct emu_hash_cell *old; /* NULL: all have moved */
    uint32_t old_mask, moved;  /* cells of the old table before `moved` are in the new one, too */
    uint64_t *spent;
};

/* Room for one more. false: no memory. */
bool emu_hash_room(struct emu_hash *table);
void emu_hash_put(struct emu_hash *table, uint32_t hash, uint32_t number); /* after emu_hash_room */
void emu_hash_cut(struct emu_hash *table, uint32_t hash, uint32_t number);
void emu_hash_fini(struct emu_hash *table);

/* Whether a number is the one that is looked for. */
typedef bool emu_hash_match(const void *arg, uint32_t number);

static inline uint32_t emu_hash_scan(const struct emu_hash_cell *cells, uint32_t mask, uint32_t hash,
                                     emu_hash_match *match, const void *arg)
{
    for (uint32_t at = hash & mask; cells[at].ref; at = (at + 1) & mask)
        if (cells[at].hash == hash && cells[at].ref != EMU_HASH_GONE && match(arg, cells[at].ref - 1))
            return cells[at].ref;
    return 0;
}

/* The number that matches, and 1; 0: there is none. */
static inline uint32_t emu_hash_find(const struct emu_hash *table, uint32_t hash, emu_hash_match *match,
                                     const void *arg)
{
    uint32_t ref = table->cells ? emu_hash_scan(table->cells, table->mask, hash, match, arg) : 0;
    return ref || !table->old ? ref : emu_hash_scan(table->old, table->old_mask, hash, match, arg);
}

#endif
