/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules_replace_bench.c - "rules-replace": packets arrive at a steady rate and are classified by 10,000 rules in
 * batches, while another thread replaces the program again and again; the baseline is the same while it rests, in turns
 * of the same run, so that what the machine does to both can be told from what replacing does.
 *
 * wait: from the time a batch is due to its verdicts. work: processor time of a batch, without the time others had
 * the processor. blocked: how often the classifying thread gave up the processor to wait for something, such as a
 * lock. Each verdict is compared with what linear evaluation said.
 */
#include <pthread.h>
#include <sys/resource.h>

#include "rules_work.h"

enum { RATE = 1000000, PERIOD_NS = BATCH * 1000, RULES = 10000, TURNS = 4, MILLISECOND = 1000000 };

/* What a case is about. */
enum metric { WAIT_HALF, WAIT_999, WAIT_LONGEST, WAIT_LATE, WORK_LONGEST, BLOCKED };

/* Batches of one half of a run: while the program is replaced, or while it is left alone. */
struct half {
    uint64_t *waits; /* ns */
    size_t count, room;
    uint64_t work; /* longest, ns of processor time */
    long blocked;
};

struct replaced {
    const struct kind *kind;
    enum metric metric;
};

static int wanted, busy, stop; /* atomic: what the replacing thread is to do, and does */
static unsigned replacements;  /* atomic */

static void *replace(void *arg)
{
    struct work *w = arg;
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        __atomic_store_n(&busy, 1, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&wanted, __ATOMIC_SEQ_CST)) {
            must(nv_rules_load(w->rules[0], w->program, w->size, &err));
            __atomic_fetch_add(&replacements, 1, __ATOMIC_RELAXED);
            continue;
        }
        __atomic_store_n(&busy, 0, __ATOMIC_SEQ_CST);
        nanosleep(&(struct timespec){.tv_nsec = MILLISECOND}, NULL);
    }
    return NULL;
}

static uint64_t thread_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static long times_blocked(void)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
}

/* Classify at the rate for ns, spinning between batches. */
static void classify(struct work *w, struct half *half, uint64_t ns)
{
    const long blocked = times_blocked();
    const uint64_t start = bench_ns();
    for (uint64_t due = start + PERIOD_NS; due < start + ns; due += PERIOD_NS) {
        while (bench_ns() < due)
            ;
        w->now += PERIOD_NS;
        uint64_t before = thread_ns();
        if (!batch(w, 0, false))
            bench_fail("verdicts differ from those of linear evaluation");
        uint64_t work = thread_ns() - before;
        half->work = work > half->work ? work : half->work;
        if (half->count < half->room)
            half->waits[half->count++] = bench_ns() - due;
    }
    half->blocked += times_blocked() - blocked;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static double figure(struct half *half, enum metric metric, double *p99)
{
    size_t late = half->count;
    qsort(half->waits, half->count, sizeof(*half->waits), by_size);
    while (late > 0 && half->waits[late - 1] > MILLISECOND)
        late--;
    switch (metric) {
    case WAIT_HALF:
        *p99 = (double)half->waits[half->count * 99 / 100] / 1e3;
        return (double)half->waits[half->count / 2] / 1e3;
    case WAIT_999:
        return (double)half->waits[half->count * 999 / 1000] / 1e3;
    case WAIT_LONGEST:
        return (double)half->waits[half->count - 1] / 1e3;
    case WAIT_LATE:
        return (double)(half->count - late) / (double)half->count * 1e6;
    case WORK_LONGEST:
        return (double)half->work / 1e3;
    default:
        return (double)half->blocked;
    }
}

/* Both halves of a run, in turns: figures[1] of the replaced one, figures[0] of the one left alone. */
static void run_halves(const struct replaced *what, double seconds, double figures[2], double p99[2])
{
    struct work *w = work_of(what->kind);
    struct half halves[2] = {0};
    uint64_t turn = (uint64_t)(seconds * 1e9) / TURNS;
    pthread_t thread;

    wanted = stop = 0;
    busy = 1;
    replacements = 0;
    for (unsigned i = 0; i < 2; i++) {
        halves[i].room = TURNS * (turn / PERIOD_NS + 1);
        halves[i].waits = calloc(halves[i].room, sizeof(uint64_t));
        if (!halves[i].waits)
            bench_fail("no memory for %zu waits", halves[i].room);
    }
    if (pthread_create(&thread, NULL, replace, w) != 0)
        bench_fail("no second thread");
    for (unsigned i = 0; i < 2 * TURNS; i++) {
        __atomic_store_n(&wanted, i % 2, __ATOMIC_SEQ_CST);
        while (i % 2 == 0 && __atomic_load_n(&busy, __ATOMIC_SEQ_CST))
            nanosleep(&(struct timespec){.tv_nsec = MILLISECOND}, NULL);
        classify(w, &halves[i % 2], turn);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    if (replacements == 0 || halves[0].count == 0 || halves[1].count == 0)
        bench_fail("%u replacements and %zu batches in %g seconds: give more --seconds", replacements,
                   halves[0].count + halves[1].count, seconds);
    for (unsigned i = 0; i < 2; i++) {
        figures[i] = figure(&halves[i], what->metric, &p99[i]);
        free(halves[i].waits);
    }
}

/* One half's figure; the run that is made for it serves for the other one too. */
static double half_of(struct bench_run *run, unsigned which)
{
    static double figures[2], p99[2];
    static bool ready[2];
    if (!ready[which]) {
        p99[0] = p99[1] = 0;
        run_halves(run->arg, run->seconds, figures, p99);
        ready[0] = ready[1] = true;
    }
    ready[which] = false;
    run->p99 = p99[which];
    return figures[which];
}

static double replaced(struct bench_run *run)
{
    return half_of(run, 1);
}

static double left_alone(struct bench_run *run)
{
    return half_of(run, 0);
}

int main(int argc, char **argv)
{
    static const struct kind plain = {many_rules, RULES}, keeping = {many_keeping, RULES};
    static const struct {
        const char *name, *unit;
        struct replaced what;
    } list[] = {
        {"wait", "us", {&plain, WAIT_HALF}},
        {"wait, 99.9 %", "us", {&plain, WAIT_999}},
        {"wait, longest", "us", {&plain, WAIT_LONGEST}},
        {"waits over 1 ms", "of a million", {&plain, WAIT_LATE}},
        {"work, longest", "us", {&plain, WORK_LONGEST}},
        {"blocked", "times", {&plain, BLOCKED}},
        {"with states: wait, longest", "us", {&keeping, WAIT_LONGEST}},
        {"with states: work, longest", "us", {&keeping, WORK_LONGEST}},
        {"with states: blocked", "times", {&keeping, BLOCKED}},
    };
    enum { CASES = sizeof(list) / sizeof(list[0]) };
    struct bench_case cases[CASES];
    for (unsigned i = 0; i < CASES; i++)
        cases[i] = (struct bench_case){list[i].name, list[i].unit, replaced,     &list[i].what,
                                       "left alone", left_alone,   &list[i].what};
    return bench_main(argc, argv, "rules-replace", cases, CASES);
}
