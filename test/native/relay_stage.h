/* SPDX-License-Identifier: BSD-2-Clause */
/* relay_stage.h - a relay that the test turns by hand, between two switches, with a port of ours at each far end. */
#ifndef NETVALE_TEST_RELAY_STAGE_H
#define NETVALE_TEST_RELAY_STAGE_H

#include "relay/act.h"
#include "rules_build.h"
#include "world.h"

struct stage {
    struct nv_rules *rules;
    struct nv_relay *relay;
    struct nv_port *end[2]; /* inside, outside */
    uint32_t sent[2], received[2];
};

/* Rules: udp to port 7 is answered (unreach), all else passes. */
static inline void stage_rules(struct stage *s)
{
    struct nv_rules_params params = nv_rules_default_params();
    struct nv_error err = {0};
    struct build b = {0};
    size_t size;

    CHECK(nv_rules_create(&params, &s->rules, &err) == 0, "%s", err.message);
    build_rule(&b, 100, 0);
    build_op(&b, NV_OP_PROTO, 0, 17);
    build_range(&b, NV_OP_DST_PORT, 0, 7, 7);
    uint32_t mtu = 0;
    build_insn(&b, NV_OP_UNREACH, 0, 3, &mtu, 1);
    const void *program = build_done(&b, true, &size);
    CHECK(nv_rules_load(s->rules, program, size, &err) == 0, "%s", err.message);
    build_free(&b);
}

/* `region`: "" for a region each, "@5" for one; `slots` in each ring. */
static inline void stage_start(struct stage *s, const char *region, uint32_t slots)
{
    char inside[32], outside[32];
    struct nv_relay_plan plan;
    struct nv_error err = {0};

    memset(s, 0, sizeof(*s));
    world_new();
    stage_rules(s);
    s->end[0] = open_slots("valei:end", 1024);
    s->end[1] = open_slots("valeo:end", 1024);
    nv_relay_default(&plan);
    snprintf(inside, sizeof(inside), "valei:r%s", region);
    snprintf(outside, sizeof(outside), "valeo:r%s", region);
    plan.port[0] = inside;
    plan.port[1] = outside;
    plan.open.tx_slots = plan.open.rx_slots = slots;
    plan.open.extra_bufs = 64;
    plan.rules = s->rules;
    plan.memory = 4u << 20;
    int error = relay_make(&plan, &s->relay, &err);
    CHECK(error == 0, "%s", err.message);
    if (error)
        exit(EXIT_FAILURE);
}

static inline void stage_end(struct stage *s)
{
    nv_relay_free(s->relay);
    nv_rules_destroy(s->rules);
    nv_close(s->end[0]);
    nv_close(s->end[1]);
    world_end();
}

/* Send `count` packets from end `from`, cut into slots. Returns how many there was room for. */
static inline uint32_t stage_send(struct stage *s, unsigned from, uint32_t count, uint32_t bytes, uint16_t port)
{
    static uint8_t frame[16384];
    struct netmap_ring *ring = nv_txring(s->end[from], 0);
    uint32_t pieces = (bytes + 2047) / 2048, sent = 0;

    packet_ip4(frame, bytes, 0x0a000001, 0x0a000002, 17, 1234, port);
    frame[6 + 5] = (uint8_t)(0x10 + from); /* another sender on each side */
    if (port != 7)                         /* answers teach the switches where that address is: at the relay */
        memcpy(frame, broadcast_mac, 6);
    for (; sent < count && nm_ring_space(ring) >= pieces; sent++)
        for (uint32_t at = 0; at < bytes; ring->head = ring->cur = nm_ring_next(ring, ring->cur)) {
            struct netmap_slot *slot = &ring->slot[ring->cur];
            uint32_t len = bytes - at < 2048 ? bytes - at : 2048;
            memcpy(NETMAP_BUF(ring, slot->buf_idx), frame + at, len);
            slot->len = (uint16_t)len;
            at += len;
            slot->flags = at < bytes ? NS_MOREFRAG : 0;
        }
    CHECK(nv_txsync(s->end[from], 0) == 0);
    s->sent[from] += sent;
    return sent;
}

/* Take all that has come to an end; packets of `bytes` bytes are counted. */
static inline uint32_t stage_take(struct stage *s, unsigned at)
{
    struct netmap_ring *ring = nv_rxring(s->end[at], 0);
    uint32_t packets = 0;

    CHECK(nv_rxsync(s->end[at], 0) == 0);
    while (!nm_ring_empty(ring)) {
        packets += !(ring->slot[ring->cur].flags & NS_MOREFRAG);
        ring->head = ring->cur = nm_ring_next(ring, ring->cur);
    }
    CHECK(nv_rxsync(s->end[at], 0) == 0);
    s->received[at] += packets;
    return packets;
}

static inline uint64_t stage_stat(const struct stage *s, unsigned from, unsigned word)
{
    return s->relay->stat[from][word];
}

/* What came in is what went out, waits, or was lost by name. */
static inline void stage_balance(const struct stage *s, const char *what)
{
    for (unsigned from = 0; from < 2; from++) {
        uint64_t in = stage_stat(s, from, NV_RELAY_RX_PACKETS) + stage_stat(s, from, NV_RELAY_DUPLICATES) +
                      stage_stat(s, from, NV_RELAY_RETURNED) + stage_stat(s, from, NV_RELAY_FLOODED);
        uint64_t out = stage_stat(s, from, NV_RELAY_TX_PACKETS) + stage_stat(s, from, NV_RELAY_BOUNCED) +
                       stage_stat(s, from, NV_RELAY_WAITING) + relay_pending(s->relay, from);
        for (unsigned i = 0; i < NV_RELAY_DROP_WORDS; i++)
            out += stage_stat(s, from, NV_RELAY_DROPS_AT + i);
        CHECK(in == out, "%s, from %u: %lu in, %lu out or lost", what, from, (unsigned long)in, (unsigned long)out);
    }
}

/* Everything works: what is sent arrives on the other side, both ways, or is answered. */
static inline void stage_works(struct stage *s, const char *what)
{
    for (unsigned from = 0; from < 2; from++)
        for (unsigned round = 0; round < 3; round++) {
            uint32_t sent = stage_send(s, from, 10, 100, 9), came = 0;
            for (unsigned turn = 0; turn < 5; turn++)
                CHECK(relay_once(s->relay) >= 0, "%s", s->relay->error.message);
            came = stage_take(s, 1 - from);
            CHECK(sent == 10 && came == sent, "%s: %u of %u packets from %u arrive", what, came, sent, from);
        }
}

#endif
