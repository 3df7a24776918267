/* SPDX-License-Identifier: BSD-2-Clause */
/* loop.c - one turn of a relay: take packets in, ask the rules, let links delay, send what is due; sleep when idle. */
#include "relay/act.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/clock.h"
#include "memory/error.h"

#define SPIN_NS    UINT64_C(60000)    /* the last part of a sleep, spun: waking up takes about as long */
#define LINGER_NS  UINT64_C(50000)    /* idle for so long before it sleeps (adaptive waiting) */
#define SLICE_NS   UINT64_C(50000000) /* longest sleep */
#define PUBLISH_NS UINT64_C(100000)   /* how often the counters are shown while there is something to do */
#define TICK_NS    NV_SECOND
#define TURN       512u /* departures of one turn: after a stop both the ports' rings get their share of time */

/* A sync said that the interface behind the port went. Returns what relay->error says. */
static int gone(struct nv_relay *r, const struct side *side, int error)
{
    return nv_fail(&r->error, -error, "%s: the interface is gone", nv_name(side->port));
}

/* Take up to `most` packets from an rx ring on to the links or the other port; returns how many. */
static int take_some(struct nv_relay *r, unsigned from, unsigned ring, unsigned most)
{
    struct side *side = &r->side[from];
    uint64_t *stat = r->stat[from], bytes = 0;
    unsigned count = 0, taken = 0;

    while (taken < most) {
        struct frame *frame = &r->batch->frames[count];
        enum side_found found = side_next(side, ring, frame);
        if (found == SIDE_NONE)
            break;
        taken++;
        if (found != SIDE_FRAME) {
            stat[NV_RELAY_DROPS_AT + (found == SIDE_BAD ? NV_RELAY_DROP_BAD_SLOT : NV_RELAY_DROP_TOO_LONG)]++;
            continue;
        }
        bytes += frame->length;
        if (__builtin_expect(r->capture.writer != NULL, 0))
            relay_capture(r, from, NV_CAPTURE_IN, frame->data, frame->length);
        count++;
        if (frame->place == FRAME_LOOSE)
            break; /* it lies in the scratch memory, of which there is one */
    }
    stat[NV_RELAY_RX_PACKETS] += taken;
    stat[NV_RELAY_RX_BYTES] += bytes;
    side_look_ahead(side, ring, RELAY_CHUNK);
    relay_ask(r, from, count);
    return (int)taken;
}

/* Take a burst from one rx ring; returns how many packets, or -errno. */
static int intake(struct nv_relay *r, unsigned from, unsigned ring)
{
    struct side *side = &r->side[from];
    int total = 0, taken, error = side_take(side, ring);

    if (error < 0)
        return gone(r, side, error);
    if (__builtin_expect(side->skipped != 0, 0)) {
        r->stat[from][NV_RELAY_RX_PACKETS] += side->skipped;
        r->stat[from][NV_RELAY_DROPS_AT + NV_RELAY_DROP_RING_RESET] += side->skipped;
        side->skipped = 0;
    }
    side_look_ahead(side, ring, RELAY_CHUNK);
    do {
        unsigned left = r->plan.burst - (unsigned)total;
        taken = take_some(r, from, ring, left < RELAY_CHUNK ? left : RELAY_CHUNK);
        total += taken;
    } while (taken && (unsigned)total < r->plan.burst);
    return total;
}

/* A packet of a divert port goes on behind the rule that sent the last one there; before there was one, it goes out. */
static void returned(struct nv_relay *r, const struct outlet *outlet, enum side_found found, struct frame *frame)
{
    struct nv_rules_packet packet = outlet->last;
    struct nv_rules_verdict verdict;
    unsigned from = packet.layer && packet.direction == NV_RULES_IN ? 1 : 0;

    r->stat[from][NV_RELAY_RETURNED]++;
    if (found != SIDE_FRAME) {
        r->stat[from][NV_RELAY_DROPS_AT + (found == SIDE_BAD ? NV_RELAY_DROP_BAD_SLOT : NV_RELAY_DROP_TOO_LONG)]++;
        return;
    }
    if (packet.layer == 0)
        relay_describe(r, from, frame, &packet);
    packet.data = frame->data;
    packet.length = frame->length;
    packet.time_ns = r->now + r->plan.time_offset;
    nv_rules_classify(r->worker, &packet, 1, &verdict);
    relay_decide(r, from, frame, &packet, &verdict, r->now);
    relay_enter_all(r);
}

