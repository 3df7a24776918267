/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay.h - the live loop between two ports: rules decide, links delay, and what is left goes out on the other side.
 *
 * Port 0 is the inside (where the host would be), port 1 the outside: a packet from 0 to 1 passes the rules once as
 * `out recv 0 xmit 1`, one from 1 to 0 as `in recv 1`. Packets that wait keep their buffers while the region has spare
 * ones; short ones, and all beyond that, are copied into a packed store with a stated bound. One thread does both
 * directions.
 */
#ifndef NETVALE_RELAY_H
#define NETVALE_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include <netvale.h>
#include "emulation/emulation.h"
#include "engine/histogram.h"
#include "relay/measure.h"
#include "rules/rules.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nv_relay;

struct nv_relay_plan {
    const char *port[2];
    struct nv_open_options open; /* of both; extra_bufs are the spare buffers, for each region */
    struct nv_rules *rules;      /* NULL: everything passes. Lives longer than the relay */
    struct nv_emu *emulation;    /* NULL: no links, then pipes and queues drop. Lives longer, used by this relay only */
    uint64_t time_offset;        /* added to CLOCK_MONOTONIC: the time the rules see */
    size_t memory;               /* bound of the packed store, bytes */
    uint32_t burst;              /* packets of a ring taken at once, 1..1024 */
    enum nv_wait_mode wait_mode;
    int cpu;       /* processor to run on; -1: any */
    uint8_t layer; /* 2 or 3: what rules see */
    bool one_pass;
    const char *capture; /* file (pcapng) to which the packets of both ports are written; NULL: none */
    int log_fd;          /* packets are logged there (log.h); -1: not. Stays the caller's */
    const char *matches; /* file (pcapng) to which packets that rules with `log` match are written; NULL: none */
};

/* 256 packets at once, 256 MiB, 4096 spare buffers, layer 2, one_pass. */
void nv_relay_default(struct nv_relay_plan *plan);

/*
 * What a direction lost, by name. The rules' reasons, the links' and those of the ports that packets were sent to come
 * after these, in their order.
 * X(enumerator, name)
 */
#define NV_RELAY_DROPS(X)                                                                                              \
    X(TX_FULL, "tx_full")       /* the other port's ring was full when the packet was due */                           \
    X(NO_MEMORY, "no_memory")   /* the store's bound was reached */                                                    \
    X(BAD_SLOT, "bad_slot")     /* a slot with an impossible buffer index or length */                                 \
    X(TOO_LONG, "too_long")     /* longer than the store's pieces or the other ring takes */                           \
    X(NOT_OPEN, "not_open")     /* divert or fwd to a port that is not open yet, or cannot be opened */                \
    X(RING_RESET, "ring_reset") /* in a ring that somebody else wrote into, when it was set right */                   \
    X(HELD, "held")             /* reass keeps it; it goes on within the last fragment's packet */                     \
    X(DIVERTED, "diverted")     /* went to a divert port; what comes back from there is counted as `returned` */

#define NV_RELAY_DROP_ENUM(id, name) NV_RELAY_DROP_##id,
enum nv_relay_drop { NV_RELAY_DROPS(NV_RELAY_DROP_ENUM) NV_RELAY_DROP_COUNT };
#undef NV_RELAY_DROP_ENUM

/* Words of the statistics. One group for each direction: index is the port packets come from. */
#define NV_RELAY_FIELDS(X)                                                                                             \
    X(RX_PACKETS, "rx_packets")                                                                                        \
    X(RX_BYTES, "rx_bytes")                                                                                            \
    X(TX_PACKETS, "tx_packets") /* taken by the other port and not lost there; a flooded packet once for each copy */  \
    X(TX_BYTES, "tx_bytes")                                                                                            \
    X(WAITING, "waiting")           /* in links */                                                                     \
    X(COPIED, "copied")             /* of all that waited: in the packed store, not in their own buffers */            \
    X(ANSWERS, "answers")           /* made by reject, reset, keep-alives: sent back to the port packets come from */  \
    X(ANSWERS_LOST, "answers_lost") /* that port's ring was full, or it lost them */                                   \
    X(COPIES, "copies")             /* made by tee */                                                                  \
    X(COPIES_LOST, "copies_lost")   /* the port tee names was not open, or full, or lost them */                       \
    X(DUPLICATES, "duplicates")     /* made by links */                                                                \
    X(RETURNED, "returned")         /* from divert ports */                                                            \
    X(REASSEMBLED, "reassembled")   /* of those: put together from held fragments */                                   \
    X(BOUNCED, "bounced")           /* fwd: back to the port it came from */                                           \
    X(FLOODED, "flooded")           /* further copies that a switch made of what was sent there */                     \
    X(PENDING, "pending")           /* in a tx ring whose port takes nothing: a pipe whose other end left */

