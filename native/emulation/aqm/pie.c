/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pie.c - PIE (RFC 8033): arriving packets are dropped with a probability that a controller moves every t_update so
 * that the queueing delay comes to target.
 *
 * There is no timer: what the controller would have done since the last packet came or left is done before the next one
 * does, step by step, which is the same because nothing changes in between.
 *
 * The delay is taken from the last packet that left (how long it had waited), or, with departure_rate, from the bytes
 * that wait and the time that 16 KiB took to leave. With `ecn` packets that can be marked are marked instead while the
 * probability is below max_ecn. Without on_off PIE works from the first packet; with it, from when the queue is a third
 * full until it has been empty and the probability has come to 0.
 */
#include "emulation/aqm/state.h"

enum {
    MEAN_PACKET = 800,       /* bytes: two such are never too many */
    RATE_BYTES = 1 << 14,    /* a measurement of the departure rate takes so many */
    SETTLED_STEPS = 1 << 12, /* after so many in which no packet came or left, nothing moves any more */
    MEASURING = 1,
    ACTIVE = 2,
};

struct pie_state {
    double probability;
    double accumulated; /* of the probabilities since the last drop (derandomize) */
    uint64_t delay_ns, old_delay_ns;
    uint64_t allowance_ns; /* for a burst */
    uint64_t next_ns;      /* of the next step */
    uint64_t measured_from_ns;
    double per_byte_ns; /* average time a byte takes to leave; 0: not known */
    uint32_t measured;  /* bytes */
    uint32_t flags;
};

static void begin(const struct emu_pie *pie, struct pie_state *state, uint64_t now_ns)
{
    *state = (struct pie_state){
        .flags = ACTIVE | MEASURING,
        .allowance_ns = pie->max_burst_ns,
        .next_ns = now_ns + pie->update_ns,
        .measured_from_ns = now_ns,
    };
}

/* RFC 8033, section 4.2: steps are smaller while the probability is small. */
static double scaled(double step, double probability)
{
    static const struct {
        double below, divisor;
    } scales[] = {{0.000001, 2048}, {0.00001, 512}, {0.0001, 128}, {0.001, 32}, {0.01, 8}, {0.1, 2}};
    for (unsigned i = 0; i < sizeof(scales) / sizeof(*scales); i++)
        if (probability < scales[i].below)
            return step / scales[i].divisor;
    return step;
}

/* One step of the controller. Returns whether it changed anything. */
static bool step(const struct emu_flow *flow, const struct emu_pie *pie, struct pie_state *state)
{
    const struct pie_state before = *state;

    if (pie->departure_rate)
        state->delay_ns = (uint64_t)((double)flow->bytes * state->per_byte_ns);
    else if (!flow->packets)
        state->delay_ns = 0;
    double delay = (double)state->delay_ns * 1e-9;
    double change =
        pie->alpha * (delay - (double)pie->target_ns * 1e-9) + pie->beta * (delay - (double)state->old_delay_ns * 1e-9);
    change = scaled(change, state->probability);
    if (pie->cap_drop && state->probability >= 0.1 && change > 0.02)
        change = 0.02;
    state->probability += change;
    if (state->delay_ns == 0 && state->old_delay_ns == 0)
        state->probability *= 0.98;
    if (state->probability < 0)
        state->probability = 0;
    else if (state->probability > 1)
        state->probability = 1;
    state->old_delay_ns = state->delay_ns;
    state->allowance_ns -= state->allowance_ns < pie->update_ns ? state->allowance_ns : pie->update_ns;
    return state->probability != before.probability || state->delay_ns != before.delay_ns ||
           state->old_delay_ns != before.old_delay_ns || state->allowance_ns != before.allowance_ns;
}

/* The steps due at now_ns. */
static void catch_up(const struct emu_flow *flow, struct pie_state *state, uint64_t now_ns)
{
    const struct emu_pie *pie = &flow->aqm_params->pie;
    if (!(state->flags & ACTIVE))
        return;
    for (unsigned steps = 0; now_ns >= state->next_ns; steps++) {
        state->next_ns += pie->update_ns;
        if (!step(flow, pie, state) || steps == SETTLED_STEPS)
            break;
    }
    if (now_ns >= state->next_ns) /* settled */
        state->next_ns += ((now_ns - state->next_ns) / pie->update_ns + 1) * pie->update_ns;
}

