/* SPDX-License-Identifier: BSD-2-Clause */
/* port.c - the one wrapper around every txsync and rxsync, and what can be asked of an open port. */
#include "port/turn.h"

#include <errno.h>
#include <string.h>

const char *nv_name(const struct nv_port *p)
{
    return p->name;
}

int nv_fd(const struct nv_port *p)
{
    return p->wait_fd;
}

int nv_gone(const struct nv_port *p)
{
    return p->gone;
}

const char *nv_gone_why(const struct nv_port *p)
{
    if (!p->gone)
        return NULL;
    return p->gone_why[0] ? p->gone_why : "its interface was removed";
}

struct netmap_if *nv_if(const struct nv_port *p)
{
    return p->nifp;
}

void *nv_memory(const struct nv_port *p, size_t *size)
{
    if (size)
        *size = p->region->data_size;
    return p->region->data;
}

uint16_t nv_mem_id(const struct nv_port *p)
{
    return p->region->mem_id;
}

uint32_t nv_slots_backed(const struct nv_port *p)
{
    return nv_port_backed(p);
}

struct nv_ring_range nv_rings(const struct nv_port *p)
{
    return p->range;
}

static struct nv_txq *tx_of(const struct nv_port *p, unsigned ring)
{
    unsigned i = ring - p->range.first_tx;
    return i < nv_tx_count(p) ? &p->tx[i] : NULL;
}

static struct nv_rxq *rx_of(const struct nv_port *p, unsigned ring)
{
    unsigned i = ring - p->range.first_rx;
    return i < nv_rx_count(p) ? &p->rx[i] : NULL;
}

struct netmap_ring *nv_txring(const struct nv_port *p, unsigned ring)
{
    struct nv_txq *tx = tx_of(p, ring);
    return tx ? tx->ring : NULL;
}

struct netmap_ring *nv_rxring(const struct nv_port *p, unsigned ring)
{
    struct nv_rxq *rx = rx_of(p, ring);
    return rx ? rx->ring : NULL;
}

/* ---- the wrapper -------------------------------------------------------------------------------- */

/*
 * Read head and cur once and check that hwcur <= head <= cur <= hwtail, around the ring. False: they are
 * impossible, and were set back to the last good state as netmap does.
 */
static bool read_ring(struct netmap_ring *ring, struct nv_ring_ctl *ctl, uint32_t slots, uint32_t *head)
{
    uint32_t h = nv_shared_acquire(&ring->head);
    uint32_t c = nv_shared_load(&ring->cur);
    uint32_t base = ctl->hwcur;
    *head = h;
    if (h < slots && c < slots) {
        uint32_t dh = h >= base ? h - base : h + slots - base;
        uint32_t dc = c >= base ? c - base : c + slots - base;
        uint32_t dt = ctl->hwtail >= base ? ctl->hwtail - base : ctl->hwtail + slots - base;
        if (dh <= dc && dc <= dt)
            return true;
    }
    __atomic_store_n(&ring->head, base, __ATOMIC_RELAXED);
    __atomic_store_n(&ring->cur, base, __ATOMIC_RELAXED);
    __atomic_store_n(&ring->tail, ctl->hwtail, __ATOMIC_RELEASE);
    nv_count(&ctl->stats.resets, 1);
    return false;
}

static void call_monitors(const struct nv_port *p, struct netmap_ring *ring, uint32_t from, uint32_t to)
{
    if (from != to)
        for (unsigned i = 0; i < p->monitors; i++)
            p->monitor[i].fn(p->monitor[i].arg, ring, from, to);
}

/* Slots that wait to be taken were shown when they came. */
static void monitor_tx(const struct nv_port *p, struct nv_txq *tx, uint32_t slots, uint32_t head)
{
    uint32_t hwcur = tx->ctl->hwcur, from = tx->shown;
    if ((from + slots - hwcur) % slots > (head + slots - hwcur) % slots)
        from = hwcur;
    call_monitors(p, tx->ring, from, head);
    tx->shown = head;
}

static void check_watermarks(struct nv_txq *tx, uint32_t slots)
{
    uint32_t hwtail = tx->ctl->hwtail, head = nv_shared_load(&tx->ring->head);
    uint32_t space = hwtail >= head ? hwtail - head : hwtail + slots - head;
    if (!tx->stopped && space < tx->stop) {
        tx->stopped = true;
        tx->flow(tx->flow_arg, tx->id, true);
    } else if (tx->stopped && space >= tx->wake) {
        tx->stopped = false;
        tx->flow(tx->flow_arg, tx->id, false);
    }
}

