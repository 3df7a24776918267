/* SPDX-License-Identifier: BSD-2-Clause */
/* create.h - making ports: which region, which rings, which switch, which other end. */
#ifndef NETVALE_CREATE_H
#define NETVALE_CREATE_H

#include "port/name.h"
#include "port/port.h"

/* Can this build open what the name asks for? 0, or -EOPNOTSUPP / -EINVAL with err. */
int nv_port_supported(const char *text, const struct nv_name *name, struct nv_error *err);

/*
 * Set p->entry, p->token and p->region: the port of that name, made now if it does not exist. Directory
 * locked, p's descriptor entered. 0 or -errno with err; what was half made is swept by nv_reclaim.
 */
int nv_port_find_or_create(struct nv_port *p, int lockfd, const struct nv_name *name, const struct nv_open_options *opt,
                           struct nv_error *err);

/* Let those who wait for this port look again: a pipe's other end. */
void nv_port_announce(struct nv_port *p);

/* Give back the extra buffers that stand in the list of p's interface. Directory locked. */
void nv_port_give_extra(struct nv_port *p);

/*
 * The descriptor of p was closed, maybe the last of its port. Buffers that the application moved from p's rings
 * to other ports of this process in the same region must outlive it: hand them over. Directory locked.
 */
void nv_port_departs(struct nv_port *p);

#endif
