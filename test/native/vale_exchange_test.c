/* SPDX-License-Identifier: BSD-2-Clause */
/* vale_exchange_test.c - ports in one region: when buffers change hands, and that none is ever in two places. */
#include <sys/wait.h>

#include "world.h"

static uint8_t mac_a[6], mac_b[6], mac_c[6];

static struct nv_port *open_flags(const char *name, uint32_t flags)
{
    const struct nv_open_options opt = {.flags = flags, .tx_slots = 64, .rx_slots = 64};
    return open_with(name, &opt);
}

/* Count the buffers a port's application holds: all of its tx ring, and what its rx ring shows. */
static void mark(const struct nv_port *p, uint8_t *seen)
{
    struct netmap_ring *tx = nv_txring(p, 0), *rx = nv_rxring(p, 0);
    for (uint32_t i = 0; i < tx->num_slots; i++)
        CHECK(!seen[tx->slot[i].buf_idx]++, "%s: tx buffer %u is in two places", nv_name(p), tx->slot[i].buf_idx);
    for (uint32_t i = rx->head; i != rx->tail; i = nm_ring_next(rx, i))
        CHECK(!seen[rx->slot[i].buf_idx]++, "%s: rx buffer %u is in two places", nv_name(p), rx->slot[i].buf_idx);
}

static void each_buffer_once(struct nv_port *const *port, unsigned n)
{
    uint8_t *seen = calloc(1, nv_slots_backed(port[0]));
    for (unsigned i = 0; i < n; i++)
        if (nv_mem_id(port[i]) == nv_mem_id(port[0]))
            mark(port[i], seen);
    free(seen);
}

/* Send one packet from port[0]; returns in how many of the receivers' slots its buffer turned up. */
static unsigned send_and_look(struct nv_port *const *port, unsigned n, const uint8_t *dst, unsigned receivers)
{
    struct netmap_ring *tx = nv_txring(port[0], 0);
    uint32_t at = tx->cur, buf = tx->slot[at].buf_idx;
    unsigned here = 0, got = 0;
    CHECK(put_packet(port[0], 0, 300, dst, mac_a, 5) && nv_txsync(port[0], 0) == 0);
    for (unsigned i = 1; i < n; i++) {
        struct netmap_ring *rx = nv_rxring(port[i], 0);
        CHECK(nv_rxsync(port[i], 0) == 0);
        for (uint32_t s = rx->head; s != rx->tail; s = nm_ring_next(rx, s)) {
            here += rx->slot[s].buf_idx == buf && nv_memory(port[i], NULL) == nv_memory(port[0], NULL);
            CHECK(rx->slot[s].len == 300 && check_packet((uint8_t *)NETMAP_BUF(rx, rx->slot[s].buf_idx), 300) == 5);
            got++;
        }
    }
    CHECK(got == receivers, "%u received it, not %u", got, receivers);
    CHECK((tx->slot[at].buf_idx != buf) == (here == 1) && here <= 1);
    CHECK(!here == !(tx->slot[at].flags & NS_BUF_CHANGED));
    if (!here)
        CHECK(check_packet((uint8_t *)NETMAP_BUF(tx, buf), 300) == 5, "the tx buffer changed");
    each_buffer_once(port, n);
    for (unsigned i = 1; i < n; i++) {
        while (get_packet(port[i], 0, NULL) != -2)
            ;
        CHECK(nv_rxsync(port[i], 0) == 0);
    }
    return here;
}

/* Buffers change hands only when both ends are willing and in one region. */
static void only_when_both_are_willing(void)
{
    for (unsigned which = 0; which < 8; which++) {
        world_new();
        struct nv_port *port[2] = {open_flags("vale0:a@3", which & 1 ? NV_OPEN_COPY : 0),
                                   open_flags(which & 4 ? "vale0:b@4" : "vale0:b@3", which & 2 ? NV_OPEN_COPY : 0)};
        for (int i = 0; i < 100; i++)
            CHECK(send_and_look(port, 2, mac_b, 1) == (which == 0), "%u", which);
        nv_close(port[0]), nv_close(port[1]);
        world_end();
    }
}

