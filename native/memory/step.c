/* SPDX-License-Identifier: BSD-2-Clause */
/* step.c - the named steps of the test build; empty in a normal one. */
#include "memory/step.h"

#ifdef NETVALE_STEPS
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char want[32];
static int signo, count = -1;

void nv_step_arm(const char *name, int with, int from_now)
{
    snprintf(want, sizeof(want), "%s", name);
    signo = with;
    count = from_now;
}

void nv_step(const char *name)
{
    if (count == -1) {
        const char *spec = getenv("NETVALE_STEP");
        if (!spec || sscanf(spec, "%31[^:]:%d:%d", want, &signo, &count) != 3)
            count = 0;
    }
    if (count > 0 && !strcmp(name, want) && --count == 0)
        kill(getpid(), signo);
}
#else
typedef int nv_step_unused; /* ISO C wants a declaration in every file */
#endif
