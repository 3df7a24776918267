/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object.h - what an emulator is made of, inside.
 *
 *   emu_set   parameters of flow queues: one for each `queue N`, and one in each `pipe N`
 *   emu_plan  a scheduler and its link as configured: one for each `pipe N` (FIFO), one for each `sched N`
 *   emu_queue a flow queue: the packets of one mask value of a set
 *   emu_path  an instance of a plan: scheduler state, the link, and the delay line behind it
 *
 * A set names its plan; a queue belongs to one set and one path. Without masks a set has one queue and a plan one path.
 * What a mask makes is found through hash tables (find.c) and goes away when it has been idle (expire.c). A queue or
 * path whose mask was changed is an orphan: it is no longer found and lives until it is empty.
 */
#ifndef NETVALE_EMULATION_OBJECT_H
#define NETVALE_EMULATION_OBJECT_H

#include <pthread.h>
#include <string.h>

#include "emulation/aqm.h"
#include "emulation/emulation.h"
#include "emulation/hash.h"
#include "emulation/impair.h"
#include "emulation/sched.h"
#include "emulation/slab.h"
#include "emulation/wheel.h"
#include "packet/random.h"
#include "rules/siphash.h"

enum { EMU_NUMBERS = 65536 };

/* A masked key, packed: IPv4 packets need only the first two words. */
struct emu_id {
    uint64_t word[2]; /* src4 << 32 | dst4, or flow id << 1 for IPv6; ports, protocol, family, queue */
    uint64_t far[4];  /* IPv6 addresses */
};

/* Which bits of it count. */
struct emu_mask {
    uint64_t word4, word6; /* word[0] of IPv4 and IPv6 */
    uint64_t word1, far[4];
};

/* Bits of emu_link.does */
enum {
    LINK_AIR = 1,      /* packets take time: bandwidth, profile or trace */
    LINK_COSTS = 2,    /* overhead, cells */
    LINK_LOSES = 4,    /* loss or duplication on arrival */
    LINK_SHAPES = 8,   /* jitter, reordering, corruption or slots behind the link */
    LINK_REORDERS = 16 /* the delay line is a heap */
};

struct emu_link {
    uint64_t bandwidth;
    double inverse; /* 1 / bandwidth */
    uint64_t delay_ns;
    uint64_t burst_ns; /* what the burst takes at the bandwidth */
    uint32_t does;
    uint32_t profile_count, profile_loss_level;
    uint64_t *profile_ns;
    struct nv_emu_impairments impair; /* its arrays are ours */
};

/* How far back an idle link may begin at now_ns: by the time its burst takes. */
static inline uint64_t emu_earliest(const struct emu_link *link, uint64_t now_ns)
{
    return now_ns > link->burst_ns ? now_ns - link->burst_ns : 0;
}

struct emu_queue;
struct emu_path;

struct emu_plan {
    enum nv_emu_kind kind; /* PIPE or SCHED */
    uint16_t number;
    bool automatic; /* a SCHED that came with its pipe */
    bool masked;
    bool eager; /* serves at the exact instant: what is taken from a queue may be dropped, or leave before others */
    const struct emu_sched_ops *ops;
    struct nv_emu_sched config;
    struct emu_fair fair;
    struct emu_mask mask;
    struct emu_link link;
    struct nv_random random; /* of queue management, profile */
    uint64_t trace_start;    /* the trace's first instant; UINT64_MAX: with the next packet */
    struct emu_path *only;   /* without mask */
    struct emu_path *paths;
};

struct emu_set {
    enum nv_emu_kind kind; /* PIPE or QUEUE */
    uint16_t number, parent;
    bool masked;
    bool lossy;
    struct nv_emu_flowset config;
    uint32_t plr, good, bad, to_bad, to_good; /* of 2^31 */
    uint64_t max_packets, max_bytes;          /* UINT64_MAX: any */
    struct emu_mask mask;                     /* with that of the plan */
    const struct emu_aqm_ops *management;
    union emu_aqm_params params;
    struct emu_share share;
    struct nv_random random; /* of plr */
    struct emu_plan *plan;   /* NULL: there is none of that number */
    struct emu_queue *only;  /* without mask */
    struct emu_queue *queues;
    struct emu_set *next, **here; /* QUEUE: all there are */
    struct emu_gone {             /* queues that went away */
        uint64_t packets, bytes, drops, dropped_bytes, delay_ns, lost[NV_EMU_DROP_COUNT];
    } gone;
};

/* Bits of emu_flow.state */
enum {
    QUEUE_BAD = 1,
    QUEUE_ORPHAN = 2,
    QUEUE_APART = 4
}; /* Gilbert-Elliott's bad state; no longer found; in no
       scheduler (there was no memory to join it again) */

