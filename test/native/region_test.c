/* SPDX-License-Identifier: BSD-2-Clause */
/* region_test.c - regions: geometry, headers that lie, buffers taken and given by many at once, memory that runs out.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "memory/region.h"
#include "world.h"

/* ---- memory that runs out: this program's own posix_fallocate, which may run out of it ------------------------- */

static long calls_left = -1; /* until it says ENOSPC; negative: never */

int posix_fallocate(int fd, off_t from, off_t len)
{
    if (__atomic_load_n(&calls_left, __ATOMIC_RELAXED) == 0)
        return ENOSPC;
    if (calls_left > 0)
        __atomic_fetch_sub(&calls_left, 1, __ATOMIC_RELAXED);
    return fallocate(fd, 0, from, len) < 0 ? errno : 0;
}

/* Open and close with room for 0, 1, 2 ... further pieces of memory: an error in words each time, and nothing left. */
static void when_memory_runs_out(const char *name, const char *before)
{
    const struct nv_open_options opt = {.extra_bufs = 3000};
    struct nv_port *port = NULL;
    struct nv_error err = {0};
    struct nv_port *there = *before ? open_port(before) : NULL;
    int files = world_files(), result = -1;
    long pieces = 0;
    for (; result != 0 && pieces < 200; pieces++) {
        calls_left = pieces;
        result = nv_open(name, &opt, &port, &err);
        calls_left = -1;
        CHECK(result == 0 || (result == -ENOSPC && strstr(err.message, "shared memory is full")), "%s, %ld: %d, %s",
              name, pieces, result, err.message);
        CHECK(result == 0 || world_files() == files, "%ld: %d files, not %d", pieces, world_files(), files);
    }
    CHECK(result == 0 && pieces > 1, "after %ld pieces: %s", pieces, err.message);
    if (result == 0) {
        CHECK(put_packet(port, 0, 60, broadcast_mac, broadcast_mac, 1) && nv_txsync(port, 0) == 0);
        nv_close(port);
    }
    nv_close(there);
}

static void full_memory(void)
{
    static const char *const names[][2] = {
        {"vale0:a", ""}, {"vale0:a", "vale0:b"},   {"vale0:a@9", ""}, {"vale0:a@9", "vale0:b@9"},
        {"p{1", ""},     {"vale0:a{1", "vale0:a"}, {"null:", ""},     {"vale0:a", "vale0:a"}};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        world_new();
        when_memory_runs_out(names[i][0], names[i][1]);
        world_end();
    }
}

/* ---- geometry --------------------------------------------------------------------------------------------------- */

