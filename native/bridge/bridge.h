/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bridge.h - two ports joined: what comes in at one leaves at the other, and back. netmap's bridge(8).
 *
 * A *way* is one direction. Ring i of the one port goes to ring i of the other, modulo its rings, so that packets of a
 * ring keep their order. Ports of one region exchange buffers, others copy. Where the other port has no room (a pipe, a
 * tap) what came waits in its ring, and the port it came through drops for its senders, by its own names; a switch
 * takes everything and counts what it drops at the port that was sent to. So, for a way, always:
 *
 *   packets = what the port sent to delivered + its drops + bad_slot
 *
 * One thread does both ways, or each has its own. Counters are words that anybody may read at any time.
 */
#ifndef NETVALE_BRIDGE_H
#define NETVALE_BRIDGE_H

#include <netvale.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a way counts. X(enumerator, name) */
#define NV_BRIDGE_FIELDS(X)                                                                                            \
    X(PACKETS, "packets") /* taken from the one port */                                                                \
    X(BYTES, "bytes")                                                                                                  \
    X(BATCHES, "batches")                                                                                              \
    X(BAD, "bad_slot")        /* slots that named no packet, and those that belonged to them: not sent */              \
    X(HELD, "held")           /* times the other port had no room for what there was */                                \
    X(DELIVERED, "delivered") /* by the port sent to */                                                                \
    X(DELIVERED_BYTES, "delivered_bytes")                                                                              \
    X(SLEEPS, "sleeps")

#define NV_BRIDGE_ENUM(id, name) NV_BRIDGE_##id,
enum nv_bridge_word { NV_BRIDGE_FIELDS(NV_BRIDGE_ENUM) NV_BRIDGE_FIELD_COUNT };
#undef NV_BRIDGE_ENUM
const char *nv_bridge_word_name(unsigned word); /* NULL when out of range */

/* The page: a head, then a group for each way: its counters, and the drops of the port sent to (enum nv_drop). */
#define NV_BRIDGE_DROPS_AT    16u
#define NV_BRIDGE_GROUP_WORDS 64u
#define NV_BRIDGE_HEAD_WORDS  16u
#define NV_BRIDGE_PAGE_WORDS  (NV_BRIDGE_HEAD_WORDS + 2 * NV_BRIDGE_GROUP_WORDS)

/* Words of the head. */
enum nv_bridge_head { NV_BRIDGE_STATE, NV_BRIDGE_START_NS, NV_BRIDGE_NOW_NS };

/* What nv_bridge_describe tells. */
struct nv_bridge_info {
    char port[2][NETMAP_REQ_IFNAMSIZ]; /* names without mode and options */
    unsigned ways, threads;
    bool exchange; /* buffers are exchanged: both ports are in one region */
};

struct nv_bridge_plan {
    const char *port[2];    /* the same twice, or NULL for the second: what comes goes back to where it came from */
    const char *dir;        /* as in struct nv_open_options */
    uint32_t slots;         /* of each ring of ports that are made; 0: as the name says */
    uint32_t burst;         /* slots at most in one go, 1 to 4096 */
    unsigned threads;       /* 1, or 2: one a way */
    int cpu;                /* of the first thread, the next for the second; -1: any */
    enum nv_wait_mode wait; /* what to do when there is nothing */
    bool copy;              /* copy also where buffers could be exchanged */
    uint64_t start_ns;      /* wait so long before the first packet, for links that come up slowly */
};

struct nv_bridge;

/* Fill in the defaults. */
void nv_bridge_default(struct nv_bridge_plan *plan);

/* Open both ports, for nobody else beside, and start. 0 or -errno with err, as nv_open has them; EINVAL for the plan.
 */
int nv_bridge_start(const struct nv_bridge_plan *plan, struct nv_bridge **out, struct nv_error *err);

const struct nv_bridge_info *nv_bridge_describe(const struct nv_bridge *bridge);

/* NV_BRIDGE_PAGE_WORDS words, valid until nv_bridge_free. State: enum nv_engine_state. */
uint64_t *nv_bridge_page(const struct nv_bridge *bridge);

void nv_bridge_stop(struct nv_bridge *bridge); /* take no more in; does not wait */
bool nv_bridge_done(const struct nv_bridge *bridge);

/* Wait for the threads and close the ports. 0, or what ended it: -ENODEV, an interface was removed. */
int nv_bridge_join(struct nv_bridge *bridge, struct nv_error *err);

/* Stop, wait and free. NULL is fine. */
void nv_bridge_free(struct nv_bridge *bridge);

#ifdef __cplusplus
}
#endif
#endif
