/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wait.c - waiting for packets or room: spin while it pays, then sleep on the FIFO.
 *
 * Arming: the sleeper puts its descriptor into the armed word of each ring it waits for, and looks again. A
 * writer publishes, looks at the armed word, exchanges it for 0 and writes one byte to the FIFO it named. One of
 * the two always sees the other. A writer that dies or stops between the exchange and the byte takes the wake-up
 * along; so nobody sleeps longer than BACKSTOP_NS without looking.
 */
#include "port/port.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#define SPIN_MAX_NS 50000 /* a wait that ends within this is worth spinning for */
#define SPIN_MIN_NS 500
#define BLOCKED_NS  2000000 /* sleep no longer while a lease blocks the queue: nobody wakes us when its holder died */
#define BACKSTOP_NS 50000000
#define CHECKS      32 /* looks between two readings of the clock */

void nv_set_wait_mode(struct nv_port *p, enum nv_wait_mode mode)
{
    p->wait_mode = mode;
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Push what is pending, look at what came: netmap's poll. Returns those of `events` that are true. */
static int look(struct nv_port *p, int events)
{
    int ready = 0;
    for (unsigned i = 0; i < nv_tx_count(p); i++) {
        struct nv_txq *tx = &p->tx[i];
        bool pending = nv_shared_load(&tx->ring->head) != tx->ctl->hwcur;
        if (((events & POLLOUT) || pending) && nv_txsync(p, tx->id) < 0)
            ready |= POLLERR;
        if ((events & POLLOUT) && nv_shared_load(&tx->ring->cur) != tx->ctl->hwtail)
            ready |= POLLOUT;
    }
    for (unsigned i = 0; (events & POLLIN) && i < nv_rx_count(p); i++) {
        struct nv_rxq *rx = &p->rx[i];
        if (nv_rxsync(p, rx->id) < 0)
            ready |= POLLERR;
        if (nv_shared_load(&rx->ring->cur) != rx->ctl->hwtail)
            ready |= POLLIN;
    }
    return ready;
}

static void arm(uint32_t *word, uint32_t desc)
{
    uint32_t seen = 0;
    if (word && !__atomic_compare_exchange_n(word, &seen, desc + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) &&
        seen != desc + 1)
        __atomic_store_n(word, NV_ARMED_ALL, __ATOMIC_SEQ_CST);
}

static void disarm(uint32_t *word, uint32_t desc)
{
    uint32_t mine = desc + 1;
    if (word)
        __atomic_compare_exchange_n(word, &mine, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

static void each_word(struct nv_port *p, int events, void (*fn)(uint32_t *word, uint32_t desc))
{
    for (unsigned i = 0; (events & POLLIN) && i < nv_rx_count(p); i++)
        fn(&p->rx[i].ctl->queue.armed, p->desc);
    for (unsigned i = 0; (events & POLLOUT) && i < nv_tx_count(p); i++)
        fn(p->tx[i].armed, p->desc);
}

static void drain(struct nv_port *p)
{
    char bytes[64];
    if (p->ops->drain ? p->ops->drain(p) : read(p->fd, bytes, sizeof(bytes)) > 0)
        __atomic_fetch_add(&p->desc_entry->wakeups_received, 1, __ATOMIC_RELAXED);
}

void nv_wake(struct nv_port *p, uint32_t *word, nv_token owner, uint64_t *count)
{
    NV_STEP("wake");
    uint32_t armed = __atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST), nobody = 0;
    NV_STEP("disarmed");
    if (!armed)
        return;
    if (nv_world_wake(p->world, armed, owner))
        nv_count(count, 1);
    else
        __atomic_compare_exchange_n(word, &nobody, armed, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* Arm and look. A look may find a pipe's other end new: then the words to arm are others. */
static int arm_and_look(struct nv_port *p, int events)
{
    int ready;
    bool moved;
    do {
        for (unsigned i = 0; i < nv_tx_count(p); i++)
            p->tx[i].was_armed = p->tx[i].armed;
        each_word(p, events, arm);
        NV_STEP("armed");
        ready = look(p, events);
        moved = false;
        for (unsigned i = 0; i < nv_tx_count(p); i++)
            moved |= p->tx[i].was_armed != p->tx[i].armed;
    } while (!ready && moved);
    return ready;
}

int nv_arm(struct nv_port *p, int events)
{
    if (p->maybe_signalled)
        drain(p);
    p->maybe_signalled = true;
    int ready = arm_and_look(p, events);
    if (ready)
        each_word(p, events, disarm);
    return ready;
}

int64_t nv_sleep_limit_ns(const struct nv_port *p)
{
    for (unsigned i = 0; i < nv_rx_count(p); i++)
        if (nv_rx_blocked(&p->rx[i]))
            return BLOCKED_NS;
    return BACKSTOP_NS;
}

/* Look again and again until something is true or `until` passed. */
static int spin(struct nv_port *p, int events, int64_t until, bool yielding)
{
    for (;;) {
        for (int i = 0; i < CHECKS; i++) {
            int ready = look(p, events);
            if (ready)
                return ready;
            relax();
        }
        if (nv_clock_ns() >= until)
            return 0;
        if (yielding) /* whoever shall wake us may need this core */
            sched_yield();
    }
}

/* Sleep until woken, `until` (negative: for ever) or a signal. Returns ready events, 0 or -EINTR. */
static int sleep_on(struct nv_port *p, int events, int64_t until)
{
    int ready;
    for (;;) {
        ready = nv_arm(p, events);
        if (ready)
            return ready;
        int64_t left = -1, limit = nv_sleep_limit_ns(p);
        if (until >= 0 && (left = until - nv_clock_ns()) <= 0)
            break;
        if (limit >= 0 && (left < 0 || left > limit))
            left = limit;
        struct timespec t = {left / 1000000000, left % 1000000000};
        struct pollfd pfd = {.fd = p->wait_fd, .events = POLLIN};
        if (ppoll(&pfd, 1, left < 0 ? NULL : &t, NULL) < 0) {
            int error = -errno;
            each_word(p, events, disarm);
            return error;
        }
        /* First what we were woken for; the byte is read before the next sleep. */
        if ((ready = look(p, events)) != 0)
            break;
    }
    each_word(p, events, disarm);
    return ready;
}

int nv_wait(struct nv_port *p, int events, int64_t timeout_ns)
{
    int ready = look(p, events);
    if (ready || timeout_ns == 0)
        return ready;
    int64_t start = nv_clock_ns();
    int64_t until = timeout_ns < 0 ? -1 : timeout_ns > INT64_MAX - start ? INT64_MAX : start + timeout_ns;
    if (p->wait_mode == NV_WAIT_BUSY)
        return spin(p, events, until < 0 ? INT64_MAX : until, false);
    if (p->wait_mode == NV_WAIT_ADAPTIVE) {
        int64_t spin_until = start + p->spin_ns;
        ready = spin(p, events, until >= 0 && until < spin_until ? until : spin_until, true);
    }
    if (!ready)
        ready = sleep_on(p, events, until);
    if (p->wait_mode == NV_WAIT_ADAPTIVE) {
        if (nv_clock_ns() - start <= SPIN_MAX_NS)
            p->spin_ns = p->spin_ns * 2 < SPIN_MAX_NS ? p->spin_ns * 2 : SPIN_MAX_NS;
        else
            p->spin_ns = p->spin_ns / 2 > SPIN_MIN_NS ? p->spin_ns / 2 : SPIN_MIN_NS;
    }
    return ready;
}