struct emu_queue {
    struct emu_flow flow; /* its first line is what an arriving packet needs */

    uint64_t word[2] __attribute__((aligned(64))); /* of the id; a line of its own begins here */
    struct emu_path *path;
    struct emu_set *set;
    uint64_t packets, bytes; /* offered, losses included */
    uint64_t delay_ns;       /* sum over what was put on the link: from arrival to departure */
    uint64_t seen_ns;        /* last arrival */

    uint64_t far[4];
    uint64_t drops, dropped_bytes;            /* lost */
    uint32_t number, hash;                    /* in the slab; in the table */
    struct emu_queue *next, **here;           /* of the set */
    struct emu_queue *path_next, **path_here; /* of the path */
    uint64_t lost[NV_EMU_DROP_COUNT];         /* of drops, by reason */
} __attribute__((aligned(64)));

struct emu_path {
    uint64_t free_ns, free_rest;       /* the link is free then, and free_rest/bandwidth ns */
    struct nv_emu_packet *head, *tail; /* delay line: a list, or with PATH_HEAP a pairing heap with root head */
    uint64_t last_ns;                  /* latest departure on it */
    struct emu_plan *plan;
    uint32_t number;  /* in the slab and the wheel */
    uint32_t waiting; /* packets in the scheduler */
    uint32_t line;    /* packets on the delay line */
    uint32_t flags;   /* that much a simple pipe needs for a packet */

    struct nv_emu_packet *behind; /* LINE_AHEAD places before the tail, when the list is that long (line.h) */
    struct emu_sched *sched;
    struct emu_impaired *impaired;
    uint64_t gone, gone_bytes; /* put on the link for queues that are gone */
    uint32_t hash, queue_count;
    struct emu_queue *queues;

    struct emu_id id;
    struct emu_path *next, **here; /* of the plan */
} __attribute__((aligned(64)));

/* Of emu_path.flags. SINGLE: FIFO with one queue; no scheduler is asked. */
enum { PATH_HEAP = 1, PATH_ORPHAN = 2, PATH_UNLISTED = 4, PATH_SINGLE = 8 };

struct nv_emu {
    pthread_mutex_t lock;
    struct nv_emu_options options;
    uint64_t now_ns;
    uint32_t order;                         /* of the next packet */
    struct emu_set *sets[2][EMU_NUMBERS];   /* by enum nv_emu_kind and number: PIPE, QUEUE */
    struct emu_plan *plans[3][EMU_NUMBERS]; /* PIPE, (none), SCHED */
    struct emu_set *queue_sets;
    uint8_t wants_key[2][EMU_NUMBERS]; /* read without the lock */

    struct slab queues, paths;
    struct emu_hash queue_table, path_table;
    struct sip_key key;
    uint64_t perturb;
    struct wheel wheel;
    uint64_t memory;

    struct emu_path *losses; /* number 0: a delay line for packets that were lost after they had been taken */
    struct emu_aqm_host host;
    struct emu_path *serving; /* whose scheduler is being asked, and when: for the host's calls */
    uint64_t serving_ns;
    uint32_t sweep;  /* next queue to look at for expiry */
    uint32_t masked; /* sets that have a mask */
    void (*changed)(void *arg);
    void *changed_arg;

    struct nv_emu_totals totals;
};

/* The queue that a flow is of. */
static inline struct emu_queue *emu_queue_of(struct emu_flow *flow)
{
    return (struct emu_queue *)(void *)flow; /* its first member */
}

/* Count a packet that the queue lost. */
static inline void emu_queue_drop(struct emu_queue *queue, const struct nv_emu_packet *packet, enum nv_emu_drop reason)
{
    queue->drops++;
    queue->lost[reason]++;
    queue->dropped_bytes += packet->length;
}

/* ---- emulation.c ---- */

/* Give the lock back after a change of configuration, and tell who waits for packets. */
void emu_unlock_changed(struct nv_emu *emu);

/* ---- find.c ---- */

/* What `id` is for a key under a mask. */
void emu_mask_key(const struct emu_mask *mask, const struct nv_emu_key *key, uint16_t queue, struct emu_id *id);
/* A mask as configured, and the bits two masks count together. */
struct emu_mask emu_mask_of(const struct nv_emu_mask *a, const struct nv_emu_mask *b);
uint32_t emu_hash_queue(const struct nv_emu *emu, const struct emu_set *set, const struct emu_id *id);
/* The queue of a masked set, or NULL. */
struct emu_queue *emu_find_queue(struct nv_emu *emu, const struct emu_set *set, const struct emu_id *id, uint32_t hash);
/* Make it. key: as it arrived, for the path. NULL: no memory. */
struct emu_queue *emu_make_queue(struct nv_emu *emu, struct emu_set *set, const struct emu_id *id,
                                 const struct nv_emu_key *key, uint32_t hash);
