/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/netmap_lib.h - nm_open and its family, included by net/netmap_user.h when NETMAP_WITH_LIBS is defined.
 *
 * All inline: it talks to /dev/netmap by ioctl and mmap and needs no library. Names are those of netmap's first
 * library: "netmap:eth0", "vale0:a", then nothing (all rings), "^" (host rings), "*" (both), "-N" (ring N), "{N" or
 * "}N" (pipe N, master or slave), then "/xztrRT" (flags) and "@N" (memory id).
 */
#ifndef NET_NETMAP_LIB_H
#define NET_NETMAP_LIB_H

#ifndef NET_NETMAP_USER_H
#error "define NETMAP_WITH_LIBS and include net/netmap_user.h"
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define HAVE_NETMAP_WITH_LIBS

struct nm_desc;

/* One received packet; the beginning is that of pcap_pkthdr. */
struct nm_pkthdr {
    struct timeval ts; /* the ring's, see NR_TIMESTAMP */
    uint32_t caplen;   /* bytes at buf */
    uint32_t len;      /* bytes of the packet; more than caplen if its fragments do not lie in a row */
    uint64_t flags;    /* NM_MORE_PKTS */
    struct nm_desc *d;
    struct netmap_slot *slot; /* its first slot */
    uint8_t *buf;             /* valid until the next sync */
};

#define NM_MORE_PKTS 1 /* nm_dispatch has another packet after this one */

/* As pcap_stat. For the application to use: nothing here counts. */
struct nm_stat {
    unsigned ps_recv;
    unsigned ps_drop;
    unsigned ps_ifdrop;
};

#define NM_ERRBUF_SIZE 512

/* An open port. Read only, but for the cur_*_ring members, which say where the next packet is looked for. */
struct nm_desc {
    struct nm_desc *self; /* points to itself: that makes it a descriptor */
    int fd;               /* for poll and ioctl */
    void *mem;            /* the mapping, and its size in bytes */
    uint64_t memsize;
    int done_mmap; /* nm_close unmaps mem */
    struct netmap_if *nifp;
    uint16_t first_tx_ring, last_tx_ring, cur_tx_ring; /* bound rings, both ends included */
    uint16_t first_rx_ring, last_rx_ring, cur_rx_ring;
    struct nmreq req; /* the registration and its answer */
    struct nm_pkthdr hdr;
    struct netmap_ring *some_ring; /* for NETMAP_BUF */
    void *buf_start, *buf_end;     /* buffer 0, and the end of the mapping */
    int snaplen, promisc, to_ms;   /* for libpcap, here and below */
    char *errbuf;
    uint32_t if_flags, if_reqcap, if_curcap;
    struct nm_stat st;
    char msg[NM_ERRBUF_SIZE];
};

#define P2NMD(p)          ((struct nm_desc *)(void *)(p))
#define IS_NETMAP_DESC(d) ((d) && P2NMD(d)->self == P2NMD(d))
#define NETMAP_FD(d)      (P2NMD(d)->fd)

/* Flags of nm_open, beside NETMAP_NO_TX_POLL and NETMAP_DO_RX_POLL: what to take from `arg`. */
enum {
    NM_OPEN_NO_MMAP = 0x040000,  /* do not map now; see nm_mmap */
    NM_OPEN_IFNAME = 0x080000,   /* nr_name, nr_ringid, nr_flags, in place of the name */
    NM_OPEN_ARG1 = 0x100000,     /* nr_arg1 */
    NM_OPEN_ARG2 = 0x200000,     /* nr_arg2: memory id */
    NM_OPEN_ARG3 = 0x400000,     /* nr_arg3: extra buffers */
    NM_OPEN_RING_CFG = 0x800000, /* rings and slots */
};

/* Read a number at *text and move behind it: at most `high`, or -1. */
static inline long nm_parse_number(const char **text, long high)
{
    long value = 0;
    if (**text < '0' || **text > '9')
        return -1;
    for (; **text >= '0' && **text <= '9'; ++*text) {
        value = value * 10 + (**text - '0');
        if (value > high)
            return -1;
    }
    return value;
}

