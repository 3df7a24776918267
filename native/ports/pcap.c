/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcap.c - "pcap:FILE": a capture file as a port. One that is there is read: its packets come in the order of the file,
 * each at its time, counted from the first look at the ring, or faster or slower, or as fast as they are taken. One
 * that is not there (or is empty) is made, and what is sent is written to it: pcapng if it is called so, else pcap of
 * nanoseconds.
 *
 * The wait descriptor of a file that is read is a timer at the next packet's time. Each opener has a file of its own.
 */
#include "capture/capture.h"
#include "port/create.h"
#include "port/name.h"
#include "ports/frames.h"
#include "ports/kinds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define AHEAD      64u /* packets read or written at once */
#define READ_BATCH 64u /* slots between two publications */
#define OWN_SPEED  1000u
#define NS_PER_S   INT64_C(1000000000)

struct pcap_port {
    /* reading */
    struct nv_capture *in;
    struct nv_capture_packet ahead[AHEAD];
    unsigned count, next; /* of `ahead` */
    uint32_t speed;       /* thousandths of the file's own; 0: as fast as possible */
    bool broken;          /* the rest of the file cannot be read; gone_why tells why */
    bool started;         /* the next two are set */
    int64_t start_ns;     /* of the clock, when the first packet came */
    uint64_t first_ns;    /* its time in the file */
    uint8_t *padded;      /* NV_FRAME_MAX_BYTES: a packet that was cut, as long as it was on the wire */
    /* writing */
    struct nv_capture_writer *out;
    bool ng;                   /* pcapng, which has counters at its end */
    uint64_t offered, written; /* frames */
    uint8_t *joined;           /* AHEAD frames of several slots, each put together */
};

static int64_t clock_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* ---- opening --------------------------------------------------------------------------------------------------------
 */

