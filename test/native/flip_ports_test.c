/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flip_ports_test.c - a neighbour changes a word of a ring between two reads of it: every read of every loop in turn,
 * to numbers that are far off, just outside, and other valid ones. Nothing outside of a ring's slots and of the buffers
 * with memory may be read or written (the sanitizer watches the rest of the region), nothing may stop, and afterwards
 * all works as before.
 */
#include "crash.h"
#include "memory/shared.h"
#include "port/batch.h"
#include "port/port.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define FORBID(at, size) __asan_poison_memory_region(at, size)
#define PERMIT(at, size) __asan_unpoison_memory_region(at, size)
#else
#define FORBID(at, size) ((void)(at), (void)(size))
#define PERMIT(at, size) ((void)(at), (void)(size))
#endif

#define SLOTS     16u
#define BEHIND    65536u /* bytes behind the last buffer with memory that are watched */
#define LOOK_OVER 16u    /* slots behind a ring that may be looked at, to ask for what they name */

/* Changes of a word; of a slot: buffer in the low half, then length, then flags. */
static const uint64_t masks[] = {
    0x7fffffff,                     /* far off */
    0xffffffff,                     /* farther */
    0x1,                            /* a neighbour */
    SLOTS,                          /* just outside of the ring; another buffer */
    UINT64_C(0xffff) << 32,         /* a length */
    (uint64_t)NS_MOREFRAG << 48,    /* it goes on */
    (uint64_t)NS_INDIRECT << 48,    /* somewhere else */
    0x7fffffff | UINT64_C(1) << 40, /* all of it */
};

static uint8_t mac_a[6], mac_b[6];
static struct nv_port *from, *to;

/* ---- the parts of a region that nobody has business with ------------------------------------------ */

static void each_gap(struct nv_port *p, bool forbid)
{
    const struct nv_region *r = p->region;
    char *buffers_end = nv_region_buf(r, nv_slots_backed(p));
    size_t behind = (size_t)(r->data + r->data_size - buffers_end);
    behind = behind < BEHIND ? behind : BEHIND;
    for (uint32_t i = 0; i < r->control->geometry.ring_total; i++) {
        char *ring = (char *)nv_region_ring(r, i), *end = ring + r->control->geometry.ring_size;
        char *used = ring + (r->ring_owner[i] ? sizeof(struct netmap_ring) + (SLOTS + LOOK_OVER) * 16 : 0);
        if (forbid)
            FORBID(used, (size_t)(end - used));
        else
            PERMIT(used, (size_t)(end - used));
    }
    if (forbid)
        FORBID(buffers_end, behind);
    else
        PERMIT(buffers_end, behind);
}

/* ---- loops ----------------------------------------------------------------------------------------- */

static uint32_t next_seq;

/* One round of a program in C: packets of one slot and of several, sent, received, released. */
static void round_trip(void)
{
    struct netmap_ring *tx = nv_txring(from, 0), *rx = nv_rxring(to, 0);
    nv_txsync(from, 0);
    uint32_t at = nv_shared_load(&tx->head), tail = nv_shared_load(&tx->tail);
    for (int i = 0; i < 5 && at < SLOTS && tail < SLOTS && at != tail; i++) {
        struct netmap_slot *slot = &tx->slot[at];
        uint32_t buf = nv_shared_load(&slot->buf_idx);
        if (buf >= 2 && buf < nv_slots_backed(from))
            make_packet((uint8_t *)nv_region_buf(from->region, buf), 60, mac_b, mac_a, next_seq++);
        slot->len = 60;
        slot->flags = i == 1 || i == 2 ? NS_MOREFRAG : 0;
        at = at + 1 == SLOTS ? 0 : at + 1;
    }
    tx->cur = tx->head = at;
    nv_txsync(from, 0);
    if (nv_wait(to, POLLIN, 0) & POLLIN) {
        uint32_t end = nv_shared_load(&rx->tail);
        rx->cur = rx->head = end < SLOTS ? end : 0;
    }
    nv_rxsync(to, 0);
    nv_txsync(from, 0);
}

/* The same as JavaScript's batches do it. */
static struct nv_batch_ring batch_of(struct nv_port *p, struct netmap_ring *ring)
{
    return (struct nv_batch_ring){.ring = ring,
                                  .slots = SLOTS,
                                  .buffers = nv_slots_backed(p),
                                  .buffer_size = 2048,
                                  .buffers_at = (uint64_t)(p->region->bufs - p->region->data),
                                  .at = ring->cur % SLOTS};
}

