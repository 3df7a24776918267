/* SPDX-License-Identifier: BSD-2-Clause */
/* page.c - the statistics page. */
#include "engine/page.h"

#include <stddef.h>
#include <sys/mman.h>

#include "engine/clock.h"

#define NAME(id, name) name,
static const char *const page_names[] = {NV_PAGE_FIELDS(NAME)};
static const char *const port_names[] = {NV_PORT_FIELDS(NAME)};
static const char *const worker_names[] = {NV_WORKER_FIELDS(NAME)};
#undef NAME
static const char *const state_names[] = {"waiting", "running", "done", "failed"};

_Static_assert(NV_PAGE_FIELD_COUNT <= NV_PAGE_EPOCH, "the header's words end before the reader's");
_Static_assert(NV_PORT_FIELD_COUNT + NV_DROP_COUNT <= NV_PAGE_PORT_WORDS, "the port's words have room");
_Static_assert(NV_STAT_FIELD_COUNT <= NV_WORKER_STRIDE && NV_WORKER_STRIDE % 16 == 0, "workers share no cache line");

/* Words from one worker's histogram to the next, in whole cache lines. */
#define HISTOGRAM_STRIDE ((NV_HISTOGRAM_WORDS + 15u) / 16u * 16u)

/* The page's words, beyond the header too. */
static inline uint64_t *at(const struct nv_stats_page *page, uint64_t word)
{
    return (uint64_t *)(uintptr_t)page + word;
}

static const char *name_of(const char *const *names, size_t count, unsigned word)
{
    return word < count ? names[word] : NULL;
}

const char *nv_page_name(unsigned word)
{
    return name_of(page_names, NV_PAGE_FIELD_COUNT, word);
}

const char *nv_port_word_name(unsigned word)
{
    return name_of(port_names, NV_PORT_FIELD_COUNT, word);
}

const char *nv_worker_word_name(unsigned word)
{
    return name_of(worker_names, NV_STAT_FIELD_COUNT, word);
}

const char *nv_state_name(unsigned state)
{
    return name_of(state_names, sizeof(state_names) / sizeof(state_names[0]), state);
}

