/* SPDX-License-Identifier: BSD-2-Clause */
/* act.h - what becomes of packets in a relay: from a batch through the rules to a port, a link, an outlet or a drop. */
#ifndef NETVALE_RELAY_ACT_H
#define NETVALE_RELAY_ACT_H

#include "relay/loop.h"

/* Where the rules', the links' and the ports' reasons begin among the drops. */
enum {
    RELAY_WHY_RULES = NV_RELAY_DROP_COUNT,
    RELAY_WHY_LINK = (int)NV_RELAY_DROP_COUNT + NV_RULES_REASON_COUNT,
    RELAY_WHY_PORT = RELAY_WHY_LINK + (int)NV_EMU_DROP_COUNT,
};

/* Write a packet of port `port` to the capture file. */
void relay_capture(struct nv_relay *r, unsigned port, enum nv_capture_direction direction, const uint8_t *data,
                   uint32_t length);

/* A packet from port `from` is lost: counted under `why`, logged, its memory given back. */
void relay_drop(struct nv_relay *r, unsigned from, unsigned why, struct frame *frame);

/* Send to the port of `to` what came from port `from`, after delay_ns in a link (UINT64_MAX: in none). */
void relay_forward(struct nv_relay *r, unsigned from, unsigned to, struct frame *frame, uint64_t delay_ns);

/* A packet as the rules are told of it: from the inside it goes out, from the outside it comes in. */
void relay_describe(const struct nv_relay *r, unsigned from, const struct frame *frame, struct nv_rules_packet *packet);

/*
 * Do what the rules said of a packet; those that only changed it are asked again when one_pass is off. `when`: the time
 * it arrives, should it go to a link. What arrives now is handed over by relay_enter_all.
 */
void relay_decide(struct nv_relay *r, unsigned from, struct frame *frame, struct nv_rules_packet *packet,
                  struct nv_rules_verdict *verdict, uint64_t when);

/* Let the links have the packets that were gathered for them in this turn. */
void relay_enter_all(struct nv_relay *r);

/* Let `count` frames of the batch through the rules, or straight through when there are none. */
void relay_ask(struct nv_relay *r, unsigned from, unsigned count);

/* ---- settle.c ---- */

/* Put a frame that came from port `from` into a tx ring, for what `kind` says. False as side_send. */
bool relay_send(struct nv_relay *r, struct side *side, enum side_kind kind, unsigned from, struct frame *frame);

/* Hand over what was put into a tx ring, and count what the port made of it. 0, or -errno: the port is gone. */
int relay_push(struct nv_relay *r, struct side *side);

/* The same though nothing was put in: a pipe's other end may have come, or left. */
int relay_settle(struct nv_relay *r, struct side *side);

/* Packets of a direction that stand in tx rings whose ports do not take them. */
uint64_t relay_pending(const struct nv_relay *r, unsigned from);

/* ---- depart.c ---- */

/* Send what the links let go by now, at least `most` packets if there are so many; returns how many. */
unsigned relay_release(struct nv_relay *r, unsigned most);

#endif
