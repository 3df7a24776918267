/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * null_tx_bench.c - "null-tx": pkt-gen's sending engine into a port that takes everything: prepared packets, and
 * packets that each get their own addresses and checksums.
 */
#include "plain_loop.h"
#include "world.h"

#include "engine/engine.h"

static void pause_for(double seconds)
{
    const struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&t, NULL);
}

static uint64_t sent_by(const struct nv_engine *engine)
{
    return nv_page_worker(nv_engine_stats(engine), 0, NV_STAT_PACKETS);
}

/* Packets a second, in millions, that one sending worker hands over. Each: flows with addresses of their own. */
static double send_to_null(struct bench_run *run)
{
    const bool each = *(const bool *)run->arg;
    struct nv_plan plan;
    struct nv_engine *engine;
    struct nv_error error;
    nv_plan_default(&plan, NV_ROLE_TX);
    plan.port = "null:";
    plan.open.dir = world_dir;
    if (each) {
        plan.traffic.flows = 65536;
        plan.traffic.prepare = NV_PREPARE_EACH;
    }
    if (nv_engine_start(&plan, &engine, &error) != 0)
        bench_fail("%s", error.message);
    while (sent_by(engine) == 0 && !nv_engine_done(engine)) /* it writes its buffers first */
        pause_for(0.001);
    const uint64_t start = bench_ns(), before = sent_by(engine);
    pause_for(run->seconds);
    const uint64_t end = bench_ns(), sent = sent_by(engine) - before;
    nv_engine_stop(engine);
    if (nv_engine_join(engine, &error) != 0)
        bench_fail("%s", error.message);
    nv_engine_free(engine);
    if (sent == 0)
        bench_fail("the engine sent nothing");
    return (double)sent * 1e3 / (double)(end - start);
}

/* The limit of sending prepared packets: write each slot. Otherwise: write each packet's first line as well. */
static double plain(struct bench_run *run)
{
    const bool each = *(const bool *)run->arg;
    struct plain_world *w = plain_world_new(FRAME_SHORT);
    uint8_t template[64];
    frame_write(template, FRAME_SHORT, 0);
    uint64_t packets = 0, now, start = bench_ns();
    const uint64_t limit = start + (uint64_t)(run->seconds * 1e9);
    do {
        for (unsigned turn = 0; turn < 64; turn++, packets += PLAIN_BATCH) {
            const uint32_t head = w->tx.head;
            plain_fill(w, PLAIN_BATCH, FRAME_SHORT);
            for (uint32_t i = 0; each && i < PLAIN_BATCH; i++)
                memcpy(plain_buf(w, plain_slot(&w->tx, head + i)->buf_idx), template, sizeof(template));
        }
        now = bench_ns();
    } while (now < limit);
    plain_world_free(w);
    return (double)packets * 1e3 / (double)(now - start);
}

int main(int argc, char **argv)
{
    static const bool prepared = false, each = true;
    static const struct bench_case cases[] = {
        {"prepared", "Mpps", send_to_null, &prepared, "slot-filling loop", plain, &prepared},
        {"own addresses", "Mpps", send_to_null, &each, "template-copying loop", plain, &each},
    };
    world_make();
    return bench_main(argc, argv, "null-tx", cases, sizeof(cases) / sizeof(cases[0]));
}
