/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stats.h - the statistics page: what a running engine tells, as one array of 64-bit words.
 *
 * Words 0..NV_PAGE_HEADER_WORDS-1 are the header (enum nv_page_word). Then come, at word offsets the header
 * names: the port's counters (enum nv_port_word, then one word for each drop reason), one group of
 * NV_WORKER_STRIDE words for each worker (enum nv_worker_word), and one histogram for each worker
 * (struct nv_histogram as words). A worker writes its own group once per batch with relaxed stores;
 * readers never lock and may see two words of a group from neighbouring batches. Only NV_PAGE_EPOCH is
 * written by a reader: change it, and every worker starts `min_space` anew.
 * Times are CLOCK_MONOTONIC nanoseconds; counters only rise, from 0 when the engine started.
 */
#ifndef NETVALE_ENGINE_STATS_H
#define NETVALE_ENGINE_STATS_H

#include <stdint.h>

#include <netvale.h>
#include "engine/histogram.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NV_PAGE_MAGIC_VALUE   UINT64_C(0x315354415453564e) /* "NVSTATS1" */
#define NV_PAGE_VERSION_VALUE UINT64_C(1)

/* X(enumerator, name) */
#define NV_PAGE_FIELDS(X)                                                                                              \
    X(MAGIC, "magic")                                                                                                  \
    X(VERSION, "version")                                                                                              \
    X(WORDS, "words")                 /* in the whole page */                                                          \
    X(WORKERS, "workers")             /* number of workers */                                                          \
    X(WORKER_AT, "worker_at")         /* first word of worker 0 */                                                     \
    X(WORKER_STRIDE, "worker_stride") /* words from one worker to the next */                                          \
    X(HISTOGRAM_AT, "histogram_at")   /* first word of worker 0's histogram */                                         \
    X(HISTOGRAM_STRIDE, "histogram_stride")                                                                            \
    X(PORT_AT, "port_at")                     /* first word of the port's counters */                                  \
    X(DROPS_AT, "drops_at")                   /* first word of the drops, in the order of enum nv_drop */              \
    X(DROPS, "drops")                         /* how many reasons there are */                                         \
    X(STATE, "state")                         /* enum nv_engine_state */                                               \
    X(ERROR, "error")                         /* errno value of the first failure, or 0 */                             \
    X(START_NS, "start_ns")                   /* when the engine was started */                                        \
    X(START_REALTIME_NS, "start_realtime_ns") /* the same moment since 1970 */

/* Counters of the port since the engine started: struct nv_port_stats, difference to the start. */
#define NV_PORT_FIELDS(X)                                                                                              \
    X(TX_PACKETS, "tx_packets")                                                                                        \
    X(TX_BYTES, "tx_bytes")                                                                                            \
    X(TX_COPIES, "tx_copies")                                                                                          \
    X(TX_DELIVERED, "tx_delivered")                                                                                    \
    X(TX_DELIVERED_BYTES, "tx_delivered_bytes")                                                                        \
    X(RX_PACKETS, "rx_packets")                                                                                        \
    X(RX_BYTES, "rx_bytes")                                                                                            \
    X(WAKEUPS_SENT, "wakeups_sent")                                                                                    \
    X(WAKEUPS_RECEIVED, "wakeups_received")                                                                            \
    X(RING_RESETS, "ring_resets")

