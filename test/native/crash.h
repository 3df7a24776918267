/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crash.h - the processes of the crash tests: starting, stopping, killing and reaping them, and the page of shared
 * memory on which each tells the test how it is doing.
 *
 * The test itself opens no port and never blocks: every wait has a limit, and children die with it.
 */
#ifndef NETVALE_TEST_CRASH_H
#define NETVALE_TEST_CRASH_H

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "world.h"

#define ACTORS      12
#define PATIENCE_MS 100000 /* longer than any machine stands still: who has not done it by then never will */

/* What an actor shares with the test. */
struct board {
    uint32_t ready, failed;
    uint32_t stop, pause, arm; /* set by the test */
    uint32_t paused;           /* the answer to pause: the same number */
    uint32_t idle;             /* rounds since then in which nothing came and nothing was left to send */
    uint32_t next_seq;         /* sender: number of its next packet; the heir of a killed one goes on from here */
    uint64_t sent;
    uint64_t got[ACTORS];       /* receiver: packets by sender */
    uint64_t foreign;           /* slots with packets of nobody's */
    uint64_t mark;              /* whatever a test counts */
    struct nv_port_stats stats; /* at the end */
    char error[400];
};

struct actor {
    pid_t pid; /* 0: not running */
    int id;    /* number of its board and of its MAC address */
    struct board *board;
};

static struct board *boards; /* ACTORS of them */

static inline int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline void sleep_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static inline uint32_t peek(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}
static inline void poke(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}
static inline uint64_t peek_long(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* How many times as long as usual: NETVALE_SOAK, 1 without. */
static inline int soak(void)
{
    const char *text = getenv("NETVALE_SOAK");
    int n = text ? atoi(text) : 1;
    return n > 1 ? n : 1;
}

/* In an actor: something is wrong. The test prints the first one. */
static inline void complain(struct board *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void complain(struct board *b, const char *format, ...)
{
    if (b->failed++)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(b->error, sizeof(b->error), format, args);
    va_end(args);
}

#define EXPECT(b, cond, ...)                                                                                           \
    do {                                                                                                               \
        if (!(cond))                                                                                                   \
            complain(b, #cond " " __VA_ARGS__);                                                                        \
    } while (0)

/* Wipe the boards; before the first actor of a test. */
static inline void boards_new(void)
{
    if (!boards)
        boards = mmap(NULL, ACTORS * sizeof(*boards), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(boards, 0, ACTORS * sizeof(*boards));
}

/*
 * Run fn(board, arg) in a process of its own, which ends when it returns, when the test does, and after ten
 * minutes at most. Its board keeps what an earlier actor of this number left in next_seq.
 */
static inline struct actor actor_start(int id, void (*fn)(struct board *b, void *arg), void *arg)
{
    struct actor a = {.id = id, .board = &boards[id]};
    uint32_t next_seq = a.board->next_seq;
    memset(a.board, 0, sizeof(*a.board));
    a.board->next_seq = next_seq;
    fflush(stdout);
    a.pid = fork();
    if (a.pid < 0) {
        perror("fork");
        exit(2);
    }
    if (a.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        alarm(600);
        fn(a.board, arg);
        _exit(a.board->failed != 0);
    }
    return a;
}

/* Wait until the actor is ready; false: it failed, or never will be. */
static inline bool actor_ready(const struct actor *a)
{
    for (int64_t until = now_ms() + PATIENCE_MS;
         !peek(&a->board->ready) && !peek(&a->board->failed) && now_ms() < until;)
        sleep_ms(1);
    CHECK(peek(&a->board->ready) && !a->board->failed, "actor %d: %s", a->id, a->board->error);
    return peek(&a->board->ready) && !a->board->failed;
}

/* Wait until the actor ended (its status), or stopped when `flags` is WUNTRACED. -1: it does neither. */
static inline int actor_wait(struct actor *a, int flags)
{
    int status;
    for (int64_t until = now_ms() + PATIENCE_MS;;) {
        pid_t got = waitpid(a->pid, &status, flags | WNOHANG);
        if (got == a->pid) {
            if (!WIFSTOPPED(status))
                a->pid = 0;
            return status;
        }
        if (got < 0 || now_ms() >= until)
            return -1;
        sleep_ms(1);
    }
}

/* The actor must end by itself, and well. */
static inline void actor_end(struct actor *a)
{
    if (!a->pid)
        return;
    poke(&a->board->stop, 1);
    int status = actor_wait(a, 0);
    CHECK(status == 0, "actor %d ended with %#x: %s", a->id, (unsigned)status, a->board->error);
    if (status == -1) {
        kill(a->pid, SIGKILL);
        actor_wait(a, 0);
    }
}

static inline void actor_kill(struct actor *a)
{
    if (!a->pid)
        return;
    kill(a->pid, SIGKILL);
    CHECK(actor_wait(a, 0) != -1, "actor %d does not die", a->id);
}

/* Milliseconds until *counter rose by `by`; -1: it does not. */
static inline int64_t rises(const uint64_t *counter, uint64_t by)
{
    uint64_t from = peek_long(counter);
    int64_t start = now_ms();
    while (peek_long(counter) - from < by) {
        if (now_ms() - start >= PATIENCE_MS)
            return -1;
        sleep_ms(1);
    }
    return now_ms() - start;
}

/* Nobody sends any more; wait until all that was sent has come. */
static inline void actors_rest(struct actor *a, int n)
{
    bool rest = false;
    int64_t until = now_ms() + PATIENCE_MS;
    for (uint32_t phase = 1; phase <= 2; phase++) { /* first all stop sending, then all see that nothing comes */
        for (int i = 0; i < n; i++)
            poke(&a[i].board->pause, phase);
        for (rest = false; !rest && now_ms() < until;) {
            sleep_ms(2);
            rest = true;
            for (int i = 0; i < n; i++)
                rest &= !a[i].pid || peek(&a[i].board->failed) ||
                        (peek(&a[i].board->paused) == phase && (phase == 1 || peek(&a[i].board->idle) >= 3));
        }
    }
    for (int i = 0; i < n && !rest; i++)
        CHECK(!a[i].pid || peek(&a[i].board->idle) >= 3, "actor %d does not come to rest: %s", a[i].id,
              a[i].board->error);
}

#endif
