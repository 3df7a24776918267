/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packet.c - "packet:IF": an interface of the kernel through packet(7) sockets. What comes to the interface comes here
 * and still goes to the host; what is sent here leaves by it. What the host itself sends is not seen.
 *
 * One socket a ring; several share what comes by flow. Frames are whole as they were on the wire: a VLAN tag that the
 * kernel took out is put back, a checksum that was left to a card is filled in, a super-frame is cut into its segments;
 * what can only be handed on wrong is dropped by name.
 *
 * The port belongs to one process, which sleeps on an epoll descriptor over the sockets, edge-triggered as tap.c's.
 */
#include "nic/nic.h"
#include "nic/packet_socket.h"
#include "packet/offload.h"
#include "port/create.h"
#include "port/name.h"
#include "ports/frames.h"
#include "ports/kinds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define RINGS_MAX  16u
#define SEND_BATCH 32u  /* frames a system call */
#define READ_BATCH 64u  /* slots between two publications */
#define LOOK_DROPS 256u /* syncs between two looks at what the kernel lost */
#define VLAN_BYTES 4u
#define LONGEST    (NV_PACKET_LONGEST + VLAN_BYTES)

/* The sockets of a port, shared by those of this process that opened it. */
struct sockets {
    struct sockets *next;
    nv_token token; /* of the port */
    unsigned refs, count;
    uint32_t ifindex;
    char name[IFNAMSIZ];
    struct nv_packet_socket socket[RINGS_MAX];
    uint64_t told[RINGS_MAX]; /* of a socket's drops: counted */
};

/* What one descriptor of the port has. */
struct packet_port {
    struct sockets *sockets;
    uint8_t *frame;                         /* LONGEST bytes: one that is being mended */
    struct nv_segments segments[RINGS_MAX]; /* what is left of a super-frame; frame NULL: nothing */
    unsigned syncs;
};

static struct sockets *all; /* under the process lock */

static struct sockets *find_sockets(nv_token token)
{
    nv_process_lock();
    struct sockets *s = all;
    while (s && s->token != token)
        s = s->next;
    if (s)
        s->refs++;
    nv_process_unlock();
    return s;
}

static void free_sockets(struct sockets *s)
{
    for (unsigned i = 0; i < s->count; i++)
        nv_packet_close(&s->socket[i]);
    free(s);
}

static void put_sockets(struct sockets *s)
{
    nv_process_lock();
    if (--s->refs == 0) {
        struct sockets **at = &all;
        while (*at != s)
            at = &(*at)->next;
        *at = s->next;
        free_sockets(s);
    }
    nv_process_unlock();
}

/* ---- opening --------------------------------------------------------------------------------------------------------
 */

static int open_sockets(struct sockets *s, const struct nv_port_entry *e, unsigned rings, struct nv_error *err)
{
    struct nv_packet_plan plan = {.name = s->name,
                                  .ifindex = s->ifindex,
                                  .frames = e->rx_slots,
                                  .room = NV_BUF_SIZE,
                                  .group = (uint16_t)(rings > 1 ? (e->token & 0xfffe) + 1 : 0),
                                  .promiscuous = true};
    int error = 0;
    for (unsigned i = 0; i < rings && !error; i++) {
        error = nv_packet_open(&s->socket[i], &plan, err);
        s->count += error == 0;
    }
    return error;
}

static struct sockets *new_sockets(struct nv_port *p, const struct nv_name *name, struct nv_error *err)
{
    const struct nv_port_entry *e = p->entry;
    const unsigned rings = e->tx_rings > e->rx_rings ? e->tx_rings : e->rx_rings;
    struct sockets *s = calloc(1, sizeof(*s));
    struct nv_nic *nic = calloc(1, sizeof(*nic));
    if (!s || !nic) {
        free(nic);
        free(s);
        nv_fail(err, ENOMEM, "out of memory");
        return NULL;
    }
    int error = nv_nic_ask(NULL, name->name, 0, nic, err);
    if (!error && !nic->ethernet)
        error = nv_fail(err, EINVAL, "%s: its frames have no Ethernet header", p->name);
    if (!error) {
        s->ifindex = nic->index;
        memcpy(s->name, nic->name, sizeof(s->name));
        error = open_sockets(s, e, rings, err);
    }
    free(nic);
    if (error) {
        free_sockets(s);
        return NULL;
    }
    s->token = p->token;
    s->refs = 1;
    nv_process_lock();
    s->next = all;
    all = s;
    nv_process_unlock();
    return s;
}

static void packet_close(struct nv_port *p)
{
    struct packet_port *k = p->kind;
    p->kind = NULL;
    if (!k)
        return;
    if (p->wait_fd != p->fd)
        close(p->wait_fd);
    p->wait_fd = p->fd;
    free(k->frame);
    if (k->sockets)
        put_sockets(k->sockets);
    free(k);
}

