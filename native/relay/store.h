/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store.h - memory for packets that wait: pieces of any size up to 192 KiB out of a stated bound.
 *
 * Pages of 256 KiB are cut into pieces of one size class (four classes to each power of two); a page all of whose
 * pieces are back can serve another class. Address space is reserved at once, memory is used when it is first
 * touched. One thread.
 */
#ifndef NETVALE_RELAY_STORE_H
#define NETVALE_RELAY_STORE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NV_STORE_PIECE_MAX (192u * 1024)
#define NV_STORE_PAGE      (256u * 1024)
#define NV_STORE_CLASSES   48u /* 64, 128, 192, 256, 320, 384, ... four to each power of two from 256 on */

struct nv_store_page {
    struct nv_store_page *next, *previous; /* in the list of pages of its class with free pieces, or of empty pages */
    void *free;                            /* pieces that came back; each begins with the address of the next */
    uint32_t cut;                          /* bytes of the page that were ever handed out, with the head */
    uint32_t used, size, class;            /* pieces in use; bytes of each */
    uint32_t pieces;
};

struct nv_store {
    uint8_t *memory; /* aligned to NV_STORE_PAGE */
    void *mapping;
    size_t mapped, pages, begun; /* begun: pages that were ever used */
    size_t used;
    struct nv_store_page *empty;                  /* pages that came back whole */
    struct nv_store_page *some[NV_STORE_CLASSES]; /* pages with free pieces */
};

/* A store of at most `bytes` (rounded up to whole pages, at least 16). NULL: no address space, or no memory. */
struct nv_store *nv_store_new(size_t bytes);
void nv_store_free(struct nv_store *store);

/* The general ways of the two below. */
void *nv_store_take_class(struct nv_store *store, uint32_t class);
void nv_store_give_page(struct nv_store *store, struct nv_store_page *page, void *piece);

/* Class of a size above 0. */
static inline uint32_t nv_store_class(size_t size)
{
    uint32_t units = (uint32_t)((size + 63) / 64); /* 1.. */
    if (units <= 4)
        return units - 1;
    uint32_t log = (31 - (uint32_t)__builtin_clz(units - 1)) & 31; /* units in (2^log, 2^(log+1)] */
    uint32_t quarter = (units - 1 - (1u << log)) >> (log - 2);
    return 4 + (log - 2) * 4 + quarter;
}

/* `size` bytes, aligned to 64; NULL: the bound is reached, or size is over NV_STORE_PIECE_MAX. */
static inline void *nv_store_take(struct nv_store *store, size_t size)
{
    if (size == 0 || size > NV_STORE_PIECE_MAX)
        return NULL;
    uint32_t class = nv_store_class(size);
    struct nv_store_page *page = store->some[class];
    if (__builtin_expect(!page || !page->free || page->used + 1 == page->pieces, 0))
        return nv_store_take_class(store, class);
    void *piece = page->free;
    memcpy(&page->free, piece, sizeof(page->free));
    page->used++;
    store->used += page->size;
    return piece;
}

static inline void nv_store_give(struct nv_store *store, void *piece)
{
    struct nv_store_page *page = (struct nv_store_page *)((uintptr_t)piece / NV_STORE_PAGE * NV_STORE_PAGE);

    if (__builtin_expect(page->used == page->pieces || page->used == 1, 0)) {
        nv_store_give_page(store, page, piece);
        return;
    }
    memcpy(piece, &page->free, sizeof(page->free));
    page->free = piece;
    page->used--;
    store->used -= page->size;
}

/* Bytes in use, whole pieces; and the bound. */
size_t nv_store_used(const struct nv_store *store);
size_t nv_store_size(const struct nv_store *store);

#endif
