/* SPDX-License-Identifier: BSD-2-Clause */
/* slab.c - see slab.h. */
#include "emulation/slab.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { FEW = 16 }; /* chunks that are allocated one by one */

/* Memory for objects, which slab_take clears one by one; on huge pages when it is large. NULL: none. */
static void *arena_new(size_t bytes)
{
    size_t unit = bytes >= SLAB_ARENA / 2 ? SLAB_ARENA : 64;
    bytes = (bytes + unit - 1) / unit * unit;
    void *memory = aligned_alloc(unit, bytes);
    if (memory && unit == SLAB_ARENA)
        madvise(memory, bytes, MADV_HUGEPAGE); /* a hint */
    return memory;
}

void *emu_reserve(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    madvise(memory, bytes, MADV_HUGEPAGE); /* a hint */
    return memory;
}

void emu_unreserve(void *memory, size_t bytes)
{
    munmap(memory, bytes);
}

void slab_init(struct slab *slab, size_t size, uint64_t *spent, uint64_t bound)
{
    *slab = (struct slab){.size = (size + 63) & ~(size_t)63, .spent = spent, .bound = bound};
}

void slab_fini(struct slab *slab)
{
    for (uint32_t i = 0; i < slab->owned_count; i++)
        free(slab->owned[i]);
    free(slab->owned);
    free(slab->chunks);
}

/* Room for one more pointer in both lists. */
static int slab_room(struct slab *slab, uint32_t chunk)
{
    if (chunk < slab->room)
        return 1;
    uint32_t room = slab->room ? 2 * slab->room : FEW;
    unsigned char **chunks = realloc(slab->chunks, room * sizeof *chunks);
    if (chunks)
        slab->chunks = chunks;
    unsigned char **owned = realloc(slab->owned, room * sizeof *owned);
    if (owned)
        slab->owned = owned;
    if (!chunks || !owned)
        return 0;
    slab->room = room;
    return 1;
}

/* One more chunk. Returns 0 when there is no memory for it. */
static int slab_grow(struct slab *slab)
{
    uint32_t chunk = slab->used >> SLAB_BITS;
    size_t bytes = slab->size << SLAB_BITS;
    if (!slab_room(slab, chunk))
        return 0;
    if (slab->arena_left < bytes) {
        size_t more = chunk < FEW ? bytes : SLAB_ARENA;
        if (*slab->spent + more > slab->bound)
            return 0;
        slab->arena = arena_new(more);
        if (!slab->arena) {
            slab->arena_left = 0;
            return 0;
        }
        slab->arena_left = more;
        slab->owned[slab->owned_count++] = slab->arena;
        *slab->spent += more;
    }
    slab->chunks[chunk] = slab->arena;
    slab->arena += bytes;
    slab->arena_left -= bytes;
    return 1;
}

void *slab_take(struct slab *slab, uint32_t *number)
{
    if (slab->free) {
        *number = slab->free - 1;
        void *object = slab_at(slab, *number);
        memcpy(&slab->free, object, sizeof slab->free);
        slab->live++;
        return memset(object, 0, slab->size);
    }
    if ((slab->used & (SLAB_CHUNK - 1)) == 0 && !slab_grow(slab))
        return NULL;
    *number = slab->used++;
    slab->live++;
    return memset(slab_at(slab, *number), 0, slab->size);
}

void slab_give(struct slab *slab, uint32_t number)
{
    void *object = slab_at(slab, number);
    memset(object, 0, slab->size);
    memcpy(object, &slab->free, sizeof slab->free);
    slab->free = number + 1;
    slab->live--;
}
