/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * abi_test.c - the netmap headers at work on made-up rings: addresses, ring arithmetic, and nm_open's family.
 *
 * Sizes, offsets and values are checked by the compiler in native/port/abi.c.
 */
#include "check.h"

#include <errno.h>
#define NETMAP_WITH_LIBS
#include <net/netmap_user.h>

#define RINGS 2 /* in each direction, and one host ring in each */
#define SLOTS 8
#define BUFS  (2 + 2 * (RINGS + 1) * SLOTS)
#define BUFSZ 256

/* A region as a port makes it: interface, rings, buffers, one after the other. */
struct region {
    struct netmap_if nifp;
    ssize_t offsets[2 * (RINGS + 1)];
    struct {
        struct netmap_ring ring;
        struct netmap_slot slots[SLOTS];
    } rings[2 * (RINGS + 1)];
    char bufs[BUFS][BUFSZ];
};

static struct region region;
static struct nm_desc desc;

#define SET(type, place, value) (*(type *)(uintptr_t) & (place) = (type)(value)) /* for members that are const */

static void make_region(void)
{
    uint32_t buf = 2;
    memset(&region, 0, sizeof(region));
    SET(uint32_t, region.nifp.ni_tx_rings, RINGS);
    SET(uint32_t, region.nifp.ni_rx_rings, RINGS);
    SET(uint32_t, region.nifp.ni_host_tx_rings, 1);
    SET(uint32_t, region.nifp.ni_host_rx_rings, 1);
    for (int i = 0; i < 2 * (RINGS + 1); i++) {
        struct netmap_ring *ring = &region.rings[i].ring;
        SET(ssize_t, region.nifp.ring_ofs[i], (char *)ring - (char *)&region);
        SET(int64_t, ring->buf_ofs, (char *)region.bufs - (char *)ring);
        SET(uint32_t, ring->num_slots, SLOTS);
        SET(uint32_t, ring->nr_buf_size, BUFSZ);
        SET(uint16_t, ring->ringid, i % (RINGS + 1));
        SET(uint16_t, ring->dir, i / (RINGS + 1));
        for (int s = 0; s < SLOTS; s++)
            ring->slot[s].buf_idx = buf++;
        ring->tail = i <= RINGS ? SLOTS - 1 : 0;
    }
    memset(&desc, 0, sizeof(desc));
    desc.self = desc.hdr.d = &desc;
    desc.fd = -1;
    desc.nifp = &region.nifp;
    desc.last_tx_ring = desc.last_rx_ring = RINGS - 1;
}

/* What a cable does: everything sent on tx ring r is received on rx ring r. */
static void loop_back(unsigned r)
{
    struct netmap_ring *tx = NETMAP_TXRING(&region.nifp, r), *rx = NETMAP_RXRING(&region.nifp, r);
    for (uint32_t i = nm_ring_next(tx, tx->tail); i != tx->head; i = nm_ring_next(tx, i)) {
        struct netmap_slot swap = rx->slot[rx->tail];
        rx->slot[rx->tail] = tx->slot[i];
        tx->slot[i] = swap;
        rx->tail = nm_ring_next(rx, rx->tail);
    }
    tx->tail = tx->head ? tx->head - 1 : SLOTS - 1;
}

static void test_addresses(void)
{
    make_region();
    struct netmap_if *nifp = NETMAP_IF(&region, 0);
    CHECK(nifp == &region.nifp);
    CHECK(NETMAP_TXRING(nifp, 0) == &region.rings[0].ring);
    CHECK(NETMAP_TXRING(nifp, RINGS) == &region.rings[RINGS].ring, "the host ring");
    CHECK(NETMAP_RXRING(nifp, 0) == &region.rings[RINGS + 1].ring);
    CHECK(NETMAP_RXRING(nifp, 1)->ringid == 1 && NETMAP_RXRING(nifp, 1)->dir == 1);
    for (int i = 0; i < 2 * (RINGS + 1); i++) {
        struct netmap_ring *ring = &region.rings[i].ring;
        uint32_t idx = ring->slot[3].buf_idx;
        CHECK(NETMAP_BUF(ring, idx) == region.bufs[idx], "ring %d", i);
        CHECK(NETMAP_BUF_IDX(ring, region.bufs[idx]) == idx, "ring %d", i);
        CHECK(NETMAP_BUF_IDX(ring, &region.bufs[idx][BUFSZ - 1]) == idx, "an address inside it");
    }
}

