/* SPDX-License-Identifier: BSD-2-Clause */
/* engine_rubbish_test.c - somebody scribbles over the rings while engines run: they go on or fail, they never crash. */
#include "engine_rig.h"

/* What a neighbour who maps the region can do to a ring and its slots. */
static void scribble(struct netmap_ring *ring, uint32_t slots, uint64_t *seed)
{
    struct netmap_slot *slot = &ring->slot[random_below(seed, slots)];
    uint32_t value = (uint32_t)nv_splitmix64(seed) >> random_below(seed, 32);
    switch (random_below(seed, 8)) {
    case 0:
        __atomic_store_n(&ring->head, value, __ATOMIC_RELAXED);
        break;
    case 1:
        __atomic_store_n(&ring->cur, value, __ATOMIC_RELAXED);
        break;
    case 2:
        __atomic_store_n(&ring->tail, value, __ATOMIC_RELAXED);
        break;
    case 3:
        __atomic_store_n((uint32_t *)(uintptr_t)&ring->nr_buf_size, value, __ATOMIC_RELAXED);
        break;
    case 4:
        __atomic_store_n((uint32_t *)(uintptr_t)&ring->num_slots, value, __ATOMIC_RELAXED);
        break;
    case 5:
        __atomic_store_n(&slot->buf_idx, value, __ATOMIC_RELAXED);
        break;
    default:
        __atomic_store_n((uint32_t *)(uintptr_t)&slot->len, value, __ATOMIC_RELAXED);
    }
}

static void run(enum nv_role first, enum nv_role second, const char *near, const char *far, uint64_t *seed)
{
    world_new();
    struct nv_plan a = plan_of(first, near), b = plan_of(second, far);
    struct nv_port *spy[2] = {open_port(near), open_port(far)};
    a.traffic.size_max = b.traffic.size_max = random_below(seed, 2) ? 100 : 5000;
    a.traffic.prepare = (uint8_t)random_below(seed, 3);
    if (first == NV_ROLE_PING)
        a.traffic.size_max = 100;
    a.verify = b.verify = b.histogram = true;
    a.timeout_ns = NV_SECOND / 100;
    struct nv_engine *x = start(&b), *y = start(&a);
    uint32_t slots = nv_txring(spy[0], 0)->num_slots;
    uint64_t until = nv_now() + NV_SECOND / 10;
    while (nv_now() < until && !(nv_engine_done(x) && nv_engine_done(y))) {
        struct nv_port *port = spy[random_below(seed, 2)];
        scribble(random_below(seed, 2) ? nv_txring(port, 0) : nv_rxring(port, 0), slots, seed);
        if (random_below(seed, 4) == 0)
            usleep(random_below(seed, 300));
    }
    nv_engine_stop(x);
    nv_engine_stop(y);
    CHECK(finishes(x) && finishes(y), "%s and %s do not stop", nv_role_name(first), nv_role_name(second));
    struct nv_error err = {0};
    int ends[] = {nv_engine_join(x, &err), nv_engine_join(y, &err)};
    CHECK((ends[0] == 0 || ends[0] == -EIO) && (ends[1] == 0 || ends[1] == -EIO), "%d %d", ends[0], ends[1]);
    nv_engine_free(x);
    nv_engine_free(y);
    nv_close(spy[0]);
    nv_close(spy[1]);
    world_end();
}

static void scribbled_rings_crash_nobody(void)
{
    uint64_t seed = 2024;
    for (unsigned round = 0; round < 6; round++) {
        run(NV_ROLE_TX, NV_ROLE_RX, "vale0:a", "vale0:b", &seed);
        run(NV_ROLE_TXSEQ, NV_ROLE_RXSEQ, "netmap:p{1", "netmap:p}1", &seed);
        run(NV_ROLE_PING, NV_ROLE_PONG, "vale0:a", "vale0:b", &seed);
        run(NV_ROLE_TXSEQ, NV_ROLE_PONG, "vale0:a@7", "vale0:b@7", &seed);
    }
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {{"scribbled_rings_crash_nobody", scribbled_rings_crash_nobody}};
    return check_main(argc, argv, tests, 1);
}