#define NV_WORKER_FIELDS(X)                                                                                            \
    X(WORKER_STATE, "state")    /* enum nv_engine_state */                                                             \
    X(WORKER_ERROR, "error")    /* errno value when it failed, or 0 */                                                 \
    X(PACKETS, "packets")       /* sent and completed, or received; ping: requests sent; pong: answers sent */         \
    X(BYTES, "bytes")           /* of those, as slot lengths: with the vnet header */                                  \
    X(EVENTS, "events")         /* batches */                                                                          \
    X(ACCEPTED, "accepted")     /* packets handed to the port: packets + pending        */                             \
    X(PENDING, "pending")       /* handed over and not completed yet */                                                \
    X(MIN_SPACE, "min_space")   /* least free receive slots seen at a batch since the epoch changed */                 \
    X(FIRST_NS, "first_ns")     /* time of the first packet; 0: none yet */                                            \
    X(LAST_NS, "last_ns")       /* time of the last packet */                                                          \
    X(LOST, "lost")             /* rxseq: numbers missing between the least and the greatest seen */                   \
    X(REORDERED, "reordered")   /* rxseq: came after a greater number, and for the first time */                       \
    X(DUPLICATED, "duplicated") /* rxseq, ping: came again */                                                          \
    X(TOO_LATE, "too_late")     /* rxseq: behind the window, new or not; ping: answer after its time-out */            \
    X(TORN, "torn")             /* verifying: some byte is not as it was sent */                                       \
    X(FOREIGN, "foreign")       /* rxseq, ping: not a packet with a sequence number */                                 \
    X(STREAMS, "streams")       /* rxseq: sequences seen */                                                            \
    X(REPLIES, "replies")       /* ping: answers in time */                                                            \
    X(TIMEOUTS, "timeouts")     /* ping: requests without an answer within a second */                                 \
    X(PAUSES, "pauses")         /* tx: times it gave the processor away to a receiver that could not follow */         \
    X(MISSED, "missed")         /* pacing: packets given up because the port could not take the rate for a second */   \
    X(RATE, "rate")             /* pacing: packets per second asked for now; 0: as fast as possible */                 \
    X(DENIED, "denied")         /* with rules: packets they did not let through */                                     \
    X(ANSWERS, "answers")       /* with rules: answers sent back (reset, unreach, keep-alives, fwd) */                 \
    X(COPIES, "copies")         /* with rules: packets sent to ports they name (tee, divert, fwd) */                   \
    X(UNSENT, "unsent") /* with rules: answers and copies that found no room or no open port, or were lost there */    \
    X(RESET, "reset")   /* sending: packets in a ring when it was set right; somebody had moved its head */            \
    X(CPU, "cpu")       /* processor it is pinned to, plus one; 0: none */

#define NV_PAGE_ENUM(id, name) NV_PAGE_##id,
#define NV_PORT_ENUM(id, name) NV_PORT_##id,
#define NV_STAT_ENUM(id, name) NV_STAT_##id,
enum nv_page_word { NV_PAGE_FIELDS(NV_PAGE_ENUM) NV_PAGE_FIELD_COUNT };
enum nv_port_word { NV_PORT_FIELDS(NV_PORT_ENUM) NV_PORT_FIELD_COUNT };
enum nv_worker_word { NV_WORKER_FIELDS(NV_STAT_ENUM) NV_STAT_FIELD_COUNT };
#undef NV_PAGE_ENUM
#undef NV_PORT_ENUM
#undef NV_STAT_ENUM

#define NV_PAGE_EPOCH        16u /* alone in its cache line: written by the reader */
#define NV_PAGE_HEADER_WORDS 32u
#define NV_PAGE_PORT_WORDS   32u /* room for the port's counters and drops */
#define NV_WORKER_STRIDE     32u /* a multiple of two cache lines: 16 words */

enum nv_engine_state {
    NV_STATE_WAITING, /* for the link (-w) or, receiving, for the first packet */
    NV_STATE_RUNNING,
    NV_STATE_DONE,   /* did what was asked, or was stopped */
    NV_STATE_FAILED, /* see error */
};

struct nv_stats_page {
    uint64_t word[NV_PAGE_HEADER_WORDS]; /* the header; word[NV_PAGE_WORDS] words in all */
};

/* Names of the words as printed ("packets"); NULL when out of range. */
const char *nv_page_name(unsigned word);
const char *nv_port_word_name(unsigned word);
const char *nv_worker_word_name(unsigned word);
const char *nv_state_name(unsigned state); /* "waiting", "running", "done", "failed" */

/* Read one word (relaxed): of the header, of the port's counters, of one drop reason, of worker `worker`. */
uint64_t nv_page_get(const struct nv_stats_page *page, unsigned word);
uint64_t nv_page_port(const struct nv_stats_page *page, unsigned word);
uint64_t nv_page_drop(const struct nv_stats_page *page, unsigned reason);
uint64_t nv_page_worker(const struct nv_stats_page *page, unsigned worker, unsigned word);
uint64_t nv_page_total(const struct nv_stats_page *page, unsigned word); /* over all workers */
const struct nv_histogram *nv_page_histogram(const struct nv_stats_page *page, unsigned worker);

#ifdef __cplusplus
}
#endif
#endif
