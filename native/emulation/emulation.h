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
 *
 * A packet's way: loss (plr, then the link's), limit and queue management of its flow queue, the scheduler, its time on
 * the air (length/bandwidth, overheads, burst credit, profile, trace), then delay, jitter and slots. What it waits is
 * (Qi + Li)/B + tPD, rounded up to a nanosecond once, at departure; remainders are kept, so a rate holds in the long
 * run.
 */
#ifndef NETVALE_EMULATION_H
#define NETVALE_EMULATION_H

#include <stdbool.h>
#include <stdint.h>

#include <netvale.h>
#include "rules/rules.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nv_emu; /* an emulator */

/* Why a packet was lost. X(enumerator, name as printed) */
#define NV_EMU_DROPS(X)                                                                                                \
    X(NONE, "none")                                                                                                    \
    X(NO_PIPE, "no_such_pipe") /* a rule names a pipe or queue that does not exist */                                  \
    X(PLR, "plr")              /* packet loss rate, before any queue */                                                \
    X(GEMODEL, "gemodel")      /* Gilbert-Elliott's two states, before any queue */                                    \
    X(LIST, "list")            /* by the link's model of loss, in the order of enum nv_emu_loss_model */               \
    X(PATTERN, "pattern")                                                                                              \
    X(MARKOV, "markov")                                                                                                \
    X(BER, "ber")                                                                                                      \
    X(QUEUE_FULL, "queue_full") /* the limit in slots, bytes or time */                                                \
    X(RED, "red")                                                                                                      \
    X(GRED, "gred")                                                                                                    \
    X(CODEL, "codel")                                                                                                  \
    X(PIE, "pie")                                                                                                      \
    X(PROFILE, "profile") /* lost on the air: it used the link */                                                      \
    X(NO_MEMORY, "no_memory")                                                                                          \
    X(DELETED, "pipe_deleted") /* it waited in an object that was deleted */                                           \
    X(STOPPED, "stopped")      /* it waited when the emulator was ended without draining */

#define NV_EMU_DROP_ENUM(id, name) NV_EMU_DROP_##id,
enum nv_emu_drop { NV_EMU_DROPS(NV_EMU_DROP_ENUM) NV_EMU_DROP_COUNT };
#undef NV_EMU_DROP_ENUM
const char *nv_emu_drop_name(unsigned reason); /* NULL when out of range */

enum nv_emu_packet_flags {
    NV_EMU_ECT = 1,      /* set by the caller: the packet may be marked */
    NV_EMU_MARKED = 2,   /* set by the emulator: set CE before it goes on */
    NV_EMU_CORRUPT = 4,  /* set by the emulator: flip bit `corrupt_bit` before it goes on */
    NV_EMU_COPY = 8,     /* set by the emulator: a duplicate; its cookie is the caller's again, made by `copy` */
    NV_EMU_NO_ERROR = 16 /* set by the emulator: lost, but `noerror` asks to tell the sender nothing of it */
};

#define NV_EMU_LENGTH_MAX (UINT32_C(1) << 24)

/* A packet on its way: 64 bytes, the caller's memory from release to enqueue, the emulator's in between. */
struct nv_emu_packet {
    struct nv_emu_packet *next;
    uint64_t time_ns;     /* of arrival in the queue; after release: of departure (or of the loss) */
    uint64_t cookie;      /* the caller's: where the bytes are */
    uint32_t length;      /* bytes of the frame, as the link counts them without overhead; below NV_EMU_LENGTH_MAX */
    uint8_t flags;        /* enum nv_emu_packet_flags */
    uint8_t drop;         /* after release: enum nv_emu_drop; NONE: it departs */
    uint16_t user;        /* the caller's */
    uint32_t corrupt_bit; /* after release, with CORRUPT: which bit of the frame, from the first byte's highest */
    uint32_t order;       /* the emulator's: counts arrivals; settles ties */
    struct nv_rules_resume resume;  /* the caller's: where the packet goes on when one_pass is off */
    union {                         /* the emulator's */
        uint64_t flow_hash;         /* at a scheduler's enqueue: keyed hash of its flow, for the fq_ kinds */
        void *owner;                /* while it waits in an fq_ kind: the flow queue it came through */
        struct nv_emu_packet *link; /* on a delay line (line.h) */
    };
};

/* ---- flows ------------------------------------------------------------------------------------ */