/* Read "/flags" and "@N" up to the end. NULL, or what is wrong. */
static inline const char *nm_parse_suffix(const char *text, struct nmreq *req)
{
    static const struct {
        char letter;
        uint32_t flag;
    } flags[] = {{'x', NR_EXCLUSIVE},  {'z', NR_ZCOPY_MON},     {'t', NR_MONITOR_TX},
                 {'r', NR_MONITOR_RX}, {'R', NR_RX_RINGS_ONLY}, {'T', NR_TX_RINGS_ONLY}};
    int have_id = 0;
    while (*text) {
        unsigned i = 0;
        if (*text == '@') {
            text++;
            long id = nm_parse_number(&text, UINT16_MAX);
            if (id < 0 || have_id)
                return have_id ? "more than one memory id" : "memory id is not a number";
            req->nr_arg2 = (uint16_t)id;
            have_id = 1;
        } else if (*text == '/') {
            for (text++; *text && *text != '/' && *text != '@'; text++) {
                for (i = 0; i < sizeof(flags) / sizeof(flags[0]) && flags[i].letter != *text; i++)
                    ;
                if (i == sizeof(flags) / sizeof(flags[0]))
                    return "unknown flag";
                req->nr_flags |= flags[i].flag;
            }
        } else {
            return "unexpected character after the name";
        }
    }
    return NULL;
}

/*
 * Put a port name into d->req. 0, or -1 with errno EINVAL and a message of less than 80 characters in err; for a name
 * that is not netmap's, errno is 0 and there is no message, so that a caller can try others.
 */
static inline int nm_parse(const char *name, struct nm_desc *d, char *err)
{
    struct nmreq *req = &d->req;
    const char *wrong = NULL, *port = name, *end;
    long number = 0;
    err[0] = '\0';
    if (!strncmp(name, "netmap:", 7)) {
        port = name + 7;
    } else if (strncmp(name, "vale", 4)) {
        errno = 0;
        return -1;
    }
    end = port + strcspn(port, "-*^{}/@");
    req->nr_flags &= ~(uint32_t)NR_REG_MASK;
    if (port == name && !memchr(name, ':', (size_t)(end - name))) {
        wrong = "a switch needs ':' and a port";
    } else if (end == port || (size_t)(end - port) >= sizeof(req->nr_name)) {
        wrong = "name must have 1 to 15 characters";
    } else {
        memset(req->nr_name, 0, sizeof(req->nr_name));
        memcpy(req->nr_name, port, (size_t)(end - port));
        char mode = *end;
        if (mode == '\0' || mode == '/' || mode == '@') {
            req->nr_flags |= NR_REG_ALL_NIC;
        } else if (mode == '^' || mode == '*') {
            req->nr_flags |= mode == '^' ? NR_REG_SW : NR_REG_NIC_SW;
            end++;
        } else {
            req->nr_flags |= mode == '-' ? NR_REG_ONE_NIC : mode == '{' ? NR_REG_PIPE_MASTER : NR_REG_PIPE_SLAVE;
            end++;
            number = nm_parse_number(&end, NETMAP_RING_MASK - 1);
            if (number < 0)
                wrong = "expected a ring or pipe number below 4095";
        }
    }
    if (!wrong) {
        req->nr_ringid = (uint16_t)number;
        wrong = nm_parse_suffix(end, req);
    }
    if (!wrong)
        return 0;
    snprintf(err, 80, "%s", wrong);
    errno = EINVAL;
    return -1;
}

/*
 * Map the memory of d, or use parent's mapping if both are in the same region; then find interface, buffers and a
 * ring. 0, or -1 with errno. nm_open calls it; a program does so after NM_OPEN_NO_MMAP.
 */
static inline int nm_mmap(struct nm_desc *d, const struct nm_desc *parent)
{
    struct netmap_ring *ring;
    if (d->done_mmap)
        return 0;
    if (IS_NETMAP_DESC(parent) && parent->mem && parent->req.nr_arg2 == d->req.nr_arg2) {
        d->memsize = parent->memsize;
        d->mem = parent->mem;
    } else {
        d->memsize = d->req.nr_memsize;
        d->mem = mmap(NULL, (size_t)d->memsize, PROT_READ | PROT_WRITE, MAP_SHARED, d->fd, 0);
        if (d->mem == MAP_FAILED) {
            d->mem = NULL;
            return -1;
        }
        d->done_mmap = 1;
    }
    d->nifp = NETMAP_IF(d->mem, d->req.nr_offset);
    ring = NETMAP_RXRING(d->nifp, d->first_rx_ring);
    if ((void *)ring == (void *)d->nifp) /* only tx rings are bound */
        ring = NETMAP_TXRING(d->nifp, d->first_tx_ring);
    d->some_ring = ring;
    d->buf_start = NETMAP_BUF(ring, 0);
    d->buf_end = (char *)d->mem + d->memsize;
    return 0;
}

/* Unmap what was mapped, close, free. 0, or EINVAL if it is no descriptor. */
static inline int nm_close(struct nm_desc *d)
{
    if (!IS_NETMAP_DESC(d))
        return EINVAL;
    d->self = NULL;
    if (d->done_mmap)
        munmap(d->mem, (size_t)d->memsize);
    if (d->fd != -1)
        close(d->fd);
    free(d);
    return 0;
}

