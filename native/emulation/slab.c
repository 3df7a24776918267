/* SPDX-License-Identifier: BSD-2-Clause */
/* slab.c - see slab.h. */
#include "emulation/slab.h"

#include <stdlib.h>
#include <string.h>

void slab_init(struct slab *slab, size_t size, uint64_t *spent, uint64_t bound)
{
    *slab = (struct slab){.size = (size + 63) & ~(size_t)63, .spent = spent, .bound = bound};
}

void slab_fini(struct slab *slab)
{
    for (uint32_t i = 0; i << SLAB_BITS < slab->used; i++)
        free(slab->chunks[i]);
    free(slab->chunks);
}

/* One more chunk. Returns 0 when there is no memory for it. */
static int slab_grow(struct slab *slab)
{
    uint32_t chunk = slab->used >> SLAB_BITS;
    size_t bytes = slab->size << SLAB_BITS;
    if (*slab->spent + bytes > slab->bound)
        return 0;
    if (chunk == slab->room) {
        uint32_t room = slab->room ? 2 * slab->room : 16;
        unsigned char **chunks = realloc(slab->chunks, room * sizeof *chunks);
        if (!chunks)
            return 0;
        slab->chunks = chunks;
        slab->room = room;
    }
    slab->chunks[chunk] = aligned_alloc(64, bytes);
    if (!slab->chunks[chunk])
        return 0;
    *slab->spent += bytes;
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