/* What flows are told apart by; as a mask: the bits that count. Numbers in the machine's order; zero what is absent. */
struct nv_emu_key {
    uint64_t src[2], dst[2]; /* IPv6: high half first; IPv4: the low 32 bits of [0] */
    uint16_t src_port, dst_port;
    uint32_t flow_id;      /* IPv6 flow label, 20 bits */
    uint8_t family, proto; /* family: 4, 6, 0 (not IP); ignored in masks: v4 bits come from src4, dst4 */
    uint16_t queue;        /* number of the queue; the emulator fills it in */
    uint32_t pad;
};

/* A mask: which bits of a key make another flow. All zero: no mask. */
struct nv_emu_mask {
    uint32_t src4, dst4;
    uint64_t src6[2], dst6[2];
    uint16_t src_port, dst_port;
    uint32_t flow_id;
    uint8_t proto;
    bool queue; /* by number of the queue */
};

/* Fill *key from a frame (with its MAC header, or RAW: beginning at IP). */
void nv_emu_key_of(const uint8_t *frame, uint32_t length, bool raw, struct nv_emu_key *key);

/* ---- configuration ---------------------------------------------------------------------------- */

enum nv_emu_jitter {
    NV_EMU_JITTER_NONE,
    NV_EMU_JITTER_UNIFORM,
    NV_EMU_JITTER_NORMAL,
    NV_EMU_JITTER_PARETO,
    NV_EMU_JITTER_TABLE
};
enum nv_emu_loss_model { NV_EMU_LOSS_NONE, NV_EMU_LOSS_LIST, NV_EMU_LOSS_BITS, NV_EMU_LOSS_MARKOV, NV_EMU_LOSS_BER };

/* What dummynet does not do (tc-netem, mahimahi, tlem). Probabilities 0..1, times in ns. Zeros: off. */
struct nv_emu_impairments {
    /* jitter: added to the delay; UNIFORM -j..+j, NORMAL and PARETO (netem's shape) with standard deviation j, TABLE:
     * a value of the table, in 8192ths of j. Order is kept unless `reorders`. */
    uint8_t jitter;  /* enum nv_emu_jitter */
    uint8_t loss;    /* enum nv_emu_loss_model */
    bool reorders;   /* packets may overtake on the delay line */
    bool trace_once; /* after the trace's end nothing passes (default: it starts again) */
    uint64_t jitter_ns;
    const int16_t *jitter_table;
    uint32_t jitter_count;

    /* reorder: every gap-th packet, with this probability, skips the delay (0: gap 1) */
    uint32_t reorder_gap;
    double reorder;
    double duplicate, corrupt;

    /* loss. LIST: numbers of packets (1 is the first), rising. BITS: bytes '0' and '1', repeated; '1' is lost. */
    const uint64_t *loss_list;
    const char *loss_bits;
    uint32_t loss_count; /* of either */
    double markov[5];  /* p13 p31 p32 p23 p14 of netem's 4 states: 1 good, 2 good in a burst, 3 loss in a burst, 4 lone
                          loss */
    double bit_errors; /* BER: probability that a bit is wrong; a packet with one is lost */

    /* what a packet costs on the link besides its length */
    int32_t overhead;       /* bytes a packet, may be negative; framing of Ethernet is 24 */
    uint32_t cell_size;     /* bytes of payload a cell carries (48 for ATM); 0: no cells */
    uint32_t cell_overhead; /* bytes a cell costs beyond (5) */

    /* trace: at each instant 1500 bytes of IP go out, one full packet; rising, from 0; the trace lasts as long as its
     * last instant. It replaces the bandwidth. */
    const uint64_t *trace_ns;
    uint32_t trace_count;

    /* slot: what is due waits for the next slot; slots are min..max apart and carry so much at most (0: any) */
    uint32_t slot_packets, slot_bytes;
    uint64_t slot_min_ns, slot_max_ns; /* max 0: no slots */
};

/* A link. Arrays are copied. */
struct nv_emu_link {
    uint64_t bandwidth; /* bit/s, up to 2^50; 0: unlimited */
    uint64_t delay_ns;
    uint64_t burst_bytes;        /* below 2^48 */
    const uint64_t *profile_ns;  /* extra air time, one sample chosen for each packet */
    uint32_t profile_count;      /* 0: none */
    uint32_t profile_loss_level; /* packets that draw a sample of this index or above are lost after their air time */
    struct nv_emu_impairments impair;
};

enum nv_emu_limit { NV_EMU_SLOTS, NV_EMU_BYTES, NV_EMU_TIME };
enum nv_emu_management { NV_EMU_DROPTAIL, NV_EMU_RED, NV_EMU_GRED, NV_EMU_CODEL, NV_EMU_PIE };

struct nv_emu_red { /* red, gred; weight and probability in 0..1 */
    double weight, max_probability;
    double min_threshold, max_threshold; /* packets, or bytes when the limit is in bytes */
    bool ecn;
    uint32_t average_packet, max_packet; /* bytes; 0: 512 and 1500 */
};