/* Which rings are bound, from the answer to the registration. */
static inline int nm_set_rings(struct nm_desc *d)
{
    const struct nmreq *req = &d->req;
    uint16_t ring = req->nr_ringid & NETMAP_RING_MASK;
    switch (req->nr_flags & NR_REG_MASK) {
    case NR_REG_SW:
        d->first_tx_ring = d->last_tx_ring = req->nr_tx_rings;
        d->first_rx_ring = d->last_rx_ring = req->nr_rx_rings;
        break;
    case NR_REG_NIC_SW:
        d->last_tx_ring = req->nr_tx_rings;
        d->last_rx_ring = req->nr_rx_rings;
        break;
    case NR_REG_ALL_NIC:
    case NR_REG_PIPE_MASTER:
    case NR_REG_PIPE_SLAVE:
        d->last_tx_ring = (uint16_t)(req->nr_tx_rings - 1);
        d->last_rx_ring = (uint16_t)(req->nr_rx_rings - 1);
        break;
    case NR_REG_ONE_NIC:
        d->first_tx_ring = d->last_tx_ring = d->first_rx_ring = d->last_rx_ring = ring;
        break;
    default:
        errno = EINVAL;
        return -1;
    }
    d->cur_tx_ring = d->first_tx_ring;
    d->cur_rx_ring = d->first_rx_ring;
    return 0;
}

/*
 * Open, register and map a port. `req` (may be NULL) gives the request to start from: sizes, memory id, extra buffers.
 * `flags` holds NM_OPEN_* and NETMAP_*_POLL; `arg` (may be NULL) is the descriptor they take things from, and whose
 * mapping is shared where possible. NULL with errno on failure; errno is 0 if the name is not netmap's.
 */
static inline struct nm_desc *nm_open(const char *name, const struct nmreq *req, uint64_t flags,
                                      const struct nm_desc *arg)
{
    const struct nmreq *from = IS_NETMAP_DESC(arg) ? &arg->req : NULL;
    char err[80] = "";
    int saved;
    struct nm_desc *d = (struct nm_desc *)calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    d->self = d;
    d->fd = -1;
    d->hdr.d = d;
    if (req)
        d->req = *req;
    if (!(flags & NM_OPEN_IFNAME) && nm_parse(name, d, err))
        goto fail;
    d->fd = open(NETMAP_DEVICE_NAME, O_RDWR);
    if (d->fd < 0) {
        snprintf(err, sizeof(err), "cannot open " NETMAP_DEVICE_NAME ": %s", strerror(errno));
        goto fail;
    }
    d->req.nr_version = NETMAP_API;
    d->req.nr_ringid &= NETMAP_RING_MASK;
    if (from && (flags & NM_OPEN_IFNAME)) {
        memcpy(d->req.nr_name, from->nr_name, sizeof(d->req.nr_name));
        d->req.nr_ringid = from->nr_ringid;
        d->req.nr_flags = from->nr_flags;
    }
    if (from && (flags & NM_OPEN_ARG1))
        d->req.nr_arg1 = from->nr_arg1;
    if (from && (flags & NM_OPEN_ARG2))
        d->req.nr_arg2 = from->nr_arg2;
    if (from && (flags & NM_OPEN_ARG3))
        d->req.nr_arg3 = from->nr_arg3;
    if (from && (flags & NM_OPEN_RING_CFG)) {
        d->req.nr_tx_slots = from->nr_tx_slots;
        d->req.nr_rx_slots = from->nr_rx_slots;
        d->req.nr_tx_rings = from->nr_tx_rings;
        d->req.nr_rx_rings = from->nr_rx_rings;
    }
    d->req.nr_ringid |= (uint16_t)(flags & (NETMAP_NO_TX_POLL | NETMAP_DO_RX_POLL));
    if (ioctl(d->fd, NIOCREGIF, &d->req)) {
        snprintf(err, sizeof(err), "cannot register: %s", strerror(errno));
        goto fail;
    }
    if (nm_set_rings(d) || (!(flags & NM_OPEN_NO_MMAP) && nm_mmap(d, arg))) {
        snprintf(err, sizeof(err), "cannot map the rings: %s", strerror(errno));
        goto fail;
    }
    return d;

fail:
    saved = errno;
    if (err[0])
        D("%s: %s", name ? name : d->req.nr_name, err);
    nm_close(d);
    errno = saved;
    return NULL;
}

/*
 * Copy a packet of `size` bytes to the first tx ring with room, beginning with cur_tx_ring, in as many slots as it
 * needs. Returns size, or 0 if there was no room: sync or poll for POLLOUT and try again.
 */
