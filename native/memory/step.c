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
static long signo, count = -1;

void nv_step_arm(const char *name, int with, int from_now)
{
    snprintf(want, sizeof(want), "%s", name);
    signo = with;
    count = from_now;
}

void nv_step(const char *name)
{
    if (count == -1) {
        const char *spec = getenv("NETVALE_STEP"), *colon = spec ? strchr(spec, ':') : NULL;
        char *end;
        count = 0;
        if (colon && colon - spec < (long)sizeof(want)) {
            memcpy(want, spec, (size_t)(colon - spec));
            signo = strtol(colon + 1, &end, 10);
            count = *end == ':' ? strtol(end + 1, NULL, 10) : 0;
        }
    }
    if (count > 0 && !strcmp(name, want) && --count == 0)
        kill(getpid(), (int)signo);
}
#else
typedef int nv_step_unused; /* ISO C wants a declaration in every file */
#endif