/* The wait descriptor: the sockets of the rx rings that the name asks for. */
static int watch(struct nv_port *p, const struct sockets *s, const struct nv_name *name, struct nv_error *err)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC), error = epoll < 0 ? errno : 0;
    for (unsigned i = 0; !error && i < p->entry->rx_rings && i < s->count; i++) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLET};
        if (name->mode == NR_REG_ONE_NIC && name->ring_id != i)
            continue;
        error = epoll_ctl(epoll, EPOLL_CTL_ADD, s->socket[i].fd, &event) < 0 ? errno : 0;
    }
    if (!error) {
        p->wait_fd = epoll;
        return 0;
    }
    if (epoll >= 0)
        close(epoll);
    return nv_fail(err, error, "%s: cannot make its wait descriptor: %s", p->name, strerror(error));
}

static int packet_open(struct nv_port *p, const struct nv_name *name, struct nv_error *err)
{
    struct packet_port *k = p->kind = calloc(1, sizeof(*k));
    if (!k || (k->frame = malloc(LONGEST)) == NULL)
        return nv_fail(err, ENOMEM, "out of memory");
    k->sockets = find_sockets(p->token);
    if (!k->sockets && (p->entry->caps & NV_CAP_OPENED))
        return nv_fail(err, EBUSY, "%s is open in another process: a packet port belongs to the process that made it",
                       p->name);
    if (!k->sockets && (k->sockets = new_sockets(p, name, err)) == NULL)
        return err && err->code ? -err->code : -EIO;
    return watch(p, k->sockets, name, err);
}

/* ---- the interface's end --------------------------------------------------------------------------------------------
 */

/* An error of the kernel that may mean the end: the interface is gone from here when its number has no name any more.
 */
static void look_whether_gone(struct nv_port *p, const struct sockets *s)
{
    char name[IFNAMSIZ];
    if (!if_indextoname(s->ifindex, name))
        p->gone = -ENODEV;
}

static bool packet_drain(struct nv_port *p)
{
    const struct packet_port *k = p->kind;
    struct epoll_event events[RINGS_MAX];
    int n = epoll_wait(p->wait_fd, events, RINGS_MAX, 0);
    for (int i = 0; i < n; i++)
        if (events[i].events & EPOLLERR)
            look_whether_gone(p, k->sockets);
    return n > 0;
}

/* ---- sending --------------------------------------------------------------------------------------------------------
 */

/* The drop that an error of sending means. */
static enum nv_drop drop_of(struct nv_port *p, const struct sockets *s, int error)
{
    switch (error) {
    case -EMSGSIZE:
        return NV_DROP_TOO_LONG;
    case -EINVAL:
        return NV_DROP_RUNT;
    case -ENXIO:
        look_whether_gone(p, s);
        return NV_DROP_LINK_DOWN;
    case -ENETDOWN:
        return NV_DROP_LINK_DOWN;
    default:
        return NV_DROP_NO_SPACE; /* ENOBUFS, EAGAIN: the kernel has no room, or the other end of a pair is down */
    }
}

/* A batch of frames that are ready to be handed over. */
struct batch {
    struct mmsghdr message[SEND_BATCH];
    struct nv_out_frame frame[SEND_BATCH];
    unsigned n;
};

/* Hand a batch over; each frame that the kernel does not take is dropped by itself. */
static void send_batch(struct nv_port *p, struct nv_txq *tx, struct batch *b, struct nv_out_count *count)
{
    const struct packet_port *k = p->kind;
    const struct sockets *s = k->sockets;
    for (unsigned done = 0; done < b->n;) {
        const int sent = nv_packet_send(&s->socket[tx->id], b->message + done, b->n - done);
        const unsigned good = sent > 0 ? (unsigned)sent : 0;
        for (unsigned i = 0; i < good; i++)
            nv_frame_count(tx, count, b->frame[done + i].bytes, NV_DROP_COUNT);
        done += good;
        if (sent <= 0)
            nv_frame_count(tx, count, b->frame[done++].bytes, drop_of(p, s, sent));
    }
    b->n = 0;
}

/* Never leaves anything: the kernel takes each frame or it is dropped by name. */
static void packet_txsync(struct nv_port *p, struct nv_txq *tx, uint32_t head)
{
    struct nv_out_count count = {{0, 0}, {0, 0}};
    struct batch b;
    b.n = 0;
    memset(b.message, 0, sizeof(b.message));
    for (uint32_t from = tx->ctl->hwcur; from != head;) {
        struct nv_out_frame *frame = &b.frame[b.n];
        nv_frame_gather(p, tx, from, head, frame);
        from = frame->next;
        if (frame->bad != NV_DROP_COUNT) {
            nv_frame_count(tx, &count, frame->bytes, frame->bad);
            continue;
        }
        b.message[b.n].msg_hdr.msg_iov = frame->iov;
        b.message[b.n].msg_hdr.msg_iovlen = (size_t)frame->pieces;
        if (++b.n == SEND_BATCH)
            send_batch(p, tx, &b, &count);
    }
    send_batch(p, tx, &b, &count);
    nv_frames_sent(tx, &count, head);
}

