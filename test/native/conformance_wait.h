/* SPDX-License-Identifier: BSD-2-Clause */
/* conformance_wait.h - waiting, own poll loops, monitors, a device's flow control. */
#ifndef NETVALE_CONFORMANCE_WAIT_H
#define NETVALE_CONFORMANCE_WAIT_H

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>
#include <time.h>

#include "conformance.h"

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void *ask_later(void *arg)
{
    carry_out(arg, ((struct peer *)arg)->ask);
    return NULL;
}

/* Have the peer send one packet in 20 ms; returns what sent_later needs. */
static pthread_t send_later(struct pair *p, uint32_t seq)
{
    pthread_t thread = 0;
    struct ask *ask = p->b.ask;
    ask->ring = 0, ask->count = 1, ask->len = 0, ask->seq = seq;
    if (kind->remote) {
        peer_do(&p->b, ASK_SEND_LATER);
    } else {
        ask->what = ASK_SEND_LATER;
        CHECK(pthread_create(&thread, NULL, ask_later, &p->b) == 0);
    }
    return thread;
}

/* Wait until it is done. */
static void sent_later(struct pair *p, pthread_t thread)
{
    char byte;
    if (kind->remote)
        CHECK(read(p->b.fd, &byte, 1) == 1);
    else
        pthread_join(thread, NULL);
}

static void wait_results(void)
{
    struct pair p = pair_open_slots(8);
    struct netmap_ring *tx = nv_txring(p.a, 0);
    for (int mode = NV_WAIT_ADAPTIVE; mode <= NV_WAIT_BUSY; mode++) {
        nv_set_wait_mode(p.a, (enum nv_wait_mode)mode);
        CHECK(nv_wait(p.a, POLLIN, 0) == 0 && nv_wait(p.a, 0, 0) == 0);
        CHECK(nv_wait(p.a, POLLIN | POLLOUT, 0) == POLLOUT && nv_wait(p.a, POLLOUT, -1) == POLLOUT);
        int64_t start = now_ms();
        CHECK(nv_wait(p.a, POLLIN, 15000000) == 0 && now_ms() - start >= 14);
        for (uint32_t i = 0; kind->b && i < 3; i++) {
            pthread_t thread = send_later(&p, i);
            CHECK(nv_wait(p.a, POLLIN, i ? 100000000000 : -1) == POLLIN);
            CHECK(nv_wait(p.a, POLLIN, -1) == POLLIN); /* still there */
            CHECK(get_packet(p.a, 0, NULL) == i && nv_wait(p.a, POLLIN, 0) == 0);
            sent_later(&p, thread);
        }
        /* Pending slots are pushed whatever is waited for, as netmap's poll does. */
        CHECK(put_packet(p.a, 0, 60, mac_b, mac_a, 77) && nv_wait(p.a, 0, 0) == 0);
        peer_expect(&p, 0, 1, 60, 77);
        /* POLLOUT means room beyond cur. */
        CHECK(nv_txsync(p.a, 0) == 0);
        for (unsigned i = 0; i < kind->rings; i++)
            nv_txring(p.a, i)->cur = nv_txring(p.a, i)->tail;
        CHECK(nv_wait(p.a, POLLOUT, 3000000) == 0);
        for (unsigned i = 0; i < kind->rings; i++)
            nv_txring(p.a, i)->cur = nv_txring(p.a, i)->head;
        CHECK(nv_wait(p.a, POLLOUT, 0) == POLLOUT);
        /* A broken ring is reported, and put right. */
        tx->head = 99;
        CHECK(nv_wait(p.a, POLLOUT, -1) == (POLLERR | POLLOUT));
        nv_rxring(p.a, 0)->cur = 99;
        CHECK(nv_wait(p.a, POLLIN, -1) == POLLERR && nv_wait(p.a, POLLIN, 0) == 0);
    }
    pair_close(&p);
}

/* A lossless port without room makes its sender wait until the receiver releases. */
static void wait_for_room(void)
{
    struct pair p = pair_open_slots(8);
    nv_set_wait_mode(p.a, NV_WAIT_SLEEP);
    CHECK(send_packets(p.a, 0, 7, 60, 0, true) == 7);
    if (kind->pipe) {
        for (unsigned i = 1; i < kind->rings; i++)
            nv_txring(p.a, i)->cur = nv_txring(p.a, i)->tail; /* not in these */
        CHECK(nv_wait(p.a, POLLOUT, 3000000) == 0);
        CHECK(peer_take(&p, 0, 5) == 5 && nv_wait(p.a, POLLOUT, 3000000) == 0); /* seen, not released */
        peer_take(&p, 0, 0);
        CHECK(nv_wait(p.a, POLLOUT, -1) == POLLOUT && nm_ring_space(nv_txring(p.a, 0)) == 5);
    } else {
        CHECK(nv_wait(p.a, POLLOUT, 0) == POLLOUT && nm_ring_space(nv_txring(p.a, 0)) == 7);
    }
    pair_close(&p);
}

