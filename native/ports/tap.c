/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tap.c - a tap interface of the kernel as a port: what is sent here the host receives on the interface, what the host
 * sends there arrives here. The interface goes with the port (with '+' it stays), whatever the process dies of.
 *
 * Ring i is queue i of the interface. The kernel takes and gives one frame a call, so a batch of n frames costs n
 * writes, or n + 1 reads (the last one finds nothing). A frame of several slots is written from, and read into, all of
 * them.
 *
 * The interface belongs to one process: others cannot open the port, nor can it be passed on. Whoever sleeps waits on
 * an epoll descriptor over the queues, edge-triggered: frames that lie in the kernel because our ring is full wake
 * nobody again until the ring was looked at, so that a slow reader does not spin.
 */
#include "port/name.h"
#include "port/port.h"
#include "ports/frames.h"
#include "ports/kinds.h"
#include "ports/tap_device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define READ_BATCH    64u   /* slots between two publications */
#define KERNEL_FRAMES 1000u /* the kernel's own default */
#define KERNEL_SLACK  32u   /* places in its queue that it frees some frames later */

/* A tap that this process has, shared by those that opened the port. */
struct tap {
    struct tap *next;
    nv_token token; /* of the port */
    unsigned refs, queues;
    int fd[NV_TAP_QUEUES];
};

/* What one descriptor of the port has. */
struct tap_port {
    struct tap *tap;
    char *spill[NV_TAP_QUEUES]; /* by rx ring: what does not fit the first slot of a frame */
};

static struct tap *taps; /* under the process lock */

static struct tap *find_tap(nv_token token)
{
    nv_process_lock();
    struct tap *tap = taps;
    while (tap && tap->token != token)
        tap = tap->next;
    if (tap)
        tap->refs++;
    nv_process_unlock();
    return tap;
}

static void put_tap(struct tap *tap)
{
    nv_process_lock();
    if (--tap->refs == 0) {
        struct tap **at = &taps;
        while (*at != tap)
            at = &(*at)->next;
        *at = tap->next;
        for (unsigned i = 0; i < tap->queues; i++)
            close(tap->fd[i]);
        free(tap);
    }
    nv_process_unlock();
}

/*
 * The port is called after its interface: known only now when the kernel chose, or when the tap was given to us. A tap
 * of another namespace must not be found by name, nor two of the same: those get a number that no name can have.
 */
static void name_port(struct nv_port *p, const char *ifname, bool given)
{
    const struct nv_table *t = p->world->table;
    bool taken = given;
    snprintf(p->name, sizeof(p->name), "tap:%s", ifname);
    for (uint32_t i = 0; i < NV_MAX_PORTS; i++)
        taken |= t->port[i].token && t->port[i].token != p->token && !strcmp(t->port[i].name, p->name);
    if (taken)
        snprintf(p->name, sizeof(p->name), "tap:%s#%u", ifname, p->desc);
    snprintf(p->entry->name, sizeof(p->entry->name), "%s", p->name);
}

/* The interface of a port that was just made. */
static struct tap *new_tap(struct nv_port *p, const struct nv_name *name, struct nv_error *err)
{
    const struct nv_port_entry *e = p->entry;
    const struct nv_tap_plan plan = {
        .name = name->name,
        .queues = e->tx_rings > e->rx_rings ? e->tx_rings : e->rx_rings,
        .tx_length = (e->rx_slots > KERNEL_FRAMES ? e->rx_slots : KERNEL_FRAMES) + KERNEL_SLACK,
        .keep = name->keep,
    };
    char ifname[IFNAMSIZ];
    int error;
    struct tap *tap = calloc(1, sizeof(*tap));
    if (!tap) {
        nv_fail(err, ENOMEM, "out of memory");
        return NULL;
    }
    if (name->fd && plan.queues > 1)
        error = nv_fail(err, EINVAL, "%s: a tap given as a descriptor has one ring each way", p->name);
    else if (name->fd)
        error = nv_tap_take(p->name, (int)name->fd, tap->fd, ifname, err);
    else
        error = nv_tap_create(p->name, &plan, tap->fd, ifname, err);
    if (error) {
        free(tap);
        return NULL;
    }
    name_port(p, ifname, name->fd != 0);
    tap->queues = plan.queues;
    tap->token = p->token;
    tap->refs = 1;
    nv_process_lock();
    tap->next = taps;
    taps = tap;
    nv_process_unlock();
    return tap;
}

