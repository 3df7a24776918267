/* SPDX-License-Identifier: BSD-2-Clause */
/* vale_test.c - the switch: learning, flooding, what is dropped and why, several rings, several switches. */
#include "vale/switch.h"
#include "world.h"

static uint8_t mac_a[6], mac_b[6], mac_c[6];

static struct nv_port *open_sized(const char *name, uint32_t slots, uint32_t rings)
{
    const struct nv_open_options opt = {.tx_slots = slots, .rx_slots = slots, .tx_rings = rings, .rx_rings = rings};
    return open_with(name, &opt);
}

/* Counters of a port, which must add up. */
static struct nv_port_stats stats_of(const struct nv_port *p)
{
    struct nv_port_stats s;
    uint64_t drops = 0;
    nv_stats(p, &s);
    for (unsigned i = 0; i < NV_DROP_COUNT; i++)
        drops += s.drops[i];
    CHECK(s.tx_packets + s.tx_copies == s.tx_delivered + drops, "%s: %lu + %lu != %lu + %lu", nv_name(p),
          (unsigned long)s.tx_packets, (unsigned long)s.tx_copies, (unsigned long)s.tx_delivered, (unsigned long)drops);
    return s;
}

/* Sync and take all: the number of packets, which must be seq, seq + 1, ... */
static uint32_t take_run(struct nv_port *p, unsigned ring, uint32_t seq)
{
    uint32_t n = 0;
    CHECK(nv_rxsync(p, ring) == 0);
    for (int64_t got; (got = get_packet(p, ring, NULL)) != -2; n++)
        CHECK(got == seq + n, "%s: %ld, not %u", nv_name(p), (long)got, seq + n);
    CHECK(nv_rxsync(p, ring) == 0);
    return n;
}

static void send_one(struct nv_port *p, const uint8_t *dst, const uint8_t *src, uint32_t seq)
{
    CHECK(put_packet(p, 0, 60, dst, src, seq) && nv_txsync(p, 0) == 0);
}

static void floods_then_learns(void)
{
    world_new();
    struct nv_port *a = open_port("vale0:a"), *b = open_port("vale0:b"), *c = open_port("vale0:c");
    send_one(a, mac_b, mac_a, 1); /* b not learnt: to b and c */
    CHECK(take_run(b, 0, 1) == 1 && take_run(c, 0, 1) == 1 && take_run(a, 0, 1) == 0);
    send_one(b, mac_a, mac_b, 2); /* a is learnt: to a only */
    CHECK(take_run(a, 0, 2) == 1 && take_run(c, 0, 2) == 0);
    put_packet(a, 0, 64, mac_b, mac_a, 3);
    put_packet(a, 0, 65, broadcast_mac, mac_a, 4);
    put_packet(a, 0, 66, mac_b, mac_a, 5);
    put_packet(a, 0, 66, mac_a, mac_a, 6); /* to itself */
    nv_txsync(a, 0);
    CHECK(take_run(b, 0, 3) == 3 && take_run(c, 0, 4) == 1);
    struct nv_port_stats s = stats_of(a);
    CHECK(s.drops[NV_DROP_OWN_PORT] == 1 && s.tx_packets == 5 && s.tx_copies == 2 && s.tx_delivered == 6);
    stats_of(b);
    nv_close(a), nv_close(b), nv_close(c);
    world_end();
}

/* A port alone: everything is dropped as having nowhere to go. A second one gets it. */
static void alone(void)
{
    world_new();
    struct nv_port *a = open_port("vale0:a");
    send_one(a, mac_b, mac_a, 1);
    send_one(a, broadcast_mac, mac_a, 2);
    CHECK(stats_of(a).drops[NV_DROP_NO_PORT] == 2 && stats_of(a).tx_copies == 0);
    struct nv_port *b = open_port("vale0:b");
    send_one(a, mac_b, mac_a, 3);
    CHECK(take_run(b, 0, 3) == 1 && stats_of(a).drops[NV_DROP_NO_PORT] == 2);
    nv_close(a), nv_close(b);
    world_end();
}

/*
 * b and c take turns in having addresses; a sends to each. Where two addresses fall into one entry of the table
 * only the later one is known, and packets to the other are flooded.
 */
