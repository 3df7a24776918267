/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * impair.c - see impair.h. Models: tc-netem (jitter distributions, reorder with gap, the 4-state loss model of
 * Salsano, Ludovici and Ordine, slots), mahimahi (traces).
 */
#include "emulation/impair.h"

#include <math.h>

enum { JITTER_SCALE = 8192 };

/* Uniform in [0, 1). */
static double unit(struct nv_random *random)
{
    return (double)(nv_random_next(random) >> 11) * 0x1p-53;
}

static bool chance(struct nv_random *random, double probability)
{
    return unit(random) < probability;
}

void emu_impaired_init(struct emu_impaired *state, uint64_t seed, uint64_t sequence)
{
    struct nv_random *const each[] = {&state->loss,   &state->duplicate, &state->corrupt,
                                      &state->jitter, &state->reorder,   &state->slot};
    *state = (struct emu_impaired){0};
    for (unsigned i = 0; i < sizeof each / sizeof *each; i++)
        nv_random_seed(each[i], seed, sequence << 3 | (i + 1));
}

/* ---- on arrival ---- */

/* netem's: 1 good, 2 good within a burst, 3 loss within a burst, 4 one loss in the good. As numbers 0..3. */
static bool markov_loses(struct emu_impaired *state, const double *p)
{
    double p13 = p[0], p31 = p[1], p32 = p[2], p23 = p[3], p14 = p[4], draw = unit(&state->loss);
    switch (state->markov) {
    case 0:
        state->markov = draw < p14 ? 3 : draw < p14 + p13 ? 2 : 0;
        break;
    case 1:
        state->markov = draw < p23 ? 2 : 1;
        break;
    case 2:
        state->markov = draw < p32 ? 1 : draw < p32 + p31 ? 0 : 2;
        break;
    default:
        state->markov = 0;
    }
    return state->markov >= 2;
}

bool emu_impair_loses(struct emu_impaired *state, const struct nv_emu_impairments *impair, uint32_t length)
{
    state->arrivals++;
    switch (impair->loss) {
    case NV_EMU_LOSS_LIST:
        if (state->loss_at >= impair->loss_count || impair->loss_list[state->loss_at] != state->arrivals)
            return false;
        state->loss_at++;
        return true;
    case NV_EMU_LOSS_BITS: {
        char bit = impair->loss_bits[state->loss_at++];
        if (state->loss_at == impair->loss_count)
            state->loss_at = 0;
        return bit == '1';
    }
    case NV_EMU_LOSS_MARKOV:
        return markov_loses(state, impair->markov);
    case NV_EMU_LOSS_BER: /* all bits right: (1 - BER)^bits */
        return chance(&state->loss, -expm1(8.0 * length * log1p(-impair->bit_errors)));
    default:
        return false;
    }
}

bool emu_impair_duplicates(struct emu_impaired *state, const struct nv_emu_impairments *impair)
{
    return impair->duplicate > 0 && chance(&state->duplicate, impair->duplicate);
}

/* ---- on the air ---- */

uint32_t emu_impair_cost(const struct nv_emu_impairments *impair, uint32_t length)
{
    int64_t bytes = (int64_t)length + impair->overhead;
    if (bytes < 0)
        bytes = 0;
    if (!impair->cell_size)
        return (uint32_t)bytes;
    uint64_t cells = ((uint64_t)bytes + impair->cell_size - 1) / impair->cell_size;
    return (uint32_t)(cells * (impair->cell_size + impair->cell_overhead));
}

/* The trace's next instant becomes the current one. false: it has ended. */
static bool next_instant(struct emu_impaired *state, const struct nv_emu_impairments *impair)
{
    if (++state->trace_at == impair->trace_count) {
        if (impair->trace_once) {
            state->trace_at--;
            return false;
        }
        state->trace_at = 0;
        state->trace_round += impair->trace_ns[impair->trace_count - 1];
    }
    state->trace_left = EMU_TRACE_BYTES;
    return true;
}

uint64_t emu_impair_trace(struct emu_impaired *state, const struct nv_emu_impairments *impair, uint64_t start_ns,
                          uint64_t now_ns, uint32_t bytes)
{
    uint64_t period = impair->trace_ns[impair->trace_count - 1];
    if (!state->trace_runs) {
        state->trace_runs = true;
        state->trace_round = start_ns;
        state->trace_at = 0;
        state->trace_left = EMU_TRACE_BYTES;
    }
    /* whole rounds in which nothing was sent */
    if (!impair->trace_once && now_ns > state->trace_round + 2 * period) {
        state->trace_round += (now_ns - state->trace_round) / period * period - period;
        state->trace_at = 0;
        state->trace_left = EMU_TRACE_BYTES;
    }
    while (state->trace_round + impair->trace_ns[state->trace_at] < now_ns || state->trace_left == 0)
        if (!next_instant(state, impair))
            return UINT64_MAX;
    if (bytes > EMU_TRACE_BYTES && bytes <= EMU_TRACE_FULLEST)
        bytes = EMU_TRACE_BYTES;
    while (bytes > state->trace_left) {
        bytes -= state->trace_left;
        if (!next_instant(state, impair))
            return UINT64_MAX;
    }
    state->trace_left -= bytes;
    return state->trace_round + impair->trace_ns[state->trace_at];
}

