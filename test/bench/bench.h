/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench.h - what every benchmark in C needs: a clock, pinning, shared memory, and a main that runs each case
 * and its baseline in turns and prints one JSON record per run.
 */
#ifndef NETVALE_BENCH_H
#define NETVALE_BENCH_H

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* Print "NAME: what" and leave with status 1: a benchmark that cannot run has no figure. */
__attribute__((noreturn, format(printf, 1, 2))) static inline void bench_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(EXIT_FAILURE);
}

/* Monotonic time in nanoseconds. */
static inline uint64_t bench_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Zeroed memory shared with children made by fork, on pages of the kind that files in shared memory have. */
static inline void *bench_shared(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED)
        bench_fail("cannot map %zu bytes of shared memory: %s", bytes, strerror(errno));
    return memory;
}

/* Run the calling thread on the n-th processor (from 0, modulo their number) of those in `allowed`. */
static inline void bench_pin(const cpu_set_t *allowed, int n)
{
    n %= CPU_COUNT(allowed);
    unsigned cpu = 0;
    while (!CPU_ISSET(cpu, allowed) || n-- > 0)
        cpu++;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof(one), &one) != 0)
        bench_fail("cannot run on processor %u: %s", cpu, strerror(errno));
}

/* What a run is told, and what it may say beside its figure. */
struct bench_run {
    double seconds; /* how long to measure */
    const void *arg;
    double p99; /* 99th percentile in the case's unit, when the figure is a median of times; else 0 */
};

/* A measured loop: returns the figure in the case's unit. */
typedef double bench_fn(struct bench_run *run);

/* One line of the table: a loop, and the baseline it is compared with (NULL: it is a baseline itself). */
struct bench_case {
    const char *name, *unit;
    bench_fn *run;
    const void *arg;
    const char *baseline_name;
    bench_fn *baseline;
    const void *baseline_arg;
};

/* One record: the loop and its baseline, the one that goes first changing from turn to turn. */
static inline void bench_record(const char *bench, const struct bench_case *c, double seconds, unsigned turn)
{
    struct bench_run run = {.seconds = seconds, .arg = c->arg}, baseline = {.seconds = seconds, .arg = c->baseline_arg};
    double value, baseline_value = 0;
    if (c->baseline && turn % 2)
        baseline_value = c->baseline(&baseline);
    value = c->run(&run);
    if (c->baseline && turn % 2 == 0)
        baseline_value = c->baseline(&baseline);
    printf("{\"bench\":\"%s\",\"case\":\"%s\",\"unit\":\"%s\",\"value\":%.4g", bench, c->name, c->unit, value);
    if (run.p99 > 0)
        printf(",\"p99\":%.4g", run.p99);
    if (c->baseline)
        printf(",\"baseline\":%.4g,\"baseline_name\":\"%s\"", baseline_value, c->baseline_name);
    if (baseline.p99 > 0)
        printf(",\"baseline_p99\":%.4g", baseline.p99);
    puts("}");
    fflush(stdout);
}

/*
 * Run the cases: PROGRAM [--runs N] [--seconds S] [--case NAME]. One JSON record per run on standard output:
 * {"bench","case","unit","value"}, where there is a baseline "baseline" (same unit, same run) and "baseline_name", and
 * for times "p99" and "baseline_p99".
 */
static inline int bench_main(int argc, char **argv, const char *bench, const struct bench_case *cases, size_t count)
{
    unsigned long runs = 5;
    double seconds = 0.2;
    const char *only = NULL;
    for (int i = 1; i < argc; i += 2) {
        char *end = argc > i + 1 ? argv[i + 1] : NULL;
        if (!end)
            bench_fail("%s needs a value (usage: [--runs N] [--seconds S] [--case NAME])", argv[i]);
        if (strcmp(argv[i], "--runs") == 0)
            runs = strtoul(end, &end, 10);
        else if (strcmp(argv[i], "--seconds") == 0)
            seconds = strtod(end, &end);
        else if (strcmp(argv[i], "--case") == 0)
            only = end, end += strlen(end);
        else
            bench_fail("unknown option %s (known: --runs, --seconds, --case)", argv[i]);
        if (*end || runs < 1 || runs > 1000 || !(seconds > 0 && seconds <= 60))
            bench_fail("%s %s: runs are 1 to 1000, seconds above 0 and up to 60", argv[i], argv[i + 1]);
    }
    /* Ctrl-C waits for the end of a run, so that a program leaves as it always does and takes its files along. */
    sigset_t signals, pending;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    bool matched = false;
    for (size_t i = 0; i < count; i++) {
        if (only && strcmp(only, cases[i].name) != 0)
            continue;
        matched = true;
        cases[i].run(&(struct bench_run){.seconds = seconds / 4, .arg = cases[i].arg}); /* warm up */
        for (unsigned run = 0; run < runs; run++) {
            bench_record(bench, &cases[i], seconds, run);
            sigpending(&pending);
            if (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM))
                exit(128 + (sigismember(&pending, SIGINT) ? SIGINT : SIGTERM));
        }
    }
    if (only && !matched)
        bench_fail("no case named %s", only);
    return EXIT_SUCCESS;
}

#endif
