/* SPDX-License-Identifier: BSD-2-Clause */
/* port.h - an opened descriptor inside the library, and the operations every kind of port provides. */
#ifndef NETVALE_PORT_H
#define NETVALE_PORT_H

#include "memory/shared.h"
#include "port/world.h"

struct nv_txq;
struct nv_rxq;
struct nv_name;

/*
 * What a kind of port does. Called only by the sync wrapper (port.c) and by open and close, on the caller's
 * thread; one thread at a time per ring. None may block or sleep.
 */
struct nv_port_ops {
    /*
     * Take what the port is made of in this process (a tap's interface), before its rings are bound; directory locked.
     * May choose the port's name, and wait_fd. NULL: nothing. 0 or -errno with err.
     */
    int (*open)(struct nv_port *port, const struct nv_name *name, struct nv_error *err);
    void (*close)(struct nv_port *port); /* give it back; also after a failed open */
    /* What made wait_fd readable was seen: make it unreadable until something new comes. True: there was something.
     * NULL: wait_fd is the FIFO. */
    bool (*drain)(struct nv_port *port);
    /* Prepare / release what a tx ring needs in this process. 0 or -errno with err. */
    int (*tx_open)(struct nv_port *port, struct nv_txq *tx, struct nv_error *err);
    void (*tx_close)(struct nv_port *port, struct nv_txq *tx);
    /* Take slots [ctl->hwcur, head), which lie inside the ring; move ctl->hwcur and ctl->hwtail. */
    void (*txsync)(struct nv_port *port, struct nv_txq *tx, uint32_t head);
    /* The turn was taken over from one that died in txsync: set right what it had half done. NULL: nothing to do. */
    void (*tx_heir)(struct nv_port *port, struct nv_txq *tx);
    /* Take back slots [ctl->hwcur, head) and show what arrived: move ctl->hwcur and ctl->hwtail.
     * Returns 0, or -EINVAL when a returned slot was broken. */
    int (*rxsync)(struct nv_port *port, struct nv_rxq *rx, uint32_t head);
};

/* A tx ring bound by this descriptor. */
struct nv_txq {
    struct netmap_ring *ring;
    struct nv_ring_ctl *ctl;
    unsigned id;
    void *kind;          /* the kind's own */
    uint32_t *armed;     /* pipe: where a sender that waits for space says so; NULL: nobody is there */
    uint32_t *was_armed; /* the same when the last look began */
    /* completed since open; the syncing thread counts, the filling thread reads */
    struct nv_completion completed __attribute__((aligned(64)));
    struct nv_completion reported; /* by nv_tx_completed */
    uint32_t shown;                /* slots before this one were shown to the monitors */
    uint32_t stop, wake;           /* watermarks; fn NULL: off */
    bool stopped;
    nv_flow_fn *flow;
    void *flow_arg;
};

/* A lease taken away from a sender that stood still: its buffers stay aside until the sender moved on. */
struct nv_set_aside {
    struct nv_set_aside *next;
    uint32_t desc, generation;
    uint32_t seq;    /* of the lease */
    uint32_t until;  /* once n is 0: leases before this one may have been overwritten */
    nv_token holder; /* the sender's port */
    uint32_t n;
    uint32_t buf[];
};

/* An rx ring bound by this descriptor. */
struct nv_rxq {
    struct netmap_ring *ring;
    struct nv_ring_ctl *ctl;
    unsigned id;
    uint32_t object;          /* the ring's number in the region */
    bool releases_wake;       /* pipe: the sender may be waiting for space */
    int64_t blocked_since_ns; /* when the lease blocked_seq was first found open at the head; 0: never */
    int64_t probed_ns;        /* when its holder was last looked for */
    uint32_t blocked_seq;
    uint32_t lost;   /* buffers set aside without replacement */
    uint32_t excess; /* receive.c: buffers that one who died put into the queue twice */
    struct nv_set_aside *aside;
    uint64_t *checked; /* a copy of full[], for nv_queue_check; NULL: not yet needed */
};

#define NV_MONITORS 4

