/* SPDX-License-Identifier: BSD-2-Clause */
/* pipe_ends.h - how the two ends of a pipe find each other, come and go: what the kind of pipes is made of. */
#ifndef NETVALE_PORTS_PIPE_ENDS_H
#define NETVALE_PORTS_PIPE_ENDS_H

#include "port/create.h"

/* An end is made like the other end that is there already, unless it was told otherwise. */
void nv_pipe_plan(struct nv_create *c);

/* Join this end with the other, which is made too if it is not there. */
int nv_pipe_join(struct nv_create *c, struct nv_error *err);

/* This end is gone: the other one has none. */
void nv_pipe_part(struct nv_world *w, int lockfd, struct nv_port_entry *e);

/* An end that nobody opened yet lives with the other end. */
bool nv_pipe_waits(const struct nv_table *t, const struct nv_port_entry *e, const uint16_t *users);

/* This end was opened: the other may be waiting for that. */
void nv_pipe_announce(struct nv_port *p);

#endif