/* A tx ring in our turn. */
static int txsync(struct nv_port *p, struct nv_txq *tx)
{
    uint32_t head, slots = tx->ctl->queue.slots;
    if (!read_ring(tx->ring, tx->ctl, slots, &head)) {
        tx->shown = tx->ctl->hwcur;
        return -EINVAL;
    }
    if (__builtin_expect(p->monitors != 0, 0))
        monitor_tx(p, tx, slots, head);
    /* Our buffers can be taken for ours again only when nobody of us is in there: stall.c. */
    __atomic_fetch_add(&p->desc_entry->inside, 1, __ATOMIC_ACQ_REL);
    p->ops->txsync(p, tx, head);
    __atomic_fetch_sub(&p->desc_entry->inside, 1, __ATOMIC_ACQ_REL);
    __atomic_store_n(&tx->ring->tail, tx->ctl->hwtail, __ATOMIC_RELEASE);
    if (__builtin_expect(tx->flow != NULL, 0))
        check_watermarks(tx, slots);
    if (__builtin_expect(__atomic_load_n(&p->broken, __ATOMIC_RELAXED) != 0, 0))
        nv_port_sweep(p, tx->ctl);
    return p->gone;
}

int nv_txsync(struct nv_port *p, unsigned ring)
{
    struct nv_txq *tx = tx_of(p, ring);
    if (!tx)
        return -EINVAL;
    enum nv_turn turn = nv_turn_enter(p, tx->ctl);
    if (turn == NV_TURN_BUSY)
        return p->gone;
    if (turn == NV_TURN_HEIR && p->ops->tx_heir)
        p->ops->tx_heir(p, tx);
    int error = txsync(p, tx);
    nv_turn_leave(tx->ctl, turn);
    return error;
}

/* An rx ring in our turn. */
static int rxsync(struct nv_port *p, struct nv_rxq *rx)
{
    uint32_t head;
    if (!read_ring(rx->ring, rx->ctl, rx->ctl->queue.slots, &head))
        return -EINVAL;
    uint32_t from = rx->ctl->hwtail;
    int error = p->ops->rxsync(p, rx, head);
    if (error)
        nv_count(&rx->ctl->stats.resets, 1);
    __atomic_store_n(&rx->ring->tail, rx->ctl->hwtail, __ATOMIC_RELEASE);
    if (__builtin_expect(p->monitors != 0, 0))
        call_monitors(p, rx->ring, from, rx->ctl->hwtail);
    if (__builtin_expect(__atomic_load_n(&p->broken, __ATOMIC_RELAXED) != 0, 0))
        nv_port_sweep(p, rx->ctl);
    return error ? error : p->gone;
}

int nv_rxsync(struct nv_port *p, unsigned ring)
{
    struct nv_rxq *rx = rx_of(p, ring);
    if (!rx)
        return -EINVAL;
    enum nv_turn turn = nv_turn_enter(p, rx->ctl);
    if (turn == NV_TURN_BUSY)
        return p->gone;
    if (turn == NV_TURN_HEIR)
        nv_queue_inherit(p, rx);
    int error = rxsync(p, rx);
    nv_turn_leave(rx->ctl, turn);
    return error;
}

/* ---- turns ---------------------------------------------------------------------------------------- */

int nv_turn_take(struct nv_port *p, bool rx, unsigned ring)
{
    struct nv_rxq *in = rx ? rx_of(p, ring) : NULL;
    struct nv_txq *out = rx ? NULL : tx_of(p, ring);
    if (!in && !out)
        return -EINVAL;
    enum nv_turn turn = nv_turn_enter(p, in ? in->ctl : out->ctl);
    if (turn == NV_TURN_HEIR && in)
        nv_queue_inherit(p, in);
    else if (turn == NV_TURN_HEIR && p->ops->tx_heir)
        p->ops->tx_heir(p, out);
    return turn == NV_TURN_BUSY ? -EBUSY : 0;
}

void nv_turn_give(struct nv_port *p, bool rx, unsigned ring)
{
    struct nv_rxq *in = rx ? rx_of(p, ring) : NULL;
    struct nv_txq *out = rx ? NULL : tx_of(p, ring);
    uint64_t mine = nv_turn_mine(p);
    if (in || out)
        __atomic_compare_exchange_n(in ? &in->ctl->turn : &out->ctl->turn, &mine, 0, false, __ATOMIC_RELEASE,
                                    __ATOMIC_RELAXED);
}

int nv_txsync_all(struct nv_port *p)
{
    int first = 0;
    for (unsigned i = 0; i < nv_tx_count(p); i++) {
        int error = nv_txsync(p, p->range.first_tx + i);
        first = first ? first : error;
    }
    return first;
}

