/* SPDX-License-Identifier: BSD-2-Clause */
/* loop.c - one turn of a relay: take packets in, ask the rules, let links delay, send what is due; sleep when idle. */
#include "relay/loop.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/clock.h"
#include "memory/error.h"
#include "relay/mark.h"

#define SPIN_NS    UINT64_C(60000)    /* the last part of a sleep, spun: waking up takes about as long */
#define LINGER_NS  UINT64_C(50000)    /* idle for so long before it sleeps (adaptive waiting) */
#define SLICE_NS   UINT64_C(50000000) /* longest sleep */
#define PUBLISH_NS UINT64_C(100000)   /* how often the counters are shown while there is something to do */
#define TICK_NS    NV_SECOND
#define RELEASE    256u /* departures taken at once */
#define PASSES_MAX 64u  /* passes of one packet through the rules in a row: translated, put together */

enum { WHY_RULES = NV_RELAY_DROP_COUNT, WHY_LINK = NV_RELAY_DROP_COUNT + NV_RULES_REASON_COUNT };

/* Write a packet of port `port` to the capture file. */
static void capture(struct nv_relay *r, unsigned port, enum nv_capture_direction direction, const uint8_t *data,
                    uint32_t length)
{
    const struct nv_capture_packet packet = {.data = data,
                                             .length = length,
                                             .time_ns = r->now + r->plan.time_offset,
                                             .interface = port,
                                             .direction = (uint8_t)direction};

    if (!r->capture || nv_capture_write(r->capture, &packet, 1, NULL) < 0)
        r->capture_lost++;
}

static void drop(struct nv_relay *r, unsigned from, unsigned why, struct frame *frame)
{
    r->stat[from][NV_RELAY_DROPS_AT + why]++;
    relay_log_drop(&r->log, r->now, from, frame->length, nv_relay_drop_name(why));
    side_release(frame, r->store);
}

/* Send to the port of `to` what came from port `from`, after delay_ns in a link (UINT64_MAX: in none). */
static void forward(struct nv_relay *r, unsigned from, unsigned to, struct frame *frame, uint64_t delay_ns)
{
    uint64_t *stat = r->stat[from];
    uint32_t length = frame->length;

    if (__builtin_expect(r->captures, 0))
        capture(r, to, NV_CAPTURE_OUT, frame->data, length);
    if (!side_send(&r->side[to], frame, r->store)) {
        bool fits = length && length <= (uint64_t)r->side[to].tx.buf_size * (r->side[to].tx.slots - 1);
        drop(r, from, fits ? NV_RELAY_DROP_TX_FULL : NV_RELAY_DROP_TOO_LONG, frame);
    } else if (to == from) {
        stat[NV_RELAY_BOUNCED]++;
    } else {
        stat[NV_RELAY_TX_PACKETS]++;
        stat[NV_RELAY_TX_BYTES] += length;
        relay_log_depart(&r->log, r->now, from, length, delay_ns);
    }
}

/* The port a rule names: arg of a verdict or of a copy. */
static struct outlet *outlet_of(struct nv_relay *r, uint32_t arg)
{
    char number[NETMAP_REQ_IFNAMSIZ];
    const char *name = arg & NV_RULES_NAME_REF ? nv_rules_name(r->plan.rules, arg) : number;

    if (name == number)
        outlet_name(arg, number);
    return name ? outlet_find(&r->outlets, name, &r->plan.open) : NULL;
}

static void divert(struct nv_relay *r, unsigned from, struct frame *frame, const struct nv_rules_packet *packet,
                   const struct nv_rules_verdict *verdict)
{
    struct outlet *outlet = outlet_of(r, verdict->arg);

    if (!outlet) {
        drop(r, from, NV_RELAY_DROP_NO_PORT, frame);
        return;
    }
    outlet->last = *packet;
    outlet->last.resume = verdict->resume;
    outlet->last.flags |= packet->direction == NV_RULES_OUT ? NV_RULES_DIVERTED_OUTPUT : NV_RULES_DIVERTED_LOOP;
    if (side_send(&outlet->side, frame, r->store)) {
        r->stat[from][NV_RELAY_DROPS_AT + NV_RELAY_DROP_DIVERTED]++;
        return;
    }
    drop(r, from, NV_RELAY_DROP_TX_FULL, frame);
}

