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

struct nv_store;

#define NV_STORE_PIECE_MAX (192u * 1024)

/* A store of at most `bytes` (rounded up to whole pages, at least 16). NULL: no address space, or no memory. */
struct nv_store *nv_store_new(size_t bytes);
void nv_store_free(struct nv_store *store);

/* `size` bytes, aligned to 64; NULL: the bound is reached, or size is over NV_STORE_PIECE_MAX. */
void *nv_store_take(struct nv_store *store, size_t size);
void nv_store_give(struct nv_store *store, void *piece);

/* Bytes in use, whole pieces; and the bound. */
size_t nv_store_used(const struct nv_store *store);
size_t nv_store_size(const struct nv_store *store);

#endif
