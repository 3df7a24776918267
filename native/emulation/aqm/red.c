/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * red.c - RED (S. Floyd, V. Jacobson, Random early detection gateways for congestion avoidance, 1993) and gentle RED,
 * as dummynet has them, in floating point.
 *
 * The average of the queue's length is updated at each arrival; when the queue was empty, by the packets of average
 * size that could have left since. Between the thresholds packets are dropped with a probability that rises to
 * max_probability, spread out by the count of packets since the last drop; beyond, always (RED), or with a probability
 * that rises to 1 at twice the upper threshold (GRED).
 *
 * With `ecn` a packet that can be marked is marked where it would be dropped (RFC 3168, section 7). dummynet marks, or
 * drops if it cannot mark, every packet above the lower threshold instead.
 */
#include <math.h>

#include "emulation/aqm/state.h"

struct red_state {
    double average; /* of the queue's length */
    double drawn;   /* the random number that the growing probability is compared with */
    int64_t count;  /* packets since the last drop, or since the average rose above the lower threshold */
    uint64_t empty_since_ns;
    uint64_t begun; /* whether the state has been set up */
};

static double idle_average(const struct emu_red *red, double average, uint64_t idle_ns)
{
    if (!red->bandwidth)
        return average * (1 - red->weight);
    double packets = (double)idle_ns * 1e-9 * (double)red->bandwidth / (8.0 * red->average_packet);
    return average * pow(1 - red->weight, packets);
}

/* Probability of a drop before it is spread out. */
static double probability(const struct emu_red *red, double average, uint32_t length)
{
    double p;
    if (average >= red->max_threshold)
        p = red->max_probability + (1 - red->max_probability) * (average / red->max_threshold - 1);
    else
        p = red->max_probability * (average - red->min_threshold) / (red->max_threshold - red->min_threshold);
    return red->bytes ? p * length / red->max_packet : p;
}

static enum emu_aqm_verdict red_arrive(struct emu_flow *flow, const struct nv_emu_packet *packet, uint64_t now_ns,
                                       const struct emu_aqm_host *host)
{
    const struct emu_red *red = &flow->aqm_params->red;
    struct red_state *state = AQM_STATE(struct red_state, flow);
    const double length = red->bytes ? (double)flow->bytes : (double)flow->packets;

    if (!state->begun) {
        state->begun = 1;
        state->count = -1;
    }
    if (flow->packets)
        state->average += (length - state->average) * red->weight;
    else if (state->average > 0)
        state->average = idle_average(red, state->average, now_ns - state->empty_since_ns);

    if (state->average < red->min_threshold) {
        state->count = -1;
        return EMU_AQM_KEEP;
    }
    if (state->average >= red->max_threshold && !red->gentle) {
        state->count = -1;
        return aqm_signal(packet, red->ecn);
    }
    double p = probability(red, state->average, packet->length);
    if (++state->count == 0) {
        state->drawn = aqm_random(host);
        return EMU_AQM_KEEP;
    }
    if (p * (double)state->count <= state->drawn)
        return EMU_AQM_KEEP;
    state->count = 0;
    state->drawn = aqm_random(host);
    return aqm_signal(packet, red->ecn);
}

static struct nv_emu_packet *red_take(struct emu_flow *flow, uint64_t now_ns, const struct emu_aqm_host *host)
{
    (void)host;
    if (!flow->packets)
        return NULL;
    struct nv_emu_packet *packet = flow_pop(flow);
    if (!flow->packets)
        AQM_STATE(struct red_state, flow)->empty_since_ns = now_ns;
    return packet;
}

const struct emu_aqm_ops emu_aqm_red = {
    .name = "red", .reason = NV_EMU_DROP_RED, .arrive = red_arrive, .take = red_take};
/* The same code: `gentle` in the parameters makes the difference. */
const struct emu_aqm_ops emu_aqm_gred = {
    .name = "gred", .reason = NV_EMU_DROP_GRED, .arrive = red_arrive, .take = red_take};
