/* SPDX-License-Identifier: BSD-2-Clause */
/* store.c - see store.h. */
#include "relay/store.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE    (256u * 1024)
#define HEAD    64u /* bytes of a page's head */
#define CLASSES 48u /* 64, 128, 192, 256, 320, 384, ... four to each power of two from 256 on */

struct page {
    struct page *next, *previous; /* in the list of pages of its class with free pieces, or of empty pages */
    void *free;                   /* pieces that came back; each begins with the address of the next */
    uint32_t cut;                 /* bytes of the page that were ever handed out, with the head */
    uint32_t used, size, class;   /* pieces in use; bytes of each */
    uint32_t pieces;
};
_Static_assert(sizeof(struct page) <= HEAD, "the head of a page");

struct nv_store {
    uint8_t *memory; /* aligned to PAGE */
    void *mapping;
    size_t mapped, pages, begun; /* begun: pages that were ever used */
    size_t used;
    struct page *empty;         /* pages that came back whole */
    struct page *some[CLASSES]; /* pages with free pieces */
};

/* Class of a size: pieces of class c have class_size(c) bytes. */
static uint32_t class_of(size_t size)
{
    uint32_t units = (uint32_t)((size + 63) / 64); /* 1.. */
    if (units <= 4)
        return units - 1;
    uint32_t log = (31 - (uint32_t)__builtin_clz(units - 1)) & 31; /* units in (2^log, 2^(log+1)] */
    uint32_t quarter = (units - 1 - (1u << log)) >> (log - 2);
    return 4 + (log - 2) * 4 + quarter;
}

static uint32_t class_size(uint32_t class)
{
    if (class < 4)
        return (class + 1) * 64;
    uint32_t log = (class - 4) / 4 + 2, quarter = (class - 4) % 4;
    return ((1u << log) + ((quarter + 1) << (log - 2))) * 64;
}

struct nv_store *nv_store_new(size_t bytes)
{
    struct nv_store *store = calloc(1, sizeof(*store));

    if (!store || bytes > SIZE_MAX / 2) {
        free(store);
        return NULL;
    }
    store->pages = (bytes + PAGE - 1) / PAGE < 16 ? 16 : (bytes + PAGE - 1) / PAGE;
    store->mapped = (store->pages + 1) * PAGE;
    store->mapping =
        mmap(NULL, store->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (store->mapping == MAP_FAILED) {
        free(store);
        return NULL;
    }
    store->memory = (uint8_t *)(((uintptr_t)store->mapping + PAGE - 1) / PAGE * PAGE);
    return store;
}

void nv_store_free(struct nv_store *store)
{
    if (!store)
        return;
    munmap(store->mapping, store->mapped);
    free(store);
}

static void link_page(struct page **list, struct page *page)
{
    page->previous = NULL;
    page->next = *list;
    if (*list)
        (*list)->previous = page;
    *list = page;
}

static void unlink_page(struct page **list, struct page *page)
{
    if (page->previous)
        page->previous->next = page->next;
    else
        *list = page->next;
    if (page->next)
        page->next->previous = page->previous;
}

/* A page for a class, in its list. NULL: none is left. */
static struct page *begin_page(struct nv_store *store, uint32_t class)
{
    struct page *page = store->empty;

    if (page)
        unlink_page(&store->empty, page);
    else if (store->begun < store->pages)
        page = (struct page *)(store->memory + store->begun++ * PAGE);
    else
        return NULL;
    uint32_t size = class_size(class);
    *page = (struct page){.cut = HEAD, .size = size, .class = class, .pieces = (PAGE - HEAD) / size};
    link_page(&store->some[class], page);
    return page;
}

void *nv_store_take(struct nv_store *store, size_t size)
{
    if (size == 0 || size > NV_STORE_PIECE_MAX)
        return NULL;
    uint32_t class = class_of(size);
    struct page *page = store->some[class];
    if (!page && !(page = begin_page(store, class)))
        return NULL;
    void *piece = page->free;
    if (piece) {
        memcpy(&page->free, piece, sizeof(page->free));
    } else {
        piece = (uint8_t *)page + page->cut;
        page->cut += page->size;
    }
    if (++page->used == page->pieces)
        unlink_page(&store->some[class], page);
    store->used += page->size;
    return piece;
}

void nv_store_give(struct nv_store *store, void *piece)
{
    struct page *page = (struct page *)((uintptr_t)piece / PAGE * PAGE);

    memcpy(piece, &page->free, sizeof(page->free));
    page->free = piece;
    if (page->used-- == page->pieces)
        link_page(&store->some[page->class], page);
    store->used -= page->size;
    if (page->used == 0) {
        unlink_page(&store->some[page->class], page);
        link_page(&store->empty, page);
    }
}

size_t nv_store_used(const struct nv_store *store)
{
    return store->used;
}

size_t nv_store_size(const struct nv_store *store)
{
    return store->pages * PAGE;
}
