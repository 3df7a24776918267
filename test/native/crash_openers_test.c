/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crash_openers_test.c - two openers of one ring. Whatever the second one does, or dies of, the first goes on; those
 * that take turns (nv_turn_take) share the packets: each is received once, none is torn, none is lost without a name.
 */
#include <sched.h>

#include "crash.h"
#include "memory/step.h"

#define BATCH 32

struct opener {
    const char *port;
    bool turns;
    const char *step; /* to die at, once `arm` is set */
    int count;
};

static void arm_when_told(struct board *b, const struct opener *how, bool *armed)
{
    if (!*armed && how->step && peek(&b->arm)) {
        nv_step_arm(how->step, SIGKILL, how->count);
        *armed = true;
    }
}

/* Take what there is. Packets are looked at in every byte only when nobody else may be at them. */
static void take_all(struct board *b, const struct opener *how, struct nv_port *port)
{
    unsigned len = 0;
    if (how->turns && nv_turn_take(port, true, 0) < 0)
        return;
    nv_rxsync(port, 0);
    for (int64_t seq; (seq = get_packet(port, 0, &len)) != -2;) {
        EXPECT(b, !how->turns || seq >= 0, "(a torn packet of %u bytes)", len);
        b->got[0]++;
    }
    nv_rxsync(port, 0);
    if (how->turns)
        nv_turn_give(port, true, 0);
}

static void receives(struct board *b, void *arg)
{
    const struct opener *how = arg;
    struct nv_port *port = open_port(how->port);
    bool armed = false;
    poke(&b->ready, 1);
    while (!peek(&b->stop)) {
        arm_when_told(b, how, &armed);
        int ready = nv_wait(port, POLLIN, 5000000);
        EXPECT(b, ready >= 0, "(%d)", ready);
        if (ready)
            take_all(b, how, port);
        b->idle = ready ? 0 : b->idle + 1;
    }
    take_all(b, how, port);
    nv_stats(port, &b->stats);
    nv_close(port);
}

static uint8_t mac_a[6], mac_b[6];

static void sends(struct board *b, void *arg)
{
    const struct opener *how = arg;
    struct nv_port *port = open_port(how->port);
    bool armed = false;
    poke(&b->ready, 1);
    while (!peek(&b->stop)) {
        arm_when_told(b, how, &armed);
        if (how->turns && nv_turn_take(port, false, 0) < 0)
            continue;
        nv_txsync(port, 0);
        for (int i = 0; i < BATCH && put_packet(port, 0, 60 + b->next_seq % 900, mac_b, mac_a, b->next_seq); i++) {
            b->next_seq++;
            b->sent++;
        }
        nv_txsync(port, 0);
        if (how->turns)
            nv_turn_give(port, false, 0);
        nv_wait(port, POLLOUT, 200000); /* others want to run, too */
        sched_yield();
    }
    for (int64_t until = now_ms() + PATIENCE_MS; how->turns && now_ms() < until;) { /* what is still in the ring */
        nv_txsync(port, 0);
        if (nm_ring_space(nv_txring(port, 0)) == nv_txring(port, 0)->num_slots - 1)
            break;
        sleep_ms(1);
    }
    nv_stats(port, &b->stats);
    nv_close(port);
}

/* Kinds of ports: from, to. */
static const char *const kinds[][2] = {
    {"vale0:a", "vale0:b"}, {"vale0:a@7", "vale0:b@7"}, {"netmap:p{1", "netmap:p}1"}};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct play {
    struct opener from, to, second;
    struct actor sender, receiver;
    uint64_t got; /* by all second receivers so far */
    uint64_t sent;
};

static bool play_start(struct play *p, const char *const *kind, bool turns)
{
    *p = (struct play){.from = {.port = kind[0], .turns = turns}, .to = {.port = kind[1], .turns = turns}};
    world_new();
    boards_new();
    p->receiver = actor_start(1, receives, &p->to);
    bool fine = actor_ready(&p->receiver);
    p->sender = actor_start(2, sends, &p->from);
    return actor_ready(&p->sender) && fine;
}

/* A second opener comes, and ends well, is killed at some time, or at its step. */
static void second_comes(struct play *p, bool sender, bool kill_it)
{
    struct opener *how = p->second.port ? &p->second : sender ? &p->from : &p->to;
    struct actor second = actor_start(3, sender ? sends : receives, how);
    if (!actor_ready(&second))
        return;
    rises(&p->receiver.board->got[0], 1);
    poke(&second.board->arm, 1);
    if (p->second.step) {
        int status = actor_wait(&second, 0);
        CHECK(status != -1 && WIFSIGNALED(status), "it never came to \"%s\"", p->second.step);
        if (status == -1)
            actor_kill(&second);
    } else if (kill_it) {
        actor_kill(&second);
    } else {
        actor_end(&second);
    }
    p->got += second.board->got[0];
    p->sent += second.board->sent;
    if (sender)
        CHECK(rises(&p->sender.board->sent, 200) >= 0, "%s cannot send any more", p->from.port);
    CHECK(rises(&p->receiver.board->got[0], 200) >= 0, "%s receives nothing any more", p->to.port);
}

static uint64_t sum_of(const uint64_t *drops)
{
    uint64_t sum = 0;
    for (unsigned d = 0; d < NV_DROP_COUNT; d++)
        sum += drops[d];
    return sum;
}

