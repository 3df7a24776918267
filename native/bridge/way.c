/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * way.c - moving packets between two rings, as netmap's bridge does: slot by slot, by exchange of buffers or by
 * copying.
 *
 * Slots lie in memory that neighbours map. Each is read once, as one word, and checked. Packets of several slots go
 * whole or stay: what follows the last whole one is left as it was.
 */
#include "bridge/way.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory/error.h"
#include "ring/copy.h"

#define AHEAD 4u /* slots whose bytes are asked for before they are copied */

/* ---- slots ----------------------------------------------------------------------------------------------------------
 */

/* A slot's index, length and flags as the word they are. */
union slot_word {
    uint64_t word;
    struct {
        uint32_t buf_idx;
        uint16_t len, flags;
    };
};
_Static_assert(offsetof(struct netmap_slot, ptr) == sizeof(uint64_t), "index, length and flags are the first word");

static inline union slot_word load(const struct netmap_ring *ring, uint32_t at)
{
    return (union slot_word){.word = nv_shared_load((const uint64_t *)(const void *)&ring->slot[at])};
}

static inline void store(struct netmap_ring *ring, uint32_t at, uint32_t buf_idx, uint16_t len, uint16_t flags)
{
    union slot_word w = {.buf_idx = buf_idx, .len = len, .flags = flags};
    __atomic_store_n((uint64_t *)(void *)&ring->slot[at], w.word, __ATOMIC_RELAXED);
}

/* ---- one ring to another ------------------------------------------------------------------------------------------
 */

/* Where a move stands. */
struct move {
    struct nv_way *way;
    struct nv_slots *rx, *tx;
    uint32_t from, to; /* the next slot of each */
    uint32_t avail, space;
};

/*
 * Slots of the packet that begins at `from`: 1 for most. 0: it does not end in what there is, or names no buffer; *skip
 * slots are to be passed over then.
 */
static inline uint32_t measure(const struct move *m, union slot_word first, uint32_t *skip)
{
    union slot_word w = first;
    uint32_t n = 1, at = m->from;
    bool good = true;

    for (;; n++) {
        good &= nv_slots_buffer(m->rx, w.buf_idx) && w.len <= m->rx->buf_size;
        if (!(w.flags & NS_MOREFRAG))
            break;
        if (n == m->avail) { /* a receiver is shown whole packets only: this is none */
            good = false;
            break;
        }
        at = nv_slots_next(at, m->rx->slots);
        w = load(m->rx->ring, at);
    }
    *skip = n;
    return good ? n : 0;
}

/* Move one slot. False: the tx slot names no buffer; the sync will mend it. */
static inline bool move_slot(const struct move *m, union slot_word w)
{
    const union slot_word empty = load(m->tx->ring, m->to);
    const uint16_t more = w.flags & NS_MOREFRAG;

    if (m->way->exchange) {
        store(m->tx->ring, m->to, w.buf_idx, w.len, more | NS_BUF_CHANGED);
        store(m->rx->ring, m->from, empty.buf_idx, 0, NS_BUF_CHANGED);
        return true;
    }
    char *out = (char *)nv_slots_buffer(m->tx, empty.buf_idx);
    const char *in = (const char *)nv_slots_buffer(m->rx, w.buf_idx);
    if (!out || !in || w.len > m->tx->buf_size)
        return false;
    if (m->way->lines)
        nv_copy_packet(out, in, w.len);
    else
        memcpy(out, in, w.len);
    store(m->tx->ring, m->to, empty.buf_idx, w.len, more);
    return true;
}

/* One packet of n slots. The index is read anew behind the check: it is checked again where it is used. */
static inline void move_packet(struct move *m, union slot_word first, uint32_t n)
{
    struct nv_way *way = m->way;
    union slot_word w = first;
    uint64_t bytes = 0;
    bool sent = true;

    for (uint32_t i = 0; i < n; i++) {
        if (i > 0)
            w = load(m->rx->ring, m->from);
        w.flags = i + 1 < n ? NS_MOREFRAG : 0;
        sent &= nv_slots_buffer(m->rx, w.buf_idx) != NULL && w.len <= m->rx->buf_size && move_slot(m, w);
        if (!sent)
            store(m->tx->ring, m->to, load(m->tx->ring, m->to).buf_idx, 0, w.flags); /* dropped there, by name */
        bytes += w.len;
        m->from = nv_slots_next(m->from, m->rx->slots);
        m->to = nv_slots_next(m->to, m->tx->slots);
    }
    m->avail -= n;
    m->space -= n;
    way->stat[NV_BRIDGE_PACKETS]++;
    way->stat[NV_BRIDGE_BYTES] += bytes;
}

