/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filter.h - which packets the rules let through: batches of a ring's slots, or of whole frames, to outcomes.
 *
 * A worker that filters has a filter of its own. Packets it sends are `out xmit PORT`, packets it receives `in recv
 * PORT`, seen at layer 2 behind the vnet header. Allowed is what the rules pass, or pass after translating (nat).
 * All the rest is denied; what of it goes elsewhere, and what becomes of copies, answers and matches of rules with
 * `log`, stands in aside.h. There are no links here, and a packet cannot wait for its other fragments: who loads rules
 * with pipe, queue or reass has to refuse them, or they are denied too.
 */
#ifndef NETVALE_ENGINE_FILTER_H
#define NETVALE_ENGINE_FILTER_H

#include "engine/aside.h"
#include "engine/slots.h"
#include "engine/worker.h"
#include "rules/rules.h"

#define NV_FILTER_BATCH 64u    /* packets the rules are asked about together */
#define NV_FILTER_MOST  65536u /* packets that nv_filter_ring judges in one call */
#define NV_FILTER_WHOLE 16u    /* frames of several slots in the store at a time */

/* What became of a packet: bits of nv_filter.outcome. 0: denied. */
enum nv_filter_outcome {
    NV_FILTER_ALLOWED = 1,
    NV_FILTER_REWRITTEN = 2, /* its bytes are others now, allowed or not */
};

struct nv_written;

struct nv_filter {
    struct nv_worker *w;
    struct nv_rules_worker *rules;
    struct nv_answers answers;
    uint64_t offset, ticked_ns; /* from the worker's clock to the rules', which have seconds since 1970 */
    uint16_t iface;
    enum nv_rules_direction direction;
    uint32_t judged; /* packets whose outcome is known */
    uint32_t end;    /* after nv_filter_ring: the slot behind them */
    uint32_t count;  /* packets gathered, to be judged next */
    uint32_t whole;  /* frames in the store */
    uint8_t *store;  /* frames of several slots, put together; NV_FILTER_WHOLE of them */
    struct {
        uint32_t slot, slots;
    } at[NV_FILTER_BATCH]; /* where a gathered packet lies in its ring */
    uint8_t outcome[NV_FILTER_MOST];
    uint16_t width[NV_FILTER_MOST]; /* slots of each packet, as they were when it was judged */
    struct nv_rules_packet packet[NV_FILTER_BATCH];
    struct nv_rules_verdict verdict[NV_FILTER_BATCH];
};

/* A filter for the worker's port by plan.rules. 0, or -errno with *err filled: -ENAMETOOLONG, -ENOMEM. */
int nv_filter_new(struct nv_worker *w, struct nv_filter **out, struct nv_error *err);
void nv_filter_free(struct nv_filter *f);

/*
 * Judge up to `most` packets that lie whole in the slots from `from` up to `to`: outcome[i] is the i-th packet's, and
 * width[i] its slots. Returns how many there were. Packets are rewritten in place where a rule says so. One with a slot
 * that names no buffer is shown to no rule: going out it is allowed, so that the port counts it and mends the slot;
 * coming in it is denied.
 */
uint32_t nv_filter_ring(struct nv_filter *f, const struct nv_slots *s, uint32_t from, uint32_t to, uint32_t most,
                        enum nv_rules_direction direction);

/*
 * After nv_filter_ring from the same slot on: bring the allowed ones of its `packets` packets together, by exchanging
 * slots' contents (and entries of `written`, if not NULL; those of rewritten buffers are forgotten). Returns the slot
 * behind them, and in *allowed how many they are.
 */
uint32_t nv_filter_compact(struct nv_filter *f, const struct nv_slots *s, struct nv_written *written, uint32_t from,
                           uint32_t packets, uint32_t *allowed);

/* Frames that are in no ring yet: begin, for up to NV_FILTER_WHOLE of them get room and add what was written there,
 * judge. */
void nv_filter_begin(struct nv_filter *f, enum nv_rules_direction direction);
uint8_t *nv_filter_room(const struct nv_filter *f);
void nv_filter_add(struct nv_filter *f, uint32_t bytes);
void nv_filter_judge(struct nv_filter *f);

/* Let dynamic states expire; about once a second, by worker 0. w->now must be the clock. */
void nv_filter_tick(struct nv_filter *f);

#endif
