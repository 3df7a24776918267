/* SPDX-License-Identifier: BSD-2-Clause */
/* depart.c - what links let go is sent, or passes the rules once more; how late it is and how long it took is noted. */
#include "relay/act.h"

#include <string.h>

#include "packet/medium.h"

enum {
    TAKE = 256, /* departures taken from the links at once */
    AHEAD = 8,  /* departures between the prefetch of a record and its use */
};

/* Times that went into a histogram and are not in its sums yet. */
struct times {
    uint64_t count, sum, min, max;
};

/* What is entered once for many departures. */
struct notes {
    struct times late, delay[2];
    struct relay_run run;
};

static void times_add(struct times *times, uint64_t value)
{
    times->count++;
    times->sum += value;
    times->min = value < times->min ? value : times->min;
    times->max = value > times->max ? value : times->max;
}

static void times_enter(const struct times *times, struct nv_histogram *histogram)
{
    if (times->count)
        nv_histogram_note(histogram, times->count, times->sum, times->min, times->max);
}

/* delay_ns: until it was sent, UINT64_MAX when that is not known; exact_ns: until it departed. */
static void measure(struct nv_relay *r, struct notes *notes, const struct nv_emu_packet *record, uint64_t delay_ns,
                    uint64_t exact_ns)
{
    unsigned group = record->user >> RELAY_MEASURE_SHIFT;

    if (group != notes->run.group) {
        relay_measure(&r->measures, &notes->run, r->now);
        notes->run.group = group;
    }
    relay_run_add(&r->measures, &notes->run, record->length, delay_ns, exact_ns);
}

/* A packet passes the rules behind the one that sent it to its link. */
static void pass_again(struct nv_relay *r, unsigned from, struct nv_emu_packet *record, struct frame *frame)
{
    struct nv_rules_packet packet;
    struct nv_rules_verdict verdict;
    uint64_t when = record->time_ns; /* links in a row do not add up how late this loop is */

    relay_describe(r, from, frame, &packet);
    if (record->user & RELAY_HAS_CONTEXT) {
        memcpy(&packet, side_extra(record, frame->length), sizeof(packet));
        packet.data = frame->data;
        packet.time_ns = r->now + r->plan.time_offset;
    }
    packet.resume = record->resume;
    nv_rules_classify(r->worker, &packet, 1, &verdict);
    relay_decide(r, from, frame, &packet, &verdict, when);
}

/* One departure: out on the other side, or through the rules once more. */
static void depart(struct nv_relay *r, struct nv_emu_packet *record, struct notes *notes)
{
    struct side *const sides[2] = {&r->side[0], &r->side[1]};
    unsigned from = record->user & RELAY_FROM;
    struct frame frame;

    side_kept(record, sides, &frame);
    r->stat[from][NV_RELAY_WAITING]--;
    if (__builtin_expect(record->drop, 0)) {
        relay_measure_lost(&r->measures, record->user >> RELAY_MEASURE_SHIFT, record->drop);
        relay_drop(r, from, RELAY_WHY_LINK + record->drop, &frame);
        return;
    }
    uint64_t late = r->now > record->time_ns ? r->now - record->time_ns : 0;
    nv_histogram_put(r->lateness, late);
    times_add(&notes->late, late);
    if (__builtin_expect(record->flags & (NV_EMU_CORRUPT | NV_EMU_MARKED), 0)) {
        const struct nv_carried carried = {.data = frame.data, .length = frame.length, .how = r->how};
        if (record->flags & NV_EMU_MARKED)
            nv_carried_mark(&carried);
        if (record->flags & NV_EMU_CORRUPT)
            nv_carried_corrupt(&carried, record->corrupt_bit);
    }
    if (__builtin_expect(!(record->user & RELAY_HAS_ARRIVAL), 0)) {
        measure(r, notes, record, UINT64_MAX, 0);
        pass_again(r, from, record, &frame);
        return;
    }
    uint64_t arrival;
    memcpy(&arrival, &record->resume, sizeof(arrival));
    uint64_t delay = record->time_ns - arrival;
    nv_histogram_put(r->delay[from], delay);
    times_add(&notes->delay[from], delay);
    measure(r, notes, record, r->now - arrival, delay);
    relay_forward(r, from, 1 - from, &frame, delay);
}

unsigned relay_release(struct nv_relay *r, unsigned most)
{
    static const struct times none = {.min = UINT64_MAX};
    struct notes notes = {.late = none, .delay = {none, none}};
    struct nv_emu_packet *due[TAKE];
    unsigned total = 0, count;

    if (!r->plan.emulation || r->waiting == 0)
        return 0;
    do {
        count = nv_emu_release(r->plan.emulation, r->now, due, TAKE);
        r->waiting -= count;
        for (unsigned i = 0; i < count; i++) {
            if (i + AHEAD < count) {
                __builtin_prefetch(due[i + AHEAD], 1);
                __builtin_prefetch(due[i + AHEAD] + 1); /* a short frame lies behind its record */
            }
            depart(r, due[i], &notes);
        }
        total += count;
    } while (count == TAKE && total < most);
    relay_enter_all(r); /* those that passed the rules again */
    times_enter(&notes.late, r->lateness);
    for (unsigned from = 0; from < 2; from++)
        times_enter(&notes.delay[from], r->delay[from]);
    relay_measure(&r->measures, &notes.run, r->now);
    return total;
}
