/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netvale.h - the C interface of the library: open a port by name, hand slots over, wait, close.
 *
 * Rings, slots and buffers are netmap's own (net/netmap.h); a loop written for netmap's rings runs on
 * ours unchanged. Every function returns 0 or a count on success and -errno on failure; those that take
 * a struct nv_error also describe the failure in words. The library never prints.
 *
 * Threads: one thread at a time syncs one ring. Different rings of a port, and different ports, may be
 * used by different threads at once. Opening and closing is safe from any thread.
 */
#ifndef NETVALE_H
#define NETVALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <net/netmap.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NETVALE_VERSION "0.1.0"

/* What went wrong, for a person: which port, what, and what to do about it. */
struct nv_error {
    int code;          /* the errno value; 0: no error */
    char message[320]; /* one line, no newline */
};

/*
 * Why a packet went nowhere. For every port and loop: packets in = packets out + the sum of these.
 * X(enumerator, name as printed)
 */
#define NV_DROP_REASONS(X)                                                                                             \
    X(NO_SPACE, "no_space")         /* the receiver's ring was full */                                                 \
    X(BUSY, "busy")                 /* the receiver's ring was contended beyond the bounded number of tries */         \
    X(NO_PORT, "no_port")           /* the switch has nobody to send it to */                                          \
    X(OWN_PORT, "own_port")         /* the destination was learnt on the sending port itself */                        \
    X(PORT_GONE, "port_gone")       /* the receiver left between look-up and delivery */                               \
    X(PEER_GONE, "peer_gone")       /* a pipe's other end left with packets unread */                                  \
    X(REVOKED, "revoked")           /* the sender stood still in mid-copy for too long and lost its reservation */     \
    X(STALE, "stale")               /* overwritten by a sender that woke up after its reservation was revoked */       \
    X(BAD_SLOT, "bad_slot")         /* a slot with an impossible buffer index or pointer */                            \
    X(TOO_LONG, "too_long")         /* longer than the buffer, or more than NETMAP_MAX_FRAGS fragments */              \
    X(RUNT, "runt")                 /* shorter than an Ethernet header */                                              \
    X(BROKEN_CHAIN, "broken_chain") /* the last fragment never came */                                                 \
    X(LINK_DOWN, "link_down")       /* the interface behind the port is down or gone */

#define NV_DROP_ENUM(id, name) NV_DROP_##id,
enum nv_drop { NV_DROP_REASONS(NV_DROP_ENUM) NV_DROP_COUNT };
#undef NV_DROP_ENUM

/* Name of a drop reason ("no_space"); NULL when out of range. */
const char *nv_drop_name(unsigned reason);

/* ---- opening ---------------------------------------------------------------------------------- */

struct nv_port; /* one opened descriptor of a port */

enum nv_open_flags {
    NV_OPEN_EXISTING = 1u << 0,  /* the port must exist already: -ENOENT otherwise */
    NV_OPEN_COPY = 1u << 1,      /* always copy: tx buffers stay as they were, as netmap programs expect of VALE */
    NV_OPEN_EXCLUSIVE = 1u << 2, /* as the name's flag x: -EBUSY when somebody else has these rings, now or later */
};

struct nv_open_options {
    const char *dir;             /* world to live in; NULL: $NETVALE_DIR, else /dev/shm/netvale-<uid> */
    uint32_t flags;              /* enum nv_open_flags */
    uint32_t tx_rings, rx_rings; /* 0: the name's @conf, else 1 (VALE: 1..16, pipes: 1..256) */
    uint32_t tx_slots, rx_slots; /* 0: the name's @conf, else 1024 (2..4096) */
    uint32_t extra_bufs;         /* buffers beyond those in the rings, linked from ni_bufs_head */
};

/*
 * Open a port by its full name ("vale0:a", "vale0:a-1", "netmap:p{1", "null:", "vale0:a@7"). The rest of
 * the grammar is netmap's: see docs/ports.md. opt may be NULL. On success *out is the port and 0 is
 * returned; otherwise -errno with *err filled (err may be NULL):
 *   -EINVAL bad name or option, -ENOENT must exist and does not, -EBUSY held exclusively or the
 *   directory is locked by a stopped process, or a tap in use, -ENOMEM / -ENOSPC shared memory is full,
 *   -EPERM / -EACCES the directory is not safely ours, -EOPNOTSUPP a kind of port this build has not.
 */