/* ---- behind the link ---- */

/* Normal with mean 0 and deviation 1: the polar method (Marsaglia and Bray, 1964), one of its two numbers. */
static double normal(struct nv_random *random)
{
    for (;;) {
        double x = 2 * unit(random) - 1, y = 2 * unit(random) - 1, s = x * x + y * y;
        if (s > 0 && s < 1)
            return x * sqrt(-2 * log(s) / s);
    }
}

/* The delay of one packet, jitter included. */
static uint64_t delay_of(struct emu_impaired *state, const struct nv_emu_impairments *impair, uint64_t delay_ns)
{
    double factor;
    switch (impair->jitter) {
    case NV_EMU_JITTER_UNIFORM:
        factor = 2 * unit(&state->jitter) - 1;
        break;
    case NV_EMU_JITTER_NORMAL:
        factor = normal(&state->jitter);
        break;
    case NV_EMU_JITTER_PARETO: /* shape 3, mean 0; 4/3 as in netem's table */
        factor = (1 / cbrt(1 - unit(&state->jitter)) - 1.5) * (4.0 / 3);
        break;
    case NV_EMU_JITTER_TABLE: {
        uint32_t draw = (uint32_t)(nv_random_next(&state->jitter) >> 32);
        factor = (double)impair->jitter_table[nv_random_scale(draw, impair->jitter_count)] / JITTER_SCALE;
        break;
    }
    default:
        return delay_ns;
    }
    double delay = (double)delay_ns + factor * (double)impair->jitter_ns;
    return delay <= 0 ? 0 : delay >= 0x1p60 ? UINT64_C(1) << 60 : (uint64_t)delay;
}

/* Whether this packet skips the delay: after gap - 1 that did not, with the probability. */
static bool skips_delay(struct emu_impaired *state, const struct nv_emu_impairments *impair)
{
    if (!(impair->reorder > 0))
        return false;
    uint32_t gap = impair->reorder_gap ? impair->reorder_gap : 1;
    if (state->reorder_count < gap - 1 || !chance(&state->reorder, impair->reorder)) {
        state->reorder_count++;
        return false;
    }
    state->reorder_count = 0;
    return true;
}

static uint64_t slot_gap(struct emu_impaired *state, const struct nv_emu_impairments *impair)
{
    uint64_t span = impair->slot_max_ns - impair->slot_min_ns;
    state->slot_packets = state->slot_bytes = 0;
    return impair->slot_min_ns + (uint64_t)(unit(&state->slot) * (double)(span + 1));
}

/* The opening of the slot that carries a packet due at time_ns. */
static uint64_t slot_of(struct emu_impaired *state, const struct nv_emu_impairments *impair, uint64_t time_ns,
                        uint32_t length)
{
    bool full = (impair->slot_packets && state->slot_packets >= impair->slot_packets) ||
                (impair->slot_bytes && state->slot_bytes >= impair->slot_bytes);
    if (!state->slot_runs || state->slot_ns < time_ns)
        state->slot_ns = time_ns + slot_gap(state, impair);
    else if (full)
        state->slot_ns += slot_gap(state, impair);
    state->slot_runs = true;
    state->slot_packets++;
    state->slot_bytes += length;
    return state->slot_ns;
}

uint64_t emu_impair_shape(struct emu_impaired *state, const struct nv_emu_impairments *impair, uint64_t off_ns,
                          uint64_t delay_ns, struct nv_emu_packet *packet)
{
    if (impair->corrupt > 0 && packet->length && chance(&state->corrupt, impair->corrupt)) {
        uint32_t draw = (uint32_t)(nv_random_next(&state->corrupt) >> 32);
        packet->flags |= NV_EMU_CORRUPT;
        packet->corrupt_bit = nv_random_scale(draw, (uint64_t)packet->length * 8);
    }
    uint64_t time_ns = off_ns;
    if (!skips_delay(state, impair))
        time_ns += delay_of(state, impair, delay_ns);
    return impair->slot_max_ns ? slot_of(state, impair, time_ns, packet->length) : time_ns;
}