/* fwd: to a port of ours, or, as netmap's ipfw has it at layer 2, back where it came from. */
static void bounce(struct nv_relay *r, unsigned from, struct frame *frame, const struct nv_rules_verdict *verdict)
{
    struct outlet *outlet;

    if (verdict->next_hop_family) {
        forward(r, from, from, frame, UINT64_MAX);
    } else if (!(outlet = outlet_of(r, verdict->arg))) {
        drop(r, from, NV_RELAY_DROP_NO_PORT, frame);
    } else if (side_send(&outlet->side, frame, r->store)) {
        r->stat[from][NV_RELAY_BOUNCED]++;
    } else {
        drop(r, from, NV_RELAY_DROP_TX_FULL, frame);
    }
}

/* What has to travel with a packet that will pass the rules again, beside where it goes on. */
static bool has_context(const struct nv_rules_packet *packet)
{
    return packet->tag_count || packet->call_depth || packet->fib || packet->mark;
}

/* A packet that a link took, or did not. */
static void entered(struct nv_relay *r, struct nv_emu_packet *record, enum nv_emu_drop lost)
{
    struct side *const sides[2] = {&r->side[0], &r->side[1]};
    unsigned from = record->user & RELAY_FROM;

    if (lost == NV_EMU_DROP_NONE) {
        r->waiting++;
        r->stat[from][NV_RELAY_WAITING]++;
        return;
    }
    struct frame frame;
    side_kept(record, sides, &frame);
    frame.length = record->length + r->skip;
    drop(r, from, WHY_LINK + lost, &frame);
}

/* Let the links have the packets that were gathered for them in this turn. */
static void enter_all(struct nv_relay *r)
{
    struct relay_batch *b = r->batch;

    if (b->count == 0)
        return;
    nv_emu_enqueue_batch(r->plan.emulation, r->now, b->sends, b->count);
    for (unsigned i = 0; i < b->count; i++)
        entered(r, b->sends[i].packet, b->sends[i].drop);
    b->count = 0;
}

/* A frame goes to a link: now with the others of its batch, or at `when` (ns) if that is another time. */
static void to_link(struct nv_relay *r, unsigned from, struct frame *frame, const struct nv_rules_packet *packet,
                    const struct nv_rules_verdict *verdict, uint64_t when)
{
    bool one_pass = __atomic_load_n(&r->one_pass, __ATOMIC_RELAXED), context = !one_pass && has_context(packet);
    enum nv_emu_kind kind = verdict->action == NV_RULES_PIPE ? NV_EMU_PIPE : NV_EMU_QUEUE;
    struct relay_batch *b = r->batch;

    if (!r->plan.emulation) {
        drop(r, from, WHY_LINK + NV_EMU_DROP_NO_PIPE, frame);
        return;
    }
    struct nv_emu_packet *record = side_keep(frame, r->store, context ? sizeof(*packet) : 0);
    if (!record) {
        bool fits = frame->length + sizeof(*packet) + sizeof(*record) <= NV_STORE_PIECE_MAX;
        drop(r, from, fits ? NV_RELAY_DROP_NO_MEMORY : NV_RELAY_DROP_TOO_LONG, frame);
        return;
    }
    r->stat[from][NV_RELAY_COPIED] += frame->place == FRAME_STORE;
    if (context)
        memcpy(side_extra(record, frame->length), packet, sizeof(*packet));
    if (r->measured_kind != kind || r->measured_number != verdict->arg) { /* mostly the one of the packet before */
        r->measured = relay_measure_find(r->page + NV_RELAY_MEASURES_AT, kind, verdict->arg);
        r->measured_kind = kind;
        r->measured_number = verdict->arg;
    }
    record->length = frame->length - r->skip;
    record->user = (uint16_t)(from | r->measured << RELAY_MEASURE_SHIFT | (context ? RELAY_HAS_CONTEXT : 0) |
                              (one_pass ? RELAY_HAS_ARRIVAL : 0));
    record->resume = verdict->resume;
    if (one_pass)
        memcpy(&record->resume, &when, sizeof(when));
    record->flags = relay_can_mark(frame->data, frame->length) ? NV_EMU_ECT : 0;
    struct nv_emu_key *key = NULL;
    if (nv_emu_wants_key(r->plan.emulation, kind, verdict->arg)) {
        key = &b->keys[b->count];
        nv_emu_key_of(frame->data, frame->length, false, key);
    }
    if (when != r->now) {
        entered(r, record, nv_emu_enqueue(r->plan.emulation, when, kind, verdict->arg, record, key));
        return;
    }
    b->sends[b->count++] =
        (struct nv_emu_send){.packet = record, .key = key, .number = (uint16_t)verdict->arg, .kind = (uint8_t)kind};
    if (b->count == RELAY_BURST_MAX)
        enter_all(r);
}

