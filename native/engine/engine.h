/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine.h - run a plan (send, receive, echo) on native threads; read how it goes from the statistics page.
 *
 * A plan says what to do on which port; nv_engine_start opens the port and returns at once, with one worker
 * thread for each of plan.threads. The plan and what it points to may be freed as soon as start returns.
 */
#ifndef NETVALE_ENGINE_H
#define NETVALE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netvale.h>
#include "engine/stats.h"
#include "packet/template.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nv_rules;

/* What a worker does: pkt-gen's -f. X(enumerator, name) */
#define NV_ROLES(X)                                                                                                    \
    X(RX, "rx")       /* count what comes */                                                                           \
    X(TX, "tx")       /* send plan.traffic */                                                                          \
    X(PING, "ping")   /* send a request, wait for its answer, record the round trip time */                            \
    X(PONG, "pong")   /* return what comes, addresses swapped */                                                       \
    X(TXSEQ, "txseq") /* send with sequence number, time and a payload derived from both */                            \
    X(RXSEQ, "rxseq") /* count what txseq sent: lost, reordered, duplicated, torn */

#define NV_ROLE_ENUM(id, name) NV_ROLE_##id,
enum nv_role { NV_ROLES(NV_ROLE_ENUM) NV_ROLE_COUNT };
#undef NV_ROLE_ENUM

const char *nv_role_name(unsigned role); /* "rx"; NULL when out of range */

/* Bits of plan.options: pkt-gen's -o. */
enum nv_plan_options {
    NV_OPT_PREFETCH = 1,       /* tx: prefetch each buffer */
    NV_OPT_ACCESS = 2,         /* rx: read each packet's first cache line */
    NV_OPT_COPY = 4,           /* tx: write every packet (NV_PREPARE_EACH) */
    NV_OPT_MEMCPY = 8,         /* tx: the same */
    NV_OPT_TS = 16,            /* tx: stamp packets (sequence, time, stream); rx: record the delay of stamped packets */
    NV_OPT_INDIRECT = 32,      /* tx on VALE: frames in memory of our own, NS_INDIRECT (-I) */
    NV_OPT_DUMP = 64,          /* write each packet as text to plan.dump_fd (-X) */
    NV_OPT_RUBBISH = 256,      /* tx: send what the buffers hold (-r) */
    NV_OPT_RANDOM_SRC = 512,   /* as NV_TRAFFIC_RANDOM_SRC */
    NV_OPT_RANDOM_DST = 1024,  /* as NV_TRAFFIC_RANDOM_DST */
    NV_OPT_PPS_STATS = 2048,   /* a matter of printing (-A): no effect here */
    NV_OPT_UPDATE_CSUM = 4096, /* checksums are always right: no effect here */
    NV_OPT_ALL = 8191 - 128,
};

/* One stretch of a rate profile. Linear from `from` to `to` packets per second; equal: constant. */
struct nv_rate_step {
    uint64_t from, to;    /* 0..1000000000 packets per second */
    uint64_t duration_ns; /* over 0; at most 3 days when from != to. The last step's end holds for ever. */
};

/* Fill with nv_plan_default, change what is wanted. */
struct nv_plan {
    const char *port;            /* full port name ("vale0:a") */
    struct nv_open_options open; /* dir, rings, slots */
    enum nv_role role;
    unsigned threads; /* -p: 1..16; above 1, worker i opens ring i of the port ("vale0:a-1") */
    int cpu;          /* -a: worker i is pinned to (cpu + i) % cpus; -1: not pinned */
    unsigned cpus;    /* -c: 0: all there are; at most those there are */
    enum nv_wait_mode wait_mode;

    uint64_t count;                  /* -n: packets (ping: round trips) in all; 0: until stopped */
    uint32_t burst;                  /* -b: packets a batch; 0: 512 (ping: 1), with a rate what 100 us carry */
    uint64_t rate;                   /* -R: packets per second in all, to 1000000000; 0: as fast as possible */
    const struct nv_rate_step *ramp; /* instead of rate; may be NULL */
    size_t ramp_steps;
    uint64_t link_wait_ns; /* -w: wait before the first packet */
    uint64_t silence_ns;   /* -W: receiving, leave after this long without a packet once one came; 0: stay */
    uint64_t duration_ns;  /* leave this long after the start; 0: no limit */
    uint64_t timeout_ns;   /* ping: give a request up after this long */

    uint32_t options; /* enum nv_plan_options */
    bool share;       /* tx, txseq, rx, rxseq: take turns with other openers of the port's rings that do so, too */
    bool verify;      /* rxseq: check every byte of every packet */
    bool histogram;   /* rx, rxseq: record delays of stamped packets (as NV_OPT_TS) */
    int dump_fd;      /* with NV_OPT_DUMP */
    uint16_t stream;  /* txseq: number of worker 0's sequence, worker i has stream + i; 0: from the process id */
    /*
     * Not NULL: only packets that these rules allow are sent (out xmit PORT), or received and looked at (in recv PORT);
     * see engine/filter.h. Others count as NV_STAT_DENIED; sending they use up their place in count and rate all the
     * same. The rules may change while the engine runs, and must live until it is joined.
     */
    struct nv_rules *rules;
    int log_fd;                /* matches of rules with `log` are written there (relay/log.h); -1: not */
    const char *matches;       /* file (pcapng) to which the packets of those matches are written; NULL: none */
    struct nv_traffic traffic; /* what tx, txseq and ping send */
};

struct nv_engine;

/* pkt-gen's defaults for a role: one thread, not pinned, no limit, IPv4 UDP of 60 bytes. port is NULL. */
void nv_plan_default(struct nv_plan *plan, enum nv_role role);

/* 0, or -EINVAL and what is wrong in *err (err may be NULL). Opens nothing. */
int nv_plan_check(const struct nv_plan *plan, struct nv_error *err);

/*
 * Check the plan, open the port and start the workers. 0 and *out, or -errno as nv_plan_check, nv_open and
 * pthread_create have it, with *err filled (err may be NULL) and nothing left open.
 */
int nv_engine_start(const struct nv_plan *plan, struct nv_engine **out, struct nv_error *err);

/* Ask all workers to finish: within 100 ms, or a second if packets wait to be completed. Async-signal-safe. */
void nv_engine_stop(struct nv_engine *engine);

/* True when all workers have finished; join then returns at once. */
bool nv_engine_done(const struct nv_engine *engine);

/*
 * Wait for all workers and close the port; the statistics stay. 0, or the first worker's failure with *err
 * filled (err may be NULL). May be called again.
 */
int nv_engine_join(struct nv_engine *engine, struct nv_error *err);

/* The statistics page, valid until nv_engine_free. */
struct nv_stats_page *nv_engine_stats(const struct nv_engine *engine);

/* What the workers really do, after defaults and what the port said. */
struct nv_engine_info {
    unsigned threads;
    uint32_t tx_rings, rx_rings; /* bound by the engine, all workers together */
    uint32_t burst;
    uint16_t vnet_len;
    bool prepared;            /* buffers are written once */
    uint32_t frags, buf_size; /* slots a packet at size_max; bytes a buffer */
    char port[NETMAP_REQ_IFNAMSIZ];
};
void nv_engine_describe(const struct nv_engine *engine, struct nv_engine_info *out);

/* Stop, join and free. NULL is fine. */
void nv_engine_free(struct nv_engine *engine);

#ifdef __cplusplus
}
#endif
#endif
