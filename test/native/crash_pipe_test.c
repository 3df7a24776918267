/* SPDX-License-Identifier: BSD-2-Clause */
/* crash_pipe_test.c - senders and receivers of pipes die or stand still at each step of the data path. */
#include "crash_stage.h"

static void in_peace(void)
{
    struct stage s;
    stage_pipes(&s);
    act_in_peace(&s);
}

static void killed(void)
{
    each_step(stage_pipes, SIGKILL);
}

static void stopped(void)
{
    each_step(stage_pipes, SIGSTOP);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"pipe, nobody harmed", in_peace},
        {"pipe, killed at each step", killed},
        {"pipe, stopped at each step", stopped},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