static void batches(void)
{
    static uint32_t offsets[8];
    static uint16_t lengths[8], flags[8];
    struct nv_batch_arrays a = {offsets, lengths, flags, 8};
    struct nv_batch_ring out = batch_of(from, nv_txring(from, 0)), in = batch_of(to, nv_rxring(to, 0));
    const char *base = from->region->data;
    nv_txsync(from, 0);
    if (nv_batch_space(&out) < 4)
        nv_txsync(from, 0);
    size_t n = nv_batch_reserve(&out, a, 0, 4);
    for (size_t i = 0; i < n; i++) {
        CHECK(offsets[i] + 2048ull <= from->region->data_size);
        make_packet((uint8_t *)(uintptr_t)base + offsets[i], 60, mac_b, mac_a, next_seq++);
        lengths[i] = 60;
    }
    nv_batch_fill(&out, a, 0, out.count);
    nv_txsync(from, 0);
    nv_rxsync(to, 0);
    base = to->region->data;
    n = nv_batch_gather(&in, base, a, 0);
    for (size_t i = 0; i < n; i++)
        CHECK(offsets[i] + lengths[i] <= to->region->data_size && lengths[i] <= 2048);
    in.ring->head = in.ring->cur = in.at;
    nv_rxsync(to, 0);
}

/* ---- trying -------------------------------------------------------------------------------------- */

/* Nothing is left of it: what is sent arrives, whole and in order. */
static bool works(void)
{
    for (int64_t until = now_ms() + PATIENCE_MS; now_ms() < until;) {
        struct netmap_ring *rx = nv_rxring(to, 0);
        for (int i = 0; i < 3; i++) { /* what still lies about */
            nv_txsync(from, 0);
            nv_rxsync(to, 0);
            rx->head = rx->cur = rx->tail;
            nv_rxsync(to, 0);
        }
        uint32_t first = next_seq, good = 0;
        nv_txsync(from, 0);
        for (int i = 0; i < 10; i++)
            put_packet(from, 0, 200, mac_b, mac_a, next_seq++);
        nv_txsync(from, 0);
        nv_rxsync(to, 0);
        while (get_packet(to, 0, NULL) == first + good)
            good++;
        nv_rxsync(to, 0);
        if (good == 10)
            return true;
    }
    return false;
}

static void flip_all(void (*loop)(void), const char *what)
{
    for (int when = NV_FLIP_AFTER; when <= NV_FLIP_BEFORE; when++)
        for (size_t m = 0; m < sizeof(masks) / sizeof(masks[0]); m++) {
            uint64_t reads = 1;
            for (uint64_t k = 1; k <= reads && !check_failed; k++) {
                each_gap(from, true), each_gap(to, true);
                nv_flip_arm(k, masks[m], (enum nv_flip_when)when);
                loop();
                uint64_t seen = nv_flip_end();
                each_gap(from, false), each_gap(to, false);
                reads = seen > reads ? seen : reads;
                loop();
            }
            CHECK(reads > 5 && reads < 100000, "%s: %lu reads", what, (unsigned long)reads);
            CHECK(works(), "%s, mask %zu, %s: nothing arrives any more", what, m, when ? "before" : "after");
        }
}

static void on(const char *a, const char *b)
{
    world_new();
    from = open_slots(a, SLOTS), to = open_slots(b, SLOTS);
    CHECK(works());
    flip_all(round_trip, "round trips");
    flip_all(batches, "batches");
    struct nv_port_stats s;
    nv_stats(from, &s);
    CHECK(s.ring_resets > 0);
    for (unsigned d = 0; d < NV_DROP_COUNT; d++)
        CHECK(s.drops[d] < 1000000000);
    nv_close(from), nv_close(to);
    world_end();
}

static void on_a_switch(void)
{
    on("vale0:a", "vale0:b");
}

static void in_one_region(void)
{
    on("vale0:a@7", "vale0:b@7");
}

static void on_a_pipe(void)
{
    on("netmap:p{1", "netmap:p}1");
}

static void on_null(void)
{
    world_new();
    from = open_slots("null:", SLOTS), to = from;
    for (int when = NV_FLIP_AFTER; when <= NV_FLIP_BEFORE; when++)
        for (size_t m = 0; m < sizeof(masks) / sizeof(masks[0]); m++)
            for (uint64_t k = 1, reads = 1; k <= reads; k++) {
                nv_flip_arm(k, masks[m], (enum nv_flip_when)when);
                round_trip();
                uint64_t seen = nv_flip_end();
                reads = seen > reads ? seen : reads;
            }
    nv_close(from);
    world_end();
}

int main(int argc, char **argv)
{
    mac_number(mac_a, 1), mac_number(mac_b, 2);
    static const struct check_test tests[] = {
        {"every read of a shared word: a switch", on_a_switch},
        {"every read of a shared word: one region", in_one_region},
        {"every read of a shared word: a pipe", on_a_pipe},
        {"every read of a shared word: null", on_null},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