struct nv_emu_codel { /* RFC 8289 */
    uint64_t target_ns, interval_ns;
    bool ecn;
};

struct nv_emu_pie { /* RFC 8033 */
    uint64_t target_ns, update_ns, max_burst_ns;
    double alpha, beta, max_ecn;
    bool ecn, cap_drop, derandomize, on_off, departure_rate;
};

/* What a flow queue is like. */
struct nv_emu_flowset {
    uint64_t limit; /* in the unit of limit_kind; 0: 50 slots. TIME: ns the packets before it take at the bandwidth */
    uint8_t limit_kind; /* enum nv_emu_limit */
    uint8_t management; /* enum nv_emu_management */
    bool no_error;
    bool gilbert;                      /* Gilbert-Elliott; else plr is the loss rate */
    double plr;                        /* 0..1 */
    double good, to_bad, bad, to_good; /* loss in the good state, good to bad, loss in the bad state, bad to good */
    uint32_t weight, lmax;             /* 0: the scheduler's default */
    struct nv_emu_mask mask;           /* which flows get queues of their own */
    struct nv_emu_red red;             /* the one of `management` counts */
    struct nv_emu_codel codel;
    struct nv_emu_pie pie;
};

enum nv_emu_scheduler {
    NV_EMU_FIFO,
    NV_EMU_WF2Q,
    NV_EMU_RR,
    NV_EMU_QFQ,
    NV_EMU_PRIO,
    NV_EMU_FQ_CODEL,
    NV_EMU_FQ_PIE,
    NV_EMU_SCHEDULERS
};

struct nv_emu_sched {
    uint8_t type;                   /* enum nv_emu_scheduler */
    struct nv_emu_mask mask;        /* which flows get an instance with a link of their own */
    uint32_t quantum, limit, flows; /* of the fq_ kinds; 0: 1514, 10240, 1024 */
    struct nv_emu_codel codel;      /* FQ_CODEL */
    struct nv_emu_pie pie;          /* FQ_PIE */
};

struct nv_emu_options {
    uint64_t seed;      /* of everything random; each impairment of each pipe has a generator of its own */
    uint64_t memory;    /* bytes at most for queues and links made by masks; 0: 2^31 */
    uint64_t expire_ns; /* a queue or link made by a mask goes after being idle so long; 0: 10 s */
    uint32_t mac_bytes; /* of each packet's length: not counted by traces */
    /* A second record of a packet, with a cookie of its own, for `duplicate`. NULL: nothing is duplicated. It may
     * return NULL when there is none to spare. */
    struct nv_emu_packet *(*copy)(void *arg, const struct nv_emu_packet *packet);
    void *arg;
};

/* -ENOMEM. options NULL: zeros. */
int nv_emu_create(const struct nv_emu_options *options, struct nv_emu **out, struct nv_error *err);
/* Another `copy` for packets to come (options.copy). NULL: nothing is duplicated. */
void nv_emu_set_copy(struct nv_emu *emu, struct nv_emu_packet *(*copy)(void *arg, const struct nv_emu_packet *packet),
                     void *arg);
/*
 * `changed` is called after every configuration, deletion and flush, on the thread that made it: what nv_emu_next said
 * may not hold any more. NULL: nobody needs to know.
 */
void nv_emu_set_changed(struct nv_emu *emu, void (*changed)(void *arg), void *arg);
/* Packets that still wait are forgotten: stop and release first. NULL is fine. */
void nv_emu_destroy(struct nv_emu *emu);

/*
 * Make an object, or give it new parameters while packets flow: those that wait stay, in their order; what is on the
 * delay line keeps its departure. Numbers 1..65535. -EINVAL (the message names the parameter), -ENOMEM; then nothing
 * has changed. `pipe N` also makes the link of `sched N`, and that scheduler (WF2Q+) when there is none.
 */
int nv_emu_pipe_config(struct nv_emu *emu, unsigned number, const struct nv_emu_link *link,
                       const struct nv_emu_flowset *flowset, const struct nv_emu_mask *mask, struct nv_error *err);
/* link NULL: the link of pipe N, or as it was. */
int nv_emu_sched_config(struct nv_emu *emu, unsigned number, const struct nv_emu_sched *sched,
                        const struct nv_emu_link *link, struct nv_error *err);
/* parent: number of the scheduler; it may be made later. */
int nv_emu_queue_config(struct nv_emu *emu, unsigned number, unsigned parent, const struct nv_emu_flowset *flowset,
                        struct nv_error *err);