static int world_fd(void)
{
    return open(world_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void remove_region(int dirfd, uint16_t id)
{
    char name[32];
    nv_region_file(name, id, "data");
    CHECK(unlinkat(dirfd, name, 0) == 0);
    nv_region_file(name, id, "control");
    CHECK(unlinkat(dirfd, name, 0) == 0);
}

/* Pools lie one behind the other, whole, on pages, and hold what they must. */
static void check_layout(const struct nv_region *r, uint32_t tx_rings, uint32_t rx_rings, uint32_t tx_slots,
                         uint32_t rx_slots, uint32_t extra)
{
    const struct nv_control *c = r->control;
    const struct nv_geometry *g = &c->geometry;
    uint32_t slots = tx_slots > rx_slots ? tx_slots : rx_slots;
    CHECK((uint64_t)g->if_total * g->if_size <= c->ring_offset && c->ring_offset % 4096 == 0);
    CHECK(c->ring_offset + (uint64_t)g->ring_total * g->ring_size <= c->buf_offset && c->buf_offset % 4096 == 0);
    CHECK(c->buf_offset + (uint64_t)g->buf_total * g->buf_size <= c->data_size && c->data_size == r->data_size);
    CHECK(g->ring_size >= sizeof(struct netmap_ring) + slots * sizeof(struct netmap_slot) && g->ring_size % 128 == 0);
    CHECK(g->if_size >= sizeof(struct netmap_if) + (tx_rings + rx_rings + 2) * sizeof(ssize_t) && g->if_size % 64 == 0);
    uint32_t own = tx_rings * tx_slots + rx_rings * rx_slots;
    CHECK(g->buf_total >= 2 + own + 2 * 2 * own + extra, "no room for itself and two pipes");
    CHECK(g->ring_total >= (tx_rings + rx_rings) * 5 && g->if_total >= 5);
    CHECK(c->if_owner_at >= sizeof(*c) && c->if_owner_at + g->if_total * 4ull <= c->buf_owner_at);
    CHECK(c->buf_owner_at + g->buf_total * 4ull <= c->ctl_at && c->ctl_at % 64 == 0 && c->ctl_size % 64 == 0);
    CHECK(c->ctl_at + (uint64_t)g->ring_total * c->ctl_size <= c->control_size && c->control_size == r->control_size);
    uint32_t entries = 1;
    while (entries < slots)
        entries *= 2;
    CHECK(sizeof(struct nv_ring_ctl) + nv_queue_size(entries) <= c->ctl_size);
    CHECK(c->backed == 2 && (char *)nv_region_ring(r, 1) - (char *)nv_region_ring(r, 0) == g->ring_size);
    CHECK(nv_region_buf(r, 2) - nv_region_buf(r, 0) == 4096);
}

static void geometry(void)
{
    uint64_t seed = 3;
    world_new();
    int fd = world_fd();
    for (uint16_t id = 1; id <= 300 && !check_failed; id++) {
        bool most = id % 100 == 0;
        uint32_t tx_rings = most ? 256 : 1 + random_below(&seed, 16),
                 rx_rings = most ? 256 : 1 + random_below(&seed, 16);
        uint32_t tx_slots = most ? 4096 : 2 + random_below(&seed, 4095), rx_slots = 2 + random_below(&seed, 4095);
        uint32_t extra = random_below(&seed, 3) ? 0 : random_below(&seed, 100000);
        struct nv_geometry g = nv_geometry_private(tx_rings, rx_rings, tx_slots, rx_slots, extra);
        struct nv_error err = {0};
        CHECK(nv_region_create(fd, id, &g, &err) == 0, "%s", err.message);
        struct nv_region *r = nv_region_map(fd, id, &err);
        CHECK(r, "%s", err.message);
        if (r) {
            check_layout(r, tx_rings, rx_rings, tx_slots, rx_slots, extra);
            nv_region_unmap(r);
        }
        remove_region(fd, id);
    }
    struct nv_geometry g = nv_geometry_shared();
    CHECK(nv_region_create(fd, 1, &g, NULL) == 0);
    struct nv_region *r = nv_region_map(fd, 1, NULL);
    CHECK(r && r->control->buf_offset == 0x721000, "netmap's global region"); /* as seen on the kernel module */
    nv_region_unmap(r);
    remove_region(fd, 1);
    close(fd);
    world_end();
}

/* A control file whose header lies, or of another version, is refused; a data file cut short too. */
static void lying_headers(void)
{
    struct nv_error err;
    world_new();
    int fd = world_fd();
    struct nv_geometry g = nv_geometry_private(1, 1, 64, 64, 0);
    CHECK(nv_region_create(fd, 3, &g, &err) == 0);
    struct nv_region *r = nv_region_map(fd, 3, &err);
    uint32_t *words = (uint32_t *)(void *)r->control;
    for (size_t at = 0; at < offsetof(struct nv_control, backed) / 4; at++) {
        static const uint32_t lies[] = {0, 1, 0x1000, 0x7fffffff, 0xffffffff};
        for (unsigned i = 0; i < 5; i++) {
            uint32_t was = words[at];
            words[at] = lies[i];
            struct nv_region *other = nv_region_map(fd, 3, &err);
            CHECK((other != NULL) == (was == lies[i]) && (other || err.code == EPROTO), "word %zu = %#x", at, lies[i]);
            if (other)
                nv_region_unmap(other);
            words[at] = was;
        }
    }
    r->control->layout = NV_LAYOUT + 5;
    char ours[32], theirs[32];
    snprintf(ours, sizeof(ours), "this library has %u", NV_LAYOUT);
    snprintf(theirs, sizeof(theirs), "has layout %u", NV_LAYOUT + 5);
    CHECK(!nv_region_map(fd, 3, &err) && strstr(err.message, ours) && strstr(err.message, theirs), "%s", err.message);
    r->control->layout = NV_LAYOUT;
    CHECK(ftruncate(openat(fd, "region.3.data", O_RDWR), (off_t)r->data_size - 4096) == 0);
    CHECK(!nv_region_map(fd, 3, &err) && err.code == EPROTO);
    CHECK(!nv_region_map(fd, 4, &err) && err.code == ENOENT);
    nv_region_unmap(r);
    remove_region(fd, 3);
    close(fd);
    world_end();
}

/* ---- taking and giving ------------------------------------------------------------------------------------------ */

/* Who has each buffer, as the takers know it. */
static uint32_t *holder;

struct taker {
    pthread_t thread;
    struct nv_region *region;
    nv_token token;
    unsigned rounds;
};

static void *take_and_give(void *arg)
{
    struct taker *t = arg;
    uint32_t buf[3000], total = t->region->control->geometry.buf_total;
    uint64_t seed = t->token;
    int error;
    for (unsigned round = 0; round < t->rounds; round++) {
        uint32_t want = random_below(&seed, 3000), n = nv_region_take_bufs(t->region, t->token, buf, want, &error);
        if (n < want && error != -ENOMEM)
            return "not all, and no word why";
        for (uint32_t i = 0; i < n; i++) {
            uint32_t nobody = 0;
            if (buf[i] < 2 || buf[i] >= total ||
                buf[i] >= __atomic_load_n(&t->region->control->backed, __ATOMIC_ACQUIRE))
                return "an impossible buffer";
            if (!__atomic_compare_exchange_n(&holder[buf[i]], &nobody, t->token, false, __ATOMIC_ACQ_REL,
                                             __ATOMIC_RELAXED))
                return "a buffer that somebody else has";
            memset(nv_region_buf(t->region, buf[i]), (int)t->token, 64);
        }
        for (uint32_t i = 0; i < n; i++) {
            if (nv_region_buf(t->region, buf[i])[63] != (char)t->token)
                return "somebody else wrote into a buffer";
            __atomic_store_n(&holder[buf[i]], 0, __ATOMIC_RELEASE);
        }
        nv_region_give_bufs(t->region, t->token, 0);
    }
    return NULL;
}

/* Several threads in each of several processes; more is wanted at times than there is. */
static void take_at_once(unsigned processes, unsigned rounds)
{
    struct nv_error err = {0};
    world_new();
    int fd = world_fd();
    struct nv_geometry g = nv_geometry_private(1, 1, 300, 300, 0);
    CHECK(nv_region_create(fd, 3, &g, &err) == 0, "%s", err.message);
    size_t size = g.buf_total * sizeof(*holder);
    holder = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child[4];
    for (unsigned p = 0; p < processes; p++)
        if ((child[p] = processes == 1 ? 0 : fork()) == 0) {
            struct nv_region *r = nv_region_map(fd, 3, &err);
            struct taker t[3];
            for (unsigned i = 0; i < 3; i++) {
                t[i] = (struct taker){.region = r, .token = 1 + p * 3 + i, .rounds = rounds};
                CHECK(pthread_create(&t[i].thread, NULL, take_and_give, &t[i]) == 0);
            }
            for (unsigned i = 0; i < 3; i++) {
                void *why;
                pthread_join(t[i].thread, &why);
                CHECK(!why, "%s", (char *)why);
            }
            nv_region_unmap(r);
            if (processes > 1)
                _exit(check_failed != 0);
        }
    for (unsigned p = 0; processes > 1 && p < processes; p++) {
        int status = -1;
        CHECK(waitpid(child[p], &status, 0) == child[p] && status == 0, "%#x", status);
    }
    /* All free: every buffer can be had once. */
    struct nv_region *r = nv_region_map(fd, 3, &err);
    uint32_t *buf = calloc(g.buf_total, sizeof(*buf));
    int error;
    CHECK(nv_region_take_bufs(r, 99, buf, g.buf_total, &error) == g.buf_total - 2 && error == -ENOMEM);
    for (uint32_t i = 0; i < g.buf_total - 2; i++)
        CHECK(holder[buf[i]]++ == 0);
    CHECK(nv_region_take_bufs(r, 98, buf, 1, &error) == 0 && error == -ENOMEM);
    nv_region_give_bufs(r, 99, 98);
    for (uint32_t i = 2; i < g.buf_total; i++)
        CHECK(r->buf_owner[i] == 98);
    free(buf);
    nv_region_unmap(r);
    munmap(holder, size);
    remove_region(fd, 3);
    close(fd);
    world_end();
}

static void threads_take(void)
{
    take_at_once(1, 400);
}
static void processes_take(void)
{
    take_at_once(3, 200);
}

/* Rings are taken in a row, wherever there is room for so many. */
static void rings_in_a_row(void)
{
    uint8_t used[64] = {0};
    uint64_t seed = 8;
    world_new();
    int fd = world_fd();
    struct nv_geometry g = nv_geometry_private(2, 2, 16, 16, 0);
    CHECK(nv_region_create(fd, 3, &g, NULL) == 0 && g.ring_total <= 64);
    struct nv_region *r = nv_region_map(fd, 3, NULL);
    for (unsigned round = 0; round < 5000; round++) {
        uint32_t n = 1 + random_below(&seed, 9);
        int first = nv_region_take_rings(r, 7, n);
        bool possible = false;
        for (uint32_t i = 0, row = 0; i < g.ring_total; i++) {
            row = used[i] ? 0 : row + 1;
            possible |= row == n;
        }
        CHECK((first >= 0) == possible && (first >= 0 || first == -ENOMEM), "%u rings: %d", n, first);
        for (uint32_t i = 0; first >= 0 && i < n; i++)
            CHECK((uint32_t)first + i < g.ring_total && !used[(uint32_t)first + i]++);
        for (uint32_t i = 0; i < g.ring_total; i++)
            if (used[i] && random_below(&seed, 4) == 0) {
                used[i] = 0;
                r->ring_owner[i] = 0;
            }
    }
    nv_region_unmap(r);
    remove_region(fd, 3);
    close(fd);
    world_end();
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"region: geometry", geometry},
        {"region: headers that lie", lying_headers},
        {"region: threads take and give", threads_take},
        {"region: processes take and give", processes_take},
        {"region: rings in a row", rings_in_a_row},
        {"region: memory that runs out", full_memory},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
