/* SPDX-License-Identifier: BSD-2-Clause */
/* store.c - see store.h. */
#include "relay/store.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE NV_STORE_PAGE
#define HEAD 64u /* bytes of a page's head */
_Static_assert(sizeof(struct nv_store_page) <= HEAD, "the head of a page");

/* Bytes of a class's pieces. */
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

static void link_page(struct nv_store_page **list, struct nv_store_page *page)
{
    page->previous = NULL;
    page->next = *list;
    if (*list)
        (*list)->previous = page;
    *list = page;
}

static void unlink_page(struct nv_store_page **list, struct nv_store_page *page)
{
    if (page->previous)
        page->previous->next = page->next;
    else
        *list = page->next;
    if (page->next)
        page->next->previous = page->previous;
}

/* A page for a class, in its list. NULL: none is left. */
static struct nv_store_page *begin_page(struct nv_store *store, uint32_t class)
{
    struct nv_store_page *page = store->empty;

    if (page)
        unlink_page(&store->empty, page);
    else if (store->begun < store->pages)
        page = (struct nv_store_page *)(store->memory + store->begun++ * PAGE);
    else
        return NULL;
    uint32_t size = class_size(class);
    *page = (struct nv_store_page){.cut = HEAD, .size = size, .class = class, .pieces = (PAGE - HEAD) / size};
    link_page(&store->some[class], page);
    return page;
}

void *nv_store_take_class(struct nv_store *store, uint32_t class)
{
    struct nv_store_page *page = store->some[class];
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

void nv_store_give_page(struct nv_store *store, struct nv_store_page *page, void *piece)
{
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
