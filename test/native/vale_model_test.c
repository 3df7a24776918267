/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vale_model_test.c - a switch with random ports and random traffic against a model of a learning switch.
 *
 * The model says for each packet which ports must get it. What finds no room may be missing, but nothing else, and
 * what had room must come; whole, in order, and as often as the model says.
 */
#include "vale/switch.h"
#include "world.h"

#define PORTS     6u
#define RINGS     3u
#define ADDRESSES 14u /* the last two: broadcast, and an address nobody has */
#define MOST      8192u

struct expected {
    uint32_t seq, frags;
    bool must;
};

struct model_ring {
    struct expected *list;
    uint32_t n, slots, filled; /* filled: at most so many slots are taken since it was drained */
};

struct model_port {
    struct nv_port *port;
    unsigned rings;
    struct model_ring ring[RINGS];
    uint64_t packets, copies, dropped[NV_DROP_COUNT]; /* as they must be counted; no_space is not known */
};

static struct model_port ports[PORTS];
static uint8_t mac[ADDRESSES][6];
static int owner[NV_LEARN_ENTRIES]; /* address * PORTS + port, + 1; 0: empty */
static uint64_t seed;
static uint32_t next_seq;
static uint64_t total_expected, total_received, total_missing;

static unsigned entry_of(unsigned address)
{
    uint64_t word = 0;
    memcpy((uint8_t *)&word + 2, mac[address], 6);
    return nv_learn_hash(word);
}

static void open_one(unsigned i)
{
    struct model_port *m = &ports[i];
    char name[64];
    m->rings = 1 + random_below(&seed, RINGS);
    uint32_t slots = 2 + random_below(&seed, 90), tx_slots = 90 + random_below(&seed, 200);
    const struct nv_open_options opt = {.rx_rings = m->rings,
                                        .tx_rings = m->rings,
                                        .tx_slots = tx_slots,
                                        .rx_slots = slots,
                                        .flags = random_below(&seed, 4) ? 0 : NV_OPEN_COPY};
    struct nv_error err = {0};
    snprintf(name, sizeof(name), "vale3:p%u%s", i, random_below(&seed, 2) ? "@9" : "");
    CHECK(nv_open(name, &opt, &m->port, &err) == 0, "%s: %s", name, err.message);
    for (unsigned r = 0; r < RINGS; r++) {
        m->ring[r].slots = slots;
        m->ring[r].n = m->ring[r].filled = 0;
    }
    m->packets = m->copies = 0;
    memset(m->dropped, 0, sizeof(m->dropped));
}

/* Whatever is not known exactly must make up for the difference. */
static void check_counters(const struct model_port *m)
{
    struct nv_port_stats s;
    uint64_t drops = 0;
    nv_stats(m->port, &s);
    for (unsigned d = 0; d < NV_DROP_COUNT; d++) {
        drops += s.drops[d];
        if (d != NV_DROP_NO_SPACE)
            CHECK(s.drops[d] == m->dropped[d], "%s: %lu, not %lu", nv_drop_name(d), (unsigned long)s.drops[d],
                  (unsigned long)m->dropped[d]);
    }
    CHECK(s.tx_packets == m->packets && s.tx_copies == m->copies && s.ring_resets == 0);
    CHECK(s.tx_packets + s.tx_copies == s.tx_delivered + drops);
}

static void close_one(unsigned i)
{
    check_counters(&ports[i]);
    nv_close(ports[i].port);
    ports[i].port = NULL;
    for (unsigned e = 0; e < NV_LEARN_ENTRIES; e++)
        if (owner[e] && (unsigned)(owner[e] - 1) % PORTS == i)
            owner[e] = 0;
}

static void expect(unsigned to, unsigned ring, uint32_t seq, uint32_t frags)
{
    struct model_ring *r = &ports[to].ring[ring % ports[to].rings];
    CHECK(r->n < MOST);
    if (r->n < MOST)
        r->list[r->n++] = (struct expected){seq, frags, false};
    r->filled += frags;
    total_expected++;
}

/* Learn, look up, and note who must get the packet. */
static void forward(unsigned from, unsigned ring, unsigned src, unsigned dst, uint32_t seq, uint32_t frags)
{
    struct model_port *m = &ports[from];
    unsigned others = 0;
    if (src != ADDRESSES - 2)
        owner[entry_of(src)] = (int)(src * PORTS + from) + 1;
    int known = owner[entry_of(dst)] - 1;
    if (dst != ADDRESSES - 2 && known >= 0 && (unsigned)known / PORTS == dst) {
        unsigned to = (unsigned)known % PORTS;
        if (to == from)
            m->dropped[NV_DROP_OWN_PORT]++;
        else
            expect(to, ring, seq, frags);
        return;
    }
    for (unsigned to = 0; to < PORTS; to++)
        if (to != from && ports[to].port) {
            expect(to, ring, seq, frags);
            others++;
        }
    if (others)
        m->copies += others - 1;
    else
        m->dropped[NV_DROP_NO_PORT]++;
}

