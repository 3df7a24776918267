/* SPDX-License-Identifier: BSD-2-Clause */
/* pong.c - return what comes: addresses and ports swapped, echo requests made replies. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "engine/filter.h"
#include "engine/slots.h"
#include "engine/worker.h"
#include "memory/error.h"
#include "packet/bytes.h"
#include "packet/checksum.h"
#include "packet/decode.h"
#include "packet/headers.h"

static void swap(uint8_t *a, uint8_t *b, uint32_t len)
{
    uint8_t hold[16];

    memcpy(hold, a, len);
    memcpy(a, b, len);
    memcpy(b, hold, len);
}

/* Make a request its answer, in place. Checksums stay right: swapping leaves every sum as it is. */
static void turn_round(uint8_t *frame, uint32_t len, const uint8_t own_mac[6])
{
    struct nv_decoded d;

    if (len < NV_ETHER_LEN)
        return;
    swap(frame, frame + 6, 6);
    if (frame[6] & 1) /* sent to a group: a group cannot be the source of the answer */
        memcpy(frame + 6, own_mac, 6);
    uint32_t flags = nv_decode(frame, len, &d);
    if (!(flags & NV_DECODED_IP))
        return;
    if (d.ip_version == 4)
        swap(frame + d.l3 + 12, frame + d.l3 + 16, 4);
    else
        swap(frame + d.l3 + 8, frame + d.l3 + 24, 16);
    if (!(flags & NV_DECODED_TRANSPORT))
        return;
    uint8_t *l4 = frame + d.l4;
    if (d.protocol == NV_IP_UDP || d.protocol == NV_IP_TCP) {
        swap(l4, l4 + 2, 2);
        return;
    }
    uint8_t request = d.protocol == NV_IP_ICMP ? NV_ICMP_ECHO : NV_ICMPV6_ECHO;
    uint8_t reply = d.protocol == NV_IP_ICMP ? NV_ICMP_ECHO_REPLY : NV_ICMPV6_ECHO_REPLY;
    if (l4[0] == request) {
        uint16_t before = nv_load16(l4);
        l4[0] = reply;
        nv_store16(l4 + 2, nv_checksum_update16(nv_load16(l4 + 2), before, nv_load16(l4)));
    }
}

/* Slots of the packet that begins at `from`, at most `room`; 0: it is longer, or not whole. */
static uint32_t packet_slots(const struct nv_slots *in, uint32_t from, uint32_t end, uint32_t room)
{
    for (uint32_t n = 1; from != end && n <= room; n++, from = nv_slots_next(from, in->slots))
        if (!(nv_slots_read(in, from).flags & NS_MOREFRAG))
            return n;
    return 0;
}

/* Move one packet of n slots: the buffers change places. */
static void return_packet(struct nv_worker *w, struct nv_slots *in, struct nv_slots *out, uint32_t from, uint32_t to,
                          uint32_t n)
{
    uint32_t vnet = w->plan->traffic.vnet_len;

    for (uint32_t i = 0; i < n; i++) {
        const struct netmap_slot came = nv_slots_read(in, from);
        struct netmap_slot *a = &in->ring->slot[from], *b = &out->ring->slot[to];
        uint8_t *data = nv_slots_buffer(in, came.buf_idx);
        uint32_t buffer = nv_shared_load(&b->buf_idx), len = nv_slots_len(in, &came);
        if (data && w->plan->options & NV_OPT_DUMP)
            nv_worker_dump(w, in->ring, from, data, len);
        if (data && i == 0 && len > vnet)
            turn_round(data + vnet, len - vnet, w->plan->traffic.src_mac.first);
        b->buf_idx = came.buf_idx;
        nv_slot_set(b, len, NS_BUF_CHANGED | (came.flags & NS_MOREFRAG));
        a->buf_idx = buffer;
        a->flags = NS_BUF_CHANGED;
        from = nv_slots_next(from, in->slots);
        to = nv_slots_next(to, out->slots);
    }
}

/* Answer up to `most` packets of one rx ring through the tx ring; returns how many. */
static uint32_t answer(struct nv_worker *w, struct nv_slots *in, struct nv_slots *out, uint64_t most)
{
    struct netmap_ring *rx = in->ring, *tx = out->ring;
    uint32_t from = nv_slots_head(rx), end = nv_slots_tail(rx), to = nv_slots_head(tx), limit = nv_slots_tail(tx);
    uint32_t packets = 0, n;

    if (from >= in->slots || end >= in->slots || to >= out->slots || limit >= out->slots)
        return 0;
    nv_slots_refresh(in, w->port);
    for (; packets < most && (n = packet_slots(in, from, end, nv_slots_between(to, limit, out->slots))) > 0;
         packets++) {
        return_packet(w, in, out, from, to, n);
        from = (from + n) % in->slots;
        to = (to + n) % out->slots;
    }
    nv_slots_move(rx, from, from);
    nv_slots_move(tx, to, to);
    w->stat[NV_STAT_ACCEPTED] += packets;
    return packets;
}