static void test_offsets(void)
{
    make_region();
    struct netmap_ring *ring = NETMAP_TXRING(&region.nifp, 0);
    struct netmap_slot *slot = &ring->slot[0];
    slot->ptr = 0x1234;
    CHECK(NETMAP_ROFFSET(ring, slot) == 0 && NETMAP_BUF_OFFSET(ring, slot) == region.bufs[slot->buf_idx],
          "ptr is no offset while the mask is 0");
    SET(uint64_t, ring->offset_mask, 0xff);
    CHECK(NETMAP_ROFFSET(ring, slot) == 0x34);
    NETMAP_WOFFSET(ring, slot, 0x56);
    CHECK(slot->ptr == 0x1256, "the other bits stay");
    CHECK(NETMAP_BUF_OFFSET(ring, slot) == region.bufs[slot->buf_idx] + 0x56);
}

static void test_ring_arithmetic(void)
{
    make_region();
    struct netmap_ring *ring = NETMAP_TXRING(&region.nifp, 0);
    CHECK(nm_ring_next(ring, 0) == 1 && nm_ring_next(ring, SLOTS - 1) == 0);
    for (uint32_t head = 0; head < SLOTS; head++) {
        for (uint32_t n = 0; n < SLOTS; n++) {
            ring->head = ring->cur = head;
            ring->tail = (head + n) % SLOTS;
            CHECK(nm_ring_space(ring) == n, "head %u tail %u", head, ring->tail);
            CHECK(nm_ring_empty(ring) == (n == 0), "head %u tail %u", head, ring->tail);
            CHECK(!nm_tx_pending(ring) == (n == SLOTS - 1), "head %u tail %u", head, ring->tail);
        }
    }
    struct netmap_slot slot = {.flags = 3 << NS_PORT_SHIFT | NS_MOREFRAG};
    CHECK(NS_RFRAGS(&slot) == 3);
}

static void test_csb(void)
{
    struct nm_csb_atok atok = {0};
    struct nm_csb_ktoa ktoa = {.hwcur = 3, .hwtail = 5};
    uint32_t hwtail, hwcur;
    nm_sync_kloop_appl_write(&atok, 7, 6);
    nm_sync_kloop_appl_read(&ktoa, &hwtail, &hwcur);
    CHECK(atok.cur == 7 && atok.head == 6 && hwtail == 5 && hwcur == 3);
}

static void test_inject_and_next(void)
{
    char packet[3 * BUFSZ], got[3 * BUFSZ];
    struct nm_pkthdr hdr = {0};
    make_region();
    CHECK(!nm_nextpkt(&desc, &hdr), "nothing was sent yet");
    for (size_t i = 0; i < sizeof(packet); i++)
        packet[i] = (char)(i * 7);
    for (unsigned round = 0; round < 100; round++) { /* around the rings several times */
        size_t size = 1 + round * 37 % sizeof(packet);
        CHECK(nm_inject(&desc, packet, size) == (int)size, "round %u", round);
        unsigned used = desc.cur_tx_ring, frags = (unsigned)((size + BUFSZ - 1) / BUFSZ);
        struct netmap_ring *tx = NETMAP_TXRING(&region.nifp, used);
        CHECK(nm_ring_space(tx) == SLOTS - 1 - frags, "round %u", round);
        loop_back(used);
        const unsigned char *buf = nm_nextpkt(&desc, &hdr);
        CHECK(buf && hdr.len == size && hdr.caplen <= size && hdr.buf == buf && hdr.d == &desc, "round %u", round);
        struct netmap_ring *rx = NETMAP_RXRING(&region.nifp, used);
        uint32_t i = (uint32_t)(hdr.slot - rx->slot);
        size_t at = 0;
        for (unsigned n = 0; n < frags; n++, i = nm_ring_next(rx, i)) {
            struct netmap_slot *slot = &rx->slot[i];
            CHECK(!(slot->flags & NS_MOREFRAG) == (n + 1 == frags), "round %u fragment %u", round, n);
            memcpy(got + at, NETMAP_BUF(rx, slot->buf_idx), slot->len);
            at += slot->len;
        }
        CHECK(at == size && !memcmp(got, packet, size), "round %u: bytes differ", round);
        CHECK(i == rx->head && nm_ring_empty(rx) && !nm_nextpkt(&desc, &hdr), "round %u", round);
    }
}