/* RFC 8033, section 4.1 and 5.4: whether the packet is to be dropped. */
static bool drop_early(const struct emu_flow *flow, struct pie_state *state, const struct emu_aqm_host *host)
{
    const struct emu_pie *pie = &flow->aqm_params->pie;

    if (state->allowance_ns > 0)
        return false;
    if ((state->old_delay_ns < pie->target_ns / 2 && state->probability < 0.2) || flow->bytes <= 2 * MEAN_PACKET)
        return false;
    if (pie->derandomize) {
        if (state->probability == 0)
            state->accumulated = 0;
        state->accumulated += state->probability;
        if (state->accumulated < 0.85)
            return false;
        if (state->accumulated >= 8.5)
            return true;
    }
    return aqm_random(host) < state->probability;
}

static enum emu_aqm_verdict pie_arrive(struct emu_flow *flow, const struct nv_emu_packet *packet, uint64_t now_ns,
                                       const struct emu_aqm_host *host)
{
    const struct emu_pie *pie = &flow->aqm_params->pie;
    struct pie_state *state = AQM_STATE(struct pie_state, flow);
    enum emu_aqm_verdict verdict = EMU_AQM_KEEP;

    catch_up(flow, state, now_ns);
    if (state->flags & ACTIVE && drop_early(flow, state, host)) {
        state->accumulated = 0;
        verdict = aqm_signal(packet, pie->ecn && state->probability < pie->max_ecn);
    }
    if (!(state->flags & ACTIVE)) {
        uint64_t length = pie->bytes ? flow->bytes : flow->packets;
        if (!pie->on_off || length >= pie->limit / 3)
            begin(pie, state, now_ns);
    } else if (state->probability == 0 && state->delay_ns < pie->target_ns / 2 &&
               state->old_delay_ns < pie->target_ns / 2) {
        state->allowance_ns = pie->max_burst_ns;
        if (pie->on_off && !flow->packets)
            state->flags = 0;
    }
    return verdict;
}

/* RFC 8033, section 5.2: the average time that bytes take to leave. */
static void measure(const struct emu_flow *flow, struct pie_state *state, uint32_t length, uint64_t now_ns)
{
    if (state->flags & MEASURING) {
        state->measured += length;
        if (state->measured >= RATE_BYTES) {
            double sample = (double)(now_ns - state->measured_from_ns) / state->measured;
            const double weight = 0.25; /* RFC 8033, appendix B: RATE_BYTES / 2^16 */
            state->per_byte_ns = state->per_byte_ns > 0 ? (1 - weight) * state->per_byte_ns + weight * sample : sample;
            state->flags &= ~(uint32_t)MEASURING;
        }
    }
    if (!(state->flags & MEASURING) && flow->bytes >= RATE_BYTES) {
        state->flags |= MEASURING;
        state->measured = 0;
        state->measured_from_ns = now_ns;
    }
}

static struct nv_emu_packet *pie_take(struct emu_flow *flow, uint64_t now_ns, const struct emu_aqm_host *host)
{
    const struct emu_pie *pie = &flow->aqm_params->pie;
    struct pie_state *state = AQM_STATE(struct pie_state, flow);
    (void)host;
    if (!flow->packets)
        return NULL;
    catch_up(flow, state, now_ns);
    struct nv_emu_packet *packet = flow_pop(flow);
    if (!(state->flags & ACTIVE))
        return packet;
    if (pie->departure_rate)
        measure(flow, state, packet->length, now_ns);
    else
        state->delay_ns = now_ns > packet->time_ns ? now_ns - packet->time_ns : 0;
    return packet;
}

const struct emu_aqm_ops emu_aqm_pie = {
    .name = "pie", .reason = NV_EMU_DROP_PIE, .arrive = pie_arrive, .take = pie_take};