enum nv_emu_kind { NV_EMU_PIPE, NV_EMU_QUEUE, NV_EMU_SCHED };

/* Packets that wait in it come out of release as DELETED. -ENOENT. Queues of a deleted scheduler drop as NO_PIPE until
 * it is there again. */
int nv_emu_delete(struct nv_emu *emu, enum nv_emu_kind kind, unsigned number, struct nv_error *err);
void nv_emu_flush(struct nv_emu *emu); /* delete all */

/* ---- packets ---------------------------------------------------------------------------------- */

/* Whether enqueue needs a key for this object: it has a mask or an fq_ scheduler. Cheap. kind: PIPE or QUEUE */
bool nv_emu_wants_key(struct nv_emu *emu, enum nv_emu_kind kind, unsigned number);

/*
 * A packet arrives at a pipe or queue at now_ns (not before that of earlier calls; a packet that release just handed
 * out may be put in again at its own time). Returns NONE, and the record is the emulator's; or why it is lost, and the
 * record stays the caller's. key may be NULL when the object does not want one.
 */
enum nv_emu_drop nv_emu_enqueue(struct nv_emu *emu, uint64_t now_ns, enum nv_emu_kind kind, unsigned number,
                                struct nv_emu_packet *packet, const struct nv_emu_key *key);

/* One packet of a batch. */
struct nv_emu_send {
    struct nv_emu_packet *packet;
    const struct nv_emu_key *key;
    uint16_t number;
    uint8_t kind; /* NV_EMU_PIPE or NV_EMU_QUEUE */
    uint8_t drop; /* out: enum nv_emu_drop */
    uint32_t pad;
};

/* The same for many, in order. Returns how many were taken (drop == NONE). */
unsigned nv_emu_enqueue_batch(struct nv_emu *emu, uint64_t now_ns, struct nv_emu_send *sends, unsigned count);

/*
 * Up to max packets that leave at now_ns or before, in order of time (packets of the same instant in order of arrival):
 * departures (drop NONE), and losses of packets that had been taken. time_ns says when. Returns how many.
 */
unsigned nv_emu_release(struct nv_emu *emu, uint64_t now_ns, struct nv_emu_packet **out, unsigned max);

/* The next instant at which release has something; UINT64_MAX: never, unless a packet arrives. */
uint64_t nv_emu_next(struct nv_emu *emu);

/* Make all packets that wait come out of release as STOPPED, at now_ns. */
void nv_emu_stop(struct nv_emu *emu, uint64_t now_ns);

/* ---- statistics ------------------------------------------------------------------------------- */

/* offered + duplicated = departed + waiting + the sum of drops, always. */
struct nv_emu_totals {
    uint64_t offered, offered_bytes;
    uint64_t duplicated;
    uint64_t departed, departed_bytes;
    uint64_t waiting; /* packets taken and not yet released */
    uint64_t marked, corrupted, reordered;
    uint64_t drops[NV_EMU_DROP_COUNT];
    uint64_t links, flows; /* scheduler instances and flow queues there are */
    uint64_t memory;       /* bytes for them */
};
void nv_emu_get_totals(struct nv_emu *emu, struct nv_emu_totals *out);

/* A flow queue, as `show` prints it; or a scheduler instance (kind SCHED, or PIPE from nv_emu_links). */
struct nv_emu_flow_info {
    uint8_t kind; /* enum nv_emu_kind of the object it belongs to */
    bool expired; /* the sum of flows that are gone */
    uint16_t number;
    uint32_t pad;
    struct nv_emu_key key;               /* masked */
    uint64_t total_packets, total_bytes; /* offered, losses included */
    uint64_t packets, bytes;             /* waiting in the queue; links: also on the delay line */
    uint64_t drops;
    uint64_t departed, departed_bytes; /* put on the link */
    uint64_t delay_ns;                 /* queues only: of those, the sum of the times from arrival to departure */
    uint64_t busy_until_ns;            /* links only */
    const uint64_t *lost;              /* queues only: drops by enum nv_emu_drop, valid during the call */
};

/* Call fn for each flow queue of pipe or queue `number` (0: all of that kind); nonzero stops. fn must not call back.
 * Returns how many were shown. */
unsigned nv_emu_flows(struct nv_emu *emu, enum nv_emu_kind kind, unsigned number,
                      int (*fn)(void *arg, const struct nv_emu_flow_info *flow), void *arg);
/* The same for links: kind PIPE or SCHED. */
unsigned nv_emu_links(struct nv_emu *emu, enum nv_emu_kind kind, unsigned number,
                      int (*fn)(void *arg, const struct nv_emu_flow_info *link), void *arg);

#ifdef __cplusplus
}
#endif
#endif
