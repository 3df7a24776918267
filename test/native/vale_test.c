/* SPDX-License-Identifier: BSD-2-Clause */
/* vale_test.c - the switch: learning, flooding, order, fragments, rings, full receivers, exchange. */
#include "world.h"

static uint8_t mac_a[6], mac_b[6], mac_c[6];

static void sum_check(struct nv_port *p)
{
    struct nv_port_stats s;
    uint64_t drops = 0;
    nv_stats(p, &s);
    for (unsigned i = 0; i < NV_DROP_COUNT; i++)
        drops += s.drops[i];
    CHECK(s.tx_packets + s.tx_copies == s.tx_delivered + drops, "%s: %lu + %lu != %lu + %lu", nv_name(p),
          (unsigned long)s.tx_packets, (unsigned long)s.tx_copies, (unsigned long)s.tx_delivered, (unsigned long)drops);
}

static void floods_then_learns(void)
{
    world_new();
    struct nv_port *a = open_port("vale0:a"), *b = open_port("vale0:b"), *c = open_port("vale0:c");
    unsigned len;
    put_packet(a, 0, 60, mac_b, mac_a, 1); /* b not learnt: to b and c */
    CHECK(nv_txsync(a, 0) == 0);
    nv_rxsync(a, 0), nv_rxsync(b, 0), nv_rxsync(c, 0);
    CHECK(get_packet(b, 0, &len) == 1 && len == 60);
    CHECK(get_packet(c, 0, &len) == 1);
    CHECK(get_packet(a, 0, &len) == -2);
    put_packet(b, 0, 1514, mac_a, mac_b, 2); /* a is learnt: to a only */
    nv_txsync(b, 0);
    nv_rxsync(a, 0), nv_rxsync(c, 0);
    CHECK(get_packet(a, 0, &len) == 2 && len == 1514);
    CHECK(get_packet(c, 0, &len) == -2);
    put_packet(a, 0, 64, mac_b, mac_a, 3);
    put_packet(a, 0, 65, broadcast_mac, mac_a, 4);
    put_packet(a, 0, 66, mac_b, mac_a, 5);
    put_packet(a, 0, 66, mac_a, mac_a, 6); /* to itself */
    nv_txsync(a, 0);
    nv_rxsync(b, 0), nv_rxsync(c, 0);
    CHECK(get_packet(b, 0, NULL) == 3);
    CHECK(get_packet(b, 0, NULL) == 4);
    CHECK(get_packet(b, 0, NULL) == 5);
    CHECK(get_packet(b, 0, NULL) == -2);
    CHECK(get_packet(c, 0, NULL) == 4);
    CHECK(get_packet(c, 0, NULL) == -2);
    struct nv_port_stats s;
    nv_stats(a, &s);
    CHECK(s.drops[NV_DROP_OWN_PORT] == 1 && s.tx_packets == 5 && s.tx_copies == 2);
    sum_check(a), sum_check(b);
    nv_close(a), nv_close(b), nv_close(c);
    world_end();
}

int main(int argc, char **argv)
{
    mac_number(mac_a, 1), mac_number(mac_b, 2), mac_number(mac_c, 3);
    static const struct check_test tests[] = {
        {"vale: floods, then learns", floods_then_learns},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
