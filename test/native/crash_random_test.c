/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crash_random_test.c - some sixty deaths and as many stops at random moments, of anybody, among switch ports and
 * pipes. NETVALE_SOAK=N: N times as many; NETVALE_SEED=N: other moments, the same for the same N as far as processes
 * let us.
 */
#include "crash_stage.h"

#define EVENTS 42 /* for each kind of stage */
#define ACT    9  /* events until all is counted */

static uint64_t seed;

static void sleep_us(uint32_t us)
{
    struct timespec t = {us / 1000000, us % 1000000 * 1000L};
    nanosleep(&t, NULL);
}

/* Somebody is stopped for a while, mostly longer than a lease lasts. */
static void somebody_stops(struct stage *s, int victim)
{
    kill(s->actor[victim].pid, SIGSTOP);
    sleep_us(random_below(&seed, 120000));
    if (random_below(&seed, 3) == 0)
        others_go_on(s, victim);
    kill(s->actor[victim].pid, SIGCONT);
}

static void somebody_dies(struct stage *s, int victim)
{
    if (random_below(&seed, 2))
        kill(s->actor[victim].pid, SIGSTOP); /* while it is stopped */
    sleep_us(random_below(&seed, 3) ? 0 : random_below(&seed, 60000));
    actor_kill(&s->actor[victim]);
    if (random_below(&seed, 3) == 0)
        others_go_on(s, victim);
    replace(s, victim);
}

static void random_stage(void (*set)(struct stage *s))
{
    for (int left = EVENTS * soak(); left > 0 && !check_failed; left -= ACT) {
        struct stage s;
        bool killed = false;
        set(&s);
        for (int i = 0; i < 4; i++)
            s.part[i].wait = random_below(&seed, 2) ? NV_WAIT_SLEEP : NV_WAIT_ADAPTIVE;
        bool fine = stage_start(&s);
        for (int i = 0; fine && i < ACT && i < left && !check_failed; i++) {
            int victim = (int)random_below(&seed, 4);
            sleep_us(random_below(&seed, 20000));
            bool dies = random_below(&seed, 2);
            killed |= dies;
            dies ? somebody_dies(&s, victim) : somebody_stops(&s, victim);
        }
        for (int i = 0; i < 4 && !check_failed; i++)
            takes_part(&s, i);
        stage_end(&s, !killed);
    }
}

static void vale(void)
{
    random_stage(stage_vale);
}

static void shared(void)
{
    random_stage(stage_shared);
}

static void pipes(void)
{
    random_stage(stage_pipes);
}

int main(int argc, char **argv)
{
    const char *given = getenv("NETVALE_SEED");
    seed = given ? strtoull(given, NULL, 10) : soak() > 1 ? (uint64_t)now_ms() : 1;
    printf("# NETVALE_SEED=%llu\n", (unsigned long long)seed);
    static const struct check_test tests[] = {
        {"vale, killed and stopped at random", vale},
        {"vale in one region, killed and stopped at random", shared},
        {"pipes, killed and stopped at random", pipes},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