/* One packet into the ring; sometimes with something wrong. False: no room. */
static bool put_random(unsigned from, unsigned ring)
{
    struct model_port *m = &ports[from];
    struct netmap_ring *r = nv_txring(m->port, ring);
    uint32_t frags = random_below(&seed, 5)   ? 1
                     : random_below(&seed, 9) ? 1 + random_below(&seed, 6)
                                              : 60 + random_below(&seed, 10);
    unsigned src = random_below(&seed, ADDRESSES - 1), dst = random_below(&seed, ADDRESSES);
    unsigned wrong = random_below(&seed, 30), where = random_below(&seed, frags);
    enum nv_drop why = frags > NETMAP_MAX_FRAGS ? NV_DROP_TOO_LONG : NV_DROP_COUNT;
    uint32_t seq = next_seq;
    if (nm_ring_space(r) < frags)
        return false;
    for (uint32_t f = 0; f < frags; f++) {
        struct netmap_slot *slot = &r->slot[r->cur];
        CHECK(put_packet(m->port, ring, 18 + random_below(&seed, 300), mac[dst], mac[src], next_seq++));
        slot->flags = f + 1 < frags ? NS_MOREFRAG : 0;
        if (wrong == 0 && f == where)
            slot->len = 2049 + (uint16_t)random_below(&seed, 60000), why = NV_DROP_TOO_LONG;
        if (wrong == 1 && f == 0 && why == NV_DROP_COUNT)
            slot->len = (uint16_t)random_below(&seed, 14), why = NV_DROP_RUNT;
    }
    m->packets++;
    if (why != NV_DROP_COUNT)
        m->dropped[why]++;
    else
        forward(from, ring, src, dst, seq, frags);
    return true;
}

static void send_random(unsigned from)
{
    unsigned ring = random_below(&seed, ports[from].rings), n = random_below(&seed, 4) ? random_below(&seed, 12) : 300;
    uint32_t before[PORTS][RINGS];
    for (unsigned p = 0; p < PORTS; p++)
        for (unsigned i = 0; i < RINGS; i++)
            before[p][i] = ports[p].ring[i].n;
    while (n-- && put_random(from, ring))
        ;
    CHECK(nv_txsync(ports[from].port, ring) == 0);
    for (unsigned p = 0; p < PORTS; p++)
        for (unsigned i = 0; i < RINGS; i++) {
            struct model_ring *r = &ports[p].ring[i];
            for (uint32_t e = before[p][i]; e < r->n; e++)
                r->list[e].must = r->filled <= r->slots - 1;
        }
}

/* Take everything and compare. */
static void receive_all(unsigned at, unsigned ring)
{
    struct model_ring *m = &ports[at].ring[ring];
    struct netmap_ring *r = nv_rxring(ports[at].port, ring);
    uint32_t e = 0, frag = 0;
    CHECK(nv_rxsync(ports[at].port, ring) == 0);
    while (!nm_ring_empty(r) && !check_failed) {
        const struct netmap_slot *slot = &r->slot[r->cur];
        bool more = slot->flags & NS_MOREFRAG;
        int64_t seq = get_packet(ports[at].port, ring, NULL);
        for (; frag == 0 && e < m->n && m->list[e].seq != seq; e++, total_missing++)
            CHECK(!m->list[e].must, "packet %u is missing", m->list[e].seq);
        CHECK(e < m->n && seq == m->list[e].seq + frag && more == (frag + 1 < m->list[e].frags), "%ld is not expected",
              (long)seq);
        frag = more ? frag + 1 : 0;
        e += !more;
        total_received += !more;
    }
    for (; e < m->n; e++, total_missing++)
        CHECK(!m->list[e].must, "packet %u is missing", m->list[e].seq);
    CHECK(frag == 0 && nv_rxsync(ports[at].port, ring) == 0);
    m->n = m->filled = 0;
}

static void run(uint64_t with)
{
    seed = with;
    memset(owner, 0, sizeof(owner));
    world_new();
    for (unsigned i = 0; i < ADDRESSES; i++)
        mac_number(mac[i], 1 + i * 977);
    memcpy(mac[ADDRESSES - 2], broadcast_mac, 6);
    for (unsigned p = 0; p < PORTS; p++) {
        for (unsigned r = 0; r < RINGS; r++)
            ports[p].ring[r].list = malloc(MOST * sizeof(struct expected));
        open_one(p);
    }
    for (unsigned step = 0; step < 3000 && !check_failed; step++) {
        unsigned p = random_below(&seed, PORTS), what = random_below(&seed, 100);
        if (!ports[p].port)
            open_one(p);
        else if (what == 0)
            close_one(p);
        else if (what < 55)
            send_random(p);
        else
            receive_all(p, random_below(&seed, ports[p].rings));
        for (unsigned i = 0; i < ports[p].rings && ports[p].port; i++)
            if (ports[p].ring[i].n > MOST / 2)
                receive_all(p, i);
    }
    CHECK(!check_failed, "seed %lu", (unsigned long)with);
    for (unsigned p = 0; p < PORTS; p++) {
        for (unsigned r = 0; ports[p].port && r < ports[p].rings; r++)
            receive_all(p, r);
        if (ports[p].port)
            close_one(p);
        for (unsigned r = 0; r < RINGS; r++)
            free(ports[p].ring[r].list);
    }
    world_end();
}

static void random_switches(void)
{
    const char *given = getenv("NETVALE_SEED");
    uint64_t first = given ? strtoull(given, NULL, 0) : 1;
    for (uint64_t i = first; i < first + (given ? 1 : 12) && !check_failed; i++)
        run(i);
    CHECK(total_received > 1000 && total_missing > 1000, "%lu received, %lu missing of %lu",
          (unsigned long)total_received, (unsigned long)total_missing, (unsigned long)total_expected);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {{"vale: random switches against a model", random_switches}};
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
