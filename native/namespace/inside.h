/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inside.h - the first process of a command's namespaces.
 *
 * It was cloned from a process that may have threads, so it uses the stack and system calls alone: a lock of the C
 * library that another thread held then is held for ever here.
 */
#ifndef NETVALE_INSIDE_H
#define NETVALE_INSIDE_H

#include <signal.h>

#include "namespace/command.h"
#include "namespace/texts.h"

/* What the first process tells when it is ready (with the descriptor of its tap) or gives up. */
struct nv_inside_report {
    bool resolves; /* the command's resolv.conf is the link's */
    bool named;    /* its hosts have the other end's names */
    struct nv_error error;
};

struct nv_inside {
    const struct nv_command_plan *plan;
    const struct nv_texts *texts;
    const struct nv_subnet *subnet;
    int control;
    sigset_t mask; /* for the command */
};

/* Set everything up, report, run the command. Never returns. All signals are blocked. */
void nv_inside_main(const struct nv_inside *caller) __attribute__((noreturn));

/* Wait until the ends of all TCP connections of this namespace have reached their other side, at most most_ms. */
void nv_inside_linger(unsigned most_ms);

#endif
