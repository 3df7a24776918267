/* SPDX-License-Identifier: BSD-2-Clause */
/* emulation_harness.h - an emulator under a virtual clock, with records of packets to play with. */
#ifndef NETVALE_TEST_EMULATION_HARNESS_H
#define NETVALE_TEST_EMULATION_HARNESS_H

#include "check.h"
#include "emulation/emulation.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

enum { POOL = 1 << 17 };

struct world {
    struct nv_emu *emu;
    struct nv_emu_packet *pool;
    uint32_t used;
    struct nv_emu_totals totals;
};

/* A record nobody has used before; its cookie is its number. */
static inline struct nv_emu_packet *world_packet(struct world *world, uint32_t length)
{
    struct nv_emu_packet *packet = &world->pool[world->used];
    packet->cookie = world->used++;
    packet->length = length;
    return packet;
}

static inline struct nv_emu_packet *world_copy(void *arg, const struct nv_emu_packet *packet)
{
    struct world *world = arg;
    if (world->used == POOL)
        return NULL;
    struct nv_emu_packet *copy = world_packet(world, packet->length);
    copy->user = packet->user;
    return copy;
}

static inline void world_open(struct world *world, uint64_t seed)
{
    struct nv_emu_options options = {.seed = seed, .copy = world_copy, .arg = world};
    *world = (struct world){.pool = calloc(POOL, sizeof *world->pool)};
    if (!world->pool || nv_emu_create(&options, &world->emu, NULL) < 0)
        abort();
}

/* Stop what still waits, and check that every packet is accounted for. */
static inline void world_close(struct world *world)
{
    struct nv_emu_packet *out[64];
    struct nv_emu_totals *totals = &world->totals;
    uint64_t drops = 0;
    nv_emu_stop(world->emu, UINT64_MAX >> 1);
    while (nv_emu_release(world->emu, UINT64_MAX >> 1, out, 64) > 0)
        ;
    nv_emu_get_totals(world->emu, totals);
    for (unsigned i = 0; i < NV_EMU_DROP_COUNT; i++)
        drops += totals->drops[i];
    CHECK(totals->waiting == 0, "%llu", (unsigned long long)totals->waiting);
    CHECK(totals->offered + totals->duplicated == totals->departed + drops, "%llu + %llu, %llu + %llu",
          (unsigned long long)totals->offered, (unsigned long long)totals->duplicated,
          (unsigned long long)totals->departed, (unsigned long long)drops);
    nv_emu_destroy(world->emu);
    free(world->pool);
}

static inline void world_pipe(struct world *world, unsigned number, struct nv_emu_link link,
                              struct nv_emu_flowset flowset, struct nv_emu_mask mask)
{
    struct nv_error error = {0};
    int result = nv_emu_pipe_config(world->emu, number, &link, &flowset, &mask, &error);
    CHECK(result == 0, "%s", error.message);
}

/* Send one packet into a pipe at a time. */
static inline enum nv_emu_drop world_send(struct world *world, uint64_t now, unsigned pipe, uint32_t length,
                                          const struct nv_emu_key *key)
{
    return nv_emu_enqueue(world->emu, now, NV_EMU_PIPE, pipe, world_packet(world, length), key);
}

/* The next packet that leaves, at exactly its instant; NULL: none. */
static inline struct nv_emu_packet *world_next(struct world *world)
{
    struct nv_emu_packet *packet = NULL;
    uint64_t at;
    while ((at = nv_emu_next(world->emu)) != UINT64_MAX) {
        if (nv_emu_release(world->emu, at, &packet, 1) == 1) {
            CHECK(packet->time_ns == at, "%llu at %llu", (unsigned long long)packet->time_ns, (unsigned long long)at);
            return packet;
        }
    }
    return NULL;
}

static inline struct nv_emu_key world_key(uint32_t src, uint16_t port)
{
    return (struct nv_emu_key){
        .src = {src}, .dst = {0x0a000001}, .src_port = port, .dst_port = 80, .family = 4, .proto = 17};
}

#endif
