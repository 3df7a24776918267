/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_memory_test.c - full shared memory: opening says so and leaves nothing, what is open goes on, nobody ever
 * gets a bus error. In a small file system of its own, which takes root.
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "crash_stage.h"

static char mount_dir[] = "/tmp/netvale-full-XXXXXX";

/* A file system of this size in a mount name space of our own. NULL, or why it cannot be had. */
static const char *mount_small(void)
{
    if (unshare(CLONE_NEWNS) < 0)
        return strerror(errno);
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || !mkdtemp(mount_dir))
        return strerror(errno);
    if (mount("netvale", mount_dir, "tmpfs", 0, "size=64m,mode=700") < 0) {
        rmdir(mount_dir);
        return strerror(errno);
    }
    return NULL;
}

static void resize(unsigned kilobytes, unsigned files)
{
    char options[64];
    snprintf(options, sizeof(options), "size=%uk,nr_inodes=%u", kilobytes, files);
    CHECK(mount("netvale", mount_dir, "tmpfs", MS_REMOUNT, options) == 0, "%s: %s", options, strerror(errno));
}

static void small_world(unsigned kilobytes)
{
    resize(kilobytes, 1000);
    snprintf(world_dir, sizeof(world_dir), "%s/w", mount_dir);
    CHECK(mkdir(world_dir, 0700) == 0);
    setenv("NETVALE_DIR", world_dir, 1);
}

/* Take all the memory that is left. */
static void fill_up(void)
{
    static char block[4096];
    char name[64];
    snprintf(name, sizeof(name), "%s/filler", mount_dir);
    int fd = open(name, O_WRONLY | O_CREAT | O_APPEND, 0600);
    while (write(fd, block, sizeof(block)) == sizeof(block))
        ;
    close(fd);
}

static void empty(void)
{
    char name[64];
    snprintf(name, sizeof(name), "%s/filler", mount_dir);
    unlink(name);
}

/* ---- one process opens until nothing goes any more -------------------------------------------------- */

static const char *const families[] = {"vale0:p%u", "vale0:p%u@7", "netmap:p{%u", "p%u}1", "null:n%u"};

/* Both ends of what could be opened work: all bytes of a packet from each port arrive at all others. */
static void all_work(struct board *b, struct nv_port **port, unsigned n)
{
    uint8_t self[6];
    for (unsigned from = 0; from < n; from++) {
        mac_number(self, from);
        put_packet(port[from], 0, 1514, broadcast_mac, self, from);
        nv_txsync(port[from], 0);
        for (unsigned to = 0; to < n; to++) {
            nv_rxsync(port[to], 0);
            int64_t got = get_packet(port[to], 0, NULL);
            EXPECT(b, got == (to == from ? -2 : (int64_t)from), "(%s to %s: %ld)", nv_name(port[from]),
                   nv_name(port[to]), (long)got);
            nv_rxsync(port[to], 0);
        }
    }
}

static void open_until_full(struct board *b, void *arg)
{
    struct nv_port *port[100];
    struct nv_error err = {0};
    unsigned n = 0;
    int error = 0;
    for (; n < 100; n++) {
        char name[32];
        snprintf(name, sizeof(name), (const char *)arg, n);
        int before = world_files();
        error = nv_open(name, NULL, &port[n], &err);
        if (error)
            EXPECT(b, world_files() == before, "(%d files, then %d)", before, world_files());
        if (error)
            break;
    }
    EXPECT(b, n < 100 && (error == -ENOSPC || error == -ENOMEM), "(%u ports, %d)", n, error);
    EXPECT(b, strstr(err.message, "full") || strstr(err.message, "No space"), "(%s)", err.message);
    if (!strncmp(arg, "vale", 4))
        all_work(b, port, n);
    b->mark = n;
    while (n)
        nv_close(port[--n]);
}

/* From too little for anything to several ports, in steps that end within each file in turn. */
static void opens_until_full(void)
{
    boards_new();
    for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
        uint64_t most = 0;
        for (unsigned kilobytes = 16; kilobytes < 30000; kilobytes += 52 + kilobytes / 6) {
            small_world(kilobytes);
            struct actor a = actor_start(1, open_until_full, (void *)families[f]);
            int status = actor_wait(&a, 0);
            CHECK(status == 0, "%u KB, %s: %#x %s", kilobytes, families[f], (unsigned)status, a.board->error);
            most = a.board->mark;
            world_end();
        }
        CHECK(most > 2, "only %lu ports %s", (unsigned long)most, families[f]);
    }
}