/* Slots until either ring goes round, at most n. */
static inline uint32_t straight(const struct move *m, uint32_t n)
{
    const uint32_t in = m->rx->slots - m->from, out = m->tx->slots - m->to;

    n = n < in ? n : in;
    return n < out ? n : out;
}

/*
 * Packets of one slot each, as most are, as long as nothing is odd: at most n, and not around the end of a ring.
 * Returns how many were moved.
 */
static inline __attribute__((always_inline)) uint32_t move_run(struct move *m, uint32_t n, bool exchange)
{
    struct netmap_ring *rx = m->rx->ring, *tx = m->tx->ring;
    uint64_t bytes = 0;
    uint32_t i = 0;

    for (n = straight(m, n); i < n; i++) {
        const union slot_word w = load(rx, m->from + i), empty = load(tx, m->to + i);
        const uint8_t *in = nv_slots_buffer(m->rx, w.buf_idx);
        if (__builtin_expect((w.flags & NS_MOREFRAG) || !in || w.len > m->rx->buf_size, 0))
            break;
        if (exchange) {
            store(tx, m->to + i, w.buf_idx, w.len, NS_BUF_CHANGED);
            store(rx, m->from + i, empty.buf_idx, 0, NS_BUF_CHANGED);
        } else {
            uint8_t *out = nv_slots_buffer(m->tx, empty.buf_idx);
            if (__builtin_expect(!out || w.len > m->tx->buf_size, 0))
                break;
            if (i + AHEAD < n) {
                const uint8_t *next = nv_slots_buffer(m->rx, load(rx, m->from + i + AHEAD).buf_idx);
                if (next)
                    nv_prefetch(next);
            }
            nv_copy_packet((char *)out, (const char *)in, w.len);
            store(tx, m->to + i, empty.buf_idx, w.len, 0);
        }
        bytes += w.len;
    }
    m->from = m->from + i == m->rx->slots ? 0 : m->from + i;
    m->to = m->to + i == m->tx->slots ? 0 : m->to + i;
    m->avail -= i;
    m->space -= i;
    m->way->stat[NV_BRIDGE_PACKETS] += i;
    m->way->stat[NV_BRIDGE_BYTES] += bytes;
    return i;
}

/* Up to a burst from one ring to another. Returns the packets that were moved. */
static uint32_t move_rings(struct nv_way *way, struct nv_slots *rx, struct nv_slots *tx)
{
    const uint32_t head = nv_slots_head(rx->ring), tail = nv_slots_tail(rx->ring);
    const uint32_t out = nv_slots_head(tx->ring), end = nv_slots_tail(tx->ring);
    uint32_t moved = 0, left = way->burst;

    if (head >= rx->slots || tail >= rx->slots || out >= tx->slots || end >= tx->slots)
        return 0; /* rubbish: the syncs set it right */
    struct move m = {
        way, rx, tx, head, out, nv_slots_between(head, tail, rx->slots), nv_slots_between(out, end, tx->slots)};
    while (m.avail && left) {
        if (m.space && (way->exchange || way->lines)) {
            uint32_t n = m.avail < m.space ? m.avail : m.space;
            n = n < left ? n : left;
            n = way->exchange ? move_run(&m, n, true) : move_run(&m, n, false);
            moved += n;
            left -= n;
            if (n)
                continue;
        }
        uint32_t skip = 1;
        const union slot_word first = load(rx->ring, m.from);
        const uint32_t n = measure(&m, first, &skip);
        if (n == 0 || n >= tx->slots) {
            way->stat[NV_BRIDGE_BAD]++;
            for (; skip; skip--, m.avail--)
                m.from = nv_slots_next(m.from, rx->slots);
            continue;
        }
        if (n > m.space) {
            way->held = true;
            break;
        }
        move_packet(&m, first, n);
        left -= n < left ? n : left;
        moved++;
    }
    if (m.to != out)
        nv_slots_move(tx->ring, m.to, m.to);
    if (m.from != head)
        nv_slots_move(rx->ring, m.from, m.from);
    return moved;
}