int nv_open(const char *name, const struct nv_open_options *opt, struct nv_port **out, struct nv_error *err);

/*
 * Attach to a port by a wait descriptor received from another process (SCM_RIGHTS, inheritance). The
 * descriptor is duplicated; the caller keeps its own. Errors as nv_open, and -EBADF when it is not ours.
 */
int nv_open_fd(int fd, struct nv_port **out, struct nv_error *err);

/* Close. The port goes away with the last descriptor on it, in whichever process that is. NULL is fine. */
void nv_close(struct nv_port *port);

/* ---- what was opened --------------------------------------------------------------------------- */

const char *nv_name(const struct nv_port *port); /* the port's name without mode and options */
int nv_fd(const struct nv_port *port);           /* wait descriptor: readable means look again; owned by the port */
struct netmap_if *nv_if(const struct nv_port *port);
void *nv_memory(const struct nv_port *port, size_t *size); /* the mapped region, size in bytes */
uint16_t nv_mem_id(const struct nv_port *port);
uint32_t nv_slots_backed(const struct nv_port *port); /* buffers with index below this have memory */

/* Rings bound by this descriptor: [first, last] inclusive, as netmap's nm_desc has them; none: last = first - 1. */
struct nv_ring_range {
    uint16_t first_tx, last_tx, first_rx, last_rx;
};
struct nv_ring_range nv_rings(const struct nv_port *port);
struct netmap_ring *nv_txring(const struct nv_port *port, unsigned ring);
struct netmap_ring *nv_rxring(const struct nv_port *port, unsigned ring);

/* ---- moving packets ---------------------------------------------------------------------------- */

/*
 * Hand the slots [.., head) of one ring to the port and learn what became free (tx) or arrived (rx).
 * Never block. Return 0, or -EINVAL when head or cur was impossible: the ring was then reset to the
 * last good state, as netmap does; or what nv_gone says.
 */
int nv_txsync(struct nv_port *port, unsigned ring);
int nv_rxsync(struct nv_port *port, unsigned ring);

/*
 * 0, or -ENODEV: the interface behind the port was removed; -EBADMSG: its capture file is damaged. Every sync then
 * fails with it, nv_wait returns POLLERR at once, and what is sent is dropped (link_down); the port can only be closed.
 */
int nv_gone(const struct nv_port *port);

/* A line about it, for people: "its interface was removed". NULL when it is not gone. */
const char *nv_gone_why(const struct nv_port *port);

/*
 * Openers of one ring sync it one after the other. One that finds another in there waits for it, for 2 ms at most; if
 * that one is stopped in there, the sync does nothing and returns 0, which is counted (ring_busy). A dead one's turn
 * ends with it.
 *
 * Syncs in turn keep the library's side in order. Who shares a ring and wants its slots for itself, too, from looking
 * at head and tail until it has moved head and synced, takes a turn for all of that; syncs in between are part of it.
 * 0, -EBUSY: another opener stayed in there, or -EINVAL: not a ring of ours. Neither wait nor sleep in a turn.
 */
int nv_turn_take(struct nv_port *port, bool rx, unsigned ring);
void nv_turn_give(struct nv_port *port, bool rx, unsigned ring);

/* All bound rings of one direction; the first error is returned after all were synced. */
int nv_txsync_all(struct nv_port *port);
int nv_rxsync_all(struct nv_port *port);

/* ---- waiting ----------------------------------------------------------------------------------- */

enum nv_wait_mode {
    NV_WAIT_ADAPTIVE, /* spin while it pays, then sleep (default) */
    NV_WAIT_SLEEP,    /* sleep at once */
    NV_WAIT_BUSY,     /* never sleep */
};
void nv_set_wait_mode(struct nv_port *port, enum nv_wait_mode mode);

/*
 * Sync all bound rings and wait until one of `events` (POLLIN: a packet beyond cur in some rx ring,
 * POLLOUT: room beyond cur in some tx ring) is true or timeout_ns passed (negative: for ever, 0: do not
 * wait). Pending tx slots are pushed whatever the events are. Returns the events that are true, 0 on
 * time-out, -EINTR when a signal came while it slept (NV_WAIT_BUSY never sleeps: give it a time-out), POLLERR in the
 * result when a ring was broken.
 */
int nv_wait(struct nv_port *port, int events, int64_t timeout_ns);

