/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_wait_test.c - sleeping and waking between processes: nobody sleeps through a packet or through room, nobody
 * is woken who does not sleep, and programs sleep in select, poll or epoll as they like.
 */
#include <sys/epoll.h>
#include <sys/select.h>

#include "crash.h"

#define LONG_MS PATIENCE_MS /* nobody sleeps that long here unless a wake-up was lost */

static uint8_t mac_a[6], mac_b[6];

/* The ways to sleep until fd is readable or ms passed: 1 or 0. */
static int by_poll(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, ms);
}

static int by_select(int fd, int ms)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    struct timeval t = {ms / 1000, ms % 1000 * 1000};
    return select(fd + 1, &set, NULL, NULL, &t);
}

static int epoll_on(int fd, int ms, uint32_t how)
{
    struct epoll_event e = {.events = EPOLLIN | how};
    int set = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
    int n = epoll_wait(set, &e, 1, ms);
    close(set);
    return n;
}

static int by_epoll(int fd, int ms)
{
    return epoll_on(fd, ms, 0);
}

static int by_epoll_edge(int fd, int ms)
{
    return epoll_on(fd, ms, EPOLLET);
}

typedef int sleep_fn(int fd, int ms);
static sleep_fn *const sleeps[] = {by_poll, by_select, by_epoll, by_epoll_edge};

/* Arm and sleep until `events`. Complains when only the time-out ended it. */
static void sleep_for(struct board *b, struct nv_port *p, int events, sleep_fn *how)
{
    while (!(nv_arm(p, events) & events)) {
        if (how(nv_fd(p), LONG_MS) == 0) {
            EXPECT(b, nv_arm(p, events) == 0, "(%s slept through what it waited for)", nv_name(p));
            if (peek(&b->stop))
                return;
        }
    }
}

/* ---- ping-pong ------------------------------------------------------------------------------------- */

struct match {
    const char *port;
    bool serves;
    uint32_t rounds;
    int how; /* into sleeps[], or -1: nv_wait */
};

static void pause_at_random(uint64_t *seed)
{
    if (random_below(seed, 8) == 0)
        for (volatile uint32_t n = random_below(seed, 20000); n; n--)
            ;
    if (random_below(seed, 500) == 0)
        sleep_ms(1);
}

static void ping_pong(struct board *b, void *arg)
{
    const struct match *m = arg;
    struct nv_port *p;
    struct nv_error err = {0};
    uint64_t seed = m->serves ? 1 : 2;
    if (nv_open(m->port, NULL, &p, &err) < 0) {
        complain(b, "%s", err.message);
        return;
    }
    nv_set_wait_mode(p, NV_WAIT_SLEEP);
    poke(&b->ready, 1);
    while (!peek(&b->arm))
        sleep_ms(1);
    for (uint32_t i = 0; i < m->rounds && !b->failed; i++) {
        if (m->serves || i) {
            if (m->how >= 0)
                sleep_for(b, p, POLLIN, sleeps[m->how]);
            else
                EXPECT(b, nv_wait(p, POLLIN, LONG_MS * 1000000ll) == POLLIN, "(round %u)", i);
            int64_t got = get_packet(p, 0, NULL);
            EXPECT(b, got == (m->serves ? i : i - 1), "(%ld in round %u)", (long)got, i);
        }
        pause_at_random(&seed);
        put_packet(p, 0, 60, m->serves ? mac_a : mac_b, m->serves ? mac_b : mac_a, i);
        nv_txsync(p, 0);
        b->mark = i;
    }
    if (!m->serves)
        nv_wait(p, POLLIN, LONG_MS * 1000000ll);
    nv_stats(p, &b->stats);
    nv_close(p);
}

