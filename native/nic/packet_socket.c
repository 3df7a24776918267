/* SPDX-License-Identifier: BSD-2-Clause */
/* packet_socket.c - see packet_socket.h, and packet(7), Documentation/networking/packet_mmap.rst. */
#include "nic/packet_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEADER       (sizeof(struct virtio_net_hdr))
#define BEFORE_FRAME 128u /* a place's own headers and alignment: 82 bytes, 92 with virtio's */
#define NS_PER_S     UINT64_C(1000000000)

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

static int set(int fd, int option, const void *value, socklen_t size)
{
    return setsockopt(fd, SOL_PACKET, option, value, size) ? -errno : 0;
}

/* Sizes of the ring: places that fill whole pages, in blocks of them. */
static void measure(struct nv_packet_socket *s, const struct nv_packet_plan *plan)
{
    const uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);
    s->frame_size = (plan->room + BEFORE_FRAME + TPACKET_ALIGNMENT - 1) & ~(uint32_t)(TPACKET_ALIGNMENT - 1);
    s->block_frames = 16;
    s->block_size = (s->block_frames * s->frame_size + page - 1) & ~(page - 1);
    s->block_frames = s->block_size / s->frame_size;
    const uint32_t blocks = (plan->frames + s->block_frames - 1) / s->block_frames;
    s->frames = blocks * s->block_frames;
    s->ring_size = (size_t)blocks * s->block_size;
}

static int make_ring(struct nv_packet_socket *s)
{
    const int version = TPACKET_V2, one = 1;
    const struct tpacket_req ring = {
        .tp_block_size = s->block_size,
        .tp_block_nr = s->frames / s->block_frames,
        .tp_frame_size = s->frame_size,
        .tp_frame_nr = s->frames,
    };
    const int most = (int)NV_PACKET_LONGEST * 64; /* bytes of long frames that may wait */
    int error = set(s->fd, PACKET_VERSION, &version, sizeof(version));
    if (!error)
        error = set(s->fd, PACKET_VNET_HDR, &one, sizeof(one));
    if (!error)
        error = set(s->fd, PACKET_COPY_THRESH, &one, sizeof(one));
    if (!error)
        error = set(s->fd, PACKET_RX_RING, &ring, sizeof(ring));
    if (error)
        return error;
    (void)set(s->fd, PACKET_IGNORE_OUTGOING, &one, sizeof(one)); /* before Linux 4.20 what comes is looked at instead */
    if (setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &most, sizeof(most)))
        (void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &most, sizeof(most));
    s->ring = mmap(NULL, s->ring_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, s->fd, 0);
    if (s->ring != MAP_FAILED)
        return 0;
    s->ring = NULL;
    return -errno;
}

static int bind_to(int fd, uint32_t ifindex, uint16_t protocol)
{
    const struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = (int)ifindex};
    return bind(fd, (const struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
}

static int join(const struct nv_packet_socket *s, const struct nv_packet_plan *plan)
{
    const uint32_t group = plan->group | (uint32_t)(PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG) << 16;
    const struct packet_mreq everything = {.mr_ifindex = (int)plan->ifindex, .mr_type = PACKET_MR_PROMISC};
    int error = bind_to(s->fd, plan->ifindex, ETH_P_ALL);
    if (!error && plan->promiscuous)
        error = set(s->fd, PACKET_ADD_MEMBERSHIP, &everything, sizeof(everything));
    if (!error && plan->group)
        error = set(s->fd, PACKET_FANOUT, &group, sizeof(group));
    return error ? error : bind_to(s->send_fd, plan->ifindex, 0);
}

int nv_packet_open(struct nv_packet_socket *s, const struct nv_packet_plan *plan, struct nv_error *err)
{
    *s = (struct nv_packet_socket){.fd = -1, .send_fd = -1};
    /* Protocol 0 receives nothing: not before the ring is there, and on the one that sends never. */
    s->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->fd >= 0)
        s->send_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error = s->send_fd < 0 ? -errno : 0;
    measure(s, plan);
    if (!error && (s->longest = malloc(NV_PACKET_LONGEST + HEADER)) == NULL)
        error = -ENOMEM;
    if (!error)
        error = make_ring(s);
    if (!error)
        error = join(s, plan);
    if (!error)
        return 0;
    nv_packet_close(s);
    if (error == -EPERM)
        return nv_fail(err, EPERM, "%s: packet sockets take the capability CAP_NET_RAW (root has it)", plan->name);
    return nv_fail(err, -error, "%s: cannot open a packet socket: %s", plan->name, strerror(-error));
}