/* One opener who wants copies is enough, also when he comes later; for good, as the others share his rings. */
static void a_later_opener_wants_copies(void)
{
    for (int sender = 0; sender < 2; sender++) {
        world_new();
        struct nv_port *port[2] = {open_flags("vale0:a@3", 0), open_flags("vale0:b@3", 0)};
        CHECK(send_and_look(port, 2, mac_b, 1) == 1);
        struct nv_port *later = open_flags(sender ? "vale0:a" : "vale0:b", NV_OPEN_COPY);
        CHECK(send_and_look(port, 2, mac_b, 1) == 0, "%s wants copies", sender ? "sender" : "receiver");
        nv_close(later);
        nv_close(port[0]), nv_close(port[1]);
        world_end();
    }
}

/* A flooded packet's buffer goes to one of the receivers; the others get copies. */
static void flood_gives_one_away(void)
{
    world_new();
    struct nv_port *port[5] = {open_flags("vale0:a@3", 0), open_flags("vale0:b@3", 0), open_flags("vale0:c@3", 0),
                               open_flags("vale0:d", 0), open_flags("vale0:e@3", 0)};
    for (int i = 0; i < 200; i++)
        CHECK(send_and_look(port, 5, i % 2 ? broadcast_mac : mac_c, 4) == 1);
    nv_close(port[4]); /* the last is in another region now */
    for (int i = 0; i < 200; i++)
        send_and_look(port, 4, broadcast_mac, 3);
    for (int i = 0; i < 4; i++)
        nv_close(port[i]);
    world_end();
}

/* A packet's fragments all change hands, in order, at any place of the ring. */
static void fragments_change_hands(void)
{
    world_new();
    struct nv_port *port[2] = {open_flags("vale0:a@3", 0), open_flags("vale0:b@3", 0)};
    struct netmap_ring *tx = nv_txring(port[0], 0), *rx = nv_rxring(port[1], 0);
    for (uint32_t round = 0; round < 500; round++) {
        uint32_t frags = 1 + round % 20, buf[64], n = 0, sent = 0;
        for (; sent + frags < 63; sent += frags)
            for (uint32_t f = 0; f < frags; f++) {
                uint32_t at = tx->cur;
                buf[sent + f] = tx->slot[at].buf_idx;
                put_packet(port[0], 0, 100 + f, mac_b, mac_a, sent + f);
                tx->slot[at].flags = f + 1 < frags ? NS_MOREFRAG : 0;
            }
        CHECK(nv_txsync(port[0], 0) == 0 && nv_rxsync(port[1], 0) == 0);
        for (uint32_t s = rx->head; s != rx->tail; s = nm_ring_next(rx, s), n++)
            CHECK(rx->slot[s].buf_idx == buf[n] && rx->slot[s].len == 100 + n % frags &&
                  !(rx->slot[s].flags & NS_MOREFRAG) == ((n + 1) % frags == 0));
        CHECK(n == sent);
        each_buffer_once(port, 2);
        for (uint32_t i = 0; i < n; i++)
            CHECK(get_packet(port[1], 0, NULL) == i);
        CHECK(nv_rxsync(port[1], 0) == 0);
    }
    nv_close(port[0]), nv_close(port[1]);
    world_end();
}

/* Six ports send to each other at random, some flooded, some to the full; nothing is torn or in two places. */
static void mixed_traffic(void)
{
    enum { PORTS = 6 };
    struct nv_port *port[PORTS];
    uint8_t mac[PORTS + 1][6];
    uint64_t seed = 11;
    char name[32];
    world_new();
    for (unsigned i = 0; i < PORTS; i++) {
        snprintf(name, sizeof(name), "vale0:p%u@%u", i, i == 4 ? 8 : 3);
        port[i] = open_flags(name, i == 2 ? NV_OPEN_COPY : 0);
        mac_number(mac[i], 100 + i);
    }
    memcpy(mac[PORTS], broadcast_mac, 6);
    uint64_t received = 0;
    for (uint32_t round = 0; round < 20000 && !check_failed; round++) {
        unsigned from = random_below(&seed, PORTS), n = random_below(&seed, 64);
        for (unsigned i = 0; i < n; i++)
            put_packet(port[from], 0, 60 + random_below(&seed, 1989), mac[random_below(&seed, PORTS + 1)], mac[from],
                       round * 64 + i);
        CHECK(nv_txsync(port[from], 0) == 0);
        unsigned to = random_below(&seed, PORTS), most = random_below(&seed, 100);
        CHECK(nv_rxsync(port[to], 0) == 0);
        for (int64_t seq; most-- && (seq = get_packet(port[to], 0, NULL)) != -2; received++)
            CHECK(seq >= 0, "a packet was torn");
        if (round % 100 == 0)
            each_buffer_once(port, PORTS);
    }
    CHECK(received > 300000, "%lu", (unsigned long)received);
    for (unsigned i = 0; i < PORTS; i++)
        nv_close(port[i]);
    world_end();
}

