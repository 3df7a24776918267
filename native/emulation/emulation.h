/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * emulation.h - dummynet's links, flow queues and schedulers, exact to the nanosecond: delay, queue and schedule
 * packets.
 *
 * The emulator takes time as an argument and never reads a clock; it never touches a packet's bytes: a packet is a
 * record of 64 bytes with the caller's cookie. One thread passes packets through (enqueue, release); configuration may
 * come from any thread and is applied between two calls. Objects have dummynet's numbers and dummynet's meaning:
 * `pipe N` is link N with a FIFO scheduler of its own; `sched N` is a scheduler on link N; `queue N` belongs to a
 * scheduler. Masks make flow queues and scheduler instances (each with a link of its own) on demand.
 */
#ifndef NETVALE_EMULATION_H
#define NETVALE_EMULATION_H

#include <stdint.h>

#include <netvale.h>
#include "rules/rules.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Why a packet was lost. X(enumerator, name as printed) */
#define NV_EMU_DROPS(X)                                                                                                \
    X(NONE, "none")                                                                                                    \
    X(NO_PIPE, "no such pipe")  /* a rule names a pipe or queue that does not exist */                                 \
    X(PLR, "plr")               /* packet loss rate, before any queue */                                               \
    X(LOSS, "loss")             /* loss by pattern, Markov or bit error rate */                                        \
    X(QUEUE_FULL, "queue full") /* the limit in slots, bytes or time */                                                \
    X(RED, "red")                                                                                                      \
    X(GRED, "gred")                                                                                                    \
    X(CODEL, "codel")                                                                                                  \
    X(PIE, "pie")                                                                                                      \
    X(PROFILE, "profile") /* lost on the air: it used the link */                                                      \
    X(NO_MEMORY, "no memory")                                                                                          \
    X(DELETED, "pipe deleted") /* it waited in an object that was deleted */                                           \
    X(STOPPED, "stopped")      /* it waited when the emulator was ended without draining */

#define NV_EMU_DROP_ENUM(id, name) NV_EMU_DROP_##id,
enum nv_emu_drop { NV_EMU_DROPS(NV_EMU_DROP_ENUM) NV_EMU_DROP_COUNT };
#undef NV_EMU_DROP_ENUM
const char *nv_emu_drop_name(unsigned reason); /* NULL when out of range */

enum nv_emu_packet_flags {
    NV_EMU_ECT = 1,     /* set by the caller: the packet may be marked */
    NV_EMU_MARKED = 2,  /* set by the emulator: set CE before it goes on */
    NV_EMU_CORRUPT = 4, /* set by the emulator: flip bit `corrupt_bit` before it goes on */
    NV_EMU_COPY = 8,    /* set by the emulator: a duplicate; its cookie is the caller's again, made by `copy` */
};

/* A packet on its way: 64 bytes, the caller's memory from release to enqueue, the emulator's in between. */
struct nv_emu_packet {
    struct nv_emu_packet *next;
    uint64_t time_ns; /* of arrival in the queue; after release: of departure (or of the loss) */
    uint64_t cookie;  /* the caller's: where the bytes are */
    uint32_t length;  /* bytes of the frame, as the link counts them without overhead */
    uint8_t flags;    /* enum nv_emu_packet_flags */
    uint8_t drop;     /* after release: enum nv_emu_drop; NONE: it departs */
    uint16_t user;    /* the caller's */
    uint32_t corrupt_bit;
    uint32_t extra;                /* the emulator's */
    struct nv_rules_resume resume; /* the caller's: where the packet goes on when one_pass is off */
    union {
        uint64_t
            flow_hash; /* the caller's, at enqueue: of addresses, protocol and ports; the fq_ kinds tell flows by it */
        void *owner;   /* while it waits in an fq_ kind: the flow queue it came through */
    };
};

#ifdef __cplusplus
}
#endif
#endif