static void learn_many(unsigned count)
{
    static uint8_t mac[4096][6];
    static uint16_t entry[4096], last[NV_LEARN_ENTRIES];
    world_new();
    struct nv_port *port[3] = {open_port("vale0:a"), open_port("vale0:b"), open_port("vale0:c")};
    unsigned collisions = 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t word = 0;
        mac_number(mac[i], 1000 + i * 7919);
        memcpy((uint8_t *)&word + 2, mac[i], 6);
        entry[i] = (uint16_t)nv_learn_hash(word);
        last[entry[i]] = (uint16_t)i;
        send_one(port[1 + i % 2], mac_a, mac[i], i);
        CHECK(take_run(port[0], 0, i) == 1);
        take_run(port[2 - i % 2], 0, i); /* a is not known at first */
    }
    for (unsigned i = 0; i < count && !check_failed; i++) {
        bool known = last[entry[i]] == i;
        send_one(port[0], mac[i], broadcast_mac, i); /* a group source teaches nothing */
        CHECK(take_run(port[1 + i % 2], 0, i) == 1);
        CHECK(take_run(port[2 - i % 2], 0, i) == (known ? 0 : 1), "address %u of %u", i, count);
        collisions += !known;
    }
    CHECK(count <= 64 ? collisions < 10 : collisions > 100, "%u of %u collided", collisions, count);
    for (int i = 0; i < 3; i++)
        stats_of(port[i]), nv_close(port[i]);
    world_end();
}

static void learn_64(void)
{
    learn_many(64);
}
static void learn_3000(void)
{
    learn_many(3000);
}

/* 254 ports on one switch: a broadcast reaches all others; the 255th port is refused. */
static void full_switch(void)
{
    struct nv_port *port[NV_SWITCH_PORTS];
    char name[32];
    world_new();
    for (unsigned i = 0; i < NV_SWITCH_PORTS; i++) {
        snprintf(name, sizeof(name), "vale0:p%u", i);
        port[i] = open_sized(name, 16, 1);
    }
    refuse_port("vale0:one_more", NULL, ENOSPC, "no more are possible");
    for (unsigned from = 0; from < NV_SWITCH_PORTS; from += 84) {
        for (uint32_t i = 0; i < 15; i++)
            put_packet(port[from], 0, 60, i % 2 ? broadcast_mac : mac_b, mac_a, i);
        CHECK(nv_txsync(port[from], 0) == 0);
        for (unsigned i = 0; i < NV_SWITCH_PORTS; i++)
            CHECK(take_run(port[i], 0, 0) == (i == from ? 0 : 15), "port %u", i);
        CHECK(stats_of(port[from]).tx_copies == 15 * 252);
    }
    /* A place that became free can be had again; what was learnt there is forgotten. */
    nv_close(port[7]);
    port[7] = open_sized("vale0:other", 16, 1);
    send_one(port[7], mac_a, mac_c, 5);
    CHECK(take_run(port[252], 0, 5) == 1);
    for (unsigned i = 0; i < NV_SWITCH_PORTS; i++)
        nv_close(port[i]);
    world_end();
}

/* An address that shows up on another port is reached there from then on. */
static void address_moves(void)
{
    world_new();
    struct nv_port *a = open_port("vale0:a"), *b = open_port("vale0:b"), *c = open_port("vale0:c");
    struct nv_port *at = b, *other = c;
    for (uint32_t i = 0; i < 20; i++) {
        send_one(at, mac_a, mac_c, 0);
        take_run(a, 0, 0), take_run(other, 0, 0);
        send_one(a, mac_c, mac_a, i);
        CHECK(take_run(at, 0, i) == 1 && take_run(other, 0, i) == 0);
        struct nv_port *swap = at;
        at = other, other = swap;
    }
    nv_close(a), nv_close(b), nv_close(c);
    world_end();
}