struct nv_stats_page *nv_page_new(unsigned workers)
{
    size_t worker_at = NV_PAGE_HEADER_WORDS + NV_PAGE_PORT_WORDS;
    size_t histogram_at = worker_at + (size_t)workers * NV_WORKER_STRIDE;
    size_t words = histogram_at + (size_t)workers * HISTOGRAM_STRIDE;
    struct nv_stats_page *page =
        mmap(NULL, words * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return NULL;
    page->word[NV_PAGE_MAGIC] = NV_PAGE_MAGIC_VALUE;
    page->word[NV_PAGE_VERSION] = NV_PAGE_VERSION_VALUE;
    page->word[NV_PAGE_WORDS] = words;
    page->word[NV_PAGE_WORKERS] = workers;
    page->word[NV_PAGE_WORKER_AT] = worker_at;
    page->word[NV_PAGE_WORKER_STRIDE] = NV_WORKER_STRIDE;
    page->word[NV_PAGE_HISTOGRAM_AT] = histogram_at;
    page->word[NV_PAGE_HISTOGRAM_STRIDE] = HISTOGRAM_STRIDE;
    page->word[NV_PAGE_PORT_AT] = NV_PAGE_HEADER_WORDS;
    page->word[NV_PAGE_DROPS_AT] = NV_PAGE_HEADER_WORDS + NV_PORT_FIELD_COUNT;
    page->word[NV_PAGE_DROPS] = NV_DROP_COUNT;
    page->word[NV_PAGE_START_NS] = nv_now();
    page->word[NV_PAGE_START_REALTIME_NS] = nv_clock(CLOCK_REALTIME);
    for (unsigned i = 0; i < workers; i++)
        nv_histogram_reset(nv_page_worker_histogram(page, i));
    return page;
}

void nv_page_free(struct nv_stats_page *page)
{
    if (page)
        munmap(page, page->word[NV_PAGE_WORDS] * sizeof(uint64_t));
}

uint64_t *nv_page_worker_words(struct nv_stats_page *page, unsigned worker)
{
    return at(page, page->word[NV_PAGE_WORKER_AT] + (uint64_t)worker * NV_WORKER_STRIDE);
}

struct nv_histogram *nv_page_worker_histogram(struct nv_stats_page *page, unsigned worker)
{
    return (struct nv_histogram *)at(page, page->word[NV_PAGE_HISTOGRAM_AT] + (uint64_t)worker * HISTOGRAM_STRIDE);
}

void nv_page_put_port(struct nv_stats_page *page, const struct nv_port_stats *now, const struct nv_port_stats *start)
{
    const uint64_t values[NV_PORT_FIELD_COUNT] = {
        [NV_PORT_TX_PACKETS] = now->tx_packets - start->tx_packets,
        [NV_PORT_TX_BYTES] = now->tx_bytes - start->tx_bytes,
        [NV_PORT_TX_COPIES] = now->tx_copies - start->tx_copies,
        [NV_PORT_TX_DELIVERED] = now->tx_delivered - start->tx_delivered,
        [NV_PORT_TX_DELIVERED_BYTES] = now->tx_delivered_bytes - start->tx_delivered_bytes,
        [NV_PORT_RX_PACKETS] = now->rx_packets - start->rx_packets,
        [NV_PORT_RX_BYTES] = now->rx_bytes - start->rx_bytes,
        [NV_PORT_WAKEUPS_SENT] = now->wakeups_sent - start->wakeups_sent,
        [NV_PORT_WAKEUPS_RECEIVED] = now->wakeups_received - start->wakeups_received,
        [NV_PORT_RING_RESETS] = now->ring_resets - start->ring_resets,
    };
    for (unsigned i = 0; i < NV_PORT_FIELD_COUNT; i++)
        nv_page_store(at(page, page->word[NV_PAGE_PORT_AT] + i), values[i]);
    for (unsigned i = 0; i < NV_DROP_COUNT; i++)
        nv_page_store(at(page, page->word[NV_PAGE_DROPS_AT] + i), now->drops[i] - start->drops[i]);
}

uint64_t nv_page_get(const struct nv_stats_page *page, unsigned word)
{
    return word < NV_PAGE_FIELD_COUNT ? nv_page_load(&page->word[word]) : 0;
}

uint64_t nv_page_port(const struct nv_stats_page *page, unsigned word)
{
    return word < NV_PORT_FIELD_COUNT ? nv_page_load(at(page, page->word[NV_PAGE_PORT_AT] + word)) : 0;
}

uint64_t nv_page_drop(const struct nv_stats_page *page, unsigned reason)
{
    return reason < NV_DROP_COUNT ? nv_page_load(at(page, page->word[NV_PAGE_DROPS_AT] + reason)) : 0;
}

uint64_t nv_page_worker(const struct nv_stats_page *page, unsigned worker, unsigned word)
{
    if (worker >= page->word[NV_PAGE_WORKERS] || word >= NV_STAT_FIELD_COUNT)
        return 0;
    return nv_page_load(at(page, page->word[NV_PAGE_WORKER_AT] + (uint64_t)worker * NV_WORKER_STRIDE + word));
}

uint64_t nv_page_total(const struct nv_stats_page *page, unsigned word)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < page->word[NV_PAGE_WORKERS]; i++)
        total += nv_page_worker(page, i, word);
    return total;
}

const struct nv_histogram *nv_page_histogram(const struct nv_stats_page *page, unsigned worker)
{
    if (worker >= page->word[NV_PAGE_WORKERS])
        return NULL;
    return (const struct nv_histogram *)at(page,
                                           page->word[NV_PAGE_HISTOGRAM_AT] + (uint64_t)worker * HISTOGRAM_STRIDE);
}