static void tap_close(struct nv_port *p)
{
    struct tap_port *t = p->kind;
    p->kind = NULL;
    if (!t)
        return;
    if (p->wait_fd != p->fd)
        close(p->wait_fd);
    p->wait_fd = p->fd;
    for (unsigned i = 0; i < NV_TAP_QUEUES; i++)
        free(t->spill[i]);
    if (t->tap)
        put_tap(t->tap);
    free(t);
}

/* The wait descriptor: the queues of the rx rings that the name asks for. */
static int watch_queues(struct nv_port *p, const struct tap *tap, const struct nv_name *name, struct nv_error *err)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC), error = epoll < 0 ? errno : 0;
    for (unsigned i = 0; !error && i < p->entry->rx_rings && i < tap->queues; i++) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLET};
        if (name->mode == NR_REG_ONE_NIC && name->ring_id != i)
            continue;
        error = epoll_ctl(epoll, EPOLL_CTL_ADD, tap->fd[i], &event) < 0 ? errno : 0;
    }
    if (!error) {
        p->wait_fd = epoll;
        return 0;
    }
    if (epoll >= 0)
        close(epoll);
    return nv_fail(err, error, "%s: cannot make its wait descriptor: %s", p->name, strerror(error));
}

static int tap_open(struct nv_port *p, const struct nv_name *name, struct nv_error *err)
{
    struct tap_port *t = p->kind = calloc(1, sizeof(*t));
    if (!t)
        return nv_fail(err, ENOMEM, "out of memory");
    t->tap = find_tap(p->token);
    if (!t->tap && (p->entry->caps & NV_CAP_OPENED))
        return nv_fail(err, EBUSY, "%s is open in another process: a tap port belongs to the process that made it",
                       p->name);
    if (!t->tap && (t->tap = new_tap(p, name, err)) == NULL)
        return err && err->code ? -err->code : -EIO;
    for (unsigned i = 0; i < p->entry->rx_rings; i++)
        if ((t->spill[i] = malloc(NV_FRAME_MAX_BYTES)) == NULL)
            return nv_fail(err, ENOMEM, "out of memory");
    return watch_queues(p, t->tap, name, err);
}

static bool tap_drain(struct nv_port *p)
{
    struct epoll_event events[NV_TAP_QUEUES];
    return epoll_wait(p->wait_fd, events, NV_TAP_QUEUES, 0) > 0;
}

/* ---- sending ---------------------------------------------------------------------------------------------------- */

/* Hand one frame to the kernel. NV_DROP_COUNT: it took it. */
static enum nv_drop write_frame(struct nv_port *p, int fd, const struct iovec *iov, int n)
{
    ssize_t wrote;
    do
        wrote = n == 1 ? write(fd, iov[0].iov_base, iov[0].iov_len) : writev(fd, iov, n);
    while (wrote < 0 && errno == EINTR);
    if (wrote >= 0)
        return NV_DROP_COUNT;
    if (errno == EBADFD)
        p->gone = -ENODEV; /* the interface was removed */
    return errno == EBADFD || errno == EIO ? NV_DROP_LINK_DOWN : NV_DROP_NO_SPACE;
}

