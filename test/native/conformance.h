/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conformance.h - what the conformance suite runs against: the kinds of port, and a pair of ports of one kind.
 *
 * Port a of a pair is opened here and its rings are looked at directly. Port b, the peer, is asked to send and to
 * receive; it lives in this process or in another one, which makes no difference to the test that asks.
 */
#ifndef NETVALE_CONFORMANCE_H
#define NETVALE_CONFORMANCE_H

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "lab.h"
#include "world.h"

/* A veth pair in the laboratory, for kinds that are on interfaces. */
#define LAB_A "cv0"
#define LAB_B "cv1"

/* A kind of port that must pass. */
struct kind {
    const char *title;
    const char *a, *b;   /* names of two ports that reach each other, with a memory id; b NULL: nobody receives */
    const char *conf;    /* an option for both, or "" */
    uint32_t flags;      /* enum nv_open_flags, for both */
    unsigned rings;      /* each way, as conf has it */
    uint32_t slots;      /* of a ring, as conf has it */
    uint32_t most_slots; /* that a ring can have */
    bool pipe;           /* a slot comes back only when the receiver has released the packet */
    bool exchange;       /* buffers change hands */
    bool remote;         /* b lives in a second process */
    bool kernel;         /* the kernel is between a and b: frames arrive in as few slots as they fit */
    bool tap;            /* the interfaces are new, and to be joined */
};

static const struct kind kinds[] = {
    {"vale", "vale0:a", "vale0:b", "", 0, 1, 1024, 4096, .pipe = false},
    {"vale, one region", "vale0:a@5", "vale0:b@5", "", 0, 1, 1024, 2288, .exchange = true},
    {"vale, one region, copying", "vale0:a@5", "vale0:b@5", "", NV_OPEN_COPY, 1, 1024, 2288, .pipe = false},
    {"vale, 3 rings of 64", "vale0:a", "vale0:b", "@conf:rings=3,slots=64", 0, 3, 64, 4096, .pipe = false},
    {"vale, two processes", "vale0:a", "vale0:b", "", 0, 1, 1024, 4096, .remote = true},
    {"vale, one region, two processes", "vale0:a@5", "vale0:b@5", "", 0, 1, 1024, 2288, .exchange = true,
     .remote = true},
    {"pipe", "netmap:x{1", "netmap:x}1", "", 0, 1, 1024, 4096, .pipe = true, .exchange = true},
    {"pipe, other end", "x}one", "x{one", "@conf:rings=2,slots=50", 0, 2, 50, 4096, .pipe = true, .exchange = true},
    {"pipe of a vale port", "vale0:a{1", "vale0:a}1", "", 0, 1, 1024, 4096, .pipe = true, .exchange = true},
    {"pipe, two processes", "netmap:x{1", "netmap:x}1", "", 0, 1, 1024, 4096, .pipe = true, .exchange = true,
     .remote = true},
    {"null", "null:", NULL, "", 0, 1, 1024, 4096, .pipe = false},
    {"tap", "tap:a", "tap:b", "", 0, 1, 1024, 4096, .kernel = true, .tap = true},
    {"tap, two processes", "tap:a", "tap:b", "@conf:slots=200", 0, 1, 200, 4096, .remote = true, .kernel = true,
     .tap = true},
    {"packet", "packet:" LAB_A, "packet:" LAB_B, "", 0, 1, 1024, 4096, .kernel = true},
    {"packet, two processes", "packet:" LAB_A, "packet:" LAB_B, "@conf:slots=200", 0, 1, 200, 4096, .remote = true,
     .kernel = true},
};

/* ---- the peer: one request at a time, carried out here or in the second process ------------------------------- */

enum ask_what { ASK_OPEN, ASK_CLOSE, ASK_SEND, ASK_SEND_LATER, ASK_TAKE, ASK_STATS };

struct got {
    int64_t seq; /* -1: a byte is not as it was sent */
    uint16_t len, flags;
};

#define ASK_MOST 4096u

/* A request and its answer; in memory that both processes have. */
struct ask {
    enum ask_what what;
    char name[128];
    struct nv_open_options opt;
    unsigned ring, len; /* len 0: 60 to 124 bytes, by number */
    uint32_t count, seq;
    int result;
    char message[320];
    struct nv_port_stats stats;
    struct got got[ASK_MOST];
};

struct peer {
    struct nv_port *port; /* in the process that carries out; else NULL */
    struct ask *ask;
    int fd;    /* to the second process; -1: there is none */
    pid_t pid; /* of it */
};

static uint8_t mac_a[6] = {2, 0, 0, 0, 0, 1}, mac_b[6] = {2, 0, 0, 0, 0, 2};