static void test_inject_when_full(void)
{
    char packet[3 * BUFSZ] = {0};
    make_region();
    int sent = 0;
    while (nm_inject(&desc, packet, sizeof(packet)))
        sent++;
    CHECK(sent == RINGS * ((SLOTS - 1) / 3), "%d packets of three slots", sent);
    struct netmap_ring *tx = NETMAP_TXRING(&region.nifp, 0);
    uint32_t head = tx->head;
    CHECK(nm_ring_space(tx) == 1 && !nm_inject(&desc, packet, sizeof(packet)) && tx->head == head,
          "a packet that does not fit leaves the ring alone");
    CHECK(nm_inject(&desc, packet, BUFSZ) == BUFSZ, "but one slot is free");
}

static int called, said_more;

static void count_packet(unsigned char *arg, const struct nm_pkthdr *hdr, const unsigned char *packet)
{
    CHECK(arg == (unsigned char *)&called && packet == hdr->buf && hdr->len == packet[0], "packet %d", called);
    called++;
    said_more += (hdr->flags & NM_MORE_PKTS) != 0;
}

static void test_dispatch(void)
{
    char packet[64];
    make_region();
    for (unsigned r = 0; r < RINGS; r++) {
        desc.cur_tx_ring = (uint16_t)r;
        for (char n = 1; n <= 3; n++) {
            packet[0] = n;
            CHECK(nm_inject(&desc, packet, (size_t)n) == n);
        }
        loop_back(r);
    }
    CHECK(nm_dispatch(&desc, 2, count_packet, (unsigned char *)&called) == 2 && called == 2 && said_more == 1);
    CHECK(nm_dispatch(&desc, -1, count_packet, (unsigned char *)&called) == 4 && called == 6 && said_more == 4);
    CHECK(nm_dispatch(&desc, 0, count_packet, (unsigned char *)&called) == 0 && called == 6);
}

static void test_parse(void)
{
    static const struct {
        const char *text, *name;
        uint32_t flags;
        uint16_t ring, mem_id;
    } goods[] = {
        {"netmap:eth0", "eth0", NR_REG_ALL_NIC, 0, 0},
        {"vale0:a", "vale0:a", NR_REG_ALL_NIC, 0, 0},
        {"netmap:eth0^", "eth0", NR_REG_SW, 0, 0},
        {"netmap:eth0*/x", "eth0", NR_REG_NIC_SW | NR_EXCLUSIVE, 0, 0},
        {"netmap:eth0-3@7", "eth0", NR_REG_ONE_NIC, 3, 7},
        {"vale0:a{4", "vale0:a", NR_REG_PIPE_MASTER, 4, 0},
        {"vale0:a}4/RT@2", "vale0:a", NR_REG_PIPE_SLAVE | NR_RX_RINGS_ONLY | NR_TX_RINGS_ONLY, 4, 2},
        {"vale0:a@2/ztr", "vale0:a", NR_REG_ALL_NIC | NR_ZCOPY_MON | NR_MONITOR_TX | NR_MONITOR_RX, 0, 2},
    };
    static const char *const bads[] = {"netmap:",       "netmap:eth0-",      "netmap:eth0-4095",    "netmap:eth0^1",
                                       "vale0",         "vale0:a{x",         "netmap:eth0/q",       "netmap:eth0@1@2",
                                       "netmap:eth0@x", "netmap:eth0@70000", "vale0:too_long_name", "vale0-1:a",
                                       "netmap:eth0**"};
    char err[80];
    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
        const struct nmreq *req = &desc.req;
        memset(&desc.req, 0, sizeof(desc.req));
        CHECK(nm_parse(goods[i].text, &desc, err) == 0, "%s: %s", goods[i].text, err);
        CHECK(!strcmp(req->nr_name, goods[i].name) && req->nr_flags == goods[i].flags, "%s", goods[i].text);
        CHECK(req->nr_ringid == goods[i].ring && req->nr_arg2 == goods[i].mem_id, "%s", goods[i].text);
    }
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        errno = 0;
        CHECK(nm_parse(bads[i], &desc, err) == -1 && errno == EINVAL && err[0], "%s", bads[i]);
    }
    errno = EINVAL;
    CHECK(!nm_open("eth0", NULL, 0, NULL) && errno == 0, "not a netmap name: no error, others may try");
    CHECK(nm_close(NULL) == EINVAL);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"abi: addresses", test_addresses},
        {"abi: offsets", test_offsets},
        {"abi: ring arithmetic", test_ring_arithmetic},
        {"abi: control blocks", test_csb},
        {"abi: nm_inject and nm_nextpkt", test_inject_and_next},
        {"abi: nm_inject when full", test_inject_when_full},
        {"abi: nm_dispatch", test_dispatch},
        {"abi: nm_parse", test_parse},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
