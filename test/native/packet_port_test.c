/* SPDX-License-Identifier: BSD-2-Clause */
/* packet_port_test.c - "packet:IF": what the kernel keeps beside frames is put right; rings, errors, the interface's
 * end. */
#include "lab.h"
#include "nic/packet_socket.h"
#include "packet/bytes.h"
#include "packet/checksum.h"
#include "packet/decode.h"
#include "packet/headers.h"
#include "world.h"

#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define PATIENCE 100000 /* ms */
#define LONGEST  16384u

/* Wait for a frame and take it, whole: its length, 0: none came. */
static uint32_t take(struct nv_port *p, unsigned ring, uint8_t *frame)
{
    struct netmap_ring *rx = nv_rxring(p, ring);
    uint32_t length = 0;
    for (unsigned ms = 0; nm_ring_empty(rx) && ms < PATIENCE; ms++) {
        nv_rxsync(p, ring);
        if (nm_ring_empty(rx))
            poll(NULL, 0, 1);
    }
    for (bool more = !nm_ring_empty(rx); more;) {
        const struct netmap_slot *s = &rx->slot[rx->head];
        memcpy(frame + length, NETMAP_BUF(rx, s->buf_idx), s->len);
        length += s->len;
        more = (s->flags & NS_MOREFRAG) != 0;
        rx->head = rx->cur = nm_ring_next(rx, rx->head);
    }
    return length;
}

/* The other end of the pair as the kernel's own sender is: with checksums and segments left to a card. */
static int sender(void)
{
    const int one = 1;
    const struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("q0")};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    CHECK(bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) == 0);
    return fd;
}

/* A TCP packet of IPv4 with this payload, its checksum that of the pseudo header. */
static uint32_t make_tcp(uint8_t *frame, uint32_t payload)
{
    const uint32_t length = NV_ETHER_LEN + NV_IPV4_LEN + NV_TCP_LEN + payload;
    uint8_t *ip = frame + NV_ETHER_LEN, *tcp = ip + NV_IPV4_LEN;
    memset(frame, 0, length);
    memset(frame, 0xff, 6);
    frame[6] = 2;
    nv_put_be16(frame + 12, NV_TYPE_IPV4);
    ip[0] = 0x45;
    nv_put_be16(ip + 2, (uint16_t)(length - NV_ETHER_LEN));
    ip[8] = 64;
    ip[9] = NV_IP_TCP;
    ip[12] = ip[16] = 10;
    nv_store16(ip + 10, nv_checksum(ip, NV_IPV4_LEN));
    tcp[12] = 0x50;
    for (uint32_t i = 0; i < payload; i++)
        tcp[NV_TCP_LEN + i] = (uint8_t)(i * 3);
    nv_store16(tcp + 16, nv_sum_fold(nv_sum_pseudo(ip, NV_IP_TCP, NV_TCP_LEN + payload)));
    return length;
}

static void send_left_to_card(int fd, uint8_t *frame, uint32_t length, uint16_t segment)
{
    struct virtio_net_hdr header = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                    .gso_type = segment ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_NONE,
                                    .hdr_len = 54,
                                    .gso_size = segment,
                                    .csum_start = NV_ETHER_LEN + NV_IPV4_LEN,
                                    .csum_offset = 16};
    struct iovec iov[] = {{&header, sizeof(header)}, {frame, length}};
    const struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};
    CHECK(sendmsg(fd, &message, 0) == (ssize_t)(sizeof(header) + length), "%s", strerror(errno));
}

static uint32_t faults(const uint8_t *frame, uint32_t length)
{
    struct nv_decoded d;
    nv_decode(frame, length, &d);
    CHECK(d.flags & NV_DECODED_TRANSPORT);
    return nv_decode_check(frame, &d);
}

static void offloads(void)
{
    static uint8_t frame[LONGEST], got[LONGEST];
    world_new();
    struct nv_port *p = open_port("packet:q1");
    int fd = sender();
    uint32_t length = make_tcp(frame, 101);
    CHECK(faults(frame, length) != 0);
    send_left_to_card(fd, frame, length, 0);
    CHECK(take(p, 0, got) == length && faults(got, length) == 0, "a checksum is filled in");
    length = make_tcp(frame, 5000);
    send_left_to_card(fd, frame, length, 1400);
    uint32_t payload = 0;
    for (unsigned i = 0; i < 4; i++) {
        const uint32_t n = take(p, 0, got), headers = length - 5000;
        CHECK(n == headers + (i < 3 ? 1400 : 800) && faults(got, n) == 0, "segment %u has %u bytes", i, n);
        CHECK(n > headers && !memcmp(got + headers, frame + headers + payload, n - headers));
        payload += n - headers;
    }
    close(fd);
    nv_close(p);
    world_end();
}

