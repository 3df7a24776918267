/* SPDX-License-Identifier: BSD-2-Clause */
/* worker.c - what the roles share: publishing, sleeping, waiting, dumping. */
#include "engine/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/aside.h"
#include "engine/filter.h"
#include "engine/slots.h"
#include "memory/error.h"
#include "packet/decode.h"

#define PORT_PERIOD_NS UINT64_C(10000000) /* how often the port's counters are shown */
#define FLUSH_NS       NV_SECOND
#define FLUSH_STOP_NS  (NV_SECOND / 10)
#define SPIN_NS        UINT64_C(60000) /* the last part of a sleep, spun: waking up takes about as long */

static void publish_port(const struct nv_worker *w)
{
    struct nv_port_stats now;
    nv_stats(w->port, &now);
    nv_page_put_port(w->engine->page, &now, &w->engine->port_start);
}

void nv_worker_publish(struct nv_worker *w)
{
    for (unsigned i = 0; i < NV_STAT_FIELD_COUNT; i++)
        nv_page_store(&w->words[i], w->stat[i]);
    if (w->index == 0 && w->now - w->port_ns >= PORT_PERIOD_NS) {
        w->port_ns = w->now;
        publish_port(w);
        if (w->filter)
            nv_filter_tick(w->filter);
    }
    if (w->filter)
        nv_aside_send(w);
}

int nv_worker_rubbish(const struct nv_worker *w, struct nv_error *err)
{
    return nv_fail(err, EIO, "%s: somebody wrote rubbish into its rings", nv_name(w->port));
}

int nv_worker_reset(struct nv_worker *w, uint64_t lost)
{
    if (nv_gone(w->port))
        return nv_fail(&w->error, -nv_gone(w->port), "%s: %s", nv_name(w->port), nv_gone_why(w->port));
    w->stat[NV_STAT_RESET] += lost;
    return 0;
}

void nv_worker_state(struct nv_worker *w, enum nv_engine_state state)
{
    w->stat[NV_STAT_WORKER_STATE] = state;
    w->now = nv_now();
    nv_worker_publish(w);
    /* The engine runs as soon as one worker does; its end is the last worker's to tell. */
    if (state == NV_STATE_RUNNING)
        nv_page_store(&w->engine->page->word[NV_PAGE_STATE], state);
}

uint64_t nv_worker_share(const struct nv_worker *w, uint64_t total)
{
    unsigned threads = w->engine->threads;
    return total == 0 ? UINT64_MAX : total / threads + (w->index < total % threads);
}

void nv_worker_batch(struct nv_worker *w, uint64_t packets)
{
    if (packets == 0)
        return;
    if (w->stat[NV_STAT_FIRST_NS] == 0)
        w->stat[NV_STAT_FIRST_NS] = w->now;
    w->stat[NV_STAT_LAST_NS] = w->now;
    w->stat[NV_STAT_EVENTS]++;
}

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

void nv_worker_sleep_until(struct nv_worker *w, uint64_t when)
{
    w->now = nv_now();
    if (when > w->now && when - w->now > SPIN_NS) {
        uint64_t sleep = when - SPIN_NS - w->now;
        if (sleep > (uint64_t)NV_SLICE_NS)
            sleep = (uint64_t)NV_SLICE_NS;
        struct timespec ts = {(time_t)(sleep / NV_SECOND), (long)(sleep % NV_SECOND)};
        nanosleep(&ts, NULL);
        w->now = nv_now();
    }
    while (w->now < when && when - w->now <= SPIN_NS && !nv_worker_stopped(w)) {
        relax();
        w->now = nv_now();
    }
}

int nv_worker_wait(struct nv_worker *w, int events, uint64_t until)
{
    int64_t wait = NV_SLICE_NS;

    if (until != UINT64_MAX) {
        int64_t left = until > w->now ? (int64_t)(until - w->now) : 0;
        wait = left < wait ? left : wait;
    }
    int ready = nv_wait(w->port, events, wait);
    w->now = nv_now();
    if (ready == -EINTR)
        return 0;
    if (ready < 0)
        return nv_fail(&w->error, -ready, "%s: waiting failed: %s", nv_name(w->port), strerror(-ready));
    return ready & POLLERR ? nv_worker_reset(w, 0) : ready;
}

void nv_worker_account(struct nv_worker *w)
{
    for (unsigned i = 0; i < w->tx_rings; i++) {
        struct nv_completion done = nv_tx_completed(w->port, w->first_tx + i);
        w->stat[NV_STAT_PACKETS] += done.packets;
        w->stat[NV_STAT_BYTES] += done.bytes;
    }
    w->stat[NV_STAT_PENDING] = w->stat[NV_STAT_ACCEPTED] - w->stat[NV_STAT_PACKETS];
}

int nv_worker_flush(struct nv_worker *w)
{
    uint64_t limit = nv_now() + FLUSH_NS;

    for (;;) {
        nv_txsync_all(w->port);
        nv_worker_account(w);
        w->now = nv_now();
        if (nv_worker_stopped(w) && limit > w->now + FLUSH_STOP_NS)
            limit = w->now + FLUSH_STOP_NS;
        if (w->stat[NV_STAT_PENDING] == 0 || w->now >= limit)
            return 0;
        nv_worker_publish(w);
        for (unsigned i = 0; i < w->tx_rings; i++)
            nv_slots_want_more(nv_txring(w->port, w->first_tx + i));
        int ready = nv_worker_wait(w, POLLOUT, limit);
        if (ready < 0)
            return ready;
    }
}

void nv_worker_dump(const struct nv_worker *w, const struct netmap_ring *ring, uint32_t slot, const uint8_t *data,
                    uint32_t len)
{
    char name[16];
    char *text = malloc(NV_DUMP_SIZE(len));

    if (!text)
        return;
    snprintf(name, sizeof(name), "%s%u", ring->dir ? "rx" : "tx", ring->ringid);
    int size = nv_dump(data, len, w->plan->traffic.vnet_len, name, slot, ring->slot[slot].buf_idx,
                       ring->slot[slot].flags, text, NV_DUMP_SIZE(len));
    for (int done = 0; done < size;) {
        ssize_t wrote = write(w->plan->dump_fd, text + done, (size_t)(size - done));
        if (wrote > 0) {
            done += (int)wrote;
        } else if (wrote < 0 && errno == EAGAIN && !nv_worker_stopped(w)) {
            struct pollfd full = {.fd = w->plan->dump_fd, .events = POLLOUT};
            poll(&full, 1, (int)(NV_SLICE_NS / 1000000));
        } else if (wrote < 0 && errno != EINTR) {
            break; /* nobody reads: the packets are still counted */
        }
    }
    free(text);
}
