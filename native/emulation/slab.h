/* SPDX-License-Identifier: BSD-2-Clause */
/* slab.h - objects of one size with stable addresses and small numbers: made in chunks, reused, never moved. */
#ifndef NETVALE_EMULATION_SLAB_H
#define NETVALE_EMULATION_SLAB_H

#include <stddef.h>
#include <stdint.h>

enum { SLAB_BITS = 6, SLAB_CHUNK = 1 << SLAB_BITS }; /* objects in a chunk */
enum { SLAB_ARENA = 1 << 21 };                       /* bytes: chunks of large slabs share huge pages */

/* Zeroed memory that becomes real as it is touched: nothing is cleared or copied in one go. NULL: no address space. */
void *emu_reserve(size_t bytes);
void emu_unreserve(void *memory, size_t bytes);

struct slab {
    unsigned char **chunks;
    unsigned char **owned; /* what is to be freed: single chunks first, then arenas */
    unsigned char *arena;  /* the rest of the last arena */
    size_t arena_left;
    uint32_t owned_count;
    size_t size;     /* of an object: a multiple of 64 */
    uint32_t used;   /* numbers ever given out */
    uint32_t free;   /* first number that was given back + 1, 0: none; linked through the objects' first word */
    uint32_t room;   /* of `chunks` */
    uint32_t live;   /* objects there are */
    uint64_t *spent; /* bytes taken from the bound */
    uint64_t bound;
};

/* *spent is shared by the slabs of one emulator. */
void slab_init(struct slab *slab, size_t size, uint64_t *spent, uint64_t bound);
void slab_fini(struct slab *slab);

/* A zeroed object and its number. NULL: no memory, or the bound is reached. */
void *slab_take(struct slab *slab, uint32_t *number);
void slab_give(struct slab *slab, uint32_t number);

static inline void *slab_at(const struct slab *slab, uint32_t number)
{
    return slab->chunks[number >> SLAB_BITS] + (number & (SLAB_CHUNK - 1)) * slab->size;
}

#endif
