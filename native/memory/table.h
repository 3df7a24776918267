/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table.h - the file "table" of a directory: every port and every opened descriptor in this world.
 *
 * It changes only under the directory's lock; readers on the data path look at generations, and load and store
 * what they look at in one piece (nv_load, nv_store). Who is alive is never asked of a pid: a descriptor lives as
 * long as somebody holds the flock on its FIFO.
 */
#ifndef NETVALE_TABLE_H
#define NETVALE_TABLE_H

#include <netvale.h>

#define NV_TABLE_MAGIC  0x31454c4156564eull /* "NVVALE1" */
#define NV_LAYOUT       4u                  /* of all files of a directory; raised when any of them changes */
#define NV_MAX_PORTS    1024u
#define NV_MAX_DESCS    4096u
#define NV_MAX_RINGS    256u
#define NV_SWITCH_PORTS 254u
#define NV_NO_INDEX     0xffffffffu

/* Identity of a port over time: its index and how often that index was used. 0: nobody. */
typedef uint32_t nv_token;
#define NV_TOKEN_INDEX_BITS 10
static inline unsigned nv_token_index(nv_token t)
{
    return t & ((1u << NV_TOKEN_INDEX_BITS) - 1);
}

#define nv_load(at)         __atomic_load_n(&(at), __ATOMIC_ACQUIRE)
#define nv_store(at, value) __atomic_store_n(&(at), value, __ATOMIC_RELEASE)

enum nv_port_caps {
    NV_CAP_EXCHANGE = 1u << 0, /* buffers may be exchanged instead of copied */
    NV_CAP_OPENED = 1u << 1,   /* some descriptor was bound to it since it was made */
};

/* One opened descriptor. `state` is live or free; `generation` tells two users of one entry apart. */
struct nv_desc_entry {
    uint32_t live;
    uint32_t generation;
    nv_token port;
    uint16_t first_tx, last_tx, first_rx, last_rx;
    uint32_t if_index;  /* its netmap_if in the region */
    uint32_t exclusive; /* opened with NR_EXCLUSIVE */
    uint32_t inside;    /* threads inside txsync right now */
    uint32_t wakeups_received;
    uint32_t extra; /* buffers beyond those in the rings that it was given */
    uint32_t pid;   /* who opened it, for messages: nobody is taken for alive because of it */
    char program[16];
    uint32_t spare[1];
} __attribute__((aligned(64)));

struct nv_port_entry {
    nv_token token; /* 0: free */
    nv_token ready; /* = token once its rings stand */
    uint32_t kind; /* its number: port/kind.h; 0: free */
    uint32_t caps;
    uint16_t mem_id;
    uint16_t tx_rings, rx_rings;
    uint16_t switch_port; /* VALE: index in the switch */
    uint32_t tx_slots, rx_slots;
    uint32_t first_tx, first_rx; /* ring objects in the region, one after the other */
    uint32_t peer;               /* pipe: index of the other end's entry; else NV_NO_INDEX */
    uint32_t pipe_epoch;         /* pipe: changes when an end was made anew; stands in the entry of both ends */
    char name[NETMAP_REQ_IFNAMSIZ];
    char switch_name[NETMAP_REQ_IFNAMSIZ]; /* VALE: name of the switch ("vale0") */
} __attribute__((aligned(64)));

struct nv_table {
    uint64_t magic;
    uint32_t layout;
    uint32_t size;
    uint32_t next_mem_id;
    uint32_t next_generation;
    uint32_t sweep_pending; /* rings and buffers of gone ports that were still in use elsewhere */
    uint32_t spare[9];
    struct nv_desc_entry desc[NV_MAX_DESCS];
    struct nv_port_entry port[NV_MAX_PORTS];
};

_Static_assert(sizeof(struct nv_desc_entry) == 64, "a cache line each: heartbeats must not share one");

#endif
