/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tap_test.c - tap ports beyond what every kind does: frames of several slots, queues, names and errors, an interface
 * that goes down or away, what stays when the port or its process goes.
 */
#include "lab.h"
#include "world.h"

#include <linux/if_tun.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static const uint8_t mac_a[6] = {2, 0, 0, 0, 0, 1}, mac_b[6] = {2, 0, 0, 0, 0, 2};

static struct nv_port *open_joined(const char *name, const struct nv_open_options *opt)
{
    struct nv_port *port = open_with(name, opt);
    CHECK(lab_join(nv_name(port) + strlen("tap:")) == 0);
    return port;
}

static struct nv_port_stats stats_of(const struct nv_port *port)
{
    struct nv_port_stats s;
    nv_stats(port, &s);
    return s;
}

/* Put one frame of `len` bytes into slots of at most `each`. Returns its slots. */
static uint32_t put_frame(struct nv_port *port, uint32_t len, uint32_t each, uint32_t seq)
{
    static uint8_t frame[1 << 17];
    struct netmap_ring *r = nv_txring(port, 0);
    uint32_t n = 0;
    make_packet(frame, len, mac_b, mac_a, seq);
    for (uint32_t at = 0; at < len; at += each, n++) {
        struct netmap_slot *slot = &r->slot[r->cur];
        slot->len = (uint16_t)(len - at < each ? len - at : each);
        slot->flags = at + each < len ? NS_MOREFRAG : 0;
        memcpy(NETMAP_BUF(r, slot->buf_idx), frame + at, slot->len);
        r->cur = nm_ring_next(r, r->cur);
    }
    r->head = r->cur;
    return n;
}

/* Take one frame of any number of slots; its number, -1 torn, -2 none; *len and *slots of it. */
static int64_t take_frame(struct nv_port *port, uint32_t *len, uint32_t *slots)
{
    static uint8_t frame[1 << 17];
    struct netmap_ring *r = nv_rxring(port, 0);
    const struct netmap_slot *slot;
    *len = *slots = 0;
    if (nm_ring_empty(r))
        return -2;
    do {
        slot = &r->slot[r->cur];
        memcpy(frame + *len, NETMAP_BUF(r, slot->buf_idx), slot->len);
        *len += slot->len;
        ++*slots;
        r->cur = nm_ring_next(r, r->cur);
    } while ((slot->flags & NS_MOREFRAG) && !nm_ring_empty(r));
    r->head = r->cur;
    return check_packet(frame, *len);
}

/* Frames in pieces arrive whole, in as few slots as they fit. */
static void fragments(void)
{
    world_new();
    struct nv_port *a = open_joined("tap:a", NULL), *b = open_joined("tap:b", NULL);
    uint32_t seq = 0, len, slots;
    for (uint32_t size = 60; size <= LAB_MTU + 14 && !check_failed; size += 331, seq++) {
        put_frame(a, size, seq % 3 ? 2048 : 700, seq);
        CHECK(nv_txsync(a, 0) == 0 && nv_rxsync(b, 0) == 0);
        CHECK(take_frame(b, &len, &slots) == seq && len == size && slots == (size + 2047) / 2048,
              "%u bytes came as %u in %u slots", size, len, slots);
    }
    /* In one batch, among others; more pieces than a frame may have; a last piece that never comes. */
    struct nv_port_stats before = stats_of(a);
    put_frame(a, 100, 2048, 1);
    CHECK(put_frame(a, 640, 10, 2) == 64);
    CHECK(put_frame(a, 650, 10, 3) == 65);
    put_frame(a, 5000, 2048, 4);
    put_frame(a, 200, 100, 5);
    struct netmap_ring *r = nv_txring(a, 0);
    r->slot[(r->cur + r->num_slots - 1) % r->num_slots].flags = NS_MOREFRAG;
    CHECK(nv_txsync(a, 0) == 0 && nv_rxsync(b, 0) == 0);
    CHECK(take_frame(b, &len, &slots) == 1 && take_frame(b, &len, &slots) == 2 && len == 640 && slots == 1);
    CHECK(take_frame(b, &len, &slots) == 4 && len == 5000 && slots == 3 && take_frame(b, &len, &slots) == -2);
    struct nv_port_stats s = stats_of(a);
    CHECK(s.drops[NV_DROP_TOO_LONG] == 1 && s.drops[NV_DROP_BROKEN_CHAIN] == 1);
    CHECK(s.tx_packets == before.tx_packets + 5 && s.tx_delivered == before.tx_delivered + 3);
    CHECK(s.tx_bytes == before.tx_bytes + 100 + 640 + 650 + 5000 + 200);
    /* Longer than any interface can take; too short for an Ethernet header. */
    put_frame(a, 65536, 2048, 6);
    put_frame(a, 13, 13, 7);
    CHECK(nv_txsync(a, 0) == 0);
    s = stats_of(a);
    CHECK(s.drops[NV_DROP_TOO_LONG] == 2 && s.drops[NV_DROP_RUNT] == 1);
    nv_close(a);
    nv_close(b);
    world_end();
}

