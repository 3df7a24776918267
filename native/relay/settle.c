/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * settle.c - what became of packets behind the ring they were put into: out, or lost by a name of the port's.
 *
 * A port counts what it loses, but not whose it was. So a ring is synced whenever packets of another owner come (what
 * goes on, what bounces, answers, copies, what is diverted, each of two directions), and what was lost at a sync is the
 * one owner's. Only a pipe loses packets later, when its other end leaves.
 */
#include "relay/act.h"

#include <string.h>

/* What a port made of the packets of one owner. */
struct outcome {
    uint64_t taken, copies, bytes, lost;
    uint64_t drops[NV_DROP_COUNT];
};

/* Packets of the rules' own (answers, copies): sent, or not. */
static void count_beside(uint64_t *stat, unsigned sent, unsigned unsent, const struct outcome *out)
{
    uint64_t lost = out->lost < out->taken ? out->lost : out->taken; /* the loss of a flooded copy is none of theirs */

    stat[sent] += out->taken - lost;
    stat[unsent] += lost;
}

static void count_out(uint64_t *stat, unsigned word, const struct outcome *out)
{
    stat[word] += out->taken + out->copies - out->lost;
    stat[NV_RELAY_FLOODED] += out->copies;
    for (unsigned why = 0; out->lost && why < NV_DROP_COUNT; why++)
        stat[NV_RELAY_DROPS_AT + RELAY_WHY_PORT + why] += out->drops[why];
}

static void settle_owner(struct nv_relay *r, unsigned owner, const struct outcome *out)
{
    uint64_t *stat = r->stat[owner & 1];

    switch (owner / 2) {
    case SIDE_FORWARD:
        count_out(stat, NV_RELAY_TX_PACKETS, out);
        stat[NV_RELAY_TX_BYTES] += out->bytes;
        break;
    case SIDE_BOUNCE:
        count_out(stat, NV_RELAY_BOUNCED, out);
        break;
    case SIDE_ANSWER:
        count_beside(stat, NV_RELAY_ANSWERS, NV_RELAY_ANSWERS_LOST, out);
        break;
    case SIDE_COPY:
        count_beside(stat, NV_RELAY_COPIES, NV_RELAY_COPIES_LOST, out);
        break;
    default:
        count_out(stat, NV_RELAY_DROPS_AT + NV_RELAY_DROP_DIVERTED, out);
    }
}

/* Packets that stood in the ring when it was set right: the port never saw them. */
static void settle_reset(struct nv_relay *r, struct side *side)
{
    for (unsigned owner = 0; owner < SIDE_OWNERS; owner++) {
        static const unsigned words[SIDE_KINDS] = {NV_RELAY_DROPS_AT + NV_RELAY_DROP_RING_RESET,
                                                   NV_RELAY_DROPS_AT + NV_RELAY_DROP_RING_RESET, NV_RELAY_ANSWERS_LOST,
                                                   NV_RELAY_COPIES_LOST, NV_RELAY_DROPS_AT + NV_RELAY_DROP_RING_RESET};
        r->stat[owner & 1][words[owner / 2]] += side->lost[owner];
        side->lost[owner] = 0;
    }
}

/* What the port counted since last time; nothing that it counts twice, or that is not ours, makes a number negative. */
static struct outcome since(struct side *side, bool pipe)
{
    struct nv_tx_counts now;
    struct outcome out;

    nv_stats_tx(side->port, side->tx_ring, &now);
    const struct nv_tx_counts *before = &side->counted;
    out.taken = now.packets - before->packets;
    out.copies = now.copies - before->copies;
    out.bytes = pipe ? now.bytes - before->bytes : now.delivered_bytes - before->delivered_bytes;
    out.lost = 0;
    for (unsigned why = 0; why < NV_DROP_COUNT; why++)
        out.lost += out.drops[why] = now.drops[why] - before->drops[why];
    side->counted = now;
    return out;
}

/* Of `out`, what goes to one owner: `taken` packets, and all else once. */
static void share(struct nv_relay *r, unsigned owner, uint64_t taken, struct outcome *out)
{
    struct outcome own = *out;
    /* Lost by a pipe are also packets that it took before; else no more than went in, with what a stranger put there.
     */
    uint64_t most = taken + own.copies + own.drops[NV_DROP_PEER_GONE];

    own.taken = taken;
    for (unsigned why = 0; own.lost > most && why < NV_DROP_COUNT; why++) {
        uint64_t less = own.lost - most < own.drops[why] ? own.lost - most : own.drops[why];
        own.drops[why] -= less;
        own.lost -= less;
    }
    settle_owner(r, owner, &own);
    *out = (struct outcome){.taken = out->taken - taken};
}

static void settle(struct nv_relay *r, struct side *side)
{
    struct outcome out = since(side, side->pipe);

    for (unsigned owner = 0; owner < SIDE_OWNERS && out.taken; owner++) {
        uint64_t taken = side->handed[owner] < out.taken ? side->handed[owner] : out.taken;
        if (taken == 0)
            continue;
        side->handed[owner] -= taken;
        share(r, owner, taken, &out);
    }
    if (out.lost)
        share(r, side->owner, 0, &out);
    /* Nothing is left in the ring, and yet some were not taken: somebody made one packet of two there. */
    bool garbled = side->handed[side->owner] && side->counted.slot == side->head;
    for (unsigned owner = 0; __builtin_expect(garbled, 0) && owner < SIDE_OWNERS; owner++) {
        side->lost[owner] += side->handed[owner];
        side->handed[owner] = 0;
    }
    if (__builtin_expect(garbled || side->resets != side->shown_resets, 0)) {
        side->shown_resets = side->resets;
        settle_reset(r, side);
    }
}

int relay_settle(struct nv_relay *r, struct side *side)
{
    int error = side_push(side);

    settle(r, side);
    return error;
}

int relay_push(struct nv_relay *r, struct side *side)
{
    if (side->put == 0 && side->handed[side->owner] == 0)
        return 0;
    return relay_settle(r, side);
}

bool relay_send(struct nv_relay *r, struct side *side, enum side_kind kind, unsigned from, struct frame *frame)
{
    unsigned owner = SIDE_OWNER(kind, from);

    if (owner != side->owner) {
        relay_push(r, side); /* a port that is gone says so at the end of the turn */
        side->owner = (uint8_t)owner;
    }
    return side_send(side, frame, r->store);
}

uint64_t relay_pending(const struct nv_relay *r, unsigned from)
{
    static const enum side_kind kinds[] = {SIDE_FORWARD, SIDE_BOUNCE, SIDE_DIVERT};
    uint64_t sum = 0;

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        unsigned owner = SIDE_OWNER(kinds[i], from);
        sum += r->side[0].handed[owner] + r->side[1].handed[owner];
        for (unsigned o = 0; o < outlets_count(&r->outlets); o++)
            sum += outlet_open(&r->outlets.outlet[o]) ? r->outlets.outlet[o].side.handed[owner] : 0;
    }
    return sum;
}
