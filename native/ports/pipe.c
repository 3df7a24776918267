/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pipe.c - a netmap pipe: what one end sends the other receives, in order, without loss and without a copy.
 *
 * Both ends live in one region. A slot's buffer goes into the other end's delivery queue and the queue's empty
 * buffer into the slot. As in netmap the slot becomes free again only when the other end has released the
 * packet: a tx ring's hwtail follows the queue's `refill`.
 */
#include "ports/kinds.h"
#include "ports/pipe_ends.h"
#include "ring/exchange.h"

#include <errno.h>
#include <stdlib.h>

struct pipe_tx {
    uint32_t epoch;
    nv_token peer;
    struct nv_queue *queue; /* the other end's; NULL: it left and did not come back */
};

/* Packets and bytes of entries [0, n), which this side wrote. A loop without branches, for the vector units. */
static void add_up(const uint64_t *full, uint32_t n, struct nv_completion *sum)
{
    uint64_t packets = 0, bytes = 0;
    for (uint32_t i = 0; i < n; i++) {
        packets += (full[i] >> 24 & 1) & ~(full[i] >> 31); /* fragments are 1, or 0 in a skipped position */
        bytes += (full[i] >> 32 & 0xffff);
    }
    sum->packets += packets;
    sum->bytes += bytes;
}

/* What the other end has released since last time, up to its `refill`. */
static struct nv_completion released_since(const struct nv_txq *tx, const struct nv_queue *q, uint32_t refill)
{
    struct nv_completion sum = {0, 0};
    uint32_t released = refill - (q->slots - 1), pos = tx->ctl->completed;
    if (released - pos > q->mask + 1)
        return sum; /* what an earlier sender left there, or rubbish: do not follow it */
    while (pos != released) {
        uint32_t at = pos & q->mask, n = released - pos;
        n = n < q->mask + 1 - at ? n : q->mask + 1 - at;
        add_up(q->full + at, n, &sum);
        pos += n;
    }
    return sum;
}

static void count_released(struct nv_txq *tx, struct nv_completion sum)
{
    nv_count(&tx->ctl->stats.delivered, sum.packets);
    nv_count(&tx->ctl->stats.delivered_bytes, sum.bytes);
    nv_count(&tx->completed.packets, sum.packets);
    nv_count(&tx->completed.bytes, sum.bytes);
}

/* The other end left: what it had released before is delivered, unless its ring has a new user by now. Only once. */
static void count_last(struct nv_txq *tx, const struct nv_queue *q)
{
    uint32_t refill = nv_load(q->refill);
    if (nv_load(q->owner))
        return;
    struct nv_completion sum = released_since(tx, q, refill);
    if (nv_load(q->owner))
        return;
    count_released(tx, sum);
    tx->ctl->completed = refill - (q->slots - 1);
}

/* The last lease of a queue, claimed ones that `reserve` has not passed included. */
static struct nv_lease last_lease(const struct nv_queue *q)
{
    uint64_t w = __atomic_load_n(&q->reserve, __ATOMIC_ACQUIRE);
    uint32_t seq = (uint32_t)(w >> 32) - 1, end = (uint32_t)w;
    uint64_t record = __atomic_load_n(nv_queue_record(q, seq + 1), __ATOMIC_ACQUIRE);
    if (nv_record_ahead(record, seq + 1) == 0) { /* claimed, but `reserve` has not passed it */
        end += nv_record_n(record);
        seq++;
    } else {
        record = __atomic_load_n(nv_queue_record(q, seq), __ATOMIC_ACQUIRE);
    }
    uint32_t n = nv_record_n(record);
    return (struct nv_lease){.pos = end - n, .n = n, .seq = seq, .record = record};
}