/* What the rules said of a packet, done; those that only changed it are asked again when one_pass is off. */
static void decide(struct nv_relay *r, unsigned from, struct frame *frame, struct nv_rules_packet *packet,
                   struct nv_rules_verdict *verdict, uint64_t when)
{
    for (unsigned pass = 0;; pass++) {
        if (verdict->flags & NV_RULES_REPLACED) {
            side_release(frame, r->store);
            *frame = (struct frame){.data = packet->data, .place = FRAME_LOOSE};
            r->stat[from][NV_RELAY_REASSEMBLED]++;
        }
        frame->length = packet->length;
        switch (verdict->action) {
        case NV_RULES_NAT:
        case NV_RULES_REASS:
            if (!__atomic_load_n(&r->one_pass, __ATOMIC_RELAXED) && pass < PASSES_MAX) {
                packet->resume = verdict->resume;
                nv_rules_classify(r->worker, packet, 1, verdict);
                continue;
            }
            __attribute__((fallthrough));
        case NV_RULES_PASS:
            forward(r, from, 1 - from, frame, UINT64_MAX);
            return;
        case NV_RULES_PIPE:
        case NV_RULES_QUEUE:
            to_link(r, from, frame, packet, verdict, when);
            return;
        case NV_RULES_DIVERT:
            divert(r, from, frame, packet, verdict);
            return;
        case NV_RULES_FORWARD:
            bounce(r, from, frame, verdict);
            return;
        case NV_RULES_HELD:
            drop(r, from, NV_RELAY_DROP_HELD, frame);
            return;
        default:
            drop(r, from, WHY_RULES + verdict->reason, frame);
            return;
        }
    }
}

/* A packet as the rules are told of it: from the inside it goes out, from the outside it comes in. */
static void describe(const struct nv_relay *r, unsigned from, const struct frame *frame, struct nv_rules_packet *packet)
{
    memset(packet, 0, sizeof(*packet));
    packet->data = frame->data;
    packet->length = frame->length;
    packet->in_if = r->side[from].interface;
    packet->out_if = from == 0 ? r->side[1].interface : 0;
    packet->time_ns = r->now + r->plan.time_offset;
    packet->direction = from == 0 ? NV_RULES_OUT : NV_RULES_IN;
    packet->layer = r->plan.layer;
}

/* Let `count` frames through the rules, or straight through when there are none. */
static void ask(struct nv_relay *r, unsigned from, unsigned count)
{
    struct relay_batch *b = r->batch;

    if (!r->worker) {
        for (unsigned i = 0; i < count; i++)
            forward(r, from, 1 - from, &b->frames[i], UINT64_MAX);
        return;
    }
    for (unsigned i = 0; i < count; i++)
        describe(r, from, &b->frames[i], &b->packets[i]);
    nv_rules_classify(r->worker, b->packets, count, b->verdicts);
    if (r->log.fd >= 0)
        for (unsigned i = 0; i < count; i++)
            relay_log_arrive(&r->log, r->now, from, b->packets[i].length, b->verdicts[i].rule,
                             nv_rules_action_name(b->verdicts[i].action));
    for (unsigned i = 0; i < count; i++)
        decide(r, from, &b->frames[i], &b->packets[i], &b->verdicts[i], r->now);
    enter_all(r);
}

/* A sync failed: the interface behind the port went, or its rings were garbled. Returns what relay->error says. */
static int broken(struct nv_relay *r, const struct side *side)
{
    const char *name = nv_name(side->port);

    return nv_gone(side->port) ? nv_fail(&r->error, ENODEV, "%s: the interface is gone", name)
                               : nv_fail(&r->error, EIO, "%s: somebody wrote rubbish into its rings", name);
}