#define NV_RELAY_ENUM(id, name) NV_RELAY_##id,
enum nv_relay_word { NV_RELAY_FIELDS(NV_RELAY_ENUM) NV_RELAY_FIELD_COUNT };
#undef NV_RELAY_ENUM

/*
 * Always, for a direction: rx_packets + duplicates + returned + flooded
 *   = tx_packets + bounced + waiting + pending + the sum of its drops.
 */
#define NV_RELAY_DROPS_AT 16u /* word of a group at which its drops begin */
#define NV_RELAY_DROP_WORDS                                                                                            \
    ((unsigned)NV_RELAY_DROP_COUNT + NV_RULES_REASON_COUNT + NV_EMU_DROP_COUNT + (unsigned)NV_DROP_COUNT)
#define NV_RELAY_GROUP_WORDS 96u

/* Words of the whole page: header, two groups, measures. Each is written by the relay's thread with relaxed stores. */
#define NV_RELAY_PAGE_FIELDS(X)                                                                                        \
    X(STATE, "state")           /* enum nv_engine_state */                                                             \
    X(ERROR, "error")           /* errno value, or 0 */                                                                \
    X(START_NS, "start_ns")     /* CLOCK_MONOTONIC */                                                                  \
    X(NOW_NS, "now_ns")         /* of the last look */                                                                 \
    X(STORE_USED, "store_used") /* bytes */                                                                            \
    X(STORE_SIZE, "store_size") /* bytes */                                                                            \
    X(SPARES, "spares")         /* buffers left for packets that wait */                                               \
    X(SLEEPS, "sleeps")                                                                                                \
    X(BATCHES, "batches")           /* turns in which something was done */                                            \
    X(CAPTURE_LOST, "capture_lost") /* packets that could not be written to the capture file */                        \
    X(LOG_LOST, "log_lost")         /* records of packets that could not be written */                                 \
    X(RING_RESETS, "ring_resets")   /* rings set right, because somebody else wrote into them what cannot be */

#define NV_RELAY_PAGE_ENUM(id, name) NV_RELAY_PAGE_##id,
enum nv_relay_page_word { NV_RELAY_PAGE_FIELDS(NV_RELAY_PAGE_ENUM) NV_RELAY_PAGE_FIELD_COUNT };
#undef NV_RELAY_PAGE_ENUM
#define NV_RELAY_PAGE_HEAD   32u
#define NV_RELAY_MEASURES_AT (NV_RELAY_PAGE_HEAD + 2 * NV_RELAY_GROUP_WORDS) /* see measure.h */
#define NV_RELAY_PAGE_WORDS  (NV_RELAY_MEASURES_AT + NV_RELAY_MEASURE_GROUPS * NV_RELAY_MEASURE_WORDS)

const char *nv_relay_page_name(unsigned word); /* names as above; NULL when out of range */
const char *nv_relay_word_name(unsigned word);
const char *nv_relay_drop_name(unsigned drop);
const char *nv_relay_measure_name(unsigned word);

/* Open both ports and start. 0 or -errno with *err filled and nothing left open. */
int nv_relay_start(const struct nv_relay_plan *plan, struct nv_relay **out, struct nv_error *err);

/* Take no more in; leave when all that waits has left (drain), or at once: what waits is then dropped as `stopped`. */
void nv_relay_stop(struct nv_relay *relay, bool drain);

/* enable|disable one_pass, from any thread. */
void nv_relay_set_one_pass(struct nv_relay *relay, bool one_pass);

bool nv_relay_done(const struct nv_relay *relay);
/* Wait for the thread and close the ports. 0 or the failure that ended it. May be called again. */
int nv_relay_join(struct nv_relay *relay, struct nv_error *err);

/* NV_RELAY_PAGE_WORDS words; valid until free. */
uint64_t *nv_relay_page(const struct nv_relay *relay);

/*
 * Histograms of nanoseconds, valid until free: how late departures were (behind the links' exact time), and how long
 * packets took from arrival to exact departure, from the inside and from the outside, then of the first groups of
 * measures (with one_pass only).
 */
#define NV_RELAY_HISTOGRAMS (3 + NV_RELAY_MEASURE_TIMED)
struct nv_histogram *nv_relay_histograms(const struct nv_relay *relay);

/* Stop at once, join and free. NULL is fine. */
void nv_relay_free(struct nv_relay *relay);

#ifdef __cplusplus
}
#endif
#endif