/* Leave the path and the set, and forget it. Packets in it must be gone. */
void emu_queue_free(struct nv_emu *emu, struct emu_queue *queue);
void emu_path_free(struct nv_emu *emu, struct emu_path *path);
/* No longer found, freed when empty. */
void emu_queue_orphan(struct nv_emu *emu, struct emu_queue *queue);
void emu_path_orphan(struct nv_emu *emu, struct emu_path *path);
/* The state of a plan's scheduler for one path; NULL: no memory. */
struct emu_sched *emu_sched_make(struct nv_emu *emu, const struct emu_plan *plan);
void emu_sched_free(struct nv_emu *emu, const struct emu_plan *plan, struct emu_sched *sched);

/* Which generators a path has: the same for the same pipe and flow, whenever it is made. */
uint64_t emu_path_sequence(const struct emu_plan *plan, const struct emu_id *id);
bool emu_mask_any(const struct emu_mask *mask);

/* ---- check.c: 0, or -EINVAL and the message names the parameter ---- */

static const uint64_t EMU_MAX_NS = UINT64_C(1) << 60;
int emu_check_number(unsigned number, struct nv_error *err);
int emu_check_link(const struct nv_emu_link *link, struct nv_error *err);
int emu_check_flowset(const struct nv_emu_flowset *set, struct nv_error *err);
/* Fills in defaults. */
int emu_check_sched(struct nv_emu_sched *sched, struct nv_error *err);

/* ---- link.c ---- */

/* A link from its configuration. -ENOMEM */
int emu_link_make(struct emu_link *link, const struct nv_emu_link *config, struct nv_error *err);
void emu_link_free(struct emu_link *link);
/* Get each path of a plan what the new link needs. -ENOMEM */
int emu_link_prepare(struct nv_emu *emu, struct emu_plan *plan, const struct emu_link *link, struct nv_error *err);
/* The plan's link is another from now on. Takes the content of *link. */
void emu_link_change(struct nv_emu *emu, struct emu_plan *plan, struct emu_link *link);

/* ---- expire.c ---- */

/* Look at up to `count` queues, and let go those that have been idle. */
void emu_sweep(struct nv_emu *emu, unsigned count);

/* ---- serve.c ---- */

/* Put onto the link what has its turn up to now_ns. floor_ns: no service can have begun before. */
void emu_serve(struct nv_emu *emu, struct emu_path *path, uint64_t now_ns, uint64_t floor_ns);
/* The packet, which came through `queue`, goes onto the link at now_ns; the link is free. */
void emu_transmit(struct nv_emu *emu, struct emu_path *path, struct emu_queue *queue, struct nv_emu_packet *packet,
                  uint64_t now_ns);
/* A packet has arrived at a link with nothing to do: give it its burst credit and begin. */
void emu_begin(struct nv_emu *emu, struct emu_path *path, uint64_t now_ns);
/* Set or correct the path's event. */
void emu_arm(struct nv_emu *emu, struct emu_path *path);
/* A packet that had been taken is lost at time_ns; release hands it out. */
void emu_lose(struct nv_emu *emu, struct nv_emu_packet *packet, enum nv_emu_drop reason, uint64_t time_ns);

/* ---- remove.c ---- */

/* All packets of a queue, or of a path's delay line, are lost. */
void emu_queue_lose(struct nv_emu *emu, struct emu_queue *queue, enum nv_emu_drop reason, uint64_t time_ns);
void emu_path_lose(struct nv_emu *emu, struct emu_path *path, enum nv_emu_drop reason, uint64_t time_ns);
void emu_set_remove(struct nv_emu *emu, struct emu_set *set);
void emu_plan_remove(struct nv_emu *emu, struct emu_plan *plan);

/* ---- relate.c ---- */

/* What follows for a set from its configuration and that of its plan: masks, limits, queue management, shares. */
void emu_relate(struct nv_emu *emu, struct emu_set *set);
struct emu_pie emu_pie_of(const struct nv_emu_pie *pie);
/* The same for all sets of scheduler `number`, and pipe `number`. */
void emu_relate_all(struct nv_emu *emu, unsigned number);
/* A path's queues go to another scheduler: `plan` as it is now, from what it was. `sched` is the new one's state. */
void emu_path_move(struct nv_emu *emu, struct emu_path *path, const struct emu_plan *was, struct emu_sched *sched);

#endif
