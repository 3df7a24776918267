/* SPDX-License-Identifier: BSD-2-Clause */
/* act.c - what becomes of packets: the rules' verdicts carried out, drops named, what goes to links handed over. */
#include "relay/act.h"

#include <string.h>

#include "packet/medium.h"

#define PASSES_MAX 64u /* passes of one packet through the rules in a row: translated */

/* Write a packet of port `port` to the capture file. */
void relay_capture(struct nv_relay *r, unsigned port, enum nv_capture_direction direction, const uint8_t *data,
                   uint32_t length)
{
    const struct nv_capture_packet packet = {.data = data,
                                             .length = length,
                                             .time_ns = r->now + r->plan.time_offset,
                                             .interface = port,
                                             .direction = (uint8_t)direction};

    if (nv_capture_write(r->capture.writer, &packet, 1, NULL) < 0)
        r->capture_lost++;
}

void relay_drop(struct nv_relay *r, unsigned from, unsigned why, struct frame *frame)
{
    r->stat[from][NV_RELAY_DROPS_AT + why]++;
    relay_log_drop(&r->log, r->now, from, frame->length, nv_relay_drop_name(why));
    side_release(frame, r->store);
}

/* Send to the port of `to` what came from port `from`, after delay_ns in a link (UINT64_MAX: in none). */
void relay_forward(struct nv_relay *r, unsigned from, unsigned to, struct frame *frame, uint64_t delay_ns)
{
    struct side *side = &r->side[to];
    uint32_t length = frame->length;

    if (__builtin_expect(r->capture.writer != NULL, 0))
        relay_capture(r, to, NV_CAPTURE_OUT, frame->data, length);
    if (!relay_send(r, side, to == from ? SIDE_BOUNCE : SIDE_FORWARD, from, frame)) {
        bool fits = length && length <= (uint64_t)side->tx.buf_size * (side->tx.slots - 1);
        relay_drop(r, from, fits ? NV_RELAY_DROP_TX_FULL : NV_RELAY_DROP_TOO_LONG, frame);
    } else if (__builtin_expect(r->log.records != NULL, 0) && to != from) {
        relay_log_depart(&r->log, r->now, from, length, delay_ns);
    }
}

/* Send to the port that a rule names. False: it is not open, or full; the frame is dropped under that name. */
static bool aside(struct nv_relay *r, struct outlet *to, enum side_kind kind, unsigned from, struct frame *frame)
{
    if (to && relay_send(r, &to->side, kind, from, frame))
        return true;
    relay_drop(r, from, to ? NV_RELAY_DROP_TX_FULL : NV_RELAY_DROP_NOT_OPEN, frame);
    return false;
}

/* The port that a verdict sends to; NULL: it is not open. */
static struct outlet *outlet(struct nv_relay *r, const struct nv_rules_verdict *verdict)
{
    return outlet_of(&r->outlets, r->worker, verdict->arg, verdict->resume.generation);
}

static void divert(struct nv_relay *r, unsigned from, struct frame *frame, const struct nv_rules_packet *packet,
                   const struct nv_rules_verdict *verdict)
{
    struct outlet *to = outlet(r, verdict);

    if (!aside(r, to, SIDE_DIVERT, from, frame))
        return;
    to->last = *packet;
    to->last.resume = verdict->resume;
    to->last.flags |= packet->direction == NV_RULES_OUT ? NV_RULES_DIVERTED_OUTPUT : NV_RULES_DIVERTED_LOOP;
}

/* fwd: to a port of ours, or, as netmap's ipfw has it at layer 2, back where it came from. */
static void bounce(struct nv_relay *r, unsigned from, struct frame *frame, const struct nv_rules_verdict *verdict)
{
    if (verdict->next_hop_family)
        relay_forward(r, from, from, frame, UINT64_MAX);
    else
        aside(r, outlet(r, verdict), SIDE_BOUNCE, from, frame);
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
    relay_measure_lost(&r->measures, record->user >> RELAY_MEASURE_SHIFT, lost);
    relay_drop(r, from, RELAY_WHY_LINK + lost, &frame);
}

