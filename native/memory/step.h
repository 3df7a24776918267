/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * step.h - named places where a test build kills or stops itself.
 *
 * NETVALE_STEP=name:signal:count sends `signal` (a number) to the process the count-th time it passes
 * `name`; nv_step_arm sets the same in a running process. A normal build has nothing there.
 */
#ifndef NETVALE_STEP_H
#define NETVALE_STEP_H

#ifdef NETVALE_STEPS
void nv_step(const char *name);
void nv_step_arm(const char *name, int signo, int count); /* count from now on; 0: off */
#define NV_STEP(name) nv_step(name)
#else
#define NV_STEP(name) ((void)0)
#endif

#endif
