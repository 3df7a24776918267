/* SPDX-License-Identifier: BSD-2-Clause */
/* packet_socket_test.c - packet sockets on a veth pair: bytes, long frames, tags, what a stack leaves to a card, the
 * end. */
#include "check.h"
#include "lab.h"
#include "nic/packet_socket.h"
#include "packet/bytes.h"
#include "packet/headers.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <sys/uio.h>

#define PATIENCE 100000 /* ms */
#define FRAMES   64u

static struct nv_packet_plan plan_for(const char *name)
{
    return (struct nv_packet_plan){
        .name = name, .ifindex = if_nametoindex(name), .frames = FRAMES, .room = 2048, .promiscuous = true};
}

/* Both ends of the pair. */
struct ends {
    struct nv_packet_socket a, b;
};

static void open_ends(struct ends *e)
{
    struct nv_error err = {0};
    struct nv_packet_plan plan = plan_for("p0");
    CHECK(nv_packet_open(&e->a, &plan, &err) == 0, "%s", err.message);
    plan = plan_for("p1");
    CHECK(nv_packet_open(&e->b, &plan, &err) == 0, "%s", err.message);
}

static void close_ends(struct ends *e)
{
    nv_packet_close(&e->a);
    nv_packet_close(&e->b);
}

static bool wait_for(struct nv_packet_socket *s, struct nv_packet_frame *frame)
{
    for (unsigned ms = 0; ms < PATIENCE; ms++) {
        struct pollfd p = {.fd = s->fd, .events = POLLIN};
        if (nv_packet_next(s, frame))
            return true;
        poll(&p, 1, 1);
    }
    return false;
}

static int send_one(const struct nv_packet_socket *s, void *frame, uint32_t length)
{
    struct iovec iov = {frame, length};
    struct mmsghdr m = {.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1}};
    return nv_packet_send(s, &m, 1);
}

static void fill_frame(uint8_t *frame, uint32_t length, unsigned seed)
{
    for (uint32_t i = 0; i < length; i++)
        frame[i] = (uint8_t)(i * 11 + seed);
    frame[0] = frame[6] = 2;
    nv_put_be16(frame + 12, 0x88b5);
}

/* All lengths come as they were sent, more of them than the ring has places, and a socket does not see what it sends.
 */
static void frames(void)
{
    static uint8_t frame[LAB_MTU + NV_ETHER_LEN];
    static const uint32_t lengths[] = {14, 60, 1514, 2048, 2049, LAB_MTU + NV_ETHER_LEN};
    struct ends e;
    struct nv_packet_frame got;
    open_ends(&e);
    for (unsigned i = 0; i < 3 * FRAMES; i++) {
        const uint32_t length = lengths[i % (sizeof(lengths) / sizeof(lengths[0]))];
        fill_frame(frame, length, i);
        CHECK(send_one(&e.a, frame, length) == 1);
        CHECK(wait_for(&e.b, &got), "frame %u never came", i);
        CHECK(got.length == length && got.lost == 0 && !memcmp(got.data, frame, length), "frame %u: %u of %u", i,
              got.length, length);
        CHECK(got.time_ns > UINT64_C(1600000000000000000));
        nv_packet_done(&e.b);
    }
    CHECK(!nv_packet_next(&e.a, &got));
    CHECK(send_one(&e.a, frame, 13) == -EINVAL);
    CHECK(send_one(&e.a, frame, LAB_MTU + NV_ETHER_LEN + 1) == -EMSGSIZE);
    close_ends(&e);
}

/* A tag is always taken out by the kernel, and told. */
static void tags(void)
{
    uint8_t frame[64];
    struct ends e;
    struct nv_packet_frame got;
    static const uint16_t tpids[] = {NV_TYPE_VLAN, NV_TYPE_QINQ};
    open_ends(&e);
    for (unsigned i = 0; i < 2; i++) {
        fill_frame(frame, sizeof(frame), i);
        nv_put_be16(frame + 12, tpids[i]);
        nv_put_be16(frame + 14, 0x6123);
        CHECK(send_one(&e.a, frame, sizeof(frame)) == 1);
        CHECK(wait_for(&e.b, &got));
        CHECK(got.tpid == tpids[i] && got.tci == 0x6123 && got.length == sizeof(frame) - NV_VLAN_LEN, "%x %x %u",
              got.tpid, got.tci, got.length);
        CHECK(!memcmp(got.data, frame, 12) && !memcmp(got.data + 12, frame + 16, sizeof(frame) - 16));
        nv_packet_done(&e.b);
    }
    close_ends(&e);
}