/* Let the links have the packets that were gathered for them in this turn. */
void relay_enter_all(struct nv_relay *r)
{
    struct relay_batch *b = r->batch;

    r->aim.valid = false; /* what was looked up may have been configured anew */
    if (b->count == 0)
        return;
    nv_emu_enqueue_batch(r->plan.emulation, r->now, b->sends, b->count);
    for (unsigned i = 0; i < b->count; i++)
        entered(r, b->sends[i].packet, b->sends[i].drop);
    b->count = 0;
}

/* By which way packets come one after the other: what is looked up once for all of a chunk. */
static void aim(struct nv_relay *r, const struct relay_way *way)
{
    r->aim = (struct relay_aim){.way = *way,
                                .group = relay_measure_find(&r->measures, way),
                                .wants_key = nv_emu_wants_key(r->plan.emulation, way->kind, way->number),
                                .one_pass = __atomic_load_n(&r->one_pass, __ATOMIC_RELAXED),
                                .valid = true};
}

/* A frame goes to a link: now with the others of its chunk, or at `when` (ns) if that is another time. */
static void to_link(struct nv_relay *r, unsigned from, struct frame *frame, const struct nv_rules_packet *packet,
                    const struct nv_rules_verdict *verdict, uint64_t when)
{
    enum nv_emu_kind kind = verdict->action == NV_RULES_PIPE ? NV_EMU_PIPE : NV_EMU_QUEUE;
    struct relay_batch *b = r->batch;

    if (!r->plan.emulation) {
        relay_drop(r, from, RELAY_WHY_LINK + NV_EMU_DROP_NO_PIPE, frame);
        return;
    }
    const struct relay_way *last = &r->aim.way, way = {kind, verdict->arg, verdict->rule, from};
    if (!r->aim.valid || last->kind != kind || last->number != way.number || last->rule != way.rule ||
        last->from != from)
        aim(r, &way);
    bool one_pass = r->aim.one_pass, context = !one_pass && has_context(packet);
    struct nv_emu_packet *record = side_keep(frame, r->store, context ? sizeof(*packet) : 0);
    if (!record) {
        bool fits = frame->length + sizeof(*packet) + sizeof(*record) <= NV_STORE_PIECE_MAX;
        relay_drop(r, from, fits ? NV_RELAY_DROP_NO_MEMORY : NV_RELAY_DROP_TOO_LONG, frame);
        return;
    }
    r->stat[from][NV_RELAY_COPIED] += frame->place == FRAME_STORE;
    if (context)
        memcpy(side_extra(record, frame->length), packet, sizeof(*packet));
    const struct nv_carried carried = {.data = frame->data, .length = frame->length, .how = r->how};
    record->length = nv_carried_length(&carried);
    record->user = (uint16_t)(from | r->aim.group << RELAY_MEASURE_SHIFT | (context ? RELAY_HAS_CONTEXT : 0) |
                              (one_pass ? RELAY_HAS_ARRIVAL : 0));
    if (one_pass)
        memcpy(&record->resume, &when, sizeof(when));
    else
        record->resume = verdict->resume;
    record->flags = nv_carried_ect(&carried) ? NV_EMU_ECT : 0;
    struct nv_emu_key *key = NULL;
    if (r->aim.wants_key) {
        key = &b->keys[b->count];
        nv_emu_key_of(frame->data, frame->length, false, key);
    }
    if (when != r->now) {
        entered(r, record, nv_emu_enqueue(r->plan.emulation, when, kind, verdict->arg, record, key));
        return;
    }
    b->sends[b->count++] =
        (struct nv_emu_send){.packet = record, .key = key, .number = (uint16_t)verdict->arg, .kind = (uint8_t)kind};
    if (b->count == RELAY_CHUNK)
        relay_enter_all(r);
}