/*
 * For programs with their own poll, select or epoll loop. nv_arm says "I am about to sleep": it syncs,
 * and returns the events that are already true (do not sleep) or 0: then wait until nv_fd is readable
 * (poll at most nv_sleep_limit_ns at a time) and call nv_arm or nv_wait again, which drains it.
 */
int nv_arm(struct nv_port *port, int events);
int64_t nv_sleep_limit_ns(const struct nv_port *port);

/* ---- a device's flow control ------------------------------------------------------------------- */

/*
 * One thread may fill a tx ring while another syncs it. The filling thread then stores the slot first, cur next and
 * head last (head with release), so that a sync between the two never finds cur behind head; and reads tail with
 * acquire.
 */

struct nv_completion {
    uint64_t packets, bytes;
};

/* Packets and bytes of tx ring `ring` whose slots came back since the last call. */
struct nv_completion nv_tx_completed(struct nv_port *port, unsigned ring);

/*
 * Call fn(arg, ring, true) in the syncing thread when free slots fall below `stop` and
 * fn(arg, ring, false) once they reach `wake` again (stop <= wake < slots). fn NULL: off. -EINVAL else.
 */
typedef void nv_flow_fn(void *arg, unsigned ring, bool stopped);
int nv_tx_watermarks(struct nv_port *port, unsigned ring, uint32_t stop, uint32_t wake, nv_flow_fn *fn, void *arg);

/* ---- counting ---------------------------------------------------------------------------------- */

/*
 * Counters of a port since it was created, over all its descriptors; 64-bit, only rising.
 * tx_packets + tx_copies = tx_delivered + the sum of drops (+ what a pipe's other end has not released yet);
 * flooding adds one copy per further receiver. rx_drops are packets that were delivered to this port but not
 * shown to its application.
 */
struct nv_port_stats {
    uint64_t tx_packets, tx_bytes; /* taken from the application */
    uint64_t tx_copies;            /* further copies made by flooding */
    uint64_t tx_delivered, tx_delivered_bytes;
    uint64_t rx_packets, rx_bytes; /* shown to the application */
    uint64_t wakeups_sent, wakeups_received;
    uint64_t ring_resets;             /* broken head, cur or slots */
    uint64_t ring_busy;               /* syncs that did nothing, because another opener stayed in the ring */
    uint64_t drops[NV_DROP_COUNT];    /* of packets sent here */
    uint64_t rx_drops[NV_DROP_COUNT]; /* of packets that came here */
};
void nv_stats(const struct nv_port *port, struct nv_port_stats *out);

/* The same of one tx ring alone, as it stands behind its last sync; all 0 when it is not bound. */
struct nv_tx_counts {
    uint64_t packets, bytes, copies, delivered, delivered_bytes, drops[NV_DROP_COUNT];
    uint32_t slot; /* the first that the port has not taken: where head is after a reset */
};
void nv_stats_tx(const struct nv_port *port, unsigned ring, struct nv_tx_counts *out);

/* ---- the monitor hook -------------------------------------------------------------------------- */

/*
 * Called in the one wrapper around every txsync (before the port sees the slots) and rxsync (after the
 * application sees them): slots [from, to) of `ring`. Must not touch head, cur or tail.
 */
typedef void nv_monitor_fn(void *arg, struct netmap_ring *ring, uint32_t from, uint32_t to);
int nv_monitor_add(struct nv_port *port, nv_monitor_fn *fn, void *arg); /* -ENOSPC beyond 4 */
void nv_monitor_remove(struct nv_port *port, nv_monitor_fn *fn, void *arg);

/* ---- the directory ----------------------------------------------------------------------------- */

struct nv_port_info {
    char name[NETMAP_REQ_IFNAMSIZ];
    const char *kind; /* "vale", "pipe", "null", "tap" */
    uint16_t mem_id, tx_rings, rx_rings;
    uint32_t tx_slots, rx_slots;
    uint32_t openers; /* live descriptors */
};

/* Call fn for each live port in dir (NULL: the default). fn returns nonzero to stop. -errno on failure. */
int nv_list(const char *dir, int (*fn)(void *arg, const struct nv_port_info *info), void *arg, struct nv_error *err);

/* Remove what dead processes left behind; returns how many things were removed, or -errno. */
int nv_gc(const char *dir, struct nv_error *err);

#ifdef __cplusplus
}
#endif
#endif
