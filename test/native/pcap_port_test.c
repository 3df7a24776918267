/* SPDX-License-Identifier: BSD-2-Clause */
/* pcap_port_test.c - "pcap:FILE": what is sent is in the file, what is in a file comes, in its order and at its times.
 */
#include <sys/wait.h>
#include <time.h>

#include "capture/capture.h"
#include "world.h"

#define PATIENCE 100000 /* ms */
#define MS       UINT64_C(1000000)

static char file[256], name[320];

/* A file of this test's; what was there is removed. */
static void use_file(const char *last, const char *speed)
{
    snprintf(file, sizeof(file), "%s/../pcap-%d-%s", world_dir, (int)getpid(), last);
    snprintf(name, sizeof(name), "pcap:%s%s", file, speed);
    unlink(file);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 * MS + (uint64_t)t.tv_nsec;
}

/* n packets, `gap_ns` apart, of these lengths in turn; `wire`: longer than captured. */
static void make_file(uint16_t link_type, uint32_t n, uint64_t gap_ns, const uint32_t *lengths, uint32_t wire)
{
    static uint8_t frame[70000];
    struct nv_capture_interface interface = {.link_type = link_type};
    const struct nv_capture_options options = {
        .format = NV_CAPTURE_PCAP, .interfaces = &interface, .interface_count = 1};
    struct nv_capture_writer *w;
    CHECK(nv_capture_create(file, &options, &w, NULL) == 0);
    for (uint32_t i = 0; i < n; i++) {
        const struct nv_capture_packet packet = {.data = frame,
                                                 .length = lengths[i % 4],
                                                 .wire = wire,
                                                 .time_ns = UINT64_C(1700000000) * 1000 * MS + i * gap_ns};
        make_packet(frame, lengths[i % 4] < 18 ? 18 : lengths[i % 4], broadcast_mac, (const uint8_t[6]){2}, i);
        CHECK(nv_capture_write(w, &packet, 1, NULL) == 0);
    }
    CHECK(nv_capture_finish(w, NULL) == 0);
}

/* The next packet, whole, into frame: its length; 0: none came. */
static uint32_t take(struct nv_port *p, uint8_t *frame)
{
    struct netmap_ring *rx = nv_rxring(p, 0);
    uint32_t length = 0;
    for (unsigned ms = 0; nm_ring_empty(rx) && !nv_gone(p) && ms < PATIENCE; ms++)
        nv_wait(p, POLLIN, 1000000);
    for (bool more = !nm_ring_empty(rx); more;) {
        const struct netmap_slot *s = &rx->slot[rx->head];
        memcpy(frame + length, NETMAP_BUF(rx, s->buf_idx), s->len);
        length += s->len;
        more = (s->flags & NS_MOREFRAG) != 0;
        rx->head = rx->cur = nm_ring_next(rx, rx->head);
    }
    return length;
}

static const uint32_t lengths[4] = {60, 1514, 2048, 9000};

/* What was written by one port another one reads: bytes, order, both formats. */
static void there_and_back(void)
{
    static const char *const names[] = {"a.pcap", "a.pcapng"};
    static uint8_t frame[70000];
    for (unsigned f = 0; f < 2; f++) {
        world_new();
        use_file(names[f], "");
        struct nv_port *p = open_port(name);
        struct netmap_ring *tx = nv_txring(p, 0);
        struct nv_port_stats stats;
        for (uint32_t i = 0; i < 400; i++) {
            const uint32_t length = lengths[i % 4];
            make_packet(frame, length, broadcast_mac, (const uint8_t[6]){2}, i);
            for (uint32_t at = 0; at < length; at += 2048) {
                struct netmap_slot *s = &tx->slot[tx->head];
                s->len = (uint16_t)(length - at < 2048 ? length - at : 2048);
                s->flags = at + 2048 < length ? NS_MOREFRAG : 0;
                memcpy(NETMAP_BUF(tx, s->buf_idx), frame + at, s->len);
                tx->head = tx->cur = nm_ring_next(tx, tx->head);
            }
            CHECK(nv_txsync(p, 0) == 0);
        }
        nv_stats(p, &stats);
        CHECK(stats.tx_packets == 400 && stats.tx_delivered == 400);
        nv_close(p);
        snprintf(name, sizeof(name), "pcap:%s@conf:speed=0", file);
        p = open_port(name);
        for (uint32_t i = 0; i < 400; i++) {
            const uint32_t length = take(p, frame);
            CHECK(length == lengths[i % 4] && check_packet(frame, length) == i, "packet %u has %u bytes", i, length);
        }
        CHECK(put_packet(p, 0, 60, broadcast_mac, broadcast_mac, 0) && nv_txsync(p, 0) == 0);
        nv_stats(p, &stats);
        CHECK(stats.drops[NV_DROP_NO_PORT] == 1 && stats.rx_packets == 400, "a file that is read takes nothing");
        nv_close(p);
        unlink(file);
        world_end();
    }
}