int nv_rxsync_all(struct nv_port *p)
{
    int first = 0;
    for (unsigned i = 0; i < nv_rx_count(p); i++) {
        int error = nv_rxsync(p, p->range.first_rx + i);
        first = first ? first : error;
    }
    return first;
}

/* ---- flow control, counting, monitors ------------------------------------------------------------ */

struct nv_completion nv_tx_completed(struct nv_port *p, unsigned ring)
{
    struct nv_txq *tx = tx_of(p, ring);
    struct nv_completion since = {0, 0};
    if (tx) {
        struct nv_completion now = {__atomic_load_n(&tx->completed.packets, __ATOMIC_RELAXED),
                                    __atomic_load_n(&tx->completed.bytes, __ATOMIC_RELAXED)};
        since.packets = now.packets - tx->reported.packets;
        since.bytes = now.bytes - tx->reported.bytes;
        tx->reported = now;
    }
    return since;
}

int nv_tx_watermarks(struct nv_port *p, unsigned ring, uint32_t stop, uint32_t wake, nv_flow_fn *fn, void *arg)
{
    struct nv_txq *tx = tx_of(p, ring);
    if (!tx || (fn && (stop > wake || wake >= tx->ctl->queue.slots)))
        return -EINVAL;
    tx->stop = stop;
    tx->wake = wake;
    tx->stopped = false;
    tx->flow_arg = arg;
    tx->flow = fn;
    return 0;
}

static uint64_t get(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void nv_stats(const struct nv_port *p, struct nv_port_stats *out)
{
    memset(out, 0, sizeof(*out));
    for (uint32_t i = 0; i < p->entry->tx_rings; i++) {
        const struct nv_ring_stats *s = &nv_region_ctl(p->region, p->entry->first_tx + i)->stats;
        out->tx_packets += get(&s->packets);
        out->tx_bytes += get(&s->bytes);
        out->tx_copies += get(&s->copies);
        out->tx_delivered += get(&s->delivered);
        out->tx_delivered_bytes += get(&s->delivered_bytes);
        out->wakeups_sent += get(&s->wakeups);
        out->ring_resets += get(&s->resets);
        out->ring_busy += get(&nv_region_ctl(p->region, p->entry->first_tx + i)->turned_away);
        for (unsigned d = 0; d < NV_DROP_COUNT; d++)
            out->drops[d] += get(&s->drops[d]);
    }
    for (uint32_t i = 0; i < p->entry->rx_rings; i++) {
        const struct nv_ring_stats *s = &nv_region_ctl(p->region, p->entry->first_rx + i)->stats;
        out->rx_packets += get(&s->packets);
        out->rx_bytes += get(&s->bytes);
        out->wakeups_sent += get(&s->wakeups);
        out->ring_resets += get(&s->resets);
        out->ring_busy += get(&nv_region_ctl(p->region, p->entry->first_rx + i)->turned_away);
        for (unsigned d = 0; d < NV_DROP_COUNT; d++)
            out->rx_drops[d] += get(&s->drops[d]);
    }
    out->wakeups_received = __atomic_load_n(&p->desc_entry->wakeups_received, __ATOMIC_RELAXED);
}

void nv_stats_tx(const struct nv_port *p, unsigned ring, struct nv_tx_counts *out)
{
    const struct nv_txq *tx = tx_of(p, ring);
    memset(out, 0, sizeof(*out));
    if (!tx)
        return;
    const struct nv_ring_stats *s = &tx->ctl->stats;
    out->packets = get(&s->packets);
    out->bytes = get(&s->bytes);
    out->copies = get(&s->copies);
    out->delivered = get(&s->delivered);
    out->delivered_bytes = get(&s->delivered_bytes);
    for (unsigned d = 0; d < NV_DROP_COUNT; d++)
        out->drops[d] = get(&s->drops[d]);
    out->slot = tx->ctl->hwcur;
}

int nv_monitor_add(struct nv_port *p, nv_monitor_fn *fn, void *arg)
{
    if (p->monitors == NV_MONITORS)
        return -ENOSPC;
    for (unsigned i = 0; p->monitors == 0 && i < nv_tx_count(p); i++)
        p->tx[i].shown = p->tx[i].ctl->hwcur;
    p->monitor[p->monitors].fn = fn;
    p->monitor[p->monitors++].arg = arg;
    return 0;
}

void nv_monitor_remove(struct nv_port *p, nv_monitor_fn *fn, void *arg)
{
    for (unsigned i = 0; i < p->monitors; i++)
        if (p->monitor[i].fn == fn && p->monitor[i].arg == arg) {
            p->monitor[i] = p->monitor[--p->monitors];
            return;
        }
}
