/* SPDX-License-Identifier: BSD-2-Clause */
/* check.h - the whole C test harness: CHECK, TEST, and a main that prints one line a test ("ok name"). */
#ifndef NETVALE_TEST_CHECK_H
#define NETVALE_TEST_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_failed; /* failures in the running test */

#define CHECK(cond, ...)                                                                                               \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            check_failed++;                                                                                            \
            printf("# %s:%d: %s", __FILE__, __LINE__, #cond);                                                          \
            printf(" " __VA_ARGS__);                                                                                   \
            printf("\n");                                                                                              \
        }                                                                                                              \
    } while (0)

struct check_test {
    const char *name;
    void (*run)(void);
};

/* Run the tests (those whose name contains argv[1], if given). Prints "ok NAME" or "not ok NAME" for each. */
static int check_main(int argc, char **argv, const struct check_test *tests, size_t count)
{
    int failed = 0;
    for (size_t i = 0; i < count; i++) {
        if (argc > 1 && !strstr(tests[i].name, argv[1]))
            continue;
        check_failed = 0;
        tests[i].run();
        printf("%s %s\n", check_failed ? "not ok" : "ok", tests[i].name);
        fflush(stdout);
        failed += check_failed != 0;
    }
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