/* Take a burst from one rx ring; returns how many packets, or -EIO. */
static int intake(struct nv_relay *r, unsigned from, unsigned ring)
{
    struct side *side = &r->side[from];
    struct nv_slots *s = &side->rx[ring];
    uint64_t *stat = r->stat[from], bytes = 0;
    unsigned count = 0;
    int taken = 0;

    if (nv_rxsync(side->port, side->first_rx + ring) < 0)
        return broken(r, side);
    nv_slots_refresh(s, side->port);
    uint32_t at = nv_slots_head(s->ring);
    while (count < r->plan.burst) {
        struct frame *frame = &r->batch->frames[count];
        enum side_found found = side_next(side, ring, &at, frame);
        if (found == SIDE_NONE)
            break;
        taken++;
        if (found != SIDE_FRAME) {
            stat[NV_RELAY_DROPS_AT + (found == SIDE_BAD ? NV_RELAY_DROP_BAD_SLOT : NV_RELAY_DROP_TOO_LONG)]++;
            continue;
        }
        __builtin_prefetch(frame->data);
        bytes += frame->length;
        if (__builtin_expect(r->captures, 0))
            capture(r, from, NV_CAPTURE_IN, frame->data, frame->length);
        count++;
        if (frame->place == FRAME_LOOSE)
            break; /* it lies in the scratch memory, of which there is one */
    }
    if (taken == 0)
        return 0;
    stat[NV_RELAY_RX_PACKETS] += (unsigned)taken;
    stat[NV_RELAY_RX_BYTES] += bytes;
    ask(r, from, count);
    nv_slots_move(s->ring, at, at);
    return taken;
}

/* What came back from divert ports goes on behind the rule that sent it there. */
static int take_returned(struct nv_relay *r)
{
    int taken = 0;

    for (unsigned o = 0; o < r->outlets.count; o++) {
        struct outlet *outlet = &r->outlets.outlet[o];
        for (unsigned ring = 0; !outlet->failed && ring < outlet->side.rx_rings; ring++) {
            struct nv_slots *s = &outlet->side.rx[ring];
            struct frame frame;
            if (nv_rxsync(outlet->side.port, outlet->side.first_rx + ring) < 0)
                continue; /* its rings were reset; what they held is counted there */
            nv_slots_refresh(s, outlet->side.port);
            uint32_t at = nv_slots_head(s->ring);
            enum side_found found;
            while ((found = side_next(&outlet->side, ring, &at, &frame)) != SIDE_NONE) {
                struct nv_rules_packet packet = outlet->last;
                struct nv_rules_verdict verdict;
                taken++;
                if (found != SIDE_FRAME || packet.layer == 0)
                    continue; /* broken, or nothing was ever diverted there */
                unsigned from = packet.direction == NV_RULES_OUT ? 0 : 1;
                packet.data = frame.data;
                packet.length = frame.length;
                packet.time_ns = r->now + r->plan.time_offset;
                r->stat[from][NV_RELAY_RETURNED]++;
                nv_rules_classify(r->worker, &packet, 1, &verdict);
                decide(r, from, &frame, &packet, &verdict, r->now);
                enter_all(r);
            }
            nv_slots_move(s->ring, at, at);
        }
        side_push(&outlet->side);
    }
    return taken;
}

/* One departure: out on the other side, or through the rules once more. */
static void depart(struct nv_relay *r, struct nv_emu_packet *record)
{
    struct side *const sides[2] = {&r->side[0], &r->side[1]};
    unsigned from = record->user & RELAY_FROM;
    struct frame frame;

    side_kept(record, sides, &frame);
    frame.length = record->length + r->skip;
    r->waiting--;
    r->stat[from][NV_RELAY_WAITING]--;
    if (record->drop) {
        drop(r, from, WHY_LINK + record->drop, &frame);
        return;
    }
    nv_histogram_record(r->lateness, r->now > record->time_ns ? r->now - record->time_ns : 0);
    if (record->flags & NV_EMU_CORRUPT)
        relay_corrupt(frame.data, frame.length, record->corrupt_bit);
    if (record->flags & NV_EMU_MARKED)
        relay_mark_ce(frame.data, frame.length);
    unsigned measured = record->user >> RELAY_MEASURE_SHIFT;
    if (record->user & RELAY_HAS_ARRIVAL) {
        uint64_t arrival;
        memcpy(&arrival, &record->resume, sizeof(arrival));
        uint64_t delay = record->time_ns - arrival;
        nv_histogram_record(r->delay[from], delay);
        relay_measure(r->page + NV_RELAY_MEASURES_AT, measured, r->now, record->length, r->now - arrival);
        forward(r, from, 1 - from, &frame, delay);
        return;
    }
    relay_measure(r->page + NV_RELAY_MEASURES_AT, measured, r->now, record->length, UINT64_MAX);
    struct nv_rules_packet packet;
    struct nv_rules_verdict verdict;
    uint64_t when = record->time_ns; /* links in a row do not add up how late this loop is */
    describe(r, from, &frame, &packet);
    if (record->user & RELAY_HAS_CONTEXT) {
        memcpy(&packet, side_extra(record, frame.length), sizeof(packet));
        packet.data = frame.data;
        packet.time_ns = r->now + r->plan.time_offset;
    }
    packet.resume = record->resume;
    nv_rules_classify(r->worker, &packet, 1, &verdict);
    decide(r, from, &frame, &packet, &verdict, when);
}