/* What the rules said of a packet, done; those that only changed it are asked again when one_pass is off. */
void relay_decide(struct nv_relay *r, unsigned from, struct frame *frame, struct nv_rules_packet *packet,
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
            if (!__atomic_load_n(&r->one_pass, __ATOMIC_RELAXED) && pass < PASSES_MAX) {
                nv_rules_again(r->worker, packet, verdict);
                continue;
            }
            __attribute__((fallthrough));
        case NV_RULES_PASS:
            relay_forward(r, from, 1 - from, frame, UINT64_MAX);
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
            relay_drop(r, from, NV_RELAY_DROP_HELD, frame);
            return;
        default:
            relay_drop(r, from, RELAY_WHY_RULES + verdict->reason, frame);
            return;
        }
    }
}

/* A packet as the rules are told of it: from the inside it goes out, from the outside it comes in. */
void relay_describe(const struct nv_relay *r, unsigned from, const struct frame *frame, struct nv_rules_packet *packet)
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
void relay_ask(struct nv_relay *r, unsigned from, unsigned count)
{
    struct relay_batch *b = r->batch;

    if (!r->worker) {
        for (unsigned i = 0; i < count; i++)
            relay_forward(r, from, 1 - from, &b->frames[i], UINT64_MAX);
        return;
    }
    if (count == 0)
        return;
    struct nv_rules_packet alike;
    relay_describe(r, from, &b->frames[0], &alike);
    for (unsigned i = 0; i < count; i++) {
        b->packets[i] = alike;
        b->packets[i].data = b->frames[i].data;
        b->packets[i].length = b->frames[i].length;
    }
    nv_rules_classify(r->worker, b->packets, count, b->verdicts);
    if (r->log.records != NULL)
        for (unsigned i = 0; i < count; i++)
            relay_log_arrive(&r->log, r->now, from, b->packets[i].length, b->verdicts[i].rule,
                             nv_rules_action_name(b->verdicts[i].action));
    for (unsigned i = 0; i < count; i++)
        relay_decide(r, from, &b->frames[i], &b->packets[i], &b->verdicts[i], r->now);
    relay_enter_all(r);
}

/* An answer goes back where the packet it answers came from. */
static void answer(void *arg, const struct nv_rules_packet *packet, const uint8_t *data, uint32_t length)
{
    struct nv_relay *r = arg;
    unsigned to = packet->in_if == r->side[1].interface ? 1 : 0;
    struct frame frame = {.data = (uint8_t *)(uintptr_t)data, .length = length, .place = FRAME_LOOSE};

    if (!relay_send(r, &r->side[to], SIDE_ANSWER, to, &frame))
        r->stat[to][NV_RELAY_ANSWERS_LOST]++;
}

static void copy(void *arg, const struct nv_rules_packet *packet, uint32_t port)
{
    struct nv_relay *r = arg;
    struct outlet *to = outlet_of(&r->outlets, r->worker, port, 0);
    unsigned from = packet->direction == NV_RULES_OUT ? 0 : 1;
    struct frame frame = {.data = packet->data, .length = packet->length, .place = FRAME_LOOSE};

    if (!to || !relay_send(r, &to->side, SIDE_COPY, from, &frame))
        r->stat[from][NV_RELAY_COPIES_LOST]++;
}

/* A rule with `log`: to the log of packets and to the file of matched ones, as `logdst` says. */
static void logged(void *arg, const struct nv_rules_packet *packet, uint16_t rule, uint32_t id, uint32_t where)
{
    struct nv_relay *r = arg;

    (void)id;
    relay_log_match(&r->log, r->now, packet->direction == NV_RULES_OUT ? 0 : 1, packet, rule, where);
}

struct nv_rules_sink relay_sink(struct nv_relay *relay)
{
    return (struct nv_rules_sink){.arg = relay, .answer = answer, .copy = copy, .log = logged};
}
