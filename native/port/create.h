/* SPDX-License-Identifier: BSD-2-Clause */
/* create.h - making ports: which region, which rings, which switch, which other end. */
#ifndef NETVALE_CREATE_H
#define NETVALE_CREATE_H

#include "port/kind.h"
#include "port/name.h"
#include "port/port.h"

/* What a new port is to look like. */
struct nv_port_plan {
    uint32_t tx_rings, rx_rings, tx_slots, rx_slots;
};

/* A port that is being made: what its kind is told. */
struct nv_create {
    struct nv_port *port;
    int lockfd;
    const struct nv_name *name;
    const struct nv_open_options *options;
    struct nv_port_plan plan;
    struct nv_port_entry *entry; /* NULL before it was entered into the table */
};

/* For kinds that make further ports: find one by its name (NULL), enter one, give one its rings. */
struct nv_port_entry *nv_port_find(struct nv_table *t, const char *name);
struct nv_port_entry *nv_port_enter(struct nv_table *t, const char *name, const struct nv_kind *kind,
                                    const struct nv_port_plan *plan, uint32_t caps);
int nv_port_make(const struct nv_create *c, struct nv_port_entry *e, const struct nv_port_plan *plan,
                 uint32_t extra_bufs, struct nv_error *err);

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