static inline int nm_inject(struct nm_desc *d, const void *buf, size_t size)
{
    unsigned rings = (unsigned)(d->last_tx_ring - d->first_tx_ring) + 1, ri = d->cur_tx_ring, tried;
    for (tried = 0; tried < rings; tried++, ri++) {
        if (ri > d->last_tx_ring)
            ri = d->first_tx_ring;
        struct netmap_ring *ring = NETMAP_TXRING(d->nifp, ri);
        const char *from = (const char *)buf;
        size_t left = size;
        uint32_t i = ring->head, free_slots = nm_ring_space(ring);
        for (; left && free_slots; free_slots--, i = nm_ring_next(ring, i)) { /* enough room, with these offsets? */
            size_t room = ring->nr_buf_size - (size_t)NETMAP_ROFFSET(ring, &ring->slot[i]);
            left -= left < room ? left : room;
        }
        if (left)
            continue;
        for (i = ring->head, left = size; left; i = nm_ring_next(ring, i)) {
            struct netmap_slot *slot = &ring->slot[i];
            size_t room = ring->nr_buf_size - (size_t)NETMAP_ROFFSET(ring, slot), part = left < room ? left : room;
            memcpy(NETMAP_BUF_OFFSET(ring, slot), from, part);
            from += part;
            left -= part;
            slot->len = (uint16_t)part;
            slot->flags = (uint16_t)((slot->flags & NS_BUF_CHANGED) | (left ? NS_MOREFRAG : 0));
        }
        ring->head = ring->cur = i;
        d->cur_tx_ring = (uint16_t)ri;
        return (int)size;
    }
    return 0;
}

/*
 * Take the next packet of an rx ring: describe it in d->hdr and release its slots. Fragments that lie in a row count
 * as captured, the others only in len. 0 if there is none.
 */
static inline int nm_take(struct nm_desc *d, unsigned ri)
{
    struct netmap_ring *ring = NETMAP_RXRING(d->nifp, ri);
    if (nm_ring_empty(ring))
        return 0;
    uint32_t i = ring->head;
    struct netmap_slot *slot = &ring->slot[i];
    char *end = NETMAP_BUF_OFFSET(ring, slot) + slot->len; /* of what is in a row; NULL: no longer */
    d->hdr.ts = ring->ts;
    d->hdr.slot = slot;
    d->hdr.buf = (uint8_t *)NETMAP_BUF_OFFSET(ring, slot);
    d->hdr.len = d->hdr.caplen = slot->len;
    i = nm_ring_next(ring, i);
    while ((slot->flags & NS_MOREFRAG) && i != ring->tail) {
        slot = &ring->slot[i];
        d->hdr.len += slot->len;
        if (end == NETMAP_BUF_OFFSET(ring, slot)) {
            d->hdr.caplen += slot->len;
            end += slot->len;
        } else {
            end = NULL;
        }
        i = nm_ring_next(ring, i);
    }
    ring->head = ring->cur = i;
    d->cur_rx_ring = (uint16_t)ri;
    return 1;
}

/* The next received packet, all bound rings in turn, described in *hdr; NULL if there is none: poll for POLLIN. */
static inline unsigned char *nm_nextpkt(struct nm_desc *d, struct nm_pkthdr *hdr)
{
    unsigned rings = (unsigned)(d->last_rx_ring - d->first_rx_ring) + 1, ri = d->cur_rx_ring, tried;
    for (tried = 0; tried < rings; tried++, ri++) {
        if (ri > d->last_rx_ring)
            ri = d->first_rx_ring;
        if (nm_take(d, ri)) {
            d->hdr.flags = 0;
            *hdr = d->hdr;
            return d->hdr.buf;
        }
    }
    return NULL;
}

typedef void (*nm_cb_t)(unsigned char *arg, const struct nm_pkthdr *hdr, const unsigned char *packet);

/*
 * Call cb for up to cnt received packets (0 or less: all there are), beginning with cur_rx_ring. Each but the last
 * carries NM_MORE_PKTS. Returns how many there were. Does not sync.
 */
static inline int nm_dispatch(struct nm_desc *d, int cnt, nm_cb_t cb, unsigned char *arg)
{
    unsigned rings = (unsigned)(d->last_rx_ring - d->first_rx_ring) + 1, ri = d->cur_rx_ring, tried;
    struct nm_pkthdr previous = d->hdr;
    int got = 0;
    for (tried = 0; tried < rings; tried++, ri++) {
        if (ri > d->last_rx_ring)
            ri = d->first_rx_ring;
        while ((cnt <= 0 || got < cnt) && nm_take(d, ri)) {
            if (got++) {
                previous.flags = NM_MORE_PKTS;
                cb(arg, &previous, previous.buf);
            }
            previous = d->hdr;
        }
    }
    if (got) {
        previous.flags = 0;
        cb(arg, &previous, previous.buf);
    }
    return got;
}

#endif
