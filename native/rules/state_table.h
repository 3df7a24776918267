/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * state_table.h - where dynamic states live: a pool, a hash table and a wheel of expiry times.
 *
 * The table grows by linear hashing (Litwin, 1980): each new state splits one bucket, so there is never a
 * pause. Pool and buckets are reserved address space that becomes memory as it is needed. States are named by
 * their number in the pool, from 1. All under the engine's shared_lock.
 */
#ifndef NETVALE_RULES_STATE_TABLE_H
#define NETVALE_RULES_STATE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STATES_MAX = 1 << 24, WHEEL_SLOTS = 512 };

enum state_kind { STATE_FREE, STATE_FLOW, STATE_LIMIT, STATE_PARENT };

/* Where packets of one direction were seen. */
struct state_side {
    uint16_t in_if, out_if;
    uint8_t direction;
    uint8_t known;   /* 0: not seen; else 1 + bytes of the MAC header */
    uint8_t mac[22]; /* with up to two VLAN tags */
};

struct rules_state {
    /* what a look-up reads and writes */
    uint64_t hash;
    uint32_t next; /* in its bucket, or in the free list */
    uint32_t slot; /* of the rule that made it */
    uint32_t name;
    uint8_t kind;   /* enum state_kind */
    uint8_t family; /* 4, 6 */
    uint8_t proto;
    uint8_t fields; /* PARENT: fields of the limit */
    uint16_t sport, dport;
    uint32_t src, dst; /* IPv4 */
    uint32_t tcp;      /* flags seen: forward, << 8 backward, STATE_ACK_*, STATE_KNOWN_* */
    uint64_t expires;  /* ns; PARENT: no child expires before */
    uint64_t packets, bytes;

    uint8_t src6[16], dst6[16];
    uint32_t ack_fwd, ack_rev; /* highest acknowledgement seen in each direction */
    uint32_t parent;           /* LIMIT: its parent; PARENT: number of children */
    uint32_t before, after;    /* LIMIT: the parent's other children; PARENT: after = the first */
    uint32_t wheel_next;
    uint64_t token; /* inline tablearg of the rule's action, or 0 */

    struct state_side sides[2]; /* forward, backward */
    uint32_t wheel_before;
    uint16_t wheel_slot; /* + 1; 0: not in the wheel */
    uint8_t reserved[2];
};

#define STATE_ACK_FWD 0x10000u
#define STATE_ACK_REV 0x20000u
/* where packets of this direction come from is known */
#define STATE_KNOWN_FWD 0x40000u
#define STATE_KNOWN_REV 0x80000u

struct rules_states {
    struct rules_state *pool;
    size_t pool_ready; /* states with memory */
    uint32_t used;     /* pool numbers handed out so far */
    uint32_t free;     /* first of the free list */
    uint32_t live;     /* FLOW and LIMIT states */
    uint32_t *heads;
    size_t heads_ready;
    uint32_t buckets, half; /* buckets in use, the power of two at or below */
    uint32_t entries;       /* in the table, with parents */
    uint64_t second;        /* the wheel has been turned up to here */
    uint32_t wheel[WHEEL_SLOTS];
    uint32_t purge;       /* states of rules that are gone are taken out from this number on; 0: none to */
    uint32_t purge_asked; /* atomic: another program runs, look through all states again */
    uint32_t *per_slot;   /* states of each rule slot; elements atomic, replaced under both of the engine's locks */
    uint32_t slots;
};

struct rules_states *rules_states_new(void);
void rules_states_free(struct rules_states *states);

static inline struct rules_state *state_at(const struct rules_states *states, uint32_t number)
{
    return &states->pool[number];
}

static inline uint32_t state_bucket(const struct rules_states *states, uint64_t hash)
{
    uint32_t bucket = (uint32_t)hash & (2 * states->half - 1);
    return bucket < states->buckets ? bucket : (uint32_t)hash & (states->half - 1);
}

/* A state of this hash put into the table, zeroed but for hash and slot. 0: no memory. */
uint32_t state_insert(struct rules_states *states, uint64_t hash, uint32_t slot);
/* Take a state out of table, wheel, siblings and counts; the last child takes its parent along. */
void state_remove(struct rules_states *states, uint32_t number);
/* Put a state into the wheel so that it comes up at `when` (ns) or within a second after. */
void state_schedule(struct rules_states *states, uint32_t number, uint64_t when);
void state_unschedule(struct rules_states *states, uint32_t number);

/* States of a rule slot. Under one of the engine's locks, either. */
static inline uint32_t state_count(const struct rules_states *states, uint32_t slot)
{
    return slot < states->slots ? __atomic_load_n(&states->per_slot[slot], __ATOMIC_RELAXED) : 0;
}

/* Make per_slot long enough for `slots` slots, under shared_lock and the engine's lock. 0 or -ENOMEM. */
int state_slots(struct rules_states *states, uint32_t slots);

#endif