/* All have ended. `exact`: nobody died, so that each packet is accounted for. */
static void play_end(struct play *p, bool exact)
{
    actor_end(&p->sender);
    int64_t until = now_ms() + PATIENCE_MS;
    poke(&p->receiver.board->idle, 0);
    while (peek(&p->receiver.board->idle) < 3 && now_ms() < until)
        sleep_ms(1);
    actor_end(&p->receiver);
    if (p->to.turns && !check_failed) {
        const struct nv_port_stats *out = &p->sender.board->stats, *in = &p->receiver.board->stats;
        uint64_t got = p->got + p->receiver.board->got[0], named = sum_of(in->rx_drops);
        CHECK(exact ? got + named == out->tx_delivered : got + named >= out->tx_delivered,
              "%s: %lu delivered, %lu received, %lu dropped by name", p->from.port, (unsigned long)out->tx_delivered,
              (unsigned long)got, (unsigned long)named);
        uint64_t sent = p->sent + p->sender.board->sent;
        CHECK(!exact || out->tx_packets == sent, "%s: %lu sent, %lu taken", p->from.port, (unsigned long)sent,
              (unsigned long)out->tx_packets);
        CHECK(!exact || out->tx_packets + out->tx_copies == out->tx_delivered + sum_of(out->drops),
              "%s: %lu sent, %lu delivered, %lu dropped", p->from.port, (unsigned long)out->tx_packets,
              (unsigned long)out->tx_delivered, (unsigned long)sum_of(out->drops));
    }
    for (unsigned d = 0; d < NV_DROP_COUNT; d++) /* no counter goes below zero */
        CHECK(p->sender.board->stats.drops[d] < UINT64_MAX / 2 && p->receiver.board->stats.drops[d] < UINT64_MAX / 2);
    world_end();
}

/* `tries` for each kind, half of the second ones killed when `kills`. */
static void tries(bool sender, bool turns, bool kills, int count)
{
    for (size_t k = 0; k < KINDS && !check_failed; k++) {
        struct play p;
        if (play_start(&p, kinds[k], turns))
            for (int i = 0; i < count * soak() && !check_failed; i++)
                second_comes(&p, sender, kills && i % 2);
        play_end(&p, !kills);
    }
}

static void two_receivers(void)
{
    tries(false, false, true, 34);
}

static void two_senders(void)
{
    tries(true, false, true, 34);
}

static void two_receivers_in_turn(void)
{
    tries(false, true, false, 34);
    tries(false, true, true, 34);
}

static void two_senders_in_turn(void)
{
    tries(true, true, false, 34);
    tries(true, true, true, 34);
}

static void at_steps(bool sender, const char *const *steps, size_t n)
{
    for (size_t k = 0; k < KINDS && !check_failed; k++) {
        struct play p;
        if (play_start(&p, kinds[k], true))
            for (size_t i = 0; i < n && !check_failed; i++) {
                p.second = sender ? p.from : p.to;
                p.second.step = steps[i];
                p.second.count = 3;
                second_comes(&p, sender, true);
            }
        play_end(&p, false);
    }
}

static void dies_receiving(void)
{
    static const char *const steps[] = {"release", "released", "shown", "armed"};
    at_steps(false, steps, sizeof(steps) / sizeof(steps[0]));
}

static void dies_sending(void)
{
    static const char *const steps[] = {"claimed", "leased", "copy", "publish", "published"};
    at_steps(true, steps, sizeof(steps) / sizeof(steps[0]));
}

/* One that is stopped in its turn is left alone, which is counted; the others' own rings go on. */
static void one_is_stopped(void)
{
    struct play p;
    if (play_start(&p, kinds[0], true)) {
        struct opener stops = {.port = kinds[0][0], .turns = true};
        struct nv_port *first = open_port(kinds[0][0]);
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            struct nv_port *port = open_port(stops.port);
            while (nv_turn_take(port, false, 0) < 0)
                ;
            kill(getpid(), SIGSTOP);
            nv_turn_give(port, false, 0);
            nv_close(port);
            _exit(0);
        }
        int status = 0;
        CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
        struct nv_port_stats before, after;
        nv_stats(first, &before);
        CHECK(nv_turn_take(first, false, 0) == -EBUSY && nv_txsync(first, 0) == 0);
        nv_stats(first, &after);
        CHECK(after.ring_busy >= before.ring_busy + 2);
        kill(child, SIGCONT);
        CHECK(waitpid(child, &status, 0) == child && status == 0);
        CHECK(rises(&p.sender.board->sent, 200) >= 0 && rises(&p.receiver.board->got[0], 200) >= 0);
        nv_close(first);
    }
    play_end(&p, false);
}

int main(int argc, char **argv)
{
    mac_number(mac_a, 1), mac_number(mac_b, 2);
    static const struct check_test tests[] = {
        {"two receivers on one ring", two_receivers},
        {"two senders on one ring", two_senders},
        {"two receivers that take turns", two_receivers_in_turn},
        {"two senders that take turns", two_senders_in_turn},
        {"a second receiver dies at each step", dies_receiving},
        {"a second sender dies at each step", dies_sending},
        {"an opener is stopped in its turn", one_is_stopped},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