/* ---- a way ----------------------------------------------------------------------------------------------------------
 */

int nv_way_turn(struct nv_way *way)
{
    uint32_t moved = 0;

    way->held = false;
    for (unsigned i = 0; i < way->rx_rings; i++) {
        const unsigned o = i % way->tx_rings;
        struct nv_slots *rx = &way->rx[i], *tx = &way->tx[o];
        nv_slots_refresh(rx, way->from);
        nv_slots_refresh(tx, way->to);
        const uint32_t n = move_rings(way, rx, tx);
        if (n || way->held)
            nv_txsync(way->to, way->first_tx + o); /* the ring is set right by it where somebody wrote rubbish */
        nv_rxsync(way->from, way->first_rx + i);
        moved += n;
    }
    if (moved)
        way->stat[NV_BRIDGE_BATCHES]++;
    way->stat[NV_BRIDGE_HELD] += way->held;
    const int gone = nv_gone(way->from);
    if (gone || nv_gone(way->to))
        return gone ? gone : nv_gone(way->to);
    return (int)moved;
}

void nv_way_publish(struct nv_way *way)
{
    struct nv_port_stats now;

    nv_stats(way->to, &now);
    way->stat[NV_BRIDGE_DELIVERED] = now.tx_delivered - way->start.tx_delivered;
    way->stat[NV_BRIDGE_DELIVERED_BYTES] = now.tx_delivered_bytes - way->start.tx_delivered_bytes;
    for (unsigned i = 0; i < NV_BRIDGE_FIELD_COUNT; i++)
        __atomic_store_n(&way->words[i], way->stat[i], __ATOMIC_RELAXED);
    for (unsigned i = 0; i < NV_DROP_COUNT; i++)
        __atomic_store_n(&way->words[NV_BRIDGE_DROPS_AT + i], now.drops[i] - way->start.drops[i], __ATOMIC_RELAXED);
}
_Static_assert((unsigned)NV_BRIDGE_FIELD_COUNT <= NV_BRIDGE_DROPS_AT, "words before the drops");
_Static_assert(NV_BRIDGE_DROPS_AT + NV_DROP_COUNT <= NV_BRIDGE_GROUP_WORDS, "words of a group");

static bool in_lines(const struct nv_slots *s)
{
    return s->buf_size % NV_LINE == 0 && (uintptr_t)s->buffers % NV_LINE == 0;
}

int nv_way_open(struct nv_way *way, struct nv_port *from, struct nv_port *to, bool copy, struct nv_error *err)
{
    const struct nv_ring_range in = nv_rings(from), out = nv_rings(to);

    way->from = from;
    way->to = to;
    way->first_rx = in.first_rx;
    way->rx_rings = (uint16_t)(in.last_rx - in.first_rx + 1);
    way->first_tx = out.first_tx;
    way->tx_rings = (uint16_t)(out.last_tx - out.first_tx + 1);
    if (!way->rx_rings)
        return nv_fail(err, EINVAL, "%s: no ring to receive from was opened", nv_name(from));
    if (!way->tx_rings)
        return nv_fail(err, EINVAL, "%s: no ring to send to was opened", nv_name(to));
    way->rx = calloc(way->rx_rings, sizeof(*way->rx));
    way->tx = calloc(way->tx_rings, sizeof(*way->tx));
    if (!way->rx || !way->tx)
        return nv_fail(err, ENOMEM, "out of memory");
    way->exchange = !copy && nv_mem_id(from) == nv_mem_id(to);
    way->lines = true;
    for (unsigned i = 0; i < way->rx_rings; i++) {
        if (!nv_slots_open(&way->rx[i], from, nv_rxring(from, way->first_rx + i)))
            return nv_fail(err, EIO, "%s: its rings are rubbish", nv_name(from));
        way->lines &= in_lines(&way->rx[i]);
    }
    for (unsigned i = 0; i < way->tx_rings; i++) {
        if (!nv_slots_open(&way->tx[i], to, nv_txring(to, way->first_tx + i)))
            return nv_fail(err, EIO, "%s: its rings are rubbish", nv_name(to));
        way->lines &= in_lines(&way->tx[i]);
    }
    nv_stats(to, &way->start);
    return 0;
}

void nv_way_close(struct nv_way *way)
{
    free(way->rx);
    free(way->tx);
    way->rx = way->tx = NULL;
}
