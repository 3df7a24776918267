/* SPDX-License-Identifier: BSD-2-Clause */
/* page.h - making and writing a statistics page; stats.h says how it is laid out and read. */
#ifndef NETVALE_ENGINE_PAGE_H
#define NETVALE_ENGINE_PAGE_H

#include "engine/stats.h"

/* A page for `workers` workers, all counters 0; NULL when there is no memory. Started now. */
struct nv_stats_page *nv_page_new(unsigned workers);
void nv_page_free(struct nv_stats_page *page);

static inline void nv_page_store(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline uint64_t nv_page_load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/* First word of worker `worker`'s group, and its histogram. */
uint64_t *nv_page_worker_words(struct nv_stats_page *page, unsigned worker);
struct nv_histogram *nv_page_worker_histogram(struct nv_stats_page *page, unsigned worker);

/* Write the port's counters, less those at the engine's start. */
void nv_page_put_port(struct nv_stats_page *page, const struct nv_port_stats *now, const struct nv_port_stats *start);

#endif