static void play_match(const char *a, const char *b, uint32_t rounds, int how)
{
    struct match m[2] = {{a, false, rounds, how}, {b, true, rounds, how}};
    struct actor actor[2];
    world_new();
    boards_new();
    for (int i = 0; i < 2; i++)
        actor[i] = actor_start(i + 1, ping_pong, &m[i]), actor_ready(&actor[i]);
    for (int i = 0; i < 2; i++)
        poke(&actor[i].board->arm, 1);
    for (uint64_t done = 0; done + 1 < rounds && !peek(&actor[0].board->failed);
         done = peek_long(&actor[0].board->mark))
        for (int64_t until = now_ms() + LONG_MS; peek_long(&actor[0].board->mark) == done && now_ms() < until;)
            sleep_ms(1);
    actor_end(&actor[0]);
    actor_end(&actor[1]);
    for (int i = 0; i < 2; i++) {
        const struct nv_port_stats *s = &actor[i].board->stats;
        CHECK(s->wakeups_sent > 0 && s->wakeups_sent <= 2ull * rounds + 10, "%lu wake-ups in %u rounds",
              (unsigned long)s->wakeups_sent, rounds);
    }
    world_end();
}

static void ping_pong_on_a_switch(void)
{
    play_match("vale0:a", "vale0:b", 100000 * (uint32_t)soak(), 0);
}

static void ping_pong_on_a_pipe(void)
{
    play_match("p{1", "p}1", 100000 * (uint32_t)soak(), 0);
}

static void ping_pong_otherwise(void)
{
    for (int how = -1; how < 4; how++)
        play_match("vale0:a@7", "vale0:b@7", 5000, how);
}

/* ---- room in a pipe -------------------------------------------------------------------------------- */

struct stream {
    const char *port;
    uint32_t packets;
    int how;
};

static void fills(struct board *b, void *arg)
{
    const struct stream *s = arg;
    struct nv_port *p;
    if (nv_open(s->port, NULL, &p, NULL) < 0) {
        complain(b, "cannot open %s", s->port);
        return;
    }
    poke(&b->ready, 1);
    for (uint32_t i = 0; i < s->packets && !b->failed;) {
        while (i < s->packets && put_packet(p, 0, 60, mac_b, mac_a, i))
            i++;
        nv_txsync(p, 0);
        __atomic_store_n(&b->mark, i, __ATOMIC_RELEASE);
        if (s->how >= 0)
            sleep_for(b, p, POLLOUT, sleeps[s->how]);
        else
            EXPECT(b, nv_wait(p, POLLOUT, LONG_MS * 1000000ll) == POLLOUT);
    }
    nv_stats(p, &b->stats);
    while (!peek(&b->stop)) /* what is not read yet must not go with us */
        sleep_ms(1);
    nv_close(p);
}

/* Wait until the writer has filled the ring and sleeps for room. */
static void falls_asleep(const struct actor *a)
{
    char path[64], text[256], *state = NULL;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)a->pid);
    for (int64_t until = now_ms() + LONG_MS; now_ms() < until && !(state && state[2] == 'S'); sleep_ms(1)) {
        if (peek_long(&a->board->mark) == 0)
            continue;
        FILE *f = fopen(path, "r");
        state = f && fgets(text, sizeof(text), f) ? strrchr(text, ')') : NULL;
        if (f)
            fclose(f);
    }
    CHECK(state && state[2] == 'S', "%s", state ? state : "it never filled the ring");
}

/* A slow reader, a fast writer that sleeps for room: each packet arrives, in order. */
static void woken_by_release(void)
{
    for (int how = -1; how < 4; how++) {
        struct stream s = {"p{1", 20000, how};
        uint64_t seed = 3;
        world_new();
        boards_new();
        struct nv_port *b = open_port("p}1");
        struct actor a = actor_start(1, fills, &s);
        actor_ready(&a);
        falls_asleep(&a);
        for (uint32_t i = 0; i < s.packets && !check_failed; i++) {
            CHECK(nm_ring_space(nv_rxring(b, 0)) || nv_wait(b, POLLIN, LONG_MS * 1000000ll) == POLLIN, "packet %u", i);
            CHECK(get_packet(b, 0, NULL) == i);
            if (random_below(&seed, 300) == 0)
                nv_rxsync(b, 0), pause_at_random(&seed);
        }
        nv_rxsync(b, 0);
        struct nv_port_stats st;
        nv_stats(b, &st);
        CHECK((st.wakeups_sent > 0 || how < 0) && st.wakeups_sent < s.packets, "%lu wake-ups",
              (unsigned long)st.wakeups_sent);
        actor_end(&a);
        nv_close(b);
        world_end();
    }
}

