/* SPDX-License-Identifier: BSD-2-Clause */
/* crash_vale_test.c - senders and receivers of a switch die or stand still at each step of the data path. */
#include "crash_stage.h"

static void in_peace(void)
{
    struct stage s;
    stage_vale(&s);
    act_in_peace(&s);
}

static void killed(void)
{
    each_step(stage_vale, SIGKILL);
}

static void stopped(void)
{
    each_step(stage_vale, SIGSTOP);
}

static void stale(void)
{
    struct stage s;
    stage_vale(&s);
    stale_again_and_again(&s, "copy", 10 * soak());
    stage_vale(&s);
    stale_again_and_again(&s, "leased", 10 * soak());
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"vale, nobody harmed", in_peace},
        {"vale, killed at each step", killed},
        {"vale, stopped at each step", stopped},
        {"vale, stopped again and again", stale},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
