/* SPDX-License-Identifier: BSD-2-Clause */
/* hash.h - numbers by hash: open addressing with linear probing, at most half full. Who compares is the caller. */
#ifndef NETVALE_EMULATION_HASH_H
#define NETVALE_EMULATION_HASH_H

#include <stdbool.h>
#include <stdint.h>

struct emu_hash_cell {
    uint32_t hash;
    uint32_t ref; /* number + 1; 0: empty */
};

struct emu_hash {
    struct emu_hash_cell *cells;
    uint32_t mask; /* cells - 1 */
    uint32_t used;
    uint64_t *spent;
};

/* Room for one more. false: no memory. */
bool emu_hash_room(struct emu_hash *table);
void emu_hash_put(struct emu_hash *table, uint32_t hash, uint32_t number); /* after emu_hash_room */
void emu_hash_cut(struct emu_hash *table, uint32_t hash, uint32_t number);
void emu_hash_fini(struct emu_hash *table);

#endif