struct nv_port {
    struct nv_world *world;
    struct nv_region *region;
    const struct nv_port_ops *ops;
    struct nv_port_entry *entry;
    struct nv_desc_entry *desc_entry;
    uint32_t desc, generation;
    nv_token token;
    void *kind;               /* the kind's own */
    int fd;                   /* the FIFO: whoever holds it keeps the port alive */
    int wait_fd;              /* what a sleeper polls: the FIFO, or the kind's own */
    bool adrift;              /* opening: the directory's lock was given back and not got again */
    uint64_t stopped_in_turn; /* turn.c: an opener that was waited for in vain; 0: nobody */
    int64_t probe_ns;         /* turn.c: when to look again whether that one lives */
    int gone;                 /* 0, or -errno: what is behind the port went away, every sync fails with this */
    struct netmap_if *nifp;
    struct nv_ring_range range;
    struct nv_txq *tx; /* last_tx - first_tx + 1 of them */
    struct nv_rxq *rx;
    enum nv_wait_mode wait_mode;
    int64_t spin_ns;      /* how long the next wait spins before it sleeps */
    bool maybe_signalled; /* the FIFO may hold a byte */
    uint32_t broken;      /* sweep.c: slots repaired since all was found in order */
    int64_t swept_ns;
    uint8_t *suspects;    /* buffers that the last sweep found nowhere */
    const uint64_t *kept; /* nv_port_keeps */
    unsigned monitors;
    struct {
        nv_monitor_fn *fn;
        void *arg;
    } monitor[NV_MONITORS];
    char name[NETMAP_REQ_IFNAMSIZ];
    char gone_why[320]; /* a line about `gone`; "": its interface was removed */
};

/*
 * May buffer `index` be used by this port's application? (It is the port's, or another's of this process and not
 * waiting in that one's queue.)
 */
static inline bool nv_port_owns(const struct nv_port *p, uint32_t index)
{
    nv_token owner = __atomic_load_n(&p->region->buf_owner[index], __ATOMIC_RELAXED);
    return owner == p->token ||
           (owner && __atomic_load_n(&p->world->mine[nv_token_index(owner)], __ATOMIC_RELAXED) == owner &&
            !nv_region_queued(p->region, index));
}

/* Has the region other ports? Then whose a buffer is must be looked at before it is handed on. */
static inline bool nv_port_shares(const struct nv_port *p)
{
    return __atomic_load_n(&p->region->control->shared, __ATOMIC_RELAXED);
}

static inline uint32_t nv_port_backed(const struct nv_port *p)
{
    return __atomic_load_n(&p->region->control->backed, __ATOMIC_RELAXED);
}

static inline void nv_count_drops(struct nv_ring_ctl *ctl, enum nv_drop why, uint64_t n)
{
    uint64_t *at = &ctl->stats.drops[why];
    __atomic_store_n(at, *at + n, __ATOMIC_RELAXED);
}

