/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay_rig.h - the relay of `emulate` between two VALE ports, for a benchmark: a sender on the inside's switch, a
 * receiver on the outside's, two rules and a pipe.
 */
#ifndef NETVALE_BENCH_RELAY_RIG_H
#define NETVALE_BENCH_RELAY_RIG_H

#include "world.h"

#include "../native/rules_build.h"
#include "relay/loop.h"

enum { RIG_FLOWS = 64, RIG_PIPE = 1 };

/* What the relay does. */
struct rig_plan {
    bool linked; /* everything through `link`; else the two rules alone */
    struct nv_emu_link link;
    struct nv_emu_flowset set;
    uint32_t length; /* bytes of each frame */
    bool thread;     /* it runs on a thread of its own; else the caller calls relay_once */
    int cpu;         /* processor of that thread; -1: any */
};

struct rig {
    struct nv_rules *rules;
    struct nv_emu *emulation;
    struct nv_relay *relay;
    struct nv_port *from, *to;
    uint32_t length;
    uint64_t sent, received, bytes;
};

static struct nv_error rig_error;

static inline void rig_must(int result)
{
    if (result < 0)
        bench_fail("%s", rig_error.message);
}

/* deny udp to port 7, count tcp, and everything to the pipe if there is one. */
static inline void rig_load(struct rig *rig, bool linked)
{
    struct build b = {0};
    size_t size;
    build_rule(&b, 100, 0);
    build_op(&b, NV_OP_PROTO, 0, 17);
    build_range(&b, NV_OP_DST_PORT, 0, 7, 7);
    build_op(&b, NV_OP_DENY, 0, 0);
    build_rule(&b, 200, 0);
    build_op(&b, NV_OP_PROTO, 0, 6);
    build_op(&b, NV_OP_COUNT, 0, 0);
    if (linked) {
        build_rule(&b, 300, 0);
        build_op(&b, NV_OP_IN, NV_RULES_NOT, 0);
        build_op(&b, NV_OP_PIPE, 0, RIG_PIPE);
    }
    const void *program = build_done(&b, true, &size);
    rig_must(nv_rules_load(rig->rules, program, size, &rig_error));
    build_free(&b);
}

/* Frames of RIG_FLOWS flows in all buffers of the sender's ring; the switches know where both of their addresses live.
 */
static inline void rig_prepare(struct rig *rig, bool thread)
{
    struct netmap_ring *tx = nv_txring(rig->from, 0), *back = nv_txring(rig->to, 0);
    uint8_t *frame = (uint8_t *)NETMAP_BUF(back, back->slot[0].buf_idx), mac[6];
    const uint64_t limit = bench_ns() + 1000000000;

    packet_ip4(frame, FRAME_SHORT, 0xc0a80000, 0x0b000000, 17, 53, 1024);
    memcpy(mac, frame, 6);
    memcpy(frame, frame + 6, 6);
    memcpy(frame + 6, mac, 6);
    world_fill(back, 1, FRAME_SHORT);
    world_txsync(rig->to);
    while (world_drain(rig->from) == 0) {
        if (!thread)
            rig_must(relay_once(rig->relay));
        if (bench_ns() > limit)
            bench_fail("the relay does not let a frame from the outside in");
    }
    for (uint32_t i = 0; i < tx->num_slots; i++)
        packet_ip4((uint8_t *)NETMAP_BUF(tx, tx->slot[i].buf_idx), rig->length, 0x0b000000 + i % RIG_FLOWS, 0xc0a80000,
                   17, 1024 + i % RIG_FLOWS, 53);
}

static inline struct rig *rig_open(const struct rig_plan *how)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    struct nv_relay_plan plan;

    if (!rig)
        bench_fail("no memory");
    rig->length = how->length;
    rig->from = world_open("valei:a");
    rig->to = world_open("valeo:b");
    rig_must(nv_rules_create(NULL, &rig->rules, &rig_error));
    rig_must(nv_emu_create(NULL, &rig->emulation, &rig_error));
    rig_must(nv_emu_pipe_config(rig->emulation, RIG_PIPE, &how->link, &how->set, NULL, &rig_error));
    rig_load(rig, how->linked);
    nv_relay_default(&plan);
    plan.port[0] = "valei:r";
    plan.port[1] = "valeo:r";
    plan.open.dir = world_dir;
    plan.rules = rig->rules;
    plan.emulation = rig->emulation;
    plan.wait_mode = NV_WAIT_BUSY;
    plan.cpu = how->cpu;
    if (how->thread)
        rig_must(nv_relay_start(&plan, &rig->relay, &rig_error));
    else
        rig_must(relay_make(&plan, &rig->relay, &rig_error));
    rig_prepare(rig, how->thread);
    return rig;
}

static inline void rig_close(struct rig *rig)
{
    nv_relay_free(rig->relay);
    nv_emu_destroy(rig->emulation);
    nv_rules_destroy(rig->rules);
    nv_close(rig->from);
    nv_close(rig->to);
    free(rig);
}

/* Put up to `count` frames into the relay's queue. */
static inline void rig_send(struct rig *rig, uint32_t count)
{
    rig->sent += world_fill(nv_txring(rig->from, 0), count, rig->length);
    world_txsync(rig->from);
}

/* Take what came, and give the slots back. */
static inline void rig_take(struct rig *rig)
{
    world_rxsync(rig->to);
    rig->received += world_walk(nv_rxring(rig->to, 0), &rig->bytes);
    world_rxsync(rig->to);
}

#endif