/* When a port closes, its addresses are forgotten, also when another takes its place. */
static void detach_forgets(void)
{
    world_new();
    struct nv_port *a = open_port("vale0:a"), *b = open_port("vale0:b"), *c = open_port("vale0:c");
    send_one(b, mac_a, mac_b, 1);
    take_run(a, 0, 1), take_run(c, 0, 1);
    nv_close(b);
    send_one(a, mac_b, mac_a, 2);
    CHECK(take_run(c, 0, 2) == 1 && stats_of(a).drops[NV_DROP_PORT_GONE] == 0);
    b = open_port("vale0:new");
    send_one(a, mac_b, mac_a, 3);
    CHECK(take_run(b, 0, 3) == 1 && take_run(c, 0, 3) == 1);
    nv_close(a), nv_close(b), nv_close(c);
    world_end();
}

/* A full ring loses what does not fit, by name, for its port alone; order stays; room is used again. */
static void full_receiver(void)
{
    world_new();
    struct nv_port *a = open_sized("vale0:a", 512, 1), *b = open_sized("vale0:b", 20, 1),
                   *c = open_sized("vale0:c", 512, 1);
    uint64_t lost = 0;
    for (uint32_t round = 0; round < 50; round++) {
        for (uint32_t i = 0; i < 400; i++)
            put_packet(a, 0, 60, broadcast_mac, mac_a, i);
        CHECK(nv_txsync(a, 0) == 0 && nm_ring_space(nv_txring(a, 0)) == 511);
        CHECK(take_run(b, 0, 0) == 19 && take_run(c, 0, 0) == 400);
        lost += 381;
        struct nv_port_stats s = stats_of(a);
        CHECK(s.drops[NV_DROP_NO_SPACE] == lost && s.tx_copies == (round + 1) * 400);
    }
    nv_close(a), nv_close(b), nv_close(c);
    world_end();
}

/* Packets that cannot be: too short, no end, too many fragments. Their neighbours arrive. */
static void impossible_packets(void)
{
    world_new();
    struct nv_port *a = open_sized("vale0:a", 200, 1), *b = open_sized("vale0:b", 200, 1);
    struct netmap_ring *r = nv_txring(a, 0);
    for (uint16_t len = 0; len < 14; len++) {
        uint32_t at = r->cur;
        put_packet(a, 0, 60, mac_b, mac_a, 1);
        r->slot[at].len = len;
    }
    CHECK(put_packet(a, 0, 60, mac_b, mac_a, 5) && nv_txsync(a, 0) == 0);
    CHECK(take_run(b, 0, 5) == 1 && stats_of(a).drops[NV_DROP_RUNT] == 14);
    for (uint32_t i = 0; i < 3; i++) { /* the third sync ends in mid-packet */
        put_packet(a, 0, 60, mac_b, mac_a, 2 * i);
        uint32_t at = r->cur;
        put_packet(a, 0, 60, mac_b, mac_a, 2 * i + 1);
        r->slot[at].flags = i == 2 ? NS_MOREFRAG : 0;
    }
    CHECK(nv_txsync(a, 0) == 0 && stats_of(a).drops[NV_DROP_BROKEN_CHAIN] == 1);
    CHECK(put_packet(a, 0, 60, mac_b, mac_a, 5) && nv_txsync(a, 0) == 0 && take_run(b, 0, 0) == 6);
    for (uint32_t frags = 63; frags < 100; frags++) {
        for (uint32_t i = 0; i < frags; i++) {
            uint32_t at = r->cur;
            put_packet(a, 0, 60, mac_b, mac_a, i);
            r->slot[at].flags = i + 1 < frags ? NS_MOREFRAG : 0;
        }
        CHECK(nv_txsync(a, 0) == 0 && take_run(b, 0, 0) == (frags <= 64 ? frags : 0));
    }
    struct nv_port_stats s = stats_of(a);
    CHECK(s.drops[NV_DROP_TOO_LONG] == 35 && s.tx_delivered == 1 + 6 + 2);
    uint32_t at = r->cur;
    put_packet(a, 0, 60, mac_b, mac_a, 1);
    r->slot[at].flags = NS_INDIRECT; /* another process's memory: not here */
    CHECK(nv_txsync(a, 0) == 0 && take_run(b, 0, 0) == 0 && stats_of(a).drops[NV_DROP_BAD_SLOT] == 1);
    nv_close(a), nv_close(b);
    world_end();
}