static void too_few_files(void)
{
    boards_new();
    for (unsigned files = 2; files < 14; files++) {
        small_world(30000);
        resize(30000, files + 1);
        struct actor a = actor_start(1, open_until_full, (void *)families[0]);
        int status = actor_wait(&a, 0);
        CHECK(status == 0, "%u files: %#x %s", files, (unsigned)status, a.board->error);
        resize(30000, 1000);
        world_end();
    }
}

/* ---- memory runs out while traffic goes on ----------------------------------------------------------- */

/* As stage_start, but in the small file system. */
static bool start_small(struct stage *s)
{
    small_world(60000);
    boards_new();
    bool fine = true;
    for (int i = 0; i < 4; i++)
        fine &= stage_start_one(s, i);
    return fine;
}

static void try_to_open(struct board *b, void *arg)
{
    struct nv_port *port;
    struct nv_error err = {0};
    int error = nv_open(arg, NULL, &port, &err);
    EXPECT(b, (error == -ENOSPC || error == -ENOMEM) && strstr(err.message, "full"), "(%s: %d %s)", (char *)arg, error,
           err.message);
}

static void opening_is_refused(const char *name)
{
    int before = world_files();
    struct actor a = actor_start(8, try_to_open, (void *)name);
    actor_end(&a);
    CHECK(world_files() <= before, "%s: %d files, then %d", name, before, world_files());
}

static void fills_up(void (*set)(struct stage *s), const char *other, bool death)
{
    struct stage s;
    set(&s);
    if (start_small(&s)) {
        fill_up();
        opening_is_refused(other);
        opening_is_refused("vale5:new");
        others_go_on(&s, 2);
        if (s.part[2].receivers > 1 || death) { /* its lease is taken away, and there are no buffers in its place */
            kill(s.actor[2].pid, SIGSTOP);
            others_go_on(&s, 2);
            opening_is_refused(other);
            kill(s.actor[2].pid, SIGCONT);
            takes_part(&s, 2);
        }
        if (death) {
            actor_kill(&s.actor[2]);
            opening_is_refused("vale5:new");
            others_go_on(&s, 2);
        }
        empty();
        if (death)
            replace(&s, 2);
        others_go_on(&s, 2);
    }
    stage_end(&s, !death);
}

static void switch_fills_up(void)
{
    fills_up(stage_vale, "vale0:y", false);
    fills_up(stage_vale, "vale0:y", true);
}

static void region_fills_up(void)
{
    fills_up(stage_shared, "vale0:y@7", false);
    fills_up(stage_shared, "vale0:y@7", true);
}

static void pipes_fill_up(void)
{
    fills_up(stage_pipes, "netmap:q{1", false);
    fills_up(stage_pipes, "netmap:q{1", true);
}

/* A ring that lost buffers while there were no others gets them when there are. */
static void lost_buffers_come_back(void)
{
    uint8_t src[6];
    small_world(30000);
    mac_number(src, 1);
    struct nv_port *a = open_port("vale0:a"), *b = open_port("vale0:b");
    struct netmap_ring *rx = nv_rxring(b, 0);
    fill_up();
    for (unsigned i = 0; i < 100; i++)
        put_packet(a, 0, 60, broadcast_mac, src, i);
    nv_txsync(a, 0), nv_rxsync(b, 0);
    CHECK(nm_ring_space(rx) == 100);
    for (unsigned i = 0; i < 100; i++) {
        rx->slot[rx->head].buf_idx = 0;
        rx->head = rx->cur = nm_ring_next(rx, rx->head);
    }
    CHECK(nv_rxsync(b, 0) == -EINVAL);
    for (int full = 1; full >= 0; full--) {
        for (unsigned i = 0; i < 1023; i++)
            put_packet(a, 0, 60, broadcast_mac, src, i);
        nv_txsync(a, 0), nv_rxsync(b, 0);
        CHECK(nm_ring_space(rx) == (full ? 923 : 1023), "%u packets", nm_ring_space(rx));
        while (get_packet(b, 0, NULL) >= 0)
            ;
        nv_rxsync(b, 0);
        empty();
        sleep_ms(20);
        nv_rxsync(b, 0);
    }
    nv_close(a), nv_close(b);
    world_end();
}

int main(int argc, char **argv)
{
    const char *why = mount_small();
    if (why) {
        printf("skip full-shared-memory this process may not mount a small file system: %s\n", why);
        return 0;
    }
    static const struct check_test tests[] = {
        {"full shared memory: opening until it is", opens_until_full},
        {"full shared memory: too few files", too_few_files},
        {"full shared memory: lost buffers", lost_buffers_come_back},
        {"full shared memory: under a switch", switch_fills_up},
        {"full shared memory: under a shared region", region_fills_up},
        {"full shared memory: under pipes", pipes_fill_up},
    };
    int result = check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
    umount2(mount_dir, MNT_DETACH);
    rmdir(mount_dir);
    return result;
}