/* A broken slot drops its frame alone. */
static void broken_slots(void)
{
    world_new();
    struct nv_port *a = open_joined("tap:a", NULL), *b = open_joined("tap:b", NULL);
    struct netmap_ring *r = nv_txring(a, 0);
    static const struct netmap_slot wrong[] = {{.buf_idx = 1, .len = 60},
                                               {.buf_idx = 0xffffffff, .len = 60},
                                               {.buf_idx = 0x80000002, .len = 60},
                                               {.len = 2049},
                                               {.len = 65535}};
    uint32_t len, slots, last = sizeof(wrong) / sizeof(wrong[0]);
    for (uint32_t i = 0; i < last * 3; i++) {
        put_frame(a, 60, 60, 1);
        uint32_t at = (r->cur + i / last) % r->num_slots, own = r->slot[at].buf_idx;
        put_frame(a, 300, 100, 2);
        r->slot[at].buf_idx = wrong[i % last].buf_idx ? wrong[i % last].buf_idx : own;
        r->slot[at].len = wrong[i % last].len;
        put_frame(a, 90, 60, 3);
        CHECK(nv_txsync(a, 0) == 0 && nv_rxsync(b, 0) == 0);
        r->slot[at].buf_idx = own;
        CHECK(take_frame(b, &len, &slots) == 1 && take_frame(b, &len, &slots) == 3 &&
              take_frame(b, &len, &slots) == -2);
    }
    struct nv_port_stats s = stats_of(a);
    CHECK(s.drops[NV_DROP_BAD_SLOT] == 9 && s.drops[NV_DROP_TOO_LONG] == 6 && s.tx_delivered == 30);
    nv_close(a);
    nv_close(b);
    world_end();
}

/* A long frame with too few slots left for it is a named drop, what follows arrives once there is room. */
static void no_room(void)
{
    const struct nv_open_options small = {.rx_slots = 4};
    world_new();
    struct nv_port *a = open_joined("tap:a", NULL), *b = open_joined("tap:b", &small);
    uint32_t len, slots;
    put_frame(a, 60, 2048, 1);
    put_frame(a, 5000, 2048, 2);
    put_frame(a, 61, 2048, 3);
    CHECK(nv_txsync(a, 0) == 0 && nv_rxsync(b, 0) == 0);
    CHECK(take_frame(b, &len, &slots) == 1 && nv_rxsync(b, 0) == 0);
    CHECK(take_frame(b, &len, &slots) == 3 && take_frame(b, &len, &slots) == -2);
    put_frame(a, 8000, 2048, 4); /* four slots: never in a ring of four */
    put_frame(a, 62, 2048, 5);
    CHECK(nv_txsync(a, 0) == 0 && nv_rxsync(b, 0) == 0);
    CHECK(take_frame(b, &len, &slots) == 5);
    struct nv_port_stats s = stats_of(b);
    CHECK(s.rx_drops[NV_DROP_NO_SPACE] == 1 && s.rx_drops[NV_DROP_TOO_LONG] == 1 && s.rx_packets == 3);
    nv_close(a);
    nv_close(b);
    world_end();
}