/* Take in what came back from divert ports; returns how many packets. */
static int take_returned(struct nv_relay *r)
{
    int taken = 0;

    for (unsigned o = 0; o < outlets_count(&r->outlets); o++) {
        struct outlet *outlet = &r->outlets.outlet[o];
        for (unsigned ring = 0; outlet_open(outlet) && ring < outlet->side.rx_rings; ring++) {
            struct frame frame;
            enum side_found found;
            if (side_take(&outlet->side, ring) < 0)
                continue; /* its interface is gone: that costs what goes there, not this program */
            while ((found = side_next(&outlet->side, ring, &frame)) != SIDE_NONE) {
                taken++;
                returned(r, outlet, found, &frame);
            }
        }
        if (outlet_open(outlet))
            relay_push(r, &outlet->side);
    }
    return taken;
}

/* Show the counters. */
static void publish(struct nv_relay *r)
{
    uint64_t resets = r->side[0].resets + r->side[1].resets;

    r->published_ns = r->now;
    for (unsigned o = 0; o < outlets_count(&r->outlets); o++)
        resets += outlet_open(&r->outlets.outlet[o]) ? r->outlets.outlet[o].side.resets : 0;
    for (unsigned from = 0; from < 2; from++)
        r->stat[from][NV_RELAY_PENDING] = relay_pending(r, from);
    for (unsigned side = 0; side < 2; side++)
        for (unsigned i = 0; i < NV_RELAY_DROPS_AT + NV_RELAY_DROP_WORDS; i++)
            __atomic_store_n(&r->page[NV_RELAY_PAGE_HEAD + side * NV_RELAY_GROUP_WORDS + i], r->stat[side][i],
                             __ATOMIC_RELAXED);
    const uint64_t head[][2] = {
        {NV_RELAY_PAGE_NOW_NS, r->now},
        {NV_RELAY_PAGE_STORE_USED, nv_store_used(r->store)},
        {NV_RELAY_PAGE_SPARES,
         r->side[0].spares->count + (r->side[1].spares == r->side[0].spares ? 0 : r->side[1].spares->count)},
        {NV_RELAY_PAGE_SLEEPS, r->sleeps},
        {NV_RELAY_PAGE_BATCHES, r->batches},
        {NV_RELAY_PAGE_CAPTURE_LOST, r->capture_lost},
        {NV_RELAY_PAGE_LOG_LOST, r->log.lost},
        {NV_RELAY_PAGE_RING_RESETS, resets},
    };
    for (unsigned i = 0; i < sizeof(head) / sizeof(head[0]); i++)
        __atomic_store_n(&r->page[head[i][0]], head[i][1], __ATOMIC_RELAXED);
}