void nv_packet_close(struct nv_packet_socket *s)
{
    if (s->ring)
        munmap(s->ring, s->ring_size);
    if (s->fd >= 0)
        close(s->fd);
    if (s->send_fd >= 0)
        close(s->send_fd);
    free(s->longest);
    *s = (struct nv_packet_socket){.fd = -1, .send_fd = -1};
}

static struct tpacket2_hdr *place(const struct nv_packet_socket *s, uint32_t at)
{
    uint8_t *block = s->ring + (size_t)(at / s->block_frames) * s->block_size;
    return (struct tpacket2_hdr *)(void *)(block + (size_t)(at % s->block_frames) * s->frame_size);
}

/* The frame as the socket has it, whole. False: it is not there (any more). */
static bool take_long(struct nv_packet_socket *s, struct nv_packet_frame *frame)
{
    ssize_t n = recv(s->fd, s->longest, NV_PACKET_LONGEST + HEADER, MSG_DONTWAIT);
    if (n < (ssize_t)HEADER)
        return false;
    frame->data = (const uint8_t *)s->longest + HEADER;
    frame->length = (uint32_t)(n - (ssize_t)HEADER);
    return true;
}

static void take_header(const struct virtio_net_hdr *virtio, struct nv_packet_frame *frame)
{
    if (virtio->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        frame->checksum = true;
        frame->checksum_start = virtio->csum_start;
        frame->checksum_offset = virtio->csum_offset;
    }
    if (virtio->gso_type != VIRTIO_NET_HDR_GSO_NONE)
        frame->segment = virtio->gso_size;
}

bool nv_packet_next(struct nv_packet_socket *s, struct nv_packet_frame *frame)
{
    struct tpacket2_hdr *h = place(s, s->at);
    const uint32_t status = __atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE);
    if (!(status & TP_STATUS_USER))
        return false;
    *frame = (struct nv_packet_frame){
        .data = (const uint8_t *)h + h->tp_mac,
        .length = h->tp_snaplen,
        .time_ns = (uint64_t)h->tp_sec * NS_PER_S + h->tp_nsec,
    };
    struct virtio_net_hdr virtio;
    memcpy(&virtio, frame->data - HEADER, sizeof(virtio));
    if (h->tp_snaplen < h->tp_len && !((status & TP_STATUS_COPY) && take_long(s, frame)))
        frame->lost = h->tp_len - h->tp_snaplen;
    take_header(&virtio, frame);
    if (status & TP_STATUS_VLAN_VALID) {
        frame->tci = h->tp_vlan_tci;
        frame->tpid = (status & TP_STATUS_VLAN_TPID_VALID) ? h->tp_vlan_tpid : ETH_P_8021Q;
    }
    return true;
}

void nv_packet_done(struct nv_packet_socket *s)
{
    __atomic_store_n(&place(s, s->at)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    s->at = s->at + 1 == s->frames ? 0 : s->at + 1;
}

int nv_packet_send(const struct nv_packet_socket *s, struct mmsghdr *messages, unsigned n)
{
    int sent;
    do
        sent = sendmmsg(s->send_fd, messages, n, MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

uint64_t nv_packet_drops(struct nv_packet_socket *s)
{
    struct tpacket_stats stats = {0}; /* reading it sets it to 0 */
    socklen_t size = sizeof(stats);
    if (!getsockopt(s->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size))
        s->drops += stats.tp_drops;
    return s->drops;
}

int nv_packet_error(const struct nv_packet_socket *s)
{
    int error = 0;
    socklen_t size = sizeof(error);
    return getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size) ? -errno : -error;
}