/* What lies in the kernel because the ring is full is not lost, and wakes nobody again and again. */
static void full_ring(void)
{
    const struct nv_open_options small = {.rx_slots = 8};
    world_new();
    struct nv_port *a = open_joined("tap:a", NULL), *b = open_joined("tap:b", &small);
    struct netmap_ring *r = nv_rxring(b, 0);
    uint32_t len, slots;
    for (uint32_t i = 0; i < 500; i++)
        put_frame(a, 60, 2048, i);
    CHECK(nv_txsync(a, 0) == 0 && nv_rxsync(b, 0) == 0 && nm_ring_space(r) == 7);
    uint32_t head = r->head;
    r->cur = r->tail; /* all seen, none released */
    nv_set_wait_mode(b, NV_WAIT_SLEEP);
    clock_t cpu = clock();
    CHECK(nv_wait(b, POLLIN, 100000000) == 0);
    CHECK(clock() - cpu < CLOCKS_PER_SEC / 20, "it spun for %ld ms", (long)(clock() - cpu) * 1000 / CLOCKS_PER_SEC);
    r->cur = head;
    for (uint32_t i = 0; i < 500; i++) {
        CHECK(nm_ring_space(r) || nv_wait(b, POLLIN, 100000000000) == POLLIN);
        CHECK(take_frame(b, &len, &slots) == i);
    }
    nv_close(a);
    nv_close(b);
    world_end();
}

/* Several rings are the queues of one interface: what any of them sends arrives, what arrives is in one of them. */
static void queues(void)
{
    const struct nv_open_options four = {.tx_rings = 4, .rx_rings = 4};
    world_new();
    struct nv_port *a = open_joined("tap:a", &four), *b = open_joined("tap:b", NULL);
    bool seen[200] = {false};
    uint32_t len, slots, got = 0;
    for (uint32_t i = 0; i < 100; i++) {
        CHECK(put_packet(a, i % 4, 60, mac_b, mac_a, i) && nv_txsync(a, i % 4) == 0 && nv_rxsync(b, 0) == 0);
        CHECK(take_frame(b, &len, &slots) == i);
    }
    for (uint32_t i = 0; i < 200; i++)
        put_packet(b, 0, 60, mac_a, mac_b, i);
    CHECK(nv_txsync(b, 0) == 0 && nv_wait(a, POLLIN, 100000000000) == POLLIN && nv_rxsync_all(a) == 0);
    for (unsigned ring = 0; ring < 4; ring++)
        for (int64_t seq; (seq = get_packet(a, ring, NULL)) >= 0; got++)
            if (seq < 200) {
                CHECK(!seen[seq], "%ld came twice", (long)seq);
                seen[seq] = true;
            }
    CHECK(got == 200, "%u of 200", got);
    struct nv_port *one = open_with("tap:a-2", &four);
    CHECK(nv_txring(one, 2) == nv_txring(a, 2) && !nv_txring(one, 1));
    nv_close(one);
    nv_close(a);
    nv_close(b);
    CHECK(!lab_has("a") && !lab_has("b"));
    world_end();
}