/* ---- receiving ------------------------------------------------------------------------------------------------------
 */

/* What the kernel keeps beside a frame is done to it. NULL: it was dropped. */
static const uint8_t *mend(struct packet_port *k, const struct nv_packet_frame *f, uint32_t *length)
{
    const bool tagged = f->tpid != 0;
    *length = f->length;
    if (!tagged && !f->checksum)
        return f->data;
    memcpy(k->frame, f->data, f->length);
    if (f->checksum && !nv_offload_checksum(k->frame, f->length, f->checksum_start, f->checksum_offset))
        return NULL;
    if (tagged)
        *length = nv_offload_tag(k->frame, f->length, f->tpid, f->tci);
    return k->frame;
}

/* The next segment of a super-frame into the queue; 0: no room, or none left. */
static uint32_t next_segment(struct nv_port *p, struct nv_rxq *rx, uint32_t pos, uint32_t space, uint64_t *entry)
{
    struct packet_port *k = p->kind;
    struct nv_segments *s = &k->segments[rx->id];
    if ((s->headers + s->size + NV_BUF_SIZE - 1) / NV_BUF_SIZE > space)
        return 0;
    const uint32_t length = nv_segments_next(s, k->frame);
    if (length)
        return nv_frame_write(p, &rx->ctl->queue, pos, k->frame, length, entry);
    s->frame = NULL;
    nv_packet_done(&k->sockets->socket[rx->id]);
    return 0;
}

/*
 * The next frame into the queue's buffers from position pos on, of which `space` are free. Returns its slots; 0: there
 * is none now, or it was dropped (*more: there may be others).
 */
static uint32_t read_frame(struct nv_port *p, struct nv_rxq *rx, uint32_t pos, uint32_t space, uint64_t *entry,
                           bool *more)
{
    struct packet_port *k = p->kind;
    struct nv_packet_socket *socket = &k->sockets->socket[rx->id];
    struct nv_packet_frame f;
    uint32_t length;

    if (k->segments[rx->id].frame) {
        const uint32_t n = next_segment(p, rx, pos, space, entry);
        *more = n || !k->segments[rx->id].frame;
        return n;
    }
    *more = nv_packet_next(socket, &f);
    if (!*more)
        return 0;
    if (f.segment && f.tpid == 0 && nv_segments_begin(&k->segments[rx->id], f.data, f.length, f.segment))
        return 0; /* its segments come next */
    const uint8_t *data = f.lost || f.segment ? NULL : mend(k, &f, &length);
    const uint32_t n = data ? (length + NV_BUF_SIZE - 1) / NV_BUF_SIZE : 0;
    if (n > space && n < rx->ctl->queue.slots) {
        *more = false; /* it stays where it is until there is room */
        return 0;
    }
    if (n == 0 || n > space)
        nv_count_drops(rx->ctl, NV_DROP_TOO_LONG, 1);
    else
        nv_frame_write(p, &rx->ctl->queue, pos, data, length, entry);
    nv_packet_done(socket);
    return n > space ? 0 : n;
}

/* What found no place in the kernel's ring is this port's loss. */
static void count_lost(struct packet_port *k, struct nv_rxq *rx)
{
    const uint64_t drops = nv_packet_drops(&k->sockets->socket[rx->id]);
    nv_count_drops(rx->ctl, NV_DROP_NO_SPACE, drops - k->sockets->told[rx->id]);
    k->sockets->told[rx->id] = drops;
}

static int packet_rxsync(struct nv_port *p, struct nv_rxq *rx, uint32_t head)
{
    struct packet_port *k = p->kind;
    const struct nv_queue *q = &rx->ctl->queue;
    int error = head != rx->ctl->hwcur ? nv_queue_rxsync(p, rx, head) : 0;
    uint64_t entry[READ_BATCH + NETMAP_MAX_FRAGS] = {0};
    bool more = true;
    for (uint32_t space; more && (space = nv_queue_space(q)) > 0;) {
        const uint32_t pos = nv_queue_tail(q);
        uint32_t n = 0;
        while (more && n < space && n < READ_BATCH)
            n += read_frame(p, rx, pos + n, space - n, entry + n, &more);
        if (n)
            nv_frames_enter(p, rx, entry, n);
    }
    if (++k->syncs % LOOK_DROPS == 0)
        count_lost(k, rx);
    int last = nv_queue_rxsync(p, rx, head);
    return error ? error : last;
}

static const struct nv_port_ops packet_ops = {
    .open = packet_open,
    .close = packet_close,
    .drain = packet_drain,
    .txsync = packet_txsync,
    .rxsync = packet_rxsync,
};

const struct nv_kind nv_kind_packet = {
    .name = "packet",
    .prefix = "packet",
    .shape = "packet:IF",
    .flags = NV_KIND_PREFIXED | NV_KIND_HOST | NV_KIND_LINK | NV_KIND_PRIVATE,
    .most_rings = RINGS_MAX,
    .ops = &packet_ops,
};