/* The other end changed: what it had not released is lost. */
static void look_up_peer(struct nv_port *p, struct nv_txq *tx, struct pipe_tx *pipe, uint32_t epoch)
{
    const struct nv_table *t = p->world->table;
    struct nv_ring_ctl *ctl = tx->ctl;
    uint32_t index = __atomic_load_n(&p->entry->peer, __ATOMIC_ACQUIRE);
    const struct nv_port_entry *e = index < NV_MAX_PORTS ? &t->port[index] : NULL;
    nv_token peer = e ? nv_load(e->token) : 0;
    if (peer && nv_load(e->ready) != peer)
        peer = 0;
    pipe->epoch = epoch;
    if (peer == pipe->peer && peer)
        return;
    if (pipe->queue)
        count_last(tx, pipe->queue);
    if (ctl->peer && ctl->peer != peer) {
        uint64_t known = ctl->stats.delivered;
        for (unsigned i = 0; i < NV_DROP_COUNT; i++)
            known += ctl->stats.drops[i];
        if (ctl->stats.packets > known) /* one that died in the middle may have counted less than it delivered */
            nv_count_drops(ctl, NV_DROP_PEER_GONE, ctl->stats.packets - known);
    }
    pipe->peer = peer;
    pipe->queue = NULL;
    const uint32_t rings = e ? nv_load(e->rx_rings) : 0, first = e ? nv_load(e->first_rx) : 0;
    if (peer && rings && nv_region_has_rings(p->region, first, rings, peer)) {
        struct nv_ring_ctl *theirs = nv_region_ctl(p->region, first + tx->id % rings);
        if (nv_load(theirs->queue.owner) == peer && theirs->queue.slots == ctl->queue.slots)
            pipe->queue = &theirs->queue;
        if (ctl->peer != peer) { /* not when a descriptor is only passed on, or another opener was here */
            ctl->completed = nv_queue_tail(&theirs->queue);
            nv_pair_store(&ctl->hwcur, ctl->hwcur, last_lease(&theirs->queue).seq + 1);
        }
        ctl->peer = peer;
    }
    tx->armed = pipe->queue ? &pipe->queue->armed_tx : NULL;
}

static int pipe_tx_open(struct nv_port *p, struct nv_txq *tx, struct nv_error *err)
{
    struct pipe_tx *pipe = tx->kind = calloc(1, sizeof(*pipe));
    if (!pipe)
        return nv_fail(err, ENOMEM, "out of memory");
    pipe->epoch = __atomic_load_n(&p->entry->pipe_epoch, __ATOMIC_ACQUIRE) - 1; /* the first sync looks, in its turn */
    return 0;
}

static void pipe_tx_close(struct nv_port *p, struct nv_txq *tx)
{
    (void)p;
    free(tx->kind);
}

/* Slots from hwcur to head that are whole packets; or all, when a packet without an end fills the ring. */
static uint32_t whole_packets(const struct nv_txq *tx, uint32_t from, uint32_t head)
{
    uint32_t slots = tx->ctl->queue.slots;
    uint32_t all = head >= from ? head - from : head + slots - from, n = all;
    while (n && (nv_slot_flags(nv_slot_load(tx->ring, (from + n - 1) % slots)) & NS_MOREFRAG))
        n--;
    return n || all < slots - 1 ? n : all;
}

/*
 * Put a packet of several fragments, or with something wrong, from ring index `at` on into positions pos.., at most
 * `left` of them. Anything wrong in one fragment drops them all: their positions stay empty. Returns its slots.
 */
static uint32_t put_odd(struct nv_port *p, struct nv_txq *tx, const struct pipe_tx *pipe, uint32_t at, uint32_t pos,
                        uint32_t left, uint32_t seq, struct nv_completion *sum)
{
    struct nv_queue *q = pipe->queue;
    uint64_t slot[NETMAP_MAX_FRAGS], word, bytes = 0; /* each is read once */
    enum nv_drop bad = NV_DROP_COUNT;
    uint32_t n = 0;
    do {
        word = nv_slot_load(tx->ring, at);
        enum nv_drop why = nv_slot_check(p, word);
        bytes += nv_slot_len(word);
        for (uint32_t i = 0; i < n && i < NETMAP_MAX_FRAGS; i++)
            why = nv_slot_buf(slot[i]) == nv_slot_buf(word) ? NV_DROP_BAD_SLOT : why; /* it stands there twice */
        bad = why != NV_DROP_COUNT ? why : bad;
        if (why == NV_DROP_BAD_SLOT && !(nv_slot_flags(word) & NS_INDIRECT))
            nv_slot_repair(p, tx->ring, at);
        slot[n < NETMAP_MAX_FRAGS ? n : 0] = word;
        at = at + 1 == q->slots ? 0 : at + 1;
    } while (++n < left && (nv_slot_flags(word) & NS_MOREFRAG));
    if (nv_slot_flags(word) & NS_MOREFRAG)
        bad = NV_DROP_BROKEN_CHAIN;
    else if (n > NETMAP_MAX_FRAGS)
        bad = NV_DROP_TOO_LONG;
    sum->packets++;
    sum->bytes += bytes;
    if (bad != NV_DROP_COUNT)
        nv_count_drops(tx->ctl, bad, 1);
    for (uint32_t i = 0; i < n; i++, pos++) {
        if (bad != NV_DROP_COUNT)
            nv_queue_put(q, pos, nv_entry(0, 0, false, 0, seq));
        else
            nv_exchange_one(p->region->buf_owner, p->token, pipe->peer, &q->full[pos & q->mask],
                            nv_entry(nv_slot_buf(slot[i]), 1, i + 1 < n, nv_slot_len(slot[i]), seq),
                            nv_queue_buffer(q, pos));
    }
    return n;
}