static void on_alarm(int signo)
{
    (void)signo;
}

/* A signal ends a sleeping wait. */
static void interrupted(void)
{
    struct pair p = pair_open(NULL);
    struct sigaction old, act = {.sa_handler = on_alarm};
    const struct itimerval soon = {{0, 5000}, {0, 5000}}, never = {{0, 0}, {0, 0}};
    sigaction(SIGALRM, &act, &old);
    setitimer(ITIMER_REAL, &soon, NULL);
    nv_set_wait_mode(p.a, NV_WAIT_SLEEP);
    CHECK(nv_wait(p.a, POLLIN, -1) == -EINTR);
    nv_set_wait_mode(p.a, NV_WAIT_ADAPTIVE);
    CHECK(nv_wait(p.a, POLLIN, 100000000000) == -EINTR);
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &old, NULL);
    pass(&p, 0, 10, 0, 1);
    pair_close(&p);
}

static bool readable(int fd, int how, int timeout_ms)
{
    if (how == 0)
        return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, timeout_ms) == 1;
    if (how == 1) {
        fd_set set;
        struct timeval t = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
        FD_ZERO(&set);
        FD_SET(fd, &set);
        return select(fd + 1, &set, NULL, NULL, &t) == 1;
    }
    struct epoll_event event = {.events = EPOLLIN}, got;
    int ep = epoll_create1(EPOLL_CLOEXEC);
    CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) == 0);
    int n = epoll_wait(ep, &got, 1, timeout_ms);
    close(ep);
    return n == 1;
}

/* A program's own poll, select or epoll loop around nv_arm. */
static void own_loop(void)
{
    struct pair p = pair_open(NULL);
    CHECK(nv_arm(p.a, POLLOUT) == POLLOUT);
    for (uint32_t i = 0; kind->b && i < 9; i++) {
        CHECK(nv_arm(p.a, POLLIN) == 0 && !readable(nv_fd(p.a), (int)i % 3, 0));
        CHECK(nv_sleep_limit_ns(p.a) > 0); /* nobody sleeps for ever */
        pthread_t thread = send_later(&p, i);
        CHECK(readable(nv_fd(p.a), (int)i % 3, 100000));
        CHECK(nv_arm(p.a, POLLIN) == POLLIN);
        CHECK(get_packet(p.a, 0, NULL) == i && nv_arm(p.a, POLLIN) == 0);
        sent_later(&p, thread);
        CHECK(peer_send(&p, 0, 2, 0, 1) == 2 && readable(nv_fd(p.a), (int)i % 3, 100000));
        CHECK(nv_arm(p.a, POLLIN) == POLLIN);
        CHECK(get_packet(p.a, 0, NULL) == 1 && nv_arm(p.a, POLLIN) == POLLIN && get_packet(p.a, 0, NULL) == 2);
    }
    struct nv_port_stats s;
    nv_stats(p.a, &s);
    CHECK(!kind->b || s.wakeups_received >= 18, "%lu", (unsigned long)s.wakeups_received);
    pair_close(&p);
}

/* ---- monitors --------------------------------------------------------------------------------------------------- */

struct seen {
    uint32_t tx, rx, calls;
};

/* Each slot must come once, in order, and hold its packet. */
static void watch(void *arg, struct netmap_ring *ring, uint32_t from, uint32_t to)
{
    struct seen *seen = arg;
    seen->calls++;
    for (uint32_t i = from; i != to; i = nm_ring_next(ring, i)) {
        const struct netmap_slot *s = &ring->slot[i];
        uint32_t *next = ring->dir ? &seen->rx : &seen->tx;
        int64_t seq = check_packet((uint8_t *)NETMAP_BUF(ring, s->buf_idx), s->len);
        CHECK(seq == *next, "%s: %ld came, not %u", ring->dir ? "rx" : "tx", (long)seq, *next);
        ++*next;
    }
}

