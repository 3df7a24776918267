/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * codel.c - CoDel (RFC 8289): when packets have waited longer than target for a whole interval, drop one as it leaves,
 * and the next after interval/sqrt(count), until one has waited less.
 *
 * With `ecn` a packet that can be marked is marked and sent where it would be dropped.
 */
#include <math.h>

#include "emulation/aqm/state.h"

struct codel_state {
    uint64_t first_above_ns; /* when waiting will have been above target for an interval; 0: it is not above */
    uint64_t next_ns;        /* of the next drop, while dropping */
    uint32_t count;          /* drops since dropping began */
    uint32_t last_count;     /* count when dropping began */
    uint32_t longest;        /* packet seen: a queue of one such is never too long */
    uint32_t dropping;
};

/* RFC 8289, section 5.5: the drop rate grows with the square root of the count. */
static uint64_t control_law(const struct emu_codel *codel, uint64_t from_ns, uint32_t count)
{
    return from_ns + (uint64_t)((double)codel->interval_ns / sqrt((double)count));
}

/* RFC 8289, section 5.6, dodequeue: the head, and in *ok_to_drop whether it may be dropped. */
static struct nv_emu_packet *pop(struct emu_flow *flow, struct codel_state *state, uint64_t now_ns, bool *ok_to_drop)
{
    const struct emu_codel *codel = &flow->aqm_params->codel;
    *ok_to_drop = false;
    if (!flow->packets) {
        state->first_above_ns = 0;
        return NULL;
    }
    struct nv_emu_packet *packet = flow_pop(flow);
    uint64_t sojourn = now_ns > packet->time_ns ? now_ns - packet->time_ns : 0;
    if (packet->length > state->longest)
        state->longest = packet->length;
    if (sojourn < codel->target_ns || flow->bytes <= state->longest) {
        state->first_above_ns = 0;
    } else if (state->first_above_ns == 0) {
        state->first_above_ns = now_ns + codel->interval_ns;
    } else {
        *ok_to_drop = now_ns >= state->first_above_ns;
    }
    return packet;
}

/* Mark the packet if it can be marked; else drop it and return false. */
static bool mark_or_drop(struct emu_flow *flow, struct nv_emu_packet *packet, const struct emu_aqm_host *host)
{
    if (aqm_signal(packet, flow->aqm_params->codel.ecn) == EMU_AQM_MARK) {
        packet->flags |= NV_EMU_MARKED;
        return true;
    }
    host->drop(host->arg, flow, packet, NV_EMU_DROP_CODEL);
    return false;
}

static struct nv_emu_packet *codel_take(struct emu_flow *flow, uint64_t now_ns, const struct emu_aqm_host *host)
{
    const struct emu_codel *codel = &flow->aqm_params->codel;
    struct codel_state *state = AQM_STATE(struct codel_state, flow);
    bool ok_to_drop;
    struct nv_emu_packet *packet = pop(flow, state, now_ns, &ok_to_drop);

    if (state->dropping) {
        if (!ok_to_drop)
            state->dropping = 0;
        while (state->dropping && now_ns >= state->next_ns) {
            state->count++;
            if (mark_or_drop(flow, packet, host)) {
                state->next_ns = control_law(codel, state->next_ns, state->count);
                return packet;
            }
            packet = pop(flow, state, now_ns, &ok_to_drop);
            if (ok_to_drop)
                state->next_ns = control_law(codel, state->next_ns, state->count);
            else
                state->dropping = 0;
        }
    } else if (ok_to_drop) {
        bool marked = mark_or_drop(flow, packet, host);
        if (!marked)
            packet = pop(flow, state, now_ns, &ok_to_drop);
        state->dropping = 1;
        /* Soon after the last time: go on at about the rate that held the queue then. */
        uint32_t delta = state->count - state->last_count;
        bool recent = now_ns < state->next_ns || now_ns - state->next_ns < 16 * codel->interval_ns;
        state->count = delta > 1 && recent ? delta : 1;
        state->next_ns = control_law(codel, now_ns, state->count);
        state->last_count = state->count;
    }
    return packet;
}

const struct emu_aqm_ops emu_aqm_codel = {.name = "codel", .reason = NV_EMU_DROP_CODEL, .take = codel_take};