/*
 * Another process's buffers cannot be sent, nor one's own from two slots at once; what is right goes on.
 */
static void not_mine_to_send(void)
{
    int pipes[2];
    char byte;
    world_new();
    CHECK(pipe2(pipes, O_CLOEXEC) == 0);
    pid_t child = fork();
    if (child == 0) { /* the receiver; it says which buffer its tx ring begins with */
        close(pipes[0]);
        struct nv_port *b = open_flags("vale0:b@3", 0);
        uint32_t buf = nv_txring(b, 0)->slot[0].buf_idx, good = 0;
        make_packet((uint8_t *)NETMAP_BUF(nv_txring(b, 0), buf), 60, mac_b, mac_a, 97);
        if (write(pipes[1], &buf, sizeof(buf)) != sizeof(buf))
            _exit(1);
        while (good < 20 && nv_wait(b, POLLIN, 100000000000) == POLLIN)
            for (int64_t seq; (seq = get_packet(b, 0, NULL)) != -2; good++)
                if (seq != good)
                    _exit(2);
        nv_close(b);
        _exit(good == 20 ? 0 : 3);
    }
    close(pipes[1]);
    uint32_t theirs = 0;
    CHECK(read(pipes[0], &theirs, sizeof(theirs)) == sizeof(theirs));
    struct nv_port *a = open_flags("vale0:a@3", 0);
    struct netmap_ring *tx = nv_txring(a, 0);
    for (uint32_t seq = 0; seq < 20; seq++) {
        uint32_t at = tx->cur, own = tx->slot[at].buf_idx;
        put_packet(a, 0, 60, mac_b, mac_a, 99);
        tx->slot[at].buf_idx = theirs;
        put_packet(a, 0, 60, mac_b, mac_a, seq);
        uint32_t sent = tx->slot[(at + 1) % 64].buf_idx, twice = (at + 2) % 64, was = tx->slot[twice].buf_idx;
        put_packet(a, 0, 60, mac_b, mac_a, 98);
        tx->slot[twice].buf_idx = sent;
        CHECK(nv_txsync(a, 0) == 0);
        /* Each of the two slots got a buffer of ours that stands nowhere else. */
        CHECK(tx->slot[at].buf_idx != theirs && tx->slot[at].buf_idx != own);
        CHECK(tx->slot[twice].buf_idx != sent && tx->slot[twice].buf_idx != was);
    }
    struct nv_port_stats s;
    nv_stats(a, &s);
    CHECK(s.drops[NV_DROP_BAD_SLOT] == 40 && s.tx_delivered == 20, "%lu bad, %lu delivered",
          (unsigned long)s.drops[NV_DROP_BAD_SLOT], (unsigned long)s.tx_delivered);
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && status == 0, "status %d", status);
    CHECK(read(pipes[0], &byte, 1) == 0);
    close(pipes[0]);
    nv_close(a);
    world_end();
}

int main(int argc, char **argv)
{
    mac_number(mac_a, 1), mac_number(mac_b, 2), mac_number(mac_c, 3);
    static const struct check_test tests[] = {
        {"vale exchange: only when both are willing", only_when_both_are_willing},
        {"vale exchange: a later opener wants copies", a_later_opener_wants_copies},
        {"vale exchange: a flood gives one buffer away", flood_gives_one_away},
        {"vale exchange: fragments", fragments_change_hands},
        {"vale exchange: mixed traffic", mixed_traffic},
        {"vale exchange: buffers that are not mine to send", not_mine_to_send},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
