/* SPDX-License-Identifier: BSD-2-Clause */
/* crash_shared_test.c - senders and receivers of a switch in one region die or stand still at each step of the data
 * path. */
#include "crash_stage.h"

static void in_peace(void)
{
    struct stage s;
    stage_shared(&s);
    act_in_peace(&s);
}

static void killed(void)
{
    each_step(stage_shared, SIGKILL);
}

static void stopped(void)
{
    each_step(stage_shared, SIGSTOP);
}

static void stale(void)
{
    struct stage s;
    stage_shared(&s);
    stale_again_and_again(&s, "copy", 10 * soak());
    stage_shared(&s);
    stale_again_and_again(&s, "leased", 10 * soak());
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"vale in one region, nobody harmed", in_peace},
        {"vale in one region, killed at each step", killed},
        {"vale in one region, stopped at each step", stopped},
        {"vale in one region, stopped again and again", stale},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