/*
 * The same with rules, which are asked about each packet and about its answer. Returns how many answers there were,
 * denied ones included; a packet that is denied itself gets none.
 */
static uint32_t answer_filtered(struct nv_worker *w, struct nv_slots *in, struct nv_slots *out, uint64_t most)
{
    struct nv_filter *f = w->filter;
    uint32_t from = nv_slots_head(in->ring), end = nv_slots_tail(in->ring), fits = from, next;
    uint32_t head = nv_slots_head(out->ring), to = head, limit = nv_slots_tail(out->ring);
    uint32_t packets = 0, answers = 0, allowed, n;

    if (from >= in->slots || end >= in->slots || to >= out->slots || limit >= out->slots)
        return 0;
    nv_slots_refresh(in, w->port);
    nv_slots_refresh(out, w->port);
    /* No more than there would be room for if all were allowed: rules are asked about a packet only once. */
    for (uint32_t room = nv_slots_between(to, limit, out->slots);
         packets < most && packets < NV_FILTER_MOST && (n = packet_slots(in, fits, end, room)) > 0; packets++) {
        fits = (fits + n) % in->slots;
        room -= n;
    }
    packets = nv_filter_ring(f, in, from, fits, packets, NV_RULES_IN);
    for (uint32_t i = 0; i < packets; i++) {
        n = f->width[i];
        if (f->outcome[i] & NV_FILTER_ALLOWED && n <= nv_slots_between(to, limit, out->slots)) {
            return_packet(w, in, out, from, to, n);
            to = (to + n) % out->slots;
            answers++;
        }
        from = (from + n) % in->slots;
    }
    w->stat[NV_STAT_DENIED] += packets - answers;
    uint32_t judged = nv_filter_ring(f, out, head, to, answers, NV_RULES_OUT);
    next = nv_filter_compact(f, out, NULL, head, judged, &allowed);
    w->stat[NV_STAT_DENIED] += answers - allowed;
    w->stat[NV_STAT_ACCEPTED] += allowed;
    nv_slots_move(in->ring, from, from);
    nv_slots_move(out->ring, next, next);
    return answers;
}

static int run(struct nv_worker *w, struct nv_slots *in, unsigned rings, struct nv_slots *out)
{
    uint64_t left = w->plan->count ? w->plan->count : UINT64_MAX;
    uint64_t deadline = w->plan->duration_ns ? w->now + w->plan->duration_ns : UINT64_MAX;

    while (left && !nv_worker_stopped(w) && w->now < deadline) {
        int ready = nv_worker_wait(w, POLLIN, deadline);
        if (ready < 0)
            return ready;
        uint64_t accepted = w->stat[NV_STAT_ACCEPTED], denied = w->stat[NV_STAT_DENIED];
        uint32_t packets = 0;
        for (unsigned r = 0; r < rings; r++) {
            uint64_t most = w->plan->burst < left - packets ? w->plan->burst : left - packets;
            packets += (w->filter ? answer_filtered : answer)(w, &in[r], out, most);
        }
        if (packets && nv_txsync(w->port, w->first_tx) < 0) {
            uint64_t lost = w->stat[NV_STAT_ACCEPTED] - accepted;
            int error = nv_worker_reset(w, lost);
            if (error < 0)
                return error;
            w->stat[NV_STAT_ACCEPTED] -= lost;
        }
        nv_worker_account(w);
        left -= left == UINT64_MAX ? 0 : packets;
        nv_worker_batch(w, w->stat[NV_STAT_ACCEPTED] - accepted);
        nv_worker_publish(w);
        if (packets == 0 && ready && w->stat[NV_STAT_DENIED] == denied) { /* packets wait for room to answer them */
            nv_slots_want_more(out->ring);
            ready = nv_worker_wait(w, POLLOUT, deadline);
            if (ready < 0)
                return ready;
        }
    }
    return 0;
}

int nv_run_pong(struct nv_worker *w)
{
    unsigned rings = w->rx_rings;
    struct nv_slots *in = calloc(rings, sizeof(*in));

    if (!in)
        return nv_fail(&w->error, ENOMEM, "no memory for %u rings", rings);
    struct nv_slots out;
    bool good = nv_slots_open(&out, w->port, nv_txring(w->port, w->first_tx));
    for (unsigned r = 0; r < rings; r++)
        good &= nv_slots_open(&in[r], w->port, nv_rxring(w->port, w->first_rx + r));
    nv_worker_state(w, NV_STATE_RUNNING);
    int error = good ? run(w, in, rings, &out) : nv_worker_rubbish(w, &w->error);
    if (error == 0)
        error = nv_worker_flush(w);
    nv_rxsync_all(w->port);
    free(in);
    return error;
}