static const struct kind *kind; /* that is tested now */

/* A tap port was opened, its interface may be new: lead it to the others'. */
static inline void join_taps(const struct nv_port *port)
{
    int error = kind->tap ? lab_join(nv_name(port) + strlen("tap:")) : 0;
    CHECK(error == 0 || error == -EBUSY, "%s cannot be joined: %s", nv_name(port),
          strerror(-error)); /* joined already */
}

/* Length of packet `seq` when the test does not care. */
static inline unsigned some_length(uint32_t seq)
{
    return 60 + seq % 65;
}

/* Put up to `count` packets into a tx ring and sync it; returns how many went in. */
static inline uint32_t send_packets(struct nv_port *port, unsigned ring, uint32_t count, unsigned len, uint32_t seq,
                                    bool from_a)
{
    uint32_t n = 0;
    while (n < count && put_packet(port, ring, len ? len : some_length(seq + n), from_a ? mac_b : mac_a,
                                   from_a ? mac_a : mac_b, seq + n))
        n++;
    CHECK(nv_txsync(port, ring) == 0);
    return n;
}

static inline void carry_out(struct peer *peer, struct ask *ask)
{
    struct nv_error err = {0};
    uint32_t n = 0;
    switch (ask->what) {
    case ASK_OPEN:
        ask->result = nv_open(ask->name, &ask->opt, &peer->port, &err);
        memcpy(ask->message, err.message, sizeof(ask->message));
        if (ask->result == 0)
            join_taps(peer->port);
        break;
    case ASK_CLOSE:
        nv_close(peer->port);
        peer->port = NULL;
        break;
    case ASK_SEND_LATER:
        usleep(20000); /* fall through */
    case ASK_SEND:
        ask->result = (int)send_packets(peer->port, ask->ring, ask->count, ask->len, ask->seq, false);
        break;
    case ASK_TAKE:
        ask->result = nv_rxsync(peer->port, ask->ring);
        for (struct netmap_ring *r = nv_rxring(peer->port, ask->ring); n < ask->count && !nm_ring_empty(r); n++) {
            const struct netmap_slot *s = &r->slot[r->cur];
            ask->got[n].flags = s->flags;
            ask->got[n].len = s->len;
            ask->got[n].seq = get_packet(peer->port, ask->ring, NULL);
        }
        ask->count = n;
        break;
    case ASK_STATS:
        nv_stats(peer->port, &ask->stats);
    }
}

static void second_process(struct peer *peer, int fd)
{
    char byte;
    while (read(fd, &byte, 1) == 1) {
        carry_out(peer, peer->ask);
        if (write(fd, "", 1) != 1)
            break;
    }
    nv_close(peer->port);
    _exit(check_failed != 0);
}

/* Call before any port is open: the second process must not hold copies of this one's descriptors. */
static inline void peer_start(struct peer *peer, bool remote)
{
    int fds[2];
    *peer = (struct peer){.fd = -1};
    peer->ask = mmap(NULL, sizeof(*peer->ask), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!remote)
        return;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 || (peer->pid = fork()) < 0) {
        perror("second process");
        exit(2);
    }
    if (peer->pid == 0) {
        close(fds[0]);
        second_process(peer, fds[1]);
    }
    close(fds[1]);
    peer->fd = fds[0];
}

static inline void peer_stop(struct peer *peer)
{
    int status;
    if (peer->fd >= 0) {
        close(peer->fd);
        CHECK(waitpid(peer->pid, &status, 0) == peer->pid && status == 0, "the second process ended with %d", status);
    } else {
        nv_close(peer->port);
    }
    munmap(peer->ask, sizeof(*peer->ask));
}

/* Have peer->ask carried out; ASK_SEND_LATER is only begun. */
static inline void peer_do(struct peer *peer, enum ask_what what)
{
    char byte;
    peer->ask->what = what;
    if (peer->fd < 0)
        carry_out(peer, peer->ask);
    else
        CHECK(write(peer->fd, "", 1) == 1 && (what == ASK_SEND_LATER || read(peer->fd, &byte, 1) == 1));
}

/* ---- a pair of ports ------------------------------------------------------------------------------------------ */

struct pair {
    struct nv_port *a;
    struct peer b;
};

/* Name of a port of this kind: `mode` and flags ("-1/x") go before the memory id. */
static inline const char *full_name(char *buf, const char *base, const char *mode)
{
    size_t n = strcspn(base, "@");
    snprintf(buf, 128, "%.*s%s%s%s", (int)n, base, mode, base + n, kind->conf);
    return buf;
}