/* ---- who is not asleep is not woken ---------------------------------------------------------------- */

static void polls_busily(struct board *b, void *arg)
{
    struct nv_port *p;
    if (nv_open(arg, NULL, &p, NULL) < 0) {
        complain(b, "cannot open %s", (char *)arg);
        return;
    }
    nv_set_wait_mode(p, NV_WAIT_BUSY);
    poke(&b->ready, 1);
    while (!peek(&b->stop)) {
        nv_wait(p, POLLIN, 1000000);
        while (get_packet(p, 0, NULL) >= 0)
            __atomic_fetch_add(&b->mark, 1, __ATOMIC_RELAXED);
    }
    nv_stats(p, &b->stats);
    nv_close(p);
}

static void busy_ones_are_not_woken(void)
{
    static const char *const ports[][2] = {{"vale0:a", "vale0:b"}, {"vale0:a@7", "vale0:b@7"}, {"p{1", "p}1"}};
    for (int k = 0; k < 3; k++) {
        world_new();
        boards_new();
        struct nv_port *a = open_port(ports[k][0]);
        struct actor b = actor_start(1, polls_busily, (void *)(uintptr_t)ports[k][1]);
        actor_ready(&b);
        int64_t until = now_ms() + LONG_MS;
        for (uint32_t i = 0; peek_long(&b.board->mark) < 5000 && now_ms() < until; i++) {
            put_packet(a, 0, 60, mac_b, mac_a, i);
            nv_txsync(a, 0);
        }
        CHECK(b.board->mark >= 5000);
        struct nv_port_stats s;
        nv_stats(a, &s);
        CHECK(s.wakeups_sent == 0, "%s woke a busy receiver %lu times", ports[k][0], (unsigned long)s.wakeups_sent);
        actor_end(&b);
        CHECK(b.board->stats.wakeups_received == 0 && b.board->stats.wakeups_sent == 0);
        nv_close(a);
        world_end();
    }
}

/* ---- time-outs and signals ------------------------------------------------------------------------- */

/* Milliseconds that a time-out of so many takes; of many tries the quickest, when the machine does other things. */
static int64_t waits_for(struct nv_port *p, int64_t timeout_ms)
{
    int64_t quickest = INT64_MAX;
    for (int i = 0; i < 20 && quickest > timeout_ms + 49; i++) {
        int64_t start = now_ms();
        CHECK(nv_wait(p, POLLIN, timeout_ms * 1000000) == 0);
        int64_t took = now_ms() - start;
        quickest = took < quickest ? took : quickest;
    }
    return quickest;
}

static void time_outs(void)
{
    world_new();
    struct nv_port *a = open_port("vale0:a"), *b = open_port("vale0:b");
    static const enum nv_wait_mode modes[] = {NV_WAIT_ADAPTIVE, NV_WAIT_SLEEP, NV_WAIT_BUSY};
    for (int i = 0; i < 3; i++) {
        nv_set_wait_mode(b, modes[i]);
        CHECK(waits_for(b, 0) < 50);
        int64_t took = waits_for(b, 120);
        CHECK(took >= 119 && took < 1000, "%ld ms", (long)took);
        CHECK(nv_wait(b, POLLIN | POLLOUT, -1) == POLLOUT);
        put_packet(a, 0, 60, broadcast_mac, mac_a, 1);
        nv_txsync(a, 0);
        CHECK(nv_wait(b, POLLIN, -1) == POLLIN && get_packet(b, 0, NULL) == 1);
    }
    nv_close(a), nv_close(b);
    world_end();
}

