/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tsan_vale_test.c - switches and pipes with threads at every end, over one mapping in one process.
 *
 * Made for the thread sanitizer (-DNETVALE_SANITIZE=thread, run under setarch -R); without it a quick stress test.
 */
#include "vale_threads.h"

#ifdef __SANITIZE_THREAD__
#define PACKETS 5000u /* a sender */
#else
#define PACKETS 60000u
#endif

static void senders(void)
{
    many_to_one("", PACKETS);
}
static void senders_in_one_region(void)
{
    many_to_one("@9", PACKETS);
}
static void everybody(void)
{
    all_to_all("", PACKETS);
}
static void everybody_in_one_region(void)
{
    all_to_all("@9", PACKETS);
}
static void rings(void)
{
    thread_per_ring(PACKETS);
}
static void switch_ping_pong(void)
{
    ping_pong("vale0:a", "vale0:b", 1000);
}
static void pipe_ping_pong(void)
{
    ping_pong("p{1", "p}1", 1000);
}
static void pipes(void)
{
    pipe_both_ways(1024, PACKETS);
}
static void small_pipes(void)
{
    pipe_both_ways(5, PACKETS / 10);
}
static void coming_and_going(void)
{
    visitors(PACKETS);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"threads: four senders, one receiver", senders},
        {"threads: four senders, one receiver, one region", senders_in_one_region},
        {"threads: all to all", everybody},
        {"threads: all to all, one region", everybody_in_one_region},
        {"threads: one for each ring", rings},
        {"threads: ping-pong over a switch", switch_ping_pong},
        {"threads: ping-pong over a pipe", pipe_ping_pong},
        {"threads: a pipe both ways", pipes},
        {"threads: a small pipe both ways", small_pipes},
        {"threads: ports come and go", coming_and_going},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