/* No packet comes before its time; all come, asleep in between; the scale is the name's. */
static void times(void)
{
    static uint8_t frame[70000];
    static const struct {
        const char *speed;
        uint64_t gap_ns;
    } cases[] = {{"", 20 * MS}, {"@conf:speed=2", 10 * MS}, {"@conf:speed=0.5", 40 * MS}};
    for (unsigned c = 0; c < 3; c++) {
        world_new();
        use_file("t.pcap", cases[c].speed);
        make_file(NV_CAPTURE_ETHERNET, 6, 20 * MS, lengths, 0);
        struct nv_port *p = open_port(name);
        const uint64_t start = now_ns();
        for (uint32_t i = 0; i < 6; i++) {
            const uint32_t length = take(p, frame);
            CHECK(length == lengths[i % 4] && check_packet(frame, length) == i);
            CHECK(now_ns() - start >= i * cases[c].gap_ns, "packet %u came early", i);
        }
        CHECK(nv_wait(p, POLLIN, 1000000) == 0 && nv_gone(p) == 0, "the end of a file is silence");
        nv_close(p);
        unlink(file);
        world_end();
    }
}

/* What is wrong with a file is told where it is met; what is before that comes. */
static void wrong(void)
{
    static uint8_t frame[70000];
    world_new();
    use_file("w.pcap", "@conf:speed=0");
    make_file(NV_CAPTURE_ETHERNET, 8, MS, lengths, 0);
    CHECK(truncate(file, 24 + 16 + 60 + 16 + 700) == 0);
    struct nv_port *p = open_port(name);
    CHECK(take(p, frame) == 60 && check_packet(frame, 60) == 0);
    CHECK(take(p, frame) == 0 && nv_gone(p) == -EBADMSG && strstr(nv_gone_why(p), "byte"), "%s", nv_gone_why(p));
    nv_close(p);
    make_file(NV_CAPTURE_RAW, 1, MS, lengths, 0);
    p = open_port(name);
    CHECK(take(p, frame) == 0 && nv_gone(p) == -EBADMSG && strstr(nv_gone_why(p), "link type 101"), "%s",
          nv_gone_why(p));
    nv_close(p);
    make_file(NV_CAPTURE_ETHERNET, 1, MS, lengths, 3000); /* 60 of 3,000 bytes were captured */
    p = open_port(name);
    CHECK(take(p, frame) == 3000 && frame[60] == 0 && frame[2999] == 0, "as long as on the wire");
    nv_close(p);
    FILE *text = fopen(file, "w");
    fputs("not a capture file at all", text);
    fclose(text);
    refuse_port(name, NULL, EBADMSG, file);
    unlink(file);
    refuse_port(name, NULL, EINVAL, "no such file to read at a speed");
    refuse_port("pcap:/dev/zero", NULL, EINVAL, "can be read again");
    refuse_port("pcap:/no/such/folder/x.pcap", NULL, ENOENT, "/no/such/folder");
    world_end();
}

/* Each opener has a file of its own, from its start. */
static void openers(void)
{
    static uint8_t frame[70000];
    world_new();
    use_file("o.pcap", "@conf:speed=0");
    make_file(NV_CAPTURE_ETHERNET, 4, MS, lengths, 0);
    struct nv_port *a = open_port(name), *b = open_port(name);
    CHECK(take(a, frame) == 60 && take(a, frame) == 1514 && take(b, frame) == 60);
    CHECK(!strncmp(nv_name(a), "pcap:pcap-", 10), "%s", nv_name(a));
    nv_close(a), nv_close(b);
    unlink(file);
    world_end();
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"pcap: there and back", there_and_back},
        {"pcap: times", times},
        {"pcap: files that are wrong", wrong},
        {"pcap: openers", openers},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