static void monitors(void)
{
    struct pair p = pair_open_slots(20);
    struct seen seen[5] = {{0}};
    pass(&p, 0, 7, 0, 0);
    for (int i = 0; i < 4; i++) {
        seen[i].tx = 7;
        CHECK(nv_monitor_add(p.a, watch, &seen[i]) == 0);
    }
    CHECK(nv_monitor_add(p.a, watch, &seen[4]) == -ENOSPC);
    uint32_t seq = 7, back = 0;
    for (int round = 0; round < 30; round++) {
        uint32_t n = send_packets(p.a, 0, (uint32_t)round % 20, 0, seq, true);
        CHECK(nv_txsync(p.a, 0) == 0 && nv_txsync(p.a, 0) == 0); /* nothing new: not seen again */
        peer_expect(&p, 0, n, 0, seq);
        seq += n;
        back += peer_send(&p, 0, (uint32_t)round % 19, 0, back);
        CHECK(nv_rxsync(p.a, 0) == 0 && nv_rxsync(p.a, 0) == 0);
        while (get_packet(p.a, 0, NULL) >= 0)
            ;
        CHECK(nv_rxsync(p.a, 0) == 0 && nv_txsync(p.a, 0) == 0);
    }
    for (int i = 0; i < 4; i++)
        CHECK(seen[i].tx == seq && seen[i].rx == back, "%u of %u, %u of %u", seen[i].tx, seq, seen[i].rx, back);
    nv_monitor_remove(p.a, watch, &seen[1]);
    nv_monitor_remove(p.a, watch, &seen[4]); /* was never there */
    uint32_t before = seen[1].calls;
    pass(&p, 0, 10, 0, seq);
    CHECK(seen[1].calls == before && seen[0].tx == seq + 10 && seen[2].tx == seq + 10 && seen[3].tx == seq + 10);
    CHECK(nv_monitor_add(p.a, watch, &seen[4]) == 0);
    nv_monitor_remove(p.a, watch, &seen[0]), nv_monitor_remove(p.a, watch, &seen[2]);
    nv_monitor_remove(p.a, watch, &seen[3]), nv_monitor_remove(p.a, watch, &seen[4]);
    pass(&p, 0, 10, 0, 0);
    pair_close(&p);
}

/* ---- flow control ----------------------------------------------------------------------------------------------- */

struct flow {
    int stops, wakes;
    bool stopped;
};

static void on_flow(void *arg, unsigned ring, bool stopped)
{
    struct flow *f = arg;
    CHECK(ring == 0 && f->stopped != stopped);
    f->stopped = stopped;
    *(stopped ? &f->stops : &f->wakes) += 1;
}

static void completions(void)
{
    struct pair p = pair_open_slots(32);
    struct nv_completion c = nv_tx_completed(p.a, 0);
    CHECK(c.packets == 0 && c.bytes == 0);
    for (uint32_t n = 1; n < 32; n += 6) {
        CHECK(send_packets(p.a, 0, n, 100, 0, true) == n);
        c = nv_tx_completed(p.a, 0);
        CHECK(c.packets == (kind->pipe ? 0 : n) && c.bytes == c.packets * 100, "%lu of %u", (unsigned long)c.packets,
              n);
        peer_expect(&p, 0, n, 100, 0);
        CHECK(nv_txsync(p.a, 0) == 0);
        c = nv_tx_completed(p.a, 0);
        CHECK(c.packets == (kind->pipe ? n : 0) && c.bytes == c.packets * 100);
        CHECK(nv_tx_completed(p.a, 0).packets == 0);
    }
    CHECK(nv_tx_completed(p.a, 99).packets == 0);
    pair_close(&p);
}

static void watermarks(void)
{
    struct pair p = pair_open_slots(32);
    struct flow f = {0};
    CHECK(nv_tx_watermarks(p.a, 0, 10, 9, on_flow, &f) == -EINVAL);
    CHECK(nv_tx_watermarks(p.a, 0, 1, 32, on_flow, &f) == -EINVAL);
    CHECK(nv_tx_watermarks(p.a, 7, 1, 2, on_flow, &f) == -EINVAL);
    CHECK(nv_tx_watermarks(p.a, 0, 8, 20, on_flow, &f) == 0);
    for (int round = 1; round <= 10; round++) {
        CHECK(send_packets(p.a, 0, 23, 60, 0, true) == 23 && !f.stopped); /* 8 are left: not below */
        CHECK(send_packets(p.a, 0, 1, 60, 23, true) == 1 && f.stopped == kind->pipe);
        CHECK(send_packets(p.a, 0, 5, 60, 24, true) == 5);
        CHECK(!kind->pipe || (peer_take(&p, 0, 17) == 17 && peer_take(&p, 0, 0) == 0));
        CHECK(nv_txsync(p.a, 0) == 0 && f.stopped == kind->pipe); /* 19 are free */
        while (peer_take(&p, 0, ASK_MOST))
            ;
        CHECK(nv_txsync(p.a, 0) == 0 && !f.stopped);
        CHECK(f.stops == (kind->pipe ? round : 0) && f.wakes == f.stops);
    }
    CHECK(nv_tx_watermarks(p.a, 0, 0, 0, NULL, NULL) == 0);
    send_packets(p.a, 0, 31, 60, 0, true);
    CHECK(f.stops == (kind->pipe ? 10 : 0));
    pair_close(&p);
}

#endif