static void nothing(int signo)
{
    (void)signo;
}

static void signals(void)
{
    world_new();
    struct nv_port *b = open_port("vale0:b");
    struct sigaction action = {.sa_handler = nothing};
    sigaction(SIGUSR1, &action, NULL);
    nv_set_wait_mode(b, NV_WAIT_SLEEP);
    for (int i = 0; i < 20; i++) {
        fflush(stdout);
        pid_t parent = getpid(), child = fork();
        if (child == 0) /* again and again: the first may come before the parent waits */
            for (prctl(PR_SET_PDEATHSIG, SIGKILL); kill(parent, SIGUSR1) == 0; sleep_ms(5))
                ;
        CHECK(nv_wait(b, POLLIN, LONG_MS * 1000000ll) == -EINTR);
        kill(child, SIGKILL);
        CHECK(waitpid(child, NULL, 0) == child);
    }
    nv_close(b);
    world_end();
}

/* Two processes wait on one port: both are woken, one of them finds the packet. */
static void waits_on_ring(struct board *b, void *arg)
{
    struct nv_port *p;
    if (nv_open(arg, NULL, &p, NULL) < 0) {
        complain(b, "cannot open %s", (char *)arg);
        return;
    }
    nv_set_wait_mode(p, NV_WAIT_SLEEP);
    poke(&b->ready, 1);
    while (!peek(&b->stop))
        if (nv_wait(p, POLLIN, 20000000) == POLLIN)
            while (get_packet(p, nv_rings(p).first_rx, NULL) >= 0)
                __atomic_fetch_add(&b->mark, 1, __ATOMIC_RELAXED);
    nv_close(p);
}

static void each_ring_has_its_sleeper(void)
{
    struct nv_open_options two = {.tx_rings = 2, .rx_rings = 2};
    struct nv_port *a, *holder;
    world_new();
    boards_new();
    CHECK(nv_open("vale0:a", &two, &a, NULL) == 0 && nv_open("vale0:b-0/T", &two, &holder, NULL) == 0);
    struct actor b[2] = {actor_start(1, waits_on_ring, "vale0:b-0"), actor_start(2, waits_on_ring, "vale0:b-1")};
    for (int i = 0; i < 2; i++)
        actor_ready(&b[i]);
    for (uint32_t n = 0; n < 200 && !check_failed; n++) {
        unsigned ring = n % 2;
        sleep_ms(n % 7 == 0);
        put_packet(a, ring, 60, broadcast_mac, mac_a, n);
        uint64_t before = peek_long(&b[ring].board->mark);
        nv_txsync(a, ring);
        int64_t until = now_ms() + LONG_MS;
        while (peek_long(&b[ring].board->mark) == before && now_ms() < until)
            ;
        CHECK(peek_long(&b[ring].board->mark) == before + 1, "ring %u, packet %u", ring, n);
    }
    for (int i = 0; i < 2; i++)
        actor_end(&b[i]);
    nv_close(a), nv_close(holder);
    world_end();
}

int main(int argc, char **argv)
{
    mac_number(mac_a, 1), mac_number(mac_b, 2);
    static const struct check_test tests[] = {
        {"waiting: 100,000 ping-pongs, switch", ping_pong_on_a_switch},
        {"waiting: 100,000 ping-pongs, pipe", ping_pong_on_a_pipe},
        {"waiting: select, poll, epoll, nv_wait", ping_pong_otherwise},
        {"waiting: for room in a pipe", woken_by_release},
        {"waiting: busy ones are not woken", busy_ones_are_not_woken},
        {"waiting: time-outs", time_outs},
        {"waiting: signals", signals},
        {"waiting: a sleeper for each ring", each_ring_has_its_sleeper},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
