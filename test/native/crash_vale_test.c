/* SPDX-License-Identifier: BSD-2-Clause */
/* crash_vale_test.c - senders and receivers of a switch die or stand still at each step of the data path. */
#include "crash_stage.h"

static const struct {
    const char *step;
    int victim, count;
} steps[] = {
    {"claimed", 2, 40},   {"leased", 2, 40}, {"copy", 2, 1000}, {"publish", 2, 40},
    {"published", 2, 40}, {"wake", 2, 3},    {"armed", 0, 5},
};

static void each_step(const char *suffix, int signo)
{
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct stage s;
        int failed = check_failed;
        int64_t start = now_ms();
        stage_vale(&s, suffix);
        act(&s, steps[i].victim, steps[i].step, signo, steps[i].count);
        printf("# %s %s: others waited %ld ms, all took %ld ms%s\n", steps[i].step, signo == SIGKILL ? "kill" : "stop",
               (long)s.longest, (long)(now_ms() - start), check_failed > failed ? " FAILED" : "");
    }
}

static void in_peace(void)
{
    struct stage s;
    stage_vale(&s, "");
    act_in_peace(&s);
    stage_vale(&s, "@7");
    act_in_peace(&s);
}

static void killed(void)
{
    each_step("", SIGKILL);
}

static void stopped(void)
{
    each_step("", SIGSTOP);
}

static void killed_shared(void)
{
    each_step("@7", SIGKILL);
}

static void stopped_shared(void)
{
    each_step("@7", SIGSTOP);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"vale, nobody harmed", in_peace},
        {"vale, killed at each step", killed},
        {"vale, stopped at each step", stopped},
        {"vale in one region, killed at each step", killed_shared},
        {"vale in one region, stopped at each step", stopped_shared},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
