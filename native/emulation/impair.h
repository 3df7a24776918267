/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * impair.h - what a link does to packets besides bandwidth and delay: loss models, duplication, jitter, reordering,
 * corruption, overhead and cells, traces, slots. Each draws from a generator of its own, so that switching one on does
 * not change what another does.
 */
#ifndef NETVALE_EMULATION_IMPAIR_H
#define NETVALE_EMULATION_IMPAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "emulation/emulation.h"
#include "packet/random.h"

/*
 * Bytes of IP that go out at each instant of a trace, which is there for one full packet. The fullest are a little
 * longer: mahimahi's device hands over 1504 bytes, Ethernet 1500 behind a VLAN tag. They fit as well.
 */
enum { EMU_TRACE_BYTES = 1500, EMU_TRACE_FULLEST = 1504 };

/* State of one link's impairments. */
struct emu_impaired {
    struct nv_random loss, duplicate, corrupt, jitter, reorder, slot;
    uint64_t arrivals;      /* packets the loss model has seen */
    uint32_t loss_at;       /* next in the list, or in the bits */
    uint32_t markov;        /* state, 0..3 */
    uint32_t reorder_count; /* packets since one skipped the delay */
    uint32_t trace_at;      /* current instant of the trace */
    uint64_t trace_round;   /* when this turn of the trace began */
    uint32_t trace_left;    /* bytes that may still go out at the current instant */
    bool trace_runs, slot_runs;
    uint64_t slot_ns;                  /* the current slot opens */
    uint32_t slot_packets, slot_bytes; /* carried by it */
};

/* Generators and state for a link: the same seed, pipe number and flow give the same. */
void emu_impaired_init(struct emu_impaired *state, uint64_t seed, uint64_t sequence);
/* New parameters: what is another pattern begins at its beginning; generators go on. */
void emu_impaired_adopt(struct emu_impaired *state, const struct nv_emu_impairments *was,
                        const struct nv_emu_impairments *is);

/* Whether the arriving packet is lost; whether it comes twice. */
bool emu_impair_loses(struct emu_impaired *state, const struct nv_emu_impairments *impair, uint32_t length);
bool emu_impair_duplicates(struct emu_impaired *state, const struct nv_emu_impairments *impair);

/* Bytes the packet costs on the link. */
uint32_t emu_impair_cost(const struct nv_emu_impairments *impair, uint32_t length);

/* When a packet of `bytes` that may start at now_ns has gone out through the trace; UINT64_MAX: never. */
uint64_t emu_impair_trace(struct emu_impaired *state, const struct nv_emu_impairments *impair, uint64_t start_ns,
                          uint64_t now_ns, uint32_t bytes);

/* When a packet that is off the air at off_ns leaves, delay, jitter, reordering and slots included. May corrupt it. */
uint64_t emu_impair_shape(struct emu_impaired *state, const struct nv_emu_impairments *impair, uint64_t off_ns,
                          uint64_t delay_ns, struct nv_emu_packet *packet);

/* NULL: they are fine. Else what is wrong with them. */
const char *emu_impair_check(const struct nv_emu_impairments *impair);
/* Copy the arrays of *from into *to. false: no memory, nothing is left behind. */
bool emu_impair_copy(struct nv_emu_impairments *to, const struct nv_emu_impairments *from);
void emu_impair_free(struct nv_emu_impairments *impair);
bool emu_impair_same_trace(const struct nv_emu_impairments *a, const struct nv_emu_impairments *b);
/* Whether a link with these needs a struct emu_impaired. */
bool emu_impair_any(const struct nv_emu_impairments *impair);

#endif