static inline void nv_count(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* A slot as one 64-bit word, read or written once: buf_idx, len, flags. */
static inline uint64_t nv_slot_load(const struct netmap_ring *ring, uint32_t i)
{
    return nv_shared_load((const uint64_t *)(const void *)&ring->slot[i]);
}
/* A slot that may belong to nobody: only to prefetch what it names. */
static inline uint64_t nv_slot_peek(const struct netmap_slot *slot)
{
    return __atomic_load_n((const uint64_t *)(const void *)slot, __ATOMIC_RELAXED);
}
static inline void nv_slot_store(struct netmap_ring *ring, uint32_t i, uint64_t word)
{
    __atomic_store_n((uint64_t *)(void *)&ring->slot[i], word, __ATOMIC_RELAXED);
}
static inline uint32_t nv_slot_buf(uint64_t word)
{
    return (uint32_t)word;
}
static inline uint16_t nv_slot_len(uint64_t word)
{
    return (uint16_t)(word >> 32);
}
static inline uint16_t nv_slot_flags(uint64_t word)
{
    return (uint16_t)(word >> 48);
}
static inline uint64_t nv_slot_word(uint32_t buf, uint16_t len, uint16_t flags)
{
    return (uint64_t)buf | (uint64_t)len << 32 | (uint64_t)flags << 48;
}

/* Why a slot cannot be sent; NV_DROP_COUNT: it can. */
static inline enum nv_drop nv_slot_check(const struct nv_port *p, uint64_t slot)
{
    if (nv_slot_buf(slot) - NV_FIRST_BUF >= nv_port_backed(p) - NV_FIRST_BUF || (nv_slot_flags(slot) & NS_INDIRECT) ||
        !nv_port_owns(p, nv_slot_buf(slot)))
        return NV_DROP_BAD_SLOT;
    return nv_slot_len(slot) > NV_BUF_SIZE ? NV_DROP_TOO_LONG : NV_DROP_COUNT;
}

/* Is the first lease of the queue, already found open by the last rxsync, still the first? */
static inline bool nv_rx_blocked(const struct nv_rxq *rx)
{
    return rx->blocked_since_ns && rx->blocked_seq == rx->ctl->queue.head_seq;
}

static inline unsigned nv_tx_count(const struct nv_port *p)
{
    return (uint16_t)(p->range.last_tx + 1 - p->range.first_tx); /* "none" may stand there as 0 .. 65535 */
}
static inline unsigned nv_rx_count(const struct nv_port *p)
{
    return (uint16_t)(p->range.last_rx + 1 - p->range.first_rx);
}

/* receive.c: the rxsync of every kind that has a delivery queue. */
int nv_queue_rxsync(struct nv_port *port, struct nv_rxq *rx, uint32_t head);
/* receive.c: the turn was taken over from one that died in there: what it had half done is finished. */
void nv_queue_inherit(struct nv_port *port, struct nv_rxq *rx);

/* stall.c: the first lease of the queue is open. True when it was got rid of and the receiver can go on. */
bool nv_queue_unblock(struct nv_port *port, struct nv_rxq *rx);
/* stall.c: bring back buffers whose holders moved on, and find others for lost ones. */
void nv_queue_bring_back(struct nv_port *port, struct nv_rxq *rx);
/*
 * stall.c: the entries of the first lease, of n positions, where those holders cannot reach them; NULL: one of them
 * has overwritten some, and the lease was dropped whole.
 */
const uint64_t *nv_queue_check(struct nv_port *port, struct nv_rxq *rx, uint32_t n, uint32_t seq);
/* stall.c: a buffer for the queue at `refill`, by the receiver. */
void nv_queue_refill(struct nv_port *port, struct nv_rxq *rx, uint32_t buf);

/*
 * sweep.c: slot i of a tx ring held no buffer that the application may have there; it gets another. Of a released slot
 * of an rx ring: another one for the queue; false: there is none.
 */
void nv_slot_repair(struct nv_port *port, struct netmap_ring *ring, uint32_t i);
bool nv_slot_replace(struct nv_port *port, uint32_t *buf);
/*
 * sweep.c: slots were repaired. Find the buffers that stood there before, and those that stand in two tx slots. Called
 * in the turn of a ring of the port, `ctl`; does nothing when another of its rings is in use.
 */
void nv_port_sweep(struct nv_port *port, const struct nv_ring_ctl *ctl);
/*
 * sweep.c: an application that was given extra buffers keeps buffers outside of all rings. It tells which in `kept`, a
 * bit for each of the region (those with memory, in words of 64), and changes that as it goes: set before it takes a
 * buffer out of a slot, cleared after it put it into one. Until then nothing is swept where it lives.
 */
void nv_port_keeps(struct nv_port *port, const uint64_t *kept);

/*
 * wait.c: wake whoever armed this word of the port `owner`, and count it. A wake-up that cannot be sent (no
 * descriptors left) stays armed for the next sender.
 */
void nv_wake(struct nv_port *port, uint32_t *word, nv_token owner, uint64_t *count);

/*
 * A number for the next port or descriptor. Directory locked. Never one whose part in a token is 0: with index 0 that
 * would be nobody.
 */
static inline uint32_t nv_next_generation(struct nv_table *t)
{
    uint32_t generation = t->next_generation++;
    if ((generation << NV_TOKEN_INDEX_BITS) == 0)
        generation = t->next_generation++;
    return generation;
}

/* reclaim.c. Directory locked. Find the dead, take down what they left; returns how many things were removed. */
int nv_reclaim(struct nv_world *w, int lockfd);
/* reclaim.c. Before unlocking: when no port is left, the table goes, and the directory if it was made here. */
void nv_world_leave(struct nv_world *w, int lockfd);
/* reclaim.c: what stands in a region's if_owner[] for a descriptor. */
uint32_t nv_desc_owner(uint32_t desc, uint32_t generation);
/* reclaim.c: no sender can reserve any more after this. */
void nv_queue_close(struct nv_queue *q);

int64_t nv_clock_ns(void); /* CLOCK_MONOTONIC */

#endif
