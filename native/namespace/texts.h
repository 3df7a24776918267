/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * texts.h - what a command is told of the other end of its link: files of its own, and words of its environment.
 *
 * They are put together by the caller, who may allocate, before the first process is cloned, which may not.
 */
#ifndef NETVALE_TEXTS_H
#define NETVALE_TEXTS_H

#include "namespace/command.h"

struct nv_texts {
    char *resolv_conf; /* NULL: leave the machine's */
    char *hosts;
    char **envp; /* the first words are ours */
};

/* Make them for a plan; 0 or -ENOMEM. nv_texts_free frees what is there in any case. */
int nv_texts_make(const struct nv_command_plan *plan, const struct nv_subnet *subnet, struct nv_texts *out);
void nv_texts_free(struct nv_texts *texts);

#endif
