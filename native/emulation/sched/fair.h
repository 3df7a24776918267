/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fair.h - flow queueing with queue management in each queue (RFC 8290): what FQ-CoDel and FQ-PIE have in common.
 *
 * Packets are hashed to queues by their flow; a deficit round robin over two lists serves them, queues that have just
 * got their first packet (new) before the others (old). When there are more packets than `limit`, the longest queue
 * loses half of its packets, BATCH at most, from its head.
 */
#ifndef NETVALE_EMULATION_SCHED_FAIR_H
#define NETVALE_EMULATION_SCHED_FAIR_H

#include "emulation/sched.h"

/* The operations, for one kind of queue management. */
size_t fair_size(const struct emu_fair *fair);
int fair_init(struct emu_sched *sched, const struct emu_fair *fair, const struct emu_aqm_ops *management);
int fair_join(struct emu_sched *sched, struct emu_flow *flow);
void fair_leave(struct emu_sched *sched, struct emu_flow *flow);
void fair_reshare(struct emu_sched *sched, struct emu_flow *flow, struct emu_share share);
enum nv_emu_drop fair_enqueue(struct emu_sched *sched, struct emu_flow *flow, struct nv_emu_packet *packet,
                              uint64_t now_ns, const struct emu_aqm_host *host);
struct nv_emu_packet *fair_dequeue(struct emu_sched *sched, uint64_t now_ns, const struct emu_aqm_host *host,
                                   struct emu_flow **from);

#endif