/* Where slots and positions both go on without wrapping: how many. */
static uint32_t straight(const struct nv_queue *q, uint32_t pos, uint32_t end, uint32_t from, uint32_t slots)
{
    uint32_t run = end - pos < slots - from ? end - pos : slots - from, room = q->mask + 1 - (pos & q->mask);
    return run < room ? run : room;
}

/* Put the slots from ring index `from` on into the lease, and add them up. Returns whether all were plain packets. */
static bool fill(struct nv_port *p, struct nv_txq *tx, const struct pipe_tx *pipe, uint32_t from,
                 const struct nv_lease *lease, struct nv_completion *sum)
{
    const struct nv_queue *q = pipe->queue;
    const uint32_t slots = tx->ctl->queue.slots, end = lease->pos + lease->n;
    bool plain = true;
    for (uint32_t pos = lease->pos; pos != end; from = from < slots ? from : from - slots) {
        uint32_t at = pos & q->mask, run = straight(q, pos, end, from, slots);
        uint32_t n = nv_exchange_out(p, pipe->peer, lease->seq, pipe->queue->full + at, nv_queue_empty(q) + at,
                                     (const uint64_t *)(const void *)&tx->ring->slot[from], run, 2, &sum->bytes);
        sum->packets += n;
        pos += n;
        from += n;
        if (n < run) {
            n = put_odd(p, tx, pipe, from, pos, end - pos, lease->seq, sum);
            pos += n;
            from += n;
            plain = false;
        }
    }
    return plain;
}

/*
 * The slots get the queue's empty buffers, but for those whose position stayed empty. Before publishing: afterwards the
 * receiver may put others there.
 */
static void settle(struct nv_txq *tx, const struct nv_queue *q, uint32_t from, const struct nv_lease *lease, bool plain)
{
    const uint32_t slots = tx->ctl->queue.slots, end = lease->pos + lease->n;
    for (uint32_t pos = lease->pos, run; pos != end; pos += run, from = from + run == slots ? 0 : from + run) {
        uint32_t at = pos & q->mask;
        run = plain ? straight(q, pos, end, from, slots) : 1;
        if (plain || (q->full[at] >> 24 & 1))
            nv_exchange_in(nv_queue_empty(q) + at, &tx->ring->slot[from], run);
    }
}

/* The last lease, if it is of our own descriptor and still open. */
static bool find_orphan(const struct nv_port *p, const struct nv_queue *q, struct nv_lease *lease)
{
    *lease = last_lease(q);
    return lease->record == nv_record(NV_LEASE_OPEN, lease->n, p->desc, p->generation, lease->seq);
}

/*
 * A lease of our own descriptor that is still open was taken by a process that shared the descriptor (fork, a passed
 * descriptor) and died, or by another opener that died (pipe_heir). Nobody else sends here, so its positions are given
 * back empty; what was in its slots is sent again, with the buffers it had.
 */
static void close_orphan(const struct nv_port *p, struct nv_txq *tx, const struct pipe_tx *pipe)
{
    struct nv_queue *q = pipe->queue;
    uint32_t *owner = p->region->buf_owner, at = tx->ctl->hwcur;
    struct nv_lease orphan;
    if (__builtin_expect(!find_orphan(p, q, &orphan), 1))
        return;
    for (uint32_t pos = orphan.pos; pos != orphan.pos + orphan.n; pos++, at = at + 1 == q->slots ? 0 : at + 1) {
        uint64_t e = __atomic_load_n(&q->full[pos & q->mask], __ATOMIC_RELAXED);
        if (nv_entry_valid(e, orphan.seq)) {
            uint16_t more = e & NV_ENTRY_MORE ? NS_MOREFRAG : 0;
            nv_slot_store(tx->ring, at, nv_slot_word(nv_entry_buf(e), nv_entry_len(e), more));
            nv_store(owner[nv_entry_buf(e)], p->token);
            nv_store(owner[nv_queue_buffer(q, pos)], pipe->peer);
        }
        nv_queue_put(q, pos, nv_entry(0, 0, false, 0, orphan.seq));
    }
    nv_queue_publish(q, &orphan);
}

