/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sched_change_test.c - what holds for every scheduler, whatever happens: no packet is lost or invented, the link is
 * never idle while one waits, a flow's packets keep their order; while flow queues join, leave and change their share
 * with packets in them, and move to another scheduler and back.
 */
#include "sched_rig.h"

/* The core takes the packets of a flow queue that has left. */
static void take_rest(struct rig *r, unsigned flow)
{
    struct emu_flow *f = &r->flows[flow];
    uint32_t count = f->packets;
    uint64_t bytes = f->bytes;
    uint32_t seen = 0, last = 0;
    for (struct nv_emu_packet *p = f->head; p; p = p->next, seen++) {
        CHECK(p->user == flow && (!seen || p->order > last));
        last = p->order;
        bytes -= p->length;
    }
    CHECK(seen == count && bytes == 0, "%s: %u packets of %u", r->ops->name, seen, count);
    while (f->packets)
        rig_drop(r, f, flow_pop(f), NV_EMU_DROP_DELETED);
}

static void random_share(struct rig *r, uint32_t *weight, uint32_t *lmax)
{
    *weight = r->ops == &emu_sched_prio ? rig_dice(r, 64) : 1 + rig_dice(r, 100);
    *lmax = 64 + rig_dice(r, 2000);
}

static void any_change(const struct emu_sched_ops *ops, uint64_t seed, unsigned flows)
{
    struct rig *r = rig_open(ops, NULL, seed);
    uint32_t weight, lmax;

    for (unsigned step = 0; step < 30000; step++) {
        unsigned flow = rig_dice(r, flows);
        struct emu_flow *f = &r->flows[flow];
        unsigned what = rig_dice(r, 100);
        r->now_ns += rig_dice(r, 100000);
        if (!r->joined[flow]) {
            random_share(r, &weight, &lmax);
            rig_join(r, flow, weight, lmax);
        } else if (what < 48 && r->free && r->waiting < 600) {
            rig_put_hashed(r, flow, 1 + rig_dice(r, 9000), rig_dice(r, 8));
        } else if (what < 96) {
            rig_get(r, NULL);
        } else if (what < 97) {
            rig_leave(r, flow);
            take_rest(r, flow);
        } else if (what < 98) { /* leave and come back, with what waits */
            uint32_t packets = f->packets;
            rig_leave(r, flow);
            CHECK(f->packets == packets);
            random_share(r, &weight, &lmax);
            rig_join(r, flow, weight, lmax);
            CHECK(f->packets == packets);
        } else {
            random_share(r, &weight, &lmax);
            struct emu_share share = {.weight = weight, .lmax = lmax};
            r->ops->reshare(r->sched, f, share);
            f->share = share;
        }
        if (what == 96) /* busy periods end, too */
            while (rig_get(r, NULL) >= 0)
                ;
    }
    rig_close(r);
}

static void changes_at_any_time(void)
{
    for (unsigned kind = 0; kind < RIG_KINDS; kind++)
        for (uint64_t seed = 1; seed <= 4; seed++)
            any_change(rig_all[kind], seed, seed % 2 ? 5 : RIG_FLOWS);
}

/* Flow queues with packets move through all schedulers, and each serves on where the last one stopped. */
static void moves_between_schedulers(void)
{
    for (unsigned first = 0; first < RIG_KINDS; first++) {
        struct rig *r = rig_open(rig_all[first], NULL, first);
        for (unsigned flow = 0; flow < 8; flow++) {
            rig_join(r, flow, 1 + flow, 1500);
            for (unsigned i = 0; i < 200; i++)
                rig_put(r, flow, 64 + rig_dice(r, 1400));
        }
        for (unsigned step = 1; step <= 2 * RIG_KINDS; step++) {
            for (unsigned i = 0; i < 100; i++)
                CHECK(rig_get(r, NULL) >= 0);
            for (unsigned flow = 0; flow < 8; flow++)
                rig_leave(r, flow);
            if (r->ops->fini)
                r->ops->fini(r->sched);
            free(r->sched);
            r->ops = rig_all[(first + step) % RIG_KINDS];
            struct emu_fair fair = rig_default_fair(r->ops);
            r->sched = calloc(1, r->ops->size(&fair));
            CHECK(r->ops->init(r->sched, &fair) == 0);
            for (unsigned flow = 0; flow < 8; flow++)
                rig_join(r, flow, 1 + flow, 1500);
        }
        CHECK(r->dropped == 0);
        rig_close(r);
    }
}

/* The same seed gives the same departures. */
static void repeats(void)
{
    for (unsigned kind = 0; kind < RIG_KINDS; kind++) {
        uint64_t sums[2];
        for (unsigned run = 0; run < 2; run++) {
            struct rig *r = rig_open(rig_all[kind], NULL, 9);
            sums[run] = 0;
            for (unsigned flow = 0; flow < 10; flow++)
                rig_join(r, flow, 1 + flow, 1500);
            for (unsigned step = 0; step < 20000; step++) {
                r->now_ns += 10000;
                if (r->waiting < 900)
                    rig_put(r, rig_dice(r, 10), 64 + rig_dice(r, 1400));
                if (step % 2)
                    sums[run] = sums[run] * 31 + (uint64_t)(rig_get(r, NULL) + 1);
            }
            sums[run] += r->dropped << 32;
            rig_close(r);
        }
        CHECK(sums[0] == sums[1], "%s", rig_all[kind]->name);
    }
}

int main(int argc, char **argv)
{
    const struct check_test tests[] = {
        {"schedulers: join, leave and reshare at any time", changes_at_any_time},
        {"schedulers: flow queues move from one to another with their packets", moves_between_schedulers},
        {"schedulers: the same again", repeats},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(*tests));
}
