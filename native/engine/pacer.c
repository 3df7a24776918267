/* SPDX-License-Identifier: BSD-2-Clause */
/* pacer.c - see pacer.h. */
#include "engine/pacer.h"

#include <stdbool.h>

#include "engine/clock.h"

typedef unsigned __int128 u128;

#define UNITS_PER_PACKET (2 * NV_SECOND) /* twice 10^9: half steps of a linear rate stay whole */

/* Twice the integral of a step's rate over its first `ns` nanoseconds. */
static u128 step_units(const struct nv_rate_step *step, uint64_t ns)
{
    u128 units = (u128)2 * step->from * ns;

    if (step->to > step->from)
        units += (u128)(step->to - step->from) * ns * ns / step->duration_ns;
    else if (step->to < step->from)
        units -= (u128)(step->from - step->to) * ns * ns / step->duration_ns;
    return units;
}

/* What holds after the last step. */
static struct nv_rate_step final_step(const struct nv_pacer *p)
{
    uint64_t rate = p->steps[p->count - 1].to;
    return (struct nv_rate_step){.from = rate, .to = rate, .duration_ns = UINT64_MAX};
}

static struct nv_rate_step current(const struct nv_pacer *p)
{
    return p->at < p->count ? p->steps[p->at] : final_step(p);
}

/* Go on to the step that holds now_ns. */
static void advance(struct nv_pacer *p, uint64_t now_ns)
{
    while (p->at < p->count && now_ns - p->at_ns >= p->steps[p->at].duration_ns) {
        const struct nv_rate_step *step = &p->steps[p->at++];
        p->at_units += step_units(step, step->duration_ns);
        p->at_ns += step->duration_ns;
    }
}

/* Of packets 0..total-1 of the profile, how many are this worker's. */
static uint64_t share(const struct nv_pacer *p, uint64_t total)
{
    return (total + p->workers - 1 - p->index) / p->workers;
}

/* Packet 0 is due at once, unless the profile begins at zero: then as soon as the rate rises. */
static u128 first_units(const struct nv_pacer *p)
{
    return p->steps[0].from == 0;
}

void nv_pacer_init(struct nv_pacer *p, const struct nv_rate_step *steps, size_t count, uint32_t burst, uint64_t index,
                   uint64_t workers, uint64_t start_ns)
{
    *p = (struct nv_pacer){
        .steps = steps,
        .count = count,
        .at_ns = start_ns,
        .start_ns = start_ns,
        .index = index,
        .workers = workers,
        .burst = burst,
    };
}

uint64_t nv_pacer_rate(struct nv_pacer *p, uint64_t now_ns)
{
    if (now_ns < p->start_ns)
        now_ns = p->start_ns;
    advance(p, now_ns);
    struct nv_rate_step step = current(p);
    u128 passed = now_ns - p->at_ns;
    if (step.to == step.from)
        return step.from;
    if (step.to > step.from)
        return step.from + (uint64_t)((step.to - step.from) * passed / step.duration_ns);
    return step.from - (uint64_t)((step.from - step.to) * passed / step.duration_ns);
}

uint32_t nv_pacer_due(struct nv_pacer *p, uint64_t now_ns)
{
    if (now_ns < p->start_ns || now_ns < p->hold_ns)
        return 0;
    uint64_t rate = nv_pacer_rate(p, now_ns);
    struct nv_rate_step step = current(p);
    u128 units = p->at_units + step_units(&step, now_ns - p->at_ns);
    if (units < first_units(p))
        return 0;
    uint64_t due = share(p, (uint64_t)(units / UNITS_PER_PACKET) + 1);
    uint64_t late = due > p->sent ? due - p->sent : 0, second = rate / p->workers + p->burst;
    if (late > second) {
        p->missed += late - p->burst;
        p->sent += late - p->burst;
        late = p->burst;
    }
    return late < p->burst ? (uint32_t)late : p->burst;
}

void nv_pacer_sent(struct nv_pacer *p, uint32_t packets, uint64_t now_ns)
{
    uint64_t rate = nv_pacer_rate(p, now_ns);

    p->sent += packets;
    if (rate && packets)
        p->hold_ns = now_ns + packets * p->workers * (NV_SECOND / 5 * 4) / rate;
}

/* First nanosecond of a step's 0..limit whose units reach `want`; limit + 1 when none does. */
static uint64_t reach(const struct nv_rate_step *step, u128 want, uint64_t limit)
{
    if (step->from == step->to) {
        if (step->from == 0)
            return limit + 1;
        u128 rate = (u128)2 * step->from, ns = (want + rate - 1) / rate;
        return ns > limit ? limit + 1 : (uint64_t)ns;
    }
    if (step_units(step, limit) < want)
        return limit + 1;
    uint64_t low = 0, high = limit;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (step_units(step, middle) >= want)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

uint64_t nv_pacer_next(const struct nv_pacer *p)
{
    u128 want = ((u128)p->sent * p->workers + p->index) * UNITS_PER_PACKET, units = p->at_units;
    uint64_t begin = p->at_ns;

    if (want == 0)
        want = first_units(p);
    for (size_t i = p->at; i <= p->count; i++) {
        struct nv_rate_step step = i < p->count ? p->steps[i] : final_step(p);
        bool last = i == p->count;
        uint64_t limit = last ? UINT64_MAX / 2 - begin : step.duration_ns - 1;
        uint64_t ns = want > units ? reach(&step, want - units, limit) : 0;
        if (ns <= limit)
            return begin + ns > p->hold_ns ? begin + ns : p->hold_ns;
        if (last)
            break;
        units += step_units(&step, step.duration_ns);
        begin += step.duration_ns;
    }
    return UINT64_MAX;
}