/* Sleep until a port has something, `until` comes near, or stop is asked for. */
static void sleep_until(struct nv_relay *r, uint64_t until)
{
    struct pollfd fds[3 + OUTLETS] = {{.fd = r->wake, .events = POLLIN}};
    nfds_t count = 1;

    for (unsigned i = 0; i < 2; i++) {
        if (__atomic_load_n(&r->end, __ATOMIC_RELAXED) == RELAY_RUN && nv_arm(r->side[i].port, POLLIN))
            return;
        fds[count++] = (struct pollfd){.fd = nv_fd(r->side[i].port), .events = POLLIN};
    }
    for (unsigned i = 0; i < outlets_count(&r->outlets); i++) {
        if (!outlet_open(&r->outlets.outlet[i]))
            continue;
        if (nv_arm(r->outlets.outlet[i].side.port, POLLIN))
            return;
        fds[count++] = (struct pollfd){.fd = nv_fd(r->outlets.outlet[i].side.port), .events = POLLIN};
    }
    uint64_t now = nv_now(), left = until > now + SPIN_NS ? until - now - SPIN_NS : 0;
    if (left == 0)
        return;
    left = left < SLICE_NS ? left : SLICE_NS;
    struct timespec wait = {(time_t)(left / NV_SECOND), (long)(left % NV_SECOND)};
    r->sleeps++;
    publish(r);
    if (ppoll(fds, count, &wait, NULL) > 0 && fds[0].revents & POLLIN) {
        uint64_t times;
        if (read(r->wake, &times, sizeof(times)) < 0) {
            /* another turn either way */
        }
    }
}

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Nothing was done in this turn: spin or sleep, as the plan says. */
static void idle(struct nv_relay *r)
{
    uint64_t next = r->waiting ? nv_emu_next(r->plan.emulation) : UINT64_MAX;

    next = next < r->tick_ns ? next : r->tick_ns;
    relay_log_wake(&r->log);
    relay_file_wake(&r->capture);
    bool near = next <= r->now + SPIN_NS;
    bool linger = r->plan.wait_mode == NV_WAIT_ADAPTIVE && r->now - r->busy_ns < LINGER_NS;
    if (r->plan.wait_mode == NV_WAIT_BUSY || near || linger)
        relax();
    else
        sleep_until(r, next);
}

/* What waits has no time to leave any more. */
static void give_up(struct nv_relay *r)
{
    if (!r->plan.emulation || r->waiting == 0)
        return;
    nv_emu_stop(r->plan.emulation, r->now);
    relay_release(r, UINT_MAX);
}

/* One turn; returns how much was done, or -errno. */
static int turn(struct nv_relay *r, enum relay_end end)
{
    int done = 0;

    for (unsigned from = 0; from < 2 && end == RELAY_RUN; from++)
        for (unsigned ring = 0; ring < r->side[from].rx_rings; ring++) {
            int taken = intake(r, from, ring);
            if (taken < 0)
                return taken;
            done += taken;
        }
    if (r->worker) {
        outlets_look(&r->outlets);
        done += take_returned(r);
    }
    done += (int)relay_release(r, TURN);
    if (r->worker && r->now >= r->tick_ns) {
        nv_rules_tick(r->worker, r->now + r->plan.time_offset);
        r->tick_ns = r->now + TICK_NS;
    }
    for (unsigned i = 0; i < 2; i++) {
        int error = relay_push(r, &r->side[i]);
        if (error < 0)
            return gone(r, &r->side[i], error);
    }
    return done;
}

int relay_once(struct nv_relay *r)
{
    r->now = nv_now();
    if (!r->tick_ns)
        r->tick_ns = r->now + TICK_NS;
    int done = turn(r, __atomic_load_n(&r->end, __ATOMIC_RELAXED));
    if (done > 0) {
        r->busy_ns = r->now;
        r->batches++;
    }
    if (r->now - r->published_ns >= PUBLISH_NS)
        publish(r);
    return done;
}

int relay_loop(struct nv_relay *r)
{
    int done = 0;
    enum relay_end end;

    while ((end = __atomic_load_n(&r->end, __ATOMIC_RELAXED)) != RELAY_STOP && done >= 0) {
        if (end == RELAY_DRAIN && r->waiting == 0)
            break;
        done = relay_once(r);
        if (done == 0)
            idle(r);
    }
    r->now = nv_now();
    give_up(r);
    relay_settle(r, &r->side[0]);
    relay_settle(r, &r->side[1]);
    for (unsigned o = 0; o < outlets_count(&r->outlets); o++)
        if (outlet_open(&r->outlets.outlet[o]))
            relay_settle(r, &r->outlets.outlet[o].side);
    publish(r);
    return done < 0 ? done : 0;
}
