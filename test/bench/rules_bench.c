/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules_bench.c - "rules": packets through rule programs (rules_work.h), in one thread; the baseline is plain linear
 * evaluation of the same program by the same code. Each verdict is compared with what linear evaluation said.
 */
#include "rules_work.h"

static double measure(struct bench_run *run, struct work *w, unsigned linear)
{
    uint64_t packets = 0, start, now;
    for (uint32_t i = 0; i < w->flows && i < 1u << 20 && !linear; i += BATCH)
        batch(w, linear, false); /* warm */
    w->next = 0;
    start = now = bench_ns();
    const uint64_t limit = start + (uint64_t)(run->seconds * 1e9);
    while (now < limit) {
        for (unsigned i = 0; i < (linear ? 1 : 16); i++) {
            uint32_t before = w->next;
            if (!batch(w, linear, false))
                bench_fail("verdicts differ from those of linear evaluation");
            packets += w->next ? w->next - before : w->flows - before;
        }
        now = bench_ns();
        w->now += 1000000; /* states stay young */
    }
    return (double)packets * 1e3 / (double)(now - start);
}

/* ---- cases ------------------------------------------------------------------------------------- */

static double by_index(struct bench_run *run)
{
    return measure(run, work_of(run->arg), 0);
}

static double linear(struct bench_run *run)
{
    return measure(run, work_of(run->arg), 1);
}

int main(int argc, char **argv)
{
    static const struct kind kinds[] = {{few_rules, 1},      {few_rules, 10},  {many_rules, 100},    {many_rules, 1000},
                                        {many_rules, 10000}, {table, 500},     {table, 100000},      {states, 1},
                                        {states, 1000},      {states, 100000}, {states, STATE_FLOWS}};
    static const char *const names[] = {"1 rule",      "10 rules",      "100 rules",       "1000 rules",
                                        "10000 rules", "table of 500",  "table of 100000", "1 state",
                                        "1000 states", "100000 states", "1000000 states"};
    enum { CASES = sizeof(kinds) / sizeof(kinds[0]) };
    struct bench_case cases[CASES];
    for (unsigned i = 0; i < CASES; i++)
        cases[i] = (struct bench_case){names[i], "Mpps", by_index, &kinds[i], "linear", linear, &kinds[i]};
    return bench_main(argc, argv, "rules", cases, CASES);
}