static void tags(void)
{
    static uint8_t frame[64], got[LONGEST];
    world_new();
    struct nv_port *p = open_port("packet:q1"), *from = open_port("packet:q0");
    for (unsigned i = 0; i < 2; i++) {
        make_packet(frame, sizeof(frame), broadcast_mac, (const uint8_t[6]){2, 0, 0, 0, 0, 1}, i);
        nv_put_be16(frame + 12, i ? NV_TYPE_QINQ : NV_TYPE_VLAN);
        struct netmap_ring *tx = nv_txring(from, 0);
        struct netmap_slot *s = &tx->slot[tx->head];
        memcpy(NETMAP_BUF(tx, s->buf_idx), frame, sizeof(frame));
        s->len = sizeof(frame);
        tx->head = tx->cur = nm_ring_next(tx, tx->head);
        nv_txsync(from, 0);
        CHECK(take(p, 0, got) == sizeof(frame) && !memcmp(got, frame, sizeof(frame)), "tag %u", i);
    }
    nv_close(p), nv_close(from);
    world_end();
}

/* Several rings share what comes; nothing comes twice. */
static void rings(void)
{
    static uint8_t frame[LONGEST];
    world_new();
    struct nv_port *p = open_port("packet:q1@conf:rings=3"), *from = open_port("packet:q0");
    unsigned came[3] = {0};
    for (unsigned i = 0; i < 60; i++) {
        const uint32_t length = make_tcp(frame, 10);
        nv_put_be16(frame + NV_ETHER_LEN + NV_IPV4_LEN, (uint16_t)(i * 77)); /* another flow each time */
        struct netmap_ring *tx = nv_txring(from, 0);
        struct netmap_slot *s = &tx->slot[tx->head];
        memcpy(NETMAP_BUF(tx, s->buf_idx), frame, length);
        s->len = (uint16_t)length;
        tx->head = tx->cur = nm_ring_next(tx, tx->head);
        nv_txsync(from, 0);
    }
    for (unsigned ms = 0; came[0] + came[1] + came[2] < 60 && ms < PATIENCE; ms++, poll(NULL, 0, 1))
        for (unsigned r = 0; r < 3; r++) {
            struct netmap_ring *rx = nv_rxring(p, r);
            nv_rxsync(p, r);
            came[r] += nm_ring_space(rx);
            rx->head = rx->cur = rx->tail;
        }
    CHECK(came[0] + came[1] + came[2] == 60 && came[0] && came[1] && came[2], "%u %u %u", came[0], came[1], came[2]);
    nv_close(p), nv_close(from);
    world_end();
}

static void one_process(void)
{
    int ready[2], status;
    world_new();
    CHECK(pipe(ready) == 0);
    pid_t pid = fork(); /* before it is opened: a child that inherits the sockets may use them */
    if (pid == 0) {
        char go;
        CHECK(read(ready[0], &go, 1) == 1);
        refuse_port("packet:q1", NULL, EBUSY, "belongs to the process that made it");
        _exit(check_failed != 0);
    }
    struct nv_port *p = open_port("packet:q1");
    CHECK(write(ready[1], "", 1) == 1);
    waitpid(pid, &status, 0);
    CHECK(status == 0);
    close(ready[0]), close(ready[1]);
    nv_close(p);
    world_end();
}

static void errors(void)
{
    world_new();
    refuse_port("packet:nosuch", NULL, ENODEV, "there is no interface 'nosuch'");
    refuse_port("packet:", NULL, EINVAL, "the name of an interface");
    refuse_port("packet:q1^", NULL, EINVAL, "has no host rings");
    refuse_port("packet:q1@conf:rings=17", NULL, EINVAL, "it can have 16");
    struct nv_port *p = open_port("packet:q1");
    struct nv_port_stats stats;
    CHECK(!put_packet(p, 0, 13, broadcast_mac, broadcast_mac, 0) || nv_txsync(p, 0) == 0);
    nv_stats(p, &stats);
    CHECK(stats.drops[NV_DROP_RUNT] == 1 && stats.tx_delivered == 0);
    CHECK(lab_set_flags("q1", 0, IFF_UP) == 0);
    CHECK(put_packet(p, 0, 60, broadcast_mac, broadcast_mac, 0) && nv_txsync(p, 0) == 0);
    nv_stats(p, &stats);
    CHECK(stats.drops[NV_DROP_LINK_DOWN] == 1);
    CHECK(lab_set_flags("q1", IFF_UP, 0) == 0 && nv_gone(p) == 0);
    CHECK(put_packet(p, 0, 60, broadcast_mac, broadcast_mac, 0) && nv_txsync(p, 0) == 0);
    nv_stats(p, &stats);
    CHECK(stats.tx_delivered == 1, "up again: it goes on");
    lab_remove("q1");
    for (unsigned ms = 0; !nv_gone(p) && ms < PATIENCE; ms++)
        nv_wait(p, POLLIN, 1000000);
    CHECK(nv_gone(p) == -ENODEV);
    nv_close(p);
    world_end();
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"packet: what was left to a card", offloads},
        {"packet: VLAN tags", tags},
        {"packet: several rings", rings},
        {"packet: one process", one_process},
        {"packet: errors, down, removed", errors}, /* last: it takes the pair away */
    };
    const char *why = lab_enter();
    if (!why && lab_pair("q0", "q1", LAB_MTU, 1))
        why = "the kernel has no veth pairs";
    if (why) {
        printf("skip packet_port %s\n", why);
        return 0;
    }
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