/* A super-frame whose checksum is left to a card, as a host's stack makes it. */
static void offloads(void)
{
    static uint8_t frame[5054];
    const int one = 1;
    struct ends e;
    struct nv_packet_frame got;
    open_ends(&e);
    fill_frame(frame, sizeof(frame), 3);
    nv_put_be16(frame + 12, NV_TYPE_IPV4);
    frame[14] = 0x45;
    frame[23] = NV_IP_TCP;
    frame[46] = 0x50;
    nv_put_be16(frame + 16, sizeof(frame) - NV_ETHER_LEN);
    struct virtio_net_hdr header = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                    .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                                    .hdr_len = 54,
                                    .gso_size = 1000,
                                    .csum_start = 34,
                                    .csum_offset = 16};
    struct iovec iov[] = {{&header, sizeof(header)}, {frame, sizeof(frame)}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};
    CHECK(setsockopt(e.a.send_fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) == 0);
    CHECK(sendmsg(e.a.send_fd, &message, 0) == (ssize_t)(sizeof(header) + sizeof(frame)), "%s", strerror(errno));
    CHECK(wait_for(&e.b, &got));
    CHECK(got.length == sizeof(frame) && got.segment == 1000 && got.checksum, "%u %u %d", got.length, got.segment,
          got.checksum);
    CHECK(got.checksum_start == 34 && got.checksum_offset == 16);
    nv_packet_done(&e.b);
    close_ends(&e);
}

/* What finds no place is counted. */
static void full(void)
{
    uint8_t frame[60];
    struct ends e;
    struct nv_packet_frame got;
    unsigned sent = 0, came = 0;
    open_ends(&e);
    fill_frame(frame, sizeof(frame), 0);
    for (unsigned i = 0; i < 4 * FRAMES; i++)
        sent += send_one(&e.a, frame, sizeof(frame)) == 1;
    while (nv_packet_next(&e.b, &got)) {
        nv_packet_done(&e.b);
        came++;
    }
    CHECK(came >= FRAMES && came < sent && came + nv_packet_drops(&e.b) == sent, "%u sent, %u came, %llu dropped", sent,
          came, (unsigned long long)nv_packet_drops(&e.b));
    CHECK(nv_packet_drops(&e.b) == sent - came, "told once, known for good");
    close_ends(&e);
}

/* Sockets of a group share what comes; each frame comes to one of them. */
static void group(void)
{
    static uint8_t frame[60];
    struct nv_error err = {0};
    struct nv_packet_plan plan = plan_for("p1");
    struct nv_packet_socket sender, member[2];
    struct nv_packet_frame got;
    unsigned count[2] = {0, 0};
    plan.group = 7;
    for (unsigned i = 0; i < 2; i++)
        CHECK(nv_packet_open(&member[i], &plan, &err) == 0, "%s", err.message);
    plan = plan_for("p0");
    CHECK(nv_packet_open(&sender, &plan, &err) == 0, "%s", err.message);
    for (unsigned i = 0; i < 32; i++) {
        fill_frame(frame, sizeof(frame), 0);
        nv_put_be16(frame + 12, NV_TYPE_IPV4);
        memset(frame + 14, 0, sizeof(frame) - 14);
        frame[14] = 0x45;
        nv_put_be16(frame + 16, 46);
        frame[23] = NV_IP_UDP;
        nv_put_be16(frame + 34, (uint16_t)(1000 + i * 77)); /* another flow each time */
        CHECK(send_one(&sender, frame, sizeof(frame)) == 1);
    }
    for (unsigned ms = 0; count[0] + count[1] < 32 && ms < PATIENCE; ms++, poll(NULL, 0, 1))
        for (unsigned i = 0; i < 2; i++)
            for (; nv_packet_next(&member[i], &got); nv_packet_done(&member[i]))
                count[i]++;
    CHECK(count[0] + count[1] == 32 && count[0] && count[1], "%u and %u", count[0], count[1]);
    nv_packet_close(&sender);
    for (unsigned i = 0; i < 2; i++)
        nv_packet_close(&member[i]);
}

static void gone(void)
{
    uint8_t frame[60];
    struct ends e;
    open_ends(&e);
    fill_frame(frame, sizeof(frame), 0);
    CHECK(nv_packet_error(&e.b) == 0);
    CHECK(lab_set_flags("p0", 0, IFF_UP) == 0);
    CHECK(nv_packet_error(&e.a) == -ENETDOWN);
    CHECK(send_one(&e.a, frame, sizeof(frame)) == -ENETDOWN);
    CHECK(lab_set_flags("p0", IFF_UP, 0) == 0);
    CHECK(send_one(&e.a, frame, sizeof(frame)) == 1);
    lab_remove("p0");
    int error = 0;
    for (unsigned ms = 0; error != -ENXIO && ms < PATIENCE; ms++, poll(NULL, 0, 1))
        error = send_one(&e.a, frame, sizeof(frame));
    CHECK(error == -ENXIO, "%d", error);
    close_ends(&e);
    struct nv_error err = {0};
    struct nv_packet_plan plan = plan_for("p0");
    plan.ifindex = 9999;
    CHECK(nv_packet_open(&e.a, &plan, &err) == -ENODEV, "%s", err.message);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"frames of all lengths", frames},
        {"VLAN tags", tags},
        {"super-frames and checksums", offloads},
        {"a full ring", full},
        {"a group of sockets", group},
        {"an interface down, and removed", gone}, /* last: it takes the pair away */
    };
    const char *why = lab_enter();
    if (!why && lab_pair("p0", "p1", LAB_MTU, 1))
        why = "the kernel has no veth pairs";
    if (why) {
        printf("skip packet_socket %s\n", why);
        return 0;
    }
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