static int open_reading(struct nv_port *p, struct pcap_port *k, const struct nv_name *name, struct nv_error *err)
{
    int error = nv_capture_open(name->file, &k->in, err);
    if (error)
        return error;
    k->speed = name->speed ? name->speed - 1 : OWN_SPEED;
    p->wait_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (p->wait_fd < 0) {
        p->wait_fd = p->fd;
        return nv_fail(err, errno, "%s: cannot make its wait descriptor: %s", p->name, strerror(errno));
    }
    k->padded = malloc(NV_FRAME_MAX_BYTES);
    return k->padded ? 0 : nv_fail(err, ENOMEM, "out of memory");
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

static int open_writing(struct pcap_port *k, const struct nv_name *name, struct nv_error *err)
{
    struct nv_capture_interface interface = {.link_type = NV_CAPTURE_ETHERNET};
    k->ng = ends_with(name->file, ".pcapng") || ends_with(name->file, ".ntar");
    const struct nv_capture_options options = {
        .format = k->ng ? NV_CAPTURE_PCAPNG : NV_CAPTURE_PCAP, .interfaces = &interface, .interface_count = 1};
    if (name->speed)
        return nv_fail(err, EINVAL, "%s: there is no such file to read at a speed", name->file);
    k->joined = malloc((size_t)AHEAD * NV_FRAME_MAX_BYTES);
    if (!k->joined)
        return nv_fail(err, ENOMEM, "out of memory");
    return nv_capture_create(name->file, &options, &k->out, err);
}

static int pcap_open(struct nv_port *p, const struct nv_name *name, struct nv_error *err)
{
    struct stat st;
    struct pcap_port *k = p->kind = calloc(1, sizeof(*k));
    if (!k)
        return nv_fail(err, ENOMEM, "out of memory");
    const char *slash = strrchr(name->file, '/');
    snprintf(p->name, sizeof(p->name), "pcap:%.*s", (int)sizeof(p->name) - 6, slash ? slash + 1 : name->file);
    snprintf(p->entry->name, sizeof(p->entry->name), "%s", p->name);
    const bool there = stat(name->file, &st) == 0;
    if (there && !S_ISREG(st.st_mode))
        return nv_fail(err, EINVAL, "%s: expected a file that can be read again", name->file);
    return there && st.st_size > 0 ? open_reading(p, k, name, err) : open_writing(k, name, err);
}

static void pcap_close(struct nv_port *p)
{
    struct pcap_port *k = p->kind;
    p->kind = NULL;
    if (!k)
        return;
    if (p->wait_fd != p->fd)
        close(p->wait_fd);
    p->wait_fd = p->fd;
    nv_capture_close(k->in);
    if (k->out && k->ng)
        nv_capture_statistics(k->out, 0, (uint64_t)clock_ns(CLOCK_REALTIME), k->offered, k->offered - k->written, NULL);
    nv_capture_finish(k->out, NULL);
    free(k->padded);
    free(k->joined);
    free(k);
}

static bool pcap_drain(struct nv_port *p)
{
    uint64_t times;
    return p->wait_fd != p->fd && read(p->wait_fd, &times, sizeof(times)) == sizeof(times);
}

/* ---- reading --------------------------------------------------------------------------------------------------------
 */

/* What came before is received first. */
static void damaged(struct nv_port *p, struct pcap_port *k, const char *why)
{
    k->broken = true;
    snprintf(p->gone_why, sizeof(p->gone_why), "%s", why);
}

/* The next packet of the file; NULL: there is none (any more). */
static const struct nv_capture_packet *next_packet(struct nv_port *p, struct pcap_port *k)
{
    struct nv_error err = {0};
    unsigned interfaces;
    if (k->broken)
        return NULL;
    if (k->next == k->count) {
        const int n = nv_capture_read(k->in, k->ahead, AHEAD, &err);
        k->next = 0;
        k->count = n > 0 ? (unsigned)n : 0;
        if (n < 0)
            damaged(p, k, err.message);
        if (n <= 0)
            return NULL;
    }
    const struct nv_capture_packet *packet = &k->ahead[k->next];
    const uint32_t type = nv_capture_interfaces(k->in, &interfaces)[packet->interface].link_type;
    if (type == NV_CAPTURE_ETHERNET)
        return packet;
    char why[80];
    snprintf(why, sizeof(why), "its packets are of link type %u: expected Ethernet (%u)", type, NV_CAPTURE_ETHERNET);
    damaged(p, k, why);
    return NULL;
}

/* When a packet is due, on the clock. After a step back in the file it is due at once. */
static int64_t due_ns(struct pcap_port *k, const struct nv_capture_packet *packet, int64_t now)
{
    if (k->speed == 0)
        return now;
    if (!k->started) {
        k->started = true;
        k->start_ns = now;
        k->first_ns = packet->time_ns;
    }
    if (packet->time_ns <= k->first_ns)
        return now;
    return k->start_ns + (int64_t)((double)(packet->time_ns - k->first_ns) * OWN_SPEED / k->speed);
}

/* Be readable at this time. */
static void wake_at(const struct nv_port *p, int64_t when)
{
    const struct itimerspec at = {
        .it_value = {.tv_sec = (time_t)(when / NS_PER_S), .tv_nsec = (long)(when % NS_PER_S)}};
    timerfd_settime(p->wait_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* The bytes of a packet as they were on the wire: what was not captured is zeros. */
static const uint8_t *whole(struct pcap_port *k, const struct nv_capture_packet *packet, uint32_t *length)
{
    *length = packet->wire > packet->length ? packet->wire : packet->length;
    if (*length == packet->length || *length > NV_FRAME_MAX_BYTES)
        return packet->data;
    memcpy(k->padded, packet->data, packet->length);
    memset(k->padded + packet->length, 0, *length - packet->length);
    return k->padded;
}

/* Slots of packets that are due into the queue from position pos on, at most `space`; *more: there may be others now.
 */
static uint32_t read_due(struct nv_port *p, struct nv_rxq *rx, uint32_t pos, uint32_t space, uint64_t *entry,
                         bool *more, int64_t now)
{
    struct pcap_port *k = p->kind;
    uint32_t length;
    const struct nv_capture_packet *packet = next_packet(p, k);
    *more = packet != NULL;
    if (!packet)
        return 0;
    const int64_t due = due_ns(k, packet, now);
    if (due > now) {
        wake_at(p, due);
        *more = false;
        return 0;
    }
    const uint8_t *data = whole(k, packet, &length);
    const uint32_t n = (length + NV_BUF_SIZE - 1) / NV_BUF_SIZE;
    if (n > space && n < rx->ctl->queue.slots) {
        wake_at(p, now); /* it stays where it is until there is room */
        *more = false;
        return 0;
    }
    k->next++;
    if (length > NV_FRAME_MAX_BYTES || n > space || length < NV_FRAME_MIN_BYTES) {
        nv_count_drops(rx->ctl, length < NV_FRAME_MIN_BYTES ? NV_DROP_RUNT : NV_DROP_TOO_LONG, 1);
        return 0;
    }
    return nv_frame_write(p, &rx->ctl->queue, pos, data, length, entry);
}

static int pcap_rxsync(struct nv_port *p, struct nv_rxq *rx, uint32_t head)
{
    const struct pcap_port *k = p->kind;
    const struct nv_queue *q = &rx->ctl->queue;
    bool more = k->in != NULL;
    const int64_t now = more ? clock_ns(CLOCK_MONOTONIC) : 0;
    int error = head != rx->ctl->hwcur ? nv_queue_rxsync(p, rx, head) : 0;
    uint64_t entry[READ_BATCH + NETMAP_MAX_FRAGS] = {0};
    for (uint32_t space; more && (space = nv_queue_space(q)) > 0;) {
        const uint32_t pos = nv_queue_tail(q);
        uint32_t n = 0;
        while (more && n < space && n < READ_BATCH)
            n += read_due(p, rx, pos + n, space - n, entry + n, &more, now);
        if (n)
            nv_frames_enter(p, rx, entry, n);
    }
    if (more || k->broken)
        wake_at(p, now); /* the queue is full and others are due, or the end is to be told */
    int last = nv_queue_rxsync(p, rx, head);
    if (k->broken && rx->ctl->hwtail == head)
        p->gone = -EBADMSG;
    return error ? error : last;
}

/* ---- writing --------------------------------------------------------------------------------------------------------
 */

/* Frames that go to the file together. */
struct batch {
    struct nv_capture_packet packet[AHEAD];
    uint64_t bytes[AHEAD];
    unsigned n;
};

/* A frame in one piece: in its buffer, or put together. */
static const uint8_t *join(struct pcap_port *k, unsigned place, const struct nv_out_frame *frame)
{
    uint8_t *to = k->joined + (size_t)place * NV_FRAME_MAX_BYTES;
    if (frame->pieces == 1)
        return frame->iov[0].iov_base;
    for (int i = 0, at = 0; i < frame->pieces; at += (int)frame->iov[i].iov_len, i++)
        memcpy(to + at, frame->iov[i].iov_base, frame->iov[i].iov_len);
    return to;
}

static void write_batch(struct pcap_port *k, struct nv_txq *tx, struct batch *b, struct nv_out_count *count)
{
    const bool good = b->n && nv_capture_write(k->out, b->packet, b->n, NULL) == 0;
    for (unsigned i = 0; i < b->n; i++)
        nv_frame_count(tx, count, b->bytes[i], good ? NV_DROP_COUNT : NV_DROP_NO_SPACE); /* the disk is full */
    b->n = 0;
}

/* Never leaves anything: a frame is in the file, or in what is gathered for it, or it was dropped by name. */
static void pcap_txsync(struct nv_port *p, struct nv_txq *tx, uint32_t head)
{
    struct pcap_port *k = p->kind;
    struct nv_out_count count = {{0, 0}, {0, 0}};
    struct nv_out_frame frame;
    struct batch b;
    const bool idle = tx->ctl->hwcur == head;
    const uint64_t now = k->out && !idle ? (uint64_t)clock_ns(CLOCK_REALTIME) : 0;
    b.n = 0;
    for (uint32_t from = tx->ctl->hwcur; from != head; from = frame.next) {
        nv_frame_gather(p, tx, from, head, &frame);
        if (frame.bad == NV_DROP_COUNT && !k->out)
            frame.bad = NV_DROP_NO_PORT; /* a file that is read takes nothing */
        if (frame.bad != NV_DROP_COUNT) {
            nv_frame_count(tx, &count, frame.bytes, frame.bad);
            continue;
        }
        b.packet[b.n] = (struct nv_capture_packet){
            .data = join(k, b.n, &frame), .length = (uint32_t)frame.bytes, .time_ns = now, .direction = NV_CAPTURE_OUT};
        b.bytes[b.n++] = frame.bytes;
        if (b.n == AHEAD)
            write_batch(k, tx, &b, &count);
    }
    if (k->out) {
        write_batch(k, tx, &b, &count);
        if (idle)
            nv_capture_flush(k->out, NULL); /* what it cannot write, the next frames are told */
    }
    k->offered += count.all.packets;
    k->written += count.good.packets;
    nv_frames_sent(tx, &count, head);
}

static const struct nv_port_ops pcap_ops = {
    .open = pcap_open,
    .close = pcap_close,
    .drain = pcap_drain,
    .txsync = pcap_txsync,
    .rxsync = pcap_rxsync,
};

const struct nv_kind nv_kind_pcap = {
    .name = "pcap",
    .prefix = "pcap",
    .shape = "pcap:FILE",
    .flags = NV_KIND_PATH | NV_KIND_NEW | NV_KIND_PRIVATE,
    .most_rings = 1,
    .ops = &pcap_ops,
};