/* The interface is there, up, and goes with the last opener; without a name the kernel chooses one. */
static void names(void)
{
    world_new();
    struct ifreq ifr = {0};
    struct nv_port *a = open_with("tap:nv_x.1", NULL), *again = open_with("tap:nv_x.1", NULL);
    CHECK(!strcmp(nv_name(a), "tap:nv_x.1") && !strcmp(nv_if(a)->ni_name, "tap:nv_x.1"));
    CHECK(lab_ioctl(SIOCGIFFLAGS, "nv_x.1", &ifr) == 0 && (ifr.ifr_flags & IFF_UP));
    nv_close(a);
    CHECK(lab_has("nv_x.1"));
    nv_close(again);
    CHECK(!lab_has("nv_x.1"));
    struct nv_port *one = open_with("tap:", NULL), *two = open_with("tap:@conf:slots=64", NULL);
    CHECK(strcmp(nv_name(one), nv_name(two)) && !strncmp(nv_name(one), "tap:", 4), "%s", nv_name(one));
    CHECK(lab_has(nv_name(one) + 4) && lab_has(nv_name(two) + 4));
    struct nv_port *by_name = open_with(nv_name(one), NULL);
    CHECK(nv_mem_id(by_name) == nv_mem_id(one));
    nv_close(one);
    nv_close(two);
    nv_close(by_name);
    refuse_port("tap:sixteen_letters_", NULL, EINVAL, "at most 15 characters");
    refuse_port("tap:a^", NULL, EINVAL, "no host rings");
    world_end();
}

/* With '+' it stays, and is found again as it was. */
static void keep(void)
{
    world_new();
    nv_close(open_with("tap:kept+", NULL));
    CHECK(lab_has("kept"));
    unsigned index = if_nametoindex("kept");
    nv_close(open_with("tap:kept", NULL));
    CHECK(if_nametoindex("kept") == index);
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    snprintf(ifr.ifr_name, IFNAMSIZ, "kept");
    CHECK(ioctl(fd, TUNSETIFF, &ifr) == 0);
    refuse_port("tap:kept", NULL, EBUSY, "in use by another program");
    CHECK(ioctl(fd, TUNSETPERSIST, 0) == 0);
    close(fd);
    CHECK(!lab_has("kept"));
    refuse_port("tap:lab", NULL, EEXIST, "no tap");
    refuse_port("tap:lo", NULL, EEXIST, "no tap");
    world_end();
}

static const char *by_fd(char *name, int fd)
{
    snprintf(name, 32, "tap:@fd:%d", fd);
    return name;
}

/* A tap that somebody else made is used by its descriptor, and cannot be found by name. */
static void given(void)
{
    world_new();
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    snprintf(ifr.ifr_name, IFNAMSIZ, "theirs");
    CHECK(ioctl(fd, TUNSETIFF, &ifr) == 0 && lab_set_flags("theirs", IFF_UP, 0) == 0);
    char name[32];
    struct nv_port *a = open_with(by_fd(name, fd), NULL);
    CHECK(!strncmp(nv_name(a), "tap:theirs", 10), "%s", nv_name(a));
    refuse_port("tap:theirs", NULL, EBUSY, "in use");
    refuse_port(name, &(struct nv_open_options){.tx_rings = 2}, EINVAL, "one ring");
    close(fd);
    CHECK(lab_join("theirs") == 0);
    struct nv_port *b = open_joined("tap:b", NULL);
    uint32_t len, slots;
    put_frame(a, 77, 2048, 5);
    CHECK(nv_txsync(a, 0) == 0 && nv_rxsync(b, 0) == 0 && take_frame(b, &len, &slots) == 5 && len == 77);
    nv_close(a);
    nv_close(b);
    CHECK(!lab_has("theirs"));
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    refuse_port(by_fd(name, null), NULL, EBADF, "not that of a tap");
    ifr.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    CHECK(ioctl(fd, TUNSETIFF, &ifr) == 0);
    refuse_port(by_fd(name, fd), NULL, EINVAL, "IFF_VNET_HDR");
    close(fd);
    close(null);
    world_end();
}