static unsigned release(struct nv_relay *r)
{
    struct nv_emu_packet *due[RELEASE];
    unsigned total = 0, count;

    if (!r->plan.emulation || r->waiting == 0)
        return 0;
    do {
        count = nv_emu_release(r->plan.emulation, r->now, due, RELEASE);
        for (unsigned i = 0; i < count; i++) {
            if (i + 4 < count) {
                __builtin_prefetch(due[i + 4]);
                __builtin_prefetch(due[i + 4] + 1); /* a short frame lies behind its record */
            }
            depart(r, due[i]);
        }
        total += count;
    } while (count == RELEASE);
    return total;
}

/* An answer goes back where the packet it answers came from. */
static void answer(void *arg, const struct nv_rules_packet *packet, const uint8_t *data, uint32_t length)
{
    struct nv_relay *r = arg;
    unsigned to = packet->in_if == r->side[1].interface ? 1 : 0;
    struct frame frame = {.data = (uint8_t *)(uintptr_t)data, .length = length, .place = FRAME_LOOSE};

    if (side_send(&r->side[to], &frame, r->store))
        r->stat[to][NV_RELAY_ANSWERS]++;
}

static void copy(void *arg, const struct nv_rules_packet *packet, uint32_t port)
{
    struct nv_relay *r = arg;
    struct outlet *outlet = outlet_of(r, port);
    struct frame frame = {.data = packet->data, .length = packet->length, .place = FRAME_LOOSE};

    if (outlet && side_send(&outlet->side, &frame, r->store))
        r->stat[packet->direction == NV_RULES_OUT ? 0 : 1][NV_RELAY_COPIES]++;
}

struct nv_rules_sink relay_sink(struct nv_relay *relay)
{
    return (struct nv_rules_sink){.arg = relay, .answer = answer, .copy = copy};
}

/* Show the counters. */
static void publish(struct nv_relay *r)
{
    r->published_ns = r->now;
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
    for (unsigned i = 0; i < r->outlets.count; i++) {
        if (r->outlets.outlet[i].failed)
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
    ppoll(fds, count, &wait, NULL);
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
    relay_log_flush(&r->log);
    if (r->capture)
        nv_capture_flush(r->capture, NULL); /* what it cannot write, later calls return, and those are counted */
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
    release(r);
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
    if (r->outlets.count)
        done += take_returned(r);
    done += (int)release(r);
    if (r->worker && r->now >= r->tick_ns) {
        nv_rules_tick(r->worker, r->now + r->plan.time_offset);
        r->tick_ns = r->now + TICK_NS;
    }
    for (unsigned i = 0; i < 2; i++)
        if (side_push(&r->side[i]) < 0)
            return broken(r, &r->side[i]);
    return done;
}

int relay_loop(struct nv_relay *r)
{
    int done = 0;
    enum relay_end end;

    r->now = nv_now();
    r->tick_ns = r->now + TICK_NS;
    while ((end = __atomic_load_n(&r->end, __ATOMIC_RELAXED)) != RELAY_STOP && done >= 0) {
        if (end == RELAY_DRAIN && r->waiting == 0)
            break;
        r->now = nv_now();
        done = turn(r, end);
        if (done > 0) {
            r->busy_ns = r->now;
            r->batches++;
        }
        if (r->now - r->published_ns >= PUBLISH_NS)
            publish(r);
        if (done == 0)
            idle(r);
    }
    r->now = nv_now();
    give_up(r);
    side_push(&r->side[0]);
    side_push(&r->side[1]);
    relay_log_flush(&r->log);
    publish(r);
    return done < 0 ? done : 0;
}