static void send(struct nv_port *p, struct nv_txq *tx, const struct pipe_tx *pipe, uint32_t n)
{
    struct nv_ring_ctl *ctl = tx->ctl;
    struct nv_lease lease = {0};
    uint32_t from = ctl->hwcur;
    close_orphan(p, tx, pipe);
    if (nv_queue_reserve(pipe->queue, pipe->peer, n, p->desc, p->generation, &lease) != NV_RESERVED)
        return; /* no room: the slots stay pending */
    struct nv_completion sum = {0, 0};
    bool plain = fill(p, tx, pipe, from, &lease, &sum);
    settle(tx, pipe->queue, from, &lease, plain);
    if (!nv_queue_publish(pipe->queue, &lease)) /* somebody closed our wait descriptor, so that we looked dead */
        nv_count_drops(ctl, NV_DROP_REVOKED, lease.n);
    nv_count(&ctl->stats.packets, sum.packets);
    nv_count(&ctl->stats.bytes, sum.bytes);
    nv_pair_store(&ctl->hwcur, (from + lease.n) % ctl->queue.slots, lease.seq + 1);
    NV_STEP("published");
    if (__atomic_load_n(&pipe->queue->armed, __ATOMIC_SEQ_CST))
        nv_wake(p, &pipe->queue->armed, pipe->peer, &ctl->stats.wakeups);
}

/*
 * Another opener died in txsync. What it had published is sent; a lease that it left open becomes ours, if the receiver
 * has not taken it away yet, and is given back by the next send.
 */
static void pipe_heir(struct nv_port *p, struct nv_txq *tx)
{
    struct pipe_tx *pipe = tx->kind;
    struct nv_ring_ctl *ctl = tx->ctl;
    look_up_peer(p, tx, pipe, __atomic_load_n(&p->entry->pipe_epoch, __ATOMIC_ACQUIRE));
    struct nv_queue *q = pipe->queue;
    if (!q)
        return;
    struct nv_lease last = last_lease(q);
    if (last.seq + 1 == ctl->sent)
        return;
    if (nv_record_state(last.record) == NV_LEASE_DONE) {
        struct nv_completion sum = {0, 0};
        for (uint32_t pos = last.pos; pos != last.pos + last.n; pos++)
            add_up(&q->full[pos & q->mask], 1, &sum);
        nv_count(&ctl->stats.packets, sum.packets);
        nv_count(&ctl->stats.bytes, sum.bytes);
        nv_pair_store(&ctl->hwcur, (ctl->hwcur + last.n) % ctl->queue.slots, last.seq + 1);
    } else if (nv_record_state(last.record) == NV_LEASE_OPEN) {
        __atomic_compare_exchange_n(nv_queue_record(q, last.seq), &last.record,
                                    nv_record(NV_LEASE_OPEN, last.n, p->desc, p->generation, last.seq), false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    }
    __atomic_fetch_add(&p->broken, 1, __ATOMIC_RELAXED); /* buffers that it had in its hands */
}

static void pipe_txsync(struct nv_port *p, struct nv_txq *tx, uint32_t head)
{
    struct pipe_tx *pipe = tx->kind;
    struct nv_ring_ctl *ctl = tx->ctl;
    uint32_t epoch = __atomic_load_n(&p->entry->pipe_epoch, __ATOMIC_ACQUIRE);
    if (__builtin_expect(epoch != pipe->epoch, 0))
        look_up_peer(p, tx, pipe, epoch);
    struct nv_queue *q = pipe->queue;
    if (!q)
        return; /* nobody there: what is in the ring waits */
    uint32_t n = whole_packets(tx, ctl->hwcur, head);
    if (n)
        send(p, tx, pipe, n);
    uint32_t refill = __atomic_load_n(&q->refill, __ATOMIC_SEQ_CST);
    if ((int32_t)(refill - (q->slots - 1) - ctl->completed) > 0) {
        count_released(tx, released_since(tx, q, refill));
        ctl->completed = refill - (q->slots - 1);
    }
    uint32_t space = refill - nv_queue_tail(q), pending = (head + q->slots - ctl->hwcur) % q->slots;
    if (space < pending)
        space = pending; /* an earlier sender's packets fill the queue */
    if (space < q->slots)
        ctl->hwtail = (ctl->hwcur + space) % q->slots;
}

static const struct nv_port_ops pipe_ops = {
    .tx_open = pipe_tx_open,
    .tx_close = pipe_tx_close,
    .txsync = pipe_txsync,
    .tx_heir = pipe_heir,
    .rxsync = nv_queue_rxsync,
};

const struct nv_kind nv_kind_pipe = {
    .name = "pipe",
    .shape = "netmap:P{N (pipes)",
    .flags = NV_KIND_JOINED | NV_KIND_LATE,
    .most_rings = NV_MAX_RINGS,
    .ops = &pipe_ops,
    .plan = nv_pipe_plan,
    .enter = nv_pipe_join,
    .leave = nv_pipe_part,
    .waits = nv_pipe_waits,
    .announce = nv_pipe_announce,
};