/* Down: what is sent is dropped by name; up again: it goes on. */
static void down(void)
{
    world_new();
    struct nv_port *a = open_joined("tap:a", NULL), *b = open_joined("tap:b", NULL);
    uint32_t len, slots;
    CHECK(lab_set_flags("a", 0, IFF_UP) == 0);
    put_frame(a, 60, 2048, 1);
    CHECK(nv_txsync(a, 0) == 0 && nv_rxsync(a, 0) == 0 && nv_gone(a) == 0);
    CHECK(nv_wait(a, POLLIN, 1000000) == 0);
    CHECK(stats_of(a).drops[NV_DROP_LINK_DOWN] == 1);
    CHECK(lab_set_flags("a", IFF_UP, 0) == 0);
    for (int i = 0; i < 10000 && !nv_rxring(b, 0)->tail; i++) { /* until the bridge has seen it */
        usleep(10000);
        put_frame(a, 60, 2048, 2);
        CHECK(nv_txsync(a, 0) == 0 && nv_rxsync(b, 0) == 0);
    }
    CHECK(take_frame(b, &len, &slots) == 2);
    nv_close(a);
    nv_close(b);
    world_end();
}

static void *remove_later(void *arg)
{
    usleep(50000);
    lab_remove("a");
    return arg;
}

/* Removed under us: every sync and wait says so at once, a sleeper wakes up, closing works, and the name is free. */
static void removed(void)
{
    world_new();
    struct nv_port *a = open_with("tap:a", NULL), *other = open_with("tap:a", NULL);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, remove_later, NULL) == 0);
    nv_set_wait_mode(a, NV_WAIT_SLEEP);
    CHECK(nv_wait(a, POLLIN, 100000000000) == POLLERR);
    pthread_join(thread, NULL);
    CHECK(nv_gone(a) == -ENODEV && nv_rxsync(a, 0) == -ENODEV && nv_wait(a, POLLIN, -1) == POLLERR);
    put_frame(a, 60, 2048, 1);
    CHECK(nv_txsync(a, 0) == -ENODEV && stats_of(a).drops[NV_DROP_LINK_DOWN] == 1);
    CHECK(nv_gone(other) == 0 && nv_arm(other, POLLIN) == POLLERR && nv_gone(other) == -ENODEV);
    nv_close(a);
    nv_close(other);
    a = open_with("tap:a", NULL);
    CHECK(nv_gone(a) == 0 && nv_rxsync(a, 0) == 0);
    nv_close(a);
    world_end();
}

/* Another process cannot have the port; when its process is killed, interface and port are gone. */
static void killed(void)
{
    int fds[2];
    char byte;
    world_new();
    CHECK(pipe(fds) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        open_with("tap:a", NULL);
        if (write(fds[1], "", 1) == 1)
            pause();
        _exit(1);
    }
    CHECK(read(fds[0], &byte, 1) == 1 && lab_has("a"));
    refuse_port("tap:a", NULL, EBUSY, "open in another process");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    CHECK(!lab_has("a"));
    nv_close(open_with("tap:a", NULL));
    close(fds[0]), close(fds[1]);
    world_end();
}

/* Who may not make interfaces is told what to do. */
static void rights(void)
{
    world_new();
    pid_t pid = fork();
    if (pid == 0) {
        check_failed = 0;
        if (chown(world_dir, 65534, 65534) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
            _exit(1);
        struct nv_port *port;
        struct nv_error err = {0};
        int error = nv_open("tap:a", NULL, &port, &err);
        CHECK((error == -EPERM || error == -EACCES) && strstr(err.message, "root"), "%d %s", error, err.message);
        CHECK(world_files() == 0);
        _exit(check_failed != 0);
    }
    int status;
    waitpid(pid, &status, 0);
    CHECK(status == 0);
    world_end();
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"frames of several slots", fragments},
        {"broken slots", broken_slots},
        {"no room for a long frame", no_room},
        {"a full ring", full_ring},
        {"several queues", queues},
        {"names", names},
        {"an interface that stays", keep},
        {"a tap given as a descriptor", given},
        {"an interface that is down", down},
        {"an interface that is removed", removed},
        {"a process that is killed", killed},
        {"no rights", rights},
    };
    const char *why = lab_enter();
    if (why) {
        printf("skip tap %s\n", why);
        return 0;
    }
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