/* A packet of several fragments is never split by a ring that fills up. */
static void fragments_go_together(void)
{
    world_new();
    struct nv_port *a = open_sized("vale0:a", 200, 1), *b = open_sized("vale0:b", 16, 1);
    struct netmap_ring *r = nv_txring(a, 0), *rx = nv_rxring(b, 0);
    for (uint32_t frags = 2; frags <= 20; frags++) {
        uint32_t fit = 15 / frags, n;
        for (uint32_t i = 0; i < 4 * frags; i++) {
            uint32_t at = r->cur;
            put_packet(a, 0, 60, mac_b, mac_a, i);
            r->slot[at].flags = i % frags + 1 < frags ? NS_MOREFRAG : 0;
        }
        CHECK(nv_txsync(a, 0) == 0 && nv_rxsync(b, 0) == 0);
        fit = fit < 4 ? fit : 4;
        for (n = 0; !nm_ring_empty(rx); n++) {
            uint16_t flags = rx->slot[rx->cur].flags;
            CHECK(!(flags & NS_MOREFRAG) == ((n + 1) % frags == 0) && NS_RFRAGS(&rx->slot[rx->cur]) == frags,
                  "%u: flags %#x", n, flags);
            CHECK(get_packet(b, 0, NULL) == n);
        }
        CHECK(n == fit * frags, "%u slots of packets of %u came", n, frags);
        CHECK(nv_rxsync(b, 0) == 0);
    }
    stats_of(a);
    nv_close(a), nv_close(b);
    world_end();
}

/* Ring i leads to ring i modulo the receiver's rings. */
static void several_rings(void)
{
    world_new();
    struct nv_port *a = open_sized("vale0:a", 64, 16), *b = open_sized("vale0:b", 64, 3),
                   *c = open_sized("vale0:c", 64, 16);
    for (unsigned ring = 0; ring < 16; ring++) {
        for (uint32_t i = 0; i < 10; i++)
            put_packet(a, ring, 60, i % 3 ? mac_b : broadcast_mac, mac_a, i);
        CHECK(nv_txsync(a, ring) == 0);
        for (unsigned i = 0; i < 16; i++) {
            CHECK(i >= 3 || take_run(b, i, 0) == (i == ring % 3 ? 10 : 0), "ring %u to %u", ring, i);
            CHECK(take_run(c, i, 0) == (i == ring ? 10 : 0), "ring %u to %u", ring, i);
        }
    }
    refuse_port("vale0:d@conf:rings=17", NULL, EINVAL, "it can have 16");
    nv_close(a), nv_close(b), nv_close(c);
    world_end();
}

/* Switches know nothing of each other, whatever they are called. */
static void several_switches(void)
{
    static const char *const names[] = {"vale0:a", "vale0:b", "vale1:a",           "vale1:b",
                                        "vale:a",  "vale:b",  "valeXYZ_0123456:a", "valeXYZ_0123456:b"};
    struct nv_port *port[8];
    world_new();
    for (int i = 0; i < 8; i++)
        port[i] = open_sized(names[i], 32, 1);
    for (uint32_t round = 0; round < 100; round++) {
        for (int i = 0; i < 8; i++)
            send_one(port[i], round % 2 ? mac_b : broadcast_mac, mac_a, (uint32_t)i * 1000 + round);
        for (int i = 0; i < 8; i++)
            CHECK(take_run(port[i], 0, (uint32_t)(i ^ 1) * 1000 + round) == 1);
    }
    for (int i = 0; i < 8; i++)
        stats_of(port[i]), nv_close(port[i]);
    world_end();
}

int main(int argc, char **argv)
{
    mac_number(mac_a, 1), mac_number(mac_b, 2), mac_number(mac_c, 3);
    static const struct check_test tests[] = {
        {"vale: floods, then learns", floods_then_learns},
        {"vale: a port alone", alone},
        {"vale: learns 64 addresses", learn_64},
        {"vale: 3000 addresses fall into 1024 entries", learn_3000},
        {"vale: 254 ports", full_switch},
        {"vale: an address moves", address_moves},
        {"vale: a port that closes is forgotten", detach_forgets},
        {"vale: a full receiver", full_receiver},
        {"vale: impossible packets", impossible_packets},
        {"vale: fragments go together", fragments_go_together},
        {"vale: several rings", several_rings},
        {"vale: several switches", several_switches},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