static inline struct nv_port *open_named(const char *base, const char *mode, const struct nv_open_options *opt)
{
    char name[128];
    struct nv_port *port;
    struct nv_error err = {0};
    struct nv_open_options with = opt ? *opt : (struct nv_open_options){0};
    with.flags |= kind->flags;
    int error = nv_open(full_name(name, base, mode), &with, &port, &err);
    CHECK(error == 0, "%s: %s", name, err.message);
    if (error)
        exit(EXIT_FAILURE); /* no test can go on */
    join_taps(port);
    return port;
}

static inline void peer_open(struct pair *p, const char *mode, const struct nv_open_options *opt)
{
    if (!kind->b)
        return;
    struct ask *ask = p->b.ask;
    full_name(ask->name, kind->b, mode);
    ask->opt = opt ? *opt : (struct nv_open_options){0};
    ask->opt.flags |= kind->flags;
    peer_do(&p->b, ASK_OPEN);
    CHECK(ask->result == 0, "%s: %s", ask->name, ask->message);
}

/* A world with both ports open; opt (may be NULL) for both. */
static inline struct pair pair_open(const struct nv_open_options *opt)
{
    struct pair p;
    world_new();
    peer_start(&p.b, kind->remote);
    p.a = open_named(kind->a, "", opt);
    peer_open(&p, "", opt);
    return p;
}

/* With rings of n slots. Sizes given here come before those of a name. */
static inline struct pair pair_open_slots(uint32_t n)
{
    return pair_open(&(struct nv_open_options){.tx_slots = n, .rx_slots = n});
}

static inline void pair_close(struct pair *p)
{
    nv_close(p->a);
    peer_stop(&p->b);
    world_end();
}

/* The peer sends: returns how many packets went into its ring (0 where there is no peer). */
static inline uint32_t peer_send(struct pair *p, unsigned ring, uint32_t count, unsigned len, uint32_t seq)
{
    if (!kind->b)
        return 0;
    struct ask *ask = p->b.ask;
    ask->ring = ring, ask->count = count, ask->len = len, ask->seq = seq;
    peer_do(&p->b, ASK_SEND);
    return (uint32_t)ask->result;
}

/* The peer syncs its rx ring and takes up to `count` packets, which are then in p->b.ask->got; returns how many. */
static inline uint32_t peer_take(struct pair *p, unsigned ring, uint32_t count)
{
    if (!kind->b)
        return 0;
    struct ask *ask = p->b.ask;
    ask->ring = ring, ask->count = count < ASK_MOST ? count : ASK_MOST;
    peer_do(&p->b, ASK_TAKE);
    CHECK(ask->result == 0);
    return ask->count;
}

/* The peer must receive exactly packets seq .. seq + count - 1, of this length, and release them. */
static inline void peer_expect(struct pair *p, unsigned ring, uint32_t count, unsigned len, uint32_t seq)
{
    if (!kind->b)
        return;
    uint32_t n = peer_take(p, ring, ASK_MOST);
    const struct got *got = p->b.ask->got;
    CHECK(n == count, "%u of %u packets from %u on arrived", n, count, seq);
    for (uint32_t i = 0; i < n && i < count; i++)
        if (got[i].seq != seq + i || got[i].len != (len ? len : some_length(seq + i))) {
            CHECK(false, "packet %u came as %ld of %u bytes", seq + i, (long)got[i].seq, got[i].len);
            break;
        }
    CHECK(peer_take(p, ring, ASK_MOST) == 0); /* releases */
}

/* Send count packets through a's tx ring and have them received, as many at a time as have room. */
static inline void pass(struct pair *p, unsigned ring, uint32_t count, unsigned len, uint32_t seq)
{
    while (count) {
        uint32_t n = send_packets(p->a, ring, count, len, seq, true);
        CHECK(n > 0, "no room at packet %u", seq);
        if (n == 0)
            return;
        peer_expect(p, ring, n, len, seq);
        CHECK(nv_txsync(p->a, ring) == 0);
        count -= n;
        seq += n;
    }
}

/* Packets in + copies = delivered + drops + what a pipe's other end still has. */
static inline struct nv_port_stats check_stats(const struct nv_port *port, uint64_t still_there)
{
    struct nv_port_stats s;
    uint64_t drops = 0;
    nv_stats(port, &s);
    for (unsigned i = 0; i < NV_DROP_COUNT; i++)
        drops += s.drops[i];
    CHECK(s.tx_packets + s.tx_copies == s.tx_delivered + drops + still_there, "%lu + %lu != %lu + %lu + %lu",
          (unsigned long)s.tx_packets, (unsigned long)s.tx_copies, (unsigned long)s.tx_delivered, (unsigned long)drops,
          (unsigned long)still_there);
    return s;
}

#endif
