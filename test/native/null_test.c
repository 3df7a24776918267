/* SPDX-License-Identifier: BSD-2-Clause */
/* null_test.c - the null port: everything goes in, nothing comes out, each opener has one of his own. */
#include "world.h"

static int count_null(void *arg, const struct nv_port_info *info)
{
    CHECK(!strcmp(info->kind, "null") && info->openers == 1 && info->tx_rings >= 1);
    return ++*(int *)arg, 0;
}

static void each_has_his_own(void)
{
    static const char *const names[] = {"null:", "null:", "null", "null:sink", "null:sink"};
    struct nv_port *port[5];
    struct nv_port_stats s;
    int n = 0;
    world_new();
    for (int i = 0; i < 5; i++)
        port[i] = open_port(names[i]);
    CHECK(nv_list(NULL, count_null, &n, NULL) == 0 && n == 5, "%d ports", n);
    for (int i = 0; i < 5; i++) {
        for (uint32_t k = 0; k <= (uint32_t)i; k++)
            CHECK(put_packet(port[i], 0, 60, broadcast_mac, broadcast_mac, k));
        CHECK(nv_txsync(port[i], 0) == 0);
    }
    for (int i = 0; i < 5; i++) {
        nv_stats(port[i], &s);
        CHECK(s.tx_packets == (uint64_t)i + 1 && s.tx_delivered == s.tx_packets);
        nv_close(port[i]);
    }
    world_end();
}

/* A full ring at every sync, for a million packets: all are taken, none comes back. */
static void takes_everything(void)
{
    world_new();
    struct nv_port *p = open_port("null:@conf:rings=2,slots=777");
    struct nv_port_stats s;
    for (unsigned ring = 0; ring < 2; ring++) {
        struct netmap_ring *r = nv_txring(p, ring);
        for (uint32_t sent = 0; sent < 500000;) {
            uint32_t n = nm_ring_space(r);
            CHECK(n == 776);
            for (uint32_t i = 0; i < n; i++, r->head = r->cur = nm_ring_next(r, r->cur)) {
                r->slot[r->cur].len = 1514;
                r->slot[r->cur].flags = 0;
            }
            CHECK(nv_txsync(p, ring) == 0);
            sent += n;
        }
    }
    CHECK(nv_wait(p, POLLIN, 1000000) == 0 && nv_wait(p, POLLIN | POLLOUT, -1) == POLLOUT);
    nv_stats(p, &s);
    CHECK(s.tx_packets == 2 * 500520 && s.tx_bytes == s.tx_packets * 1514 && s.tx_delivered == s.tx_packets);
    CHECK(s.rx_packets == 0 && s.tx_delivered_bytes == s.tx_bytes && s.wakeups_sent == 0);
    nv_close(p);
    world_end();
}

/* What no port would send is counted by name here too. */
static void impossible_packets(void)
{
    world_new();
    struct nv_port *p = open_port("null:@conf:slots=300");
    struct netmap_ring *r = nv_txring(p, 0);
    struct nv_port_stats s;
    for (uint32_t frags = 60; frags <= 70; frags++) {
        for (uint32_t i = 0; i < frags; i++) {
            r->slot[r->cur].len = 60;
            r->slot[r->cur].flags = i + 1 < frags ? NS_MOREFRAG : 0;
            r->head = r->cur = nm_ring_next(r, r->cur);
        }
        CHECK(nv_txsync(p, 0) == 0);
    }
    for (unsigned i = 0; i < 7; i++) { /* the end never comes */
        r->slot[r->cur].len = i % 2 ? 60 : 0;
        r->slot[r->cur].flags = NS_MOREFRAG;
        r->head = r->cur = nm_ring_next(r, r->cur);
        CHECK(nv_txsync(p, 0) == 0);
    }
    nv_stats(p, &s);
    CHECK(s.drops[NV_DROP_TOO_LONG] == 6 && s.drops[NV_DROP_BROKEN_CHAIN] == 7, "%lu, %lu",
          (unsigned long)s.drops[NV_DROP_TOO_LONG], (unsigned long)s.drops[NV_DROP_BROKEN_CHAIN]);
    CHECK(s.tx_packets == 18 && s.tx_delivered == 5);
    nv_close(p);
    world_end();
}

static void refuses(void)
{
    world_new();
    refuse_port("null:^", NULL, EINVAL, "no host rings");
    refuse_port("null:/r", NULL, EOPNOTSUPP, "monitor");
    refuse_port("null:", &(struct nv_open_options){.flags = NV_OPEN_EXISTING}, ENOENT, "does not exist");
    refuse_port("null:@conf:slots=1", NULL, EINVAL, "slots");
    refuse_port("null:@conf:slots=4097", NULL, EINVAL, "slots");
    world_end();
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"null: each has his own", each_has_his_own},
        {"null: takes everything", takes_everything},
        {"null: impossible packets", impossible_packets},
        {"null: what it refuses", refuses},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