/* Never leaves anything: the kernel takes each frame or it is dropped by name. */
static void tap_txsync(struct nv_port *p, struct nv_txq *tx, uint32_t head)
{
    const struct tap_port *t = p->kind;
    struct nv_out_count count = {{0, 0}, {0, 0}};
    struct nv_out_frame frame;
    for (uint32_t from = tx->ctl->hwcur; from != head; from = frame.next) {
        nv_frame_gather(p, tx, from, head, &frame);
        if (frame.bad == NV_DROP_COUNT)
            frame.bad = write_frame(p, t->tap->fd[tx->id], frame.iov, frame.pieces);
        nv_frame_count(tx, &count, frame.bytes, frame.bad);
    }
    nv_frames_sent(tx, &count, head);
}

/* ---- receiving -------------------------------------------------------------------------------------------------- */

/*
 * Read one frame into the queue's buffers from position pos on, of which `space` are free, and describe it in entry[]
 * (without a lease's number). Returns its slots; 0: there is none, or it was dropped (*more: there may be others).
 */
static uint32_t read_frame(struct nv_port *p, struct nv_rxq *rx, uint32_t pos, uint32_t space, uint64_t *entry,
                           bool *more)
{
    const struct tap_port *t = p->kind;
    const struct nv_queue *q = &rx->ctl->queue;
    char *spill = t->spill[rx->id];
    struct iovec iov[2] = {{nv_region_buf(p->region, nv_queue_buffer(q, pos)), NV_BUF_SIZE},
                           {spill, NV_FRAME_MAX_BYTES}};
    ssize_t length = readv(t->tap->fd[rx->id], iov, 2);
    *more = length > 0 || (length < 0 && errno == EINTR);
    if (length <= 0) {
        if (length < 0 && errno == EBADFD)
            p->gone = -ENODEV;
        return 0;
    }
    uint32_t n = ((uint32_t)length + NV_BUF_SIZE - 1) / NV_BUF_SIZE, left = (uint32_t)length;
    if (n > space) {
        *more = n > q->slots - 1; /* else there is room for it once the application has released something */
        nv_count_drops(rx->ctl, *more ? NV_DROP_TOO_LONG : NV_DROP_NO_SPACE, 1);
        return 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t buf = nv_queue_buffer(q, pos + i), len = left < NV_BUF_SIZE ? left : NV_BUF_SIZE;
        if (i > 0)
            memcpy(nv_region_buf(p->region, buf), spill + (size_t)(i - 1) * NV_BUF_SIZE, len);
        entry[i] = nv_entry(buf, n, i + 1 < n, (uint16_t)len, 0);
        left -= len;
    }
    return n;
}

static int tap_rxsync(struct nv_port *p, struct nv_rxq *rx, uint32_t head)
{
    const struct nv_queue *q = &rx->ctl->queue;
    int error = head != rx->ctl->hwcur ? nv_queue_rxsync(p, rx, head) : 0;
    uint64_t entry[READ_BATCH + NETMAP_MAX_FRAGS] = {0};
    bool more = true;
    for (uint32_t space; more && (space = nv_queue_space(q)) > 0;) {
        uint32_t pos = nv_queue_tail(q), n = 0;
        while (more && n < space && n < READ_BATCH)
            n += read_frame(p, rx, pos + n, space - n, entry + n, &more);
        if (n)
            nv_frames_enter(p, rx, entry, n);
    }
    int last = nv_queue_rxsync(p, rx, head);
    return error ? error : last;
}

static const struct nv_port_ops tap_ops = {
    .open = tap_open,
    .close = tap_close,
    .drain = tap_drain,
    .txsync = tap_txsync,
    .rxsync = tap_rxsync,
};

const struct nv_kind nv_kind_tap = {
    .name = "tap",
    .prefix = "tap",
    .shape = "tap:NAME",
    .flags = NV_KIND_UNNAMED | NV_KIND_PREFIXED | NV_KIND_KEEPS | NV_KIND_FD | NV_KIND_HOST | NV_KIND_PRIVATE,
    .most_rings = NV_TAP_QUEUES,
    .ops = &tap_ops,
};
